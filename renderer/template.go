package renderer

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"baryon/renderer/jinja"
)

var errTooLong = errors.New("rendering takes too long")

// template parses a text of the bundle, or takes it from the cache.
func (j *job) template(place, name, source string) (*jinja.Template, error) {
	key := templateKey{j.bundle.Digest, string(j.part) + "/" + place}
	if t := j.renderer.cache.get(key); t != nil {
		return t, nil
	}
	t, err := jinja.Parse(name, source, j.renderer.jinja)
	if err != nil {
		return nil, err
	}
	j.renderer.cache.put(key, t, len(source))
	return t, nil
}

// plain tells texts in which Jinja has nothing to do.
func plainText(s string) bool {
	return !strings.Contains(s, "{{") && !strings.Contains(s, "{%") && !strings.Contains(s, "{#")
}

// text renders one string of the manifest. Problems are collected; the error is
// the end of the context.
func (j *job) text(ctx context.Context, m *Manifest, place string, n *Node, problems *Problems) (string, error) {
	if plainText(n.Text) {
		return n.Text, nil
	}
	t, err := j.template(place, m.Name, n.Text)
	var out string
	if err == nil {
		out, err = t.Render(ctx, j.vars)
	}
	if err == nil {
		return out, nil
	}
	p, err := j.problem(ctx, err)
	if err != nil {
		return "", err
	}
	p.File = m.Name
	p.Line, p.Column = m.position(n, p.Line, p.Column)
	*problems = append(*problems, p)
	return "", nil
}

// position finds where in the manifest a place in one of its strings lies.
func (m *Manifest) position(n *Node, line, column int) (int, int) {
	lines := strings.Split(string(m.data), "\n")
	source := func(i int) string {
		if i < 1 || i > len(lines) {
			return ""
		}
		return lines[i-1]
	}
	if line < 1 {
		return n.Line, n.Column
	}
	first := []rune(source(n.Line))
	head := ""
	if n.Column-1 < len(first) {
		head = string(first[n.Column-1:])
	}
	switch {
	case strings.HasPrefix(head, "|"), strings.HasPrefix(head, ">"):
		// The text begins on the next line, indented like its first line.
		for i := n.Line + 1; i <= len(lines); i++ {
			if text := strings.TrimLeft(source(i), " "); strings.TrimSpace(text) != "" {
				column += len(source(i)) - len(text)
				break
			}
		}
		return n.Line + line, column
	case line > 1:
		return n.Line + line - 1, column
	case strings.HasPrefix(head, "\""), strings.HasPrefix(head, "'"):
		return n.Line, n.Column + column
	}
	return n.Line, n.Column + column - 1
}

// problem words an error of the template engine; the error is the end of the
// context.
func (j *job) problem(ctx context.Context, err error) (Problem, error) {
	var e *jinja.Error
	if !errors.As(err, &e) {
		return Problem{}, err
	}
	p := Problem{File: j.fileName(e.File), Line: e.Line, Column: e.Column, Rule: e.Msg, Got: shorten(e.Expr)}
	if e.Kind == jinja.CanceledError {
		if !errors.Is(context.Cause(ctx), errTooLong) {
			return Problem{}, err
		}
		p.Rule = errTooLong.Error()
		p.Want = "at most " + j.renderer.timeout.Round(time.Millisecond).String()
	}
	if e.Kind == jinja.UndefinedError && e.Path != "" && !strings.HasSuffix(e.Msg, "is undefined") {
		p.Rule = e.Path + " is undefined: " + e.Msg
	}
	if len(e.Near) > 0 {
		p.Want = strings.Join(e.Near, " or ")
	}
	switch e.Fix {
	case jinja.FixSpec:
		p.Next = "give it in the spec, or a default in the schema"
	default:
		p.Next = "change the template"
	}
	return p, nil
}

// cloudFormation renders the one template file and checks that the result is a
// template at all.
func (j *job) cloudFormation(ctx context.Context, m *Manifest) (File, error) {
	name := path.Join(partDir(j.part), m.Template)
	source := j.bundle.files[name]
	t, err := j.template(name, name, string(source.Data))
	var text string
	if err == nil {
		text, err = t.Render(ctx, j.vars)
	}
	if err != nil {
		p, err := j.problem(ctx, err)
		if err != nil {
			return File{}, err
		}
		return File{}, Problems{p}
	}
	problems := wellFormed(text)
	if problems.Failed() {
		trace, _ := t.Trace(ctx, j.vars)
		for i := range problems {
			j.mapBack(&problems[i], name, text, trace)
		}
		return File{}, problems.Err()
	}
	return File{Data: []byte(text), Exec: source.Exec}, nil
}

// mapBack turns a place in a rendered text into the place in its template.
func (j *job) mapBack(p *Problem, name, text string, trace *jinja.Trace) {
	lines := strings.SplitAfter(text, "\n")
	if p.Line < 1 || p.Line > len(lines) {
		p.File, p.Line, p.Column = j.fileName(name), 1, 1
		return
	}
	line := lines[p.Line-1]
	p.Rule = fmt.Sprintf("line %d of the rendered template: %s", p.Line, p.Rule)
	if p.Got == "" {
		p.Got = quote(strings.TrimSpace(line))
	}
	offset := len(strings.Join(lines[:p.Line-1], ""))
	column := 1
	for i := range line {
		if column >= p.Column {
			offset += i
			break
		}
		column++
	}
	p.File, p.Line, p.Column = j.fileName(name), 1, 1
	if trace == nil {
		return
	}
	segment, ok := trace.At(min(offset, max(0, len(text)-1)))
	if !ok {
		return
	}
	p.Line, p.Column = trace.Place(segment, offset)
	if !segment.Literal && len(segment.Inputs) > 0 {
		p.Next = "the value of " + strings.Join(segment.Inputs, ", ") + " stands here; quote it in the template, or bound it in the schema"
	}
}

// Trace renders the one template file of a CloudFormation part like Render and
// says of every byte of it which place of the template and which inputs made
// it. It does not check the result.
func (r *Renderer) Trace(ctx context.Context, b *Bundle, p Part, in Inputs) (*jinja.Trace, error) {
	m := b.Parts[p]
	if m == nil || m.Engine != EngineCloudFormation {
		return nil, fmt.Errorf("bundle %s has no rendered template for %s", b.Dir, p)
	}
	limited, cancel := context.WithTimeoutCause(ctx, r.timeout, errTooLong)
	defer cancel()
	j := &job{renderer: r, bundle: b, part: p, vars: in.Namespace(p)}
	name := path.Join(partDir(p), m.Template)
	t, err := j.template(name, name, string(b.files[name].Data))
	var trace *jinja.Trace
	if err == nil {
		trace, err = t.Trace(limited, j.vars)
	}
	if err == nil {
		return trace, nil
	}
	problem, err := j.problem(limited, err)
	if err != nil {
		return nil, err
	}
	return nil, Problems{problem}
}
