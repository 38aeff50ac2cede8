package provisioner

import (
	"fmt"
	"syscall"
)

// An ending is all that is known about the end of a session.
type ending struct {
	why      reason
	status   syscall.WaitStatus // of the shell
	detail   string             // of why
	at       int                // the command it had come to
	finished bool               // every command had run
	failed   error              // what kept the supervisor from going on
}

// result says in a record how the session ended.
func (s *supervisor) result(e ending) exitRecord {
	exit := exitRecord{State: Failed, Reason: e.why, Command: e.at, Code: e.status.ExitStatus()}
	if e.status.Signaled() {
		exit.Signal = e.status.Signal().String()
	}
	clean := e.status.Exited() && e.status.ExitStatus() == 0
	// A session may come to its end while it is being ended.
	if clean && e.failed == nil && (e.finished || e.why == exited) {
		exit.Reason = exited
		s.succeed(&exit, e.finished)
	} else {
		if e.why == exited && e.status.Signaled() {
			exit.Reason = killed
		}
		if e.why == wasCancel {
			exit.State = Cancelled
		}
		var told bool
		exit.Message, told = s.describe(e)
		if last := s.out.lastLines(e.at, len(s.order.Commands)); told && last != "" {
			exit.Message += "\n" + last
		}
	}
	m := newMask(s.launch.Secrets)
	if s.reader != nil {
		exit.use(s.reader.tool.Result(), m)
	}
	exit.Message = m.all(exit.Message)
	return exit
}

// succeed completes the record of a session that ended well.
func (s *supervisor) succeed(exit *exitRecord, finished bool) {
	exit.State = Succeeded
	if !finished && exit.Command < len(s.order.Commands) {
		exit.Message = fmt.Sprintf("command %d of %d ended the session with exit 0; the commands after it were not run", exit.Command, len(s.order.Commands))
		s.out.note(exit.Message)
	}
	if s.order.Action != Provision || s.reader != nil {
		return
	}
	outputs, err := readOutputs(s.folder.path("bundle"), s.launch.Secrets)
	if err != nil {
		exit.State, exit.Message = Failed, "every command succeeded, but the outputs cannot be used:\n"+err.Error()
		return
	}
	exit.Outputs = outputs
}

// describe says for people why a session did not end well, and whether the last
// of its output can tell them more.
func (s *supervisor) describe(e ending) (message string, told bool) {
	where := "before its first command"
	if e.at > 0 {
		where = "in " + commandName(e.at, s.order.Commands)
	}
	switch {
	case e.failed != nil:
		return fmt.Sprintf("the supervisor could not go on %s: %v", where, e.failed), true
	case e.why == exited && e.status.Signaled():
		return s.failure(e.at, "was killed by a signal ("+e.status.Signal().String()+")"), true
	case e.why == exited:
		return s.failure(e.at, fmt.Sprintf("failed with exit status %d", e.status.ExitStatus())), true
	case e.why == timedOut && e.detail != "":
		return s.failure(e.at, fmt.Sprintf("was ended after %s, the time limit of this step", e.detail)), true
	case e.why == timedOut:
		return s.failure(e.at, fmt.Sprintf("was ended after %s, the job's time limit", s.order.Timeout)), true
	case e.why == crowded:
		return s.failure(e.at, fmt.Sprintf("was ended: the job had %s processes, more than its limit of %d", e.detail, s.order.MaxProcesses)), true
	case e.why == wasCancel:
		return "cancelled " + where, false
	case e.why == unclaimed:
		return fmt.Sprintf("interrupted %s; no daemon renewed its claim for %s", where, s.order.Deadline), false
	}
	return fmt.Sprintf("interrupted %s; its supervisor was told to stop (%s)", where, e.detail), false
}

// failure says what happened in command k.
func (s *supervisor) failure(k int, what string) string {
	if k < 1 {
		return "the shell " + what + " before its first command"
	}
	return fmt.Sprintf("command %d of %d %s: %s", k, len(s.order.Commands), what, firstLine(s.order.Commands[k-1]))
}
