package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func statusCommand() *cobra.Command {
	var watch bool
	read := func(ctx context.Context, c *v1.Client, _ []string) (v1.Status, error) {
		var s v1.Status
		return s, c.Get(ctx, "status", nil, &s)
	}
	cmd := query("status", "Show everything as a tree", "  baryon status\n  baryon status --watch", cobra.NoArgs, read, printStatus)
	once := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for {
			if watch {
				fmt.Fprint(cmd.OutOrStdout(), "\x1b[2J\x1b[H")
			}
			if err := once(cmd, args); err != nil || !watch {
				return err
			}
			select {
			case <-cmd.Context().Done():
				return nil
			case <-time.After(time.Second):
			}
		}
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again every second until Ctrl-C")
	return cmd
}

func printStatus(w io.Writer, s v1.Status) {
	for _, r := range s.Repositories {
		fmt.Fprintf(w, "repository/%s  %s  %.12s %s\n", r.Name, r.State, r.Commit, r.Subject)
		if r.Error != "" {
			fmt.Fprintf(w, "    %s\n", r.Error)
		}
		if r.Degraded != "" {
			fmt.Fprintf(w, "    nothing is deleted: %s\n", r.Degraded)
		}
	}
	for _, e := range s.Environments {
		printBranch(w, "", e.Target)
		for _, t := range slices.Concat(e.Instances, e.Components) {
			printBranch(w, "  ", t)
		}
	}
	for _, v := range s.Services {
		fmt.Fprintf(w, "service/%s  %s\n", v.Name, v.Status)
		if v.Pipeline != nil {
			printBranch(w, "  ", *v.Pipeline)
		}
	}
	for _, t := range s.Unplaced {
		printBranch(w, "", t)
	}
	for _, p := range s.Problems {
		fmt.Fprintf(w, "problem  %s: %s\n", p.Repository, p.Problem)
	}
	if len(s.Environments)+len(s.Services)+len(s.Repositories) == 0 {
		fmt.Fprintln(w, "nothing is declared yet; push a document to a configured repository")
	}
}

func printBranch(w io.Writer, indent string, t v1.Target) {
	fmt.Fprintf(w, "%s%s  %s  %s %s", indent, t.Ref, t.State, t.TemplateName, t.DeployedVersion)
	if t.Behind != "" {
		fmt.Fprintf(w, " (%s recommended)", t.RecommendedVersion)
	}
	fmt.Fprintln(w)
	if t.State != v1.Ready && t.Why.Text != "" {
		fmt.Fprintf(w, "%s    %s\n", indent, firstLine(t.Why.Text))
	}
}

func whyCommand() *cobra.Command {
	type answer struct {
		Ref string `json:"ref"`
		v1.Why
	}
	return query("why NAME", "Say what something waits for, and what would change that", "  baryon why environment/prod",
		cobra.RangeArgs(1, 2), func(ctx context.Context, c *v1.Client, args []string) (answer, error) {
			ref, err := refOf(args)
			if err != nil {
				return answer{}, err
			}
			a := answer{Ref: ref.String()}
			err = c.Get(ctx, "why", map[string][]string{"ref": {ref.String()}}, &a.Why)
			return a, err
		}, func(w io.Writer, a answer) {
			fmt.Fprintf(w, "%s is %s\n", a.Ref, a.State)
			if a.Text != "" {
				fmt.Fprintf(w, "  why:   %s\n", a.Text)
			}
			for _, p := range a.Problems {
				fmt.Fprintf(w, "  %s\n", p)
			}
			if !a.Until.IsZero() {
				fmt.Fprintf(w, "  until: %s\n", a.Until.Format(time.RFC3339))
			}
			if a.Next != "" {
				fmt.Fprintf(w, "  next:  %s\n", a.Next)
			}
		})
}

func sourcesCommand() *cobra.Command {
	return query("sources [REPOSITORY]", "Show what was found in Git, ignored and refused, with reasons", "  baryon sources\n  baryon sources platform -o json",
		cobra.MaximumNArgs(1), func(ctx context.Context, c *v1.Client, args []string) ([]v1.Source, error) {
			q := map[string][]string{}
			if len(args) == 1 {
				q["repository"] = args
			}
			return v1.List[v1.Source](ctx, c, "sources", q)
		}, func(w io.Writer, list []v1.Source) {
			for _, s := range list {
				fmt.Fprintf(w, "%-9s %s:%s  %s\n", s.Verdict, s.Repository, s.Path, s.Reason)
				for _, p := range s.Problems {
					fmt.Fprintf(w, "          %s\n", p)
				}
			}
		})
}

func auditCommand() *cobra.Command {
	return query("audit [NAME]", "Show who did what, newest first", "  baryon audit environment/prod", cobra.MaximumNArgs(2),
		func(ctx context.Context, c *v1.Client, args []string) ([]v1.AuditEntry, error) {
			q := map[string][]string{"limit": {"100"}}
			if len(args) > 0 {
				ref, err := refOf(args)
				if err != nil {
					return nil, err
				}
				q["ref"] = []string{ref.String()}
			}
			var page v1.Page[v1.AuditEntry]
			return page.Items, c.Get(ctx, "audit", q, &page)
		}, func(w io.Writer, list []v1.AuditEntry) {
			table(w, "TIME ACTOR VERB WHAT DETAIL", func(row func(...string)) {
				for _, e := range list {
					row(e.At.Format(time.RFC3339), string(e.Actor), e.Verb, e.Ref, string(e.Detail))
				}
			})
		})
}
