package state

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func putTargets(t *testing.T, s *Store, targets ...Target) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		for _, target := range targets {
			if err := errors.Join(tx.PutTarget(target), tx.SetNeeds(target.Ref, target.Needs)); err != nil {
				return err
			}
		}
		return nil
	})
}

func refsOf(targets []Target) []Ref {
	refs := make([]Ref, 0, len(targets))
	for _, t := range targets {
		refs = append(refs, t.Ref)
	}
	return refs
}

func TestTargetIsReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		want := Target{
			Ref: InstanceRef("shop", "eu"), Generation: 7,
			Desired: Desired{
				Template: "web", Follow: "1", Version: Version{1, 10}, Spec: "a: 1\n", Origin: Origin{Repository: "main", Path: "shop.yaml", Line: 4},
				Labels: map[string]string{"team": "x"}, Protected: true, Approval: true, Environment: "prod", Repository: Repository{ID: "o/n"},
			},
			Deployed: Deployed{
				Generation: 6, Version: Version{1, 9}, Input: "i", Output: "o", Outputs: map[string]string{"Url": "http://x"},
				Deployment: "d1", At: c.now(),
			},
			Needs: []Ref{ComponentRef("queue"), EnvironmentRef("prod")}, Status: Failed, Message: "exit status 1",
			Waiting: Waiting{Reason: WaitRetry, On: "d2", Why: "it failed", Next: "correct it", Since: c.now()},
			Asked:   Asked{Retry: Request{Generation: 7, By: "ada", Why: "again"}, Suspended: &Suspension{By: "bob", Why: "freeze", Until: c.now()}},
			Owner:   Owner{Repository: "main", Path: "shop.yaml"}, LastAttempted: "d2", LastSucceeded: "d1",
			CreatedAt: c.now(), ModifiedAt: c.now(),
		}
		putTargets(t, s, want)
		got, err := s.Target(ctx, want.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("as written (-want +got):\n%s", diff)
		}
		c.advance(time.Minute)
		update(t, s, func(tx *Tx) error {
			return tx.Change(want.Ref, func(t *Target) error { t.Message = "changed"; return nil })
		})
		want.Message, want.ModifiedAt = "changed", c.now()
		if got, err = s.Target(ctx, want.Ref); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after Change (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]Ref{want.Ref}, dueNow(t, s)); diff != "" {
			t.Errorf("woken by Change (-want +got):\n%s", diff)
		}
		wantMissing(t, "environment/none", func() error { _, err := s.Target(ctx, EnvironmentRef("none")); return err })
	})
}

func TestChangeThatFailsWritesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		ref := EnvironmentRef("prod")
		putTargets(t, s, Target{Ref: ref, Generation: 1})
		wantErr := errors.New("no")
		err := s.Update(ctx, Fence{}, func(tx *Tx) error {
			return tx.Change(ref, func(t *Target) error { t.Message = "half"; return wantErr })
		})
		if got, readErr := s.Target(ctx, ref); !errors.Is(err, wantErr) || readErr != nil || got.Message != "" {
			t.Errorf("err = %v, message %q, %v", err, got.Message, readErr)
		}
		if refs := dueNow(t, s); len(refs) != 0 {
			t.Errorf("woken although nothing changed: %v", refs)
		}
		wantMissing(t, "environment/none", func() error {
			return s.Update(ctx, Fence{}, func(tx *Tx) error {
				return tx.Change(EnvironmentRef("none"), func(*Target) error { t.Error("changed nothing"); return nil })
			})
		})
	})
}

