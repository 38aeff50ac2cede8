package reconciler

import (
	"context"

	"go.uber.org/zap"

	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"
)

// A dropper is a Planner whose plans take up room until they are applied.
type dropper interface {
	// Drop removes what the plan of a job left, which nobody will apply.
	Drop(ctx context.Context, job provisioner.Job) error
}

// dropPlan removes a plan that nobody will apply any more: it was rejected, or what
// it was for is gone, or is deployed, or cannot be deployed. Plans that others take
// the place of are removed with those.
func (r *Reconciler) dropPlan(ctx context.Context, c state.Claim, v View, change Change) error {
	t, f := v.Target, v.Target.Observed.Foreseen
	engine, ok := r.cfg.Engines[renderer.Engine(f.Engine)].(dropper)
	switch {
	case f.ID == "" || !ok:
		return nil
	case change.Step == Deploy, change.Step == Nothing && change.Waiting.Reason != "" && !approved(v, t.Asked.Rejected):
		return nil // it may be applied yet
	}
	d := state.Deployment{ID: f.ID, Ref: t.Ref, Desired: t.Desired, Handle: f.Handle, Before: t.Deployed, Account: f.Account}
	identity{Role: f.Role, ExternalID: f.ExternalID, Region: f.Region}.of(&d.Desired)
	job := r.jobOf(d, &artifact{})
	job.Stack = f.Stack
	err := engine.Drop(ctx, job)
	if err != nil && f.Handle != "" && !covers(t.Asked.Retain, t) {
		return err
	}
	if err != nil { // as far as is known it made nothing, or a person said to leave it
		r.log.Info("plan not removed", zap.Stringer("ref", t.Ref), zap.String("plan", f.ID), zap.Error(err))
	}
	r.forget(ctx, state.Deployment{ID: f.ID, Engine: f.Engine})
	if change.Step == Forget {
		return nil
	}
	return r.observe(ctx, c, t.Ref, func(now *state.Target) {
		if now.Observed.Foreseen.ID == f.ID {
			now.Observed.Foreseen = state.Foreseen{}
		}
	})
}
