package terraform_test

import (
	"path/filepath"
	"strings"
	"testing"

	"baryon/provisioner"
	"baryon/provisioner/terraform"

	"github.com/google/go-cmp/cmp"
)

// TestRetain destroys a stack but for what the rules name: that is forgotten,
// with its reason, whether a person approved the plan or nobody was asked.
func TestRetain(t *testing.T) {
	t.Parallel()
	code := `
resource "terraform_data" "net" { input = "x" }
resource "terraform_data" "logs" {
  for_each = toset(["a", "b c", "ü\"]"])
  input    = each.key
}
resource "terraform_data" "reader" { input = terraform_data.logs["a"].output }
`
	rule := "it is retained by terraform.retain: terraform_data.l*s"
	want := []provisioner.ResourceChange{
		{Address: `terraform_data.logs["a"]`, Action: "forget", Reason: rule},
		{Address: `terraform_data.logs["b c"]`, Action: "forget", Reason: rule},
		{Address: `terraform_data.logs["ü\"]"]`, Action: "forget", Reason: rule},
		{Address: "terraform_data.net", Action: "delete"},
		{Address: "terraform_data.reader", Action: "delete"},
	}
	for _, approved := range []bool{false, true} {
		t.Run(map[bool]string{false: "nobody asked", true: "approved"}[approved], func(t *testing.T) {
			t.Parallel()
			eachProgram(t, func(t *testing.T, p place) {
				e := p.engine(t, func(c *terraform.Config) { c.Retain = []string{"aws_db_instance", "terraform_data.l*s"} })
				if got, log := end(t, e, job("make", code)); got.State != provisioner.Succeeded {
					t.Fatalf("%s\n%s", got.Message, log)
				}
				destroy := func(id string) provisioner.Job {
					j := job(id, code)
					j.Action = provisioner.Deprovision
					return j
				}
				gone := destroy("gone")
				if approved {
					got, log := end(t, planner{e}, destroy("plan"))
					if diff := cmp.Diff(want, got.Changes); diff != "" || got.State != provisioner.Succeeded {
						t.Fatalf("%s: plan (-want +got):\n%s\n%s", got.Message, diff, log)
					}
					gone.Plan = "plan"
				}
				got, log := end(t, e, gone)
				if diff := cmp.Diff(want, got.Changes); diff != "" || got.State != provisioner.Succeeded {
					t.Fatalf("%s: changes (-want +got):\n%s\n%s", got.Message, diff, log)
				}
				if !strings.Contains(log, "2 destroyed") || !strings.Contains(log, `Removed terraform_data.logs["b c"]`) {
					t.Errorf("log:\n%s", log)
				}
				if left := p.resources(t, "environment-dev"); len(left) > 0 {
					t.Errorf("the state holds %v", left)
				}
			})
		})
	}
}

// TestRetainApproved destroys nothing when it would be other than approved.
func TestRetainApproved(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		code := `
resource "terraform_data" "a" {}
resource "terraform_data" "b" {}
`
		if got, log := end(t, p.engine(t, nil), job("make", code)); got.State != provisioner.Succeeded {
			t.Fatalf("%s\n%s", got.Message, log)
		}
		plan := job("plan", code)
		plan.Action = provisioner.Deprovision
		if got, _ := end(t, planner{p.engine(t, nil)}, plan); got.State != provisioner.Succeeded {
			t.Fatal(got.Message)
		}
		gone := job("gone", code)
		gone.Action, gone.Plan = provisioner.Deprovision, "plan"
		got, log := end(t, p.engine(t, func(c *terraform.Config) { c.Retain = []string{"terraform_data.b"} }), gone)
		if got.State != provisioner.Failed || !got.PlanMoved || !strings.Contains(got.Message, "is not what was approved, got terraform_data.a, want terraform_data.a, terraform_data.b") {
			t.Errorf("%s: %s\n%s", got.State, got.Message, log)
		}
		if strings.Contains(log, "destroyed") {
			t.Errorf("something was destroyed:\n%s", log)
		}
	})
}

// TestRetainedFile shows with what is really there that the retained stays, and
// that what a person names stays besides.
func TestRetainedFile(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		mirror, _ := localProvider(t, p)
		e := p.engine(t, func(c *terraform.Config) {
			c.Mirrors, c.Policy.Allow, c.Retain = []string{mirror}, []string{"write-files"}, []string{"local_file.data"}
		})
		var code strings.Builder
		for _, name := range []string{"data", "cache", "odd"} {
			code.WriteString("resource \"local_file\" \"" + name + "\" {\n  filename = \"" + filepath.Join(p.dir, name) + "\"\n  content  = \"x\"\n}\n")
		}
		if got, log := end(t, e, job("make", code.String())); got.State != provisioner.Succeeded {
			t.Fatalf("%s\n%s", got.Message, log)
		}
		gone := job("gone", code.String())
		gone.Action, gone.Leave = provisioner.Deprovision, []string{"local_file.odd"}
		got, log := end(t, e, gone)
		want := []provisioner.ResourceChange{
			{Address: "local_file.cache", Action: "delete"},
			{Address: "local_file.data", Action: "forget", Reason: "it is retained by terraform.retain: local_file.data"},
			{Address: "local_file.odd", Action: "forget", Reason: "it is left alone, as was asked: local_file.odd"},
		}
		if diff := cmp.Diff(want, got.Changes); diff != "" || got.State != provisioner.Succeeded {
			t.Fatalf("%s: changes (-want +got):\n%s\n%s", got.Message, diff, log)
		}
		for name, stays := range map[string]bool{"data": true, "cache": false, "odd": true} {
			if exists(filepath.Join(p.dir, name)) != stays {
				t.Errorf("%s is there: %v, want %v", name, !stays, stays)
			}
		}
		if left := p.resources(t, "environment-dev"); len(left) > 0 {
			t.Errorf("the state holds %v", left)
		}
		without := job("without", code.String())
		without.Leave = []string{"local_file.odd"}
		if got, _ := end(t, e, without); got.State != provisioner.Failed || !strings.Contains(got.Message, "leaves nothing out") {
			t.Errorf("a deployment without a resource: %s %s; want it refused", got.State, got.Message)
		}
	})
}
