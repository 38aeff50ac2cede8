package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"baryon/state"
	"baryon/state/pgtest"

	"github.com/google/go-cmp/cmp"
)

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
		w := newTerraformCrash(t, dsn, quickCode)
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
	if testing.Short() {
		t.Skip("one kill is enough for short runs")
	}
	t.Parallel()
	eachStore(t, func(t *testing.T, dsn string) {
		w := newTerraformCrash(t, dsn, quickCode)
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

// TestTerraformKilledBetween kills the supervisor and the daemon when init, plan
// and apply have done their work and nobody has noted it yet. What came before
// apply is begun again, or known; an apply is not, and the next one finds that
// there is nothing left to do.
func TestTerraformKilledBetween(t *testing.T) {
	if testing.Short() {
		t.Skip("one kill is enough for short runs")
	}
	t.Parallel()
	eachStore(t, func(t *testing.T, dsn string) {
		w := newTerraformCrash(t, dsn, quickCode)
		w.hold(t, "after-init", "after-plan", "after-apply")
		for i, step := range []string{"init", "plan", "apply"} {
			w.begin(t)
			w.begun(t, "after-"+step, 1)
			w.killSupervisor(t, strconv.Itoa(i+1))
			w.end(t, syscall.SIGKILL)
			w.release(t, "after-"+step)
		}
		made := w.state(t)
		if !strings.Contains(string(made), `"terraform_data"`) {
			t.Errorf("the state after a whole apply is %s", made)
		}
		w.begin(t)
		w.idle(t)
		w.end(t, syscall.SIGINT)
		s := w.open(t)
		if got, last := w.statuses(t, s); !cmp.Equal(got, []string{"FAILED"}) || !strings.Contains(last.Message, "interrupted in command 4 of 4") {
			t.Errorf("deployments %q, %s; want one that was interrupted", got, last.Message)
		}
		if err := errors.Join(s.Retry(context.Background(), "Ada", state.EnvironmentRef("prod"), "the host is back"), s.Close()); err != nil {
			t.Fatal(err)
		}
		w.begin(t)
		w.begun(t, "apply", 2)
		w.idle(t)
		w.end(t, syscall.SIGINT)
		want := []string{"init", "after-init", "init", "plan", "after-plan", "plan", "apply", "after-apply", "plan", "apply"}
		if diff := cmp.Diff(want, w.started(t)); diff != "" {
			t.Errorf("started (-want +got):\n%s", diff)
		}
		s = w.open(t)
		defer s.Close()
		if got, last := w.statuses(t, s); !cmp.Equal(got, []string{"SUCCEEDED", "FAILED"}) || len(last.Changes) > 0 {
			t.Errorf("deployments %q, %s, the last changed %v; want nothing changed", got, last.Message, last.Changes)
		}
		if now := w.state(t); !bytes.Equal(now, made) {
			t.Errorf("the state is %s, was %s", now, made)
		}
	})
}

// TestTerraformAllKilled kills everything of a deployment at once in apply, as a
// host does that loses its power. Nothing is started over what was lost before a
// person says so, and no lock is in the way then.
func TestTerraformAllKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("one kill is enough for short runs")
	}
	t.Parallel()
	eachStore(t, func(t *testing.T, dsn string) {
		w := newTerraformCrash(t, dsn, slowCode)
		w.hold(t, "slow")
		w.begin(t)
		w.wait(t, "an apply under way", func() bool {
			_, err := os.Stat(filepath.Join(w.dir, "slow"))
			return err == nil
		})
		w.end(t, syscall.SIGKILL)
		w.killSupervisor(t, "1")
		w.killWork(t)
		w.release(t, "slow")
		w.begin(t)
		w.idle(t)
		w.end(t, syscall.SIGINT)
		s := w.open(t)
		if got, last := w.statuses(t, s); !cmp.Equal(got, []string{"FAILED"}) || !strings.Contains(last.Message, "interrupted in command 4 of 4") {
			t.Errorf("deployments %q, %s; want one that was interrupted", got, last.Message)
		}
		if err := errors.Join(s.Retry(context.Background(), "Ada", state.EnvironmentRef("prod"), "power is back"), s.Close()); err != nil {
			t.Fatal(err)
		}
		w.begin(t)
		w.begun(t, "apply", 2)
		w.idle(t)
		w.end(t, syscall.SIGINT)
		s = w.open(t)
		defer s.Close()
		if got, last := w.statuses(t, s); !cmp.Equal(got, []string{"SUCCEEDED", "FAILED"}) {
			t.Errorf("deployments %q, %s", got, last.Message)
		}
		if now := w.state(t); !strings.Contains(string(now), `"it"`) {
			t.Errorf("the state is %s", now)
		}
	})
}
