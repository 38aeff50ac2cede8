package provisioner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// runVariable is set for every command to a value that no other attempt has,
// so that processes can be found again after their supervisor was lost.
const runVariable = "BARYON_RUN"

// A process names one process for good; a PID alone is used again and again.
type process struct {
	Boot  string `json:"boot"`
	PID   int    `json:"pid"`
	Start string `json:"start"` // as the kernel counts it
}

// self is the calling process.
func self() (process, error) {
	start, err := processStart(os.Getpid())
	if err != nil {
		return process{}, fmt.Errorf("own start time: %w", err)
	}
	return process{Boot: bootID(), PID: os.Getpid(), Start: start}, nil
}

// signal sends sig to the process unless it has ended.
func (p process) signal(sig syscall.Signal) {
	if p.Boot == bootID() {
		signalIf(p.PID, sig, func() bool {
			start, err := processStart(p.PID)
			return err == nil && start == p.Start
		})
	}
}

// signalIf sends sig to pid if it is the right process: the handle taken first
// keeps the PID from being used again between the look and the signal.
func signalIf(pid int, sig syscall.Signal, right func() bool) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer func() { _ = p.Release() }()
	if right() {
		_ = p.Signal(sig) // it may have ended, which is as well
	}
}

// A leftoverError says that what a lost supervisor left running was asked to end
// and still saves what it did.
type leftoverError struct{ left time.Duration }

func (e *leftoverError) Error() string {
	return fmt.Sprintf("its supervisor was lost; what it left running was asked to save its work and end, and is killed in %s", e.left.Round(time.Second))
}

// endLeftovers ends what a lost supervisor left running: at once, or after it
// had the time to save its work. Until then the error is a *leftoverError; any
// other says that something would not die. Nothing may be started in its place
// before.
func (f folder) endLeftovers(start *startRecord, patience time.Duration) error {
	if start.Process.Boot != bootID() {
		return nil
	}
	group := cgroup{start.Cgroup}
	if pids := append(group.processes(), processesOfRun(start.Run)...); patience > 0 && len(pids) > 0 {
		left, err := f.askLeftovers(start, pids, patience)
		if err != nil || left > 0 {
			return errors.Join(err, &leftoverError{left})
		}
	}
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for deadline := time.Now().Add(5 * time.Second); ; <-pause.C {
		group.kill()
		pids := append(group.processes(), processesOfRun(start.Run)...)
		if len(pids) == 0 {
			group.remove()
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of the interrupted attempt %d would not end", pids, start.Attempt)
		}
		for _, pid := range pids {
			signalIf(pid, syscall.SIGKILL, func() bool { return ofRun(pid, start.Run) })
		}
	}
}

// askLeftovers asks processes to end, once, and gives the time they still have.
func (f folder) askLeftovers(start *startRecord, pids []int, patience time.Duration) (time.Duration, error) {
	name := f.path(fmt.Sprintf("asked-%d", start.Attempt))
	switch err := writeFile(name, fmt.Appendf(nil, "%d\n", bootTime()), true); {
	case err == nil:
		for _, pid := range pids {
			signalIf(pid, syscall.SIGINT, func() bool { return ofRun(pid, start.Run) })
		}
	case !errors.Is(err, fs.ErrExist):
		return patience, err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return patience, err
	}
	asked, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, nil // not written whole: it was before a crash of the host
	}
	return time.Duration(asked) + patience - bootTime(), nil
}

// A child is a supervisor that this process started.
type child struct {
	job     string
	attempt int
	ended   bool
	status  syscall.WaitStatus
}

// launch starts a supervisor for an attempt and hands it the lock. It leads a
// session of its own, so no signal to the daemon's terminal or group reaches
// it. Secrets go through a pipe: whoever reads the disk does not see them.
func (c *Command) launch(f folder, lock *os.File, id string, l launch) error {
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	defer out.Close()
	errs, err := os.OpenFile(f.path("supervisor.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer errs.Close()
	supervisor, err := os.StartProcess(c.cfg.Executable, []string{c.cfg.Executable, "supervise", f.dir}, &os.ProcAttr{
		Dir:   f.dir,
		Env:   []string{"PATH=" + c.cfg.Path},
		Files: []*os.File{in, errs, errs, lock}, // the lock is lockFD
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("start supervisor: %w", err)
	}
	pid := supervisor.Pid
	c.mu.Lock()
	c.children[pid] = child{job: id, attempt: l.Attempt}
	c.mu.Unlock()
	// It is reaped by number, without waiting: see reapChildren.
	if err := supervisor.Release(); err != nil {
		return err
	}
	c.step("forked")
	if err := out.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	in.Close() // so that writing fails when the supervisor is gone
	c.cfg.Started(id, pid, l.Attempt)
	return writeLaunch(out, l)
}

// reap gives an error when a supervisor that this process started for the job
// has ended without starting anything; the next call may try again.
func (c *Command) reap(f folder, id string) error {
	c.reapChildren()
	var failed *child
	c.mu.Lock()
	for pid, ch := range c.children {
		if ch.job == id && ch.ended {
			delete(c.children, pid)
			failed = &ch
		}
	}
	c.mu.Unlock()
	if failed == nil {
		return nil
	}
	if _, err := os.Lstat(f.startName(failed.attempt)); err == nil {
		return nil
	}
	text, err := os.ReadFile(f.path("supervisor.log"))
	if err != nil {
		return err
	}
	how := "exit status " + strconv.Itoa(failed.status.ExitStatus())
	if failed.status.Signaled() {
		how = failed.status.Signal().String()
	}
	said := lastLines(string(text[max(0, len(text)-4096):]))
	return fmt.Errorf("its supervisor ended before it began (%s): %s", how, strings.ReplaceAll(said, "\n", "; "))
}
