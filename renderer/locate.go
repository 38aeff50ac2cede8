package renderer

import (
	"context"
	"path"
	"slices"
	"strings"
)

// A Located is a finding about a rendered text, with its place in the template.
type Located struct {
	Problem

	Inputs []string // what made the text at that place, to the end of the line
}

// Locate gives findings about the rendered template of a CloudFormation part,
// rendered with the same inputs, their places in the template.
func (r *Renderer) Locate(ctx context.Context, b *Bundle, p Part, in Inputs, problems Problems) ([]Located, error) {
	if len(problems) == 0 {
		return nil, nil
	}
	trace, err := r.Trace(ctx, b, p, in)
	if err != nil {
		return nil, err
	}
	name := path.Join(partDir(p), b.Parts[p].Template)
	text := newDocument(name, trace.Text)
	j := &job{bundle: b, part: p}
	out := make([]Located, len(problems))
	for i, problem := range problems {
		offset := text.offset(problem.Line, problem.Column)
		for _, s := range overlapping(trace, span{start: offset, end: max(offset+1, text.lineEnd(offset))}) {
			out[i].Inputs = append(out[i].Inputs, s.Inputs...)
		}
		slices.Sort(out[i].Inputs)
		out[i].Inputs = slices.Compact(out[i].Inputs)
		next := problem.Next
		j.mapBack(&problem, name, trace.Text, trace)
		if problem.Next != next && next == "" { // the result is well-formed: quoting is not what it lacks
			problem.Next = "the value of " + strings.Join(out[i].Inputs, ", ") + " stands here"
		} else {
			problem.Next = next
		}
		out[i].Problem = problem
	}
	return out, nil
}
