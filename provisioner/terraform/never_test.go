package terraform_test

import (
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
)

// TestNever shows that nothing is applied that takes away what it may not, or
// whose time is over, and that what only moves is no removal.
func TestNever(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, here place) {
		e := here.engine(t, nil)
		code := func(size string) string { return strings.Replace(twoResources, "SIZE", size, 1) }
		if p, log := end(t, e, job("one", code("small"))); p.State != provisioner.Succeeded {
			t.Fatalf("%s %s\n%s", p.State, p.Message, log)
		}
		never := []provisioner.Never{{Delete: provisioner.Patterns{"terraform_*"}}}
		refused := func(id, code, want string, change func(*provisioner.Job)) {
			t.Helper()
			j := job(id, code)
			j.Never = never
			change(&j)
			p, log := end(t, e, j)
			if p.State != provisioner.Failed || !p.Held || !strings.Contains(p.Message, want) || strings.Contains(log, "Apply complete") || strings.Contains(log, "Destroy complete") {
				t.Errorf("%s %s, held %v: %s\n%s", id, p.State, p.Held, p.Message, log)
			}
		}
		refused("two", code("big"), "nothing was changed: terraform_data.a (terraform_data) would be replaced", func(*provisioner.Job) {})
		refused("three", code("small"), "(terraform_data) would be deleted", func(j *provisioner.Job) { j.Action = provisioner.Deprovision })
		refused("four", code("big"), "the time for changes was over", func(j *provisioner.Job) { j.Never, j.Until = nil, time.Now() })
		if got := here.resources(t, "environment-dev"); len(got) != 2 {
			t.Errorf("the state holds %v", got)
		}
		moved := job("five", strings.ReplaceAll(code("small"), "terraform_data\" \"b\"", "terraform_data\" \"c\"")+
			"moved {\n  from = terraform_data.b\n  to   = terraform_data.c\n}\n")
		moved.Never = never
		if p, log := end(t, e, moved); p.State != provisioner.Succeeded {
			t.Errorf("moved: %s %s\n%s", p.State, p.Message, log)
		}
		if p, _ := end(t, planner{e}, job("plan", code("big"))); p.Existing != 2 {
			t.Errorf("the plan says that there were %d resources", p.Existing)
		}
	})
}
