package reconciler

import (
	"testing"
	"time"

	"baryon/state"
)

// TestClockSetBack settles a world, sets its clock back by a day, and pushes nothing:
// what is due by itself must not wait for that day to pass again.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wall, elapsed time.Duration
		due           bool
	}{
		"set back by a day":    {-24 * time.Hour, time.Second, true},
		"stopped for a minute": {0, time.Minute, true},
		"slewed":               {900 * time.Millisecond, time.Second, false},
		"set forward":          {24 * time.Hour, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Settings{})
			dev := w.environment("dev", "", "small")
			w.push()
			w.pass()
			w.end()
			w.pass()
			w.now = w.now.Add(tt.wall)
			w.do(w.loop.heedClock(t.Context(), tt.wall, tt.elapsed))
			at, err := w.store.Due(t.Context(), dev)
			if err != nil {
				t.Fatal(err)
			}
			if due := !at.After(w.now); due != tt.due {
				t.Errorf("%s is due at %s, and it is %s", dev, at, w.now)
			}
			claims, err := w.store.Claim(t.Context(), state.NewID(), 9)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(claims) > 0; got != tt.due {
				t.Errorf("something can be claimed: %v, want %v", got, tt.due)
			}
		})
	}
}
