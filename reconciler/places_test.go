package reconciler

import (
	"testing"

	"baryon/state"
)

// TestPlaces hands a place on to who waits longest, once.
func TestPlaces(t *testing.T) {
	t.Parallel()
	var p places
	a, b, c, d := state.EnvironmentRef("a"), state.EnvironmentRef("b"), state.EnvironmentRef("c"), state.EnvironmentRef("d")
	for _, step := range []struct {
		ref  state.Ref
		want bool
	}{{a, true}, {b, true}, {c, false}, {d, false}, {c, false}, {a, true}} {
		if got := p.take(step.ref, 2); got != step.want {
			t.Errorf("take %s: %v, want %v", step.ref, got, step.want)
		}
	}
	if turn, ok := p.give(a); !ok || turn != c {
		t.Errorf("it is the turn of %s (%v), want %s", turn, ok, c)
	}
	if turn, ok := p.give(a); ok {
		t.Errorf("a place that was given back is the turn of %s again", turn)
	}
	if turn, ok := p.give(d); ok { // it is wanted no more
		t.Errorf("who never had a place gives it to %s", turn)
	}
	if !p.take(c, 2) || p.take(a, 2) {
		t.Error("c has no place, or a has a third one")
	}
	if turn, ok := p.give(b); !ok || turn != a {
		t.Errorf("it is the turn of %s (%v), want %s", turn, ok, a)
	}
}
