package state

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// The verbs below record what a person asks of a target, in one transaction
// with its audit entry, and wake it. The loop does what was asked on its next
// visit, so asking is quick and survives a crash.

// ask changes the requests of a target and audits the verb. Of a service it asks
// all instances and the pipeline, of which some may have no use for it.
func (s *Store) ask(ctx context.Context, actor Actor, verb string, ref Ref, why string, fn func(*Tx, *Target) error) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		if ref.Kind == KindService {
			return tx.askService(actor, verb, ref, why, fn)
		}
		return tx.ask(actor, verb, ref, why, fn)
	})
}

func (tx *Tx) ask(actor Actor, verb string, ref Ref, why string, fn func(*Tx, *Target) error) error {
	err := tx.Change(ref, func(t *Target) error { return fn(tx, t) })
	if err != nil {
		return err
	}
	var detail any
	if why != "" {
		detail = map[string]string{"why": why}
	}
	return tx.Audit(actor, verb, ref, detail)
}

// askService asks the members of a service. It is a *ConflictError when none of
// them has a use for what is asked.
func (tx *Tx) askService(actor Actor, verb string, ref Ref, why string, fn func(*Tx, *Target) error) error {
	members, err := tx.TargetsOfService(ref.Name)
	if err != nil {
		return err
	}
	if len(members) == 0 {
		return &NotFoundError{What: ref.String()}
	}
	var first error
	done := 0
	for _, m := range members {
		err := tx.ask(actor, verb, m.Ref, why, fn)
		if _, conflict := errors.AsType[*ConflictError](err); conflict {
			if first == nil {
				first = err
			}
			continue
		}
		if err != nil {
			return err
		}
		done++
	}
	if done == 0 {
		return first
	}
	return tx.endService(ref, done == len(members))
}

// endService notes that a service is wanted gone once all that is in it is.
func (tx *Tx) endService(ref Ref, all bool) error {
	members, err := tx.TargetsOfService(ref.Name)
	if err != nil || !all || slices.ContainsFunc(members, func(t Target) bool { return !t.Desired.Deleted }) {
		return err
	}
	v, err := tx.Service(ref.Name)
	if _, missing := errors.AsType[*NotFoundError](err); missing || err == nil && v.Deleted {
		return nil
	}
	if err != nil {
		return err
	}
	v.Deleted, v.Status, v.Message = true, ServiceDeleteInProgress, ""
	if err := tx.PutService(v); err != nil {
		return err
	}
	return tx.Wake(ref)
}

// Retry asks for another attempt at what failed. A *ConflictError when the last
// attempt succeeded and nothing is waited for: there is nothing to try again.
func (s *Store) Retry(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "retry", ref, why, func(_ *Tx, t *Target) error {
		if t.Status == Succeeded && t.Waiting.Reason == "" {
			return &ConflictError{What: t.Ref.String(), Why: "did not fail", Next: "to deploy it again all the same: baryon redeploy " + t.Ref.String()}
		}
		if t.Desired.Returned() != nil && t.LastAttempted == t.Deployed.Deployment { // what is declared is meant
			t.Desired, t.Waiting = t.Desired.AsDeclared(), Waiting{}
			t.Generation++
		}
		t.Asked.Retry = Request{Generation: t.Generation, By: actor, Why: why}
		return nil
	})
}

// Skip is Retry that leaves resources alone: a rollback goes on without them, and
// a deletion leaves them where they are. A *ConflictError when nothing failed.
func (s *Store) Skip(ctx context.Context, actor Actor, ref Ref, why string, resources []string) error {
	leave := strings.Join(resources, ",")
	return s.ask(ctx, actor, "skip", ref, leave+because(why), func(_ *Tx, t *Target) error {
		if t.Status != Failed && t.Status != DeleteFailed && t.Waiting.Reason != WaitRetry {
			return &ConflictError{What: t.Ref.String(), Why: "did not fail", Next: "see: baryon why " + t.Ref.String()}
		}
		t.Asked.Retry = Request{Generation: t.Generation, By: actor, Why: why, Leave: leave}
		return nil
	})
}

