package state

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baryon/state/pgtest"
)

func TestInspectChangesNothing(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, dsn := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "baryon.db") },
		"postgres": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{DSN: dsn(t)}
			empty, err := Inspect(ctx, cfg)
			if err != nil || empty.Found != 0 || empty.Known == 0 {
				t.Fatalf("before the first Open: %+v, err %v", empty, err)
			}
			if _, err := os.Stat(cfg.DSN); err == nil {
				t.Error("looking made the file")
			}
			s, err := Open(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			open, err := Inspect(ctx, cfg)
			if err != nil || open.Found != open.Known || open.Held == s.Shared() {
				t.Errorf("while it is open: %+v, err %v", open, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			closed, err := Inspect(ctx, cfg)
			if err != nil || closed.Found != closed.Known || closed.Held {
				t.Errorf("after Close: %+v, err %v", closed, err)
			}
			// Having looked, it does not hold the file.
			again, err := Open(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInspectKeepsThePasswordToItself(t *testing.T) {
	t.Parallel()
	_, err := Inspect(context.Background(), Config{DSN: "postgres://ana:hunter2@127.0.0.1:1/none"})
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v", err)
	}
}
