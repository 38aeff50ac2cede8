package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

// An explanation is what why prints.
type explanation struct {
	v1.Why

	Ref string `json:"ref"`
}

func whyCommand() *cobra.Command {
	return query("why NAME", "Say what something waits for, and what would change that",
		"  baryon why environment/prod\n  baryon why service shop instance dev\n  baryon why repository/platform", nameArgs(),
		func(ctx context.Context, c *v1.Client, args []string) (explanation, error) {
			ref, err := named(ctx, c, args)
			if err != nil {
				return explanation{}, err
			}
			e := explanation{Ref: ref.String()}
			err = c.Get(ctx, "why", url.Values{"ref": {ref.String()}}, &e.Why)
			return e, err
		}, printExplanation)
}

func printExplanation(w io.Writer, e explanation) {
	fmt.Fprintf(w, "%s is %s\n", e.Ref, e.State)
	line := func(name, text string) {
		if text = strings.TrimSpace(v1.Plain([]byte(text))); text != "" {
			fmt.Fprintf(w, "  %-6s %s\n", name+":", strings.ReplaceAll(text, "\n", "\n         "))
		}
	}
	line("why", e.Text)
	for _, p := range e.Problems {
		line("", p)
	}
	line("since", at(e.Since))
	line("until", at(e.Until))
	line("next", e.Next)
}

func sourcesCommand() *cobra.Command {
	var verdict string
	cmd := query("sources [REPOSITORY]", "Show what was found in Git, ignored and refused, with reasons",
		"  baryon sources\n  baryon sources platform --verdict refused\n  baryon sources -o json", upTo(1),
		func(ctx context.Context, c *v1.Client, args []string) ([]v1.Source, error) {
			q := url.Values{}
			if len(args) == 1 {
				q.Set("repository", strings.TrimPrefix(args[0], "repository/"))
			}
			if verdict != "" {
				q.Set("verdict", verdict)
			}
			return v1.List[v1.Source](ctx, c, "sources", q)
		}, printSources)
	cmd.Flags().StringVar(&verdict, "verdict", "", "only these: template, document, ops, ignored or refused")
	return cmd
}

func printSources(w io.Writer, list []v1.Source) {
	if len(list) == 0 {
		fmt.Fprintln(w, "none")
	}
	for _, s := range list {
		fmt.Fprintf(w, "%-9s %s:%s  %s\n", s.Verdict, s.Repository, v1.Plain([]byte(s.Path)), firstLine(s.Reason))
		for _, p := range s.Problems {
			fmt.Fprintf(w, "          %s\n", v1.Plain([]byte(p.String())))
		}
	}
}

func auditCommand() *cobra.Command {
	var limit int
	cmd := query("audit [NAME]", "Show who did what, newest first", "  baryon audit\n  baryon audit environment/prod --limit 10", upTo(4),
		func(ctx context.Context, c *v1.Client, args []string) ([]v1.AuditEntry, error) {
			q := url.Values{"limit": {fmt.Sprint(limit)}}
			if len(args) == 1 && strings.Contains(args[0], "-template/") {
				q.Set("ref", args[0])
			} else if len(args) > 0 {
				ref, err := named(ctx, c, args)
				if err != nil {
					return nil, err
				}
				q.Set("ref", ref.String())
			}
			var page v1.Page[v1.AuditEntry]
			err := c.Get(ctx, "audit", q, &page)
			return page.Items, err
		}, func(w io.Writer, list []v1.AuditEntry) {
			table(w, "TIME ACTOR VERB WHAT DETAIL", func(row func(...string)) {
				for _, e := range list {
					row(e.At.Local().Format(time.RFC3339), string(e.Actor), e.Verb, e.Ref, detail(e.Detail))
				}
			})
		})
	cmd.Flags().IntVar(&limit, "limit", 100, "how many")
	return cmd
}

// detail writes what an audit entry holds as name=value.
func detail(raw json.RawMessage) string {
	var m map[string]any
	if json.Unmarshal(raw, &m) != nil {
		return string(raw)
	}
	var list []string
	for name, value := range m {
		list = append(list, fmt.Sprintf("%s=%v", name, value))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
