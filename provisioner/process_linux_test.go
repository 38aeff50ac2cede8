package provisioner_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
)

// A nest is a folder into which commands write the numbers of processes they
// start, as "echo $! >> $pids".
type nest struct{ pids string }

func newNest(t *testing.T) nest {
	t.Helper()
	n := nest{filepath.Join(t.TempDir(), "pids")}
	t.Cleanup(func() {
		for _, pid := range n.alive(t) {
			t.Errorf("process %d was left", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return n
}

// all are the numbers written so far.
func (n nest) all(t *testing.T) []int {
	t.Helper()
	var pids []int
	for field := range strings.FieldsSeq(read(t, n.pids)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// alive are those of them that are still there and not zombies.
func (n nest) alive(t *testing.T) []int {
	t.Helper()
	var alive []int
	for _, pid := range n.all(t) {
		stat := read(t, fmt.Sprintf("/proc/%d/stat", pid))
		if _, rest, ok := strings.Cut(stat, ") "); ok && rest[0] != 'Z' {
			alive = append(alive, pid)
		}
	}
	return alive
}

// stubborn starts processes that are hard to end: one in a session of its own
// whose parent has gone, one that ignores SIGTERM, one of both kinds with an
// empty environment.
func (n nest) stubborn() string {
	ignore := "trap '' TERM HUP INT; echo $$ >> " + n.pids + "; while :; do sleep 0.05; done"
	return strings.Join([]string{
		"(setsid sh -c 'echo $$ >> " + n.pids + "; exec sleep 1000' &)",
		"sh -c \"" + strings.ReplaceAll(ignore, "$", "\\$") + "\" &",
		"(setsid env -i /bin/sh -c \"" + strings.ReplaceAll(ignore, "$", "\\$") + "\" &)",
		"until test $(wc -l < " + n.pids + ") = 3; do sleep 0.02; done",
	}, "\n")
}

// TestNothingIsLeft ends jobs in every way there is, and looks for processes.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, cgroups := range []bool{true, false} {
		change := func(c *provisioner.CommandConfig) {
			if !cgroups {
				c.Cgroup = filepath.Join(c.Dir, "no cgroup here")
			}
		}
		ways := map[string]struct {
			last    string // command
			timeout time.Duration
			cancel  bool
			lose    bool
			state   provisioner.State
			message string
		}{
			"success":   {last: "echo fine", state: provisioner.Succeeded},
			"failure":   {last: "exit 7", state: provisioner.Failed, message: "command 2 of 2 failed with exit status 7: exit 7"},
			"time-out":  {last: "cat /proc/self/stat; sleep 1000", timeout: 2 * time.Second, state: provisioner.Failed, message: "command 2 of 2 was ended after 2s, the job's time limit: "},
			"cancel":    {last: "trap '' TERM; sleep 1000; sleep 1000", cancel: true, state: provisioner.Cancelled, message: "cancelled in command 2 of 2: "},
			"exec":      {last: "exec sleep 1000", cancel: true, state: provisioner.Cancelled, message: "cancelled in command 2 of 2: "},
			"lost":      {last: "sleep 1000", lose: true, state: provisioner.Failed, message: "interrupted in command 2 of 2: sleep 1000; its supervisor was lost"},
			"a lot":     {last: "for i in 1 2 3 4 5 6 7 8 9; do (trap '' TERM; sleep 1000) & done; sleep 1000", cancel: true, state: provisioner.Cancelled},
			"SIGTERM":   {last: "sleep 1000", cancel: true, state: provisioner.Cancelled},
			"a stopped": {last: "kill -STOP $$", cancel: true, state: provisioner.Cancelled},
		}
		for name, way := range ways {
			t.Run(fmt.Sprintf("%s, cgroups %t", name, cgroups), func(t *testing.T) {
				t.Parallel()
				if way.lose && !cgroups {
					t.Skip("without cgroups an empty environment hides a process from whoever comes after its supervisor")
				}
				if way.lose && !holds(t, newCommand(t, nil), "ending", "cgroup") {
					t.Skip("no cgroup v2 here")
				}
				n := newNest(t)
				engine := newCommand(t, change)
				c := provisionertest.Caller{Job: provision(n.stubborn(), way.last)}
				c.Job.Timeout = way.timeout
				if way.cancel || way.lose {
					c.Until(t, engine, func(p provisioner.Progress) bool { return strings.HasPrefix(p.Message, "command 2 of 2: ") })
				}
				if way.cancel {
					if err := engine.Cancel(t.Context(), c.Job); err != nil {
						t.Fatal(err)
					}
				}
				if way.lose {
					if err := syscall.Kill(supervisorOf(t, c.Job.Handle), syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
				}
				p := c.End(t, engine)
				if p.State != way.state || !strings.HasPrefix(p.Message, way.message) {
					t.Errorf("%s %q, want %s %q", p.State, p.Message, way.state, way.message)
				}
				if got := len(n.all(t)); got != 3 {
					t.Errorf("%d stubborn processes were started, want 3", got)
				}
				if alive := n.alive(t); len(alive) > 0 {
					t.Errorf("processes %v outlive the job", alive)
				}
			})
		}
	}
}

// holds reports whether a capability is there with a detail that contains text.
func holds(t *testing.T, c *provisioner.Command, name, text string) bool {
	t.Helper()
	for _, capability := range c.Limits() {
		if capability.Name == name {
			return capability.Holds && strings.Contains(capability.Detail, text)
		}
	}
	t.Fatalf("Limits does not speak of %s", name)
	return false
}

// TestLimitsReported shows that doctor learns the same names everywhere, and
// that what is said not to hold says what to do.
func TestLimitsReported(t *testing.T) {
	t.Parallel()
	for _, cgroup := range []string{"", "/no/such/group"} {
		c := newCommand(t, func(c *provisioner.CommandConfig) { c.Cgroup, c.MemoryMax = cgroup, 1<<30 })
		var names []string
		for _, capability := range c.Limits() {
			names = append(names, capability.Name)
			if capability.Detail == "" {
				t.Errorf("%s says nothing", capability.Name)
			}
		}
		if got := strings.Join(names, " "); got != "time output shell ending processes memory disk isolation" {
			t.Errorf("names = %s", got)
		}
		if cgroup != "" && (holds(t, c, "processes", "") || holds(t, c, "memory", "") || !holds(t, c, "ending", "/proc")) {
			t.Errorf("without a cgroup: %v", c.Limits())
		}
	}
}

// TestLeftoversOfLost ends by their environment what a lost supervisor left
// where there are no cgroups.
func TestLeftoversOfLost(t *testing.T) {
	t.Parallel()
	n := newNest(t)
	engine := newCommand(t, func(c *provisioner.CommandConfig) { c.Cgroup = "/no/such/group" })
	c := provisionertest.Caller{Job: provision("(setsid sh -c 'echo $$ >> "+n.pids+"; trap \"\" TERM; sleep 1000; sleep 1000' &) ; sleep 1000", "echo never")}
	c.Until(t, engine, func(provisioner.Progress) bool { return len(n.all(t)) == 1 })
	if err := syscall.Kill(supervisorOf(t, c.Call(t, engine).Handle), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p := c.End(t, engine)
	if want := "interrupted in command 1 of 2: "; p.State != provisioner.Failed || !strings.HasPrefix(p.Message, want) {
		t.Errorf("%s %q, want %q", p.State, p.Message, want)
	}
	if strings.Contains(string(c.Log), "command 2") {
		t.Errorf("a command began after its supervisor was lost:\n%s", c.Log)
	}
}

// TestSupervisorTold ends the supervisor as a shutdown does.
func TestSupervisorTold(t *testing.T) {
	t.Parallel()
	engine := newCommand(t, nil)
	n := newNest(t)
	c := provisionertest.Caller{Job: provision(n.stubborn(), "sleep 1000")}
	c.Until(t, engine, func(p provisioner.Progress) bool { return strings.HasPrefix(p.Message, "command 2 of 2: ") })
	if err := syscall.Kill(supervisorOf(t, c.Job.Handle), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p := c.End(t, engine)
	if want := "interrupted in command 2 of 2: sleep 1000; its supervisor was told to stop (terminated)"; p.State != provisioner.Failed || p.Message != want {
		t.Errorf("%s %q, want %q", p.State, p.Message, want)
	}
}

// TestTooManyProcesses ends a job that multiplies.
func TestTooManyProcesses(t *testing.T) {
	t.Parallel()
	for name, group := range map[string]string{"counted in a cgroup": "", "counted in /proc": "/no/such/group"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNest(t)
			limit := func(c *provisioner.CommandConfig) { c.Cgroup, c.MaxProcesses = group, 20 }
			if holds(t, newCommand(t, limit), "processes", "") {
				t.Skip("the kernel holds the limit here: see TestForkBomb")
			}
			p, _ := end(t, provision("for i in $(seq 40); do sh -c 'echo $$ >> "+n.pids+"; trap \"\" TERM; sleep 1000; :' & done; wait"), limit)
			if p.State != provisioner.Failed || !strings.Contains(p.Message, "command 1 of 1 was ended: the job had ") || !strings.Contains(p.Message, "processes, more than its limit of 20: for i in ") {
				t.Errorf("%s %q, want it ended for its processes", p.State, p.Message)
			}
		})
	}
}

// TestForkBomb needs a kernel that holds the limit.
func TestForkBomb(t *testing.T) {
	t.Parallel()
	limit := func(c *provisioner.CommandConfig) { c.MaxProcesses = 64 }
	if !holds(t, newCommand(t, limit), "processes", "") {
		t.Skip("no cgroup v2 with the pids controller is delegated here")
	}
	job := provision("f() { f | f & }; f; sleep 1000")
	job.Timeout = time.Second
	if p, _ := end(t, job, limit); p.State != provisioner.Failed {
		t.Errorf("%s %q, want %s", p.State, p.Message, provisioner.Failed)
	}
}

// TestProcessLimitOfUser runs a job as a user that is not root, where the
// kernel limits the processes of a user.
func TestProcessLimitOfUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		dir := t.TempDir()
		// Another user may not reach the folder the test binary was built in.
		exe := filepath.Join(dir, "provisioner.test")
		binary, err := os.ReadFile(executable(t))
		if err == nil {
			err = errors.Join(os.WriteFile(exe, binary, 0o755), os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, 65534, 65534), os.Chmod(exe, 0o755))
		}
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		// A process that another test forks meanwhile may have the copy open for
		// writing for a moment.
		await(t, "the copy can be run", func() bool {
			cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestProcessLimitOfUser$", "-test.v")
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			out, err = cmd.CombinedOutput()
			return !errors.Is(err, syscall.ETXTBSY)
		})
		if err != nil || !strings.Contains(string(out), "--- PASS: TestProcessLimitOfUser") {
			t.Errorf("as nobody: %v\n%s", err, out)
		}
		return
	}
	limit := func(c *provisioner.CommandConfig) { c.Cgroup, c.MaxProcesses = "/no/such/group", 30 }
	if _, err := os.Stat("/bin/dash"); err != nil {
		t.Skip("no dash here; bash tries again for a long time when it cannot fork")
	}
	if !holds(t, newCommand(t, limit), "processes", "the kernel holds") {
		t.Errorf("the limit is said not to hold for user %d", os.Getuid())
	}
	p, log := end(t, provision("dash -c 'i=0; while [ $((i += 1)) -le 40 ]; do sleep 0.2 & done'"), limit)
	if p.State != provisioner.Failed || !strings.Contains(log, "Cannot fork") {
		t.Errorf("%s %q, want it to run out of processes\n%s", p.State, p.Message, log)
	}
	// What such a user made read-only is removed, too.
	dir := filepath.Join(t.TempDir(), "work")
	engine := newCommand(t, func(c *provisioner.CommandConfig) { c.Dir = dir })
	c := provisionertest.Caller{Job: provision("mkdir -p ro/x; touch ro/x/y; chmod 500 ro/x ro")}
	if p := c.End(t, engine); p.State != provisioner.Succeeded {
		t.Errorf("%s %q", p.State, p.Message)
	}
	if err := engine.Forget(t.Context(), "job-1"); err != nil {
		t.Error(err)
	}
	await(t, "the folder is gone", func() bool { return len(names(t, dir)) == 1 })
}

// TestMemory needs a kernel that holds the limit.
func TestMemory(t *testing.T) {
	t.Parallel()
	limit := func(c *provisioner.CommandConfig) { c.MemoryMax = 32 << 20 }
	if !holds(t, newCommand(t, limit), "memory", "") {
		t.Skip("no cgroup v2 with the memory controller is delegated here")
	}
	p, _ := end(t, provision("head -c 200000000 /dev/zero | tail -c 200000000 | wc -c"), limit)
	if p.State != provisioner.Failed || !strings.Contains(p.Message, "it used more memory than its limit of 33554432 bytes") {
		t.Errorf("%s %q, want it killed for its memory", p.State, p.Message)
	}
}

// TestOutput shows what becomes of output that is too much.
func TestOutput(t *testing.T) {
	t.Parallel()
	limit := func(c *provisioner.CommandConfig) { c.MaxOutput = 100_000 }
	const note = "==> the output limit of 100000 bytes is reached, the rest is left out\n"
	t.Run("for ever", func(t *testing.T) {
		t.Parallel()
		job := provision("yes no end")
		job.Timeout = 500 * time.Millisecond
		p, log := end(t, job, limit)
		if p.State != provisioner.Failed || !strings.HasPrefix(p.Message, "command 1 of 1 was ended after 500ms, the job's time limit: yes no end\n") {
			t.Errorf("%s %q", p.State, p.Message)
		}
		if len(p.Message) > 3000 {
			t.Errorf("the message has %d bytes", len(p.Message))
		}
		if len(log) != 100_000+len("\n")+len(note) || !strings.HasSuffix(log, "\n"+note) {
			t.Errorf("log has %d bytes and ends with %q", len(log), log[len(log)-100:])
		}
	})
	t.Run("one line of 100 MB", func(t *testing.T) {
		t.Parallel()
		p, log := end(t, provision("head -c 100000000 /dev/zero | tr '\\0' x", "echo; echo last; exit 1"), limit)
		if want := "command 2 of 2 failed with exit status 1: echo; echo last; exit 1\nlast"; p.Message != want {
			t.Errorf("message = %q, want %q although its output is not in the log", p.Message, want)
		}
		if !strings.HasSuffix(log, "xxx\n"+note) {
			t.Errorf("log ends with %q", log[len(log)-100:])
		}
	})
	t.Run("a full disk", func(t *testing.T) {
		t.Parallel()
		dir := tinyDisk(t)
		p, log := end(t, provision("head -c 3000000 /dev/zero | tr '\\0' x", "echo on"), func(c *provisioner.CommandConfig) { c.Dir = dir })
		if len(log) < 100_000 || !strings.Contains(p.Message, "no space left on device") {
			t.Errorf("%s %q with %d bytes of log, want it to name the full disk", p.State, p.Message, len(log))
		}
	})
}

// tinyDisk mounts a file system of one megabyte.
func tinyDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("cannot mount a small file system here:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestReusedPID shows that a number that is another process's by now is left in
// peace.
func TestReusedPID(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "work")
	engine := newCommand(t, func(c *provisioner.CommandConfig) { c.Dir = dir })
	c := provisionertest.Caller{Job: provision("sleep 1000")}
	c.Until(t, engine, func(p provisioner.Progress) bool { return strings.HasPrefix(p.Message, "command 1 of 1: ") })
	supervisor := supervisorOf(t, c.Job.Handle)
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The record now names this process, at a time when it had not started. A
	// signal of Cancel would be the end of it.
	start := filepath.Join(dir, "job-1", "start-1.json")
	changed := strings.Replace(read(t, start), fmt.Sprintf(`"pid": %d`, supervisor), fmt.Sprintf(`"pid": %d`, os.Getpid()), 1)
	if changed == read(t, start) {
		t.Fatalf("no pid %d in %s", supervisor, changed)
	}
	write(t, start, changed)
	if err := engine.Cancel(t.Context(), c.Job); err != nil {
		t.Fatal(err)
	}
	if p := c.End(t, engine); p.State != provisioner.Cancelled {
		t.Errorf("%s %q, want %s", p.State, p.Message, provisioner.Cancelled)
	}
}
