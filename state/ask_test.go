package state

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVerbsOfPeople(t *testing.T) {
	ref := EnvironmentRef("prod")
	until := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	waiting := func(reason WaitReason, generation int64) func(*Target) {
		return func(t *Target) { t.Waiting = Waiting{Reason: reason, Generation: generation} }
	}
	of := func(generation int64) Request {
		return Request{Generation: generation, By: "ada", Why: "because"}
	}
	bobs := Request{Generation: 4, By: "bob"}
	retry := func(s *Store, ctx context.Context) error { return s.Retry(ctx, "ada", ref, "because") }
	redeploy := func(s *Store, ctx context.Context) error { return s.Redeploy(ctx, "ada", ref, "because") }
	approve := func(s *Store, ctx context.Context) error { return s.Approve(ctx, "ada", ref, "because") }
	reject := func(s *Store, ctx context.Context) error { return s.Reject(ctx, "ada", ref, "because") }
	suspend := func(s *Store, ctx context.Context) error { return s.Suspend(ctx, "ada", ref, "because", until) }
	resume := func(s *Store, ctx context.Context) error { return s.Resume(ctx, "ada", ref, "because") }
	cancel := func(s *Store, ctx context.Context) error { return s.Cancel(ctx, "ada", ref, "because") }
	abandon := func(s *Store, ctx context.Context) error { return s.Abandon(ctx, "ada", ref, "because") }
	retain := func(s *Store, ctx context.Context) error { return s.Retain(ctx, "ada", ref, "because") }
	force := func(s *Store, ctx context.Context) error { return s.ForceDelete(ctx, "ada", ref, "because") }
	forceMutely := func(s *Store, ctx context.Context) error { return s.ForceDelete(ctx, "ada", ref, "") }
	undeletable := func(t *Target) { t.Desired.Deleted, t.Status = true, DeleteFailed }
	skip := func(s *Store, ctx context.Context) error {
		return s.Skip(ctx, "ada", ref, "because", []string{"A", "B"})
	}
	anew := func(s *Store, ctx context.Context) error { return s.Force(ctx, "ada", ref, "because", nil) }
	anewMutely := func(s *Store, ctx context.Context) error { return s.Force(ctx, "ada", ref, "", nil) }
	failing := func(t *Target) { t.Status = Failed }
	remove := func(s *Store, ctx context.Context) error { return s.Delete(ctx, "ada", ref, "because") }
	tests := []struct {
		name  string
		given func(*Target) // a target at generation 4, owned by a repository
		open  Action        // a deployment under way
		do    func(*Store, context.Context) error
		verb  string        // of the audit entry; empty when the verb is refused
		want  func(*Target) // what changed
	}{
		{"retry names the generation", nil, "", retry, "retry", func(t *Target) { t.Asked.Retry = of(4) }},
		{"retry leaves the name of who approved", func(t *Target) { t.Asked.Approved = bobs }, "", retry, "retry", func(t *Target) { t.Asked.Retry = of(4) }},
		{"redeploy names the generation", nil, "", redeploy, "redeploy", func(t *Target) { t.Asked.Redeploy = of(4) }},

		{"approve what waits for an approval", waiting(WaitApproval, 4), "", approve, "approve", func(t *Target) { t.Asked.Approved = of(4) }},
		{"approve a guarded deletion", waiting(WaitGuard, 4), "", approve, "approve", func(t *Target) { t.Asked.Approved = of(4) }},
		{"approve after a rejection", func(t *Target) { waiting(WaitApproval, 4)(t); t.Asked.Rejected = bobs }, "", approve, "approve",
			func(t *Target) { t.Asked.Approved, t.Asked.Rejected = of(4), Request{} }},
		{"approve when nothing waits", nil, "", approve, "", nil},
		{"approve what waits for something else", waiting(WaitRetry, 0), "", approve, "", nil},
		{"approve what changed since it waits", waiting(WaitApproval, 3), "", approve, "", nil},
		{"approve a deletion of an older generation", waiting(WaitGuard, 3), "", approve, "", nil},

		{"approve a deletion before its turn", func(t *Target) { waiting(WaitChild, 0)(t); t.Desired.Deleted = true }, "", approve, "approve", func(t *Target) { t.Asked.Approved = of(4) }},
		{"skip resources of what failed", failing, "", skip, "skip", func(t *Target) { t.Asked.Retry = of(4); t.Asked.Retry.Leave = "A,B" }},
		{"skip resources of a failed deletion", undeletable, "", skip, "skip", func(t *Target) { t.Asked.Retry = of(4); t.Asked.Retry.Leave = "A,B" }},
		{"skip what did not fail", nil, "", skip, "", nil},
		{"make anew what failed", failing, "", anew, "force", func(t *Target) { t.Asked.Retry = of(4); t.Asked.Retry.Anew = true }},
		{"make anew without a reason", failing, "", anewMutely, "", nil},
		{"make anew what did not fail", nil, "", anew, "", nil},
		{"force what cannot be deleted", undeletable, "", force, "force-delete", func(t *Target) { t.Asked.Force = of(4) }},
		{"force without a reason", undeletable, "", forceMutely, "", nil},
		{"force what was not tried", func(t *Target) { t.Desired.Deleted = true }, "", force, "", nil},
		{"force what is wanted", func(t *Target) { t.Status = DeleteFailed }, "", force, "", nil},

		{"reject what waits for an approval", waiting(WaitApproval, 4), "", reject, "reject", func(t *Target) { t.Asked.Rejected = of(4) }},
		{"reject after an approval", func(t *Target) { waiting(WaitGuard, 4)(t); t.Asked.Approved = bobs }, "", reject, "reject",
			func(t *Target) { t.Asked.Approved, t.Asked.Rejected = Request{}, of(4) }},
		{"reject when nothing waits", nil, "", reject, "", nil},
		{"reject what changed since it waits", waiting(WaitGuard, 3), "", reject, "", nil},

		{"suspend until a time", nil, "", suspend, "suspend",
			func(t *Target) { t.Asked.Suspended = &Suspension{By: "ada", Why: "because", Until: until} }},
		{"suspend what another suspended", func(t *Target) { t.Asked.Suspended = &Suspension{By: "bob"} }, "", suspend, "suspend",
			func(t *Target) { t.Asked.Suspended = &Suspension{By: "ada", Why: "because", Until: until} }},
		{"resume", func(t *Target) { t.Asked.Suspended = &Suspension{By: "bob"} }, "", resume, "resume", func(t *Target) { t.Asked.Suspended = nil }},
		{"resume what is not suspended", nil, "", resume, "", nil},

		{"cancel what is under way", nil, Update, cancel, "cancel", func(t *Target) { t.Asked.Cancel = Request{Deployment: "open", By: "ada", Why: "because"} }},
		{"cancel when nothing is under way", nil, "", cancel, "", nil},
		{"cancel a deletion", nil, Delete, cancel, "", nil},
		{"abandon what is under way", nil, Update, abandon, "abandon", func(t *Target) { t.Asked.Abandon = Request{Deployment: "open", By: "ada", Why: "because"} }},
		{"abandon a deletion", nil, Delete, abandon, "abandon", func(t *Target) { t.Asked.Abandon = Request{Deployment: "open", By: "ada", Why: "because"} }},
		{"abandon when nothing is under way", nil, "", abandon, "", nil},

		{"retain what is being deleted", func(t *Target) { t.Desired.Deleted = true }, "", retain, "retain", func(t *Target) { t.Asked.Retain = of(4) }},
		{"retain what is wanted", nil, "", retain, "", nil},

		{"delete what a repository declares", nil, "", remove, "", nil},
		{"delete what the API declared", func(t *Target) { t.Owner = Owner{} }, "", remove, "delete",
			func(t *Target) { t.Desired.Deleted, t.Generation, t.Asked.Approved = true, 5, of(5) }},
		{"delete what nothing declares any more", func(t *Target) { t.Desired.Orphaned = "its repository is gone" }, "", remove, "delete",
			func(t *Target) {
				t.Desired.Deleted, t.Desired.Orphaned, t.Generation, t.Asked.Approved = true, "", 5, of(5)
			}},
		{"delete what waits to be deleted", func(t *Target) { t.Desired.Deleted = true }, "", remove, "delete",
			func(t *Target) { t.Generation, t.Asked.Approved = 5, of(5) }},
	}
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		stopped(s)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				// Each case replaces the target, so a case never sees another.
				if _, err := s.write.ExecContext(ctx, "DELETE FROM deployment"); err != nil {
					t.Fatal(err)
				}
				before := Target{Ref: ref, Generation: 4, Owner: Owner{Repository: "main", Path: "prod.yaml"}}
				if tt.given != nil {
					tt.given(&before)
				}
				putTargets(t, s, before)
				if tt.open != "" {
					status := map[Action]Status{Update: InProgress, Delete: DeleteInProgress}[tt.open]
					d := Deployment{ID: "open", Ref: ref, Action: tt.open, Status: status, Generation: 4}
					update(t, s, func(tx *Tx) error { return tx.AddDeployment(d) })
				}
				dueNow(t, s)
				audited, err := s.Audit(ctx, "", "", 100)
				if err != nil {
					t.Fatal(err)
				}
				want, err := s.Target(ctx, ref)
				if err != nil {
					t.Fatal(err)
				}
				err = tt.do(s, ctx)
				after, auditErr := s.Audit(ctx, "", "", 100)
				if auditErr != nil {
					t.Fatal(auditErr)
				}
				got, readErr := s.Target(ctx, ref)
				if readErr != nil {
					t.Fatal(readErr)
				}
				due := dueNow(t, s)
				if tt.verb == "" {
					wantConflict(t, tt.name, err)
					if len(after) != len(audited) || len(due) != 0 {
						t.Errorf("a refused verb left audit entries %v and woke %v", after[:len(after)-len(audited)], due)
					}
				} else {
					tt.want(&want)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff([]Ref{ref}, due); diff != "" {
						t.Errorf("woken (-want +got):\n%s", diff)
					}
					why := "because"
					if leave := got.Asked.Retry.Leave; leave != "" {
						why = leave + ": " + why
					}
					entry := AuditEntry{ID: after[0].ID, At: s.now(), Actor: "ada", Verb: tt.verb, Ref: ref.String(), Detail: []byte(`{"why":"` + why + `"}`)}
					if diff := cmp.Diff([]AuditEntry{entry}, after[:len(after)-len(audited)]); diff != "" {
						t.Errorf("audit (-want +got):\n%s", diff)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("target (-want +got):\n%s", diff)
				}
			})
		}
	})
}

func TestVerbsOfPeopleOnNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		none := EnvironmentRef("none")
		for name, do := range map[string]func(context.Context, Actor, Ref, string) error{
			"retry": s.Retry, "redeploy": s.Redeploy, "approve": func(ctx context.Context, a Actor, ref Ref, why string) error { return s.Approve(ctx, a, ref, why) }, "reject": s.Reject, "resume": s.Resume,
			"cancel": s.Cancel, "abandon": s.Abandon, "retain": s.Retain, "delete": s.Delete,
		} {
			t.Run(name, func(t *testing.T) {
				wantMissing(t, "environment/none", func() error { return do(ctx, "ada", none, "") })
			})
		}
		if entries, err := s.Audit(ctx, "", "", 10); err != nil || len(entries) != 0 {
			t.Errorf("audit %v, err %v, want nothing", entries, err)
		}
	})
}

func TestVerbWithoutReasonHasNoDetail(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ref := EnvironmentRef("prod")
		putTargets(t, s, Target{Ref: ref, Generation: 1})
		if err := s.Retry(context.Background(), "ada", ref, ""); err != nil {
			t.Fatal(err)
		}
		entries, err := s.Audit(context.Background(), ref.String(), "", 10)
		if err != nil || len(entries) != 1 || entries[0].Detail != nil {
			t.Errorf("audit %+v, err %v, want one entry without detail", entries, err)
		}
	})
}

func TestVerbsOfPeopleOnServices(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		update(t, s, func(tx *Tx) error {
			for name, w := range map[string]WaitReason{"eu": WaitGuard, "us": WaitRetry, "ap": WaitGuard} {
				if err := tx.PutTarget(Target{Ref: InstanceRef("shop", name), Generation: 2, Waiting: Waiting{Reason: w, Generation: 2}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err := s.Approve(ctx, "ada", ServiceRef("shop"), "unused"); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]int64{"eu": 2, "us": 0, "ap": 2} {
			got, err := s.Target(ctx, InstanceRef("shop", name))
			if err != nil || got.Asked.Approved.Generation != want {
				t.Errorf("%s: approved %d, err %v, want %d", name, got.Asked.Approved.Generation, err, want)
			}
		}
		var conflict *ConflictError
		if err := s.Retain(ctx, "ada", ServiceRef("shop"), ""); !errors.As(err, &conflict) {
			t.Errorf("retain of what is wanted: %v, want a conflict", err)
		}
		var missing *NotFoundError
		if err := s.Approve(ctx, "ada", ServiceRef("blog"), ""); !errors.As(err, &missing) {
			t.Errorf("approve of no service: %v, want that there is none", err)
		}
	})
}
