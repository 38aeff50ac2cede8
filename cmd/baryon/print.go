package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

// A format is how a command prints: for people, or as JSON.
type format struct{ name string }

func (f *format) flag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.name, "output", "o", "", "json for programs")
}

// print writes v as JSON where that is asked for, and else calls people.
func (f *format) print(w io.Writer, v any, people func()) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.name == "" {
		people()
		return nil
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// check refuses what is no format.
func (f *format) check() error {
	if f.name != "" && f.name != "json" {
		return fmt.Errorf("output %q: want json, or nothing", f.name)
	}
	return nil
}

// table writes rows in columns. Texts of others go through v1.Plain: a terminal
// obeys what it is shown.
func table(w io.Writer, head string, rows func(row func(cells ...string))) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	rows(func(cells ...string) {
		for i := range cells {
			if cells[i] = strings.ReplaceAll(firstLine(cells[i]), "\t", " "); cells[i] == "" {
				cells[i] = "-"
			}
		}
		for len(cells) > 0 && cells[len(cells)-1] == "-" {
			cells = cells[:len(cells)-1]
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	})
	_ = t.Flush() // what cannot be written was written to a pipe nobody reads
}

// fields writes names with their values, leaving out what is empty.
type fields struct{ w io.Writer }

func (f fields) line(name, value string) {
	if value = strings.TrimSpace(v1.Plain([]byte(value))); value != "" {
		fmt.Fprintf(f.w, "  %-12s %s\n", name, strings.ReplaceAll(value, "\n", "\n"+strings.Repeat(" ", 15)))
	}
}

// firstLine is the first line of a text; what a colon announces is part of it.
func firstLine(text string) string {
	line, rest, more := strings.Cut(strings.TrimSpace(v1.Plain([]byte(text))), "\n")
	if more && strings.HasSuffix(line, ":") {
		next, left, still := strings.Cut(strings.TrimSpace(rest), "\n")
		line, rest, more = line+" "+next, left, still
	}
	if more && strings.TrimSpace(rest) != "" {
		line += " …"
	}
	return line
}

// ago is how long ago something was, in the largest unit that fits.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	span, suffix := time.Since(t), " ago"
	if span < 0 {
		span, suffix = -span, " from now"
	}
	switch {
	case span < 2*time.Second:
		return "now"
	case span < 2*time.Minute:
		return fmt.Sprintf("%ds", int(span.Seconds())) + suffix
	case span < 2*time.Hour:
		return fmt.Sprintf("%dm", int(span.Minutes())) + suffix
	case span < 48*time.Hour:
		return fmt.Sprintf("%dh", int(span.Hours())) + suffix
	default:
		return fmt.Sprintf("%dd", int(span.Hours()/24)) + suffix
	}
}

// at is a time with how long ago it was.
func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.RFC3339) + " (" + ago(t) + ")"
}

// versionOf is a template with the version that is deployed, and a better one.
func versionOf(t v1.Target) string {
	text := strings.TrimSpace(t.TemplateName + " " + orDefault(t.DeployedVersion, t.DesiredVersion))
	if t.Behind != "" {
		text += " (" + t.RecommendedVersion + " available)"
	}
	return text
}

// reason is why a target is in its state, when that is worth a word.
func reason(t v1.Target) string {
	if t.State == v1.Ready && t.Suspended == nil && t.Held == nil {
		return ""
	}
	if t.Suspended != nil && t.State != v1.Suspended {
		return "suspended by " + t.Suspended.By + ": " + t.Suspended.Why
	}
	return t.Why.Text
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func orDefault(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
