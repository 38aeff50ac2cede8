package provisioner

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ownCgroup finds the cgroup v2 folder below which this process can make
// groups that can be ended at once, or nothing. That is its own group, or the
// one above when systemd delegated that (DelegateSubgroup=).
func ownCgroup() string {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	return findCgroup(string(mounts), string(groups))
}

func findCgroup(mounts, groups string) string {
	own, ok := "", false
	for line := range strings.Lines(groups) {
		if path, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
			own, ok = path, true
		}
	}
	if !ok {
		return ""
	}
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		// The mount shows the tree from its root (field 4) on.
		path, inside := strings.CutPrefix(own, strings.TrimSuffix(fields[3], "/"))
		if !inside {
			continue
		}
		dir := filepath.Join(fields[4], path)
		if above := filepath.Dir(dir); dir != fields[4] && delegated(above) && usable(above) {
			return above
		}
		if usable(dir) {
			return dir
		}
	}
	return ""
}

// delegated reports whether systemd gave the group away.
func delegated(dir string) bool {
	value := make([]byte, 1)
	n, err := unix.Getxattr(dir, "user.delegate", value)
	return err == nil && n == 1 && value[0] == '1'
}

// usable tries what a job's group needs.
func usable(dir string) bool {
	cgroup{dir}.handsDown()
	probe := cgroup{filepath.Join(dir, "baryon-probe-"+rand.Text())}
	if os.Mkdir(probe.dir, 0o755) != nil {
		return false
	}
	defer probe.remove()
	return probe.has("cgroup.kill")
}
