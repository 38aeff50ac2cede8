package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"baryon/gitsource"
	"baryon/provisioner/terraform"
	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/renderer/lint"
	"baryon/state"
)

// A survey reads a folder as a repository, with the templates of the repository
// around it.
type survey struct {
	root, outer string
	bundles     map[string]*renderer.Bundle // by kind, template and major; nil for one that cannot be used
	documents   []declare.Document          // of both
	failed      []string                    // keys of templates with mistakes of their own, which every document would repeat
	linter      *lint.Linter
}

// read checks what lies at or below a path of the root: all of a folder, or of
// one file what its own content says. Whether other files claim the same names
// is a question to the folder.
func (s *survey) read(ctx context.Context, at string, whole bool) (checked, error) {
	tree, err := gitsource.OpenFolder(s.root)
	if err != nil {
		return checked{}, err
	}
	decl, err := declare.Read(ctx, tree, nil, declare.Options{})
	if err != nil {
		return checked{}, err
	}
	var found checked
	if whole {
		found.Problems = decl.Problems
	}
	s.bundles, s.documents = map[string]*renderer.Bundle{}, decl.Documents
	var own []opened
	for _, b := range decl.Bundles {
		bundle, err := s.open(tree, b)
		own = append(own, opened{b.Dir, bundleKey(string(b.Kind), b.Template, b.Major), bundle, err})
	}
	if err := s.borrow(ctx); err != nil {
		return checked{}, err
	}
	for _, b := range own {
		one, err := s.judge(ctx, b.bundle, b.err)
		if err != nil {
			return checked{}, err
		}
		found.Problems = append(found.Problems, one.Problems...)
		if one.Problems.Failed() {
			s.failed = append(s.failed, b.key)
		}
		if inside(b.dir, at) {
			found.templates++
		}
	}
	var good []declare.Document
	for _, f := range decl.Files {
		if !inside(f.Path, at) || f.Verdict == declare.VerdictIgnored {
			continue
		}
		found.documents++
		if !whole {
			found.Problems = append(found.Problems, f.Problems...)
		}
		for _, doc := range f.Documents {
			problems := s.check(doc)
			found.Problems = append(found.Problems, problems...)
			if !problems.Failed() && f.Verdict == declare.VerdictDocument {
				good = append(good, doc)
			}
		}
	}
	problems, err := s.results(ctx, good)
	found.Problems = append(found.Problems, problems...)
	return found, err
}

// opened is a template of the folder, or why it cannot be opened.
type opened struct {
	dir    string
	key    string
	bundle *renderer.Bundle
	err    error
}

// judge checks a template that was opened, or says why it could not be.
func (s *survey) judge(ctx context.Context, b *renderer.Bundle, opening error) (checked, error) {
	found := checked{templates: 1}
	if problems, is := errors.AsType[renderer.Problems](opening); is || opening != nil {
		found.Problems = problems
		if is {
			opening = nil
		}
		return found, opening
	}
	if err := s.prepare(ctx); err != nil {
		return found, err
	}
	var err error
	found.Problems, err = s.linter.Bundle(ctx, b)
	return found, err
}

// prepare finds out which outputs the environment templates at hand give.
func (s *survey) prepare(ctx context.Context) error {
	if s.linter != nil {
		return nil
	}
	s.linter = &lint.Linter{Renderer: renderer.New(renderer.Config{}), Environments: map[string]lint.Outputs{}, Parse: terraform.Parse, Refuses: s.refuses()}
	for key, b := range s.bundles {
		if b == nil || b.Kind != renderer.EnvironmentTemplate {
			continue
		}
		outputs, err := s.linter.Outputs(ctx, b)
		if err != nil {
			return err
		}
		s.linter.Environments[strings.TrimPrefix(key, string(state.KindEnvironment)+"/")] = outputs
	}
	return nil
}