func TestNeedsAndDependents(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		prod, queue, eu, us := EnvironmentRef("prod"), ComponentRef("queue"), InstanceRef("shop", "eu"), InstanceRef("shop", "us")
		putTargets(t, s,
			Target{Ref: prod, Generation: 1}, Target{Ref: queue, Generation: 1},
			Target{Ref: eu, Generation: 1, Needs: []Ref{prod}}, Target{Ref: us, Generation: 1, Needs: []Ref{prod, queue}})
		for range 2 { // needing something twice is needing it once
			update(t, s, func(tx *Tx) error { return tx.AddNeed(eu, queue) })
		}
		if diff := cmp.Diff([]Ref{eu}, dueNow(t, s)); diff != "" {
			t.Errorf("woken by AddNeed (-want +got):\n%s", diff)
		}
		check := func(situation string, of Ref, want ...Ref) {
			t.Helper()
			got, err := s.Dependents(ctx, of)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: dependents of %s (-want +got):\n%s", situation, of, diff)
			}
		}
		check("at first", prod, eu, us)
		check("at first", queue, eu, us)
		update(t, s, func(tx *Tx) error { return tx.SetNeeds(us, []Ref{queue}) })
		check("after SetNeeds", prod, eu)
		update(t, s, func(tx *Tx) error { return tx.WakeDependents(queue) })
		if diff := cmp.Diff([]Ref{eu, us}, dueNow(t, s), inAnyOrder); diff != "" {
			t.Errorf("woken by WakeDependents (-want +got):\n%s", diff)
		}
	})
}

func TestRemoveTargetWakesWhatItTouches(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		prod, queue, eu := EnvironmentRef("prod"), ComponentRef("queue"), InstanceRef("shop", "eu")
		putTargets(t, s,
			Target{Ref: prod, Generation: 1},
			Target{Ref: eu, Generation: 1, Needs: []Ref{prod}},
			Target{Ref: queue, Generation: 1, Needs: []Ref{eu}})
		d := Deployment{ID: NewID(), Ref: eu, Action: Delete, Status: DeleteComplete, Generation: 1}
		update(t, s, func(tx *Tx) error { return errors.Join(tx.AddDeployment(d), tx.Wake(eu)) })
		update(t, s, func(tx *Tx) error {
			target, err := tx.Target(eu)
			if err != nil {
				return err
			}
			return tx.RemoveTarget(target)
		})
		if diff := cmp.Diff([]Ref{prod, queue, ServiceRef("shop")}, dueNow(t, s), inAnyOrder); diff != "" {
			t.Errorf("due afterwards: need, dependent and service (-want +got):\n%s", diff)
		}
		wantMissing(t, eu.String(), func() error { _, err := s.Target(ctx, eu); return err })
		if left, err := s.Dependents(ctx, prod); err != nil || len(left) != 0 {
			t.Errorf("prod is still needed by %v, err %v", left, err)
		}
		if history, err := s.Deployments(ctx, eu, nil, 10); err != nil || len(history) != 1 {
			t.Errorf("history %v, err %v, want to keep it", history, err)
		}
	})
}

func TestTargetsByFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		prod, test := EnvironmentRef("prod"), EnvironmentRef("test")
		eu, us, pipe := InstanceRef("shop", "eu"), InstanceRef("shop", "us"), PipelineRef("shop")
		main := Owner{Repository: "main", Path: "a.yaml"}
		for _, target := range []Target{ // the pipeline is the oldest of its service
			{Ref: pipe, Desired: Desired{Template: "web"}, Status: Failed, Owner: main},
			{Ref: us, Desired: Desired{Template: "web", Environment: "prod"}, Status: Succeeded, Owner: main},
			{Ref: eu, Desired: Desired{Template: "web", Environment: "test"}, Status: Failed},
			{Ref: prod, Desired: Desired{Template: "net"}, Status: Succeeded, Owner: main},
			{Ref: test, Desired: Desired{Template: "net"}},
			{Ref: InstanceRef("other", "eu"), Desired: Desired{Template: "web", Environment: "prod"}, Status: Succeeded},
			{Ref: ComponentRef("queue"), Desired: Desired{Environment: "prod", Service: "shop", Instance: "us"}},
		} {
			target.Generation = 1
			putTargets(t, s, target)
			c.advance(time.Second)
		}
		for name, tt := range map[string]struct {
			filter Filter
			want   []Ref
		}{
			"all":                      {Filter{}, []Ref{ComponentRef("queue"), prod, test, InstanceRef("other", "eu"), pipe, eu, us}},
			"a kind":                   {Filter{Kind: KindEnvironment}, []Ref{prod, test}},
			"a service":                {Filter{Service: "shop"}, []Ref{pipe, eu, us}},
			"an environment":           {Filter{Environment: "prod"}, []Ref{ComponentRef("queue"), InstanceRef("other", "eu"), us}},
			"a template and a status":  {Filter{Template: "web", Status: Failed}, []Ref{pipe, eu}},
			"kind and environment":     {Filter{Kind: KindInstance, Environment: "prod"}, []Ref{InstanceRef("other", "eu"), us}},
			"nothing like it":          {Filter{Kind: KindPipeline, Status: Succeeded}, nil},
			"after one":                {Filter{Kind: KindEnvironment, After: "environment/prod"}, []Ref{test}},
			"after one that is gone":   {Filter{Kind: KindEnvironment, After: "environment/q"}, []Ref{test}},
			"no more than so many":     {Filter{Limit: 2}, []Ref{ComponentRef("queue"), prod}},
			"a page in the middle":     {Filter{After: "environment/prod", Limit: 2}, []Ref{test, InstanceRef("other", "eu")}},
			"after the last":           {Filter{After: us.String()}, nil},
			"a name that looks like %": {Filter{Template: "%"}, nil},
		} {
			got, err := s.Targets(ctx, tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, refsOf(got), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		ofService, err := s.TargetsOfService(ctx, "shop")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Ref{pipe, us, eu}, refsOf(ofService)); diff != "" {
			t.Errorf("targets of the service, oldest first (-want +got):\n%s", diff)
		}
		ofOwner, err := s.TargetsOfOwner(ctx, "main")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Ref{prod, pipe, us}, refsOf(ofOwner)); diff != "" {
			t.Errorf("targets of the repository (-want +got):\n%s", diff)
		}
		counts, err := s.CountTargets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want := []Count{
			{KindComponent, "", 1},
			{KindEnvironment, "", 1},
			{KindEnvironment, Succeeded, 1},
			{KindPipeline, Failed, 1},
			{KindInstance, Failed, 1},
			{KindInstance, Succeeded, 2},
		}
		less := cmpopts.SortSlices(func(a, b Count) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
		if diff := cmp.Diff(want, counts, less); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
	})
}

func TestPagesGiveEveryTargetOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		const all, page = 23, 5
		want := make([]Ref, 0, all)
		update(t, s, func(tx *Tx) error {
			for i := range all {
				ref := EnvironmentRef(fmt.Sprintf("e%02d", i))
				want = append(want, ref)
				if err := tx.PutTarget(Target{Ref: ref, Generation: 1}); err != nil {
					return err
				}
			}
			return nil
		})
		var got []Ref
		f := Filter{Limit: page}
		for {
			targets, err := s.Targets(context.Background(), f)
			if err != nil {
				t.Fatal(err)
			}
			if len(targets) == 0 {
				break
			}
			got = append(got, refsOf(targets)...)
			f.After = got[len(got)-1].String()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", page, diff)
		}
	})
}

func TestCountDeletions(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		begin := func(name string, action Action, status Status) {
			d := Deployment{ID: NewID(), Ref: EnvironmentRef(name), Action: action, Status: status, Generation: 1, Unasked: name != "asked"}
			update(t, s, func(tx *Tx) error { return tx.AddDeployment(d) })
		}
		begin("old", Delete, DeleteComplete)
		c.advance(24 * hour)
		since := c.now()
		begin("edge", Delete, DeleteFailed)
		c.advance(time.Minute)
		begin("open", Delete, DeleteInProgress)
		begin("made", Create, InProgress)
		begin("asked", Delete, DeleteInProgress)
		if n, err := s.CountDeletions(ctx, since, EnvironmentRef("edge")); err != nil || n != 1 {
			t.Errorf("deletions besides that of edge: %d, err %v, want 1", n, err)
		}
		if n, err := s.CountDeletions(ctx, since, Ref{}); err != nil || n != 2 {
			t.Errorf("deletions since a day: %d, err %v, want 2", n, err)
		}
		if n, err := s.CountDeletions(ctx, since.Add(time.Microsecond), Ref{}); err != nil || n != 1 {
			t.Errorf("deletions after that moment: %d, err %v, want 1", n, err)
		}
		if open, err := s.OpenDeployments(ctx); err != nil || len(open) != 1 || open[0].Deployments != 3 {
			t.Errorf("deployments under way: %v, err %v, want 3", open, err)
		}
	})
}
