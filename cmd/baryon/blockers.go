package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
	"baryon/state"
)

func blockersCommand() *cobra.Command {
	var all bool
	cmd := query("blockers [SERVICE]", "Show what stops the sync of something, and why",
		"  baryon blockers\n  baryon blockers shop --all\n  baryon blockers -o json", cobra.MaximumNArgs(1),
		func(ctx context.Context, c *v1.Client, args []string) ([]v1.Blocker, error) {
			q := url.Values{}
			if len(args) == 1 {
				name := strings.TrimPrefix(args[0], "service/")
				if err := c.Get(ctx, v1.Path(state.ServiceRef(name)), nil, &v1.Service{}); err != nil {
					return nil, err
				}
				q.Set("service", name)
			}
			if !all {
				q.Set("status", string(state.BlockerActive))
			}
			var page v1.Page[v1.Blocker]
			err := c.Get(ctx, "blockers", q, &page)
			return page.Items, err
		}, func(w io.Writer, list []v1.Blocker) {
			if len(list) == 0 {
				fmt.Fprintln(w, "nothing is blocked")
				return
			}
			table(w, "ID WHAT STATUS SINCE REASON", func(row func(...string)) {
				for _, b := range list {
					reason := b.CreatedReason
					if b.ResolvedReason != "" {
						reason += "; resolved by " + b.ResolvedBy + ": " + b.ResolvedReason
					}
					row(b.ID, b.Ref, b.Status, ago(b.CreatedAt), reason)
				}
			})
		})
	cmd.Flags().BoolVar(&all, "all", false, "those that are resolved too")
	return cmd
}

func unblockCommand() *cobra.Command {
	var c connection
	var out format
	var why string
	cmd := &cobra.Command{
		Use: "unblock BLOCKER", Short: "Let a sync go on, and undo what was changed by hand",
		Long: `Resolves a blocker. What it protects is taken over from Git again, so
what was changed by another way than Git is undone: push first what you want to keep. See: baryon blockers`,
		Example: "  baryon unblock 019a1c3e-5d9e-7c55-8f60-0f6b7a3c9b11 --why 'the fix is pushed'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name a blocker; see: baryon blockers")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if why == "" {
				return errors.New("a reason is kept with it; add --why 'REASON'")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			var b v1.Blocker
			if err := client.Post(cmd.Context(), "blockers/"+url.PathEscape(args[0])+"/resolve", v1.Request{Why: why}, &b); err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), b, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "the sync of %s goes on; see: baryon why %s\n", b.Ref, b.Ref)
			})
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "the reason, kept with the blocker")
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}
