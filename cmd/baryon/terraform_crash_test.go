package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"baryon/gitsource/githost"
	"baryon/state"
	"baryon/state/pgtest"

	"github.com/google/go-cmp/cmp"
)

// A terraformCrash is a crashWorld whose terraform writes down each start and
// waits, before it does anything, as long as a file hold-COMMAND is there.
type terraformCrash struct {
	*crashWorld
	daemon *exec.Cmd
	ended  chan struct{} // the daemon's log has
}

func newTerraformCrash(t *testing.T, dsn string) *terraformCrash {
	t.Helper()
	needTerraform(t)
	w := &terraformCrash{crashWorld: newCrashWorld(t)}
	w.dsn = dsn
	host, err := githost.New(githost.Config{Dir: filepath.Join(w.dir, "git")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "code", Files: mapFiles(map[string]string{
		"net/v1/infrastructure/manifest.yaml": terraformManifest,
		"net/v1/infrastructure/main.tf":       "resource \"terraform_data\" \"it\" {\n  input = var.environment.inputs.size\n}\n",
	})})
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(w.dir, "terraform")
	script := "#!/bin/sh\ntest \"$1\" = version || echo \"$1\" >> " + w.starts + "\nwhile test -e " + w.dir + "/hold-$1; do sleep 0.02; done\nexec terraform \"$@\"\n"
	if err := os.WriteFile(binary, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	config := "listen: 127.0.0.1:0\nrepositories:\n  - {name: platform, url: ./git/platform.git, publish: auto}\nterraform: {binary: " + binary + ", patience: 1s}\n"
	if err := os.WriteFile(w.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// begin starts the daemon.
func (w *terraformCrash) begin(t *testing.T) {
	t.Helper()
	cmd, log := w.start(t)
	w.daemon, w.ended = cmd, make(chan struct{})
	go func(ended chan<- struct{}) {
		defer close(ended)
		for log.Scan() {
		}
	}(w.ended)
}

// end ends the daemon with a signal.
func (w *terraformCrash) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := w.daemon.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	<-w.ended
	if err := w.daemon.Wait(); sig != syscall.SIGKILL && err != nil {
		t.Fatalf("the daemon did not end in peace: %v", err)
	}
}

// wait waits for something to be so.
func (w *terraformCrash) wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(time.Minute); !so(); <-poll.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s; started were %q", what, w.started(t))
		}
	}
}

// started are the commands of terraform that were started, in order.
func (w *terraformCrash) started(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(w.starts)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

func (w *terraformCrash) begun(t *testing.T, command string, times int) {
	t.Helper()
	w.wait(t, command, func() bool {
		n := 0
		for _, started := range w.started(t) {
			if started == command {
				n++
			}
		}
		return n >= times
	})
}

func (w *terraformCrash) hold(t *testing.T, commands ...string) {
	t.Helper()
	for _, command := range commands {
		if err := os.WriteFile(filepath.Join(w.dir, "hold-"+command), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *terraformCrash) release(t *testing.T, command string) {
	t.Helper()
	if err := os.Remove(filepath.Join(w.dir, "hold-"+command)); err != nil {
		t.Fatal(err)
	}
}

// idle waits until no work is left.
func (w *terraformCrash) idle(t *testing.T) {
	t.Helper()
	w.wait(t, "the end of the work", func() bool {
		entries, err := os.ReadDir(filepath.Join(w.dir, "baryon-data", "work"))
		return err == nil && !holdsJob(entries)
	})
}

// killSupervisor kills the one that is at work.
func (w *terraformCrash) killSupervisor(t *testing.T, attempt string) {
	t.Helper()
	records, err := filepath.Glob(filepath.Join(w.dir, "baryon-data", "work", "*", "start-"+attempt+".json"))
	if err != nil || len(records) != 1 {
		t.Fatalf("start records %v, want one (%v)", records, err)
	}
	var record struct{ Process struct{ PID int } }
	text, err := os.ReadFile(records[0])
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(record.Process.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// statuses are those of the environment's deployments, the newest first.
func (w *terraformCrash) statuses(t *testing.T, s *state.Store) (statuses []string, last state.Deployment) {
	t.Helper()
	all, err := s.Deployments(context.Background(), state.EnvironmentRef("prod"), nil, 10)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d deployments, err %v", len(all), err)
	}
	for _, d := range all {
		statuses = append(statuses, string(d.Status))
	}
	return statuses, all[0]
}

func eachStore(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.Start(t))
	})
}

// TestTerraformDaemonKilled kills the daemon in init, in plan and in apply of one
// deployment: it goes on, and each was started once.
func TestTerraformDaemonKilled(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, dsn string) {
		w := newTerraformCrash(t, dsn)
		steps := []string{"init", "plan", "apply"}
		w.hold(t, steps...)
		for _, step := range steps {
			w.begin(t)
			w.begun(t, step, 1)
			w.end(t, syscall.SIGKILL)
			w.release(t, step)
		}
		w.begin(t)
		w.idle(t)
		w.end(t, syscall.SIGINT)
		if diff := cmp.Diff(steps, w.started(t)); diff != "" {
			t.Errorf("started (-want +got):\n%s", diff)
		}
		s := w.open(t)
		defer s.Close()
		if got, last := w.statuses(t, s); !cmp.Equal(got, []string{"SUCCEEDED"}) {
			t.Errorf("deployments %q, %s; want one that succeeded", got, last.Message)
		}
	})
}

// TestTerraformSupervisorKilled kills the supervisor, and the daemon with it, in
// plan, which is begun again, and in apply, which is not: the deployment was
// interrupted, and a person says retry. What init comes to is known by then.
func TestTerraformSupervisorKilled(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, dsn string) {
		w := newTerraformCrash(t, dsn)
		w.hold(t, "plan", "apply")
		w.begin(t)
		w.begun(t, "plan", 1)
		w.killSupervisor(t, "1")
		w.end(t, syscall.SIGKILL)
		w.release(t, "plan")
		w.begin(t)
		w.begun(t, "apply", 1)
		w.killSupervisor(t, "2")
		w.end(t, syscall.SIGKILL)
		w.begin(t)
		w.idle(t)
		w.end(t, syscall.SIGINT)
		s := w.open(t)
		if got, last := w.statuses(t, s); !cmp.Equal(got, []string{"FAILED"}) || !strings.Contains(last.Message, "interrupted in command 4 of 4") {
			t.Errorf("deployments %q, %s; want one that was interrupted", got, last.Message)
		}
		w.release(t, "apply")
		err := errors.Join(s.Retry(context.Background(), "Ada", state.EnvironmentRef("prod"), "the host is back"), s.Close())
		if err != nil {
			t.Fatal(err)
		}
		w.begin(t)
		w.begun(t, "apply", 2)
		w.idle(t)
		w.end(t, syscall.SIGINT)
		if diff := cmp.Diff([]string{"init", "plan", "plan", "apply", "plan", "apply"}, w.started(t)); diff != "" {
			t.Errorf("started (-want +got):\n%s", diff)
		}
		s = w.open(t)
		defer s.Close()
		if got, last := w.statuses(t, s); !cmp.Equal(got, []string{"SUCCEEDED", "FAILED"}) {
			t.Errorf("deployments %q, %s", got, last.Message)
		}
	})
}
