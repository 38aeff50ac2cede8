package provisioner_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"

	"github.com/google/go-cmp/cmp"
)

// TestOtherHost shows that work elsewhere is neither started here nor given up.
func TestOtherHost(t *testing.T) {
	t.Parallel()
	here, there := newCommand(t, nil), newCommand(t, nil)
	c := provisionertest.Caller{Job: provision("echo a")}
	c.Call(t, there)
	var other *provisioner.OtherHostError
	if p, err := here.Apply(t.Context(), c.Job); !errors.As(err, &other) {
		t.Errorf("Apply: %v, err %v; want an OtherHostError", p, err)
	}
	if other != nil && (other.ID != "job-1" || other.Host == "" || !strings.HasSuffix(other.Dir, "/work/job-1")) {
		t.Errorf("error = %+v, want it to say where the work is", other)
	}
	if err := here.Cancel(t.Context(), c.Job); !errors.As(err, &other) {
		t.Errorf("Cancel: err %v, want an OtherHostError", err)
	}
	if p := c.End(t, there); p.State != provisioner.Succeeded {
		t.Errorf("there: %s %s", p.State, p.Message)
	}
}

// TestLostFolder shows that a job whose folder is gone is not begun twice.
func TestLostFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "work")
	engine := newCommand(t, func(c *provisioner.CommandConfig) { c.Dir = dir })
	c := provisionertest.Caller{Job: provision("echo a")}
	c.End(t, engine)
	if err := os.RemoveAll(filepath.Join(dir, "job-1")); err != nil {
		t.Fatal(err)
	}
	p := c.Call(t, engine)
	if p.State != provisioner.Failed || !strings.HasPrefix(p.Message, "interrupted: its work folder ") {
		t.Errorf("%s %q, want it interrupted", p.State, p.Message)
	}
	c.Job.RerunSafe, c.Job.LogOffset = true, 0
	if p := c.End(t, engine); p.State != provisioner.Succeeded {
		t.Errorf("safe to run again: %s %q, want %s", p.State, p.Message, provisioner.Succeeded)
	}
}

// TestShared shows what several daemons that share work rely on.
func TestShared(t *testing.T) {
	t.Parallel()
	share := func(c *provisioner.CommandConfig) { c.Deadline = 400 * time.Millisecond }
	t.Run("nothing starts before its handle is recorded", func(t *testing.T) {
		t.Parallel()
		engine := newCommand(t, share)
		for range 3 {
			p, err := engine.Apply(t.Context(), provision("echo a"))
			if err != nil || p.State != provisioner.Running || p.Message != "prepared" || p.Handle == "" {
				t.Fatalf("%+v, err %v; want it prepared", p, err)
			}
		}
		c := provisionertest.Caller{Job: provision("echo a")}
		if p := c.End(t, engine); p.State != provisioner.Succeeded {
			t.Errorf("%s %s", p.State, p.Message)
		}
	})
	t.Run("unclaimed work is ended", func(t *testing.T) {
		t.Parallel()
		engine := newCommand(t, func(c *provisioner.CommandConfig) {
			share(c)
			c.Grace = provisionertest.Patience // to leave its mark it has to start a program
		})
		begun, left := filepath.Join(t.TempDir(), "begun"), filepath.Join(t.TempDir(), "left")
		c := provisionertest.Caller{Job: provision("trap 'touch " + left + "; exit 1' TERM; touch " + begun + "; while :; do sleep 0.05; done")}
		// The claim is kept up until the shell is ready to be asked to end.
		c.Until(t, engine, func(provisioner.Progress) bool { _, err := os.Lstat(begun); return err == nil })
		await(t, "the command is ended", func() bool { _, err := os.Lstat(left); return err == nil })
		p := c.End(t, engine)
		if want := "interrupted in command 1 of 1: "; p.State != provisioner.Failed || !strings.HasPrefix(p.Message, want) || !strings.HasSuffix(p.Message, "; no daemon renewed its claim for 400ms") {
			t.Errorf("%s %q, want %q", p.State, p.Message, want)
		}
	})
	t.Run("a claim can be renewed without a look", func(t *testing.T) {
		t.Parallel()
		engine := newCommand(t, share)
		done := filepath.Join(t.TempDir(), "done")
		c := provisionertest.Caller{Job: provision("sleep 1; touch " + done)}
		c.Until(t, engine, func(p provisioner.Progress) bool { return strings.HasPrefix(p.Message, "command 1 of 1: ") })
		await(t, "the command has run", func() bool {
			if err := engine.Renew(t.Context(), "job-1"); err != nil {
				t.Fatal(err)
			}
			_, err := os.Lstat(done)
			return err == nil
		})
		if p := c.End(t, engine); p.State != provisioner.Succeeded {
			t.Errorf("%s %s", p.State, p.Message)
		}
	})
}

