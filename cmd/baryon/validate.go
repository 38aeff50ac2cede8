package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"baryon/reconciler/declare"
	"baryon/renderer"
	v1 "baryon/server/v1"
)

func validateCommand() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check templates and documents, without a daemon",
		Long: `Checks what registration and deployment would check: templates with their
manifests and schemas, the headers of documents, ops files, and the specs of
documents against the templates that lie in the same folder or Git repository.

A folder is read as a repository would be, so give the one that the daemon's
configuration names, or a part of it. Problems are printed as file:line:column
lines; the exit code is 1 when there is one that is not a warning.`,
		Example: "  baryon validate .\n  baryon validate templates/web-env/v1 environments/prod.yaml\n  baryon validate . -o json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name what to check; baryon validate . checks this folder")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var all checked
			all.Problems = renderer.Problems{}
			for _, path := range args {
				found, err := validate(cmd.Context(), path)
				if err != nil {
					return err
				}
				all.add(found)
			}
			err := out.print(cmd.OutOrStdout(), all.Problems, func() { all.print(cmd.OutOrStdout()) })
			if err == nil && all.Problems.Failed() {
				return exitError(1)
			}
			return err
		},
	}
	out.flag(cmd)
	return cmd
}

// checked is what validate has looked at and found.
type checked struct {
	Problems             renderer.Problems
	templates, documents int
}

func (c *checked) add(more checked) {
	c.Problems = append(c.Problems, more.Problems...)
	c.templates += more.templates
	c.documents += more.documents
}

func (c *checked) print(w io.Writer) {
	for _, p := range c.Problems {
		fmt.Fprintln(w, v1.Plain([]byte(p.String())))
	}
	if !c.Problems.Failed() && c.templates+c.documents > 0 {
		fmt.Fprintf(w, "no problems in %d template(s) and %d file(s) with documents\n", c.templates, c.documents)
	}
}

// folder is a tree on disk. Hashes are of content, as nothing here is kept.
type folder struct{ fs.FS }

func (f folder) Hash(path string) (string, error) {
	data, err := fs.ReadFile(f.FS, path)
	if err != nil {
		return path, nil //nolint:nilerr // a folder is told from others by its path
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// validate checks one path: a template or a file in one, a folder as if it was a
// repository, or a file of the repository that it lies in.
func validate(ctx context.Context, name string) (checked, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return checked{}, fmt.Errorf("%s does not exist", name)
	}
	if err != nil {
		return checked{}, err
	}
	full, err := filepath.Abs(name)
	if err != nil {
		return checked{}, err
	}
	if dir := bundleAround(full); dir != "" {
		return validateBundle(dir, name, full)
	}
	root := full
	switch {
	case !info.IsDir():
		root = orDefault(treeAround(filepath.Dir(full)), filepath.Dir(full))
	case holdsMajors(full):
		root = filepath.Dir(full) // the folder's name is that of the template
	}
	s := &survey{root: root, outer: orDefault(treeAround(root), root)}
	found, err := s.read(ctx, below(root, full), info.IsDir())
	if err != nil {
		return checked{}, err
	}
	found.rename(name, below(root, full))
	if found.templates+found.documents == 0 && !found.Problems.Failed() {
		found.Problems = append(found.Problems, renderer.Problem{
			File: filepath.ToSlash(name), Rule: "nothing here is for Baryon", Warning: true,
			Want: "a folder TEMPLATE/v1 with schema/, or YAML with a top-level key baryon",
		})
	}
	return found, nil
}

// below is where in root a path is.
func below(root, full string) string {
	rest, err := filepath.Rel(root, full)
	if err != nil {
		return "."
	}
	return filepath.ToSlash(rest)
}

// rename names files as the path was named on the command line, and keeps those
// that are at or below it.
func (c *checked) rename(name, at string) {
	var kept renderer.Problems
	for _, p := range c.Problems {
		rest, inside := p.File, true
		if at != "." {
			rest, inside = strings.CutPrefix(p.File+"/", at+"/")
			rest = strings.TrimSuffix(rest, "/")
		}
		if inside {
			p.File = filepath.ToSlash(filepath.Join(name, rest))
			kept = append(kept, p)
		}
	}
	kept.Sort()
	c.Problems = kept
}

// validateBundle checks the template that a path is or lies in.
func validateBundle(dir, name, full string) (checked, error) {
	found := checked{templates: 1}
	bundle, err := renderer.Open(os.DirFS(dir), "", renderer.Options{})
	var is bool
	switch found.Problems, is = errors.AsType[renderer.Problems](err); {
	case is:
	case err != nil:
		return found, err
	default:
		found.Problems = bundle.Warnings
	}
	found.rename(name, below(dir, full))
	return found, nil
}

// majorRule is the name of a folder that holds one major of a template.
var majorRule = regexp.MustCompile(`^v[1-9][0-9]*$`)

// isBundle reports whether a folder holds a template: the parts of one, if not
// all that are needed.
func isBundle(dir string) bool {
	for _, part := range []string{"schema/schema.yaml", "infrastructure/manifest.yaml", "instance_infrastructure/manifest.yaml", "pipeline_infrastructure/manifest.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(part))); err == nil {
			return true
		}
	}
	return false
}

