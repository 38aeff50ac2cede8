package reconciler

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"
)

// A Planner is an Engine that can make a plan, show it, and later apply this
// very plan. What a person approves of such an engine is the plan.
type Planner interface {
	// Plan is called like Apply. Its final Progress holds the changes.
	Plan(ctx context.Context, job provisioner.Job) (provisioner.Progress, error)
	// Current reports whether the plan of a job can still be applied: it is kept,
	// and what it was made from has not moved.
	Current(ctx context.Context, job provisioner.Job) (bool, error)
}

func (r *Reconciler) planner(engine string) Planner {
	p, _ := r.cfg.Engines[renderer.Engine(engine)].(Planner)
	return p
}

// foresees reports whether what waits is about a plan: a person's approval of it,
// or of a deletion of what an engine made; what policies say to it; or the time in
// which it may be applied.
func (r *Reconciler) foresees(v View, change Change, art *artifact) bool {
	if r.planner(plannedBy(v)) == nil || approved(v, v.Target.Asked.Rejected) {
		return false
	}
	f := v.Target.Observed.Foreseen
	made := f.Done && f.For(v.Target.Generation, v.Input, v.Output)
	switch change.Waiting.Reason {
	case state.WaitPlan:
	case state.WaitWindow, state.WaitPolicy:
		if !made {
			return false
		}
	case state.WaitGuard:
		if !v.Target.Desired.Deleted {
			return false
		}
	case state.WaitApproval:
		if v.Target.Desired.Deleted {
			return false
		}
	default:
		return false
	}
	return art != nil || v.Target.Desired.Deleted && madeFrom(v) != ""
}

// plannedBy names the engine that plans what is to be done next.
func plannedBy(v View) string {
	if v.Target.Desired.Deleted {
		return madeBy(v)
	}
	return v.Engine
}

// foresee makes the plan that a person is asked to approve, one step at each
// visit, and asks once there is one. A plan that has become old is made anew.
func (r *Reconciler) foresee(ctx context.Context, c state.Claim, v View, ask state.Waiting, art *artifact) (next, error) {
	t, f := v.Target, v.Target.Observed.Foreseen
	if t.Desired.Deleted {
		var err error
		if art, err = r.artifact(ctx, madeFrom(v)); err != nil {
			return next{}, err
		}
	}
	again := f.Failed != "" && covers(t.Asked.Retry, t)
	if f.For(t.Generation, v.Input, v.Output) && f.Done && f.Failed == "" {
		current, err := r.currentPlan(ctx, v)
		if err != nil {
			return next{}, err
		}
		if current {
			ask.Why += "\n" + planText(f.Changes)
			n, err := r.waitFor(ctx, c, t, ask)
			n.sticky = true // the plan is here; another replica would have to make one, and ask again
			return n, err
		}
		again = true
	}
	if again || !f.For(t.Generation, v.Input, v.Output) {
		f = state.Foreseen{
			ID: state.NewID(), Generation: t.Generation, Input: v.Input, Output: v.Output,
			Engine: plannedBy(v), Role: v.As.Role, ExternalID: v.As.ExternalID, Region: v.As.Region, Account: v.Account,
		}
		f.Stack = r.planJob(v, f, &artifact{}).Stack
		return next{at: time.Now()}, r.observe(ctx, c, t.Ref, func(now *state.Target) {
			now.Observed.Foreseen = f
			if again {
				now.Asked.Retry, now.Asked.Approved = state.Request{}, state.Request{}
			}
		})
	}
	if f.Failed != "" && t.Desired.Deleted { // a person may see to it that it is tried all the same
		ask.Why += "\nits plan cannot be made: " + f.Failed
		ask.Next += "; plan again with: baryon retry " + t.Ref.String() + "; or leave all of it as it is with: baryon retain " + t.Ref.String()
		return r.waitFor(ctx, c, t, ask)
	}
	if f.Failed != "" {
		return r.waitFor(ctx, c, t, state.Waiting{
			Reason: state.WaitRetry, On: plannedBy(v), Why: "its plan is to be looked at first, and there is none: " + f.Failed,
			Next: "push a correction, or plan again with: baryon retry " + t.Ref.String(),
		})
	}
	return r.stepPlan(ctx, c, v, f, art)
}

