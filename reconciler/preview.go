package reconciler

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A Preview is what taking over a folder would come to.
type Preview struct {
	Repository string
	Problems   renderer.Problems // what is refused, and warnings
	Proposals  []Proposal        // of everything that the repository declares, or declared
}

// PreviewConfig says against what a folder is taken over.
type PreviewConfig struct {
	Base       *state.Store // what is there; nil for an empty world
	Settings   Settings
	Repository string // which of the Settings' repositories the folder is a state of
	Given      Given
}

// TakeOverPreview plans what a folder declares, as if it had been pushed.
func TakeOverPreview(ctx context.Context, tree declare.Tree, cfg PreviewConfig) (Preview, error) {
	var out Preview
	err := InFolder(ctx, tree, cfg, func(r *Reconciler, problems renderer.Problems) (err error) {
		out.Repository, out.Problems = cfg.Repository, problems
		out.Proposals, err = r.Proposals(ctx, cfg.Given, func(t state.Target) bool { return t.Owner.Repository == cfg.Repository })
		return err
	})
	return out, err
}

// InFolder lends out a Reconciler that has taken a folder over, as if it had
// been pushed, with the problems found on the way. It is the loop's own taking
// over, in a database that is thrown away: templates are registered, documents
// checked and accepted there. Base is read and never written. Nothing is
// deployed, and the Reconciler is not to be used after use has returned.
func InFolder(ctx context.Context, tree declare.Tree, cfg PreviewConfig, use func(*Reconciler, renderer.Problems) error) (err error) {
	dir, err := os.MkdirTemp("", "baryon-plan-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := state.Open(ctx, state.Config{DSN: filepath.Join(dir, "plan.db"), Scratch: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r, err := New(Config{Store: store, Source: folderSource{tree}, Settings: cfg.Settings})
	if err != nil {
		return err
	}
	repo, ok := r.settings.repository(cfg.Repository)
	if !ok {
		return fmt.Errorf("repository %s is not configured", cfg.Repository)
	}
	if cfg.Base != nil {
		if err := state.Copy(ctx, store, cfg.Base, repo.Name); err != nil {
			return err
		}
	}
	prior := state.Sync{Name: repo.Name, URL: repo.URL, Branch: repo.Branch, Path: repo.Path}
	if err := r.sync(ctx, state.Fence{}, repo, prior, previewCommit); err != nil {
		return err
	}
	if err := r.presume(ctx, cfg.Given); err != nil {
		return err
	}
	problems, err := r.problemsOf(ctx, repo.Name)
	if err != nil {
		return err
	}
	return use(r, problems)
}

// Preview plans what a folder would change if it were pushed to one of the
// configured repositories. An empty name is for the only one.
func (r *Reconciler) Preview(ctx context.Context, tree declare.Tree, repository string, given Given) (Preview, error) {
	s := r.current()
	if repository == "" && len(s.Repositories) == 1 {
		repository = s.Repositories[0].Name
	}
	if _, ok := s.repository(repository); !ok {
		var names []string
		for _, known := range s.Repositories {
			names = append(names, known.Name)
		}
		if repository == "" {
			return Preview{}, &state.ConflictError{What: "plan", Why: "several repositories are configured: " + strings.Join(names, ", "), Next: "name one with --repository"}
		}
		return Preview{}, &state.NotFoundError{What: "repository/" + repository}
	}
	return TakeOverPreview(ctx, tree, PreviewConfig{Base: r.cfg.Store, Settings: s, Repository: repository, Given: given})
}

// presume makes the things that have given outputs exist, where nothing of the
// world has their names.
func (r *Reconciler) presume(ctx context.Context, given Given) error {
	return r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		for ref, outputs := range given {
			_, err := tx.Target(ref)
			if _, missing := errors.AsType[*state.NotFoundError](err); !missing {
				if err != nil {
					return err
				}
				continue
			}
			id := state.NewID()
			t := state.Target{Ref: ref, Generation: 1, Status: state.Succeeded, LastAttempted: id, LastSucceeded: id,
				Deployed: state.Deployed{Generation: 1, Deployment: id, Outputs: outputs}}
			t.Desired.Orphaned = "it was given, not declared"
			if err := tx.PutTarget(t); err != nil {
				return err
			}
		}
		return nil
	})
}

// problemsOf are the findings in all files of a repository.
func (r *Reconciler) problemsOf(ctx context.Context, repository string) (renderer.Problems, error) {
	rows, err := r.cfg.Store.SourceFiles(ctx, repository)
	if err != nil {
		return nil, err
	}
	all := renderer.Problems{}
	for _, row := range rows {
		f, err := fileOf(row)
		if err != nil {
			return nil, err
		}
		all = append(append(all, f.Problems...), f.Conflicts...)
	}
	all.Sort()
	return all, nil
}

// previewCommit stands for the commit that a folder is not.
const previewCommit = "uncommitted"

// folderSource is a repository that consists of one folder.
type folderSource struct{ tree declare.Tree }

func (f folderSource) Head(context.Context, gitsource.Repo) (string, error) {
	return previewCommit, nil
}

func (f folderSource) Tree(context.Context, gitsource.Repo, string) (declare.Tree, error) {
	return f.tree, nil
}

func (f folderSource) Commit(context.Context, gitsource.Repo, string) (gitsource.Commit, error) {
	return gitsource.Commit{}, nil
}

func (f folderSource) Descends(context.Context, gitsource.Repo, string, string) (bool, error) {
	return true, nil
}

func (f folderSource) Differences(context.Context, gitsource.Repo, string, string, int) ([]gitsource.Difference, bool, error) {
	return nil, false, nil
}