// results renders what documents declare, in a world that consists of the folder
// around, and checks what comes out.
func (s *survey) results(ctx context.Context, docs []declare.Document) (renderer.Problems, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	tree, err := gitsource.OpenFolder(s.outer)
	if err != nil {
		return nil, err
	}
	cfg := reconciler.PreviewConfig{Repository: offline, Settings: reconciler.Settings{
		Repositories: []reconciler.Repository{{Repo: gitsource.Repo{Name: offline}, Publish: reconciler.PublishAuto}},
	}}
	var out renderer.Problems
	err = reconciler.InFolder(ctx, tree, cfg, func(r *reconciler.Reconciler, _ renderer.Problems) error {
		for _, doc := range docs {
			problems, err := s.result(ctx, r, doc)
			if err != nil {
				return err
			}
			out = append(out, problems...)
		}
		return nil
	})
	return out, err
}

func (s *survey) result(ctx context.Context, r *reconciler.Reconciler, doc declare.Document) (renderer.Problems, error) {
	follow, _, err := doc.Header.Version.Parse()
	if err == nil && slices.Contains(s.failed, bundleKey(string(doc.Ref.Kind), doc.Header.Template, follow.Major)) {
		return nil, nil
	}
	refs := []state.Ref{doc.Ref}
	if doc.Ref.Kind == state.KindService {
		refs = nil
		for _, i := range doc.Instances {
			refs = append(refs, state.InstanceRef(doc.Ref.Name, i.Name))
		}
		if doc.Pipeline != nil {
			refs = append(refs, state.PipelineRef(doc.Ref.Name))
		}
	}
	var out renderer.Problems
	for _, ref := range refs {
		o, err := r.Outline(ctx, ref, "", nil)
		var missing *state.NotFoundError
		var conflict *state.ConflictError
		switch {
		case errors.As(err, &missing):
			continue // the world around refused it, or has no such template
		case errors.As(err, &conflict):
			if s.known(doc) && !strings.Contains(conflict.Why, "has no usable version") {
				out = append(out, doc.Problem("template", ref.String()+": "+conflict.Why, "", "", conflict.Next))
			}
			continue
		case err != nil:
			return nil, err
		}
		if o.Bundle.CustomerManaged {
			continue
		}
		if err := s.prepare(ctx); err != nil {
			return nil, err
		}
		problems, err := s.linter.Rendered(ctx, o.Bundle, o.Part, o.Inputs)
		if err != nil {
			return nil, err
		}
		for _, p := range problems {
			found := doc.Problem("template", fmt.Sprintf("rendered for %s, %s:%d: %s", ref, p.File, p.Line, p.Rule), p.Got, p.Want, p.Next)
			found.Warning = p.Warning
			out = append(out, found)
		}
	}
	return out, nil
}

// known tells whether the template of a document is at hand.
func (s *survey) known(doc declare.Document) bool {
	follow, _, err := doc.Header.Version.Parse()
	return err == nil && s.bundles[bundleKey(string(doc.Ref.Kind), doc.Header.Template, follow.Major)] != nil
}

func inside(file, at string) bool { return at == "." || file == at || strings.HasPrefix(file, at+"/") }

// bundleKey tells templates apart.
func bundleKey(kind, template string, major int64) string {
	return fmt.Sprintf("%s/%s:%d", kind, template, major)
}

// open opens a template of a tree.
func (s *survey) open(tree fs.FS, b declare.Bundle) (*renderer.Bundle, error) {
	sub, err := fs.Sub(tree, b.Dir)
	if err != nil {
		return nil, err
	}
	bundle, err := renderer.Open(sub, b.Dir, renderer.Options{})
	s.bundles[bundleKey(string(b.Kind), b.Template, b.Major)] = bundle
	return bundle, err
}

// borrow takes the templates of the repository around the folder that the folder
// itself does not have. What is wrong with those is not asked here.
func (s *survey) borrow(ctx context.Context) error {
	if s.outer == s.root {
		return nil
	}
	tree, err := gitsource.OpenFolder(s.outer)
	if err != nil {
		return err
	}
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
		_, err := s.open(tree, b)
		if _, is := errors.AsType[renderer.Problems](err); err != nil && !is {
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
