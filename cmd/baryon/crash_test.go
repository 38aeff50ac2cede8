package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
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
)

// crashManifest appends a line to a file outside the work folder for each
// command that begins.
const crashManifest = `infrastructure:
  templates:
    - rendering_engine: codebuild
      settings:
        provision:
          - echo one >> %[1]s
          - echo two >> %[1]s
          - 'echo "[{\"key\": \"K\", \"valueString\": \"V\"}]" > proton-outputs.json'
          - echo three >> %[1]s
        deprovision: [echo gone]
`

const plainSchema = `schema:
  format: {openapi: "3.0.0"}
  environment_input_type: In
  types: {In: {type: object, properties: {size: {type: string, default: small}}}}
`

// TestKilledAtEveryStep kills the daemon with SIGKILL right after each step that
// it tells in its log, starts it again, and counts: every command was started
// once and the deployment succeeded.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, step := range []string{
		"serving", "template version registered", "repository taken over", "deployment begun", "work started", "deployment moved",
	} {
		t.Run(strings.ReplaceAll(step, " ", "-"), func(t *testing.T) {
			t.Parallel()
			w := newCrashWorld(t)
			w.killAfter(t, step)
			w.finish(t)
			starts, err := os.ReadFile(w.starts)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(starts), "one\ntwo\nthree\n"; got != want {
				t.Errorf("commands started: %q, want %q", got, want)
			}
		})
	}
}

// TestKilledOnPostgreSQL does the same on the other database, at the steps at
// which a deployment is in the air.
func TestKilledOnPostgreSQL(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"deployment begun", "work started"} {
		t.Run(strings.ReplaceAll(step, " ", "-"), func(t *testing.T) {
			w := newCrashWorld(t)
			w.dsn = pgtest.Start(t)
			w.killAfter(t, step)
			w.finish(t)
			starts, err := os.ReadFile(w.starts)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(starts), "one\ntwo\nthree\n"; got != want {
				t.Errorf("commands started: %q, want %q", got, want)
			}
		})
	}
}

// A crashWorld is a daemon's folder and a repository for it.
type crashWorld struct {
	dir, starts, config string
	dsn                 string // of a PostgreSQL database; empty for SQLite
}

func newCrashWorld(t *testing.T) *crashWorld {
	t.Helper()
	dir := t.TempDir()
	w := &crashWorld{dir: dir, starts: filepath.Join(dir, "starts"), config: filepath.Join(dir, "baryon.yaml")}
	host, err := githost.New(githost.Config{Dir: filepath.Join(dir, "git")})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Create("platform"); err != nil {
		t.Fatal(err)
	}
	_, err = host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "all", Files: mapFiles(map[string]string{
		"net/v1/schema/schema.yaml":           plainSchema,
		"net/v1/infrastructure/manifest.yaml": fmt.Sprintf(crashManifest, w.starts),
		"environments/prod.yaml":              "proton: EnvironmentSpec\nbaryon: {environment: prod, template: net, version: \"1\"}\nspec: {}\n",
	})})
	if err != nil {
		t.Fatal(err)
	}
	config := "listen: 127.0.0.1:0\nrepositories:\n  - {name: platform, url: ./git/platform.git, publish: auto}\n"
	if err := os.WriteFile(w.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// start runs the daemon as a process of its own.
func (w *crashWorld) start(t *testing.T) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "serve", "--config", w.config)
	cmd.Env = append(os.Environ(), "BARYON_TEST_MAIN=1", "BARYON_STORE="+w.dsn)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewScanner(log)
}

// killAfter kills the daemon when it has logged an event.
func (w *crashWorld) killAfter(t *testing.T, event string) {
	t.Helper()
	cmd, log := w.start(t)
	var seen bytes.Buffer
	for log.Scan() {
		seen.Write(append(log.Bytes(), '\n'))
		if strings.Contains(log.Text(), `"msg":"`+event+`"`) {
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was killed, and says so
			return
		}
	}
	t.Fatalf("the daemon ended before it logged %q:\n%s", event, seen.String())
}

// finish runs the daemon until the environment is deployed, and ends it in peace.
func (w *crashWorld) finish(t *testing.T) {
	t.Helper()
	cmd, log := w.start(t)
	for log.Scan() && !strings.Contains(log.Text(), `"msg":"serving"`) {
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for log.Scan() {
		}
	}()
	w.await(t)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-ended
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the daemon did not end in peace: %v", err)
	}
	s := w.open(t)
	defer s.Close()
	target, err := s.Target(context.Background(), state.EnvironmentRef("prod"))
	if err != nil || target.Status != state.Succeeded || target.Deployed.Outputs["K"] != "V" {
		t.Fatalf("environment/prod is %s with %v, err %v", target.Status, target.Deployed.Outputs, err)
	}
	all, err := s.Deployments(context.Background(), target.Ref, nil, 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d deployments, want one; err %v", len(all), err)
	}
}

// open opens the database of a daemon that has ended.
func (w *crashWorld) open(t *testing.T) *state.Store {
	t.Helper()
	dsn := w.dsn
	if dsn == "" {
		dsn = filepath.Join(w.dir, "baryon-data", "baryon.db")
	}
	s, err := state.Open(context.Background(), state.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// await looks for the last command's mark: the daemon holds the database, so
// its log of starts is what can be seen from outside.
func (w *crashWorld) await(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	done := filepath.Join(w.dir, "baryon-data", "work")
	for time.Now().Before(deadline) {
		starts, err := os.ReadFile(w.starts)
		entries, dirErr := os.ReadDir(done)
		if err == nil && strings.HasSuffix(string(starts), "three\n") && dirErr == nil && !holdsJob(entries) {
			return
		}
		<-poll.C
	}
	t.Fatal("the deployment was not finished within half a minute")
}

// holdsJob reports whether a work folder is left: the daemon removes it once
// the end of the deployment is recorded.
func holdsJob(entries []os.DirEntry) bool {
	for _, e := range entries {
		if e.IsDir() && len(e.Name()) == 36 {
			return true
		}
	}
	return false
}
