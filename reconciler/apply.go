package reconciler

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"
)

// begin records a change as a deployment and makes its first step. From the
// commit on, the deployment is carried through whatever happens to this process.
func (r *Reconciler) begin(ctx context.Context, c state.Claim, v View, change Change, art *artifact) (next, error) {
	t, d := v.Target, opening(v, change)
	err := r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		if art != nil && change.Step == Deploy && change.Action != state.Delete {
			digest, err := tx.PutFiles(art.pack())
			if err != nil {
				return err
			}
			d.Rendered, d.Outputs, d.Needs = digest, art.Outputs, art.needs
		}
		now, err := r.stillRight(tx, v, d)
		if err != nil {
			return err
		}
		if err := r.room(tx, d); err != nil {
			return err
		}
		if err := tx.AddDeployment(d); err != nil {
			return err
		}
		now.Status, now.Message, now.LastAttempted = d.Status, d.Message, d.ID
		now.Waiting = state.Waiting{}
		now.Asked.Expire(tx.Now())
		now.Asked.Retry, now.Asked.Redeploy = state.Request{}, state.Request{}
		if err := tx.PutTarget(now); err != nil {
			return err
		}
		if d.Status.Final() {
			if err := tx.WakeDependents(now.Ref); err != nil {
				return err
			}
		}
		return r.woken(tx, now)
	})
	if errors.Is(err, errMoved) || errors.Is(err, errCrowded) {
		return next{at: time.Now()}, nil
	}
	if err != nil {
		return next{}, err
	}
	r.log.Info("deployment begun", zap.Stringer("ref", t.Ref), zap.String("deployment", d.ID),
		zap.String("action", string(d.Action)), zap.Int64("generation", d.Generation), zap.String("commit", d.Desired.Origin.Commit))
	if d.Status.Final() {
		r.log.Info("deployment moved", zap.Stringer("ref", t.Ref), zap.String("deployment", d.ID), zap.String("to", string(d.Status)))
		return next{at: time.Now()}, nil // look once more, to say why it rests
	}
	return r.advance(ctx, c, t, d)
}

// room makes sure that no limit is passed by beginning d.
func (r *Reconciler) room(tx *state.Tx, d state.Deployment) error {
	if d.Status.Final() {
		return nil
	}
	open, err := tx.OpenDeployments()
	if err == nil && r.current().crowded(open, d.Engine, d.Account) != "" {
		err = errCrowded
	}
	return err
}

// errMoved says that what a plan rests upon has changed between planning and
// beginning: nothing was begun, and the next visit plans again.
var errMoved = errors.New("changed meanwhile")

// stillRight locks the target, and with it its partner, and makes sure that what
// was planned may still be begun: the target is the one that was planned for,
// its partner is at rest, and the guard is not used up by others.
func (r *Reconciler) stillRight(tx *state.Tx, v View, d state.Deployment) (state.Target, error) {
	refs := []state.Ref{v.Target.Ref}
	if v.Partner != nil {
		refs = append(refs, v.Partner.Ref)
		slices.SortFunc(refs, func(a, b state.Ref) int { return strings.Compare(a.String(), b.String()) }) // one order, so that no two wait for each other
	}
	var now state.Target
	for _, ref := range refs {
		t, err := tx.Target(ref)
		if ref == v.Target.Ref {
			if err != nil {
				return t, err
			}
			now = t
			continue
		}
		if open, openErr := tx.UnderWay(ref); openErr != nil || open {
			return t, errors.Join(openErr, errMoved)
		}
	}
	if now.Generation != v.Target.Generation || now.Asked.Rejected != v.Target.Asked.Rejected {
		return now, errMoved
	}
	if d.Unasked {
		n, err := tx.CountDeletions(tx.Now().Add(-guarded), d.Ref)
		if err != nil {
			return now, err
		}
		if n >= v.DeletionLimit {
			return now, errMoved
		}
	}
	return now, sameTally(tx, v, d)
}

// errCrowded says that others took the last free place between planning and
// beginning: nothing was begun, and the next visit says which limit it waits for.
var errCrowded = errors.New("others began first")

