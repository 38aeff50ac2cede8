package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"crypto/sha256"
	"encoding/hex"

	"github.com/spf13/cobra"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

func validateCommand() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check templates and documents, without a daemon",
		Long: `Checks what registration and deployment would check: the folders of templates,
their manifests and schemas, the headers of documents, and the specs of documents
against the templates in the same folder. Problems are printed as
file:line:column lines; the exit code is 1 when there is one that is not a warning.`,
		Example: "  baryon validate .\n  baryon validate templates/web-env/v1 environments/prod.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			problems := renderer.Problems{}
			for _, path := range args {
				found, err := validate(cmd.Context(), path)
				if err != nil {
					return err
				}
				problems = append(problems, found...)
			}
			err := out.print(cmd.OutOrStdout(), problems, func() {
				for _, p := range problems {
					fmt.Fprintln(cmd.OutOrStdout(), p)
				}
				if len(problems) == 0 {
					fmt.Fprintln(cmd.OutOrStdout(), "no problems")
				}
			})
			if err == nil && problems.Failed() {
				return exitError(1)
			}
			return err
		},
	}
	out.flag(cmd)
	return cmd
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

// validate checks a bundle, or the repository that path lies in; of what is found
// there, what is below path is returned.
func validate(ctx context.Context, path string) (renderer.Problems, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() && isBundle(os.DirFS(path)) {
		_, err := renderer.Open(os.DirFS(path), filepath.ToSlash(path), renderer.Options{})
		return problemsOf(err)
	}
	root, below, err := rootOf(path, info.IsDir())
	if err != nil {
		return nil, err
	}
	tree := folder{os.DirFS(root)}
	decl, err := declare.Read(ctx, tree, nil, declare.Options{})
	if err != nil {
		return nil, err
	}
	problems := decl.Problems
	bundles := map[string]*renderer.Bundle{}
	for _, b := range decl.Bundles {
		sub, err := fs.Sub(tree, b.Dir)
		if err != nil {
			return nil, err
		}
		bundle, err := renderer.Open(sub, b.Dir, renderer.Options{})
		if err != nil {
			found, err := problemsOf(err)
			if err != nil {
				return nil, err
			}
			problems = append(problems, found...)
			continue
		}
		problems = append(problems, bundle.Warnings...)
		bundles[fmt.Sprintf("%s/%s:%d", b.Kind, b.Template, b.Major)] = bundle
	}
	for _, doc := range decl.Documents {
		problems = append(problems, specProblems(doc, bundles)...)
	}
	return under(problems, path, below), nil
}

// rootOf is the repository that a path lies in, else its folder, and where in it
// the path is.
func rootOf(path string, dir bool) (root, below string, err error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	root = full
	if !dir {
		root = filepath.Dir(full)
	}
	for at := root; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			root = at
			break
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	below, err = filepath.Rel(root, full)
	return root, filepath.ToSlash(below), err
}

func isBundle(tree fs.FS) bool {
	_, err := fs.Stat(tree, "schema/schema.yaml")
	return err == nil
}

func problemsOf(err error) (renderer.Problems, error) {
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		return problems, nil
	}
	return nil, err
}

// specProblems checks the spec of a document against the template beside it.
// Where the template is not there, the daemon checks it.
func specProblems(doc declare.Document, bundles map[string]*renderer.Bundle) renderer.Problems {
	follow, _, err := doc.Header.Version.Parse()
	if err != nil {
		return nil
	}
	kind := doc.Ref.Kind
	bundle := bundles[fmt.Sprintf("%s/%s:%d", kind, doc.Header.Template, follow.Major)]
	if bundle == nil || bundle.Schema == nil {
		return nil
	}
	node, problems := renderer.ParseOne(doc.Path, []byte(doc.Spec), renderer.Limits{})
	if problems.Failed() {
		return doc.Locate(problems)
	}
	check := func(t *renderer.Type, values *renderer.Node) {
		if t != nil {
			_, found := t.Check(values, renderer.CheckOptions{})
			problems = append(problems, found...)
		}
	}
	if kind == state.KindEnvironment {
		check(bundle.Schema.Environment, node.Get("spec"))
		return doc.Locate(problems)
	}
	check(bundle.Schema.Pipeline, node.Get("pipeline"))
	if list := node.Get("instances"); list != nil {
		for _, item := range list.Items {
			check(bundle.Schema.Service, item.Get("spec"))
		}
	}
	return doc.Locate(problems)
}

// under keeps what is below a path, and names files as the path was named on the
// command line.
func under(problems renderer.Problems, path, below string) renderer.Problems {
	out := renderer.Problems{}
	for _, p := range problems {
		rest, inside := p.File, true
		if below != "." {
			rest, inside = strings.CutPrefix(p.File+"/", below+"/")
			rest = strings.TrimSuffix(rest, "/")
		}
		if !inside {
			continue
		}
		p.File = filepath.ToSlash(filepath.Join(path, rest))
		out = append(out, p)
	}
	out.Sort()
	return out
}
