package reconciler

import (
	"strings"
	"testing"
	"time"

	"baryon/state"
)

func TestSuspensionRunsOut(t *testing.T) {
	w := newWorld(t, Settings{})
	dev := w.environment("dev", "", "small")
	w.push()
	w.pass()
	w.do(w.store.Suspend(t.Context(), "ada", dev, "freeze", w.now.Add(time.Hour)))
	w.environment("dev", "", "big")
	w.push()
	w.pass()
	got := w.target(dev)
	if got.Waiting.Reason != state.WaitSuspended || got.Waiting.Why != "suspended by ada: freeze" || !got.Waiting.Until.Equal(w.now.Add(time.Hour)) {
		t.Errorf("while suspended it waits for %+v", got.Waiting)
	}
	w.now = w.now.Add(time.Hour - time.Second)
	w.pass()
	if got := w.target(dev); got.Deployed.Generation != 1 {
		t.Errorf("generation %d was deployed a second before the suspension ran out", got.Deployed.Generation)
	}
	w.now = w.now.Add(2 * time.Minute)
	w.pass()
	if got := w.target(dev); got.Deployed.Generation != 2 || got.Waiting.Reason != "" || got.Asked.Suspended != nil {
		t.Errorf("after the suspension generation %d is deployed, waiting for %+v, suspended %+v", got.Deployed.Generation, got.Waiting, got.Asked.Suspended)
	}
}

func TestApprovalCoversWhatWasShown(t *testing.T) {
	w := newWorld(t, Settings{Approvals: []ApprovalRule{{Environments: []string{"prod"}, Kinds: []string{"environment"}}}})
	dev, prod := w.environment("dev", "", "small"), w.environment("prod", "", "small")
	w.push()
	w.pass()
	if got := w.target(dev); got.Deployed.Deployment == "" {
		t.Errorf("dev, which no rule names, waits for %+v", got.Waiting)
	}
	got := w.target(prod)
	if got.Waiting.Reason != state.WaitApproval || got.Waiting.Input == "" || !strings.Contains(got.Waiting.Why, "rule 1") {
		t.Fatalf("prod waits for %+v", got.Waiting)
	}
	if last, err := w.store.LastDeployment(t.Context(), prod); err != nil || last != nil {
		t.Errorf("a change that waits for a person is no deployment: %+v, %v", last, err)
	}

	// What is declared after the approval is not covered by it.
	w.do(w.store.Approve(t.Context(), "ada", prod, "reviewed"))
	w.environment("prod", "", "big")
	w.push()
	w.pass()
	if got := w.target(prod); got.Deployed.Deployment != "" || got.Waiting.Reason != state.WaitApproval {
		t.Errorf("the approval of generation 1 let generation %d go on", got.Generation)
	}
	w.do(w.store.Reject(t.Context(), "eve", prod, "too big"))
	w.pass()
	if got := w.target(prod); got.Waiting.Why != "rejected by eve: too big" {
		t.Errorf("rejected, it waits for %+v", got.Waiting)
	}
	w.do(w.store.Approve(t.Context(), "ada", prod, "after all"))
	w.pass()
	got = w.target(prod)
	last, err := w.store.LastDeployment(t.Context(), prod)
	if err != nil || got.Deployed.Generation != 2 || last == nil || last.By != "ada" {
		t.Errorf("approved: generation %d is deployed, by %+v, %v", got.Deployed.Generation, last, err)
	}

	// A rule that is taken out lets what waited for it go on.
	w.environment("prod", "", "small")
	w.push()
	w.pass()
	w.do(w.loop.Configure(t.Context(), Settings{Repositories: w.loop.current().Repositories}))
	w.pass()
	if got := w.target(prod); got.Deployed.Generation != 3 {
		t.Errorf("without the rule generation %d is deployed; it waits for %+v", got.Deployed.Generation, got.Waiting)
	}
}

// TestLimits runs two replicas on one store: together they begin as many
// deployments as are allowed, and what waits says on which limit.
func TestLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		settings Settings
		most     int
		on       string
	}{
		"all":     {Settings{Deployments: 2}, 2, "deployments under way: 2, allowed at once: 2 (deployments)"},
		"engine":  {Settings{Limits: Limits{Engines: map[string]int{"codebuild": 3}}}, 3, "(limits.engines.codebuild)"},
		"account": {Settings{Limits: Limits{Accounts: map[string]int{"111111111111": 1, AnyAccount: 9}}}, 1, "(limits.accounts.111111111111)"},
		"others":  {Settings{Limits: Limits{Accounts: map[string]int{AnyAccount: 2}}}, 2, "deployments in account 111111111111 under way: 2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tt.settings)
			w.hold = true
			refs := make([]state.Ref, 0, 6)
			for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
				refs = append(refs, w.environment(name, `, account: "111111111111"`, "small"))
			}
			w.push()
			other := w.newLoop(tt.settings)
			w.pass(w.loop, other)
			running, waiting := 0, 0
			for _, ref := range refs {
				switch got := w.target(ref); {
				case got.Status == state.InProgress:
					running++
				case got.Waiting.Reason == state.WaitLimit && strings.Contains(got.Waiting.Why, tt.on):
					waiting++
				default:
					t.Errorf("%s is %s and waits for %+v", ref, got.Status, got.Waiting)
				}
			}
			if running != tt.most || waiting != len(refs)-tt.most {
				t.Errorf("%d run and %d wait, want %d and %d", running, waiting, tt.most, len(refs)-tt.most)
			}
			for range refs {
				w.end()
				w.pass(w.loop, other)
			}
			for _, ref := range refs {
				if got := w.target(ref); got.Status != state.Succeeded {
					t.Errorf("%s is %s in the end", ref, got.Status)
				}
			}
		})
	}
}
