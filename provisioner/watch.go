package provisioner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
)

const (
	lookEvery  = 50 * time.Millisecond // for a request to cancel, and the claim
	countEvery = 8                     // looks between two counts of processes in /proc
	syncEvery  = 40                    // looks between two syncs of the log
	killFor    = 30 * time.Second      // then something cannot be killed
)

// supervise runs the commands and sees to it that nothing of them is left.
func (s *supervisor) supervise() exitRecord {
	s.group = s.makeGroup()
	defer s.group.remove()
	x, err := s.open()
	if err != nil {
		return exitRecord{State: Failed, Reason: exited, Message: err.Error()}
	}
	s.step("session open")
	e := s.watch(x)
	x.hush()
	if n := s.left(x); n > 0 && e.why == exited {
		s.out.note(fmt.Sprintf("ending what the commands left running: %d", n))
	}
	all := s.end(x, e.why)
	if e.why != exited {
		select {
		case e.status = <-x.done:
		default: // it would not die
		}
	}
	x.close()
	s.out.flush()
	e.at, e.finished, e.failed = x.state()
	exit := s.result(e)
	if exit.State == Failed && s.group.outOfMemory() {
		exit.Message += fmt.Sprintf("\nit used more memory than its limit of %d bytes", s.order.MemoryMax)
	}
	if !all {
		exit.Message += "\nsome of its processes could not be ended"
	}
	return exit
}

// left is how many descendants there are. Mostly there are none, which is known
// a moment after the shell has ended, and is cheaper than to look for some.
func (s *supervisor) left(x *session) int {
	moment := time.NewTimer(5 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-x.none:
	case <-moment.C:
	}
	if s.alone(x) {
		return 0
	}
	return signalBelow(x.pid, syscall.Signal(0))
}

// alone reports whether it is certain that no descendant is left.
func (s *supervisor) alone(x *session) bool {
	select {
	case <-x.none:
		return s.adopts
	default:
		return false
	}
}

// makeGroup makes the attempt's cgroup. Without one everything works but the
// limits that Limits reports as not held.
func (s *supervisor) makeGroup() cgroup {
	if s.start.Cgroup == "" {
		return cgroup{}
	}
	group := cgroup{s.start.Cgroup}
	if err := os.Mkdir(group.dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, "baryon supervise: no cgroup:", err)
		return cgroup{}
	}
	group.limit(s.order.MaxProcesses, s.order.MemoryMax)
	return group
}

// watch waits until the shell has ended or is to be ended, and says why.
func (s *supervisor) watch(x *session) ending {
	timeout := time.NewTimer(s.order.Timeout)
	defer timeout.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var step stepClock
	for looks := 1; ; looks++ {
		select {
		case status := <-x.done:
			return ending{why: exited, status: status}
		case <-timeout.C:
			return ending{why: timedOut}
		case sig := <-s.asked:
			if sig != syscall.SIGUSR1 {
				return ending{why: stopped, detail: sig.String()}
			}
		case <-tick.C:
		}
		switch {
		case s.folder.cancelled():
			return ending{why: wasCancel}
		case s.expired():
			return ending{why: unclaimed}
		}
		if limit := step.over(x, s.order.Tool.Within); limit > 0 {
			return ending{why: timedOut, detail: limit.String()}
		}
		// A group is quickly counted, all of /proc is not.
		if s.group.dir != "" || looks%countEvery == 0 {
			if n := s.countProcesses(x); n > s.order.MaxProcesses {
				return ending{why: crowded, detail: strconv.Itoa(n)}
			}
		}
		if looks%countEvery == 0 {
			if _, err := os.Lstat(s.folder.dir); errors.Is(err, fs.ErrNotExist) {
				return ending{why: stopped, detail: "its work folder was removed"}
			}
		}
		if looks%syncEvery == 0 {
			s.out.sync()
		}
	}
}

// A stepClock knows how long the command that runs has been running.
type stepClock struct {
	at    int
	since time.Time
}

// over is the limit of the command that runs, if that has passed.
func (c *stepClock) over(x *session, limits []time.Duration) time.Duration {
	at, _, _ := x.state()
	if at != c.at {
		c.at, c.since = at, time.Now()
	}
	if at < 1 || at > len(limits) || limits[at-1] <= 0 || time.Since(c.since) < limits[at-1] {
		return 0
	}
	return limits[at-1]
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

// politeness is how the commands are asked to end and how long they get for it.
// Once no daemon claims them another one may soon take them for ended, so then
// they get no more than the usual time.
func (s *supervisor) politeness(why reason) (syscall.Signal, time.Duration) {
	switch patience := s.order.Tool.Patience; {
	case patience <= 0 || why == exited:
		return syscall.SIGTERM, s.order.Grace
	case why == unclaimed:
		return syscall.SIGINT, s.order.Grace
	default:
		return syscall.SIGINT, patience
	}
}

// end ends all that is left of the session, politely at first, and reports
// whether it could.
func (s *supervisor) end(x *session, why reason) bool {
	if s.alone(x) {
		return true
	}
	polite, patience := s.politeness(why)
	grace := time.NewTimer(patience)
	defer grace.Stop()
	// What multiplies gets no time for it.
	if why != crowded {
		signalBelow(x.pid, polite)
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
