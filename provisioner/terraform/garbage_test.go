package terraform_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"
)

// TestGarbage shows how often each command collects garbage, and that the
// configuration has the last word.
func TestGarbage(t *testing.T) {
	t.Setenv("GOGC", "77")
	for name, file := range programs(t) {
		t.Run(name, func(t *testing.T) {
			p := place{t.TempDir(), file}
			if diff := cmp.Diff([]string{"init 400", "plan 200", "apply 200"}, garbage(t, p, "one")); diff != "" {
				t.Errorf("by default (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"init 77", "plan 77", "apply 77"}, garbage(t, p, "two", "GOGC")); diff != "" {
				t.Errorf("of the configuration (-want +got):\n%s", diff)
			}
		})
	}
}

// garbage is what each command of a job was told of its garbage.
func garbage(t *testing.T, p place, id string, env ...string) []string {
	t.Helper()
	said, binary := filepath.Join(p.dir, "said-"+id), filepath.Join(p.dir, "terraform-"+id)
	script := fmt.Sprintf("#!/bin/sh\ntest \"$1\" = version || echo $1 $GOGC >> %s\nexec %s \"$@\"\n", said, p.program)
	if err := provisionertest.WriteProgram(binary, script); err != nil {
		t.Fatal(err)
	}
	e := p.engine(t, func(c *terraform.Config) { c.Binary, c.Env = binary, env })
	if got, log := end(t, e, job(id, `resource "terraform_data" "a" {}`)); got.State != provisioner.Succeeded {
		t.Fatalf("%s\n%s", got.Message, log)
	}
	text, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
