package state

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestInstances holds every order and filter, page by page, to what sorting and
// filtering all instances comes to.
func TestInstances(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		c := stopped(s)
		update(t, s, func(tx *Tx) error {
			for _, v := range []Version{{1, 0}, {1, 1}, {2, 0}} {
				if err := tx.PutTemplateVersion(TemplateVersion{Kind: KindService, Name: "web", Version: v, Status: Published}); err != nil {
					return err
				}
			}
			return nil
		})
		for i := range 24 {
			c.advance(time.Duration(i%3) * time.Second) // several are made at once
			target := Target{
				Ref: InstanceRef(fmt.Sprintf("svc%d", i%4), fmt.Sprintf("i%02d", (i*7)%24)), Generation: 1, Status: []Status{Succeeded, Failed, InProgress}[i%3],
				Desired: Desired{Template: []string{"web", "worker"}[i%2], Version: Version{[]int64{1, 1, 2}[i%3], int64(i % 2)}, Environment: fmt.Sprintf("env%d", i%5)},
				Message: "m" + fmt.Sprint(i),
			}
			if i%2 == 0 {
				target.LastAttempted = NewID()
			}
			if target.Status == Succeeded {
				target.LastSucceeded = target.LastAttempted
				target.Deployed = Deployed{Generation: 1, Version: target.Desired.Version, Deployment: "d", At: c.now()}
			}
			putTargets(t, s, target, Target{Ref: PipelineRef(target.Ref.Service)})
		}
		all, err := s.Instances(t.Context(), InstanceFilter{}, InstancePage{Limit: 100})
		if err != nil || len(all) != 24 {
			t.Fatalf("%d instances, %v", len(all), err)
		}
		middle := all[11]
		staleness := map[Instance]string{}
		for _, i := range all {
			staleness[i] = UpToDate
			switch v := i.Version; {
			case i.Template == "worker":
			case v.Major == 1:
				staleness[i] = BehindMajor
			}
		}
		filters := map[string]struct {
			filter InstanceFilter
			passes func(Instance) bool
		}{
			"all":              {InstanceFilter{}, func(Instance) bool { return true }},
			"service":          {InstanceFilter{Service: "svc1"}, func(i Instance) bool { return i.Ref.Service == "svc1" }},
			"no such service":  {InstanceFilter{Service: "svc"}, func(Instance) bool { return false }},
			"name":             {InstanceFilter{Name: "i07"}, func(i Instance) bool { return i.Ref.Name == "i07" }},
			"environment":      {InstanceFilter{Environment: "env2"}, func(i Instance) bool { return i.Environment == "env2" }},
			"template, status": {InstanceFilter{Template: "web", Status: Failed}, func(i Instance) bool { return i.Template == "web" && i.Status == Failed }},
			"created":          {InstanceFilter{CreatedAfter: middle.CreatedAt}, func(i Instance) bool { return i.CreatedAt.After(middle.CreatedAt) }},
			"created before":   {InstanceFilter{CreatedBefore: middle.CreatedAt}, func(i Instance) bool { return i.CreatedAt.Before(middle.CreatedAt) }},
			"attempted":        {InstanceFilter{AttemptedAfter: middle.AttemptedAt}, func(i Instance) bool { return i.AttemptedAt.After(middle.AttemptedAt) }},
			"attempted before": {InstanceFilter{AttemptedBefore: middle.AttemptedAt}, func(i Instance) bool { return i.AttemptedAt.Before(middle.AttemptedAt) }},
			"up to date":       {InstanceFilter{Staleness: UpToDate}, func(i Instance) bool { return staleness[i] == UpToDate }},
			"behind":           {InstanceFilter{Staleness: BehindMajor}, func(i Instance) bool { return staleness[i] == BehindMajor }},
		}
		for _, by := range []InstanceMember{ByService, ByName, ByStatus, ByTemplate, ByEnvironment, ByCreated, ByAttempted} {
			for _, descending := range []bool{false, true} {
				for name, f := range filters {
					want := ordered(all, by, descending, f.passes)
					got := inPages(t, s, f.filter, InstancePage{By: by, Descending: descending, Limit: 5})
					if diff := gocmp.Diff(want, got); diff != "" {
						t.Errorf("%s by %q, descending %v (-want +got):\n%s", name, by, descending, diff)
					}
				}
			}
		}
	})
}

