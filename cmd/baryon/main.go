// Command baryon is the daemon and its command line in one binary. It knows
// flags, the configuration file and how the parts are put together; what the
// parts do is theirs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	_ "baryon/cmd/baryon/early" // a supervisor does its work there
)

func main() { os.Exit(run()) }

// run chooses the subcommand and prints its error. The exit code is 0 for
// success, 1 for an error, or what the command asked for with an exitError.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if isShim() {
		return awsShim(ctx, os.Args[1:])
	}
	err := root().ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	default:
		fmt.Fprintln(os.Stderr, "baryon: "+err.Error())
		return 1
	}
}

// An exitError ends the process with that code; what there was to say is said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// root is the whole command line, one file per subcommand.
func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baryon",
		Short: "Keeps environments and services equal to what Git says",
		Long: `Baryon reads template bundles and specs from Git, renders them, and applies
them to environments and services, continuously.

Begin with: baryon demo

Clients find the daemon by --server or BARYON_SERVER, and send the token in
BARYON_TOKEN. Exit codes: 0 for success, 1 for an error or a finding, and where
a plan is asked for 2 when there is something to change.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(serveCommand(), demoCommand(), awsShimCommand(), awsSimCommand())
	cmd.AddCommand(clientCommands()...)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
			err = fmt.Errorf("--%s is %q, want %s", bad.GetFlag().Name, bad.GetValue(), wantedOf(bad.GetFlag().Value.Type()))
		}
		return fmt.Errorf("%w; see: %s --help", err, cmd.CommandPath())
	})
	cmd.InitDefaultCompletionCmd()
	for _, c := range cmd.Commands() {
		if c.Name() == "completion" {
			describeCompletion(c)
		}
	}
	return cmd
}

// wantedOf says in words what a flag of a type takes.
func wantedOf(kind string) string {
	switch kind {
	case "int", "int64", "uint":
		return "a number"
	case "duration":
		return "a length of time such as 8h or 90s"
	case "bool":
		return "true or false"
	default:
		return "a " + kind
	}
}

// describeCompletion gives the command that cobra makes what ours have.
func describeCompletion(c *cobra.Command) {
	c.Short = "Print what lets a shell complete commands"
	c.Example = "  source <(baryon completion bash)\n  baryon completion fish > ~/.config/fish/completions/baryon.fish"
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%q is no shell that is known; use bash, fish, powershell or zsh", args[0])
		}
		return errors.New("name a shell: baryon completion bash, fish, powershell or zsh")
	}
	c.RunE = func(*cobra.Command, []string) error { return nil } // so that Args is asked
}
