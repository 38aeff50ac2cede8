package renderer

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"baryon/renderer/jinja"
)

// manifestFile is the name under which the commands of a part are blamed.
const manifestFile = "manifest.yaml"

// other blames a value of a part that is not one rendered template.
func (q *inquiry) other(ctx context.Context, file, where string) (*Blame, error) {
	if q.manifest.Engine == EngineCodeBuild && file == manifestFile {
		return q.command(ctx, where)
	}
	var files *Files
	if q.manifest.Engine == EngineTerraform {
		files = NewFiles(terraformFiles(q.bundle, q.part, q.inputs))
	} else {
		j := &job{renderer: q.renderer, bundle: q.bundle, part: q.part, inputs: q.inputs, vars: q.vars, out: &Rendered{}}
		var problems Problems
		if err := j.commands(ctx, q.manifest, Provision); err != nil && !errors.As(err, &problems) {
			return nil, err
		}
		files = j.out.Files
	}
	data, ok := files.Get(file)
	switch {
	case !ok:
		return nil, Problems{{File: file, Rule: "the part has no such file", Want: wantOneOf(files.Names())}}
	case slices.Contains([]string{VariablesJSON, InputsJSON, inputsSingular}, file):
		return q.inputFile(file, string(data.Data), where)
	}
	return q.copied(file, string(data.Data), where)
}

// inputFile blames a value of a generated file that holds the namespace as
// JSON: the path is that of the input.
func (q *inquiry) inputFile(file, text, where string) (*Blame, error) {
	d := newDocument(file, text)
	if _, _, isLine := parsePlace(where); isLine {
		return nil, Problems{{File: file, Rule: "the file is generated from the inputs", Want: "the path of an input, such as " + string(q.part) + ".inputs.KEY"}}
	}
	_, value, err := d.find(where)
	if err != nil {
		return nil, err
	}
	out := &Blame{File: file, Path: value.path, Text: text[value.start:value.end], Inputs: q.origins([]string{value.path})}
	out.Line, out.Column = d.position(value.start)
	return out, nil
}

// copied blames a line of a file that is handed on as the bundle has it.
func (q *inquiry) copied(file, text, where string) (*Blame, error) {
	name := path.Join(partDir(q.part), file)
	source, ok := q.bundle.files[name]
	if !ok {
		return nil, Problems{{File: file, Rule: "the file is generated and the same for every " + string(q.part), Want: "a file of the bundle, or " + VariablesJSON}}
	}
	line, column, ok := parsePlace(where)
	if !ok {
		return nil, Problems{{File: file, Rule: "the file is not rendered", Got: quote(where), Want: "a line number; no input stands in it"}}
	}
	d := newDocument(file, text)
	value, err := d.line(line, column)
	if err != nil {
		return nil, err
	}
	out := &Blame{File: file, Text: text[value.start:value.end]}
	out.Line, out.Column = d.position(value.start)
	head := strings.Count(text[:len(text)-len(source.Data)], "\n") // the header of Terraform files
	if out.Line > head {
		out.Pieces = []Piece{{Text: out.Text, File: path.Join(q.bundle.Dir, name), Line: out.Line - head, Column: out.Column, Literal: true}}
	}
	return out, nil
}

// command blames a string of the manifest.
func (q *inquiry) command(ctx context.Context, where string) (*Blame, error) {
	keys, _ := parsePath(where)
	node := q.manifest.string(keys)
	if node == nil {
		return nil, Problems{{File: manifestFile, Rule: "the manifest renders no such text", Got: quote(where), Want: "provision[0], deprovision[0] or project_properties.KEY"}}
	}
	out := &Blame{File: manifestFile, Path: formatPath(keys), Text: node.Text}
	out.Line, out.Column = node.Line, node.Column
	whole := Piece{Text: node.Text, File: q.manifest.Name, Line: node.Line, Column: node.Column, Literal: true}
	if plainText(node.Text) {
		out.Pieces = []Piece{whole}
		return out, nil
	}
	limited, cancel := context.WithTimeoutCause(ctx, q.renderer.timeout, errTooLong)
	defer cancel()
	t, err := jinja.Parse(q.manifest.Name, node.Text, q.renderer.jinja)
	var trace *jinja.Trace
	if err == nil {
		trace, err = t.Trace(limited, q.vars)
	}
	if err != nil {
		j := &job{renderer: q.renderer, bundle: q.bundle, part: q.part}
		p, err := j.problem(limited, err)
		if err != nil {
			return nil, fmt.Errorf("blame %s: %w", q.manifest.Name, err)
		}
		p.File = q.manifest.Name
		p.Line, p.Column = q.manifest.position(node, p.Line, p.Column)
		return nil, Problems{p}
	}
	out.Text = trace.Text
	var inputs, conditions []string
	for _, s := range trace.Segments {
		p := piece(trace, s, span{end: len(trace.Text)}, q.manifest.Name)
		p.Line, p.Column = q.manifest.position(node, p.Line, p.Column)
		out.Pieces = append(out.Pieces, p)
		inputs, conditions = append(inputs, s.Inputs...), append(conditions, s.Conditions...)
	}
	out.Inputs, out.Conditions = q.origins(inputs), q.origins(conditions)
	return out, nil
}

// string is a text of the manifest that is rendered.
func (m *Manifest) string(keys []string) *Node {
	if len(keys) < 2 {
		return nil
	}
	commands := m.CodeBuild.Provision
	switch keys[0] {
	case "project_properties":
		n := m.CodeBuild.Properties
		for _, k := range keys[1:] {
			if n == nil {
				return nil
			}
			_, n = step(n, k)
		}
		if n == nil || n.Kind != Scalar {
			return nil
		}
		return n
	case "provision":
	case "deprovision":
		commands = m.CodeBuild.Deprovision
	default:
		return nil
	}
	if i := listIndex(keys[1]); len(keys) == 2 && i >= 0 && i < len(commands) {
		return commands[i].at
	}
	return nil
}
