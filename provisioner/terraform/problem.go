package terraform

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// A Problem is one thing in code that is not allowed. Line and Column count from
// 1, and are 0 where it is the file itself.
type Problem struct {
	File                  string
	Line, Column          int
	Rule, Got, Want, Next string
}

// String gives FILE:LINE:COLUMN, the rule, what was found, what is wanted, and
// what to do.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": " + p.Rule)
	for _, part := range []struct{ before, text string }{{", got ", p.Got}, {", want ", p.Want}, {"; ", p.Next}} {
		if part.text != "" {
			b.WriteString(part.before + part.text)
		}
	}
	return b.String()
}

// at is the problem at a place in the code.
func (p Problem) at(r hcl.Range) Problem {
	p.File, p.Line, p.Column = r.Filename, r.Start.Line, r.Start.Column
	return p
}

func texts(problems []Problem) []string {
	list := make([]string, len(problems))
	for i, p := range problems {
		list[i] = p.String()
	}
	return list
}
