package provisionertest

import (
	"strings"
	"testing"

	"baryon/provisioner"
)

func held(t *testing.T, w World) {
	c := Caller{Job: w.Succeed("job-1")}
	c.Job.Hold = "not before Monday"
	for range 2 { // the second is another daemon
		c.Until(t, w.Engine(t), func(p provisioner.Progress) bool {
			return p.Resting && strings.Contains(p.Message, "not before Monday")
		})
	}
	wantStarts(t, w, 0)
	c.Job.Hold = ""
	wantState(t, c.End(t, w.Engine(t)), provisioner.Succeeded)
	wantStarts(t, w, 1)
}

func heldLate(t *testing.T, w World) {
	if w.Block == nil {
		t.Skip("this engine has no job that runs until it is released")
	}
	job, release := w.Block(t, "job-1")
	defer release()
	c := Caller{Job: job}
	c.Started(t, w, w.Engine(t))
	c.Job.Hold = "not before Monday"
	c.Call(t, w.Engine(t))
	release()
	wantState(t, c.End(t, w.Engine(t)), provisioner.Succeeded)
	wantStarts(t, w, 1)
}
