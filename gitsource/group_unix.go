//go:build unix

package gitsource

import (
	"os/exec"
	"syscall"
)

// ownGroup lets the end of the context end the helpers of git too, which hold the
// connection.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
