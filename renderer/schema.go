package renderer

import (
	"fmt"
	"regexp"
	"slices"
)

// A Schema is a compiled schema/schema.yaml: the inputs that specs may give. It
// never changes and may be used concurrently.
type Schema struct {
	File        string // as in problems
	Environment *Type  // nil unless environment_input_type names it
	Service     *Type  // nil unless service_input_type names it
	Pipeline    *Type  // nil unless pipeline_input_type names it

	node  *Node // the value of the key schema
	types []*Type
}

// A Type is one of the types of a schema.
type Type struct {
	Name string
	rule *rule
}

// EnvironmentType is the name given as environment_input_type, "" for none.
func (s *Schema) EnvironmentType() string { return s.typeName("environment_input_type") }

// ServiceType is the name given as service_input_type, "" for none.
func (s *Schema) ServiceType() string { return s.typeName("service_input_type") }

// PipelineType is the name given as pipeline_input_type, "" for none.
func (s *Schema) PipelineType() string { return s.typeName("pipeline_input_type") }

func (s *Schema) typeName(key string) string {
	if n := s.node.Get(key); !n.Null() && n.Kind == Scalar {
		return n.Text
	}
	return ""
}

// Part returns the type that the inputs of a part must have, nil when the
// schema names none.
func (s *Schema) Part(p Part) *Type {
	switch p {
	case PartEnvironment:
		return s.Environment
	case PartInstance:
		return s.Service
	case PartPipeline:
		return s.Pipeline
	}
	return nil
}

const inputName = 100 // characters that a parameter name may have

var openapiVersion = regexp.MustCompile(`^3\.0\.\d+$`)

// CompileSchema reads and checks the text of a schema. The schema is usable
// when the problems are not Failed; it is nil when the text could not be read
// at all.
func CompileSchema(file string, data []byte, limits Limits) (*Schema, Problems) {
	root, problems := ParseOne(file, data, limits)
	if root == nil {
		return nil, problems
	}
	d := &Decoder{Problems: problems, Lenient: true}
	if !d.Mapping(root, "the schema file", "schema") {
		return nil, d.Problems
	}
	n := d.Require(root, "the schema file", "schema")
	if !d.Mapping(n, "schema", "format", "environment_input_type", "service_input_type", "pipeline_input_type", "types") {
		return nil, d.Problems
	}
	s := &Schema{File: file, node: n}
	s.format(d, n)
	c := &compiler{Decoder: d, types: map[string]*Type{}}
	types := n.Get("types")
	if !types.Null() && types.Kind != Mapping {
		d.Add(types.Problem("types must be a mapping", types.Describe(), "names and types", ""))
		types = nil
	}
	if !types.Null() {
		for _, p := range types.Pairs {
			t := &Type{Name: p.Key.Text}
			c.types[t.Name] = t
			s.types = append(s.types, t)
		}
		for i, p := range types.Pairs {
			s.types[i].rule = c.compile(p.Value, 1)
		}
	}
	c.link()
	s.Environment = s.input(c, "environment_input_type")
	s.Service = s.input(c, "service_input_type")
	s.Pipeline = s.input(c, "pipeline_input_type")
	if !d.Problems.Failed() {
		c.defaults()
	}
	c.seal()
	d.Problems.Sort()
	return s, d.Problems
}

func (s *Schema) format(d *Decoder, n *Node) {
	const next = "add format: {openapi: \"3.0.0\"}"
	format := n.Get("format")
	if format.Null() {
		d.Add(n.Problem("schema needs the key \"format\"", "", "", next))
		return
	}
	if !d.Mapping(format, "format", "openapi") {
		return
	}
	version := d.Require(format, "format", "openapi")
	if text := d.String(version, "openapi"); version != nil && text != "" && !openapiVersion.MatchString(text) {
		d.Add(version.Problem("the schema must be of OpenAPI 3.0", quote(text), "\"3.0.0\"", ""))
	}
}

// input resolves one of the *_input_type keys.
func (s *Schema) input(c *compiler, key string) *Type {
	n := s.node.Get(key)
	if n == nil {
		return nil
	}
	name := c.String(n, key)
	if name == "" {
		return nil
	}
	t, ok := c.types[name]
	if !ok {
		names := make([]string, 0, len(s.types))
		for _, t := range s.types {
			names = append(names, t.Name)
		}
		c.Add(n.Problem(key+" names a type that does not exist", quote(name), "a key of types", didYouMean(name, names)))
		return nil
	}
	if t.rule != nil && t.rule.kind() != "object" {
		c.Add(t.rule.node.Problem(fmt.Sprintf("the type %q is named as %s and must be an object", name, key), t.rule.kind(), "type: object", ""))
	}
	return t
}

