package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"baryon/gitsource"
	"baryon/state"
)

// errNotSeen says that a pull request is merged and the merge not taken over yet.
var errNotSeen = errors.New("it is merged, and not taken over yet")

// lookInTurn is lookAt while no caller writes to the repository: a branch that one
// has just made, and somebody has deleted, is not made once more.
func (r *Reconciler) lookInTurn(ctx context.Context, repo Repository, p state.PullRequest) error {
	done, err := r.writes.take(ctx, repo.Name)
	if err != nil {
		return err
	}
	defer done()
	p, err = r.cfg.Store.PullRequest(ctx, p.ID)
	if isMissing(err) { // its caller took it back
		return nil
	}
	if err != nil || p.Status != state.PullOpen {
		return err
	}
	return r.lookAt(ctx, repo, p)
}

// lookAt finds out what has become of a pull request, and goes on with one that is
// not all there. What cannot be made any more ends it.
func (r *Reconciler) lookAt(ctx context.Context, repo Repository, p state.PullRequest) error {
	if err := r.putPull(ctx, repo, p); err != nil {
		if _, conflict := errors.AsType[*state.ConflictError](err); !conflict || p.Pushed > 0 {
			return err
		}
		_, endErr := r.endPull(ctx, p, state.PullClosed, err.Error())
		return endErr
	}
	p, err := r.cfg.Store.PullRequest(ctx, p.ID)
	if err != nil || p.Status != state.PullOpen {
		return err
	}
	if p.Number == 0 || r.cfg.Pulls == nil {
		return r.lookAtBranch(ctx, repo, p)
	}
	is, err := r.cfg.Pulls.Pull(ctx, repo.Repo, p.Number)
	switch {
	case err != nil:
		return err
	case is.Merged:
		if err := r.seen(ctx, repo, is.Commit); err != nil {
			return err
		}
		_, err = r.endPull(ctx, p, state.PullMerged, said("merged", is.By))
	case !is.Open:
		_, err = r.endPull(ctx, p, state.PullClosed, p.Where()+" was closed without being merged")
	case is.Clash:
		err = r.unclash(ctx, repo, p)
	case p.Trouble != "":
		_, err = r.savePull(ctx, p, func(now *state.PullRequest) { now.Trouble = "" })
	}
	return err
}

// unclash makes what a pull request asks for once more from where the branch that
// is followed is now, and merges that into the branch of the pull request. What
// people pushed to it is for people to merge.
func (r *Reconciler) unclash(ctx context.Context, repo Repository, p state.PullRequest) error {
	trouble := func(text string) error {
		_, err := r.savePull(ctx, p, func(now *state.PullRequest) { now.Trouble = text })
		return err
	}
	at := repo.Repo
	at.Branch = p.Branch
	head, err := r.cfg.Source.Head(ctx, at)
	if err != nil {
		return err
	}
	if head != p.Head {
		return trouble("it clashes with what the branch says by now, and somebody has pushed to it: merge it there by hand")
	}
	base, err := r.cfg.Source.Head(ctx, repo.Repo)
	if err != nil {
		return err
	}
	m, err := r.remade(ctx, repo, p, base)
	if _, conflict := errors.AsType[*state.ConflictError](err); conflict {
		return trouble("it clashes with what the branch says by now: " + err.Error())
	}
	if err != nil {
		return err
	}
	change := m.change(head, r)
	change.Branch, change.Merge = p.Branch, base
	change.Message = "Merge what the branch says by now\n\n" + change.Message
	if head, err = r.cfg.Writer.Push(ctx, repo.Repo, change); err != nil {
		return err
	}
	_, err = r.savePull(ctx, p, func(now *state.PullRequest) { now.Head, now.Trouble = head, "" })
	return err
}

