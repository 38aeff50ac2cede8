package terraform_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the supervisor that the engine starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		os.Exit(provisioner.Supervise(os.Args[2], map[string]provisioner.NewTool{terraform.Tool: terraform.NewTool}))
	}
	goleak.VerifyTestMain(m)
}

// needTerraform skips where there is no terraform, or fails where there has to be one.
func needTerraform(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "terraform") {
		t.Fatal("terraform is required here and is not on PATH")
	}
	t.Skip("terraform is not on PATH")
}

// A place is one data folder.
type place struct{ dir string }

func newPlace(t testing.TB) place {
	t.Helper()
	needTerraform(t)
	return place{t.TempDir()}
}

// engine is what a daemon has after a restart.
func (p place) engine(t testing.TB, change func(*terraform.Config)) *terraform.Engine {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	runner, err := provisioner.NewCommand(provisioner.CommandConfig{
		Dir: filepath.Join(p.dir, "work"), Executable: exe, Path: os.Getenv("PATH"), Grace: time.Second, Pause: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := terraform.Config{Runner: runner, Dir: filepath.Join(p.dir, "terraform"), Patience: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	e, err := terraform.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// job is a job of one file.
func job(id, code string) provisioner.Job {
	return provisioner.Job{
		ID: id, Stack: "environment-dev", Action: provisioner.Provision,
		Files: fstest.MapFS{"main.tf": {Data: []byte(code)}},
	}
}

// end carries a job to its end.
func end(t *testing.T, e provisionertest.Engine, j provisioner.Job) (provisioner.Progress, string) {
	t.Helper()
	c := provisionertest.Caller{Job: j}
	p := c.End(t, e)
	return p, string(c.Log)
}

// TestContract holds the engine to what callers rely on.
func TestContract(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	provisionertest.Run(t, world)
}

// world is a data folder and one of the marks that code leaves behind.
func world(t *testing.T) provisionertest.World {
	t.Helper()
	p, marks := newPlace(t), t.TempDir()
	running := func(id, command string) provisioner.Job {
		j := job(id, fmt.Sprintf(`
resource "terraform_data" "it" {
  provisioner "local-exec" {
    command = "echo begun >> %s/%s; %s"
  }
}
output "url" { value = "https://dev.example" }
`, marks, id, command))
		j.Stack = "environment-" + id // the loop never has two jobs for one stack
		return j
	}
	lines := make([]string, 20_000)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d of many", i+1)
	}
	// Terraform cuts lines of slow commands in two, so what prints many is not it.
	binary := filepath.Join(p.dir, "terraform-that-prints")
	script := "#!/bin/sh\ni=0\nif test -e print.tf && test \"$1\" = apply; then while [ $((i += 1)) -le 20000 ]; do echo line $i of many; done; fi\nexec terraform \"$@\"\n"
	if err := os.WriteFile(binary, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return provisionertest.World{
		Engine: func(t *testing.T) provisionertest.Engine {
			return p.engine(t, func(c *terraform.Config) { c.Policy.Allow, c.Binary = []string{"local-exec"}, binary })
		},
		Starts: func(t *testing.T, id string) int {
			text, err := os.ReadFile(filepath.Join(marks, id))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			return strings.Count(string(text), "begun\n")
		},
		Succeed:     func(id string) provisioner.Job { return running(id, "true") },
		Outputs:     map[string]string{"url": "https://dev.example"},
		Fail:        func(id string) provisioner.Job { return running(id, "echo no such network >&2; exit 3") },
		FailMessage: "no such network",
		Block: func(t *testing.T, id string) (provisioner.Job, func()) {
			free := filepath.Join(marks, id+".free")
			release := sync.OnceFunc(func() {
				if err := os.WriteFile(free, nil, 0o600); err != nil {
					t.Error(err)
				}
			})
			return running(id, "until test -e "+free+"; do sleep 0.02; done"), release
		},
		Print: func(id string) provisioner.Job {
			j := running(id, "true")
			j.Files.(fstest.MapFS)["print.tf"] = &fstest.MapFile{}
			return j
		},
		Lines: lines,
		Lose: func(t *testing.T, job provisioner.Job) {
			if err := syscall.Kill(supervisorOf(t, job.Handle), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		},
	}
}
