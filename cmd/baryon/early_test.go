package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSupervisorBeginsEarly shows that a supervisor does not wait until the
// rest of the program is set up.
func TestSupervisorBeginsEarly(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "supervise", filepath.Join(t.TempDir(), "none"))
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "it does nothing when started by hand") {
		t.Fatalf("%v: a supervisor without its lock said\n%s", err, out)
	}
	if !strings.Contains(string(out), "init baryon/provisioner ") {
		t.Fatalf("no trace of what was set up:\n%s", out)
	}
	for _, late := range []string{"baryon/server", "baryon/reconciler", "baryon/renderer", "github.com/santhosh-tekuri/jsonschema", "github.com/prometheus/client_golang/prometheus ", "go.uber.org/zap "} {
		if strings.Contains(string(out), "init "+late) {
			t.Errorf("%s was set up before: what package early imports needs it", late)
		}
	}
}
