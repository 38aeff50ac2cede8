package terraform_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"baryon/provisioner"
	"baryon/provisioner/terraform"

	"github.com/google/go-cmp/cmp"
)

// checker looks for drift where jobs are applied.
type checker struct{ *terraform.Engine }

func (c checker) Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	return c.Drift(ctx, job)
}

// TestStateMovedByHand finds what somebody did with terraform, its state and
// other code, which is no drift of the world from the state.
func TestStateMovedByHand(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		e, code := p.engine(t, nil), strings.Replace(twoResources, "SIZE", "small", 1)
		check := func(id string, whole bool, want ...provisioner.ResourceChange) {
			t.Helper()
			got, log := end(t, checker{e}, job(id, code))
			if diff := cmp.Diff(want, got.Changes); diff != "" || got.State != provisioner.Succeeded {
				t.Errorf("%s %s %s: changes (-want +got):\n%s\n%s", id, got.State, got.Message, diff, log)
			}
			if ran := strings.Contains(log, "command 4 of 5"); ran != whole {
				t.Errorf("%s: planned a deployment: %v, want %v\n%s", id, ran, whole, log)
			}
		}
		if got, log := end(t, e, job("one", code)); got.State != provisioner.Succeeded {
			t.Fatalf("%s\n%s", got.Message, log)
		}
		check("clean", false)
		byHand(t, p.program, filepath.Join(p.dir, "terraform", "stacks", "environment-dev", "terraform.tfstate"), `
resource "terraform_data" "b" { input = "changed" }
resource "terraform_data" "c" { input = "added" }
`)
		check("moved", true,
			provisioner.ResourceChange{Address: "terraform_data.a", Action: "delete"},
			provisioner.ResourceChange{Address: "terraform_data.b", Action: "update", Attributes: []string{"input", "output"}},
			provisioner.ResourceChange{Address: "terraform_data.c", Action: "create", Reason: "delete because no resource config"},
		)
		if got, log := end(t, e, job("two", code)); got.State != provisioner.Succeeded {
			t.Fatalf("%s\n%s", got.Message, log)
		}
		check("clean-again", false)
	})
}

// byHand applies code to a state as a person would.
func byHand(t *testing.T, program, state, code string) {
	t.Helper()
	dir := t.TempDir()
	code += "terraform {\n  backend \"local\" {\n    path = \"" + state + "\"\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", program+" init -input=false && "+program+" apply -input=false -auto-approve")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull, "CHECKPOINT_DISABLE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
