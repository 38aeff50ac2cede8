package provisioner

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the supervisor that engines under test
// start.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		os.Exit(Supervise(os.Args[2]))
	}
	goleak.VerifyTestMain(m)
}
