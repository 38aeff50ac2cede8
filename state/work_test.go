package state

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"baryon/state/pgtest"
)

const hour = time.Hour

// A clock is a time that tests set.
type clock struct{ us atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.us.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.us.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.us.Add(d.Microseconds()) }

// stopped gives a store a clock that moves only when the test moves it.
func stopped(s *Store) *clock {
	c := newClock()
	s.now = c.now
	return c
}

// claimOne claims the one thing that is due.
func claimOne(t *testing.T, s *Store, owner string) Claim {
	t.Helper()
	claims, err := s.Claim(context.Background(), owner, 10)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%s claims %v, err %v, want one claim", owner, claims, err)
	}
	return claims[0]
}

func wantNoClaim(t *testing.T, s *Store, owner, situation string) {
	t.Helper()
	claims, err := s.Claim(context.Background(), owner, 10)
	if err != nil || len(claims) != 0 {
		t.Fatalf("%s: %s claims %v, err %v, want nothing", situation, owner, claims, err)
	}
}

func finish(t *testing.T, s *Store, f Finish) {
	t.Helper()
	if err := s.Finish(context.Background(), []Finish{f}); err != nil {
		t.Fatal(err)
	}
}

func TestKeptWorkStaysWithItsOwner(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		ref := EnvironmentRef("prod")
		if err := s.Wake(ctx, ref); err != nil {
			t.Fatal(err)
		}
		finish(t, s, Finish{Claim: claimOne(t, s, "a"), Due: c.now(), Keep: "a"})
		wantNoClaim(t, s, "b", "kept by a and due")
		if err := s.Wake(ctx, ref); err != nil {
			t.Fatal(err)
		}
		wantNoClaim(t, s, "b", "kept by a and woken")
		claim := claimOne(t, s, "a")
		finish(t, s, Finish{Claim: claim, Due: c.now()})
		claimOne(t, s, "b") // given back for any owner
	})
}

func TestJoinReleasesWorkOfTheDead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		first, err := s.Join(ctx, "one")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Wake(ctx, EnvironmentRef("prod")); err != nil {
			t.Fatal(err)
		}
		finish(t, s, Finish{Claim: claimOne(t, s, first.ID), Due: time.Now().Add(hour), Keep: first.ID})
		if first.conn != nil { // a killed process: its connection goes, its row stays
			if err := first.conn.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
		second, err := s.Join(ctx, "two")
		if err != nil {
			t.Fatal(err)
		}
		if second.conn != nil {
			defer second.leave()
			deadline := time.Now().Add(10 * time.Second)
			for { // the server notices a closed connection in its own time
				if err := second.scan(ctx, func() {}); err != nil {
					t.Fatal(err)
				}
				others, err := s.queries().Replicas(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if len(others) == 1 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the dead replica is still there: %v", others)
				}
			}
		}
		if claim := claimOne(t, s, second.ID); claim.Ref != EnvironmentRef("prod") {
			t.Errorf("took over %v", claim.Ref)
		}
	})
}

func TestOldestIsClaimedFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		var want []Ref
		for i := range 6 { // against the order of names
			ref := EnvironmentRef(fmt.Sprintf("e%d", 9-i))
			want = append(want, ref)
			if err := s.Wake(ctx, ref); err != nil {
				t.Fatal(err)
			}
			c.advance(time.Second)
		}
		var got []Ref
		for range 3 {
			claims, err := s.Claim(ctx, "a", 2)
			if err != nil || len(claims) != 2 {
				t.Fatalf("claims %v, err %v, want two", claims, err)
			}
			batch := []Ref{claims[0].Ref, claims[1].Ref}
			if batch[0].Name < batch[1].Name { // a batch is a set; the batches are in order
				batch[0], batch[1] = batch[1], batch[0]
			}
			got = append(got, batch...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order of claims (-want +got):\n%s", diff)
		}
	})
}

