package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"baryon/renderer"
	v1 "baryon/server/v1"
)

func validateCommand() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check templates, documents and the configuration, without a daemon",
		Long: `Checks what registration and deployment would check: templates with their
manifests and schemas, the headers of documents, ops files, and the specs of
documents against the templates that lie in the same folder or Git repository.

Beyond that, every name a template reads must exist and every input be read by
something; templates are rendered with samples and documents with their specs, and
what comes out must be CloudFormation whose references lead somewhere; Terraform
code must parse and know its variables.

A folder is read as a repository would be, so give the one that the daemon's
configuration names, or a part of it. A baryon.yaml in it, or named, is checked as
the daemon's configuration. Problems are printed as file:line:column
lines; the exit code is 1 when there is one that is not a warning. As -o sarif they
are a SARIF 2.1.0 log, which code hosts show at the lines of a change.`,
		Example: "  baryon validate .\n  baryon validate templates/web-env/v1 environments/prod.yaml\n  baryon validate . -o json\n  baryon validate . -o sarif > baryon.sarif",
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
			if out.name == "sarif" {
				return all.result(writeSARIF(cmd.OutOrStdout(), all.Problems))
			}
			return all.result(out.print(cmd.OutOrStdout(), all.Problems, func() { all.print(cmd.OutOrStdout()) }))
		},
	}
	cmd.Flags().StringVarP(&out.name, "output", "o", "", "json for programs, sarif for code hosts")
	return cmd
}

// checked is what validate has looked at and found.
type checked struct {
	Problems             renderer.Problems
	templates, documents int
	configs              int
}

func (c *checked) add(more checked) {
	c.Problems = append(c.Problems, more.Problems...)
	c.templates += more.templates
	c.documents += more.documents
	c.configs += more.configs
}

// result is how the command ends once everything is printed.
func (c *checked) result(err error) error {
	if err == nil && c.Problems.Failed() {
		return exitError(1)
	}
	return err
}

func (c *checked) print(w io.Writer) {
	for _, p := range c.Problems {
		fmt.Fprintln(w, v1.Plain([]byte(p.String())))
	}
	if !c.Problems.Failed() && c.templates+c.documents > 0 {
		fmt.Fprintf(w, "no problems in %d template(s) and %d file(s) with documents\n", c.templates, c.documents)
	}
	if !c.Problems.Failed() && c.configs > 0 {
		fmt.Fprintln(w, "no problems in the configuration")
	}
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
	if config, is := configAt(name, info); is {
		found, err := validateConfig(config)
		if err != nil || !info.IsDir() {
			return found, err
		}
		more, err := validateTree(ctx, name, full, info)
		if len(more.Problems) == 1 && more.Problems[0].Rule == nothingHere {
			more.Problems = nil
		}
		found.add(more)
		return found, err
	}
	return validateTree(ctx, name, full, info)
}

// nothingHere is what is said of a path that declares nothing.
const nothingHere = "nothing here is for Baryon"

// configAt is the configuration that a path names or holds.
func configAt(name string, info fs.FileInfo) (string, bool) {
	if !info.IsDir() {
		return name, filepath.Base(name) == defaultFile
	}
	file := filepath.Join(name, defaultFile)
	at, err := os.Stat(file)
	return file, err == nil && at.Mode().IsRegular()
}

// validateConfig checks a configuration as the daemon would read it.
func validateConfig(file string) (checked, error) {
	_, err := loadConfig(file, nil)
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		return checked{Problems: problems, configs: 1}, nil
	}
	return checked{configs: 1}, err
}

// validateTree checks templates and documents.
func validateTree(ctx context.Context, name, full string, info fs.FileInfo) (checked, error) {
	if dir := bundleAround(full); dir != "" {
		return validateBundle(ctx, dir, name, full)
	}
	if info.IsDir() && isComponent(full) {
		return validateComponent(ctx, name, full)
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
			File: filepath.ToSlash(name), Rule: nothingHere, Warning: true,
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
func validateBundle(ctx context.Context, dir, name, full string) (checked, error) {
	bundle, err := renderer.Open(os.DirFS(dir), "", renderer.Options{})
	s := &survey{root: dir, outer: orDefault(treeAround(filepath.Dir(filepath.Dir(dir))), dir), bundles: map[string]*renderer.Bundle{}}
	if err == nil && s.outer != s.root {
		if err := s.borrow(ctx); err != nil {
			return checked{}, err
		}
	}
	found, err := s.judge(ctx, bundle, err)
	found.rename(name, below(dir, full))
	return found, err
}

// validateComponent checks the files of a component.
func validateComponent(ctx context.Context, name, full string) (checked, error) {
	bundle, err := renderer.OpenComponent(os.DirFS(full), "", renderer.Options{Commands: true})
	found, err := new(survey).judge(ctx, bundle, err)
	found.rename(name, ".")
	return found, err
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
// one it is the nearest folder not far above that holds templates, or "". Where
// people keep everything, at home and among what is temporary, is no such folder.
func treeAround(full string) string {
	if dir := repositoryAround(full); dir != "" {
		return dir
	}
	home, _ := os.UserHomeDir()
	const above = 3
	at := full
	for range above + 1 {
		if at == filepath.Dir(at) || at == home || at == filepath.Clean(os.TempDir()) {
			return ""
		}
		for _, pattern := range []string{"*/v*", "*/*/v*"} {
			found, err := filepath.Glob(filepath.Join(at, pattern))
			if err == nil && slices.ContainsFunc(found, func(dir string) bool { return majorRule.MatchString(filepath.Base(dir)) && isBundle(dir) }) {
				return at
			}
		}
		at = filepath.Dir(at)
	}
	return ""
}

func holdsMajors(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.IsDir() && majorRule.MatchString(e.Name()) && isBundle(filepath.Join(dir, e.Name()))
	})
}
