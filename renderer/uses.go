package renderer

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"baryon/renderer/jinja"
)

// A Use is a place at which a bundle reads a value that Baryon gives it.
type Use struct {
	Part         Part
	Path         []string // service_instance inputs size; jinja.AnyItem for items of lists
	File         string
	Line, Column int
	Guarded      bool // it is prepared for the value's absence
}

// Problem starts a finding at the place of the use.
func (u Use) Problem(rule, got, want, next string) Problem {
	return Problem{File: u.File, Line: u.Line, Column: u.Column, Rule: rule, Got: got, Want: want, Next: next}
}

// Name writes the path as templates do.
func (u Use) Name() string {
	return strings.ReplaceAll(strings.Join(u.Path, "."), "."+jinja.AnyItem, jinja.AnyItem)
}

// Uses lists what the rendered texts of a part read. Terraform code is not
// rendered and has none. Problems say which texts cannot be parsed.
func (r *Renderer) Uses(b *Bundle, p Part) ([]Use, Problems) {
	m := b.Parts[p]
	if m == nil {
		return nil, nil
	}
	j := &job{renderer: r, bundle: b, part: p}
	var uses []Use
	var problems Problems
	note := func(file, place, name, source string, at func(line, column int) (int, int)) {
		t, err := j.template(place, name, source)
		if e, ok := errors.AsType[*jinja.Error](err); ok {
			line, column := at(e.Line, e.Column)
			problems = append(problems, Problem{File: file, Line: line, Column: column, Rule: e.Msg, Got: shorten(e.Expr), Next: "change the template"})
			return
		}
		if err != nil {
			return
		}
		for _, read := range t.Reads() {
			line, column := at(read.Line, read.Column)
			uses = append(uses, Use{Part: p, Path: read.Path, File: file, Line: line, Column: column, Guarded: read.Guarded})
		}
	}
	switch m.Engine {
	case EngineCloudFormation:
		name := path.Join(partDir(p), m.Template)
		note(j.fileName(name), name, name, string(b.files[name].Data), func(line, column int) (int, int) { return line, column })
	case EngineCodeBuild:
		m.texts(func(place string, n *Node) {
			if !plainText(n.Text) {
				note(m.Name, place, m.Name, n.Text, func(line, column int) (int, int) { return m.position(n, line, column) })
			}
		})
	}
	b.healthTexts(p, func(file *Manifest, place string, n *Node) {
		note(file.Name, place, file.Name, n.Text, func(line, column int) (int, int) { return file.position(n, line, column) })
	})
	return uses, problems
}

// texts visits every string of the manifest that is rendered, with its place in
// the cache of templates.
func (m *Manifest) texts(visit func(place string, n *Node)) {
	for i, c := range m.CodeBuild.Provision {
		visit(fmt.Sprintf("provision/%d", i), c.at)
	}
	for i, c := range m.CodeBuild.Deprovision {
		visit(fmt.Sprintf("deprovision/%d", i), c.at)
	}
	var walk func(place string, n *Node)
	walk = func(place string, n *Node) {
		switch {
		case n == nil:
		case n.Kind == Scalar:
			visit(place, n)
		}
		for _, p := range pairs(n) {
			walk(place+"/"+p.Key.Text, p.Value)
		}
		if n != nil {
			for i, item := range n.Items {
				walk(fmt.Sprintf("%s/%d", place, i), item)
			}
		}
	}
	walk("project_properties", m.CodeBuild.Properties)
}

// A shape is what may stand at one place of a namespace. One without keys, item
// and rule is a text, or outputs, whose names depend on another template.
type shape struct {
	keys   map[string]*shape
	item   *shape
	rule   *rule
	schema bool // keys are those of a type: unknown ones are missing from the schema
}

