package provisioner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCgroupFiles works on a folder that looks like a control group.
func TestCgroupFiles(t *testing.T) {
	t.Parallel()
	g := cgroup{t.TempDir()}
	for _, name := range []string{"pids.max", "memory.max", "memory.swap.max", "memory.oom.group", "cgroup.kill"} {
		if err := os.WriteFile(filepath.Join(g.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g.limit(7, 1<<20)
	if !g.kill() || g.write("no.such.file", "1") {
		t.Error("what is there can be written, and nothing else")
	}
	got := map[string]string{}
	for name := range map[string]string{"pids.max": "", "memory.max": "", "memory.swap.max": "", "memory.oom.group": "", "cgroup.kill": ""} {
		text, err := os.ReadFile(filepath.Join(g.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(text)
	}
	want := map[string]string{"pids.max": "7", "memory.max": "1048576", "memory.swap.max": "0", "memory.oom.group": "1", "cgroup.kill": "1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("control files (-want +got):\n%s", diff)
	}
	for events, want := range map[string]bool{"low 0\noom 1\noom_kill 0\n": false, "low 0\noom 1\noom_kill 2\n": true, "": false} {
		if err := os.WriteFile(filepath.Join(g.dir, "memory.events"), []byte(events), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := g.outOfMemory(); got != want {
			t.Errorf("outOfMemory with %q = %t, want %t", events, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte("12\n345\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{12, 345}, g.processes()); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	none := cgroup{}
	if none.has("pids.max") || none.kill() || none.outOfMemory() || len(none.processes()) > 0 {
		t.Error("no group has no files")
	}
}

// TestFindCgroup finds a group that can be used by where the mounts are.
func TestFindCgroup(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	at := func(from string) string {
		return "24 1 0:22 / /proc rw - proc proc rw\n35 24 0:30 " + from + " " + root + " rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
	}
	for name, tt := range map[string]struct{ mounts, groups string }{
		"no version 2":               {at("/"), "9:pids:/\n"},
		"nothing mounted":            {"24 1 0:22 / /proc rw - proc proc rw\n", "0::/\n"},
		"mounted, but cannot kill":   {at("/"), "0::/\n"},
		"mounted from another group": {at("/docker/x"), "0::/user.slice\n"},
		"not there":                  {at("/"), "0::/no/such/group\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := findCgroup(tt.mounts, tt.groups); got != "" {
				t.Errorf("got %q, want none", got)
			}
		})
	}
	// What this host really has can be used for what it is found for.
	if own := ownCgroup(); own != "" && !usable(own) {
		t.Errorf("own cgroup %s cannot be used", own)
	}
}
