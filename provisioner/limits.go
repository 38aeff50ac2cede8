package provisioner

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// A Capability is something that is promised of commands, and whether it holds
// on this host.
type Capability struct {
	Name   string
	Holds  bool
	Detail string
}

// Limits says which limits hold for the commands of jobs on this host. It tries
// rather than guesses.
func (c *Command) Limits() []Capability {
	list := []Capability{
		{"time", true, fmt.Sprintf("a job that does not say otherwise is ended after %s", c.cfg.Timeout)},
		{"output", true, fmt.Sprintf("the log keeps %d bytes of a job", c.cfg.MaxOutput)},
	}
	shell, err := findShell(c.cfg.Path, false)
	if err != nil {
		list = append(list, Capability{"shell", false, err.Error()})
	} else {
		list = append(list, Capability{"shell", true, shell})
	}
	pids, memory, kill := c.probeGroup()
	ending := Capability{"ending", true, "all descendants are found through /proc and killed; orphans are adopted first"}
	switch {
	case kill:
		ending.Detail = "all processes of a job are killed at once through their cgroup below " + c.cfg.Cgroup
	case runtime.GOOS != "linux":
		ending = Capability{"ending", false, "only the process group of the shell is ended; processes that leave it stay (Linux has more)"}
	}
	processes := c.processLimit(pids, kill)
	limit := Capability{"memory", memory, "not limited: MemoryMax is not set"}
	switch {
	case memory && c.cfg.MemoryMax > 0:
		limit.Detail = fmt.Sprintf("at most %d bytes for each job", c.cfg.MemoryMax)
	case memory:
	case c.cfg.MemoryMax > 0:
		limit.Detail = "MemoryMax is set but nothing holds it. " + delegationAdvice
	default:
		limit.Detail = "not limited, and nothing here could hold a limit. " + delegationAdvice
	}
	return append(list, ending, processes, limit,
		Capability{"disk", false, "not limited: commands may fill the disk that holds " + c.cfg.Dir},
		Capability{"isolation", false, "none: commands run as the daemon's user and see its files, processes and network"})
}

// processLimit is what keeps a job from having too many processes.
func (c *Command) processLimit(pids, group bool) Capability {
	every := lookEvery
	if !group {
		every *= countEvery
	}
	counted := fmt.Sprintf("processes are counted every %s and a job with more than %d is ended", every, c.cfg.MaxProcesses)
	switch {
	case pids:
		return Capability{"processes", true, fmt.Sprintf("at most %d processes and threads for each job, held by the kernel", c.cfg.MaxProcesses)}
	case runtime.GOOS == "linux" && os.Getuid() != 0:
		return Capability{"processes", true, counted + "; the kernel holds all jobs of this user together to that many more than it had when a job began"}
	}
	return Capability{"processes", false, counted + ", which a fork bomb outruns. " + delegationAdvice + ", or not as root"}
}

const delegationAdvice = "Run the daemon where cgroup v2 with the pids and memory controllers is delegated to it (systemd: Delegate=yes and DelegateSubgroup=daemon)"

// probeGroup makes a group as a job would have it and looks what it has.
func (c *Command) probeGroup() (pids, memory, kill bool) {
	if c.cfg.Cgroup == "" {
		return false, false, false
	}
	probe := cgroup{filepath.Join(c.cfg.Cgroup, "baryon-probe-"+rand.Text())}
	if os.Mkdir(probe.dir, 0o755) != nil {
		return false, false, false
	}
	defer probe.remove()
	return probe.has("pids.max"), probe.has("memory.max"), probe.has("cgroup.kill")
}
