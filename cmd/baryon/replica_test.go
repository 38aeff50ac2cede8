package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"baryon/gitsource/githost"
	v1 "baryon/server/v1"
	"baryon/state"
	"baryon/state/pgtest"
)

// replicaManifest notes for each environment who begins its commands, and lets
// them end when the test says so.
const replicaManifest = `infrastructure:
  templates:
    - rendering_engine: codebuild
      settings:
        %[2]s
        provision:
          - echo "$PWD" >> %[1]s/{{ environment.name }}
          - until test -e %[1]s/go; do sleep 0.02; done
        deprovision: [echo gone]
`

// TestReplicas runs two daemons on one PostgreSQL. They share the work; when one
// is killed the other goes on with what is left, does not start again what the
// first had begun, and says so until it has certainly ended.
func TestReplicas(t *testing.T) {
	t.Parallel()
	w := newReplicaWorld(t)
	a, b := w.daemon(t, "a"), w.daemon(t, "b")
	w.declare(t, "", "one", "two", "three", "four", "five", "six")
	for _, name := range w.names {
		w.until(t, b, name, func(d v1.Target) bool { return w.starts(t, name) != "" })
	}
	if w.begun(t, "a") == 0 || w.begun(t, "b") == 0 {
		t.Fatalf("a began %d and b %d of %d environments, want both some", w.begun(t, "a"), w.begun(t, "b"), len(w.names))
	}

	a.kill(t)
	killed := time.Now()
	for _, name := range w.names {
		if strings.Contains(w.starts(t, name), "/a/") {
			w.until(t, b, name, func(d v1.Target) bool { return strings.Contains(d.DeploymentStatusMessage, "unless it comes back") })
		}
	}
	t.Logf("b had taken over what a left behind after %s", time.Since(killed).Round(time.Millisecond))
	w.release(t)
	w.declare(t, "", "seven")
	w.until(t, b, "seven", succeeded)
	for _, name := range w.names {
		want := succeeded
		if strings.Contains(w.starts(t, name), "/a/") {
			want = interrupted
		}
		w.until(t, b, name, want)
		if got := strings.Count(w.starts(t, name), "\n"); got != 1 {
			t.Errorf("the commands of %s were started %d times", name, got)
		}
	}
}

// TestReplicaComesBack kills a daemon of two and starts it again: it goes on
// with its commands, which the other has left to it.
func TestReplicaComesBack(t *testing.T) {
	t.Parallel()
	w := newReplicaWorld(t)
	a := w.daemon(t, "a")
	w.declare(t, "", "one")
	w.until(t, a, "one", func(v1.Target) bool { return w.starts(t, "one") != "" })
	b := w.daemon(t, "b")
	a.kill(t)
	w.until(t, b, "one", func(d v1.Target) bool { return strings.Contains(d.DeploymentStatusMessage, "unless it comes back") })
	w.daemon(t, "a")
	w.release(t)
	w.until(t, b, "one", succeeded)
	if got := strings.Count(w.starts(t, "one"), "\n"); got != 1 {
		t.Errorf("the commands were started %d times", got)
	}
}

// TestReplicaRunsAgain shows that commands which may be run again are, by
// another daemon, once those of the dead one have ended.
func TestReplicaRunsAgain(t *testing.T) {
	t.Parallel()
	w := newReplicaWorld(t)
	a := w.daemon(t, "a")
	w.declare(t, "rerun: safe", "one")
	w.until(t, a, "one", func(v1.Target) bool { return w.starts(t, "one") != "" })
	b := w.daemon(t, "b")
	a.kill(t)
	w.until(t, b, "one", func(v1.Target) bool { return strings.Count(w.starts(t, "one"), "\n") == 2 })
	w.release(t)
	w.until(t, b, "one", succeeded)
	if starts := w.starts(t, "one"); !strings.Contains(starts, "/b/") {
		t.Errorf("started at %q, want a, then b", starts)
	}
}

// TestReplicaPaused stops a daemon for longer than its lease, as a suspended
// machine or a long swap does, and lets it go on: what it still writes about
// what others have taken from it has no effect.
func TestReplicaPaused(t *testing.T) {
	t.Parallel()
	w := newReplicaWorld(t)
	a := w.daemon(t, "a")
	w.declare(t, "", "one")
	w.until(t, a, "one", func(v1.Target) bool { return w.starts(t, "one") != "" })
	b := w.daemon(t, "b")
	if err := a.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.until(t, b, "one", interrupted)
	w.release(t)
	if err := a.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.declare(t, "", "two")
	w.until(t, a, "two", succeeded) // it works again
	w.until(t, a, "one", interrupted)
	if got := strings.Count(w.starts(t, "one"), "\n"); got != 1 {
		t.Errorf("the commands were started %d times", got)
	}
}

func interrupted(d v1.Target) bool {
	return d.DeploymentStatus == string(state.Failed) && strings.Contains(d.DeploymentStatusMessage, "interrupted")
}

