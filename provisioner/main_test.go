package provisioner_test

import (
	"encoding/json"
	"os"
	"testing"

	"baryon/provisioner"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be what engines under test start, and a daemon
// that can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "supervise":
			os.Exit(provisioner.Supervise(os.Args[2]))
		}
	}
	goleak.VerifyTestMain(m)
}

// supervisorOf reads the supervisor's number from a handle.
func supervisorOf(t *testing.T, handle string) int {
	t.Helper()
	var h struct{ Process struct{ PID int } }
	if err := json.Unmarshal([]byte(handle), &h); err != nil || h.Process.PID == 0 {
		t.Fatalf("handle %s names no process (%v)", handle, err)
	}
	return h.Process.PID
}
