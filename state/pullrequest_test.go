package state

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPullRequest(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		ref := EnvironmentRef("prod")
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.PutTarget(Target{Ref: ref, Generation: 1, Status: Succeeded, LastAttempted: "d1", Deployed: Deployed{Deployment: "d1", Generation: 1}}),
				tx.PutService(Service{Name: "shop", Status: ServiceActive}))
		})
		shown := func(want Status, text string) {
			t.Helper()
			x, err := s.Target(ctx, ref)
			if err != nil {
				t.Fatal(err)
			}
			if status, why := x.Shown(); status != want || why != text {
				t.Errorf("it shows %s %q, want %s %q", status, why, want, text)
			}
		}
		p := PullRequest{ID: NewID(), Repository: "main", Ref: ref, Branch: "baryon/x", Changes: []json.RawMessage{json.RawMessage(`{"a":1}`)}}
		update(t, s, func(tx *Tx) error { return tx.AddPullRequest(p) })
		shown(InProgress, "waits for its pull request to be opened")
		var clash *ConflictError
		if err := s.Update(ctx, Fence{}, func(tx *Tx) error {
			return tx.AddPullRequest(PullRequest{ID: NewID(), Repository: "main", Ref: ref})
		}); !errors.As(err, &clash) {
			t.Errorf("a second one: %v", err)
		}
		update(t, s, func(tx *Tx) error {
			now, err := tx.PullRequest(p.ID)
			now.Pushed, now.Number, now.URL = 1, 7, "https://x/pull/7"
			return errors.Join(err, tx.SavePullRequest(now))
		})
		shown(InProgress, "waits for pull request https://x/pull/7 to be merged")
		open, err := s.OpenPullRequests(ctx, "main")
		if err != nil || len(open) != 1 || open[0].Number != 7 || string(open[0].Changes[0]) != `{"a":1}` {
			t.Fatalf("open are %+v, %v", open, err)
		}

		// Closed, it is told until something else happens.
		closed := open[0]
		closed.Status, closed.Why = PullClosed, "closed by ada"
		update(t, s, func(tx *Tx) error { return tx.SavePullRequest(closed) })
		shown(Failed, "closed by ada")
		if err := s.Update(ctx, Fence{}, func(tx *Tx) error { return tx.SavePullRequest(closed) }); !errors.As(err, &clash) {
			t.Errorf("what is closed was closed: %v", err)
		}
		update(t, s, func(tx *Tx) error {
			return tx.Change(ref, func(x *Target) error { x.LastAttempted = "d2"; return nil })
		})
		shown(Succeeded, "")

		// One that was merged says no more; what follows is a deployment.
		second := PullRequest{ID: NewID(), Repository: "main", Ref: ref, Branch: "baryon/y", Alone: true, Gone: true}
		update(t, s, func(tx *Tx) error { return tx.AddPullRequest(second) })
		if x, _ := s.Target(ctx, ref); x.Asked.Pull == nil || x.Asked.Pull.ID != second.ID {
			t.Errorf("it knows of %+v", x.Asked.Pull)
		}
		shown(DeleteInProgress, "waits for branch baryon/y to be merged")
		update(t, s, func(tx *Tx) error {
			second.Status = PullMerged
			return tx.SavePullRequest(second)
		})
		shown(Succeeded, "")
		third := PullRequest{ID: NewID(), Repository: "main", Ref: ServiceRef("shop"), Changes: []json.RawMessage{json.RawMessage(`1`)}}
		update(t, s, func(tx *Tx) error { return tx.AddPullRequest(third) })
		service := func(want ServiceStatus) {
			t.Helper()
			v, err := s.Service(ctx, "shop")
			if status, _ := v.Shown(); err != nil || status != want {
				t.Errorf("the service shows %s, want %s, %v", status, want, err)
			}
		}
		service(ServiceUpdateInProgress)
		third.Status, third.Why = PullClosed, "no"
		update(t, s, func(tx *Tx) error { return tx.SavePullRequest(third) })
		service(ServiceUpdateFailed)
		update(t, s, func(tx *Tx) error { return tx.PutService(Service{Name: "shop", Status: ServiceUpdateInProgress}) })
		service(ServiceUpdateInProgress)

		// One that never came to be leaves nothing behind.
		fourth := PullRequest{ID: NewID(), Repository: "main", Ref: ref}
		update(t, s, func(tx *Tx) error { return tx.AddPullRequest(fourth) })
		update(t, s, func(tx *Tx) error { return tx.DropPullRequest(fourth) })
		shown(Succeeded, "")
		all, err := s.PullRequests(ctx, true, 10)
		var ids []string
		for _, p := range all {
			ids = append(ids, p.ID)
		}
		if diff := cmp.Diff([]string{third.ID, second.ID, p.ID}, ids); err != nil || diff != "" {
			t.Errorf("pull requests %v\n%s", err, diff)
		}
		if left, err := s.PullRequests(ctx, false, 10); err != nil || len(left) != 0 {
			t.Errorf("open are still %+v, %v", left, err)
		}
		if last, err := s.LastPullRequest(ctx, ref); err != nil || last.ID != second.ID || last.Status != PullMerged || last.ClosedAt.IsZero() {
			t.Errorf("the last one is %+v, %v", last, err)
		}

		var told []string
		events, err := s.Events(ctx, ref.String(), nil, 100)
		for _, e := range slices.Backward(events) {
			told = append(told, e.Status)
		}
		want := []string{"SUCCEEDED", "IN_PROGRESS", "FAILED", "SUCCEEDED", "DELETE_IN_PROGRESS", "SUCCEEDED", "IN_PROGRESS", "SUCCEEDED"}
		if diff := cmp.Diff(want, told); err != nil || diff != "" {
			t.Errorf("events %v\n%s", err, diff)
		}
	})
}
