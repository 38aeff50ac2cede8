package provisioner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// A startRecord says that an attempt was started, and by which supervisor.
type startRecord struct {
	Attempt int
	Process process
	Run     string // value of runVariable in every process of the attempt
	Cgroup  string // the attempt's own group, or empty
	At      time.Time
}

// Why the commands of an attempt ended.
type reason string

const (
	exited      reason = "exit"        // the shell ended by itself
	killed      reason = "killed"      // the shell was killed, not by its supervisor
	timedOut    reason = "timeout"     // it took too long
	wasCancel   reason = "cancelled"   // somebody asked
	crowded     reason = "processes"   // it had too many processes
	unclaimed   reason = "deadline"    // no daemon renewed its claim
	stopped     reason = "stopped"     // the supervisor was told to end, as in a shutdown
	interrupted reason = "interrupted" // the supervisor was lost
	refused     reason = "refused"     // it was not started: a secret could not be had
	passing     reason = "passing"     // it failed, harmlessly, of what passes
)

// An exitRecord says how an attempt ended.
type exitRecord struct {
	State     State
	Reason    reason
	Code      int    // the shell's exit status
	Signal    string // or what killed it
	Command   int    // the one it had come to, counted from 1
	Commands  int
	Started   time.Time
	Ended     time.Time
	Message   string
	Outputs   map[string]string
	Changes   []ResourceChange `json:",omitempty"`
	PlanMoved bool             `json:",omitempty"`
	Held      bool             `json:",omitempty"`
	Existing  int              `json:",omitempty"`
}

// lost reports whether the attempt was ended for no reason of its own.
func (e exitRecord) lost() bool { return e.Reason == unclaimed || e.Reason == stopped }

// records are what a work folder says about its job.
type records struct {
	attempt   int          // the newest; 0 if none was started
	start     *startRecord // of that attempt
	at        int          // the command it has come to; 0 if none has begun
	exit      *exitRecord
	cancelled bool
}

func (f folder) startName(attempt int) string { return f.path(fmt.Sprintf("start-%d.json", attempt)) }
func (f folder) atName(attempt int) string    { return f.path(fmt.Sprintf("at-%d", attempt)) }
func (f folder) exitName(attempt int) string  { return f.path(fmt.Sprintf("exit-%d.json", attempt)) }

func (f folder) records() (records, error) {
	var rec records
	for {
		var start startRecord
		err := readJSON(f.startName(rec.attempt+1), &start)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return rec, err
		}
		rec.attempt++
		rec.start = &start
	}
	var exit exitRecord
	switch err := readJSON(f.exitName(rec.attempt), &exit); {
	case err == nil:
		rec.exit = &exit
	case !errors.Is(err, fs.ErrNotExist):
		return rec, err
	}
	text, err := os.ReadFile(f.atName(rec.attempt))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rec, err
	}
	// A number that was not written whole belongs to a command that had not
	// begun: it begins only after the number is durable.
	if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		rec.at = n
	}
	rec.cancelled = f.cancelled()
	return rec, nil
}

// writeExit makes the end of an attempt durable.
func (f folder) writeExit(attempt int, e exitRecord) error {
	return writeJSON(f.exitName(attempt), e, false)
}

// A verdict is the one thing to do next for a job whose supervisor is not
// alive.
type verdict int

const (
	report  verdict = iota // it has ended
	settle                 // it will never go on: say so for good, then report
	prepare                // wait until the caller has recorded its handle
	begin                  // start an attempt
	hold                   // do not, for now
)

// next decides what to do, given that no supervisor is alive. Only report is
// right without knowing that.
func (r records) next(job Job, shared bool) verdict {
	todo := r.unheld(job, shared)
	if todo == begin && job.Hold != "" {
		return hold
	}
	return todo
}

// unheld is next, whatever holds the job.
func (r records) unheld(job Job, shared bool) verdict {
	// A command begins only after at was written, so at 0 nothing was done yet.
	if r.exit != nil && r.exit.Reason == passing {
		switch {
		case r.cancelled:
			return settle
		case r.attempt < maxPassing:
			return begin
		}
		return report
	}
	again := (job.RerunSafe || r.at <= job.Tool.Harmless) && !r.cancelled && r.attempt < maxAttempts
	switch {
	case r.exit != nil && !(r.exit.lost() && again):
		return report
	case r.exit != nil:
		return begin
	case r.cancelled:
		return settle
	case r.attempt == 0 && shared && job.Handle == "":
		return prepare
	case r.attempt == 0, again:
		return begin
	}
	return settle
}

// refusedExit is the exit record of a job for which a secret could not be had.
func (r records) refusedExit(why *SecretError, commands []string) exitRecord {
	e := exitRecord{State: Failed, Reason: refused, Command: r.at, Commands: len(commands), Ended: time.Now().UTC(), Message: why.Error()}
	if r.start != nil {
		e.Started = r.start.At
	}
	return e
}

// lostExit is the exit record of a job that ended without one.
func (r records) lostExit(commands []string) exitRecord {
	e := exitRecord{State: Failed, Reason: interrupted, Command: r.at, Commands: len(commands), Ended: time.Now().UTC()}
	if r.exit != nil { // it waited for another attempt when it was cancelled
		e.State, e.Reason, e.Message = Cancelled, wasCancel, "cancelled; "+r.exit.Message
		return e
	}
	if r.attempt == 0 { // then it was cancelled
		e.State, e.Reason, e.Message = Cancelled, wasCancel, "cancelled before it was started"
		return e
	}
	e.Started = r.start.At
	where := "before its first command"
	if r.at > 0 {
		where = "in " + commandName(r.at, commands)
	}
	e.Message = "interrupted " + where + "; its supervisor was lost (the host restarted, or somebody killed it)"
	if r.attempt > 1 {
		e.Message += fmt.Sprintf(", as were %d earlier attempts", r.attempt-1)
	}
	if r.cancelled {
		e.State, e.Message = Cancelled, "cancelled; "+e.Message
	}
	return e
}

// passingMost is the longest pause before another attempt.
const passingMost = 2 * time.Minute

// due is when what failed of something that passes is tried again.
func (r records) due(first time.Duration) time.Time {
	if r.exit == nil || r.exit.Reason != passing {
		return time.Time{}
	}
	return r.exit.Ended.Add(min(first<<(r.attempt-1), passingMost))
}
