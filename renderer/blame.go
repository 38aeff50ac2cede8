package renderer

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"baryon/renderer/jinja"
)

// A Blame says where one value of a rendered file comes from. A file of a
// bundle that is handed on without being rendered has one Piece for the line
// that was asked for; a file that Baryon generates has none, its values are
// inputs and stand in Inputs alone.
type Blame struct {
	File         string   // the rendered file
	Path         string   // the property, in one form: Resources.Web.Properties.Tags[0]; "" for a line
	Line, Column int      // of the rendered file: where the value begins
	Text         string   // the rendered text of the value
	Pieces       []Piece  // in order, without gaps, covering Text
	Inputs       []Origin // what the value was made from, sorted by path
	Conditions   []Origin // what decided that it stands here at all: the if and for tags around it
}

// A Piece is a part of a rendered text with one place in the template.
type Piece struct {
	Text         string
	File         string   // of the template, as in problems
	Line, Column int      // of its text, or of the expression that made it
	Literal      bool     // the template's own text, copied byte for byte
	Inputs       []string // paths of the inputs that made it: service_instance.inputs.size
}

// An Origin says where one value that a template reads comes from.
type Origin struct {
	Path string // as templates write it: service_instance.inputs.size
	From Source
	// File, Line and Column are where it is written: FromSpec in the spec,
	// FromDefault in the schema. Else they are empty.
	File         string
	Line, Column int
	// FromOutput: the part whose last deployment gave the value, the name of
	// that environment, component or service instance, and the key of the
	// output, which is "" for all of them.
	Part         Part
	Name, Output string
	Value        any // as the template reads it, one of the types jinja knows; nil for FromNowhere
}

// Source is the kind of place a value comes from.
type Source string

// The places values come from.
const (
	FromSpec      Source = "spec"      // written by the developer
	FromDefault   Source = "default"   // left out there, so the schema's default
	FromOutput    Source = "output"    // of another target's last deployment
	FromNamespace Source = "namespace" // known to Baryon: names, account, repository
	FromNowhere   Source = "absent"    // an optional input that was left out, or an output that is not there
)

// Written holds the specs that Inputs were made from, as their authors wrote
// them. Blame reads positions from it; what is nil counts as left out.
type Written struct {
	// Spec is what was checked to make the inputs of the part itself: the value
	// of spec for an environment or instance, of pipeline for a pipeline. For a
	// component it is the instance's spec in its own document.
	Spec *Node
	// Instances are, for a pipeline, the specs of the service's instances in
	// the order of Inputs.Instances.
	Instances []*Node
	// Line is the line of its file on which the text of the nodes begins, for a
	// document that was kept by itself; 0 and 1 both mean the first.
	Line int
}

// Blame renders a part for Provision and says where a value in one of its
// files comes from.
//
// file is a name as Rendered.Files has it, "" for the only template of a
// CloudFormation part. The commands of a part that runs commands are blamed
// under the name manifest.yaml, with the paths provision[0], deprovision[0] and
// project_properties.KEY.
//
// where is a property, as Resources.Web.Properties.Tags[0].Value, as
// Resources['my.key'], or as the JSON pointer /Resources/Web; or a line of the
// rendered file, as 12, or 12:5 with a column.
//
// The error is a Problems when the template can't be rendered or there is no
// such file or property; the finding then names what there is. Blame renders
// anew each time, and rendering by Render costs nothing for its sake.
func (r *Renderer) Blame(ctx context.Context, b *Bundle, p Part, in Inputs, w Written, file, where string) (*Blame, error) {
	m := b.Parts[p]
	if m == nil {
		return nil, fmt.Errorf("bundle %s has no part %s that is rendered", b.Dir, p)
	}
	q := &inquiry{renderer: r, bundle: b, part: p, manifest: m, inputs: in, written: w, vars: in.Namespace(p)}
	if m.Engine == EngineCloudFormation {
		if file = cmp.Or(file, m.Template); file != m.Template {
			return nil, Problems{{File: file, Rule: "the part renders no such file", Want: m.Template}}
		}
		return q.template(ctx, where)
	}
	return q.other(ctx, file, where)
}

// An inquiry is one question for Blame.
type inquiry struct {
	renderer *Renderer
	bundle   *Bundle
	part     Part
	manifest *Manifest
	inputs   Inputs
	written  Written
	vars     *jinja.Dict
}

// template blames a value of a CloudFormation template.
func (q *inquiry) template(ctx context.Context, where string) (*Blame, error) {
	trace, err := q.renderer.Trace(ctx, q.bundle, q.part, q.inputs)
	if err != nil {
		return nil, err
	}
	file := q.manifest.Template
	out := &Blame{File: file}
	text := newDocument(file, trace.Text)
	key, value, err := text.find(where)
	if err != nil {
		return nil, err
	}
	out.Path = value.path
	out.Line, out.Column = text.position(value.start)
	out.Text = trace.Text[value.start:value.end]
	name := path.Join(q.bundle.Dir, partDir(q.part), file)
	if value.start == value.end { // what wrote nothing stands in the rest of the line
		value.end = text.lineEnd(value.start)
	}
	var inputs, conditions []string
	for _, s := range overlapping(trace, value) {
		out.Pieces = append(out.Pieces, piece(trace, s, value, name))
		inputs, conditions = append(inputs, s.Inputs...), append(conditions, s.Conditions...)
	}
	for _, s := range overlapping(trace, key) {
		conditions = append(append(conditions, s.Conditions...), s.Inputs...)
	}
	out.Inputs, out.Conditions = q.origins(inputs), q.origins(conditions)
	return out, nil
}

func overlapping(t *jinja.Trace, s span) []jinja.Segment {
	var out []jinja.Segment
	for _, segment := range t.Segments {
		empty := segment.Start == segment.End && segment.Start >= s.start && segment.End <= s.end
		if empty || segment.End > s.start && segment.Start < s.end {
			out = append(out, segment)
		}
	}
	return out
}

// piece cuts a segment to what lies inside s.
func piece(t *jinja.Trace, segment jinja.Segment, s span, file string) Piece {
	start, end := max(segment.Start, s.start), min(segment.End, s.end)
	p := Piece{Text: t.Text[start:end], File: file, Line: segment.Line, Column: segment.Column, Literal: segment.Literal, Inputs: segment.Inputs}
	if p.Literal {
		p.Line, p.Column = t.Place(segment, start)
	}
	return p
}

// origins explains paths, each once and sorted.
func (q *inquiry) origins(paths []string) []Origin {
	slices.Sort(paths)
	var out []Origin
	for _, p := range slices.Compact(paths) {
		out = append(out, q.origin(p)...)
	}
	slices.SortStableFunc(out, func(a, b Origin) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(out, func(a, b Origin) bool { return a.Path == b.Path })
}
