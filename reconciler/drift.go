package reconciler

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"
)

// A Drifter is an Engine that can compare what is there with what it deployed.
type Drifter interface {
	// Drift is called like Apply. The Changes of its final Progress are what others
	// changed. It changes nothing.
	Drift(ctx context.Context, job provisioner.Job) (provisioner.Progress, error)
}

// What is done about drift.
const (
	DriftIgnore  = "ignore"  // it is not looked for
	DriftReport  = "report"  // it is shown
	DriftCorrect = "correct" // what was deployed is deployed again
)

// DriftModes are what can be done about drift.
func DriftModes() []string { return []string{DriftIgnore, DriftReport, DriftCorrect} }

// A DriftRule says how often drift is looked for, and what is done about it.
type DriftRule struct {
	Every        time.Duration     // between two checks of a target; six hours when 0
	AtOnce       int               // checks at once in this process, besides deployments; 2 when 0
	Mode         string            // DriftReport when empty
	Environments map[string]string // the mode of what is in an environment, by its name
}

// modeOf is what is done about the drift of a target. Of a target in several
// environments the mildest mode counts.
func (d DriftRule) modeOf(t state.Target) string {
	mode := ""
	for _, name := range environmentsOf(t) {
		if m := d.Environments[name]; m != "" && (mode == "" || slices.Index(DriftModes(), m) < slices.Index(DriftModes(), mode)) {
			mode = m
		}
	}
	if mode == "" {
		mode = d.Mode
	}
	return mode
}

// lookForDrift makes the next step of a check for drift, if one is due, and says
// when the target is looked at again. Only a target that is as it is wanted is
// checked.
func (r *Reconciler) lookForDrift(ctx context.Context, c state.Claim, t state.Target) (next, error) {
	rule := r.current().Drift
	drifter, ok := r.cfg.Engines[renderer.Engine(t.Deployed.Engine)].(Drifter)
	settled := t.Deployed.Deployment != "" && t.LastAttempted == t.Deployed.Deployment && t.Status == state.Succeeded
	if !ok || !settled || rule.modeOf(t) == DriftIgnore {
		return r.later().atRest(time.Time{}), nil
	}
	seen := t.Observed.Drift
	due := seen.CheckedAt
	if due.Before(t.Deployed.At) {
		due = t.Deployed.At // what was deployed just now has not drifted
	}
	due = due.Add(rule.Every)
	if n := r.later(); seen.ID == "" && r.cfg.Now().Before(due) {
		at := time.Now().Add(due.Sub(r.cfg.Now()))
		if at.Before(n.at) {
			n.at = at
		}
		return n.atRest(at), nil
	}
	if !r.checks.take(t.Ref, rule.AtOnce) {
		return next{at: time.Now().Add(jitter(queued))}, nil
	}
	return r.stepDrift(ctx, c, t, drifter)
}

// stepDrift makes one call for the check.
func (r *Reconciler) stepDrift(ctx context.Context, c state.Claim, t state.Target, drifter Drifter) (_ next, err error) {
	seen := t.Observed.Drift
	fresh := seen.ID == "" || seen.Deployment != t.Deployed.Deployment
	defer func() {
		if err != nil {
			r.giveBack(&r.checks, t.Ref)
		}
	}()
	if fresh {
		seen.ID, seen.Handle = state.NewID(), ""
		if seen.Deployment != t.Deployed.Deployment {
			seen.Found = nil
		}
		seen.Deployment = t.Deployed.Deployment
		if err := r.observe(ctx, c, t.Ref, func(now *state.Target) { now.Observed.Drift = seen }); err != nil {
			return next{}, err
		}
	}
	art, err := r.artifact(ctx, t.Deployed.Rendered)
	if err != nil {
		return next{}, err
	}
	r.beginsJob(seen.ID, t.Ref)
	d := state.Deployment{ID: seen.ID, Ref: t.Ref, Desired: t.Desired, Handle: seen.Handle, Before: t.Deployed}
	as, err := r.identityOf(ctx, t)
	if err != nil {
		return next{}, err
	}
	as.of(&d.Desired)
	if d.Account, err = r.accountOf(ctx, t); err != nil {
		return next{}, err
	}
	p, err := drifter.Drift(ctx, r.jobOf(d, art))
	if err != nil {
		return next{}, err
	}
	if !p.State.Final() {
		if p.Handle != seen.Handle {
			seen.Handle = p.Handle
			if err := r.observe(ctx, c, t.Ref, func(now *state.Target) { now.Observed.Drift = seen }); err != nil {
				return next{}, err
			}
		}
		return next{at: time.Now().Add(again(p)), sticky: true}, nil
	}
	r.giveBack(&r.checks, t.Ref)
	return next{at: time.Now()}, r.noteDrift(ctx, c, t, seen, p)
}

// noteDrift keeps what a check found, and asks for a deployment where drift is
// to be corrected.
func (r *Reconciler) noteDrift(ctx context.Context, c state.Claim, t state.Target, seen state.Drift, p provisioner.Progress) error {
	correct := false
	id := seen.ID
	err := r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		now, err := tx.Target(t.Ref)
		if err != nil {
			return err
		}
		seen = seen.Checked(tx.Now(), p.State == provisioner.Succeeded, p.Message, changesOf(p.Changes))
		now.Observed.Drift = seen
		correct = len(seen.Found) > 0 && r.current().Drift.modeOf(now) == DriftCorrect
		if correct {
			now.Asked.Redeploy = state.Request{Generation: now.Generation, By: state.ActorLoop, Why: "correcting drift: " + seen.String()}
			if err := tx.Audit(state.ActorLoop, "correct drift", t.Ref, map[string]string{"found": seen.String()}); err != nil {
				return err
			}
		}
		return tx.PutTarget(now)
	})
	if err == nil {
		r.log.Info("drift looked for", zap.Stringer("ref", t.Ref), zap.Int("found", len(seen.Found)), zap.Bool("failed", seen.Failed != ""), zap.Bool("correct", correct))
		r.forget(ctx, state.Deployment{ID: id, Engine: t.Deployed.Engine})
	}
	return err
}