// advance makes one idempotent call to the engine and writes down how far the
// deployment is. It makes no choices: what it cannot do now it does next time.
func (r *Reconciler) advance(ctx context.Context, c state.Claim, t state.Target, d state.Deployment) (next, error) {
	if t.Asked.Abandon.Deployment == d.ID {
		return r.settle(ctx, c, d, provisioner.Progress{
			State: provisioner.Failed, Handle: d.Handle,
			Message: "abandoned by " + t.Asked.Abandon.String() + "; what it was doing is left as it is",
		}, 0)
	}
	if d.Health != nil {
		return r.advanceHealth(ctx, c, t, d)
	}
	engine, job, offset, err := r.job(ctx, d)
	if err != nil {
		return next{}, err
	}
	if f := t.Observed.Foreseen; d.Plan != "" && f.ID == d.Plan {
		job.PlanHandle = f.Handle
	}
	if engine == nil && d.Engine != "" && d.Engine != engineNone {
		return next{}, errors.New("this Baryon has no engine for " + d.Engine)
	}
	if engine == nil {
		return r.settle(ctx, c, d, r.nothingToApply(d), 0)
	}
	if t.Asked.Cancel.Deployment == d.ID && d.Status == state.InProgress {
		err := engine.Cancel(ctx, job)
		if elsewhere, ok := errors.AsType[*provisioner.OtherHostError](err); ok {
			return r.elsewhere(ctx, c, d, job, elsewhere)
		}
		if err != nil {
			return next{}, err
		}
		if err := r.cancelling(ctx, c, &d, t); err != nil {
			return next{}, err
		}
	}
	if err := r.bind(ctx, t, d, &job); err != nil {
		return next{}, err
	}
	r.beginsJob(d.ID, d.Ref)
	p, err := engine.Apply(ctx, job)
	if elsewhere, ok := errors.AsType[*provisioner.OtherHostError](err); ok {
		return r.elsewhere(ctx, c, d, job, elsewhere)
	}
	if err != nil {
		return next{}, err
	}
	return r.settle(ctx, c, d, p, offset)
}

func (s Settings) account(d state.Desired) string {
	if d.Account != "" {
		return d.Account
	}
	return s.Account
}

// nothingToApply is the progress of a deployment that has nothing to run: a
// customer-managed environment, whose spec's values are its outputs, or the
// deletion of what never ran.
func (r *Reconciler) nothingToApply(d state.Deployment) provisioner.Progress {
	return provisioner.Progress{State: provisioner.Succeeded, Outputs: d.Outputs}
}

// cancelling notes that the engine was asked to stop.
func (r *Reconciler) cancelling(ctx context.Context, c state.Claim, d *state.Deployment, t state.Target) error {
	if err := d.Move(state.Cancelling, "cancelled by "+t.Asked.Cancel.String()); err != nil {
		return err
	}
	return r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		if err := tx.SaveDeployment(*d); err != nil {
			return err
		}
		return r.show(tx, *d)
	})
}

// outcome maps what an engine says to Proton's statuses.
func outcome(d state.Deployment, s provisioner.State) state.Status {
	deleting := d.Action == state.Delete
	switch {
	case s == provisioner.Running:
		return d.Status
	case deleting && s == provisioner.Succeeded:
		return state.DeleteComplete
	case deleting:
		return state.DeleteFailed
	case s == provisioner.Succeeded:
		return state.Succeeded
	case s == provisioner.Cancelled && d.Status == state.Cancelling:
		return state.Cancelled
	default:
		return state.Failed
	}
}

