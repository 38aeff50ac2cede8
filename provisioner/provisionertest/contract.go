// Package provisionertest holds the one test that every engine of package
// provisioner must pass.
//
// It knows what callers rely on: Apply and Cancel, at any time, in any order,
// from any engine value on the same state. It refuses to know how an engine
// works; what the test needs of it is in a World.
package provisionertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"baryon/provisioner"

	"github.com/google/go-cmp/cmp"
)

// An Engine is what the contract is about.
type Engine interface {
	Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error)
	Cancel(ctx context.Context, job provisioner.Job) error
}

// A World is one engine's state, empty at first, and jobs for it. Functions
// that a kind of engine cannot have are nil, and the tests that need them are
// skipped.
type World struct {
	// Engine returns a new engine value on this world's state: what a daemon
	// has after a restart.
	Engine func(t *testing.T) Engine
	// Starts counts how often work for the ID was begun.
	Starts func(t *testing.T, id string) int

	// Succeed is a job that succeeds with Outputs.
	Succeed func(id string) provisioner.Job
	Outputs map[string]string
	// Fail is a job that fails with a message that contains FailMessage.
	Fail        func(id string) provisioner.Job
	FailMessage string
	// Block is a job that runs until release is called, and then succeeds.
	Block func(t *testing.T, id string) (job provisioner.Job, release func())
	// Print is a job that succeeds after it printed each of Lines on a line of
	// its own, together more than one call of Apply hands back.
	Print func(id string) provisioner.Job
	Lines []string
	// Lose takes away, as the loss of a host would, what works on a running
	// job.
	Lose func(t *testing.T, job provisioner.Job)
}

