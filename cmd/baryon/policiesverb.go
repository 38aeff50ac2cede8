package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

func policiesCommand() *cobra.Command {
	return query("policies [NAME]", "Show what changes may not do without a person, and when they are made",
		"  baryon policies\n  baryon policies environment/prod", upTo(4),
		func(ctx context.Context, c *v1.Client, args []string) ([]v1.Policy, error) {
			q := url.Values{}
			if len(args) > 0 {
				ref, err := named(ctx, c, args)
				if err != nil {
					return nil, err
				}
				q.Set("ref", ref.String())
			}
			var page v1.Page[v1.Policy]
			err := c.Get(ctx, "policies", q, &page)
			return page.Items, err
		}, printPolicies)
}

func printPolicies(w io.Writer, list []v1.Policy) {
	if len(list) == 0 {
		fmt.Fprintln(w, "none: changes may do everything at any time")
	}
	for _, p := range list {
		fmt.Fprintf(w, "%s  %s\n", p.Name, orDefault(p.Place, "built in"))
		fmt.Fprintf(w, "  for %s\n", p.For)
		for _, line := range p.Says {
			fmt.Fprintf(w, "  %s\n", line)
		}
		switch {
		case !p.Open:
			fmt.Fprintf(w, "  closed now: %s\n", p.Why)
		case !p.Until.IsZero():
			fmt.Fprintf(w, "  open now, until %s\n", p.Until.Local().Format(time.RFC3339))
		}
	}
}
