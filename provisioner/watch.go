package provisioner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	lookEvery  = 100 * time.Millisecond // for a request to cancel, and the claim
	countEvery = 4                      // looks between two counts of processes
	syncEvery  = 20                     // looks between two syncs of the log
	killFor    = 30 * time.Second       // then something cannot be killed
)

// supervise runs the commands and sees to it that nothing of them is left.
func (s *supervisor) supervise() exitRecord {
	s.group = s.makeGroup()
	x, err := s.open()
	if err != nil {
		s.group.remove()
		return exitRecord{State: Failed, Reason: exited, Message: err.Error()}
	}
	s.step("session open")
	why, status, note := s.watch(x)
	x.hush()
	if why == exited {
		if n := signalBelow(x.pid, syscall.Signal(0)); n > 0 {
			s.out.note(fmt.Sprintf("ending %d processes the commands left running", n))
		}
	}
	all := s.end(x, why)
	if why != exited {
		select {
		case status = <-x.done:
		default: // it would not die
		}
	}
	outOfMemory := s.group.outOfMemory()
	x.close()
	s.out.flush()
	s.group.remove()
	exit := s.result(x, why, status, note)
	if outOfMemory && exit.State == Failed {
		exit.Message += fmt.Sprintf("\nit used more memory than its limit of %d bytes", s.order.MemoryMax)
	}
	if !all {
		exit.Message += "\nsome of its processes could not be ended"
	}
	return exit
}

// makeGroup makes the attempt's cgroup. Without one everything works but the
// limits that Limits reports as not held.
func (s *supervisor) makeGroup() cgroup {
	if s.start.Cgroup == "" {
		return cgroup{}
	}
	group := cgroup{s.start.Cgroup}
	if err := group.make(s.order.MaxProcesses, s.order.MemoryMax); err != nil {
		fmt.Fprintln(os.Stderr, "baryon supervise: no cgroup:", err)
		return cgroup{}
	}
	return group
}

// watch waits until the shell has ended or is to be ended, and says why.
func (s *supervisor) watch(x *session) (why reason, status syscall.WaitStatus, note string) {
	timeout := time.NewTimer(s.order.Timeout)
	defer timeout.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for looks := 1; ; looks++ {
		select {
		case status = <-x.done:
			return exited, status, ""
		case <-timeout.C:
			return timedOut, 0, ""
		case sig := <-s.asked:
			if sig != syscall.SIGUSR1 {
				return stopped, 0, sig.String()
			}
		case <-tick.C:
		}
		switch {
		case s.folder.cancelled():
			return wasCancel, 0, ""
		case s.expired():
			return unclaimed, 0, ""
		case looks%countEvery == 0:
			if _, err := os.Lstat(s.folder.dir); errors.Is(err, fs.ErrNotExist) {
				return stopped, 0, "its work folder was removed"
			}
			if n := s.countProcesses(x); n > s.order.MaxProcesses {
				return crowded, 0, fmt.Sprint(n)
			}
		}
		if looks%syncEvery == 0 {
			s.out.sync()
		}
	}
}

// countProcesses counts only where the kernel does not.
func (s *supervisor) countProcesses(x *session) int {
	switch {
	case s.group.has("pids.max"):
		return 0
	case s.group.dir != "":
		return len(s.group.processes())
	}
	return signalBelow(x.pid, syscall.Signal(0))
}

// end ends all that is left of the session, politely at first, and reports
// whether it could.
func (s *supervisor) end(x *session, why reason) bool {
	grace := time.NewTimer(s.order.Grace)
	defer grace.Stop()
	// What multiplies gets no time for it.
	if why != crowded {
		signalBelow(x.pid, syscall.SIGTERM)
		signalBelow(x.pid, syscall.SIGCONT)
		s.step("terminated")
		select {
		case <-x.none:
			return true
		case <-grace.C:
		}
	}
	for deadline := time.Now().Add(killFor); time.Now().Before(deadline); {
		s.group.kill()
		// What is stopped does not fork, so this reaches everything in the end.
		for before := -1; ; {
			n := signalBelow(x.pid, syscall.SIGSTOP)
			if n <= before {
				break
			}
			before = n
		}
		signalBelow(x.pid, syscall.SIGKILL)
		select {
		case <-x.none:
			return true
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}

// result says in a record how the session ended.
func (s *supervisor) result(x *session, why reason, status syscall.WaitStatus, note string) exitRecord {
	at, finished, failed := x.state()
	exit := exitRecord{State: Failed, Reason: why, Command: at, Code: status.ExitStatus()}
	if status.Signaled() {
		exit.Signal = status.Signal().String()
	}
	clean := status.Exited() && status.ExitStatus() == 0
	which := commandName(at, s.order.Commands)
	if at == 0 {
		which = "the session before its first command"
	}
	tail := true
	switch {
	case failed != nil:
		exit.Message = "the supervisor could not go on after " + which + ": " + failed.Error()
	case clean && (finished || why == exited):
		// It may have come to its end while it was being ended.
		exit.Reason, exit.State, tail = exited, Succeeded, false
		if !finished {
			exit.Message = fmt.Sprintf("command %d of %d ended the session with exit 0; the commands after it were not run", at, len(s.order.Commands))
			s.out.note(exit.Message)
		}
	case why == exited && status.Signaled():
		exit.Reason = killed
		exit.Message = failure(at, s.order.Commands, "was killed by a signal ("+exit.Signal+")")
	case why == exited:
		exit.Message = failure(at, s.order.Commands, fmt.Sprintf("failed with exit status %d", exit.Code))
	case why == timedOut:
		exit.Message = failure(at, s.order.Commands, fmt.Sprintf("was ended after %s, the job's time limit", s.order.Timeout))
	case why == crowded:
		exit.Message = failure(at, s.order.Commands, fmt.Sprintf("was ended: the job had %s processes, more than its limit of %d", note, s.order.MaxProcesses))
	case why == wasCancel:
		exit.State, tail = Cancelled, false
		exit.Message = "cancelled in " + which
	case why == unclaimed:
		tail = false
		exit.Message = fmt.Sprintf("interrupted in %s; no daemon renewed its claim for %s", which, s.order.Deadline)
	default:
		tail = false
		exit.Message = fmt.Sprintf("interrupted in %s; its supervisor was told to stop (%s)", which, note)
	}
	if tail {
		if last := s.out.lastLines(); last != "" {
			exit.Message += "\n" + last
		}
	}
	if exit.State == Succeeded && s.order.Action == Provision {
		outputs, err := readOutputs(s.folder.path("bundle"), s.launch.Secrets)
		if err != nil {
			exit.State, exit.Message = Failed, "every command succeeded, but the outputs cannot be used:\n"+err.Error()
		}
		exit.Outputs = outputs
	}
	exit.Message = newMask(s.launch.Secrets).all(exit.Message)
	return exit
}
