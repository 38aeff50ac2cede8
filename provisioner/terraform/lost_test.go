package terraform_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"
)

// blocking is a job that makes one resource and then waits in the making of
// another, until the file free is there.
func blocking(id, free string) provisioner.Job {
	return job(id, fmt.Sprintf(`
resource "terraform_data" "first" { input = "made" }
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "touch %s.begun; until test -e %s; do sleep 0.02; done"
  }
}
`, free, free))
}

func allowExec(c *terraform.Config) { c.Policy.Allow = []string{"local-exec"} }

// TestLostInApply kills the supervisor in the middle of an apply. Terraform,
// which nobody reads any more, saves what it made before anything else happens.
func TestLostInApply(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		free := filepath.Join(t.TempDir(), "free")
		c := provisionertest.Caller{Job: blocking("one", free)}
		e := p.engine(t, allowExec)
		c.Until(t, e, func(provisioner.Progress) bool { return exists(free + ".begun") })
		if err := syscall.Kill(supervisorOf(t, c.Job.Handle), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		got := c.End(t, p.engine(t, allowExec))
		if got.State != provisioner.Failed || !strings.Contains(got.Message, "interrupted in command 4 of 4") {
			t.Errorf("%s %s, want it interrupted", got.State, got.Message)
		}
		if made := p.resources(t, "environment-dev"); !slices.Contains(made, "terraform_data.first") {
			t.Errorf("the state lost what was made, it holds %v", made)
		}
		if err := os.WriteFile(free, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		got, log := end(t, p.engine(t, allowExec), blocking("two", free))
		if got.State != provisioner.Succeeded || strings.Contains(log, "terraform_data.first: Creating") {
			t.Errorf("%s %s, want it to go on from the state\n%s", got.State, got.Message, log)
		}
	})
}

// TestLostBeforeApply kills the supervisor in init and in plan, which change
// nothing: the work is begun again.
func TestLostBeforeApply(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		for _, step := range []string{"init", "plan"} {
			t.Run(step, func(t *testing.T) {
				t.Parallel()
				p := p.another(t)
				mark := filepath.Join(p.dir, "mark")
				binary := filepath.Join(p.dir, "terraform-that-waits")
				script := fmt.Sprintf("#!/bin/sh\nif test \"$1\" = %s && ! test -e %s; then touch %s; sleep 60; fi\nexec %s \"$@\"\n", step, mark, mark, p.program)
				if err := provisionertest.WriteProgram(binary, script); err != nil {
					t.Fatal(err)
				}
				waits := func(c *terraform.Config) { c.Binary = binary }
				c := provisionertest.Caller{Job: job("one", twoResources)}
				c.Until(t, p.engine(t, waits), func(provisioner.Progress) bool { return exists(mark) })
				if err := syscall.Kill(supervisorOf(t, c.Job.Handle), syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				if got := c.End(t, p.engine(t, waits)); got.State != provisioner.Succeeded || !strings.Contains(string(c.Log), "attempt 2") {
					t.Errorf("%s %s, want a second attempt\n%s", got.State, got.Message, c.Log)
				}
			})
		}
	})
}

// TestUnlock names who holds a lock, and takes it from nobody who lives.
func TestUnlock(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		free := filepath.Join(t.TempDir(), "free")
		c := provisionertest.Caller{Job: blocking("one", free)}
		e := p.engine(t, allowExec)
		if got, _ := end(t, e, job("before", twoResources)); got.State != provisioner.Succeeded {
			t.Fatal(got.Message)
		}
		c.Until(t, e, func(provisioner.Progress) bool { return exists(free + ".begun") })
		states, err := terraform.NewStates(terraform.Config{Dir: filepath.Join(p.dir, "terraform"), Binary: p.program})
		if err != nil {
			t.Fatal(err)
		}
		released, err := states.Unlock(t.Context(), "environment-dev")
		if locked, ok := errors.AsType[*terraform.LockedError](err); !ok || !strings.Contains(locked.Text, "OperationTypeApply") {
			t.Errorf("unlocked %q, %v; want to be told of the apply", released, err)
		}
		if err := os.WriteFile(free, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := c.End(t, e); got.State != provisioner.Succeeded {
			t.Errorf("%s %s", got.State, got.Message)
		}
		if released, err := states.Unlock(t.Context(), "environment-dev"); released != "" || err != nil {
			t.Errorf("unlocked %q, %v; want nothing to do", released, err)
		}
	})
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
