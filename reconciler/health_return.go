package reconciler

import (
	"context"
	"errors"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// onFailure is what the declaration of a deployment's health says of its failure.
func (r *Reconciler) onFailure(ctx context.Context, d state.Deployment) (string, error) {
	if d.Health == nil || d.Rendered == "" {
		return "", nil
	}
	art, err := r.artifact(ctx, d.Rendered)
	if err != nil || art.Health == nil {
		return "", err
	}
	return art.Health.OnFailure, nil
}

// returned says of what was taken back by itself why, and where it is now.
func returned(d state.Desired) string {
	return d.Held.Why + "\ndeployment " + d.Held.Deployment + ", which was good last, is deployed again"
}

// wayBack finds the last good generation for a deployment that was not healthy,
// where its declaration asks to return to that, and says what happens in its
// message. Nil is that nothing is returned to: a return that was not healthy itself
// ends there.
func (r *Reconciler) wayBack(tx *state.Tx, d *state.Deployment, onFailure string) (*state.Deployment, error) {
	if d.Status != state.Failed || d.Health == nil || d.Health.Ended != state.Unhealthy || onFailure != renderer.HealthReturn {
		return nil, nil
	}
	t, err := tx.Target(d.Ref)
	if err != nil {
		return nil, err
	}
	why := ""
	switch {
	case d.Desired.Returned() != nil:
		why = "it was the return from deployment " + d.Desired.Returned().Deployment
	case d.Desired.Held != nil:
		why = d.Desired.Held.String() + " asked for this one"
	case t.Generation != d.Generation:
		why = "something newer is wanted meanwhile"
	case d.Before.Deployment == "":
		why = "there is none"
	case d.Before.Output == d.Output:
		why = "it is the same"
	}
	var past state.Deployment
	if why == "" {
		past, err = tx.Deployment(d.Before.Deployment)
		if err == nil {
			_, err = state.RolledBack(t, past, state.Hold{})
		}
		_, conflict := errors.AsType[*state.ConflictError](err)
		switch {
		case isMissing(err):
			why = "deployment " + d.Before.Deployment + " is not kept any more"
		case conflict:
			why = err.Error()
		case err != nil:
			return nil, err
		}
	}
	if why != "" {
		d.Message += "\nnothing is returned to, of what was good last: " + why
		return nil, nil
	}
	d.Message += "\nreturning to deployment " + past.ID + ", which was good last"
	return &past, nil
}

// returnTo makes what a past deployment reached wanted again, in place of what d
// could not reach.
func (r *Reconciler) returnTo(tx *state.Tx, d, past state.Deployment) error {
	why, _, _ := strings.Cut(strings.TrimPrefix(d.Message, "applied, but "), "\nwhat was applied stays")
	h := state.Hold{
		By: state.ActorLoop, Why: "deployment " + d.ID + " was " + why, At: tx.Now(),
		Returned: &state.Returned{Deployment: d.ID, Input: d.Input},
	}
	err := tx.Change(d.Ref, func(t *state.Target) (err error) {
		*t, err = state.RolledBack(*t, past, h)
		return err
	})
	if err != nil {
		return err
	}
	return tx.Audit(state.ActorLoop, "return", d.Ref, map[string]string{"from": d.ID, "to": past.ID, "why": why})
}

// declaredMoved tells whether what is declared of a target that was returned from
// it would be made from other inputs now than those that were not healthy.
func (r *Reconciler) declaredMoved(ctx context.Context, t state.Target) (bool, error) {
	from := t.Desired.Returned()
	if from == nil || t.Desired.Deleted || t.Desired.Orphaned != "" {
		return false, nil
	}
	t.Desired = t.Desired.AsDeclared()
	v, _, err := r.look(ctx, t)
	return err == nil && v.Input != "" && v.Input != from.Input, err
}

// triedAgain is a target that wants what is declared of it again.
func triedAgain(t state.Target) state.Target {
	t.Desired, t.Waiting = t.Desired.AsDeclared(), state.Waiting{}
	t.Generation++
	return t
}

// tryDeclared makes what is declared wanted again.
func (r *Reconciler) tryDeclared(ctx context.Context, c state.Claim) error {
	return r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		err := tx.Change(c.Ref, func(t *state.Target) error {
			if t.Desired.Returned() != nil {
				*t = triedAgain(*t)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Audit(state.ActorLoop, "resume", c.Ref, map[string]string{"why": "what was not healthy is made from other inputs now"})
	})
}
