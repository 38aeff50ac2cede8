package main

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

// verbCommand asks something of one target.
func verbCommand(verb, short, example string) *cobra.Command {
	return askCommand(verb, short, example, func(v1.Request) (v1.Request, error) { return v1.Request{}, nil }, nil)
}

// askCommand builds a command around a verb; complete may add to the request.
func askCommand(verb, short, example string, complete func(v1.Request) (v1.Request, error), more func(*cobra.Command)) *cobra.Command {
	var c connection
	var out format
	var why string
	cmd := &cobra.Command{
		Use: verb + " NAME", Short: short, Example: example, Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := refOf(args)
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			body, err := complete(v1.Request{})
			if err != nil {
				return err
			}
			body.Why = why
			t, err := client.Ask(cmd.Context(), ref, verb, body)
			if err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), t, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "%s asked of %s; see: baryon why %s\n", verb, ref, ref)
			})
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "the reason, kept in the audit log")
	c.flags(cmd)
	out.flag(cmd)
	if more != nil {
		more(cmd)
	}
	return cmd
}

func suspendCommand() *cobra.Command {
	var until string
	var length time.Duration
	return askCommand(v1.Suspend, "Stop changes of something until it is resumed",
		"  baryon suspend environment/prod --why 'freeze' --for 8h",
		func(r v1.Request) (v1.Request, error) {
			switch {
			case until != "" && length != 0:
				return r, errors.New("give --until or --for, not both")
			case length != 0:
				r.Until = time.Now().Add(length)
			case until != "":
				t, err := time.Parse(time.RFC3339, until)
				if err != nil {
					return r, fmt.Errorf("--until %q: want a time such as 2026-12-24T18:00:00Z", until)
				}
				r.Until = t
			}
			return r, nil
		}, func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&until, "until", "", "a time such as 2026-12-24T18:00:00Z")
			cmd.Flags().DurationVar(&length, "for", 0, "a length such as 8h")
		})
}

// post is a command that asks the daemon for something else than a target's verb.
func post(use, short, example string, args cobra.PositionalArgs, place func([]string) (string, error), done func([]string) string) *cobra.Command {
	var c connection
	var out format
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := place(args)
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			var answer any
			if err := client.Post(cmd.Context(), path, v1.Request{}, &answer); err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), answer, func() { fmt.Fprintln(cmd.OutOrStdout(), done(args)) })
		},
	}
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}

func syncCommand() *cobra.Command {
	return post("sync [REPOSITORY]", "Look at a repository now, or at all", "  baryon sync\n  baryon sync platform", cobra.MaximumNArgs(1),
		func(args []string) (string, error) {
			if len(args) == 0 {
				return "sync", nil
			}
			return "repositories/" + url.PathEscape(args[0]) + "/sync", nil
		}, func([]string) string { return "asked for; see: baryon status" })
}

func publishCommand() *cobra.Command {
	var kind string
	cmd := post("publish TEMPLATE VERSION", "Publish a DRAFT version, so that those who follow its major move to it",
		"  baryon publish web-env 1.1", cobra.ExactArgs(2),
		func(args []string) (string, error) {
			if kind != "environment" && kind != "service" {
				return "", fmt.Errorf("--kind %q: want environment or service", kind)
			}
			return "templates/" + kind + "/" + url.PathEscape(args[0]) + "/versions/" + url.PathEscape(args[1]) + "/publish", nil
		}, func(args []string) string { return args[0] + " " + args[1] + " is published" })
	cmd.Flags().StringVar(&kind, "kind", "environment", "environment or service: what the template is of")
	return cmd
}
