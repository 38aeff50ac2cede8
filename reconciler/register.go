package reconciler

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"go.uber.org/zap"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// register makes a new minor of every bundle whose folder differs from what
// was registered last.
func (s *takeover) register(ctx context.Context) error {
	for _, b := range s.decl.Bundles {
		problems, reason, err := s.registerBundle(ctx, b)
		if err != nil {
			return fmt.Errorf("register %s: %w", b.Dir, err)
		}
		verdict := "template"
		if problems.Failed() {
			verdict = string(declare.VerdictRefused)
			s.problems += count(problems)
		}
		doc, err := json.Marshal(declare.File{Path: b.Dir + "/", Verdict: declare.Verdict(verdict), Reason: reason, Problems: problems})
		if err != nil {
			return err
		}
		s.bundles = append(s.bundles, state.SourceFile{Repository: s.repo.Name, Path: b.Dir + "/", Hash: b.Hash, Verdict: verdict, Doc: doc})
	}
	return nil
}

// registerBundle registers one bundle, or says what is wrong with it. A bundle
// that fails its checks is kept as REGISTRATION_FAILED, and the number is used
// again by the next push that passes: a failed version was never there to use.
func (s *takeover) registerBundle(ctx context.Context, b declare.Bundle) (renderer.Problems, string, error) {
	if p, refused := s.templateNotAllowed(ctx, b); refused {
		return renderer.Problems{p}, p.Rule, nil
	}
	latest, exists, err := s.synced(ctx, b)
	if err != nil {
		return nil, "", err
	}
	if exists && latest.Tree == b.Hash {
		return s.earlier(b), describeVersion(latest), nil
	}
	v := state.TemplateVersion{
		Kind: b.Kind, Name: b.Template, Version: state.Version{Major: b.Major}, Tree: b.Hash, Status: state.Draft,
		Origin: state.Origin{Repository: s.repo.Name, Commit: s.head, Path: b.Dir, Author: s.commit.Author, Subject: s.commit.Subject},
	}
	files, err := fs.Sub(s.tree, b.Dir)
	if err != nil {
		return nil, "", err
	}
	bundle, err := renderer.Open(files, b.Dir, renderer.Options{})
	var problems renderer.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, "", err
	}
	if err == nil {
		if exists && latest.Status.Usable() {
			if same, err := s.onlyTests(ctx, b, latest, files); err != nil || same {
				return bundle.Warnings, describeVersion(latest), err
			}
		}
		if problems, err = s.r.compareSchemas(ctx, v, bundle); err != nil {
			return nil, "", err
		}
	}
	return s.keepVersion(ctx, v, bundle, files, problems)
}

// testsFolder holds the tests of a template, beside its parts.
const testsFolder = "tests"

// onlyTests reports whether a folder differs from the latest version of its
// template in tests alone. That makes no new version; the new tree is noted, so
// that it is not opened again.
func (s *takeover) onlyTests(ctx context.Context, b declare.Bundle, latest state.TemplateVersion, files fs.FS) (bool, error) {
	old, err := s.r.cfg.Store.Files(ctx, latest.Bundle)
	if err != nil {
		return false, err
	}
	was, err := contentOf(old)
	if err != nil {
		return false, err
	}
	is, err := contentOf(files)
	if err != nil || !maps.Equal(was, is) {
		return false, err
	}
	latest.Tree = b.Hash
	return true, s.r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error { return tx.PutTemplateVersion(latest) })
}

// contentOf sums up every file but the tests.
func contentOf(files fs.FS) (map[string][sha256.Size]byte, error) {
	out := map[string][sha256.Size]byte{}
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name == testsFolder:
			return fs.SkipDir
		case e.IsDir():
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		data, err := fs.ReadFile(files, name)
		out[name] = sha256.Sum256(append([]byte{byte(info.Mode().Perm() & 0o100 >> 6)}, data...))
		return err
	})
	return out, err
}

// earlier are the problems found when this content was first registered.
func (s *takeover) earlier(b declare.Bundle) renderer.Problems {
	var f declare.File
	if err := json.Unmarshal(s.rows[b.Dir+"/"].Doc, &f); err != nil {
		return nil
	}
	return f.Problems
}

