package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"baryon/gitsource/githost"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"
	"baryon/state"
)

// A terraformCrash is a crashWorld whose terraform writes down each start and
// waits, before it does anything, as long as a file hold-COMMAND is there. When
// it has done its work and there is a file hold-after-COMMAND, it writes that
// down and waits as well.
type terraformCrash struct {
	*crashWorld
	daemon *exec.Cmd
	ended  chan struct{} // the daemon's log has
}

const (
	quickCode = "resource \"terraform_data\" \"it\" {\n  input = var.environment.inputs.size\n}\n"
	slowCode  = `resource "terraform_data" "first" {
  input = var.environment.inputs.size
}
resource "terraform_data" "it" {
  input = terraform_data.first.output
  provisioner "local-exec" {
    command = "touch DIR/slow; while test -e DIR/hold-slow; do sleep 0.02; done"
  }
}
`
)

func newTerraformCrash(t *testing.T, dsn, code string) *terraformCrash {
	t.Helper()
	program := needTerraform(t)
	w := &terraformCrash{crashWorld: newCrashWorld(t)}
	w.dsn = dsn
	host, err := githost.New(githost.Config{Dir: filepath.Join(w.dir, "git")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "code", Files: mapFiles(map[string]string{
		"net/v1/infrastructure/manifest.yaml": terraformManifest,
		"net/v1/infrastructure/main.tf":       strings.ReplaceAll(code, "DIR", w.dir),
	})})
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(w.dir, filepath.Base(program))
	script := "#!/bin/sh\nbase=" + w.dir + "\ntest \"$1\" = version || echo \"$1\" >> " + w.starts + `
while test -e $base/hold-$1; do sleep 0.02; done
if ! test -e $base/hold-after-$1; then exec ` + program + ` "$@"; fi
` + program + ` "$@"
code=$?
echo after-$1 >> ` + w.starts + `
while test -e $base/hold-after-$1; do sleep 0.02; done
exit $code
`
	if err := provisionertest.WriteProgram(binary, script); err != nil {
		t.Fatal(err)
	}
	config := "listen: 127.0.0.1:0\nrepositories:\n  - {name: platform, url: ./git/platform.git, publish: auto}\nterraform: {binary: " + binary + ", patience: 1s, allow: [local-exec]}\n"
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

// state is terraform's own, wherever it is kept.
func (w *terraformCrash) state(t *testing.T) []byte {
	t.Helper()
	cfg := config{Data: filepath.Join(w.dir, "baryon-data"), Store: cmp.Or(w.dsn, "sqlite")}
	states, err := terraform.NewStates(cfg.terraformConfig())
	if err != nil {
		t.Fatal(err)
	}
	text, err := states.Pull(t.Context(), state.EnvironmentRef("prod").Stack())
	if err != nil {
		t.Fatal(err)
	}
	return text
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

// killWork kills all that runs in work folders.
func (w *terraformCrash) killWork(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("this needs /proc")
	}
	killed := 0
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if dir, err := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd")); err == nil && strings.HasPrefix(dir, filepath.Join(w.dir, "baryon-data", "work")) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
				killed++
			}
		}
	}
	if killed == 0 {
		t.Error("nothing was left to be killed")
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
