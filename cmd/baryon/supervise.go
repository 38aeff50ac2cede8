package main

import (
	"github.com/spf13/cobra"

	"baryon/provisioner"
	"baryon/provisioner/terraform"
)

// superviseCommand is what the daemon starts for each local job; see
// provisioner.Supervise. People have no use for it.
func superviseCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "supervise DIR",
		Short:  "Run the commands of a work folder (started by the daemon)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if code := supervise(args[0]); code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
}

func supervise(dir string) int {
	return provisioner.Supervise(dir, map[string]provisioner.NewTool{terraform.Tool: terraform.NewTool})
}
