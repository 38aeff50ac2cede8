package reconciler

import (
	"slices"
	"strings"

	"baryon/reconciler/policy"
	"baryon/state"
)

// planPolicy says what the policies have against a change; false when it may go
// on. What only takes over what runs changes nothing, and neither does a plan that
// comes to nothing: no policy is asked about those.
func planPolicy(v View, action state.Action) (Change, bool) {
	if len(v.Policies) == 0 || action == state.Create && adopts(v.Target) != "" {
		return Change{}, false
	}
	t, f := v.Target, v.Target.Observed.Foreseen
	current := f.For(t.Generation, v.Input, v.Output)
	made := current && f.Done && f.Failed == ""
	q := policy.Question{
		Rules: v.Policies, Action: action, Known: made, Changes: f.Changes, Existing: f.Existing,
		Removed: v.Removed, Deleted: v.Deleted, Now: v.Now, Approvals: answers(v, f), Overrides: overrides(v),
	}
	switch {
	case made && f.Nothing:
		return Change{}, false
	case !made && action == state.Delete && current && f.Failed != "":
		q.Blind = f.Failed
	case !made && judgedByPlan(v, action):
		return wait(planning(plannedBy(v))), true
	}
	verdict := policy.Decide(q)
	if verdict.Allowed() {
		return Change{}, false
	}
	return wait(heldBy(v, action, verdict)), true
}

// judgedByPlan reports whether a change is planned before it is begun, since a
// policy is about what the plan holds. What was never deployed has nothing to
// lose; the engine looks once more.
func judgedByPlan(v View, action state.Action) bool {
	if !v.Plans || action == state.Create && (adopts(v.Target) != "" || !refusedBefore(v)) {
		return false
	}
	return slices.ContainsFunc(v.Policies, func(r policy.Rule) bool {
		return r.NeedsPlan() && (action == state.Delete || refusedBefore(v) || v.Content.touches(r))
	})
}

// asksAlways reports whether every change of the target needs a person.
func (v View) asksAlways() bool {
	return v.Approval != "" || slices.ContainsFunc(v.Policies, func(r policy.Rule) bool { return r.Approval })
}

// refusedBefore reports whether an engine refused to apply what is wanted now, as policies
// are against it.
func refusedBefore(v View) bool {
	h := v.Target.Observed.Held
	return h.Generation != 0 && h.Generation == v.Target.Generation && h.Input == v.Input
}

// answers are the approvals of a plan.
func answers(v View, f state.Foreseen) []state.Request {
	var out []state.Request
	for a := &v.Target.Asked.Approved; a != nil; a = a.Before {
		if approved(v, *a) && (a.Plan == f.ID || !f.For(v.Target.Generation, v.Input, v.Output)) {
			out = append(out, *a)
		}
	}
	return out
}

func overrides(v View) []state.Request {
	if o := v.Target.Asked.Override; approved(v, o) {
		return []state.Request{o}
	}
	return nil
}

// heldBy is what a change waits for that policies are against.
func heldBy(v View, action state.Action, verdict policy.Verdict) state.Waiting {
	ref := v.Target.Ref.String()
	w := state.Waiting{Generation: v.Target.Generation, Input: v.Input, Until: verdict.Until}
	var lines []string
	for _, list := range [][]policy.Finding{verdict.Refuses, verdict.Asks, verdict.Waits} {
		for _, f := range list {
			lines = append(lines, f.String())
		}
	}
	w.Why = strings.Join(lines, "\n")
	if f := v.Target.Observed.Foreseen; f.For(v.Target.Generation, v.Input, v.Output) {
		w.Plan = f.ID
	}
	switch {
	case len(verdict.Refuses) > 0:
		w.Reason, w.On, w.Until = state.WaitPolicy, verdict.Refuses[0].Rule, verdict.Until
		w.Next = "declare something else; nobody is named who may allow it: persons of " + verdict.Refuses[0].Rule + " in the configuration"
		w.Generation, w.Input, w.Plan = 0, "", ""
	case len(verdict.Asks) > 0:
		w.Reason, w.On = state.WaitApproval, "a named person"
		if action == state.Delete {
			w.Reason, w.Why = state.WaitGuard, "deletion held: "+w.Why
		}
		w.Persons = personsOf(verdict.Asks)
		w.Next = "look at it with: baryon plan " + ref + "; then " + people(w.Persons) + " may say: baryon approve " + ref + " --why REASON, or: baryon reject " + ref
		w.Until = verdict.Until
		if rejected := v.Target.Asked.Rejected; approved(v, rejected) {
			w.On, w.Why = string(rejected.By), "rejected by "+rejected.String()+"\n"+w.Why
		}
	default:
		w.Reason, w.On = state.WaitWindow, verdict.Waits[0].Rule
		w.Persons = personsOf(verdict.Waits)
		w.Next = "nothing: it goes on by itself"
		if w.Persons != state.Nobodys {
			w.Next += "; in an emergency " + people(w.Persons) + " may say: baryon override " + ref + " --why REASON"
		}
	}
	return w
}

// personsOf are those who may allow something of a list. What everybody may allow
// who gives a name, they may as well.
func personsOf(list []policy.Finding) string {
	var names []string
	for _, f := range list {
		for _, p := range f.Persons {
			if !slices.Contains(names, p) {
				names = append(names, p)
			}
		}
	}
	switch {
	case len(names) > 0:
		return strings.Join(names, ",")
	case slices.ContainsFunc(list, func(f policy.Finding) bool { return f.Persons == nil }):
		return state.Named
	}
	return state.Nobodys
}

// people names those who may answer, for people.
func people(persons string) string {
	if persons == state.Named {
		return "a person with a name"
	}
	return strings.ReplaceAll(persons, ",", " or ")
}