// keepVersion writes a version with what the checks of its bundle came to.
func (s *takeover) keepVersion(ctx context.Context, v state.TemplateVersion, bundle *renderer.Bundle, files fs.FS, problems renderer.Problems) (renderer.Problems, string, error) {
	switch {
	case problems.Failed():
		v.Status, v.Message = state.RegistrationFailed, problems.Error()
	case s.repo.Publish == PublishAuto:
		v.Status = state.Published
	}
	if bundle != nil {
		describeBundle(&v, bundle)
		if !problems.Failed() {
			problems = bundle.Warnings
		}
	}
	var packed []byte
	if v.Status != state.RegistrationFailed {
		var err error
		if packed, err = state.Pack(files); err != nil {
			return nil, "", err
		}
	}
	err := s.r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if packed != nil {
			digest, err := tx.PutBlob(packed)
			if err != nil {
				return err
			}
			v.Bundle = digest
		}
		if err := tx.RegisterTemplate(state.Template{
			Kind: v.Kind, Name: v.Name, Repository: s.repo.Name, CustomerManaged: v.CustomerManaged, NoPipeline: v.NoPipeline,
		}); err != nil {
			return err
		}
		var err error
		if v, err = tx.Register(v); err != nil {
			return err
		}
		if err := tx.AddSyncAttempt(s.attempt(state.MajorSubject(v.Kind, v.Name, v.Version.Major), v.Origin.Path, problems)); err != nil {
			return err
		}
		return tx.Audit(state.ActorGit, "register", state.Ref{Kind: v.Kind + "-template", Name: v.Name},
			map[string]string{"version": v.Version.String(), "status": string(v.Status), "commit": s.head})
	})
	if err != nil {
		return nil, "", err
	}
	s.r.log.Info("template version registered", zap.String("template", v.Name), zap.String("version", v.Version.String()),
		zap.String("status", string(v.Status)), zap.String("repo", s.repo.Name), zap.String("commit", s.head))
	return problems, describeVersion(v), nil
}

func describeVersion(v state.TemplateVersion) string {
	return fmt.Sprintf("%s template %s %s, %s", v.Kind, v.Name, v.Version, v.Status)
}

// describeBundle notes in a version what its bundle says.
func describeBundle(v *state.TemplateVersion, bundle *renderer.Bundle) {
	v.CustomerManaged, v.NoPipeline = bundle.CustomerManaged, bundle.Kind == renderer.ServiceTemplate && !bundle.HasPipeline()
	if v.ComponentSources == nil {
		v.ComponentSources = bundle.Sources
	}
	if v.CompatibleEnvironments == nil {
		for _, c := range bundle.Compatible {
			v.CompatibleEnvironments = append(v.CompatibleEnvironments, c.String())
		}
	}
	if f, ok := bundle.File("schema/schema.yaml"); ok {
		v.Schema = string(f.Data)
	}
}

// synced is the version that a repository brought last of the major of a bundle.
func (s *takeover) synced(ctx context.Context, b declare.Bundle) (last state.TemplateVersion, exists bool, err error) {
	versions, err := s.r.cfg.Store.TemplateVersions(ctx, b.Kind, b.Template)
	for _, v := range versions {
		if v.Version.Major == b.Major && v.Source == (state.Source{}) {
			last, exists = v, true
		}
	}
	return last, exists, err
}

// compareSchemas names what would break those who use an earlier minor of the
// major of v.
func (r *Reconciler) compareSchemas(ctx context.Context, v state.TemplateVersion, bundle *renderer.Bundle) (renderer.Problems, error) {
	versions, err := r.cfg.Store.TemplateVersions(ctx, v.Kind, v.Name)
	if err != nil {
		return nil, err
	}
	var last *state.TemplateVersion
	for i, other := range versions {
		if other.Version.Major == v.Version.Major && other.Status.Usable() && (v.Status != state.Registering || other.Version.Less(v.Version)) {
			last = &versions[i]
		}
	}
	if last == nil || bundle.Schema == nil {
		return nil, nil
	}
	old, err := r.open(ctx, *last)
	if err != nil || old.Schema == nil {
		return nil, err
	}
	return renderer.Compare(old.Schema, bundle.Schema), nil
}

// templateNotAllowed tells whether this repository may not bring a template.
func (s *takeover) templateNotAllowed(ctx context.Context, b declare.Bundle) (renderer.Problem, bool) {
	p := renderer.Problem{File: b.Dir, Line: 1, Column: 1}
	kind := AllowEnvironmentTemplate
	if b.Kind == state.KindService {
		kind = AllowServiceTemplate
	}
	if !permits(s.repo.Allow.Kinds, kind) || !permits(s.repo.Allow.Templates, b.Template) {
		p.Rule, p.Got = "repository "+s.repo.Name+" may not declare this template", kind+" "+b.Template
		p.Next = "add it to allow.kinds and allow.templates of the repository in the daemon's configuration"
		return p, true
	}
	t, err := s.r.cfg.Store.Template(ctx, b.Kind, b.Template)
	if err == nil && t.Repository != "" && t.Repository != s.repo.Name {
		if _, configured, _ := s.r.repository(ctx, t.Repository); configured {
			s.recheck = true
			p.Rule, p.Got = "one template has one owner", b.Template+", which repository "+t.Repository+" declares"
			p.Next = "give it another name, or take it out there"
			return p, true
		}
	}
	return renderer.Problem{}, false
}