// await polls a condition.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(provisionertest.Patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// TestSupervisorFails shows what a caller learns when supervisors do not work.
func TestSupervisorFails(t *testing.T) {
	t.Parallel()
	engine := newCommand(t, func(c *provisioner.CommandConfig) { c.Executable = "/bin/false" })
	job := provision("echo a")
	var err error
	await(t, "there is an error", func() bool {
		_, err = engine.Apply(t.Context(), job)
		return err != nil && strings.Contains(err.Error(), "before it began")
	})
	if want := "job job-1: its supervisor ended before it began (exit status 1): "; err.Error() != want {
		t.Errorf("err = %q, want %q", err, want)
	}
	engine = newCommand(t, func(c *provisioner.CommandConfig) { c.Executable = "/no/such/file" })
	if _, err := engine.Apply(t.Context(), job); err == nil || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("err = %v, want it to name the file", err)
	}
}

// TestByHand starts a supervisor as no daemon does.
func TestByHand(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "work", "job-1")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), executable(t), "supervise", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "it does nothing when started by hand") {
		t.Errorf("err = %v, output %q; want it to refuse", err, out)
	}
}

// TestForget removes work folders, and only those that may go.
func TestForget(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "work")
	engine := newCommand(t, func(c *provisioner.CommandConfig) { c.Dir = dir })
	ended := provisionertest.Caller{Job: provision("mkdir -p ro/x; touch ro/x/y; chmod 500 ro/x ro; echo a")}
	ended.End(t, engine)
	running := provisionertest.Caller{Job: provision("until test -e go; do sleep 0.02; done")}
	running.Job.ID = "job-2"
	running.Until(t, engine, func(p provisioner.Progress) bool { return strings.HasPrefix(p.Message, "command 1 of 1: ") })
	for _, name := range []string{".gone-x", ".new-x"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "bundle"), 0o700); err != nil {
			t.Fatal(err)
		}
		long := time.Now().Add(-time.Hour)
		if err := os.Chtimes(filepath.Join(dir, name), long, long); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".new-y"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := engine.Forget(t.Context(), "job-2"); err == nil || !strings.Contains(err.Error(), "it is running; cancel it first") {
		t.Errorf("forget a running job: err = %v", err)
	}
	removed, err := engine.Sweep(t.Context(), func(id string) bool { return id == "job-1" })
	if err != nil || len(removed) > 0 {
		t.Errorf("sweep removed %v, err %v; want nothing that is known or runs", removed, err)
	}
	if diff := cmp.Diff([]string{".new-y", ".place", "job-1", "job-2"}, names(t, dir)); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	write(t, filepath.Join(dir, "job-2", "bundle", "go"), "")
	running.End(t, engine)
	if removed, err := engine.Sweep(t.Context(), func(id string) bool { return id == "job-1" }); err != nil || !slices.Equal(removed, []string{"job-2"}) {
		t.Errorf("sweep removed %v, err %v; want job-2", removed, err)
	}
	for range 2 {
		if err := engine.Forget(t.Context(), "job-1"); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{".new-y", ".place"}, names(t, dir)); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return list
}

// TestClean shows that an ended job keeps its records and no more.
func TestClean(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "work")
	engine := newCommand(t, func(c *provisioner.CommandConfig) { c.Dir = dir })
	c := provisionertest.Caller{Job: provision("mkdir -p ro/x; touch ro/x/y $HOME/h $TMPDIR/t; chmod 500 ro/x ro")}
	c.End(t, engine)
	want := []string{"at-1", "exit-1.json", "job.json", "lock", "log", "start-1.json", "supervisor.log"}
	await(t, "the folder is clean", func() bool { return slices.Equal(names(t, filepath.Join(dir, "job-1")), want) })
}

// TestConfig shows what an engine cannot do without.
func TestConfig(t *testing.T) {
	t.Parallel()
	whole := provisioner.CommandConfig{Dir: t.TempDir(), Executable: "/bin/false"}
	for field, drop := range map[string]func(*provisioner.CommandConfig){
		"Dir":        func(c *provisioner.CommandConfig) { c.Dir = "" },
		"Executable": func(c *provisioner.CommandConfig) { c.Executable = "" },
	} {
		cfg := whole
		drop(&cfg)
		if _, err := provisioner.NewCommand(cfg); err == nil || !strings.Contains(err.Error(), "CommandConfig."+field+" is required") {
			t.Errorf("without %s: err = %v", field, err)
		}
	}
	if _, err := provisioner.NewCommand(whole); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	whole.Dir = file
	if _, err := provisioner.NewCommand(whole); err == nil {
		t.Error("a file as work folder: want an error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newCommand(t, nil).Forget(ctx, "job-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Forget after the end: err = %v", err)
	}
}