// Force is Retry that may destroy what is left of something, to make it anew or to
// be rid of it. A *ConflictError when nothing failed, and without the name of a
// person and a reason.
func (s *Store) Force(ctx context.Context, actor Actor, ref Ref, why string, resources []string) error {
	leave := strings.Join(resources, ",")
	return s.ask(ctx, actor, "force", ref, why, func(_ *Tx, t *Target) error {
		switch {
		case actor == "" || why == "":
			return &ConflictError{What: ref.String(), Why: "to force it takes the name of a person and a reason", Next: "say who asks and why"}
		case t.Status != Failed && t.Status != DeleteFailed:
			return &ConflictError{What: t.Ref.String(), Why: "did not fail", Next: "see: baryon why " + t.Ref.String()}
		}
		t.Asked.Retry = Request{Generation: t.Generation, By: actor, Why: why, Leave: leave, Anew: true}
		return nil
	})
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// Adopt asks to take over what runs already, by its name or by its tags; with no
// name the request is taken back. A *ConflictError when the target was deployed
// already.
func (s *Store) Adopt(ctx context.Context, actor Actor, ref Ref, why, stack string) error {
	return s.ask(ctx, actor, "adopt", ref, stack+because(why), func(_ *Tx, t *Target) error {
		if t.Deployed.Deployment != "" && stack != "" {
			return &ConflictError{What: t.Ref.String(), Why: "was deployed already, so there is nothing to take over", Next: "see: baryon get " + t.Ref.String()}
		}
		if t.Asked.Adopt = (Adoption{Stack: stack, By: actor, Why: why}); stack == "" {
			t.Asked.Adopt = Adoption{}
			return nil
		}
		t.Asked.Retry = Request{Generation: t.Generation, By: actor, Why: why}
		return nil
	})
}

// Import asks to take resources that exist into the stack of a target, by what
// identifies them, with its next deployment. Of what failed that is now.
func (s *Store) Import(ctx context.Context, actor Actor, ref Ref, why string, imports map[string]string) error {
	text := "resources " + strings.Join(slices.Sorted(maps.Keys(imports)), ", ") + because(why)
	return s.ask(ctx, actor, "import", ref, text, func(_ *Tx, t *Target) error {
		t.Asked.Adopt.Imports, t.Asked.Adopt.By, t.Asked.Adopt.Why = imports, actor, why
		if t.Deployed.Deployment == "" || t.Status == Failed {
			t.Asked.Retry = Request{Generation: t.Generation, By: actor, Why: why}
		}
		return nil
	})
}

// Redeploy asks for a deployment even though nothing changed.
func (s *Store) Redeploy(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "redeploy", ref, why, func(_ *Tx, t *Target) error {
		t.Asked.Redeploy = Request{Generation: t.Generation, By: actor, Why: why}
		return nil
	})
}

// Approve lets the change that waits for a person go on. A *ConflictError when
// none does, or when the target has changed since the wait began: an approval
// covers the generation, the inputs and the plan that were shown, and nothing that
// comes later. As is what the actor was proved to be. A *ForbiddenError when the
// change waits for others.
func (s *Store) Approve(ctx context.Context, actor Actor, ref Ref, why string, as ...string) error {
	return s.ask(ctx, actor, "approve", ref, why, func(_ *Tx, t *Target) error {
		if err := awaitsPerson(t); err != nil {
			return err
		}
		w := t.Waiting
		asked := Request{Generation: t.Generation, Input: w.Input, Plan: w.Plan, By: actor, As: strings.Join(as, ","), Why: why}
		if err := asked.mayAnswer(t); err != nil {
			return err
		}
		before := t.Asked.Approved
		if before.Generation == asked.Generation && before.Input == asked.Input && before.Plan == asked.Plan {
			if before.By == asked.By {
				before = *cmp.Or(before.Before, &Request{})
			}
			if before.By != "" {
				asked.Before = &before
			}
		}
		t.Asked.Approved, t.Asked.Rejected = asked, Request{}
		return nil
	})
}

