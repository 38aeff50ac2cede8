package reconciler

import (
	"context"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A Statement is a document that somebody hands in without a repository: a call
// of the API. It is checked and written as one from Git.
type Statement struct {
	Document declare.Document
	Actor    state.Actor
	// Only are the targets to take over from a document that a repository declares,
	// and Gone the instances of it that are to go. The repository goes on to declare
	// it: blockers keep what is said here from being undone. None for a document of
	// the API.
	Only, Gone []state.Ref

	Files fs.FS                 // a component's own files
	Check func(*state.Tx) error // in the same transaction, before anything is written; may be nil
	Also  func(*state.Tx) error // in the same transaction, afterwards; may be nil
}

// Declare takes a Statement over, or says what is wrong with it and changes
// nothing. A *state.ConflictError when a repository declares the name and the
// document does not say adopt.
func (r *Reconciler) Declare(ctx context.Context, s Statement) (renderer.Problems, error) {
	doc := s.Document
	owner, exists, err := r.owner(ctx, doc.Ref)
	if err != nil {
		return nil, err
	}
	if exists && owner.Repository != "" && !doc.Header.Adopt && len(s.Only)+len(s.Gone) == 0 {
		return nil, &state.ConflictError{What: doc.Ref.String(), Why: "is declared in " + owner.String(), Next: "change it there"}
	}
	e := &examiner{r: r, ctx: ctx, documents: []declare.Document{doc}, declared: environmentsAmong([]declare.Document{doc})}
	doc, problems, err := e.examine(doc)
	if err != nil || problems.Failed() {
		return problems, err
	}
	err = r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if err := run(s.Check, tx); err != nil {
			return err
		}
		d := &declarer{
			r: r, tx: tx, actor: s.Actor, only: s.Only, part: len(s.Only)+len(s.Gone) > 0,
			origin: func(declare.Document) state.Origin { return state.Origin{Author: string(s.Actor)} },
			files:  func(string) (fs.FS, error) { return s.Files, nil },
		}
		if len(s.Gone) > 0 {
			if err := d.override(state.Target{Ref: doc.Ref, Owner: owner}, s.Gone[0].String()+" removed"); err != nil {
				return err
			}
			d.only = append(slices.Clone(s.Only), state.PipelineRef(doc.Ref.Name)) // which sees them no longer
		}
		for _, ref := range s.Gone {
			if err := d.gone(ref); err != nil {
				return err
			}
		}
		if err := d.declare(doc); err != nil {
			return err
		}
		if err := run(s.Also, tx); err != nil {
			return err
		}
		return tx.Audit(s.Actor, "declare", doc.Ref, nil)
	})
	r.Wake()
	return problems, err
}

// Conflict is what a change through the API of something that a repository
// declares comes to, as its owner_conflict says. It is refused where the
// repository is not configured: nobody says otherwise.
func (r *Reconciler) Conflict(ctx context.Context, repository string) (string, error) {
	repo, configured, err := r.repository(ctx, repository)
	switch {
	case err != nil:
		return "", err
	case !configured:
		return ConflictRefuse, nil
	}
	return orElse(repo.OwnerConflict, ConflictBlocker), nil
}

// A Withdrawal is that somebody wants gone what is declared, by another way than
// taking it out of a repository.
type Withdrawal struct {
	Ref   state.Ref
	Actor state.Actor // the person whom the deletion guard asks for
	Why   string
	// Override is for what a repository declares. It goes on to: a blocker keeps it
	// from being made again, and the deletion guard asks as for a push.
	Override bool
	Git      bool                  // its repository has taken it out already
	Check    func(*state.Tx) error // in the same transaction, before anything is written; may be nil
}

// Undeclare wants what is declared gone, a service with all that is in it. A
// *state.ConflictError when a repository declares it and that is not overridden.
func (r *Reconciler) Undeclare(ctx context.Context, w Withdrawal) error {
	owner, exists, err := r.owner(ctx, w.Ref)
	switch {
	case err != nil:
		return err
	case !exists:
		return &state.NotFoundError{What: w.Ref.String()}
	case owner.Repository != "" && !w.Override && !w.Git:
		return &state.ConflictError{What: w.Ref.String(), Why: "is declared in " + owner.String(), Next: "take it out there"}
	}
	err = r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if err := run(w.Check, tx); err != nil {
			return err
		}
		d := &declarer{r: r, tx: tx, actor: w.Actor}
		if w.Override {
			if err := d.override(state.Target{Ref: w.Ref, Owner: owner}, "deleted"); err != nil {
				return err
			}
		}
		if err := d.gone(w.Ref); err != nil {
			return err
		}
		return d.each(w.Ref, func(t *state.Target) {
			by := state.Request{Generation: t.Generation, By: w.Actor, Why: w.Why}
			if !w.Override && !w.Git {
				t.Asked.Approved = by
			}
			if t.Status == state.DeleteFailed {
				t.Asked.Retry = by
			}
		})
	})
	r.Wake()
	return err
}

// Claimed says of a name that nothing has made yet where a repository declares it
// all the same, and why it is not there. Empty when none does.
func (r *Reconciler) Claimed(ctx context.Context, ref state.Ref) (string, error) {
	rows, err := r.cfg.Store.SourceFiles(ctx, "")
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if !strings.Contains(string(row.Doc), strconv.Quote(ref.String())) {
			continue
		}
		f, err := fileOf(row)
		if err != nil {
			return "", err
		}
		named := slices.ContainsFunc(f.Documents, func(d declare.Document) bool { return d.Ref == ref }) ||
			slices.ContainsFunc(f.Broken, func(c declare.Claim) bool { return c.Ref == ref })
		if !named {
			continue
		}
		at := "is declared in " + row.Repository + ":" + row.Path
		blocker, err := r.cfg.Store.BlockerOf(ctx, ref)
		switch {
		case err != nil:
			return "", err
		case blocker != nil:
			return at + ", and the blocker " + blocker.ID + " keeps that from being made", nil
		case f.Problems.Failed() || f.Conflicts.Failed():
			return at + ", which is refused at present: " + append(slices.Clone(f.Problems), f.Conflicts...).Error(), nil
		}
		return at + ", and is not taken over yet", nil
	}
	return "", nil
}
