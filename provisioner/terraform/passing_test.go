package terraform_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"
)

// failing is a terraform whose init fails, saying something, as often as told.
func failing(t *testing.T, p place, says string, times int) func(*terraform.Config) {
	t.Helper()
	return failingIn(t, p, "init", says, times)
}

func failingIn(t *testing.T, p place, command, says string, times int) func(*terraform.Config) {
	t.Helper()
	binary := filepath.Join(p.dir, "terraform-that-fails")
	script := fmt.Sprintf(`#!/bin/sh
if test "$1" = %[5]s; then
	echo x >> %[1]s/%[5]ss
	if test $(wc -l < %[1]s/%[5]ss) -le %[2]d; then
		echo '%[3]s' >&2
		exit 1
	fi
fi
exec %[4]s "$@"
`, p.dir, times, says, p.program, command)
	if err := provisionertest.WriteProgram(binary, script); err != nil {
		t.Fatal(err)
	}
	return func(c *terraform.Config) { c.Binary = binary }
}

const registryDown = `Error: Failed to query available provider packages: could not connect to registry.terraform.io: dial tcp 127.0.0.1:443: connect: connection refused`

// TestPassing tries again what failed of a network that was down, and at once
// reports what another try would not change.
func TestPassing(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		for name, tt := range map[string]struct {
			says     string
			times    int
			want     provisioner.State
			attempts int
			message  string
		}{
			"down for a while":     {registryDown, 2, provisioner.Succeeded, 3, ""},
			"down for good":        {registryDown, 99, provisioner.Failed, 8, "could not connect to registry.terraform.io"},
			"no such provider":     {"Error: provider registry registry.terraform.io does not have a provider named x/y", 99, provisioner.Failed, 1, "does not have a provider"},
			"the server is broken": {"Error: 503 Service Unavailable", 1, provisioner.Succeeded, 2, ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := p.another(t)
				got, log := end(t, p.engine(t, failing(t, p, tt.says, tt.times)), job("one", twoResources))
				if got.State != tt.want || !strings.Contains(got.Message, tt.message) {
					t.Errorf("%s %q, want %s and %q\n%s", got.State, got.Message, tt.want, tt.message, log)
				}
				if text, err := os.ReadFile(filepath.Join(p.dir, "inits")); err != nil || strings.Count(string(text), "x") != tt.attempts {
					t.Errorf("init ran %d times, want %d (%v)\n%s", strings.Count(string(text), "x"), tt.attempts, err, log)
				}
			})
		}
	})
}

// TestPassingPlan tries a plan again that could not reach the place of the states,
// and none whose resources run into the same.
func TestPassingPlan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		diagnostic string
		want       provisioner.State
		plans      int
	}{
		"the database starts": {`"summary": "pq: the database system is starting up", "detail": ""`, provisioner.Succeeded, 2},
		"two make the schema": {`"summary": "pq: type \"states\" already exists", "detail": ""`, provisioner.Succeeded, 2},
		"a resource":          {`"summary": "connection refused", "detail": "", "address": "aws_instance.a"`, provisioner.Failed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachProgram(t, func(t *testing.T, p place) {
				says := `{"@level": "error", "@message": "Error", "type": "diagnostic", "diagnostic": {"severity": "error", ` + tt.diagnostic + `}}`
				got, log := end(t, p.engine(t, failingIn(t, p, "plan", says, 1)), job("one", twoResources))
				text, err := os.ReadFile(filepath.Join(p.dir, "plans"))
				if got.State != tt.want || err != nil || strings.Count(string(text), "x") != tt.plans {
					t.Errorf("%s %q after %d plans (%v), want %s after %d\n%s", got.State, got.Message, strings.Count(string(text), "x"), err, tt.want, tt.plans, log)
				}
			})
		})
	}
}

// TestCancelledBetweenAttempts ends work that waits to be tried again.
func TestCancelledBetweenAttempts(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		e := p.engine(t, failing(t, p, registryDown, 99))
		c := provisionertest.Caller{Job: job("one", twoResources)}
		c.Until(t, e, func(got provisioner.Progress) bool { return strings.Contains(got.Message, "tried again at") })
		if err := e.Cancel(t.Context(), c.Job); err != nil {
			t.Fatal(err)
		}
		if got := c.End(t, e); got.State != provisioner.Cancelled {
			t.Errorf("%s %s, want it cancelled", got.State, got.Message)
		}
	})
}

// TestLocked waits for a lock that somebody else holds, tries again, and says
// what it waits for.
func TestLocked(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		free := filepath.Join(t.TempDir(), "free")
		holder := provisionertest.Caller{Job: blocking("holder", free)}
		brief := func(c *terraform.Config) { allowExec(c); c.LockWait = 1 }
		e := p.engine(t, brief)
		holder.Until(t, e, func(provisioner.Progress) bool { return exists(free + ".begun") })
		waiter := provisionertest.Caller{Job: job("waiter", `resource "terraform_data" "first" { input = "made" }`)}
		waiter.Until(t, e, func(got provisioner.Progress) bool {
			return strings.Contains(got.Message, "Error acquiring the state lock") && strings.Contains(got.Message, "tried again at")
		})
		if err := syscall.Kill(supervisorOf(t, holder.Job.Handle), 0); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(free, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := holder.End(t, e); got.State != provisioner.Succeeded {
			t.Error(got.Message)
		}
		if got := waiter.End(t, e); got.State != provisioner.Succeeded {
			t.Errorf("%s %s\n%s", got.State, got.Message, waiter.Log)
		}
	})
}
