package state

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRolledBack(t *testing.T) {
	t.Parallel()
	ref := InstanceRef("shop", "dev")
	now := Target{
		Ref: ref, Generation: 4, LastAttempted: "d3", Deployed: Deployed{Deployment: "d3", Generation: 4},
		Desired: Desired{Template: "app", Follow: "1", Version: Version{Major: 1, Minor: 3}, Spec: "new", Environment: "dev", Approval: true, Labels: map[string]string{"a": "b"}},
	}
	past := Deployment{ID: "d1", Ref: ref, Action: Create, Status: Succeeded, Desired: Desired{
		Template: "app", Follow: "1", Version: Version{Major: 1, Minor: 1}, Spec: "old", Environment: "dev", Role: "r",
	}}
	got, err := RolledBack(now, past, Hold{By: "ada", Why: "broken"})
	if err != nil {
		t.Fatal(err)
	}
	declared := now.Desired
	want := now
	want.Generation = 5
	want.Desired = Desired{
		Template: "app", Follow: "1.1", Version: Version{Major: 1, Minor: 1}, Spec: "old", Environment: "dev", Role: "r", Approval: true, Labels: map[string]string{"a": "b"},
		Held: &Hold{Deployment: "d1", By: "ada", Why: "broken", Declared: &declared},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rolled back (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(declared, got.Desired.AsDeclared()); diff != "" {
		t.Errorf("what the document says (-want +got):\n%s", diff)
	}
	again, err := RolledBack(got, Deployment{ID: "d2", Ref: ref, Action: Update, Status: Succeeded, Desired: past.Desired}, Hold{By: "eve"})
	if diff := cmp.Diff(declared, again.Desired.AsDeclared()); err != nil || diff != "" {
		t.Errorf("after a second rollback the document says (-want +got), %v:\n%s", err, diff)
	}
	gone := got
	gone.Desired.Deleted = true
	if !gone.Desired.AsDeclared().Deleted {
		t.Error("what is wanted gone is wanted gone, held or not")
	}

	for name, tt := range map[string]struct {
		target     func(*Target)
		deployment func(*Deployment)
		why        string
	}{
		"of another target": {deployment: func(d *Deployment) { d.Ref = EnvironmentRef("dev") }, why: "is of environment/dev"},
		"failed":            {deployment: func(d *Deployment) { d.Status = Failed }, why: "only what succeeded"},
		"a deletion":        {deployment: func(d *Deployment) { d.Action, d.Status = Delete, DeleteComplete }, why: "only what succeeded"},
		"deployed already":  {deployment: func(d *Deployment) { d.ID = "d3" }, why: "is what is deployed"},
		"moved":             {deployment: func(d *Deployment) { d.Desired.Environment = "prod" }, why: "in another place"},
		"wanted gone":       {target: func(t *Target) { t.Desired.Deleted = true }, why: "no longer declared"},
		"orphaned":          {target: func(t *Target) { t.Desired.Orphaned = "gone" }, why: "no longer declared"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, d := now, past
			if tt.target != nil {
				tt.target(&target)
			}
			if tt.deployment != nil {
				tt.deployment(&d)
			}
			if _, err := RolledBack(target, d, Hold{}); err == nil || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("error %v, want one that says %q", err, tt.why)
			}
		})
	}
}
