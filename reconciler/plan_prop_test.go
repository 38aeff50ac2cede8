package reconciler

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"baryon/state"
)

// anyView draws views in which all that Plan decides upon comes out in every
// combination: few values each, so that equal ones meet often.
func anyView(t *rapid.T) View {
	v := View{
		Target:        anyTarget(t),
		Open:          rapid.IntRange(0, 9).Draw(t, "open") == 0,
		Input:         rapid.SampledFrom([]string{"i1", "i2"}).Draw(t, "input"),
		Output:        rapid.SampledFrom([]string{"o1", "o2"}).Draw(t, "output"),
		Engine:        "codebuild",
		Deletions:     rapid.IntRange(0, 3).Draw(t, "deletions"),
		DeletionLimit: rapid.IntRange(0, 3).Draw(t, "limit"),
		Now:           planNow,
	}
	if rapid.IntRange(0, 9).Draw(t, "crowded") == 0 {
		v.Crowded = "no room"
	}
	if v.Target.Desired.Approval {
		v.Approval = planApproval
	}
	if rapid.IntRange(0, 4).Draw(t, "render error") == 0 {
		v.Output, v.RenderError = "", "main.tf:1: no such value"
	}
	if rapid.IntRange(0, 9).Draw(t, "blocked") == 0 {
		v.Blocked = state.Waiting{Reason: state.WaitVersion, Why: "no version"}
	}
	for range rapid.IntRange(0, 2).Draw(t, "needs") {
		exists := rapid.IntRange(0, 4).Draw(t, "exists") > 0
		v.Needs = append(v.Needs, Need{
			Ref: state.EnvironmentRef("net"), Exists: exists, Deployed: exists && rapid.IntRange(0, 4).Draw(t, "deployed") > 0,
			Status: rapid.SampledFrom([]state.Status{"", state.Failed, state.Succeeded}).Draw(t, "need status"),
		})
	}
	if rapid.IntRange(0, 2).Draw(t, "dependents") == 0 {
		v.Dependents = []state.Ref{state.InstanceRef("shop", "eu")}
	}
	if rapid.IntRange(0, 4).Draw(t, "repository in doubt") == 0 {
		v.Held = "its repository cannot be read"
	}
	v.Last = anyLast(t, v.Target)
	return v
}

// anyDeletion draws views of targets that are wanted gone, with nothing in the
// way but what guards a deletion: so that deletions are frequent.
func anyDeletion(t *rapid.T) View {
	v := anyView(t)
	v.Open, v.Crowded, v.Target.Desired.Deleted, v.Target.Asked.Suspended = false, "", true, nil
	return v
}

func anyTarget(t *rapid.T) state.Target {
	generation := func(label string) int64 { return rapid.Int64Range(0, 3).Draw(t, label) }
	request := func(label string) state.Request { return state.Request{Generation: generation(label), By: "ada"} }
	target := state.Target{
		Ref: planProd, Generation: generation("generation"), Owner: state.Owner{Repository: "main", Path: "prod.yaml"},
		Desired: state.Desired{
			Template: "net", Version: state.Version{Major: 1}, Spec: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "spec"),
			Deleted: rapid.Bool().Draw(t, "deleted"), Protected: rapid.Bool().Draw(t, "protected"), Approval: rapid.Bool().Draw(t, "approval"),
		},
		Asked: state.Asked{
			Retry: request("retry"), Redeploy: request("redeploy"), Approved: request("approved"), Rejected: request("rejected"),
			Retain: request("retain"), Force: request("force"),
		},
		LastAttempted: rapid.SampledFrom([]string{"", "d1", "d2"}).Draw(t, "attempted"),
	}
	if rapid.IntRange(0, 9).Draw(t, "orphaned") == 0 {
		target.Desired.Orphaned = "its repository is gone"
	}
	if rapid.IntRange(0, 9).Draw(t, "refused") == 0 {
		target.Desired.Refused = "prod.yaml:1: bad"
	}
	if rapid.IntRange(0, 4).Draw(t, "suspended") == 0 {
		until := rapid.SampledFrom([]time.Time{{}, planNow.Add(-time.Hour), planNow, planNow.Add(time.Hour)}).Draw(t, "until")
		target.Asked.Suspended = &state.Suspension{By: "ada", Until: until}
	}
	if target.LastAttempted != "" && rapid.Bool().Draw(t, "succeeded before") {
		target.Deployed = state.Deployed{
			Generation: generation("deployed generation"), Version: state.Version{Major: 1}, Spec: "a", Input: "i1", Output: "o1", Deployment: "d1",
		}
	}
	return target
}

