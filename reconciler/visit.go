package reconciler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"go.uber.org/zap"

	"baryon/renderer"
	"baryon/state"
)

// visitTarget does the next step for one target: it carries an open deployment
// on, or looks, plans, and does what the plan says.
func (r *Reconciler) visitTarget(ctx context.Context, c state.Claim) (next, error) {
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
	return r.act(ctx, c, v, Plan(v), art)
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
	switch change.Step {
	case Deploy, Refuse:
		return r.begin(ctx, c, v, change, art)
	case Record:
		return r.later(), r.record(ctx, c, v, change)
	case Forget:
		return r.later(), r.forgetTarget(ctx, c, v.Target, change)
	default:
		if err := r.noteWaiting(ctx, c, v.Target, change.Waiting); err != nil {
			return next{}, err
		}
		return r.again(change.Waiting), nil
	}
}

// again is when a waiting target is looked at by itself.
func (r *Reconciler) again(w state.Waiting) next {
	n := r.later()
	if w.Reason == state.WaitLimit {
		n.at = time.Now().Add(jitter(time.Second))
	}
	if !w.Until.IsZero() && w.Until.Before(n.at) {
		n.at = w.Until
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
		if s := now.Asked.Suspended; s != nil && !s.Until.IsZero() && !tx.Now().Before(s.Until) {
			now.Asked.Suspended = nil
		}
		now.Waiting = w
		if err := tx.PutTarget(now); err != nil {
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
		if err := tx.PutTarget(t); err != nil {
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

// look reads and renders all that Plan needs to know about a target. In the
// view, Desired.Version is the version that is wanted now.
func (r *Reconciler) look(ctx context.Context, t state.Target) (View, *artifact, error) {
	return r.lookAs(ctx, t, nil)
}

// lookAs is look, with something in the place of what t needs and is not
// deployed yet; without an assume, nothing is rendered then.
func (r *Reconciler) lookAs(ctx context.Context, t state.Target, assume assumption) (View, *artifact, error) {
	s := r.current()
	v := View{Target: t, Now: time.Now(), DeletionLimit: s.Deletions}
	var err error
	if v.Last, err = r.cfg.Store.LastDeployment(ctx, t.Ref); err != nil {
		return v, nil, err
	}
	open, err := r.cfg.Store.CountOpenDeployments(ctx)
	if err != nil {
		return v, nil, err
	}
	v.Busy = open >= s.Deployments
	if t.Desired.Deleted {
		if v.Dependents, err = r.cfg.Store.Dependents(ctx, t.Ref); err != nil {
			return v, nil, err
		}
		v.Deletions, err = r.cfg.Store.CountDeletions(ctx, v.Now.Add(-24*time.Hour))
		return v, nil, err
	}
	needs, err := r.needs(ctx, t, &v)
	if err != nil {
		return v, nil, err
	}
	if assume != nil {
		if err := assume(ctx, t, v.Needs, needs); err != nil {
			return v, nil, err
		}
	}
	want, blocked, err := r.wanted(ctx, t)
	if err != nil || blocked.Reason != "" {
		v.Blocked = blocked
		return v, nil, err
	}
	v.Target.Desired.Version = want.version
	if v.Blocked = want.incompatible(t, needs); v.Blocked.Reason != "" {
		return v, nil, nil
	}
	if _, waits := waitForNeeds(v); waits && assume == nil {
		return v, nil, nil
	}
	art, err := r.renderInto(ctx, &v, want, needs)
	return v, art, err
}

// needs reads the targets that t waits for.
func (r *Reconciler) needs(ctx context.Context, t state.Target, v *View) (map[state.Ref]state.Target, error) {
	found := make(map[state.Ref]state.Target, len(t.Needs))
	for _, ref := range t.Needs {
		n := Need{Ref: ref}
		parent, err := r.cfg.Store.Target(ctx, ref)
		var missing *state.NotFoundError
		switch {
		case errors.As(err, &missing):
		case err != nil:
			return nil, err
		default:
			n.Exists, n.Status = true, parent.Status
			n.Deployed = parent.Deployed.Deployment != "" && !parent.Desired.Deleted
			found[ref] = parent
		}
		v.Needs = append(v.Needs, n)
	}
	return found, nil
}

// renderInto computes the digests of a view and, when they may lead to a
// deployment, renders what it would apply.
func (r *Reconciler) renderInto(ctx context.Context, v *View, want wanted, needs map[state.Ref]state.Target) (*artifact, error) {
	in, err := r.inputs(v.Target, want, needs)
	if err != nil {
		return nil, err
	}
	canonical, err := in.Canonical(want.part)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	sum.Write([]byte(want.bundle.Digest + "\n" + string(want.part) + "\n" + v.Target.Desired.Role + "\n"))
	sum.Write(canonical)
	v.Input = hex.EncodeToString(sum.Sum(nil))
	t := v.Target
	if v.Input == t.Deployed.Input && t.LastAttempted == t.Deployed.Deployment && !covers(t.Asked.Redeploy, t) {
		return nil, nil
	}
	out, err := r.renderer.Render(ctx, want.bundle, want.part, in, renderer.Provision)
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		v.RenderError = "rendering " + t.Desired.Template + " " + t.Desired.Version.String() + " failed:\n" + problems.Error()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v.Output, v.Engine = out.Digest, string(out.Engine)
	if v.Engine == "" {
		v.Engine = engineNone
	}
	return &artifact{
		Commands: out.Commands, Deprovision: out.DeprovisionCommands, Env: out.Env, Timeout: out.Timeout,
		RerunSafe: out.RerunSafe, Outputs: out.Outputs, files: out.Files,
	}, nil
}
