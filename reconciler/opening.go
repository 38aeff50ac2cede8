package reconciler

import (
	"maps"

	"baryon/reconciler/policy"
	"baryon/state"
)

// opening is the deployment that a change becomes.
func opening(v View, change Change) state.Deployment {
	t := v.Target
	d := state.Deployment{
		ID: state.NewID(), Ref: t.Ref, Action: change.Action, Status: state.InProgress, Generation: t.Generation,
		Input: v.Input, Output: v.Output, Engine: v.Engine, Account: v.Account, Desired: t.Desired, Before: t.Deployed,
		Reason: change.Reason,
	}
	d.By = askedBy(t)
	v.As.of(&d.Desired)
	if change.Action == state.Create {
		d.Adopt = adopts(t)
	}
	d.Restore, d.Imports = covers(t.Asked.Redeploy, t), imports(t)
	if covers(t.Asked.Retry, t) {
		d.Leave, d.Anew = t.Asked.Retry.Leave, t.Asked.Retry.Anew
	}
	if f := t.Observed.Foreseen; change.Step == Deploy && approvedPlan(v, change) && f.For(t.Generation, v.Input, v.Output) {
		if d.Plan = f.ID; len(answers(v, f)) == 0 {
			d.Removals = policy.Removals(f.Changes)
		}
	}
	d.Judged = change.Step == Deploy && change.Action == state.Delete && len(answers(v, t.Observed.Foreseen)) > 0
	d.Unasked = change.Action == state.Delete && !covers(t.Asked.Approved, t) && v.Successor == nil
	switch {
	case change.Action == state.Delete:
		d.Status, d.Input, d.Output = state.DeleteInProgress, t.Deployed.Input, t.Deployed.Output
		d.Engine, d.Rendered = madeBy(v), madeFrom(v)
	case change.Step == Refuse:
		d.Status, d.Message = state.Failed, change.Reason
	}
	return d
}

// adopts names what runs already and is taken over in place of being made; empty
// when nothing is.
func adopts(t state.Target) string {
	if t.Asked.Adopt.Stack != "" {
		return t.Asked.Adopt.Stack
	}
	return t.Desired.Stack
}

// imports are the resources that a target takes in: those its document says, and
// those that were asked for.
func imports(t state.Target) map[string]string {
	all := maps.Clone(t.Desired.Imports)
	if all == nil && len(t.Asked.Adopt.Imports) > 0 {
		all = map[string]string{}
	}
	maps.Copy(all, t.Asked.Adopt.Imports)
	return all
}

// askedBy is the person who last asked for what is done now, if one did.
func askedBy(t state.Target) state.Actor {
	var by state.Actor
	for _, asked := range []state.Request{t.Asked.Approved, t.Asked.Retry, t.Asked.Redeploy} {
		if covers(asked, t) {
			by = asked.By
		}
	}
	return by
}