func anyLast(t *rapid.T, target state.Target) *state.Deployment {
	if target.LastAttempted == "" {
		return nil
	}
	status := rapid.SampledFrom([]state.Status{
		state.Succeeded, state.Failed, state.Cancelled, state.DeleteFailed, state.DeleteComplete,
	}).Draw(t, "last status")
	last := &state.Deployment{
		ID: target.LastAttempted, Ref: planProd, Action: state.Update, Status: status,
		Generation: rapid.Int64Range(0, 3).Draw(t, "last generation"),
		Input:      rapid.SampledFrom([]string{"i1", "i2"}).Draw(t, "last input"), Message: "exit status 1",
	}
	if status == state.DeleteFailed || status == state.DeleteComplete {
		last.Action = state.Delete
	}
	return last
}

// begins reports whether a change opens a deployment.
func begins(c Change) bool { return c.Step == Deploy || c.Step == Refuse }

// deletes reports whether a change begins to take away what was made.
func deletes(c Change) bool { return begins(c) && c.Action == state.Delete }

// asked reports whether a person asked for the generation that is wanted now.
func asked(v View, requests ...state.Request) bool {
	return v.Target.Generation > 0 && slices.ContainsFunc(requests, func(r state.Request) bool {
		return r.Generation == v.Target.Generation
	})
}

func TestPlanIsDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		if diff := cmp.Diff(Plan(v), Plan(v)); diff != "" {
			t.Fatalf("the same view, two changes:\n%s", diff)
		}
	})
}

func TestPlanIsComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := Plan(anyView(t))
		switch {
		case !slices.Contains([]Step{Nothing, Record, Deploy, Refuse, Forget}, c.Step):
			t.Fatalf("step %q", c.Step)
		case begins(c) != (c.Action != ""):
			t.Fatalf("%s with action %q", c.Step, c.Action)
		case c.Step != Nothing && (c.Reason == "" || c.Waiting.Reason != ""):
			t.Fatalf("%s because %q, waiting %q", c.Step, c.Reason, c.Waiting.Reason)
		case c.Waiting.Reason != "" && c.Waiting.Why == "":
			t.Fatalf("waits for %s and does not say why", c.Waiting.Reason)
		}
	})
}

func TestPlanBeginsNothingWhileOpen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		v.Open = true
		if c := Plan(v); c.Step != Nothing {
			t.Fatalf("%s while a deployment is under way", c.Step)
		}
	})
}

func TestPlanBeginsNothingWhileSuspended(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		v.Target.Asked.Suspended = &state.Suspension{By: "ada"}
		if rapid.Bool().Draw(t, "with an end") {
			v.Target.Asked.Suspended.Until = planNow.Add(time.Duration(rapid.Int64Range(1, 1e15).Draw(t, "left")))
		}
		if c := Plan(v); c.Step != Nothing {
			t.Fatalf("%s while suspended", c.Step)
		}
	})
}

// succeeded is the view after a change was carried out without a fault.
func succeeded(v View, c Change) View {
	t := &v.Target
	t.Deployed = state.Deployed{
		Generation: t.Generation, Version: t.Desired.Version, Spec: t.Desired.Spec, Input: v.Input, Output: v.Output, Deployment: t.Deployed.Deployment,
	}
	if c.Step == Deploy {
		t.Asked.Retry, t.Asked.Redeploy = state.Request{}, state.Request{}
		t.Deployed.Deployment, t.LastAttempted, t.LastSucceeded, t.Status = "d3", "d3", "d3", state.Succeeded
		v.Last = &state.Deployment{ID: "d3", Ref: t.Ref, Action: c.Action, Status: state.Succeeded, Generation: t.Generation, Input: v.Input, Output: v.Output}
	}
	return v
}

