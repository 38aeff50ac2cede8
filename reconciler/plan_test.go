package reconciler

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baryon/state"
)

var (
	planNow  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	planProd = state.EnvironmentRef("prod")
)

// fresh is a view of a target that was declared and never deployed.
func fresh() View {
	return View{
		Target: state.Target{
			Ref: planProd, Generation: 1, Owner: state.Owner{Repository: "main", Path: "prod.yaml"},
			Desired: state.Desired{
				Template: "net", Version: state.Version{Major: 1}, Spec: "a: 1\n",
				Origin: state.Origin{Repository: "main", Path: "prod.yaml", Line: 1},
			},
		},
		Engine: "codebuild", Input: "input-1", Output: "output-1", DeletionLimit: 3, Now: planNow,
	}
}

// deployed is a view of a target whose wanted state is what is deployed.
func deployed() View {
	v := fresh()
	v.Target.Deployed = state.Deployed{
		Generation: 1, Version: v.Target.Desired.Version, Spec: v.Target.Desired.Spec, Input: v.Input, Output: v.Output, Deployment: "d1",
	}
	v.Target.LastAttempted, v.Target.LastSucceeded, v.Target.Status = "d1", "d1", state.Succeeded
	v.Last = &state.Deployment{
		ID: "d1", Ref: planProd, Action: state.Create, Status: state.Succeeded, Generation: 1, Input: v.Input, Output: v.Output,
	}
	return v
}

// changed is a view of a deployed target whose spec was edited.
func changed() View {
	v := deployed()
	v.Target.Generation, v.Target.Desired.Spec, v.Input, v.Output = 2, "a: 2\n", "input-2", "output-2"
	return v
}

// failed is changed after its deployment failed.
func failed() View {
	v := changed()
	v.Target.LastAttempted, v.Target.Status = "d2", state.Failed
	v.Last = &state.Deployment{
		ID: "d2", Ref: planProd, Action: state.Update, Status: state.Failed, Generation: 2, Input: v.Input, Message: "exit status 1",
	}
	return v
}

// unwanted is a view of a deployed target that nothing declares any more.
func unwanted() View {
	v := deployed()
	v.Target.Generation, v.Target.Desired.Deleted = 2, true
	v.Input, v.Output, v.Engine = "", "", ""
	return v
}

// undeleted is unwanted after its deletion failed.
func undeleted() View {
	v := unwanted()
	v.Target.LastAttempted, v.Target.Status = "d2", state.DeleteFailed
	v.Last = &state.Deployment{ID: "d2", Action: state.Delete, Status: state.DeleteFailed, Generation: 2, Message: "exit status 1"}
	return v
}

// but is a value with something else about it.
func but[T any](v T, change func(*T)) T {
	change(&v)
	return v
}

func deploy(a state.Action, reason string) Change {
	return Change{Step: Deploy, Action: a, Reason: reason}
}

const planApproval = "its document asks for an approval of every change"

var planWaits = struct{ limit, engine, retry, undeleted, approval, protected, guarded, orphaned state.Waiting }{
	engine: state.Waiting{Reason: state.WaitEngine, On: "aws-codebuild", Why: "no engine", Next: "run another"},
	limit:  state.Waiting{Reason: state.WaitLimit, Why: "as many deployments as allowed are under way", Next: "nothing: it goes on by itself"},
	retry: state.Waiting{
		Reason: state.WaitRetry, On: "d2", Why: "the last deployment failed: exit status 1",
		Next: "push a correction, or try again with: baryon retry environment/prod",
	},
	undeleted: state.Waiting{
		Reason: state.WaitRetry, On: "d2", Why: "the deletion failed: exit status 1",
		Next: "baryon retry environment/prod, or leave what is left of it with: baryon force-delete environment/prod --why REASON",
	},
	approval: state.Waiting{
		Reason: state.WaitApproval, Generation: 2, On: "a person", Input: "input-2", Why: planApproval,
		Next: "look at it with: baryon plan environment/prod; then: baryon approve environment/prod, or baryon reject environment/prod",
	},
	protected: state.Waiting{
		Reason: state.WaitGuard, Generation: 2, On: "a person", Why: "deletion held: it is protected",
		Next: "baryon approve environment/prod, or baryon reject environment/prod",
	},
	guarded: state.Waiting{
		Reason: state.WaitGuard, Generation: 2, On: "a person",
		Why:  "deletion held: 3 deletion(s) were begun in the last 24 hours and 3 are allowed without a person",
		Next: "baryon approve environment/prod, or baryon reject environment/prod",
	},
	orphaned: state.Waiting{
		Reason: state.WaitOrphaned, On: "main:prod.yaml", Why: "its repository is gone",
		Next: "declare it again; or delete it with: baryon delete environment/prod",
	},
}

