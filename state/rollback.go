package state

import (
	"context"
	"time"
)

// A Hold keeps a target at what a past deployment meant to reach, whatever its
// document says. It ends when the document changes, or with Resume.
type Hold struct {
	Deployment string    `json:"deployment"`
	By         Actor     `json:"by"`
	Why        string    `json:"why,omitempty"`
	At         time.Time `json:"at,omitzero"`
	Declared   *Desired  `json:"declared,omitempty"` // what the document says
	Returned   *Returned `json:"returned,omitempty"` // nobody asked for it: what was wanted was not healthy
}

// A Returned is what was gone back from, because it was not healthy. It is not
// tried again until its inputs are others, or somebody asks.
type Returned struct {
	Deployment string `json:"deployment"` // that was not healthy
	Input      string `json:"input"`      // digest of what it was rendered from
}

// Returned is what the target was taken back from by itself; nil when it was not.
func (d Desired) Returned() *Returned {
	if d.Held == nil {
		return nil
	}
	return d.Held.Returned
}

// String names who holds it and why.
func (h *Hold) String() string { return Request{By: h.By, Why: h.Why}.String() }

// AsDeclared is what the document says, held or not.
func (d Desired) AsDeclared() Desired {
	if d.Held == nil || d.Held.Declared == nil {
		return d
	}
	declared := *d.Held.Declared
	declared.Deleted, declared.Orphaned, declared.Refused, declared.Kept = d.Deleted, d.Orphaned, d.Refused, d.Kept
	return declared
}

// Redeclared is d with another text of the same declaration; a hold stays.
func (d Desired) Redeclared(declared Desired) Desired {
	if d.Held == nil {
		return declared
	}
	held := *d.Held
	held.Declared = &declared
	d.Held, d.Description, d.Refused, d.Kept = &held, declared.Description, declared.Refused, declared.Kept
	return d
}

// RolledBack is t wanting again what a deployment of it reached, as the next
// generation. A *ConflictError when that is no rollback.
func RolledBack(t Target, d Deployment, h Hold) (Target, error) {
	conflict := &ConflictError{What: t.Ref.String(), Next: "see: baryon history " + t.Ref.String()}
	declared := t.Desired.AsDeclared()
	switch {
	case d.Ref != t.Ref:
		conflict.Why = "deployment " + d.ID + " is of " + d.Ref.String()
	case d.Action == Delete || d.Status != Succeeded:
		conflict.Why = "deployment " + d.ID + " is a " + string(d.Action) + " that is " + string(d.Status) + ", and only what succeeded can be gone back to"
	case t.Desired.Deleted || t.Desired.Orphaned != "":
		conflict.Why, conflict.Next = "is no longer declared", "declare it again"
	case t.Deployed.Deployment == d.ID && t.Deployed.Generation == t.Generation && t.LastAttempted == d.ID:
		conflict.Why = "deployment " + d.ID + " is what is deployed"
	case d.Desired.Environment != declared.Environment || d.Desired.Service != declared.Service || d.Desired.Instance != declared.Instance:
		conflict.Why = "deployment " + d.ID + " was in another place than its document names now"
	default:
		h.Deployment, h.Declared = d.ID, &declared
		past := d.Desired
		want := declared
		want.Template, want.Version, want.Spec, want.Part, want.Files = past.Template, past.Version, past.Spec, past.Part, past.Files
		want.Role, want.CodebuildRole, want.ComponentRole, want.Account = past.Role, past.CodebuildRole, past.ComponentRole, past.Account
		want.RerunSafe, want.Repository, want.Origin, want.Held = past.RerunSafe, past.Repository, past.Origin, &h
		want.Health = past.Health
		if past.Version != (Version{}) {
			want.Follow = Follow(past.Version.String())
		}
		t.Desired, t.Waiting = want, Waiting{}
		t.Generation++
		return t, nil
	}
	return t, conflict
}

// RollbackTarget is the deployment that a target goes back to when none is
// named: the last that succeeded, or the one before it when that is what is
// deployed and wanted. A *ConflictError when there is none.
func (s *Store) RollbackTarget(ctx context.Context, ref Ref) (Deployment, error) {
	t, err := s.Target(ctx, ref)
	if err != nil {
		return Deployment{}, err
	}
	var before *Deployment
	for {
		page, err := s.Deployments(ctx, ref, before, 100)
		if err != nil {
			return Deployment{}, err
		}
		for _, d := range page {
			before = &d
			if _, err := RolledBack(t, d, Hold{}); err == nil && (t.Desired.Held == nil || t.Desired.Held.Deployment != d.ID) && !sameWish(t.Deployed, d, t) {
				return d, nil
			}
		}
		if len(page) < 100 {
			return Deployment{}, &ConflictError{What: ref.String(), Why: "there is no earlier deployment to go back to", Next: "see: baryon history " + ref.String()}
		}
	}
}

// sameWish reports whether going back to a deployment would go nowhere: it
// applied what is deployed, and nothing was tried since.
func sameWish(now Deployed, d Deployment, t Target) bool {
	return d.Output == now.Output && t.LastAttempted == now.Deployment
}

// Rollback makes a target want again what one of its past deployments reached,
// as a new generation, and holds it there.
func (s *Store) Rollback(ctx context.Context, actor Actor, ref Ref, deployment, why string) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		d, err := tx.Deployment(deployment)
		if err != nil {
			return err
		}
		err = tx.Change(ref, func(t *Target) error {
			if *t, err = RolledBack(*t, d, Hold{By: actor, Why: why, At: tx.Now()}); err != nil {
				return err
			}
			return tx.ByHand(*t, actor, "rolled back to deployment "+deployment)
		})
		if err != nil {
			return err
		}
		return tx.Audit(actor, "rollback", ref, map[string]string{"deployment": deployment, "why": why})
	})
}
