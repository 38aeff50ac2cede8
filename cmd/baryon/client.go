package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

// clientCommands are those that ask a daemon, and those that need none.
func clientCommands() []*cobra.Command {
	return []*cobra.Command{
		getCommand(), statusCommand(), historyCommand(), logsCommand(), whyCommand(), sourcesCommand(), auditCommand(), policiesCommand(),
		syncCommand(), uploadCommand(), publishCommand(), verbCommand(v1.Retry, "Try again what failed", "  baryon retry environment/prod"),
		verbCommand(v1.Redeploy, "Deploy though nothing changed", "  baryon redeploy environment/prod --why 'rebuild the image'"),
		verbCommand(v1.Approve, "Let a change go on that waits for a person", "  baryon approve environment/prod --why 'reviewed'"),
		verbCommand(v1.Reject, "Refuse a change that waits for a person", "  baryon reject environment/prod --why 'not before Monday'"),
		overrideCommand(),
		verbCommand(v1.Resume, "End a suspension, or the hold of a rollback", "  baryon resume environment/prod"),
		verbCommand(v1.Cancel, "Stop the deployment under way", "  baryon cancel environment/dev"),
		verbCommand(v1.Abandon, "Give up a deployment that never ends", "  baryon abandon environment/dev --why 'host is gone'"),
		skipCommand(), forceCommand(), adoptCommand(),
		verbCommand(v1.Retain, "Forget what is to be deleted, and leave what it made", "  baryon retain environment/old"),
		forceDeleteCommand(),
		verbCommand(v1.Delete, "Delete what nothing declares any more", "  baryon delete environment/old --why 'unused'"),
		suspendCommand(), keysCommand(), eventsCommand(), planCommand(), rollbackCommand(), compareCommand(), blockersCommand(), unblockCommand(), pullsCommand(),
		stateCommand(), unlockCommand(), doctorCommand(), iamPolicyCommand(), versionCommand(),
		// For authors, without a daemon.
		validateCommand(), renderCommand(), schemaCommand(), testCommand(), diffCommand(), blameCommand(), initCommand(),
	}
}

// A connection is where the daemon is, from flags and the environment.
type connection struct{ server, tokenFile string }

const defaultServer = "http://127.0.0.1:8080"

func (c *connection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.server, "server", "", "address of the daemon (default $BARYON_SERVER, else "+defaultServer+")")
	cmd.Flags().StringVar(&c.tokenFile, "token-file", "", "file that holds the token (default: the token is in $BARYON_TOKEN)")
}

func (c *connection) address() string {
	return orDefault(c.server, orDefault(os.Getenv("BARYON_SERVER"), defaultServer))
}

func (c *connection) client() (*v1.Client, error) {
	token := strings.TrimSpace(os.Getenv("BARYON_TOKEN"))
	if c.tokenFile != "" {
		data, err := os.ReadFile(c.tokenFile)
		if err != nil {
			return nil, err
		}
		token = strings.TrimSpace(string(data))
	}
	return v1.NewClient(c.address(), token, whoami())
}

// whoami is the name that the audit log gets: $BARYON_ACTOR, else user@host.
func whoami() string {
	if name := os.Getenv("BARYON_ACTOR"); name != "" {
		return name
	}
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// asked adds to an error of the connection what to do about it.
func asked(err error) error {
	if _, ok := errors.AsType[*v1.UnreachableError](err); ok {
		return fmt.Errorf("%w; start one with: baryon serve --config baryon.yaml, or name another with --server", err)
	}
	return err
}

// query is a command that reads one answer and prints it.
func query[T any](use, short, example string, args cobra.PositionalArgs, read func(context.Context, *v1.Client, []string) (T, error), people func(io.Writer, T)) *cobra.Command {
	var c connection
	var out format
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			v, err := read(cmd.Context(), client, args)
			if err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), v, func() { people(cmd.OutOrStdout(), v) })
		},
	}
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}
