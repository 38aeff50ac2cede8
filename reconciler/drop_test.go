package reconciler

import (
	"testing"
	"time"

	"baryon/state"
)

// TestPlansAreDropped leaves nothing in the account of plans that nobody applies.
func TestPlansAreDropped(t *testing.T) {
	const account, region = "123456789012", "eu-west-1"
	planned := func(t *testing.T) (*stackWorld, state.Ref) {
		t.Helper()
		w := newStackWorld(t, false)
		ref := w.environment("e", ", approval: required", "small")
		w.push()
		w.until(func() bool {
			return w.target(ref).Waiting.Reason == state.WaitApproval && w.target(ref).Observed.Foreseen.Done
		})
		if got := w.sim.Stacks(account, region)["environment-e"]; got != "REVIEW_IN_PROGRESS" {
			t.Fatalf("the plan left %q", got)
		}
		return w, ref
	}
	gone := func(w *stackWorld) func() bool {
		return func() bool {
			now := w.sim.Stacks(account, region)["environment-e"] // what is being deleted is, when somebody looks next
			return now == "" || now == "DELETE_IN_PROGRESS"
		}
	}
	t.Run("rejected, and approved later", func(t *testing.T) {
		w, ref := planned(t)
		if err := w.store.Reject(t.Context(), "ann", ref, "too small"); err != nil {
			t.Fatal(err)
		}
		w.until(gone(w))
		w.environment("e", ", approval: required", "large")
		w.push()
		w.until(func() bool {
			return w.target(ref).Waiting.Reason == state.WaitApproval && w.target(ref).Observed.Foreseen.Done
		})
		if err := w.store.Approve(t.Context(), "ann", ref, ""); err != nil {
			t.Fatal(err)
		}
		if d := w.settle(ref, 0); d.Status != state.Succeeded {
			t.Fatalf("%s %s", d.Status, d.Message)
		}
	})
	t.Run("declared no longer", func(t *testing.T) {
		w, _ := planned(t)
		delete(w.files, "e.yaml")
		w.push()
		w.until(gone(w))
	})
	t.Run("followed by what cannot be rendered", func(t *testing.T) {
		w, _ := planned(t)
		w.write("net/v1/infrastructure/cloudformation.yaml", "Resources: {A: {{ environment.inputs.nothing.at.all }}}\n")
		w.push()
		w.until(gone(w))
	})
}

// until lets time go by until something holds.
func (w *stackWorld) until(holds func() bool) {
	w.t.Helper()
	for range 200 {
		w.now = w.now.Add(time.Hour)
		if w.pass(); holds() {
			return
		}
	}
	w.t.Fatal("it never comes to that")
}