func ordered(all []Instance, by InstanceMember, descending bool, passes func(Instance) bool) []Instance {
	var out []Instance
	for _, i := range all {
		if passes(i) {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Instance) int {
		x, y := a.Place(by), b.Place(by)
		n := cmp.Or(cmp.Compare(x.Text, y.Text), cmp.Compare(x.Time, y.Time), cmp.Compare(x.Service, y.Service), cmp.Compare(x.Name, y.Name))
		if descending {
			return -n
		}
		return n
	})
	return out
}

func inPages(t *testing.T, s *Store, f InstanceFilter, p InstancePage) []Instance {
	t.Helper()
	var out []Instance
	for {
		page, err := s.Instances(t.Context(), f, p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page...)
		if len(page) < p.Limit {
			return out
		}
		place := page[len(page)-1].Place(p.By)
		p.After = &place
	}
}

// TestInstanceShowsWhatItsTargetShows writes an instance in many states and
// reads of the list what the target itself shows.
func TestInstanceShowsWhatItsTargetShows(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		for name, change := range map[string]func(*Target){
			"new":       func(*Target) {},
			"waiting":   func(i *Target) { i.Waiting = Waiting{Reason: WaitApproval, Why: "somebody must approve"} },
			"failed":    func(i *Target) { i.Status, i.Message = Failed, "exit status 1" },
			"cancelled": func(i *Target) { i.Status, i.LastAttempted, i.Asked.Cancel.Deployment = InProgress, "d", "d" },
			"deleted":   func(i *Target) { i.Status, i.Desired.Deleted = Succeeded, true },
			"asked":     func(i *Target) { i.Status, i.Generation, i.Deployed.Generation = Succeeded, 2, 1 },
			"returned": func(i *Target) {
				i.Status, i.LastAttempted, i.Generation, i.Waiting = Failed, "d", 3, Waiting{Reason: WaitReturned, Why: "not healthy"}
				i.Deployed = Deployed{Deployment: "d", Generation: 3, At: s.now()}
			},
			"asked for after that": func(i *Target) {
				i.Status, i.LastAttempted, i.Generation, i.Waiting.Why = Failed, "d", 4, "just so"
				i.Deployed = Deployed{Deployment: "d", Generation: 3, At: s.now()}
			},
			"deployed": func(i *Target) {
				i.Status, i.Deployed = Succeeded, Deployed{Deployment: "d", Version: Version{1, 3}, At: s.now()}
			},
		} {
			want := Target{Ref: InstanceRef("shop", name), Desired: Desired{Template: "web", Version: Version{1, 4}, Environment: "prod"}}
			change(&want)
			putTargets(t, s, want)
			got, err := s.Instances(ctx, InstanceFilter{Name: name}, InstancePage{Limit: 2})
			if err != nil || len(got) != 1 {
				t.Fatalf("%s: %d instances, %v", name, len(got), err)
			}
			status, message := want.Shown()
			if wants, ok := map[string]Status{"returned": Failed, "asked for after that": InProgress}[name]; ok && status != wants {
				t.Errorf("%s: it shows %s, want %s", name, status, wants)
			}
			if got[0].Status != status || got[0].Message != message || got[0].Version != want.ShownVersion() {
				t.Errorf("%s: the list shows %s %q %v, the target %s %q %v", name, got[0].Status, got[0].Message, got[0].Version, status, message, want.ShownVersion())
			}
		}
	})
}
