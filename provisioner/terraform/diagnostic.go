package terraform

import (
	"fmt"
	"strings"
)

// A diagnostic is an error or a warning of terraform.
type diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
	Range    *struct {
		File  string `json:"filename"`
		Start struct {
			Line   int `json:"line"`
			Column int `json:"column"`
		} `json:"start"`
	} `json:"range"`
}

// ofTheMoment reports whether it is about what may be otherwise soon: a lock that
// is held, or the place of the states that cannot be reached. What a resource
// runs into is not.
func (d *diagnostic) ofTheMoment() bool {
	return d.Summary == "Error acquiring the state lock" ||
		d.Address == "" && d.Range == nil && ofTheMoment.MatchString(d.Summary+"\n"+d.Detail)
}

// String is the diagnostic for people: what, where, why. The code and the
// values that terraform adds are left out.
func (d *diagnostic) String() string {
	var b strings.Builder
	b.WriteString(strings.ToUpper(d.Severity[:min(1, len(d.Severity))]) + d.Severity[min(1, len(d.Severity)):] + ": " + d.Summary + "\n")
	if d.Range != nil {
		fmt.Fprintf(&b, "  at %s:%d:%d", d.Range.File, d.Range.Start.Line, d.Range.Start.Column)
		if d.Address != "" {
			b.WriteString(", in " + d.Address)
		}
		b.WriteString("\n")
	} else if d.Address != "" {
		b.WriteString("  in " + d.Address + "\n")
	}
	for line := range strings.Lines(d.Detail) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			b.WriteString("  " + line + "\n")
		}
	}
	return b.String()
}
