package state

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"baryon/state/pgtest"
)

// onBoth runs a test on an SQLite file and on a real PostgreSQL server.
func onBoth(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, open(t, filepath.Join(t.TempDir(), "baryon.db")))
	})
	t.Run("postgres", func(t *testing.T) {
		test(t, open(t, pgtest.Start(t)))
	})
}

func open(t *testing.T, dsn string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func update(t *testing.T, s *Store, fn func(*Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), Fence{}, fn); err != nil {
		t.Fatal(err)
	}
}

func TestWakeDuringVisitIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		ref := EnvironmentRef("prod")
		for range 3 {
			if err := s.Wake(ctx, ref); err != nil {
				t.Fatal(err)
			}
		}
		claims, err := s.Claim(ctx, "a", 10)
		if err != nil || len(claims) != 1 {
			t.Fatalf("three wakes gave claims %v, err %v, want one claim", claims, err)
		}
		if again, err := s.Claim(ctx, "b", 10); err != nil || len(again) != 0 {
			t.Fatalf("a claimed thing was claimed again: %v, err %v", again, err)
		}
		if err := s.Wake(ctx, ref); err != nil {
			t.Fatal(err)
		}
		far := time.Now().Add(time.Hour)
		if err := s.Finish(ctx, []Finish{{Claim: claims[0], Due: far}}); err != nil {
			t.Fatal(err)
		}
		claims, err = s.Claim(ctx, "b", 10)
		if err != nil || len(claims) != 1 {
			t.Fatalf("a wake during the visit was lost: %v, err %v", claims, err)
		}
		if err := s.Finish(ctx, []Finish{{Claim: claims[0], Due: far}}); err != nil {
			t.Fatal(err)
		}
		if rest, err := s.Claim(ctx, "b", 10); err != nil || len(rest) != 0 {
			t.Fatalf("a finished thing is due before its time: %v, err %v", rest, err)
		}
	})
}

func TestLostClaimWritesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		ref := EnvironmentRef("prod")
		update(t, s, func(tx *Tx) error {
			if err := tx.PutTarget(Target{Ref: ref, Generation: 1}); err != nil {
				return err
			}
			return tx.Wake(ref)
		})
		claims, err := s.Claim(ctx, "a", 1)
		if err != nil || len(claims) != 1 {
			t.Fatal(claims, err)
		}
		update(t, s, func(tx *Tx) error {
			_, err := tx.q.ReleaseAll(ctx, tx.now)
			return err
		})
		err = s.Update(ctx, claims[0].Fence(), func(tx *Tx) error {
			return tx.Change(ref, func(t *Target) error { t.Message = "late"; return nil })
		})
		if !errors.Is(err, ErrLost) {
			t.Fatalf("a write with a lost claim: err = %v, want ErrLost", err)
		}
		got, err := s.Target(ctx, ref)
		if err != nil || got.Message != "" {
			t.Fatalf("the late write took effect: %q, err %v", got.Message, err)
		}
	})
}

func TestOneOpenDeployment(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		d := Deployment{ID: NewID(), Ref: EnvironmentRef("prod"), Action: Create, Status: InProgress, Generation: 1}
		update(t, s, func(tx *Tx) error { return tx.AddDeployment(d) })
		second := d
		second.ID = NewID()
		var conflict *ConflictError
		if err := s.Update(ctx, Fence{}, func(tx *Tx) error { return tx.AddDeployment(second) }); !errors.As(err, &conflict) {
			t.Fatalf("a second open deployment: err = %v, want a ConflictError", err)
		}
		d.Outputs = map[string]string{"Endpoint": "http://x"}
		if err := d.Move(Succeeded, ""); err != nil {
			t.Fatal(err)
		}
		update(t, s, func(tx *Tx) error { return tx.SaveDeployment(d) })
		got, err := s.Deployment(ctx, d.ID)
		if err != nil || got.Outputs["Endpoint"] != "http://x" || got.CompletedAt.IsZero() {
			t.Fatalf("got %+v, err %v", got, err)
		}
		if err := s.Update(ctx, Fence{}, func(tx *Tx) error { return tx.SaveDeployment(d) }); !errors.As(err, &conflict) {
			t.Fatalf("a closed deployment was written: err = %v", err)
		}
		update(t, s, func(tx *Tx) error { return tx.AddDeployment(second) })
		list, err := s.Deployments(ctx, d.Ref, nil, 1)
		if err != nil || len(list) != 1 || list[0].ID != second.ID {
			t.Fatalf("newest first: %v, err %v", list, err)
		}
		list, err = s.Deployments(ctx, d.Ref, &list[0], 5)
		if err != nil || len(list) != 1 || list[0].ID != d.ID {
			t.Fatalf("second page: %v, err %v", list, err)
		}
	})
}

func TestDeadReplicaIsRelieved(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		first, err := s.Join(ctx, "one")
		if err != nil {
			t.Fatal(err)
		}
		ref := EnvironmentRef("prod")
		if err := s.Wake(ctx, ref); err != nil {
			t.Fatal(err)
		}
		if claims, err := s.Claim(ctx, first.ID, 1); err != nil || len(claims) != 1 {
			t.Fatal(claims, err)
		}
		if first.conn != nil { // a killed process: its connection goes, its row stays
			killBackends(t, s, first.number)
			first.conn.Close(ctx)
		}
		second, err := s.Join(ctx, "two")
		if err != nil {
			t.Fatal(err)
		}
		woken := make(chan struct{}, 16)
		done := make(chan error, 1)
		go func() { done <- second.Run(ctx, "two", func() { woken <- struct{}{} }) }()
		deadline := time.After(10 * time.Second)
		for {
			claims, err := s.Claim(ctx, second.ID, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(claims) == 1 {
				break
			}
			select {
			case <-woken:
			case <-deadline:
				t.Fatal("the work of a dead replica was not taken over")
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// killBackends ends the server side of the connection that holds a lock.
func killBackends(t *testing.T, s *Store, number int64) {
	t.Helper()
	_, err := s.read.Exec("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1", number)
	if err != nil {
		t.Fatal(err)
	}
}