// remade makes all changes of a pull request in a commit.
func (r *Reconciler) remade(ctx context.Context, repo Repository, p state.PullRequest, commit string) (*amending, error) {
	tree, err := r.cfg.Source.Tree(ctx, repo.Repo, commit)
	if err != nil {
		return nil, err
	}
	var files []gitsource.Replacement
	var m *amending
	for _, change := range p.Changes {
		m = &amending{r: r, repo: repo, tree: overlay{tree, files}}
		if err := json.Unmarshal(change, &m.Amendment); err != nil {
			return nil, err
		}
		if err := m.place(ctx); err != nil {
			return nil, err
		}
		problems, err := m.make(ctx)
		if err == nil && problems.Failed() {
			err = m.inexact(problems.Error())
		}
		if err != nil {
			return nil, err
		}
		for _, f := range m.files {
			files = append(slices.DeleteFunc(files, func(old gitsource.Replacement) bool { return old.Path == f.Path }), f)
		}
	}
	m.files = files
	return m, nil
}

func said(what, by string) string {
	if by == "" {
		return what
	}
	return what + " by " + by
}

// seen makes sure that a merge is taken over: what is told after it is what came of it.
func (r *Reconciler) seen(ctx context.Context, repo Repository, commit string) error {
	sync, err := r.cfg.Store.Sync(ctx, repo.Name)
	if err != nil {
		return err
	}
	if sync.Commit == commit && !sync.Recheck {
		return nil
	}
	if ok, err := r.cfg.Source.Descends(ctx, repo.Repo, commit, sync.Commit); err == nil && ok {
		return nil
	}
	return errNotSeen
}

// lookAtBranch finds out what has become of a branch that somebody merges without
// a pull request of ours: it is merged when the branch that is followed says all
// that it was made for, however that came about.
func (r *Reconciler) lookAtBranch(ctx context.Context, repo Repository, p state.PullRequest) error {
	sync, err := r.cfg.Store.Sync(ctx, repo.Name)
	if err != nil || sync.Commit == "" {
		return err
	}
	merged, err := r.cfg.Source.Descends(ctx, repo.Repo, p.Head, sync.Commit)
	if err != nil {
		return err
	}
	if !merged {
		if merged, err = r.saysAll(ctx, repo, p, sync.Commit); err != nil {
			return err
		}
	}
	if merged {
		_, err := r.endPull(ctx, p, state.PullMerged, "the branch says so")
		return err
	}
	at := repo.Repo
	at.Branch = p.Branch
	if _, err = r.cfg.Source.Head(ctx, at); gitsource.KindOf(err) == gitsource.KindNoBranch {
		_, err = r.endPull(ctx, p, state.PullClosed, p.Where()+" was deleted before it was merged")
	}
	return err
}

// saysAll reports whether a commit says all that a pull request asks for. Of a
// deletion nothing is there to be taken out any more.
func (r *Reconciler) saysAll(ctx context.Context, repo Repository, p state.PullRequest, commit string) (bool, error) {
	m, err := r.remade(ctx, repo, p, commit)
	if _, conflict := errors.AsType[*state.ConflictError](err); conflict {
		return p.Gone, nil
	}
	return err == nil && len(m.files) == 0, err
}

// troubled keeps why a pull request could not be looked at, and heeds a host that
// asks to be left alone.
func (r *Reconciler) troubled(ctx context.Context, p state.PullRequest, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.log.Warn("pull request not looked at", zap.Stringer("ref", p.Ref), zap.String("repo", p.Repository), zap.Error(cause))
	var until time.Time
	if e, ok := errors.AsType[*gitsource.Error](cause); ok && e.Wait > 0 {
		until = r.cfg.Now().Add(e.Wait).UTC().Truncate(time.Microsecond)
	}
	if p.Trouble == cause.Error() && p.NotBefore.Equal(until) {
		return nil
	}
	_, err := r.savePull(ctx, p, func(now *state.PullRequest) { now.Trouble, now.NotBefore = cause.Error(), until })
	return err
}