// Run tests the engine of the worlds that open makes, one for each test.
func Run(t *testing.T, open func(t *testing.T) World) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, World){
		"a job succeeds with its outputs":                success,
		"a failed job says why":                          failure,
		"a deprovision is a job like another":            deprovision,
		"many callers at once start once":                crowd,
		"a new engine takes up what another began":       resume,
		"the log comes without gap or overlap":           logOffsets,
		"a job cancelled before its start never starts":  cancelBefore,
		"a running job is cancelled":                     cancelWhile,
		"cancelling an ended job changes nothing":        cancelAfter,
		"a job takes no longer than it may":              timeout,
		"a handle of nowhere starts nothing":             unknownHandle,
		"a call that has ended already starts nothing":   endedContext,
		"an ID that is not one is an error":              badID,
		"lost work has failed":                           lost,
		"lost work that may be run again is run again":   lostRerun,
		"lost work that was cancelled is not run again":  lostCancelled,
		"jobs with different IDs have nothing in common": apart,
		"a job that is held begins when it is not":       held,
		"a job that has begun is not held":               heldLate,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func success(t *testing.T, w World) {
	c := Caller{Job: w.Succeed("job-1")}
	p := c.End(t, w.Engine(t))
	wantState(t, p, provisioner.Succeeded)
	if diff := cmp.Diff(w.Outputs, p.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	wantSame(t, w, c.Job, p)
	wantStarts(t, w, 1)
}

func failure(t *testing.T, w World) {
	c := Caller{Job: w.Fail("job-1")}
	p := c.End(t, w.Engine(t))
	wantState(t, p, provisioner.Failed)
	if !strings.Contains(p.Message, w.FailMessage) {
		t.Errorf("message = %q, want it to contain %q", p.Message, w.FailMessage)
	}
	if len(p.Outputs) != 0 {
		t.Errorf("a failed job has outputs: %v", p.Outputs)
	}
	wantSame(t, w, c.Job, p)
	wantStarts(t, w, 1)
}

func deprovision(t *testing.T, w World) {
	c := Caller{Job: w.Succeed("job-1")}
	c.Job.Action = provisioner.Deprovision
	p := c.End(t, w.Engine(t))
	wantState(t, p, provisioner.Succeeded)
	wantSame(t, w, c.Job, p)
}

func crowd(t *testing.T, w World) {
	job := w.Succeed("job-1")
	first := Caller{Job: job}
	// Without a handle only the first call may decide where the work is.
	first.Call(t, w.Engine(t))
	shared := w.Engine(t)
	var callers sync.WaitGroup
	for i := range 12 {
		engine := shared
		if i%2 == 0 {
			engine = w.Engine(t)
		}
		callers.Go(func() {
			c := Caller{Job: job}
			c.Job.Handle = first.Job.Handle
			deadline := time.Now().Add(Patience)
			for {
				p, err := engine.Apply(t.Context(), c.Job)
				if err != nil || time.Now().After(deadline) {
					t.Errorf("Apply beside others: state %s, err %v", p.State, err)
					return
				}
				c.keep(p)
				if p.State.Final() {
					wantState(t, p, provisioner.Succeeded)
					return
				}
				wait(t, p.Again)
			}
		})
	}
	callers.Wait()
	wantStarts(t, w, 1)
}

func resume(t *testing.T, w World) {
	job, release := w.Block(t, "job-1")
	defer release()
	c := Caller{Job: job}
	c.Started(t, w, w.Engine(t))
	for range 3 {
		wantState(t, c.Call(t, w.Engine(t)), provisioner.Running)
	}
	release()
	wantState(t, c.End(t, w.Engine(t)), provisioner.Succeeded)
	wantStarts(t, w, 1)
}

func logOffsets(t *testing.T, w World) {
	if w.Print == nil {
		t.Skip("this engine keeps no log")
	}
	c := Caller{Job: w.Print("job-1")}
	deadline := time.Now().Add(Patience)
	for calls := 0; ; calls++ {
		p := c.Call(t, w.Engine(t)) // each call may be another daemon's
		if p.State.Final() {
			wantState(t, p, provisioner.Succeeded)
			if calls < 2 {
				t.Errorf("the log came in %d calls, want it capped per call", calls)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no end: %s", p.Message)
		}
		wait(t, p.Again)
	}
	rest := string(c.Log)
	for _, line := range w.Lines {
		before, after, found := strings.Cut(rest, line+"\n")
		if !found {
			t.Fatalf("line %q is missing, or not in order", line)
		}
		if before != "" && !strings.HasSuffix(before, "\n") {
			t.Fatalf("line %q comes after %q", line, before)
		}
		rest = after
	}
	again := Caller{Job: w.Print("job-1")}
	again.Job.Handle = c.Job.Handle
	again.End(t, w.Engine(t))
	if string(again.Log) != string(c.Log) {
		t.Errorf("read again the log has %d bytes and differs from the %d read first", len(again.Log), len(c.Log))
	}
}

func cancelBefore(t *testing.T, w World) {
	job := w.Succeed("job-1")
	if err := w.Engine(t).Cancel(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	c := Caller{Job: job}
	p := c.End(t, w.Engine(t))
	wantState(t, p, provisioner.Cancelled)
	wantSame(t, w, c.Job, p)
	wantStarts(t, w, 0)
}

func cancelWhile(t *testing.T, w World) {
	job, release := w.Block(t, "job-1")
	defer release()
	c := Caller{Job: job}
	c.Started(t, w, w.Engine(t))
	for range 2 { // asking twice is asking once
		if err := w.Engine(t).Cancel(t.Context(), c.Job); err != nil {
			t.Fatal(err)
		}
	}
	p := c.End(t, w.Engine(t))
	wantState(t, p, provisioner.Cancelled)
	wantSame(t, w, c.Job, p)
	wantStarts(t, w, 1)
}

func cancelAfter(t *testing.T, w World) {
	c := Caller{Job: w.Succeed("job-1")}
	p := c.End(t, w.Engine(t))
	if err := w.Engine(t).Cancel(t.Context(), c.Job); err != nil {
		t.Fatal(err)
	}
	wantState(t, p, provisioner.Succeeded)
	wantSame(t, w, c.Job, p)
}

func timeout(t *testing.T, w World) {
	job, release := w.Block(t, "job-1")
	defer release()
	job.Timeout = 300 * time.Millisecond
	c := Caller{Job: job}
	p := c.End(t, w.Engine(t))
	wantState(t, p, provisioner.Failed)
	if !strings.Contains(p.Message, "300ms") {
		t.Errorf("message = %q, want it to name the time limit of 300ms", p.Message)
	}
}

func unknownHandle(t *testing.T, w World) {
	job := w.Succeed("job-1")
	job.Handle = "no engine handed this out"
	for range 3 {
		if p, err := w.Engine(t).Apply(t.Context(), job); err == nil && p.State != provisioner.Failed {
			t.Errorf("state = %s, want an error or Failed", p.State)
		}
	}
	wantStarts(t, w, 0)
}

func endedContext(t *testing.T, w World) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	job := w.Succeed("job-1")
	if _, err := w.Engine(t).Apply(ctx, job); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply: err = %v, want context.Canceled", err)
	}
	if err := w.Engine(t).Cancel(ctx, job); !errors.Is(err, context.Canceled) {
		t.Errorf("Cancel: err = %v, want context.Canceled", err)
	}
	c := Caller{Job: job}
	wantState(t, c.End(t, w.Engine(t)), provisioner.Succeeded)
	wantStarts(t, w, 1)
}

func badID(t *testing.T, w World) {
	for _, id := range []string{"", ".", "..", "../x", "a/b", "a b", "a\x00", "-a", "ä", strings.Repeat("a", 129)} {
		job := w.Succeed("job-1")
		job.ID = id
		if p, err := w.Engine(t).Apply(t.Context(), job); err == nil {
			t.Errorf("Apply with ID %q: %s, want an error", id, p.State)
		}
		if err := w.Engine(t).Cancel(t.Context(), job); err == nil {
			t.Errorf("Cancel with ID %q: want an error", id)
		}
	}
}

// losing starts a job and takes away what works on it.
func losing(t *testing.T, w World, rerunSafe bool) (c Caller, release func()) {
	t.Helper()
	if w.Lose == nil {
		t.Skip("this engine's work cannot be lost")
	}
	job, release := w.Block(t, "job-1")
	job.RerunSafe = rerunSafe
	c = Caller{Job: job}
	c.Started(t, w, w.Engine(t))
	w.Lose(t, c.Job)
	return c, release
}

func lost(t *testing.T, w World) {
	c, release := losing(t, w, false)
	defer release()
	p := c.End(t, w.Engine(t))
	wantState(t, p, provisioner.Failed)
	if !strings.Contains(p.Message, "interrupted") {
		t.Errorf("message = %q, want it to say interrupted", p.Message)
	}
	wantSame(t, w, c.Job, p)
	wantStarts(t, w, 1)
}

func lostRerun(t *testing.T, w World) {
	c, release := losing(t, w, true)
	defer release()
	c.Until(t, w.Engine(t), func(provisioner.Progress) bool { return w.Starts(t, "job-1") == 2 })
	release()
	wantState(t, c.End(t, w.Engine(t)), provisioner.Succeeded)
	wantStarts(t, w, 2)
}

func lostCancelled(t *testing.T, w World) {
	c, release := losing(t, w, true)
	defer release()
	if err := w.Engine(t).Cancel(t.Context(), c.Job); err != nil {
		t.Fatal(err)
	}
	wantState(t, c.End(t, w.Engine(t)), provisioner.Cancelled)
	wantStarts(t, w, 1)
}

func apart(t *testing.T, w World) {
	blocked, release := w.Block(t, "job-1")
	defer release()
	one := Caller{Job: blocked}
	one.Started(t, w, w.Engine(t))
	two, three := Caller{Job: w.Succeed("job-2")}, Caller{Job: w.Fail("job-3")}
	wantState(t, two.End(t, w.Engine(t)), provisioner.Succeeded)
	wantState(t, three.End(t, w.Engine(t)), provisioner.Failed)
	wantState(t, one.Call(t, w.Engine(t)), provisioner.Running)
	release()
	wantState(t, one.End(t, w.Engine(t)), provisioner.Succeeded)
}