// planJob is the job of a plan.
func (r *Reconciler) planJob(v View, f state.Foreseen, art *artifact) provisioner.Job {
	d := state.Deployment{ID: f.ID, Ref: v.Target.Ref, Desired: v.Target.Desired, Handle: f.Handle, Before: v.Target.Deployed, Account: v.Account}
	v.As.of(&d.Desired)
	d.Restore, d.Imports = covers(v.Target.Asked.Redeploy, v.Target), imports(v.Target)
	if asked := v.Target.Asked.Retry; covers(asked, v.Target) {
		d.Leave, d.Anew = asked.Leave, asked.Anew
	}
	if v.Target.Desired.Deleted {
		d.Action = state.Delete
	}
	return r.jobOf(d, art)
}

// currentPlan reports whether the plan that was made can still be applied.
func (r *Reconciler) currentPlan(ctx context.Context, v View) (bool, error) {
	f := v.Target.Observed.Foreseen
	job := r.planJob(v, f, &artifact{})
	job.Plan, job.PlanHandle, job.Handle = f.ID, f.Handle, ""
	return r.planner(plannedBy(v)).Current(ctx, job)
}

// stepPlan makes one call for the plan and notes how far it is.
func (r *Reconciler) stepPlan(ctx context.Context, c state.Claim, v View, f state.Foreseen, art *artifact) (next, error) {
	t := v.Target
	at, most, limit := r.planPlaces(plannedBy(v))
	if !at.take(t.Ref, most) {
		w := planning(plannedBy(v))
		w.Why = fmt.Sprintf("its changes are to be planned before they are made; plans at once: %d (%s)", most, limit)
		return next{at: time.Now().Add(jitter(queued))}, r.noteWaiting(ctx, c, t, w)
	}
	r.beginsJob(f.ID, t.Ref)
	progress, err := r.planner(plannedBy(v)).Plan(ctx, r.planJob(v, f, art))
	if err != nil {
		r.giveBack(at, t.Ref)
		return next{}, err
	}
	f.Handle = progress.Handle
	if f.Done = progress.State.Final(); f.Done {
		f.Changes, f.Nothing, f.Existing = changesOf(progress.Changes), progress.Nothing, progress.Existing
		if progress.State != provisioner.Succeeded {
			f.Failed = named(progress.Message, t.Ref)
		}
	}
	if f.Done || f.Handle != t.Observed.Foreseen.Handle {
		if err := r.observe(ctx, c, t.Ref, func(now *state.Target) { now.Observed.Foreseen = f }); err != nil {
			return next{}, err
		}
	}
	if f.Done {
		r.log.Info("plan made", zap.Stringer("ref", t.Ref), zap.String("plan", f.ID), zap.Int("changes", len(f.Changes)), zap.Bool("failed", f.Failed != ""))
		r.giveBack(at, t.Ref)
		r.forget(ctx, state.Deployment{ID: f.ID, Engine: plannedBy(v)})
		return next{at: time.Now(), sticky: true}, nil
	}
	w := planning(plannedBy(v))
	if progress.Resting {
		w.Why += ": " + progress.Message
	}
	if err := r.noteWaiting(ctx, c, t, w); err != nil {
		return next{}, err
	}
	return next{at: time.Now().Add(again(progress)), sticky: true}, nil
}

// waitFor notes a reason to wait, and is when the target is looked at again.
func (r *Reconciler) waitFor(ctx context.Context, c state.Claim, t state.Target, w state.Waiting) (next, error) {
	return r.again(w), r.noteWaiting(ctx, c, t, w)
}