// fits checks a schema against the bundle it belongs to.
func (s *Schema) fits(kind TemplateKind, customerManaged, pipeline bool) Problems {
	var d Decoder
	refuse := func(key, what string) {
		if n := s.node.KeyNode(key); n != nil {
			d.Add(n.Problem(what+" has no "+key, "", "", "remove it"))
		}
	}
	need := func(key, what, next string) {
		if s.typeName(key) == "" && s.node.Get(key) == nil {
			d.Add(s.node.Problem(what+" needs the key \""+key+"\"", "", "the name of an object type, which may have no properties", next))
		}
	}
	switch kind {
	case EnvironmentTemplate:
		need("environment_input_type", "the schema of an environment template", "")
		refuse("service_input_type", "the schema of an environment template")
		refuse("pipeline_input_type", "the schema of an environment template")
		if customerManaged && s.Environment != nil {
			s.stringsOnly(&d)
		}
	case ServiceTemplate:
		need("service_input_type", "the schema of a service template", "")
		refuse("environment_input_type", "the schema of a service template")
		if pipeline {
			need("pipeline_input_type", "the schema of a service template with pipeline_infrastructure/", "")
		} else if n := s.node.KeyNode("pipeline_input_type"); n != nil {
			d.Add(n.Problem("pipeline_input_type needs pipeline_infrastructure/", "a bundle without it", "", "add the directory, or remove the key"))
		}
	}
	return d.Problems
}

// stringsOnly holds for customer-managed environments: their inputs become
// outputs, which are strings.
func (s *Schema) stringsOnly(d *Decoder) {
	for _, p := range s.Environment.rule.properties {
		if kind := p.rule.kind(); kind != "string" {
			d.Add(p.rule.node.Problem(fmt.Sprintf("the input %q of a customer-managed environment must be a string", p.name), kind, "type: string", "its value becomes an output"))
		}
		if n := p.rule.keyword("default"); n != nil {
			d.Warn(n.Problem(fmt.Sprintf("the input %q of a customer-managed environment should have no default", p.name), "", "", "every environment says where it is; remove the default"))
		}
	}
}

// compiler turns the nodes of types into rules.
type compiler struct {
	*Decoder
	types map[string]*Type
	rules []*rule
	refs  []*rule
}

// link resolves references once all types are compiled, and refuses chains of
// references that never arrive at a type.
func (c *compiler) link() {
	for _, r := range c.refs {
		t, ok := c.types[r.ref]
		if !ok {
			names := make([]string, 0, len(c.types))
			for name := range c.types {
				names = append(names, name)
			}
			slices.Sort(names)
			c.Add(r.node.Get("$ref").Problem("$ref names a type that does not exist", quote(r.ref), "a key of types", didYouMean(r.ref, names)))
			r.ref = ""
			continue
		}
		r.target = t.rule
	}
	for _, r := range c.refs {
		slow, fast := r, r
		for fast != nil && fast.target != nil && fast.target.target != nil {
			slow, fast = slow.target, fast.target.target
			if slow == fast {
				c.Add(r.node.Get("$ref").Problem("$ref leads back to itself", "", "a type that is described somewhere", ""))
				r.target, r.ref = nil, ""
				break
			}
		}
	}
	for _, r := range c.rules {
		c.combinatorLoop(r)
	}
	sizes := map[*rule]int{}
	for _, r := range c.rules {
		if c.expansion(r, sizes) > maxExpansion {
			c.Add(r.node.Problem("allOf, anyOf, oneOf and not expand to too many rules", "", fmt.Sprintf("at most %d", maxExpansion), "combine fewer types"))
			r.uncombine()
		}
	}
}

// seal marks the objects that take no other keys than their own. In a schema
// that combines types none is marked, since another branch may know a key.
func (c *compiler) seal() {
	if slices.ContainsFunc(c.rules, func(r *rule) bool { return len(r.branches()) > 0 }) {
		return
	}
	for _, r := range c.rules {
		r.sealed = r.ref == "" && r.kind() == "object" && !r.open && r.extra == nil
	}
}

// maxExpansion bounds how many rules a combined type puts on one value. A few
// types that combine one another twice each would else ask for endless work.
const maxExpansion = 1000

func (c *compiler) expansion(r *rule, sizes map[*rule]int) int {
	r = r.resolve()
	if n, ok := sizes[r]; ok {
		return n
	}
	n := 1
	for _, b := range r.branches() {
		n = min(n+c.expansion(b, sizes), maxExpansion+1)
	}
	sizes[r] = n
	return n
}

// combinatorLoop refuses types that contain themselves through allOf, anyOf,
// oneOf or not: unlike recursion through properties, no value would end it.
func (c *compiler) combinatorLoop(start *rule) {
	seen := map[*rule]bool{}
	var visit func(r *rule) bool
	visit = func(r *rule) bool {
		r = r.resolve()
		if r == start.resolve() && len(seen) > 0 {
			return true
		}
		if seen[r] {
			return false
		}
		seen[r] = true
		return slices.ContainsFunc(r.branches(), visit)
	}
	if len(start.branches()) > 0 && visit(start) {
		c.Add(start.node.Problem("the type contains itself through allOf, anyOf, oneOf or not", "", "", "refer to itself through a property instead"))
		start.uncombine()
	}
}

// defaults checks every default against its own rule, which also proves that
// filling in nested defaults comes to an end.
func (c *compiler) defaults() {
	for _, r := range c.rules {
		n := r.keyword("default")
		if n == nil {
			continue
		}
		ch := &checker{strict: true, budget: checkBudget}
		ch.value(r, n, "", "")
		for _, p := range ch.problems {
			if !p.Warning {
				p.Rule = "the default does not fit its own rule: " + p.Rule
				c.Add(p)
			}
		}
	}
}
