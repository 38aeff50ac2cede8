package provisioner

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestNext lists what to do with a job whose supervisor is not alive.
func TestNext(t *testing.T) {
	t.Parallel()
	started := &startRecord{At: time.Unix(0, 0)}
	ended := func(why reason) *exitRecord { return &exitRecord{State: Failed, Reason: why} }
	for name, tt := range map[string]struct {
		rec    records
		job    Job
		shared bool
		want   verdict
	}{
		"new":                               {records{}, Job{}, false, begin},
		"new, shared, not recorded yet":     {records{}, Job{}, true, prepare},
		"new, shared, recorded":             {records{}, Job{Handle: "{}"}, true, begin},
		"new, cancelled":                    {records{cancelled: true}, Job{}, false, settle},
		"new, shared, cancelled":            {records{cancelled: true}, Job{}, true, settle},
		"before the first command":          {records{attempt: 1, start: started}, Job{}, false, begin},
		"before the first command, often":   {records{attempt: maxAttempts, start: started}, Job{}, false, settle},
		"in a command":                      {records{attempt: 1, start: started, at: 1}, Job{}, false, settle},
		"in a command, safe":                {records{attempt: 1, start: started, at: 1}, Job{RerunSafe: true}, false, begin},
		"in a command, safe, cancelled":     {records{attempt: 1, start: started, at: 1, cancelled: true}, Job{RerunSafe: true}, false, settle},
		"in a command, safe, often":         {records{attempt: maxAttempts, start: started, at: 1}, Job{RerunSafe: true}, false, settle},
		"ended":                             {records{attempt: 1, start: started, at: 1, exit: ended(exited)}, Job{}, false, report},
		"ended, safe":                       {records{attempt: 1, start: started, at: 1, exit: ended(exited)}, Job{RerunSafe: true}, false, report},
		"timed out, safe":                   {records{attempt: 1, start: started, at: 1, exit: ended(timedOut)}, Job{RerunSafe: true}, false, report},
		"told to stop":                      {records{attempt: 1, start: started, at: 1, exit: ended(stopped)}, Job{}, false, report},
		"told to stop, safe":                {records{attempt: 1, start: started, at: 1, exit: ended(stopped)}, Job{RerunSafe: true}, false, begin},
		"told to stop before a command":     {records{attempt: 1, start: started, exit: ended(stopped)}, Job{}, false, begin},
		"unclaimed, safe":                   {records{attempt: 1, start: started, at: 1, exit: ended(unclaimed)}, Job{RerunSafe: true}, true, begin},
		"unclaimed, safe, cancelled":        {records{attempt: 1, start: started, at: 1, exit: ended(unclaimed), cancelled: true}, Job{RerunSafe: true}, true, report},
		"settled as interrupted, then safe": {records{attempt: 1, start: started, at: 1, exit: ended(interrupted)}, Job{RerunSafe: true}, false, report},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.rec.next(tt.job, tt.shared); got != tt.want {
				t.Errorf("next = %d, want %d", got, tt.want)
			}
		})
	}
}

// TestRecords writes and reads what a folder remembers, a command's number that
// was not written whole among it.
func TestRecords(t *testing.T) {
	t.Parallel()
	f := folder{t.TempDir()}
	want := records{}
	same := func(when string) {
		t.Helper()
		got, err := f.records()
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(records{})); diff != "" || err != nil {
			t.Errorf("%s: err %v (-want +got)\n%s", when, err, diff)
		}
	}
	same("at first")
	for attempt := 1; attempt <= 2; attempt++ {
		start := startRecord{Attempt: attempt, Process: process{Boot: "b", PID: 1, Start: "2"}, Run: "r", At: time.Unix(int64(attempt), 0).UTC()}
		if err := writeJSON(f.startName(attempt), start, true); err != nil {
			t.Fatal(err)
		}
		if err := writeJSON(f.startName(attempt), start, true); !os.IsExist(err) {
			t.Errorf("a second start of attempt %d: err = %v, want that it exists", attempt, err)
		}
		want = records{attempt: attempt, start: &start}
		same("started")
		for text, at := range map[string]int{"3\n": 3, "": 0, "\x00\x00": 0} {
			if err := os.WriteFile(f.atName(attempt), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			want.at = at
			same("at " + text)
		}
		if err := os.Remove(f.atName(attempt)); err != nil {
			t.Fatal(err)
		}
		want.at = 0
	}
	for range 2 {
		if err := f.cancel(); err != nil {
			t.Fatal(err)
		}
	}
	want.cancelled = true
	same("cancelled")
	want.exit = &exitRecord{State: Succeeded, Outputs: map[string]string{"a": "b"}}
	if err := f.writeExit(2, *want.exit); err != nil {
		t.Fatal(err)
	}
	same("ended")
	if err := os.WriteFile(filepath.Join(f.dir, "exit-2.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.records(); err == nil {
		t.Error("a broken record: want an error")
	}
}

func TestLostExit(t *testing.T) {
	t.Parallel()
	start := &startRecord{At: time.Unix(0, 0)}
	for name, tt := range map[string]struct {
		rec     records
		state   State
		message string
	}{
		"never started":       {records{cancelled: true}, Cancelled, "cancelled before it was started"},
		"in a command":        {records{attempt: 1, start: start, at: 2}, Failed, "interrupted in command 2 of 2: b; its supervisor was lost (the host restarted, or somebody killed it)"},
		"before any":          {records{attempt: 5, start: start}, Failed, "interrupted before its first command; its supervisor was lost (the host restarted, or somebody killed it), as were 4 earlier attempts"},
		"cancelled, too":      {records{attempt: 1, start: start, at: 1, cancelled: true}, Cancelled, "cancelled; interrupted in command 1 of 2: a; its supervisor was lost (the host restarted, or somebody killed it)"},
		"in the last attempt": {records{attempt: 2, start: start, at: 1}, Failed, "interrupted in command 1 of 2: a; its supervisor was lost (the host restarted, or somebody killed it), as were 1 earlier attempts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.rec.lostExit([]string{"a", "b"})
			if got.State != tt.state || got.Message != tt.message {
				t.Errorf("got %s %q, want %s %q", got.State, got.Message, tt.state, tt.message)
			}
		})
	}
}