func object(pairs ...any) *shape {
	s := &shape{keys: map[string]*shape{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		s.keys[key], _ = pairs[i+1].(*shape)
	}
	return s
}

func typed(t *Type) *shape {
	if t == nil {
		return &shape{keys: map[string]*shape{}, schema: true}
	}
	return &shape{rule: t.rule, schema: true}
}

// namespace is the shape of Inputs.Namespace.
func (b *Bundle) namespace(p Part) *shape {
	anything := &shape{}
	seen := object("name", anything, "account_id", anything, "outputs", anything)
	service := object("name", anything, "repository_id", anything, "repository_connection_arn", anything, "branch_name", anything)
	var schema Schema
	if b.Schema != nil {
		schema = *b.Schema
	}
	switch p {
	case PartEnvironment:
		return object("environment", object("name", anything, "inputs", typed(schema.Environment)))
	case PartInstance:
		components := object("default", object("name", anything, "outputs", anything))
		return object("environment", seen, "service", service, "service_instance",
			object("name", anything, "inputs", typed(schema.Service), "components", components, "environment", seen))
	case PartPipeline:
		instance := object("name", anything, "inputs", typed(schema.Service), "outputs", anything, "environment", seen)
		return object("service", service, "pipeline", object("inputs", typed(schema.Pipeline)), "service_instances", &shape{item: instance})
	default:
		return object("component", object("name", anything), "environment", seen, "service", object("name", anything),
			"service_instance", object("name", anything, "inputs", anything))
	}
}

// Unknown says what is wrong with the path of a use: nothing when ok. The names
// are those that stand where the path goes wrong, and input tells that the
// schema is where one is missing.
func (b *Bundle) Unknown(u Use) (at int, names []string, input, ok bool) {
	s := b.namespace(u.Part)
	for i, key := range u.Path {
		next, known, open := s.step(key)
		if open {
			return 0, nil, false, true
		}
		if next == nil {
			slices.Sort(known)
			return i, known, s.schema, false
		}
		s = next
	}
	return 0, nil, false, true
}

// step goes to what stands under a key; open means that nobody can tell.
func (s *shape) step(key string) (next *shape, known []string, open bool) {
	switch {
	case s.rule != nil:
		return s.ruleStep(key)
	case s.keys != nil:
		for name := range s.keys {
			known = append(known, name)
		}
		return s.keys[key], known, key == jinja.AnyItem
	case s.item != nil && key == jinja.AnyItem:
		return s.item, nil, false
	}
	return nil, nil, true
}

func (s *shape) ruleStep(key string) (next *shape, known []string, open bool) {
	r := s.rule.resolve()
	switch r.kind() {
	case "array":
		if key != jinja.AnyItem || r.items == nil {
			return nil, nil, true
		}
		return &shape{rule: r.items, schema: true}, nil, false
	case "object":
	default:
		return nil, nil, true
	}
	if p := r.property(key); p != nil {
		return &shape{rule: p, schema: true}, nil, false
	}
	known, open = r.known()
	if key == jinja.AnyItem || open || r.branchKnows(key) {
		return nil, nil, true
	}
	return nil, known, false
}

// Code gives the Terraform files of a part, by their path in the bundle.
func (b *Bundle) Code(p Part) map[string][]byte {
	out := map[string][]byte{}
	m := b.Parts[p]
	for name, f := range b.files {
		inPart := path.Dir(name) == partDir(p) || p == PartComponent && path.Dir(name) == "."
		if inPart && strings.HasSuffix(name, ".tf") && (m.Template == "*" || m.Template == path.Base(name)) {
			out[name] = f.Data
		}
	}
	return out
}

// Text joins the files of a part, to look for words in them.
func (b *Bundle) Text(p Part) string {
	var text strings.Builder
	for name, f := range b.files {
		if strings.HasPrefix(name, partDir(p)+"/") {
			text.Write(f.Data)
			text.WriteByte('\n')
		}
	}
	return text.String()
}

// Source is the text of the manifest.
func (m *Manifest) Source() string { return string(m.data) }