// mayAnswer is a *ForbiddenError when a target waits for other persons.
func (r Request) mayAnswer(t *Target) error {
	if t.Waiting.Persons == Nobodys {
		return &ForbiddenError{What: t.Ref.String(), Why: "nobody is named who may allow it", Next: "name persons in the rule; see: baryon why " + t.Ref.String()}
	}
	if t.Waiting.Persons == "" || r.Counts(strings.Split(t.Waiting.Persons, ",")) {
		return nil
	}
	e := &ForbiddenError{What: t.Ref.String(), Why: "waits for one of " + strings.ReplaceAll(t.Waiting.Persons, ",", ", ") + ", and " + string(r.By) + " is none of them",
		Next: "ask one of them; see: baryon why " + t.Ref.String()}
	if t.Waiting.Persons == Named {
		e.Why, e.Next = "waits for a person with a name", "say who asks with the header Baryon-Actor, or use a key"
	}
	return e
}

// Reject refuses the change that waits for a person: the target stays as it is
// until it is declared anew.
func (s *Store) Reject(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "reject", ref, why, func(_ *Tx, t *Target) error {
		if err := awaitsPerson(t); err != nil {
			return err
		}
		t.Asked.Rejected = Request{Generation: t.Generation, Input: t.Waiting.Input, By: actor, Why: why}
		t.Asked.Approved = Request{}
		return nil
	})
}

// Override lets the change that waits for its time be made now. A *ConflictError
// when none does, and without the name of a person and a reason; a *ForbiddenError
// when others may do that.
func (s *Store) Override(ctx context.Context, actor Actor, ref Ref, why string, as ...string) error {
	return s.ask(ctx, actor, "override", ref, why, func(tx *Tx, t *Target) error {
		asked := Request{Generation: t.Generation, Input: t.Waiting.Input, By: actor, As: strings.Join(as, ","), Why: why}
		open, err := optionalDeployment(tx.q.OpenDeployment(tx.ctx, t.Ref.String()))
		switch {
		case err != nil:
			return err
		case actor == "" || actor == Nobody || why == "":
			return &ConflictError{What: ref.String(), Why: "to change something outside its time takes the name of a person and a reason", Next: "say who asks and why"}
		case open != nil: // begun in time, and held up until that was over
			asked.Generation, asked.Input = open.Generation, open.Input
		case t.Waiting.Reason != WaitWindow:
			return &ConflictError{What: t.Ref.String(), Why: "no change waits for its time", Next: "see: baryon why " + t.Ref.String()}
		case t.Waiting.Generation != t.Generation:
			return &ConflictError{What: t.Ref.String(), Why: "has changed since it began to wait", Next: "see: baryon why " + t.Ref.String()}
		}
		if err := asked.mayAnswer(t); err != nil {
			return err
		}
		t.Asked.Override = asked
		return nil
	})
}

func awaitsPerson(t *Target) error {
	w := t.Waiting
	conflict := &ConflictError{What: t.Ref.String(), Next: "see: baryon why " + t.Ref.String()}
	ahead := t.Desired.Deleted && (w.Reason == WaitChild || w.Reason == WaitOrder) // it will be asked about in its turn
	switch {
	case w.Reason != WaitApproval && w.Reason != WaitGuard && !ahead:
		conflict.Why = "nothing waits for an approval"
	case w.Generation != 0 && w.Generation != t.Generation:
		conflict.Why = "has changed since it began to wait for an approval"
	default:
		return nil
	}
	return conflict
}

// Suspend stops changes of a target until Resume, or until a time if one is given.
func (s *Store) Suspend(ctx context.Context, actor Actor, ref Ref, why string, until time.Time) error {
	return s.ask(ctx, actor, "suspend", ref, why, func(_ *Tx, t *Target) error {
		t.Asked.Suspended = &Suspension{By: actor, Why: why, Until: until}
		return nil
	})
}

// Resume ends a suspension, and the hold of a rollback: what the document says
// is wanted again, as the next generation.
func (s *Store) Resume(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "resume", ref, why, func(tx *Tx, t *Target) error {
		if t.Asked.Suspended == nil && t.Desired.Held == nil {
			return &ConflictError{What: t.Ref.String(), Why: "is not suspended, and not held by a rollback"}
		}
		t.Asked.Suspended = nil
		if t.Desired.Held != nil {
			t.Desired, t.Waiting = t.Desired.AsDeclared(), Waiting{}
			t.Generation++
			return tx.resumed(*t, actor, why)
		}
		return nil
	})
}

