package provisionertest

import (
	"testing"
	"time"

	"baryon/provisioner"

	"github.com/google/go-cmp/cmp"
)

// Patience is how long the contract waits for anything.
const Patience = 60 * time.Second

// A Caller keeps what a caller of Apply keeps for one job.
type Caller struct {
	Job provisioner.Job
	Log []byte
}

// Call calls Apply once and keeps the handle and the log.
func (c *Caller) Call(t *testing.T, e Engine) provisioner.Progress {
	t.Helper()
	p, err := e.Apply(t.Context(), c.Job)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	c.keep(p)
	return p
}

func (c *Caller) keep(p provisioner.Progress) {
	c.Job.Handle = p.Handle
	c.Job.LogOffset += int64(len(p.Log))
	c.Log = append(c.Log, p.Log...)
}

// Until calls Apply until its progress satisfies done.
func (c *Caller) Until(t *testing.T, e Engine, done func(provisioner.Progress) bool) provisioner.Progress {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		p := c.Call(t, e)
		if done(p) {
			return p
		}
		if p.State.Final() || time.Now().After(deadline) {
			t.Fatalf("job %s: got state %s (%s) and log\n%s", c.Job.ID, p.State, p.Message, c.Log)
		}
		if p.Again < 0 || p.Again > time.Minute {
			t.Fatalf("job %s: Again = %s, want a bearable wait", c.Job.ID, p.Again)
		}
		wait(t, p.Again)
	}
}

// End calls Apply until the job has ended.
func (c *Caller) End(t *testing.T, e Engine) provisioner.Progress {
	t.Helper()
	return c.Until(t, e, func(p provisioner.Progress) bool { return p.State.Final() })
}

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(min(d, 50*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

// Started calls Apply until the job's work has begun.
func (c *Caller) Started(t *testing.T, w World, e Engine) {
	t.Helper()
	c.Until(t, e, func(provisioner.Progress) bool { return w.Starts(t, c.Job.ID) > 0 })
}

// wantStarts tests how often the first job of the world was begun.
func wantStarts(t *testing.T, w World, want int) {
	t.Helper()
	if got := w.Starts(t, "job-1"); got != want {
		t.Errorf("work began %d times, want %d", got, want)
	}
}

func wantState(t *testing.T, p provisioner.Progress, want provisioner.State) {
	t.Helper()
	if p.State != want {
		t.Errorf("state = %s (%s), want %s", p.State, p.Message, want)
	}
}

// wantSame tests that an ended job stays what it is, for old engines and new.
func wantSame(t *testing.T, w World, job provisioner.Job, want provisioner.Progress) {
	t.Helper()
	for range 2 {
		c := Caller{Job: job}
		c.Job.LogOffset = 0
		got := c.End(t, w.Engine(t))
		if diff := cmp.Diff(
			[]any{want.State, want.Message, want.Outputs},
			[]any{got.State, got.Message, got.Outputs},
		); diff != "" {
			t.Errorf("a later look at the ended job differs (-first +later):\n%s", diff)
		}
	}
}
