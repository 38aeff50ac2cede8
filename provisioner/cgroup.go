package provisioner

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A cgroup is a control group (version 2) of one attempt, or none if dir is
// empty. Every process of the attempt is in it, whatever it does.
type cgroup struct{ dir string }

// limit sets the limits that the group's parent hands down.
func (g cgroup) limit(processes int, memory int64) {
	g.write("pids.max", strconv.Itoa(processes))
	if memory > 0 {
		g.write("memory.max", strconv.FormatInt(memory, 10))
		g.write("memory.swap.max", "0")
		g.write("memory.oom.group", "1")
	}
}

// write sets a control file if the group has it.
func (g cgroup) write(name, value string) bool {
	if g.dir == "" {
		return false
	}
	file, err := os.OpenFile(filepath.Join(g.dir, name), os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	defer file.Close()
	_, err = file.WriteString(value)
	return err == nil
}

func (g cgroup) has(name string) bool {
	if g.dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(g.dir, name))
	return err == nil
}

// kill ends every process of the group at once, those being forked included.
func (g cgroup) kill() bool { return g.write("cgroup.kill", "1") }

func (g cgroup) processes() []int {
	if g.dir == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	if err != nil {
		return nil
	}
	var pids []int
	for line := range strings.Lines(string(text)) {
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// outOfMemory reports whether the kernel killed something in the group for
// using more memory than it may.
func (g cgroup) outOfMemory() bool {
	text, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if g.dir == "" || err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if count, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return count != "0"
		}
	}
	return false
}

func (g cgroup) remove() {
	if g.dir != "" {
		_ = os.Remove(g.dir) // an empty group that stays does no harm
	}
}

// handsDown asks a group to hand the controllers down to groups below it, as
// far as it may.
func (g cgroup) handsDown() {
	text, err := os.ReadFile(filepath.Join(g.dir, "cgroup.subtree_control"))
	if err != nil {
		return
	}
	on := strings.Fields(string(text))
	for _, controller := range []string{"pids", "memory"} {
		if !slices.Contains(on, controller) {
			g.write("cgroup.subtree_control", "+"+controller)
		}
	}
}
