package terraform_test

import (
	"encoding/json"
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

// programs are those of terraform and tofu that are on PATH. It skips where there
// is none, and fails where one has to be there.
func programs(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"terraform", "tofu"} {
		if file, err := exec.LookPath(name); err == nil {
			found[name] = file
		} else if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), name) {
			t.Fatalf("%s is required here and is not on PATH", name)
		}
	}
	if len(found) == 0 {
		t.Skip("neither terraform nor tofu is on PATH")
	}
	return found
}

// eachProgram runs a test with each of them, beside others.
func eachProgram(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	for name, file := range programs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, place{t.TempDir(), file})
		})
	}
}

// A place is one data folder, and the program that is used in it.
type place struct{ dir, program string }

// another is another folder for the same program.
func (p place) another(t *testing.T) place { return place{t.TempDir(), p.program} }

// tofu reports whether the program is OpenTofu.
func (p place) tofu() bool { return filepath.Base(p.program) == "tofu" }

// resources are what the state of a stack holds.
func (p place) resources(t *testing.T, stack string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "terraform", "stacks", stack, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	return resourcesOf(t, text)
}

// resourcesOf are the addresses that a state holds, without modules and keys.
func resourcesOf(t *testing.T, text []byte) (addresses []string) {
	t.Helper()
	var state struct{ Resources []struct{ Type, Name string } }
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	for _, r := range state.Resources {
		addresses = append(addresses, r.Type+"."+r.Name)
	}
	return addresses
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
	cfg := terraform.Config{Runner: runner, Dir: filepath.Join(p.dir, "terraform"), Binary: p.program, Patience: 20 * time.Second}
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
	eachProgram(t, func(t *testing.T, p place) {
		provisionertest.Run(t, func(t *testing.T) provisionertest.World { return world(t, p.another(t)) })
	})
}

// world is a data folder and one of the marks that code leaves behind.
func world(t *testing.T, p place) provisionertest.World {
	t.Helper()
	marks := t.TempDir()
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
	script := "#!/bin/sh\ni=0\nif test -e print.tf && test \"$1\" = apply; then while [ $((i += 1)) -le 20000 ]; do echo line $i of many; done; fi\nexec " + p.program + " \"$@\"\n"
	if err := provisionertest.WriteProgram(binary, script); err != nil {
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