func TestPlanIsDoneAfterSuccess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		v.Target.Desired.Deleted = false
		c := Plan(v)
		if c.Step != Deploy && c.Step != Record {
			return // nothing was carried out
		}
		if again := Plan(succeeded(v, c)); again.Step != Nothing {
			t.Fatalf("after %s of %s: %s because %q", c.Step, c.Action, again.Step, again.Reason)
		}
	})
}

func TestPlanNeverRepeatsAFailureUnasked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		if v.Last == nil || v.Last.Status != state.Failed && v.Last.Status != state.Cancelled || v.Last.Input != v.Input {
			return // has nothing to repeat
		}
		c := Plan(v)
		if begins(c) && c.Action != state.Delete && !asked(v, v.Target.Asked.Retry, v.Target.Asked.Redeploy) {
			t.Fatalf("what was %s on %s begins again", v.Last.Status, v.Input)
		}
	})
}

func TestPlanNeverRepeatsAFailedDeletionUnasked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyDeletion(t)
		v.Target.LastAttempted = "d2"
		v.Last = &state.Deployment{ID: "d2", Action: state.Delete, Status: state.DeleteFailed, Generation: v.Target.Generation}
		if deletes(Plan(v)) && !asked(v, v.Target.Asked.Retry) {
			t.Fatalf("a failed deletion of generation %d begins again", v.Last.Generation)
		}
	})
}

func TestPlanDeletesNothingAgainstTheGuard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyDeletion(t)
		if !deletes(Plan(v)) {
			return // deletes nothing
		}
		held := v.Held != "" || v.Target.Desired.Protected || v.Deletions >= v.DeletionLimit
		if held && !asked(v, v.Target.Asked.Approved) {
			t.Fatalf("generation %d is deleted: protected %v, %d of %d deletions, approved %d",
				v.Target.Generation, v.Target.Desired.Protected, v.Deletions, v.DeletionLimit, v.Target.Asked.Approved.Generation)
		}
		if asked(v, v.Target.Asked.Rejected) {
			t.Fatalf("generation %d is deleted although that was rejected", v.Target.Generation)
		}
	})
}

func TestPlanDeletesNothingThatIsWantedOrNeeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if v := anyDeletion(t); deletes(Plan(v)) && len(v.Dependents) > 0 {
			t.Fatalf("deletes what %v depend on", v.Dependents)
		}
		v := anyView(t)
		c := Plan(v)
		if (deletes(c) || c.Step == Forget) != (c.Step != Nothing && v.Target.Desired.Deleted) {
			t.Fatalf("%s %s of a target with Deleted %v", c.Step, c.Action, v.Target.Desired.Deleted)
		}
	})
}

func TestPlanForgetsOnlyWhatNobodyMadeOrAPersonRetains(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyDeletion(t)
		if c := Plan(v); c.Step == Forget && v.Target.LastAttempted != "" && !asked(v, v.Target.Asked.Retain, v.Target.Asked.Force) {
			t.Fatalf("generation %d is forgotten, retained was %d", v.Target.Generation, v.Target.Asked.Retain.Generation)
		}
	})
}

func TestPlanChangesNothingWithoutItsApproval(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		v.Approval = planApproval
		v.Target.Asked.Approved.Input = rapid.SampledFrom([]string{"i1", "i2"}).Draw(t, "approved input")
		answer := v.Target.Asked.Approved
		c := Plan(v)
		if c.Step == Deploy && !asked(v, answer) || c.Step == Deploy && c.Action != state.Delete && answer.Input != v.Input {
			t.Fatalf("%s of generation %d from %s with an approval of %d from %s", c.Action, v.Target.Generation, v.Input, answer.Generation, answer.Input)
		}
	})
}

func TestPlanDeploysNothingBeforeItsNeeds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyView(t)
		c := Plan(v)
		if c.Step == Nothing || v.Target.Desired.Deleted {
			return // deploys nothing
		}
		if v.Blocked.Reason != "" || slices.ContainsFunc(v.Needs, func(n Need) bool { return !n.Deployed }) {
			t.Fatalf("%s although blocked by %q, needs %+v", c.Step, v.Blocked.Reason, v.Needs)
		}
	})
}