type planCase struct {
	view View
	want Change
}

func runPlan(t *testing.T, cases map[string]planCase) {
	t.Helper()
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, Plan(tt.view)); diff != "" {
				t.Errorf("Plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanDeployment(t *testing.T) {
	t.Parallel()
	refused := func(v *View) { v.Target.Desired.Refused = "prod.yaml:3: spec: no such property" }
	rejected := func(v *View) {
		v.Approval, v.Target.Asked = planApproval, state.Asked{Rejected: state.Request{Generation: 2, Input: v.Input, By: "ada", Why: "not on a Friday"}}
	}
	runPlan(t, map[string]planCase{
		"declared and never deployed": {fresh(), deploy(state.Create, "declared in main:prod.yaml:1")},
		"as it is wanted":             {deployed(), Change{Step: Nothing}},
		"the spec changed":            {changed(), deploy(state.Update, "the spec changed in main:prod.yaml:1")},
		"the version moved": {
			but(changed(), func(v *View) { v.Target.Desired.Version.Minor = 1 }),
			deploy(state.Update, "template net moved from 1.0 to 1.1"),
		},
		"what it needs has other outputs": {
			but(deployed(), func(v *View) { v.Input, v.Output = "input-2", "output-2" }),
			deploy(state.Update, "its inputs changed"),
		},
		"another spec and the same inputs": {
			but(deployed(), func(v *View) { v.Target.Generation = 2 }),
			Change{Step: Record, Reason: "nothing that is rendered changed"},
		},
		"other inputs that render the same": {
			but(changed(), func(v *View) { v.Output = "output-1" }),
			Change{Step: Record, Reason: "renders to what is deployed"},
		},
		"a newer declaration is refused": {
			but(deployed(), refused),
			wait(state.Waiting{
				Reason: state.WaitSpec, On: "main:prod.yaml", Why: "a newer declaration is refused:\nprod.yaml:3: spec: no such property",
				Next: "correct it and push; until then the last good one stays in force",
			}),
		},
		"a newer declaration is refused before the last good one is deployed": {
			but(changed(), refused), deploy(state.Update, "the spec changed in main:prod.yaml:1"),
		},
		"a deployment is under way": {but(changed(), func(v *View) { v.Open = true }), Change{Step: Nothing}},
		"a redeployment is asked for": {
			but(deployed(), func(v *View) {
				v.Target.Asked = state.Asked{Redeploy: state.Request{Generation: 1, By: "ada", Why: "drift"}}
			}),
			deploy(state.Update, "asked for by ada: drift"),
		},
		"a redeployment was asked for of an older generation": {
			but(deployed(), func(v *View) {
				v.Target.Generation, v.Target.Deployed.Generation, v.Target.Asked = 2, 2, state.Asked{Redeploy: state.Request{Generation: 1, By: "ada"}}
			}),
			Change{Step: Nothing},
		},
		"failed":      {failed(), wait(planWaits.retry)},
		"failed once": {but(failed(), func(v *View) { v.Target.Deployed = state.Deployed{} }), wait(planWaits.retry)},
		"cancelled": {
			but(failed(), func(v *View) { v.Last.Status = state.Cancelled }),
			wait(state.Waiting{
				Reason: state.WaitRetry, On: "d2", Why: "the last deployment was cancelled; the same inputs are not tried again by themselves",
				Next: "push a correction, or try again with: baryon retry environment/prod",
			}),
		},
		"failed, and a retry is asked for": {
			but(failed(), func(v *View) { v.Target.Asked = state.Asked{Retry: state.Request{Generation: 2, By: "ada"}} }),
			deploy(state.Update, "tried again by ada"),
		},
		"failed at the first time, and a retry is asked for": {
			but(failed(), func(v *View) {
				v.Target.Deployed, v.Target.Asked = state.Deployed{}, state.Asked{Retry: state.Request{Generation: 2, By: "ada"}}
			}),
			deploy(state.Create, "tried again by ada"),
		},
		"failed, and a retry was asked for of an older generation": {
			but(failed(), func(v *View) { v.Target.Asked = state.Asked{Retry: state.Request{Generation: 1, By: "ada"}} }), wait(planWaits.retry),
		},
		"failed, and corrected": {
			but(failed(), func(v *View) { v.Target.Generation, v.Input, v.Output = 3, "input-3", "output-3" }),
			deploy(state.Update, "the spec changed in main:prod.yaml:1"),
		},
		"failed, and taken back to what was deployed": {
			but(failed(), func(v *View) {
				v.Target.Generation, v.Target.Desired.Spec, v.Input, v.Output = 3, "a: 1\n", "input-1", "output-1"
			}),
			deploy(state.Update, "its inputs changed"),
		},
		"the last deletion failed, and it is declared again": {
			but(undeleted(), func(v *View) {
				v.Target.Generation, v.Target.Desired.Deleted, v.Input, v.Output = 3, false, "input-1", "output-1"
			}),
			deploy(state.Update, "its inputs changed"),
		},
		"cannot be rendered": {
			but(changed(), func(v *View) { v.Output, v.RenderError = "", "main.tf:1: no such value" }),
			Change{Step: Refuse, Action: state.Update, Reason: "main.tf:1: no such value"},
		},
		"could never be rendered": {
			but(fresh(), func(v *View) { v.Output, v.RenderError = "", "main.tf:1: no such value" }),
			Change{Step: Refuse, Action: state.Create, Reason: "main.tf:1: no such value"},
		},
		"cannot be rendered, which was told already": {
			but(failed(), func(v *View) { v.Output, v.RenderError = "", "exit status 1" }), wait(planWaits.retry),
		},
		"an approval is wanted": {but(changed(), func(v *View) { v.Approval = planApproval }), wait(planWaits.approval)},
		"an approval is given": {
			but(changed(), func(v *View) {
				v.Approval, v.Target.Asked.Approved = planApproval, state.Request{Generation: 2, Input: v.Input}
			}),
			deploy(state.Update, "the spec changed in main:prod.yaml:1"),
		},
		"an approval was given for an older generation": {
			but(changed(), func(v *View) {
				v.Approval, v.Target.Asked.Approved = planApproval, state.Request{Generation: 1, Input: v.Input}
			}), wait(planWaits.approval),
		},
		"an approval was given for other inputs": {
			but(changed(), func(v *View) {
				v.Approval, v.Target.Asked.Approved = planApproval, state.Request{Generation: 2, Input: "input-1"}
			}), wait(planWaits.approval),
		},
		"an approval was never given to generation zero": {
			but(changed(), func(v *View) { v.Approval, v.Target.Generation = planApproval, 0 }),
			wait(but(planWaits.approval, func(w *state.Waiting) { w.Generation = 0 })),
		},
		"rejected": {
			but(changed(), rejected),
			wait(state.Waiting{
				Reason: state.WaitApproval, Generation: 2, Input: "input-2", On: "ada", Why: "rejected by ada: not on a Friday",
				Next: "push another change, or allow it after all with: baryon approve environment/prod",
			}),
		},
		"rejected, and changed since": {
			but(changed(), func(v *View) { rejected(v); v.Target.Generation = 3 }),
			wait(but(planWaits.approval, func(w *state.Waiting) { w.Generation = 3 })),
		},
		"as much as allowed is under way": {but(changed(), func(v *View) { v.Crowded = "as many deployments as allowed are under way" }), wait(planWaits.limit)},
	})
}

func TestPlanWaits(t *testing.T) {
	t.Parallel()
	blocked := state.Waiting{Reason: state.WaitVersion, On: "net", Why: "template net has no published version"}
	suspension := state.Waiting{
		Reason: state.WaitSuspended, On: "ada", Why: "suspended by ada: freeze", Next: "baryon resume environment/prod",
	}
	suspend := func(until time.Time) func(*View) {
		return func(v *View) { v.Target.Asked.Suspended = &state.Suspension{By: "ada", Why: "freeze", Until: until} }
	}
	net := state.EnvironmentRef("net")
	needs := func(n Need) func(*View) {
		return func(v *View) {
			v.Needs = []Need{{Ref: state.EnvironmentRef("first"), Exists: true, Deployed: true, Status: state.Failed}, n}
		}
	}
	waitNeed := func(why, next string) Change {
		return wait(state.Waiting{Reason: state.WaitNeed, On: "environment/net", Why: why, Next: next})
	}
	runPlan(t, map[string]planCase{
		"suspended":                 {but(changed(), suspend(time.Time{})), wait(suspension)},
		"suspended before deletion": {but(unwanted(), suspend(time.Time{})), wait(suspension)},
		"suspended until later": {
			but(changed(), suspend(planNow.Add(time.Second))),
			wait(but(suspension, func(w *state.Waiting) { w.Until = planNow.Add(time.Second) })),
		},
		"suspended until now": {but(changed(), suspend(planNow)), deploy(state.Update, "the spec changed in main:prod.yaml:1")},
		"suspended while under way": {
			but(changed(), func(v *View) { suspend(time.Time{})(v); v.Open = true }), Change{Step: Nothing},
		},
		"declared by nothing, though nobody asked for its deletion": {
			but(changed(), func(v *View) { v.Target.Desired.Orphaned = "its repository is gone" }), wait(planWaits.orphaned),
		},
		"its version cannot be had": {but(changed(), func(v *View) { v.Blocked = blocked }), wait(blocked)},
		"blocked, and what it needs is missing": {
			but(changed(), func(v *View) { v.Blocked = blocked; needs(Need{Ref: net})(v) }), wait(blocked),
		},
		"what it needs does not exist": {
			but(fresh(), needs(Need{Ref: net})), waitNeed("environment/net does not exist", "declare it"),
		},
		"what it needs is not deployed": {
			but(fresh(), needs(Need{Ref: net, Exists: true, Status: state.InProgress})),
			waitNeed("environment/net has not been deployed yet", "see: baryon why environment/net"),
		},
		"what it needs failed": {
			but(fresh(), needs(Need{Ref: net, Exists: true, Status: state.Failed})),
			waitNeed("environment/net failed to deploy", "see: baryon why environment/net"),
		},
		"what it needs was deployed and failed since": {
			but(fresh(), needs(Need{Ref: net, Exists: true, Deployed: true, Status: state.Failed})),
			deploy(state.Create, "declared in main:prod.yaml:1"),
		},
	})
}

func TestPlanDeletion(t *testing.T) {
	t.Parallel()
	goes := deploy(state.Delete, "no longer declared in main:prod.yaml")
	protected := func(v *View) { v.Target.Desired.Protected = true }
	guarded := func(v *View) { v.Deletions = 3 }
	child := func(v *View) {
		v.Dependents = []state.Ref{state.InstanceRef("shop", "eu"), state.ComponentRef("queue")}
	}
	runPlan(t, map[string]planCase{
		"no longer declared":        {unwanted(), goes},
		"a deletion is under way":   {but(unwanted(), func(v *View) { v.Open = true }), Change{Step: Nothing}},
		"within the guard":          {but(unwanted(), func(v *View) { v.Deletions = 2 }), goes},
		"beyond the guard":          {but(unwanted(), guarded), wait(planWaits.guarded)},
		"beyond the guard approved": {but(unwanted(), func(v *View) { guarded(v); v.Target.Asked.Approved.Generation = 2 }), goes},
		"no deletion without a person": {
			but(unwanted(), func(v *View) { v.DeletionLimit = 0 }),
			wait(but(planWaits.guarded, func(w *state.Waiting) {
				w.Why = "deletion held: 0 deletion(s) were begun in the last 24 hours and 0 are allowed without a person"
			})),
		},
		"protected":                                     {but(unwanted(), protected), wait(planWaits.protected)},
		"made by an engine that is not there":           {but(unwanted(), func(v *View) { v.NoEngine = planWaits.engine }), wait(planWaits.engine)},
		"protected and approved":                        {but(unwanted(), func(v *View) { protected(v); v.Target.Asked.Approved.Generation = 2 }), goes},
		"protected and approved in an older generation": {but(unwanted(), func(v *View) { protected(v); v.Target.Asked.Approved.Generation = 1 }), wait(planWaits.protected)},
		"protected at generation zero": {
			but(unwanted(), func(v *View) { protected(v); v.Target.Generation = 0 }),
			wait(but(planWaits.protected, func(w *state.Waiting) { w.Generation = 0 })),
		},
		"rejected": {
			but(unwanted(), func(v *View) {
				v.Target.Asked = state.Asked{Rejected: state.Request{Generation: 2, By: "ada", Why: "still used"}}
			}),
			wait(state.Waiting{
				Reason: state.WaitGuard, Generation: 2, On: "ada", Why: "the deletion was rejected by ada: still used",
				Next: "declare it again, or allow it with: baryon approve environment/prod",
			}),
		},
		"something depends on it": {
			but(unwanted(), child),
			wait(state.Waiting{
				Reason: state.WaitChild, On: "service/shop/service-instance/eu",
				Why:  "2 thing(s) still depend on it, first service/shop/service-instance/eu",
				Next: "delete what depends on it, or declare it again",
			}),
		},
		"one thing depends on it": {
			but(unwanted(), func(v *View) { v.Dependents = []state.Ref{state.ComponentRef("queue")} }),
			wait(state.Waiting{
				Reason: state.WaitChild, On: "component/queue", Why: "1 thing(s) still depend on it, first component/queue",
				Next: "delete what depends on it, or declare it again",
			}),
		},
		"something depends on it, and it is retained": {
			but(unwanted(), func(v *View) {
				child(v)
				v.Target.Asked = state.Asked{Retain: state.Request{Generation: 2, By: "ada", Why: "moved"}}
			}),
			Change{Step: Forget, Reason: "retained by ada: moved"},
		},
		"retained": {
			but(unwanted(), func(v *View) { v.Target.Asked = state.Asked{Retain: state.Request{Generation: 2, By: "ada"}} }),
			Change{Step: Forget, Reason: "retained by ada"},
		},
		"retained when it was to be deleted before": {
			but(unwanted(), func(v *View) { v.Target.Asked = state.Asked{Retain: state.Request{Generation: 1, By: "ada"}} }), goes,
		},
		"was never deployed": {
			but(unwanted(), func(v *View) { v.Target.LastAttempted, v.Target.Deployed, v.Last = "", state.Deployed{}, nil }),
			Change{Step: Forget, Reason: "was never deployed"},
		},
		"never succeeded": {
			but(failed(), func(v *View) { v.Target.Deployed, v.Target.Desired.Deleted = state.Deployed{}, true }), goes,
		},
		"the deletion failed": {undeleted(), wait(planWaits.undeleted)},
		"the deletion failed, and a retry is asked for": {
			but(undeleted(), func(v *View) { v.Target.Asked.Retry.Generation = 2 }), goes,
		},
		"the deletion failed, was undone, and is wanted again": {
			but(undeleted(), func(v *View) { v.Target.Generation = 4 }), goes,
		},
		"wanted gone, and its document too": {
			but(unwanted(), func(v *View) { v.Target.Desired.Orphaned = "its repository is gone" }), goes,
		},
		"as much as allowed is under way": {but(unwanted(), func(v *View) { v.Crowded = "as many deployments as allowed are under way" }), wait(planWaits.limit)},
	})
}
