package terraform_test

import (
	"encoding/json"
	"strings"
	"testing"

	"baryon/provisioner"

	"github.com/google/go-cmp/cmp"
)

// supervisorOf reads the supervisor's number from a handle.
func supervisorOf(t *testing.T, handle string) int {
	t.Helper()
	var h struct{ Process struct{ PID int } }
	if err := json.Unmarshal([]byte(handle), &h); err != nil || h.Process.PID == 0 {
		t.Fatalf("handle %s names no process (%v)", handle, err)
	}
	return h.Process.PID
}

const twoResources = `
variable "size" { default = "SIZE" }
resource "terraform_data" "a" {
  input            = var.size
  triggers_replace = [var.size]
}
resource "terraform_data" "b" { input = var.size }
output "size" { value = terraform_data.a.output }
output "list" { value = [1, true] }
output "hush" {
  value     = "${var.size}-canary"
  sensitive = true
}
`

// TestLife creates, updates and destroys, with terraform's own state between.
func TestLife(t *testing.T) {
	t.Parallel()
	e := newPlace(t).engine(t, nil)
	p, log := end(t, e, job("one", strings.Replace(twoResources, "SIZE", "small", 1)))
	if p.State != provisioner.Succeeded {
		t.Fatalf("%s: %s\n%s", p.State, p.Message, log)
	}
	if diff := cmp.Diff(map[string]string{"size": "small", "list": "[1,true]"}, p.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	p, log = end(t, e, job("two", strings.Replace(twoResources, "SIZE", "big", 1)))
	want := []provisioner.ResourceChange{
		{Address: "terraform_data.a", Action: "replace", Attributes: []string{"id", "input", "output", "triggers_replace"}, Forces: []string{"triggers_replace"}, Reason: "cannot update"},
		{Address: "terraform_data.b", Action: "update", Attributes: []string{"input", "output"}},
	}
	if diff := cmp.Diff(want, p.Changes); diff != "" || p.State != provisioner.Succeeded {
		t.Errorf("%s %s: changes (-want +got):\n%s", p.State, p.Message, diff)
	}
	for _, line := range []string{"replace terraform_data.a: id, input, output, triggers_replace (replaced because of triggers_replace)\n", "Apply complete! Resources: 1 added, 1 changed, 1 destroyed.\n"} {
		if !strings.Contains(log, line) {
			t.Errorf("log lacks %q:\n%s", line, log)
		}
	}
	gone := job("three", strings.Replace(twoResources, "SIZE", "big", 1))
	gone.Action = provisioner.Deprovision
	p, log = end(t, e, gone)
	if p.State != provisioner.Succeeded || len(p.Outputs) > 0 || !strings.Contains(log, "2 destroyed") {
		t.Errorf("%s %s, outputs %v\n%s", p.State, p.Message, p.Outputs, log)
	}
}
