package provisioner

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// On macOS there is no way to adopt orphans and none to read the
// environment of others: ending reaches the shell's process group alone. Limits
// says so.

func bootID() string {
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return ""
	}
	return strconv.FormatInt(t.Sec, 10)
}

// bootTime is the time since the system started.
func bootTime() time.Duration {
	t, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return 0
	}
	return time.Since(time.Unix(t.Unix()))
}

func processStart(pid int) (string, error) {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(p.Proc.P_starttime.Nano(), 10), nil
}

func ofRun(int, string) bool { return false }

func processesOfRun(string) []int { return nil }

func limitUser(int, int) error { return errors.ErrUnsupported }

func adoptOrphans() error { return errors.ErrUnsupported }

// signalBelow sends sig to the process group of the session's shell.
func signalBelow(shell int, sig syscall.Signal) int {
	if syscall.Kill(-shell, sig) != nil {
		return 0
	}
	return 1
}

// lastReader is nil: what a lost supervisor left running is not found here.
func lastReader(*os.File) (*os.File, error) { return nil, nil }

func sessionAttr(int) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