// settle writes the progress of a deployment: log, handle, status and, at its
// end, what is deployed now, all in one transaction.
func (r *Reconciler) settle(ctx context.Context, c state.Claim, d state.Deployment, p provisioner.Progress, offset int64) (next, error) {
	before := d.Status
	status := outcome(d, p.State)
	message := named(p.Message, d.Ref)
	if status == state.Cancelled && message == "" {
		message = d.Message
	}
	health, err := r.healthOf(ctx, d, status, p.Outputs)
	if err != nil {
		return next{}, err
	}
	if health != nil { // applied; whether it works is asked from now on
		d.Health, status, message = health, d.Status, health.String()
	}
	quiet := d.Health == nil && len(p.Log) == 0 && p.Handle == d.Handle && status == d.Status && message == d.Message
	if quiet && p.State == provisioner.Running {
		return next{at: time.Now().Add(again(p)), sticky: true}, nil
	}
	if err := d.Move(status, message); err != nil {
		return next{}, err
	}
	d.Handle = p.Handle
	if d.Adopt != "" && p.Stack != "" {
		d.Before.Stack = p.Stack // its name from now on
	}
	if p.Place != "" {
		d.Before.Place, d.Before.Identifier = p.Place, cmp.Or(p.Identifier, d.Before.Identifier)
	}
	if len(p.Changes) > 0 {
		d.Changes = changesOf(p.Changes)
	}
	onFailure, err := r.onFailure(ctx, d)
	if err != nil {
		return next{}, err
	}
	err = r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		if status == state.Succeeded || health != nil {
			if err := collect(tx, &d, p.Outputs); err != nil {
				return err
			}
		}
		if err := tx.AppendLog(d.ID, offset, p.Log); err != nil {
			return err
		}
		return r.settled(tx, &d, p, onFailure)
	})
	if err != nil {
		return next{}, err
	}
	if d.Status != before {
		r.log.Info("deployment moved", zap.Stringer("ref", d.Ref), zap.String("deployment", d.ID),
			zap.String("from", string(before)), zap.String("to", string(d.Status)))
	}
	if health != nil {
		return next{at: time.Now(), sticky: true}, nil
	}
	if !d.Status.Final() {
		return next{at: time.Now().Add(again(p)), sticky: true}, nil
	}
	r.forget(ctx, d)
	return next{at: time.Now()}, nil // look once more: something may have been declared meanwhile
}

var placeholder = regexp.MustCompile(`\b(baryon [a-z-]+) NAME\b`)

// named puts the name of what is deployed into the verbs that an engine, which does
// not know it, tells people to say.
func named(message string, ref state.Ref) string {
	return placeholder.ReplaceAllString(message, "${1} "+ref.String())
}

// settled writes a deployment, and at its end what it leaves behind.
func (r *Reconciler) settled(tx *state.Tx, d *state.Deployment, p provisioner.Progress, onFailure string) error {
	past, err := r.wayBack(tx, d, onFailure)
	if err != nil {
		return err
	}
	if err := tx.SaveDeployment(*d); err != nil {
		return err
	}
	if !d.Status.Final() {
		return r.show(tx, *d)
	}
	if err := r.finish(tx, *d, p); err != nil || past == nil {
		return err
	}
	return r.returnTo(tx, *d, *past)
}

// collect gives a deployment that succeeded its outputs: what the engine found,
// and over that what was reported while it ran.
func collect(tx *state.Tx, d *state.Deployment, found map[string]string) error {
	now, err := tx.Deployment(d.ID)
	if err != nil {
		return err
	}
	d.Outputs = maps.Clone(found)
	if len(now.Notice.Outputs) > 0 && d.Outputs == nil {
		d.Outputs = map[string]string{}
	}
	maps.Copy(d.Outputs, now.Notice.Outputs)
	if d.Message == "" {
		d.Message = now.Notice.Message
	}
	return nil
}

// again is when a running job is looked at next.
func again(p provisioner.Progress) time.Duration {
	if p.Again <= 0 && len(p.Log) == 0 {
		return 50 * time.Millisecond
	}
	return p.Again
}

// show puts the status of the deployment under way on its target.
func (r *Reconciler) show(tx *state.Tx, d state.Deployment) error {
	t, err := tx.Target(d.Ref)
	if err != nil {
		return err
	}
	if t.Status == d.Status && t.Message == d.Message && t.Waiting.Reason == "" {
		return nil
	}
	t.Status, t.Message, t.Waiting = d.Status, d.Message, state.Waiting{}
	return tx.PutTarget(t)
}