func succeeded(d v1.Target) bool { return d.DeploymentStatus == string(state.Succeeded) }

// A replicaWorld is a database, a repository, and daemons on them.
type replicaWorld struct {
	dir, dsn string
	host     *githost.Host
	names    []string
}

func newReplicaWorld(t *testing.T) *replicaWorld {
	t.Helper()
	return newReplicaWorldOn(t, pgtest.Start(t))
}

// newReplicaWorldOn is one with a database of the caller's; empty is SQLite, which
// one daemon at a time can have.
func newReplicaWorldOn(t *testing.T, dsn string) *replicaWorld {
	t.Helper()
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip("sleep is not on PATH, which the commands here wait with")
	}
	w := &replicaWorld{dir: t.TempDir(), dsn: dsn}
	var err error
	if w.host, err = githost.New(githost.Config{Dir: filepath.Join(w.dir, "git")}); err != nil {
		t.Fatal(err)
	}
	if err := w.host.Create("platform"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.dir, "starts"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := "listen: 127.0.0.1:0\nworkers: 2\nrepositories:\n  - {name: platform, url: ./git/platform.git, publish: auto}\n"
	if err := os.WriteFile(filepath.Join(w.dir, "baryon.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// declare commits environments, with the template they are made from.
func (w *replicaWorld) declare(t *testing.T, setting string, names ...string) {
	t.Helper()
	if setting == "" {
		setting = "timeout: 5m"
	}
	files := map[string]string{
		"net/v1/schema/schema.yaml":           plainSchema,
		"net/v1/infrastructure/manifest.yaml": fmt.Sprintf(replicaManifest, filepath.Join(w.dir, "starts"), setting),
	}
	for _, name := range names {
		files["environments/"+name+".yaml"] = "proton: EnvironmentSpec\nbaryon: {environment: " + name + ", template: net, version: \"1\"}\nspec: {}\n"
	}
	w.names = append(w.names, names...)
	if _, err := w.host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "more", Files: mapFiles(files)}); err != nil {
		t.Fatal(err)
	}
}

// starts are the folders in which the commands of an environment began, a line each.
func (w *replicaWorld) starts(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "starts", name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// begun counts the environments whose commands a daemon began.
func (w *replicaWorld) begun(t *testing.T, daemon string) (n int) {
	t.Helper()
	for _, name := range w.names {
		n += strings.Count(w.starts(t, name), "/"+daemon+"/")
	}
	return n
}

// release lets all commands end.
func (w *replicaWorld) release(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "starts", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A replica is a daemon as a process of its own.
type replica struct {
	cmd    *exec.Cmd
	client *v1.Client
	ended  chan struct{}
	mu     sync.Mutex
	log    strings.Builder
}

func (r *replica) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// daemon starts one with a data folder of that name, and waits for it to listen.
func (w *replicaWorld) daemon(t *testing.T, name string) *replica {
	t.Helper()
	cmd := exec.Command(os.Args[0], "serve", "--config", filepath.Join(w.dir, "baryon.yaml"))
	cmd.Env = append(os.Environ(), "BARYON_TEST_MAIN=1", "BARYON_STORE="+w.dsn, "BARYON_DATA="+filepath.Join(w.dir, name))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &replica{cmd: cmd, ended: make(chan struct{})}
	t.Cleanup(func() {
		r.kill(t)
		if t.Failed() {
			t.Logf("daemon %s said:\n%s", name, r.said())
		}
	})
	address := make(chan string, 1)
	go func() {
		defer close(r.ended)
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			r.mu.Lock()
			r.log.WriteString(lines.Text() + "\n")
			r.mu.Unlock()
			if _, rest, ok := strings.Cut(lines.Text(), `"msg":"serving","address":"`); ok {
				at, _, _ := strings.Cut(rest, `"`)
				address <- at
			}
		}
	}()
	select {
	case at := <-address:
		if r.client, err = v1.NewClient(at, "", "test"); err != nil {
			t.Fatal(err)
		}
	case <-r.ended:
		t.Fatalf("daemon %s ended:\n%s", name, r.said())
	}
	return r
}

// kill ends it with SIGKILL, once.
func (r *replica) kill(t *testing.T) {
	t.Helper()
	if r.cmd.ProcessState != nil {
		return
	}
	if err := r.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	_ = r.cmd.Wait() // it was killed, and says so
	http.DefaultClient.CloseIdleConnections()
}

// until waits for an environment to be as wanted.
func (w *replicaWorld) until(t *testing.T, r *replica, name string, ok func(v1.Target) bool) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	var last v1.Target
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-poll.C {
		last = v1.Target{}
		if err = r.client.Get(t.Context(), "environments/"+name, nil, &last); err == nil && ok(last) {
			return
		}
	}
	t.Fatalf("environment %s is %s %q, err %v", name, last.DeploymentStatus, last.DeploymentStatusMessage, err)
}