// Cancel asks the engine to stop the deployment that is under way. A
// *ConflictError when none is, or when it is a deletion, which cannot be undone.
func (s *Store) Cancel(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "cancel", ref, why, func(tx *Tx, t *Target) error {
		open, err := tx.underWay(t.Ref)
		if err != nil {
			return err
		}
		if open.Action == Delete {
			return &ConflictError{What: t.Ref.String(), Why: "is being deleted, which cannot be undone"}
		}
		t.Asked.Cancel = Request{Deployment: open.ID, By: actor, Why: why}
		return nil
	})
}

// Abandon gives up the open deployment whatever its engine says: it becomes
// FAILED and what it was doing is left as it is.
func (s *Store) Abandon(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "abandon", ref, why, func(tx *Tx, t *Target) error {
		open, err := tx.underWay(t.Ref)
		if err != nil {
			return err
		}
		t.Asked.Abandon = Request{Deployment: open.ID, By: actor, Why: why}
		return nil
	})
}

// underWay reads the open deployment of a target that is locked already, so
// that a request never outlives the deployment it is about. A *ConflictError
// when there is none.
func (tx *Tx) underWay(ref Ref) (*Deployment, error) {
	open, err := optionalDeployment(tx.q.OpenDeployment(tx.ctx, ref.String()))
	if err == nil && open == nil {
		err = &ConflictError{What: ref.String(), Why: "no deployment is under way"}
	}
	return open, err
}

// Retain asks that a target which is to be deleted is forgotten instead, and
// what it made is left alone.
func (s *Store) Retain(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "retain", ref, why, func(_ *Tx, t *Target) error {
		if !t.Desired.Deleted {
			return &ConflictError{What: t.Ref.String(), Why: "is not being deleted", Next: "take it out of its document first"}
		}
		t.Asked.Retain = Request{Generation: t.Generation, By: actor, Why: why}
		return nil
	})
}

// ForceDelete asks that a target whose deletion failed is forgotten: what is
// left of it is nobody's from then on, so a person and a reason must be named. A
// *ConflictError when its deletion has not failed.
func (s *Store) ForceDelete(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "force-delete", ref, why, func(_ *Tx, t *Target) error {
		switch {
		case actor == "" || why == "":
			return &ConflictError{What: ref.String(), Why: "to force a deletion takes the name of a person and a reason", Next: "say who asks and why"}
		case !t.Desired.Deleted || t.Status != DeleteFailed:
			return &ConflictError{What: t.Ref.String(), Why: "its deletion has not failed", Next: "see: baryon why " + t.Ref.String()}
		}
		t.Asked.Force = Request{Generation: t.Generation, By: actor, Why: why}
		return nil
	})
}

// Delete asks for the deletion of a target that nothing declares any more. The
// person who asks is the one whom the guard wants named; a deletion that waits
// goes on. A *ConflictError while a repository declares it: the deletion
// belongs into Git then.
func (s *Store) Delete(ctx context.Context, actor Actor, ref Ref, why string) error {
	return s.ask(ctx, actor, "delete", ref, why, func(tx *Tx, t *Target) error {
		declared := !t.Desired.Deleted && t.Desired.Orphaned == ""
		if t.Owner.Repository != "" && declared {
			return &ConflictError{What: t.Ref.String(), Why: "is declared in " + t.Owner.String(), Next: "take it out there"}
		}
		t.Desired.Deleted, t.Desired.Orphaned = true, ""
		t.Generation++
		t.Asked.Approved = Request{Generation: t.Generation, By: actor, Why: why}
		switch t.Ref.Kind {
		case KindComponent:
			return tx.Detach(t.Ref)
		case KindInstance:
			return tx.dropNeed(PipelineRef(t.Ref.Service), t.Ref)
		default:
			return nil
		}
	})
}
