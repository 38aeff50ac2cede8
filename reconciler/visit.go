package reconciler

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"baryon/state"
)

// visitTarget does the next step for one target: it carries an open deployment
// on, or looks, plans, and does what the plan says.
func (r *Reconciler) visitTarget(ctx context.Context, c state.Claim) (next, error) {
	stamp, err := r.cfg.Store.Stamp(ctx, c.Ref, r.stamp())
	if err != nil {
		return next{}, err
	}
	t, err := r.cfg.Store.Target(ctx, c.Ref)
	if _, ok := errors.AsType[*state.NotFoundError](err); ok {
		return r.later(), nil
	}
	if err != nil {
		return next{}, err
	}
	open, err := r.cfg.Store.OpenDeployment(ctx, c.Ref)
	if err != nil {
		return next{}, err
	}
	if open != nil {
		return r.advance(ctx, c, t, *open)
	}
	if moved, err := r.declaredMoved(ctx, t); err != nil {
		return next{}, err
	} else if moved {
		return next{at: time.Now()}, r.tryDeclared(ctx, c)
	}
	v, art, err := r.look(ctx, t)
	if err != nil {
		return next{}, err
	}
	if v.Target.Desired.Version != t.Desired.Version {
		moved, err := r.moveVersion(ctx, c, v.Target.Desired.Version)
		if err != nil {
			return next{}, err
		}
		v.Target = moved
	}
	n, err := r.act(ctx, c, v, Plan(v), art)
	if !n.restUntil.IsZero() {
		n.rest = stamp
	}
	return n, err
}

// moveVersion notes that a target wants another version than before, which is
// a new generation of it. The first version a target gets is part of its first
// generation.
func (r *Reconciler) moveVersion(ctx context.Context, c state.Claim, version state.Version) (state.Target, error) {
	var moved state.Target
	err := r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		t, err := tx.Target(c.Ref)
		if err != nil {
			return err
		}
		moved = onVersion(t, version)
		if t.Owner.Repository != "" && t.Ref.Service != "" { // the template may have a pipeline that the document leaves out
			if err := tx.Wake(state.RepositoryRef(t.Owner.Repository)); err != nil {
				return err
			}
		}
		return tx.PutTarget(moved)
	})
	return moved, err
}

// onVersion is a target that wants a version.
func onVersion(t state.Target, version state.Version) state.Target {
	if t.Desired.Version != (state.Version{}) && t.Desired.Version != version {
		t.Generation++
	}
	t.Desired.Version = version
	return t
}

// act does what Plan decided.
func (r *Reconciler) act(ctx context.Context, c state.Claim, v View, change Change, art *artifact) (next, error) {
	if change.Step != Nothing || change.Waiting.Reason != "" {
		r.giveBack(&r.checks, v.Target.Ref) // a check under way makes room, and goes on later
	}
	if r.foresees(v, change, art) {
		return r.foresee(ctx, c, v, change.Waiting, art)
	}
	r.giveBack(&r.plans, v.Target.Ref)
	r.giveBack(&r.changeSets, v.Target.Ref)
	if err := r.dropPlan(ctx, c, v, change); err != nil {
		return next{}, err
	}
	switch change.Step {
	case Deploy, Refuse:
		if old, err := r.outdated(ctx, c, v, change); old || err != nil {
			return next{at: time.Now()}, err
		}
		return r.begin(ctx, c, v, change, art)
	case Record:
		return r.later(), r.record(ctx, c, v, change)
	case Forget:
		return r.later(), r.forgetTarget(ctx, c, v.Target, change)
	default:
		if err := r.noteWaiting(ctx, c, v.Target, change.Waiting); err != nil {
			return next{}, err
		}
		if change.Waiting.Reason == "" {
			return r.lookForDrift(ctx, c, v.Target)
		}
		return r.again(change.Waiting), nil
	}
}

// again is when a waiting target is looked at by itself.
func (r *Reconciler) again(w state.Waiting) next {
	n := r.later()
	switch w.Reason {
	case state.WaitLimit:
		n.at = time.Now().Add(jitter(time.Second))
	case state.WaitOrder: // what goes first wakes its service, and not what it takes the place of
		n.at = time.Now().Add(jitter(5 * time.Second))
	default:
	}
	if !w.Until.IsZero() {
		if at := time.Now().Add(w.Until.Sub(r.cfg.Now())); at.Before(n.at) {
			n.at = at
		}
	}
	return n
}

// noteWaiting keeps why nothing happens, if that has changed.
func (r *Reconciler) noteWaiting(ctx context.Context, c state.Claim, t state.Target, w state.Waiting) error {
	old := t.Waiting
	old.Since = time.Time{}
	if old == w {
		return nil
	}
	return r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		now, err := tx.Target(t.Ref)
		if err != nil {
			return err
		}
		if w.Reason != "" {
			w.Since = tx.Now()
		}
		now.Asked.Expire(tx.Now())
		now.Waiting = w
		if err := tx.PutTarget(now); err != nil {
			return err
		}
		if err := tx.WakeDependents(now.Ref); err != nil {
			return err
		}
		return r.woken(tx, now)
	})
}

// noteBackoff tells on the target why its last visit came to nothing.
func (r *Reconciler) noteBackoff(ctx context.Context, c state.Claim, until time.Time, cause error) {
	if !c.Ref.Deployable() {
		return
	}
	t, err := r.cfg.Store.Target(ctx, c.Ref)
	if err == nil {
		err = r.noteWaiting(ctx, c, t, state.Waiting{
			Reason: state.WaitBackoff, Why: cause.Error(), Until: until.UTC().Truncate(time.Microsecond),
			Next: "nothing: it is tried again by itself",
		})
	}
	if err != nil && !errors.Is(err, state.ErrLost) {
		r.log.Warn("reason for waiting not kept", zap.Stringer("ref", c.Ref), zap.Error(err))
	}
}

// record moves the recorded version and generation on without a deployment.
func (r *Reconciler) record(ctx context.Context, c state.Claim, v View, change Change) error {
	return r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		t, err := tx.Target(v.Target.Ref)
		if err != nil {
			return err
		}
		d := &t.Deployed
		detail := map[string]string{"reason": change.Reason, "from": d.Version.String(), "to": v.Target.Desired.Version.String()}
		d.Generation, d.Version, d.Spec, d.Input = v.Target.Generation, v.Target.Desired.Version, v.Target.Desired.Spec, v.Input
		d.Commit = v.Target.Desired.Origin.Commit
		t.Waiting = state.Waiting{}
		if t.Status == state.Failed && t.Desired.Returned() == nil { // it was returned to what is wanted now
			t.Status, t.Message = state.Succeeded, ""
		}
		if err := tx.PutTarget(t); err != nil {
			return err
		}
		if err := tx.SetUses(t.Ref, v.uses()); err != nil {
			return err
		}
		if err := tx.WakeDependents(t.Ref); err != nil {
			return err
		}
		if err := r.woken(tx, t); err != nil {
			return err
		}
		return tx.Audit(state.ActorLoop, "record", t.Ref, detail)
	})
}

// forgetTarget drops a target and leaves alone what it made.
func (r *Reconciler) forgetTarget(ctx context.Context, c state.Claim, t state.Target, change Change) error {
	return r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		now, err := tx.Target(t.Ref)
		if err != nil {
			return err
		}
		if !now.Desired.Deleted {
			return tx.Wake(t.Ref)
		}
		if err := tx.RemoveTarget(now); err != nil {
			return err
		}
		return tx.Audit(state.ActorLoop, "forget", t.Ref, map[string]string{"reason": change.Reason})
	})
}