// bundleAround is the template folder that a path is or lies in; "" when there is
// none up to the root of the repository.
func bundleAround(full string) string {
	stop := repositoryAround(full)
	for at := full; ; at = filepath.Dir(at) {
		if isBundle(at) {
			return at
		}
		if at == stop || at == filepath.Dir(at) {
			return ""
		}
	}
}

// repositoryAround is the root of the Git repository that a path lies in, or "".
func repositoryAround(full string) string {
	for at := full; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// treeAround is the root of the Git repository that a folder lies in. Outside of
// one it is the nearest folder above that holds templates, or "".
func treeAround(full string) string {
	if dir := repositoryAround(full); dir != "" {
		return dir
	}
	for at := full; at != filepath.Dir(at); at = filepath.Dir(at) {
		for _, pattern := range []string{"*/v*", "*/*/v*"} {
			found, err := filepath.Glob(filepath.Join(at, pattern))
			if err == nil && slices.ContainsFunc(found, func(dir string) bool { return majorRule.MatchString(filepath.Base(dir)) && isBundle(dir) }) {
				return at
			}
		}
	}
	return ""
}

func holdsMajors(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.IsDir() && majorRule.MatchString(e.Name()) && isBundle(filepath.Join(dir, e.Name()))
	})
}

// A survey reads a folder as a repository, with the templates of the repository
// around it.
type survey struct {
	root, outer string
	bundles     map[string]*renderer.Bundle // by kind, template and major; nil for one that cannot be used
	documents   []declare.Document          // of both
}

// read checks what lies at or below a path of the root: all of a folder, or of
// one file what its own content says. Whether other files claim the same names
// is a question to the folder.
func (s *survey) read(ctx context.Context, at string, whole bool) (checked, error) {
	tree := folder{os.DirFS(s.root)}
	decl, err := declare.Read(ctx, tree, nil, declare.Options{})
	if err != nil {
		return checked{}, err
	}
	var found checked
	if whole {
		found.Problems = decl.Problems
	}
	s.bundles, s.documents = map[string]*renderer.Bundle{}, decl.Documents
	for _, b := range decl.Bundles {
		problems, err := s.open(tree, b)
		if err != nil {
			return checked{}, err
		}
		found.Problems = append(found.Problems, problems...)
		if inside(b.Dir, at) {
			found.templates++
		}
	}
	if err := s.borrow(ctx); err != nil {
		return checked{}, err
	}
	for _, f := range decl.Files {
		if !inside(f.Path, at) || f.Verdict == declare.VerdictIgnored {
			continue
		}
		found.documents++
		if !whole {
			found.Problems = append(found.Problems, f.Problems...)
		}
		for _, doc := range f.Documents {
			found.Problems = append(found.Problems, s.check(doc)...)
		}
	}
	return found, nil
}

func inside(file, at string) bool { return at == "." || file == at || strings.HasPrefix(file, at+"/") }

// bundleKey tells templates apart.
func bundleKey(kind, template string, major int64) string {
	return fmt.Sprintf("%s/%s:%d", kind, template, major)
}

// open opens a template; what is wrong with it is no error.
func (s *survey) open(tree fs.FS, b declare.Bundle) (renderer.Problems, error) {
	sub, err := fs.Sub(tree, b.Dir)
	if err != nil {
		return nil, err
	}
	bundle, err := renderer.Open(sub, b.Dir, renderer.Options{})
	problems, is := errors.AsType[renderer.Problems](err)
	if err != nil && !is {
		return nil, err
	}
	if bundle != nil {
		problems = bundle.Warnings
	}
	s.bundles[bundleKey(string(b.Kind), b.Template, b.Major)] = bundle
	return problems, nil
}

// borrow takes the templates of the repository around the folder that the folder
// itself does not have. What is wrong with those is not asked here.
func (s *survey) borrow(ctx context.Context) error {
	if s.outer == s.root {
		return nil
	}
	tree := folder{os.DirFS(s.outer)}
	decl, err := declare.Read(ctx, tree, nil, declare.Options{})
	if err != nil {
		return err
	}
	for _, d := range decl.Documents {
		if !slices.ContainsFunc(s.documents, func(known declare.Document) bool { return known.Ref == d.Ref }) {
			s.documents = append(s.documents, d)
		}
	}
	// The nearest first: a repository may hold several that differ.
	near := below(s.outer, s.root)
	slices.SortStableFunc(decl.Bundles, func(a, b declare.Bundle) int { return shared(b.Dir, near) - shared(a.Dir, near) })
	for _, b := range decl.Bundles {
		if _, known := s.bundles[bundleKey(string(b.Kind), b.Template, b.Major)]; known {
			continue
		}
		if _, err := s.open(tree, b); err != nil {
			return err
		}
	}
	return nil
}

// shared counts the folders that two paths have in common.
func shared(a, b string) int {
	n := 0
	for x, y := strings.Split(path.Clean(a), "/"), strings.Split(path.Clean(b), "/"); n < len(x) && n < len(y) && x[n] == y[n]; n++ {
	}
	return n
}
