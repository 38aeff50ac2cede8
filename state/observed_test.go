package state

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDriftChecked shows what one check leaves of the one before.
func TestDriftChecked(t *testing.T) {
	t.Parallel()
	first, later := time.Unix(100, 0), time.Unix(200, 0)
	a, b := ResourceChange{Address: "file.a", Action: "delete"}, ResourceChange{Address: "file.b", Action: "update", Attributes: []string{"size"}}
	d := Drift{Deployment: "one", ID: "check", Handle: "h"}.Checked(first, true, "", []ResourceChange{a})
	d.ID = "another"
	d = d.Checked(later, true, "", []ResourceChange{a, b})
	want := Drift{Deployment: "one", CheckedAt: later, Found: []Drifted{{a, first}, {b, later}}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("a second check (-want +got):\n%s", diff)
	}
	if got, want := d.String(), "file.a deleted, file.b updated (size)"; got != want {
		t.Errorf("told as %q, want %q", got, want)
	}
	failed := d.Checked(later.Add(time.Minute), false, "no credentials", nil)
	if failed.Failed != "no credentials" || len(failed.Found) != 2 {
		t.Errorf("a check that failed leaves %+v, want what was known", failed)
	}
	if gone := failed.Checked(later.Add(time.Hour), true, "", nil); len(gone.Found) != 0 || gone.Failed != "" {
		t.Errorf("a check that finds nothing leaves %+v", gone)
	}
}
