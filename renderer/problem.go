package renderer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one finding about something a user wrote. Line and Column count
// from 1; 0 means that the finding has no such position. Columns count
// characters, not bytes.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Rule    string `json:"rule"`              // what was broken, in plain words
	Got     string `json:"got,omitempty"`     // what was found
	Want    string `json:"want,omitempty"`    // what would have been accepted
	Next    string `json:"next,omitempty"`    // the next step to take
	Warning bool   `json:"warning,omitempty"` // a warning refuses nothing
}

// String gives "file:line:column: rule, got X, want Y (next)"; parts that are
// empty are left out, and the rule of a warning begins with "warning: ".
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
			if p.Column > 0 {
				fmt.Fprintf(&b, ":%d", p.Column)
			}
		}
		b.WriteString(": ")
	}
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Rule)
	if p.Got != "" {
		b.WriteString(", got " + p.Got)
	}
	if p.Want != "" {
		b.WriteString(", want " + p.Want)
	}
	if p.Next != "" {
		b.WriteString(" (" + p.Next + ")")
	}
	return b.String()
}

// Problems are the findings about one input. As an error it prints one problem
// a line; a function returns it as an error only through Err, so a non-nil
// error always holds at least one problem that is not a warning.
type Problems []Problem

// Error prints one problem a line, in the order of Sort.
func (ps Problems) Error() string {
	sorted := slices.Clone(ps)
	sorted.Sort()
	lines := make([]string, len(sorted))
	for i, p := range sorted {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Sort orders by file, line and column; findings at one place keep their order.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Err is nil when nothing but warnings was found; else it is ps itself, sorted
// and with its warnings.
func (ps Problems) Err() error {
	if !ps.Failed() {
		return nil
	}
	ps.Sort()
	return ps
}

// Failed reports whether anything but warnings was found.
func (ps Problems) Failed() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// Warnings returns the findings that refuse nothing.
func (ps Problems) Warnings() Problems {
	var out Problems
	for _, p := range ps {
		if p.Warning {
			out = append(out, p)
		}
	}
	return out
}
