package reconciler

import (
	"context"
	"io/fs"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A Statement is a document that somebody hands in without a repository: a call
// of the API. It is checked and written as one from Git.
type Statement struct {
	Document declare.Document
	Actor    state.Actor
	// Only is the one target to take over from a document that a repository
	// declares. The repository goes on to declare it: a blocker keeps what is
	// said here from being undone. Zero for a document of the API.
	Only  state.Ref
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
	if exists && owner.Repository != "" && !doc.Header.Adopt && s.Only == (state.Ref{}) {
		return nil, &state.ConflictError{What: doc.Ref.String(), Why: "is declared in " + owner.String(), Next: "change it there"}
	}
	e := &examiner{r: r, ctx: ctx, documents: []declare.Document{doc}, declared: environmentsAmong([]declare.Document{doc})}
	doc, problems, err := e.examine(doc)
	if err != nil || problems.Failed() {
		return problems, err
	}
	err = r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if s.Check != nil {
			if err := s.Check(tx); err != nil {
				return err
			}
		}
		d := &declarer{
			r: r, tx: tx, actor: s.Actor, only: s.Only,
			origin: func(declare.Document) state.Origin { return state.Origin{Author: string(s.Actor)} },
			files:  func(string) (fs.FS, error) { return s.Files, nil },
		}
		if err := d.declare(doc); err != nil {
			return err
		}
		if s.Also != nil {
			if err := s.Also(tx); err != nil {
				return err
			}
		}
		return tx.Audit(s.Actor, "declare", doc.Ref, nil)
	})
	r.Wake()
	return problems, err
}

// Overrides reports whether changes of what a repository declares are taken from
// the API as well, behind a blocker, as the repository's owner_conflict says.
func (r *Reconciler) Overrides(ctx context.Context, repository string) (bool, error) {
	repo, configured, err := r.repository(ctx, repository)
	return configured && repo.OwnerConflict != ConflictRefuse, err
}

// Undeclare wants what the API declared gone, a service with all that is in it.
// The actor is the person whom the deletion guard asks for. A *state.ConflictError
// when a repository declares it: the deletion belongs into Git then. Check runs
// in the same transaction, before anything is written; it may be nil.
func (r *Reconciler) Undeclare(ctx context.Context, actor state.Actor, ref state.Ref, why string, check func(*state.Tx) error) error {
	owner, exists, err := r.owner(ctx, ref)
	switch {
	case err != nil:
		return err
	case !exists:
		return &state.NotFoundError{What: ref.String()}
	case owner.Repository != "":
		return &state.ConflictError{What: ref.String(), Why: "is declared in " + owner.String(), Next: "take it out there"}
	}
	err = r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if check != nil {
			if err := check(tx); err != nil {
				return err
			}
		}
		d := &declarer{r: r, tx: tx, actor: actor}
		if err := d.gone(ref); err != nil {
			return err
		}
		return d.each(ref, func(t *state.Target) {
			by := state.Request{Generation: t.Generation, By: actor, Why: why}
			t.Asked.Approved = by
			if t.Status == state.DeleteFailed {
				t.Asked.Retry = by
			}
		})
	})
	r.Wake()
	return err
}