func TestNextDue(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		wantNext := func(situation string, want time.Time) {
			t.Helper()
			if got, err := s.NextDue(ctx); err != nil || !got.Equal(want) {
				t.Errorf("%s: NextDue() = %v, err %v, want %v", situation, got, err, want)
			}
		}
		wantNext("nothing was ever woken", time.Time{})
		prod, test := EnvironmentRef("prod"), EnvironmentRef("test")
		if err := s.Wake(ctx, prod, test); err != nil {
			t.Fatal(err)
		}
		wantNext("two are due", c.now())
		claims, err := s.Claim(ctx, "a", 10)
		if err != nil || len(claims) != 2 {
			t.Fatalf("claims %v, err %v, want two", claims, err)
		}
		wantNext("all is being worked on", time.Time{})
		for _, claim := range claims {
			due := map[Ref]time.Duration{prod: 2 * hour, test: hour}[claim.Ref]
			finish(t, s, Finish{Claim: claim, Due: c.now().Add(due), Failures: 3})
		}
		wantNext("both are due later", c.now().Add(hour))
		if due, err := s.Due(ctx, prod); err != nil || !due.Equal(c.now().Add(2*hour)) {
			t.Errorf("Due(prod) = %v, err %v, want in two hours", due, err)
		}
		wantMissing(t, "work for environment/none", func() error { _, err := s.Due(ctx, EnvironmentRef("none")); return err })
		wantNoClaim(t, s, "a", "an hour early")
		c.advance(hour)
		if claim := claimOne(t, s, "a"); claim.Ref != test || claim.Failures != 3 {
			t.Errorf("after an hour: %+v, want environment/test with 3 failures", claim)
		}
	})
}

func TestLostClaimFinishesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		ref := EnvironmentRef("prod")
		if err := s.Wake(ctx, ref); err != nil {
			t.Fatal(err)
		}
		old := claimOne(t, s, "a")
		update(t, s, func(tx *Tx) error { _, err := tx.q.ReleaseAll(ctx, tx.now); return err })
		now := claimOne(t, s, "b")
		finish(t, s, Finish{Claim: old, Due: c.now()})
		wantNoClaim(t, s, "c", "the new claim is in force")
		if err := s.Update(ctx, old.Fence(), func(*Tx) error { t.Error("ran with a lost claim"); return nil }); !errors.Is(err, ErrLost) {
			t.Errorf("err = %v, want ErrLost", err)
		}
		if err := s.Update(ctx, now.Fence(), func(*Tx) error { return nil }); err != nil {
			t.Errorf("a write with the new claim: %v", err)
		}
	})
}

func TestWakeIsSeenByWaiters(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		changed := s.Changed()
		select {
		case <-changed:
			t.Fatal("told of a change before there was one")
		default:
		}
		if err := s.Wake(context.Background(), EnvironmentRef("prod")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Fatal("not told of a change")
		}
		wantErr := errors.New("no")
		changed = s.Changed()
		if err := s.Update(context.Background(), Fence{}, func(*Tx) error { return wantErr }); !errors.Is(err, wantErr) {
			t.Fatalf("err = %v, want what the function said", err)
		}
		select {
		case <-changed:
			t.Error("told of a change that was rolled back")
		default:
		}
	})
}

// TestDeadlock lets two transactions wait for each other: both come through.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	s := open(t, pgtest.Start(t))
	a, b := EnvironmentRef("a"), EnvironmentRef("b")
	putTargets(t, s, Target{Ref: a}, Target{Ref: b})
	var first sync.WaitGroup // both hold one before they want the other
	first.Add(2)
	var g errgroup.Group
	for _, order := range [][]Ref{{a, b}, {b, a}} {
		meet := sync.OnceFunc(func() { first.Done(); first.Wait() })
		g.Go(func() error {
			return s.Update(t.Context(), Fence{}, func(tx *Tx) error {
				for _, ref := range order {
					if err := tx.Change(ref, func(t *Target) error { t.Generation++; return nil }); err != nil {
						return err
					}
					meet()
				}
				return nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []Ref{a, b} {
		if got, err := s.Target(t.Context(), ref); err != nil || got.Generation != 2 {
			t.Errorf("%s is at generation %d, want 2; %v", ref, got.Generation, err)
		}
	}
}
