package reconciler

import (
	"context"
	"maps"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"

	"github.com/google/go-cmp/cmp"
)

// A driftingWorld is a world in which somebody changes everything by hand, again
// and again.
type driftingWorld struct {
	*world

	checks map[string]int // by target
}

// Drift is the engine's look at what is there.
func (w *driftingWorld) Drift(_ context.Context, job provisioner.Job) (provisioner.Progress, error) {
	w.checks[job.Stack]++
	return provisioner.Progress{State: provisioner.Succeeded, Changes: []provisioner.ResourceChange{{Address: "terraform_data.a", Action: "update", Attributes: []string{"input"}}}}, nil
}

// TestDriftModes looks for drift where it is not ignored, keeps when it was first
// seen, and deploys again where it is to be corrected.
func TestDriftModes(t *testing.T) {
	w := &driftingWorld{world: newWorld(t, Settings{}), checks: map[string]int{}}
	rule := DriftRule{Every: time.Hour, Environments: map[string]string{"sandbox": DriftIgnore, "dev": DriftCorrect}}
	w.loop = w.newLoop(Settings{Drift: rule})
	w.loop.cfg.Engines = map[renderer.Engine]Engine{renderer.EngineCodeBuild: w}
	w.now = time.Now().UTC().Truncate(time.Microsecond) // how long something rests is told by the clock
	refs := map[string]state.Ref{}
	for _, name := range []string{"sandbox", "dev", "prod"} {
		refs[name] = w.environment(name, "", "small")
	}
	w.push()
	w.pass()
	if len(w.checks) > 0 || len(w.applied) != 3 {
		t.Fatalf("right after %d deployments it was looked for drift: %v", len(w.applied), w.checks)
	}
	const later = time.Hour + time.Minute
	first := w.now.Add(later)
	for range 2 {
		w.now = w.now.Add(later)
		w.pass()
	}
	want := map[string]int{"environment-dev": 2, "environment-prod": 2}
	if diff := cmp.Diff(want, w.checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	deployed := map[string]int{}
	for name, ref := range refs {
		list, err := w.store.Deployments(t.Context(), ref, nil, 100)
		if err != nil {
			t.Fatal(err)
		}
		deployed[name] = len(list)
	}
	if want := map[string]int{"sandbox": 1, "dev": 3, "prod": 1}; !maps.Equal(deployed, want) {
		t.Errorf("deployments %v, want %v", deployed, want)
	}
	if d := w.target(refs["sandbox"]).Observed.Drift; !d.CheckedAt.IsZero() || len(d.Found) > 0 {
		t.Errorf("what is ignored was looked for: %+v", d)
	}
	d := w.target(refs["prod"]).Observed.Drift
	if len(d.Found) != 1 || !d.Found[0].FirstSeen.Equal(first) || !d.CheckedAt.Equal(w.now) || d.String() == "" {
		t.Errorf("reported is %+v, want one first seen at %s and checked at %s", d, first, w.now)
	}
	if a, b := rule.modeOf(w.target(refs["prod"])), (DriftRule{Mode: DriftCorrect}).modeOf(w.target(refs["prod"])); a != "" || b != DriftCorrect {
		t.Errorf("the mode of what is not named is %q and %q", a, b)
	}
}