// finish writes what a deployment that has ended leaves behind, and wakes
// those who wait for it.
func (r *Reconciler) finish(tx *state.Tx, d state.Deployment, p provisioner.Progress) error {
	t, err := tx.Target(d.Ref)
	if err != nil {
		return err
	}
	t.Status, t.Message, t.Waiting = d.Status, d.Message, state.Waiting{}
	t.Asked.Cancel, t.Asked.Abandon, t.Asked.Override = state.Request{}, state.Request{}, state.Request{}
	if d.Plan != "" { // an approval of a plan is used up with it
		t.Observed.Foreseen, t.Asked.Approved = state.Foreseen{}, state.Request{}
	}
	switch {
	case p.Held:
		t.Observed.Held = state.Held{Generation: d.Generation, Input: d.Input}
		repeat(&t, d, "policies were against it, and nothing was changed")
	case p.PlanMoved:
		repeat(&t, d, "the approved plan was out of date")
	}
	switch d.Status {
	case state.DeleteComplete:
		if t.Desired.Deleted {
			return tx.RemoveTarget(t)
		}
		t.Deployed, t.Status, t.LastAttempted, t.LastSucceeded = state.Deployed{}, "", "", "" // declared again meanwhile
		if err := tx.SetUses(d.Ref, nil); err != nil {
			return err
		}
	case state.Succeeded:
		if err := tx.SetUses(d.Ref, usedBy(d)); err != nil {
			return err
		}
		if d.Desired.Returned() != nil { // what is declared is not what is deployed
			t.Status, t.Message = state.Failed, returned(d.Desired)
		}
		t.LastSucceeded, t.Asked.Adopt = d.ID, state.Adoption{}
		t.Observed.Drift = state.Drift{Deployment: d.ID, CheckedAt: t.Observed.Drift.CheckedAt}
		t.Deployed = state.Deployed{
			Generation: d.Generation, Version: d.Desired.Version, Spec: d.Desired.Spec, Input: d.Input, Output: d.Output,
			Engine: d.Engine, Rendered: d.Rendered, Outputs: d.Outputs, Deployment: d.ID, Commit: d.Desired.Origin.Commit, At: tx.Now(), Stack: d.Before.Stack,
			Place: d.Before.Place, Identifier: d.Before.Identifier, Tags: d.Desired.Tags,
		}
	default:
	}
	if err := tx.PutTarget(t); err != nil {
		return err
	}
	if err := tx.WakeDependents(d.Ref); err != nil {
		return err
	}
	return r.woken(tx, t)
}

// usedBy are the targets whose outputs a deployment read.
func usedBy(d state.Deployment) []state.Ref {
	var refs []state.Ref
	for text := range d.Needs {
		if ref, err := state.ParseRef(text); err == nil {
			refs = append(refs, ref)
		}
	}
	return refs
}

// woken wakes what sums up the state of a target.
func (r *Reconciler) woken(tx *state.Tx, t state.Target) error {
	if t.Ref.Service == "" {
		return nil
	}
	return tx.Wake(state.ServiceRef(t.Ref.Service))
}

// forgetter is an engine that keeps something of its own for each job.
type forgetter interface {
	Forget(ctx context.Context, id string) error
}

// forget lets the engine clean up after a deployment whose end is recorded.
// What it fails to remove is swept at the next start.
func (r *Reconciler) forget(ctx context.Context, d state.Deployment) {
	r.endsJob(d.ID)
	f, ok := r.cfg.Engines[renderer.Engine(d.Engine)].(forgetter)
	if !ok {
		return
	}
	if err := f.Forget(ctx, d.ID); err != nil {
		r.log.Info("work folder left for the next sweep", zap.String("deployment", d.ID), zap.Error(err))
	}
}

// later is the time of the next visit when nothing more is to be done now.
func (r *Reconciler) later() next { return next{at: time.Now().Add(jitter(r.current().Resync))} }
