package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

func pullsCommand() *cobra.Command {
	var all bool
	cmd := query("pulls", "Show changes that wait to be merged",
		"  baryon pulls\n  baryon pulls --all -o json", upTo(0),
		func(ctx context.Context, c *v1.Client, _ []string) ([]v1.Pull, error) {
			q := url.Values{}
			if all {
				q.Set("all", "true")
			}
			var page v1.Page[v1.Pull]
			err := c.Get(ctx, "pulls", q, &page)
			return page.Items, err
		}, func(w io.Writer, list []v1.Pull) {
			if len(list) == 0 {
				fmt.Fprintln(w, "nothing waits to be merged")
				return
			}
			table(w, "WHAT STATUS SINCE CALLS WHERE NOTE", func(row func(...string)) {
				for _, p := range list {
					where, note := p.URL, p.Why
					if where == "" {
						where = "branch " + p.Branch
					}
					if note == "" {
						note = p.Trouble
					}
					row(p.Ref, p.Status, ago(p.CreatedAt), fmt.Sprint(len(p.Calls)), where, note)
				}
			})
		})
	cmd.Flags().BoolVar(&all, "all", false, "those that are merged or closed too")
	return cmd
}
