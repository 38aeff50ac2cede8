package provisioner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
)

// TestCommand holds the command engine to the contract, for a daemon that is
// alone and for several that share their work.
func TestCommand(t *testing.T) {
	t.Parallel()
	for name, deadline := range map[string]time.Duration{"alone": 0, "shared": time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provisionertest.Run(t, func(t *testing.T) provisionertest.World { return commandWorld(t, deadline) })
		})
	}
}

// commandWorld is a folder of work folders and one of the marks that commands
// leave behind.
func commandWorld(t *testing.T, deadline time.Duration) provisionertest.World {
	t.Helper()
	dir, marks := filepath.Join(t.TempDir(), "work"), t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	job := func(id string, commands ...string) provisioner.Job {
		return provisioner.Job{
			ID: id, Stack: "environment-dev", Action: provisioner.Provision,
			Files:    fstest.MapFS{"proton-inputs.json": {Data: []byte(`{"environment": {"name": "dev"}}`)}},
			Commands: append([]string{fmt.Sprintf("echo begun >> '%s/%s'", marks, id)}, commands...),
			Env:      map[string]string{"RESOURCE_ARN": "arn:aws:proton:::environment/dev"},
		}
	}
	lines := make([]string, 30_000)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d of many", i+1)
	}
	return provisionertest.World{
		Engine: func(t *testing.T) provisionertest.Engine {
			c, err := provisioner.NewCommand(provisioner.CommandConfig{
				Dir: dir, Executable: exe, Deadline: deadline, Grace: time.Second,
			})
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Starts: func(t *testing.T, id string) int {
			text, err := os.ReadFile(filepath.Join(marks, id))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			return strings.Count(string(text), "begun\n")
		},
		Succeed: func(id string) provisioner.Job {
			return job(id, "URL=https://dev.example", `echo "[{\"key\": \"url\", \"valueString\": \"$URL\"}]" > proton-outputs.json`)
		},
		Outputs: map[string]string{"url": "https://dev.example"},
		Fail: func(id string) provisioner.Job {
			return job(id, "echo no such network >&2; exit 3", "echo never")
		},
		FailMessage: "command 2 of 3 failed with exit status 3: echo no such network >&2; exit 3\nno such network",
		Block: func(t *testing.T, id string) (provisioner.Job, func()) {
			free := filepath.Join(marks, id+".free")
			release := sync.OnceFunc(func() {
				if err := os.WriteFile(free, nil, 0o600); err != nil {
					t.Error(err)
				}
			})
			return job(id, fmt.Sprintf("until test -e '%s'; do sleep 0.02; done", free)), release
		},
		Print: func(id string) provisioner.Job {
			return job(id, `i=0; while [ $((i += 1)) -le 30000 ]; do echo "line $i of many"; done`)
		},
		Lines: lines,
		Lose: func(t *testing.T, job provisioner.Job) {
			if err := syscall.Kill(supervisorOf(t, job.Handle), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		},
	}
}
