package reconciler_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"baryon/reconciler"
	"baryon/state"
)

// TestDatabaseGoesAway takes a table away under a running loop, so that neither
// claiming nor joining again works, as on a full disk, and puts it back: the
// loop has waited for it and goes on.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	dsn := filepath.Join(t.TempDir(), "baryon.db")
	store, err := state.Open(t.Context(), state.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	core, logged := observer.New(zap.WarnLevel)
	loop, err := reconciler.New(reconciler.Config{Store: store, Source: noSource{}, Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	visited := func(ref state.Ref) func() bool {
		if err := store.Wake(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		loop.Wake()
		return func() bool {
			next, err := store.NextDue(t.Context())
			return err == nil && time.Until(next) > time.Minute
		}
	}
	eventually(t, "a first visit", visited(state.EnvironmentRef("one")))

	other, err := sql.Open("sqlite", "file:"+dsn+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	rename := func(from, to string) {
		if _, err := other.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("work", "gone")
	eventually(t, "two vain attempts", func() bool { return logged.FilterMessage("membership lost, joining again").Len() >= 2 })
	rename("gone", "work")
	eventually(t, "another visit", visited(state.EnvironmentRef("two")))
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-poll.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// noSource is asked for nothing: there is no repository.
type noSource struct{ reconciler.Source }
