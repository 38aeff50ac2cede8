package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker for a release.
var version string //nolint:gochecknoglobals // the linker can set nothing else

// A build says what this binary is made of.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

func buildInfo() build {
	b := build{Version: version}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Go = info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
	}
	if b.Version == "" {
		b.Version = "development"
	}
	return b
}

func versionCommand() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use: "version", Short: "Say which Baryon this is", Args: upTo(0), Example: "  baryon version -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := buildInfo()
			return out.print(cmd.OutOrStdout(), b, func() { fmt.Fprintf(cmd.OutOrStdout(), "baryon %s %s\n", b.Version, b.Go) })
		},
	}
	out.flag(cmd)
	return cmd
}
