package terraform_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"

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
	eachProgram(t, func(t *testing.T, here place) {
		e := here.engine(t, nil)
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
	})
}

// TestInitWaits shows that waiting for providers has an end that says so.
func TestInitWaits(t *testing.T) {
	t.Parallel()
	p := place{dir: t.TempDir()}
	slow := filepath.Join(t.TempDir(), "terraform")
	script := "#!/bin/sh\nif test \"$1\" = version; then echo '{\"terraform_version\": \"1.9.0\"}'; exit; fi\necho '- Finding latest version of hashicorp/aws...'\nexec sleep 60\n"
	if err := provisionertest.WriteProgram(slow, script); err != nil {
		t.Fatal(err)
	}
	e := p.engine(t, func(c *terraform.Config) { c.Binary, c.InitWithin = slow, 200*time.Millisecond })
	got, _ := end(t, e, job("one", ""))
	if got.State != provisioner.Failed || !strings.Contains(got.Message, "command 1 of 4 was ended after 200ms, the time limit of this step") || !strings.Contains(got.Message, "Finding latest version of hashicorp/aws") {
		t.Errorf("%s: %s", got.State, got.Message)
	}
}

// TestProgram lists what is no terraform that can be used.
func TestProgram(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		`echo '{"terraform_version": "1.4.7"}'`:      "is version 1.4.7, want 1.5.0 or newer",
		`echo '{"terraform_version": "1.11.0-rc1"}'`: "",
		`echo Hello`:                  "want a terraform_version; is it terraform or tofu?",
		`echo no licence >&2; exit 3`: "no licence",
	} {
		dir := t.TempDir()
		if err := provisionertest.WriteProgram(filepath.Join(dir, "terraform"), "#!/bin/sh\n"+said+"\n"); err != nil {
			t.Fatal(err)
		}
		p, err := terraform.Find(t.Context(), "", dir)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v %v, want %q", said, p, err, want)
		}
	}
	for version, want := range map[string]string{"1.5.9": "is version 1.5.9, want 1.6.0 or newer; install one, or set terraform.binary", "1.6.0-beta1": ""} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tofu"), []byte("#!/bin/sh\necho '{\"terraform_version\": \""+version+"\"}'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		p, err := terraform.Find(t.Context(), "", dir)
		if want == "" && (err != nil || p.Name != "tofu") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("tofu %s: %v %v, want %q", version, p, err, want)
		}
	}
	if _, err := terraform.Find(t.Context(), "", t.TempDir()); !errors.Is(err, terraform.ErrNotFound) {
		t.Errorf("nothing there: %v", err)
	}
}

// TestSecretVariables hands on the variables that are named, and masks them.
func TestSecretVariables(t *testing.T) {
	t.Setenv("TF_VAR_token", "s3cr3t-canary")
	t.Setenv("TF_VAR_other", "unseen")
	for name, file := range programs(t) {
		t.Run(name, func(t *testing.T) { secretVariables(t, place{t.TempDir(), file}) })
	}
}

func secretVariables(t *testing.T, p place) {
	t.Helper()
	e := p.engine(t, func(c *terraform.Config) { c.Env = []string{"TF_VAR_token", "NOT_SET"} })
	code := `
variable "token" {}
variable "other" { default = "default" }
output "length" { value = length(var.token) }
output "other" { value = var.other }
output "leak" { value = "x${var.token}" }
resource "terraform_data" "a" {
  lifecycle {
    precondition {
      condition     = length(var.token) == WANT
      error_message = "the token is ${var.token}"
    }
  }
}
`
	got, log := end(t, e, job("one", strings.Replace(code, "WANT", "13", 1)))
	if got.State != provisioner.Succeeded || !maps.Equal(got.Outputs, map[string]string{"length": "13", "other": "default"}) || !strings.Contains(got.Message, `"leak" holds the value of a secret`) {
		t.Errorf("%s %s, outputs %v\n%s", got.State, got.Message, got.Outputs, log)
	}
	got, log = end(t, e, job("two", strings.Replace(code, "WANT", "12", 1)))
	if got.State != provisioner.Failed || !strings.Contains(got.Message, "the token is ****") || strings.Contains(log, "canary") {
		t.Errorf("%s %s\n%s", got.State, got.Message, log)
	}
}

// TestApprovedPlan applies the very plan that was made, and nothing once the
// state has moved.
func TestApprovedPlan(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, here place) {
		e := here.engine(t, nil)
		code := func(size string) string { return strings.Replace(twoResources, "SIZE", size, 1) }
		foresee := func(id, size string) {
			t.Helper()
			p, log := end(t, planner{e}, job(id, code(size)))
			if p.State != provisioner.Succeeded || len(p.Changes) != 2 || strings.Contains(log, "apply") {
				t.Fatalf("%s %s, %v\n%s", p.State, p.Message, p.Changes, log)
			}
		}
		current := func(id string) bool {
			t.Helper()
			ok, err := e.Current(t.Context(), provisioner.Job{Stack: "environment-dev", Plan: id})
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		foresee("plan-1", "small")
		if !current("plan-1") || current("plan-0") {
			t.Error("the plan just made is not current, or one never made is")
		}
		one := job("one", code("small"))
		one.Plan = "plan-1"
		if p, log := end(t, e, one); p.State != provisioner.Succeeded || p.Outputs["size"] != "small" || len(p.Changes) != 2 || strings.Contains(log, " plan -json") {
			t.Errorf("%s %s, %v %v\n%s", p.State, p.Message, p.Outputs, p.Changes, log)
		}
		foresee("plan-2", "big")
		if p, _ := end(t, e, job("between", code("medium"))); p.State != provisioner.Succeeded {
			t.Fatal(p.Message)
		}
		if current("plan-2") || current("plan-1") {
			t.Error("a plan is current after the state moved")
		}
		two := job("two", code("big"))
		two.Plan = "plan-2"
		if p, _ := end(t, e, two); p.State != provisioner.Failed || !p.PlanMoved || !strings.Contains(p.Message, "Saved plan is stale") {
			t.Errorf("%s %s; want the old plan refused", p.State, p.Message)
		}
		three := job("three", code("big"))
		three.Plan = "plan-9"
		if p, _ := end(t, e, three); p.State != provisioner.Failed || !p.PlanMoved || !strings.Contains(p.Message, "planned and approved anew") {
			t.Errorf("%s %s; want the unknown plan refused", p.State, p.Message)
		}
	})
}

// planner makes plans where jobs are applied.
type planner struct{ *terraform.Engine }

func (p planner) Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	return p.Plan(ctx, job)
}
