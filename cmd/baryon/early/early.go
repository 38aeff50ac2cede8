// Package early lets a process that is started as a supervisor begin its work
// before the rest of the program is set up.
//
// It knows how the daemon starts supervisors. It refuses to know anything else
// of the command line, and to import what a supervisor does not need: packages
// are set up in the order of their imports and names, so this one, which needs
// little, comes before those that take long and much memory, of which a
// supervisor needs none. Each deployment starts one.
package early

import (
	"os"

	"baryon/provisioner"
	"baryon/provisioner/terraform"
)

// Everywhere else this would be a call from main; see docs/adr/0010.
func init() { //nolint:gochecknoinits // the one place; see above
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		os.Exit(provisioner.Supervise(os.Args[2], map[string]provisioner.NewTool{terraform.Tool: terraform.NewTool}))
	}
}