// outdated reports whether what was approved is a plan that cannot be applied
// any more. The approval is then void: it did not cover what would happen now.
func (r *Reconciler) outdated(ctx context.Context, c state.Claim, v View, change Change) (bool, error) {
	t, f := v.Target, v.Target.Observed.Foreseen
	if r.planner(plannedBy(v)) == nil || change.Step != Deploy || !approvedPlan(v, change) {
		return false, nil
	}
	good := f.For(t.Generation, v.Input, v.Output) && f.Done && f.Failed == ""
	if good {
		var err error
		if good, err = r.currentPlan(ctx, v); err != nil {
			return false, err
		}
	}
	if good {
		return false, nil
	}
	return true, r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		now, err := tx.Target(t.Ref)
		if err != nil {
			return err
		}
		now.Observed.Foreseen, now.Asked.Approved = state.Foreseen{}, state.Request{}
		now.Waiting = planning(plannedBy(v))
		now.Waiting.Since = tx.Now()
		if err := tx.PutTarget(now); err != nil {
			return err
		}
		return tx.Audit(state.ActorLoop, "void approval", t.Ref, map[string]string{"why": "the plan is out of date", "plan": f.ID})
	})
}

// approvedPlan reports whether what is begun was allowed on the strength of a
// plan, by a person or by the policies. A deletion is allowed without one where
// none could be made, or before its turn had come.
func approvedPlan(v View, change Change) bool {
	t := v.Target
	if change.Action != state.Delete {
		return (v.asksAlways() || judgedByPlan(v, change.Action)) && !(change.Action == state.Create && adopts(t) != "")
	}
	f := t.Observed.Foreseen
	return (covers(t.Asked.Approved, t) || judgedByPlan(v, change.Action)) && f.For(t.Generation, v.Input, v.Output) && f.Failed == ""
}

// planning is why nothing happens while a plan is made.
func planning(engine string) state.Waiting {
	return state.Waiting{Reason: state.WaitPlan, On: engine, Why: "its changes are being planned before they are made", Next: "nothing: it goes on by itself"}
}

// observe changes what is known of a target without being a change of it.
func (r *Reconciler) observe(ctx context.Context, c state.Claim, ref state.Ref, change func(*state.Target)) error {
	return r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		now, err := tx.Target(ref)
		if err != nil {
			return err
		}
		change(&now)
		return tx.PutTarget(now)
	})
}

// changesOf are an engine's changes as they are kept.
func changesOf(list []provisioner.ResourceChange) []state.ResourceChange {
	var out []state.ResourceChange
	for _, c := range list {
		out = append(out, state.ResourceChange(c))
	}
	return out
}

// mostChanges is how many changes a reason to wait tells one by one.
const mostChanges = 20

// planText says for people what a plan comes to.
func planText(changes []state.ResourceChange) string {
	counts := map[string]int{}
	var lines []string
	for _, c := range changes {
		counts[c.Action]++
		line := "  " + c.Action + " " + c.Address
		if c.Type != "" {
			line += " (" + c.Type + ")"
		}
		if len(c.Forces) > 0 {
			line += ", because of " + strings.Join(c.Forces, ", ")
		} else if len(c.Attributes) > 0 && c.Action == "update" {
			line += ": " + strings.Join(c.Attributes, ", ")
		}
		if c.Reason != "" {
			line += ": " + c.Reason
		}
		lines = append(lines, line)
		for _, d := range c.Differences {
			lines = append(lines, "    "+d)
		}
	}
	if len(lines) > mostChanges {
		lines = append(lines[:mostChanges], fmt.Sprintf("  and %d lines more", len(lines)-mostChanges))
	}
	var parts []string
	for _, action := range []string{"create", "update", "replace", "delete", "import", "forget"} {
		if counts[action] == 0 && (action == "import" || action == "forget") {
			continue
		}
		parts = append(parts, fmt.Sprintf("%d to %s", counts[action], action))
	}
	return strings.Join(append([]string{"the plan: " + strings.Join(parts, ", ")}, lines...), "\n")
}
