package cloudformation_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"baryon/provisioner/cloudformation"
)

// called collects what all tests of the package made the engine ask for.
var called = struct {
	sync.Mutex

	by map[string]int
}{by: map[string]int{}}

// theirs are calls that tests make for others than the engine.
var theirs = []string{"CreateStack", "UpdateStack", "SetStackPolicy", "UpdateTerminationProtection"}

// TestMain compares the calls that were counted with those that iam-policy
// allows: none is missing, and when all tests were run none is too many.
func TestMain(m *testing.M) {
	code := m.Run()
	var missing, idle []string
	for action := range maps.Keys(called.by) {
		name, ours := strings.CutPrefix(action, "cloudformation:")
		if ours && !slices.Contains(cloudformation.Operations(), name) && !slices.Contains(theirs, name) {
			missing = append(missing, name)
		}
	}
	for _, name := range cloudformation.Operations() {
		if called.by["cloudformation:"+name] == 0 {
			idle = append(idle, name)
		}
	}
	all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && code == 0
	if len(missing) > 0 || all && len(idle) > 0 {
		fmt.Fprintf(os.Stderr, "permissions.go: calls that were made and are not allowed: %v; calls that are allowed and were never made: %v\n", missing, idle)
		code = 1
	}
	os.Exit(code)
}
