package renderer

import (
	"strings"

	"baryon/renderer/jinja"
)

// An Input describes one input of a template for a table or a form.
type Input struct {
	Path        string `json:"path"` // db.engine; items of a list are db.replicas[]
	Type        string `json:"type"`
	Required    bool   `json:"required"`          // it must be given: it has no default
	Default     any    `json:"default,omitempty"` // nil for none
	Rules       string `json:"rules,omitempty"`   // "minimum 0, maximum 65535"
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Line        int    `json:"line"` // in the schema
	Column      int    `json:"column"`
}

// tableDepth bounds the table of a type that contains itself.
const tableDepth = 8

// Inputs lists the inputs of a type in the order of the schema, the keys of an
// object after the object itself.
func (t *Type) Inputs() []Input {
	var out []Input
	var walk func(r *rule, path string, depth int)
	walk = func(r *rule, path string, depth int) {
		r = r.resolve()
		if depth > tableDepth {
			return
		}
		for _, p := range r.properties {
			out = append(out, p.describe(r, join(path, p.name)))
			walk(p.rule, join(path, p.name), depth+1)
			if items := p.rule.resolve().items; items != nil {
				walk(items, join(path, p.name)+"[]", depth+1)
			}
		}
		for _, b := range r.allOf {
			walk(b, path, depth+1)
		}
	}
	walk(t.rule, "", 0)
	return out
}

func (p property) describe(parent *rule, path string) Input {
	r := p.rule.resolve()
	in := Input{Path: path, Type: r.kind(), Line: p.key.Line, Column: p.key.Column}
	if in.Type == "" {
		in.Type = "any"
	}
	if in.Type == "array" && r.items != nil && r.items.kind() != "" {
		in.Type = "array of " + r.items.kind()
	}
	if n := r.node.Get("default"); n != nil {
		ch := &checker{budget: checkBudget}
		v, _ := ch.value(r, n, "", "")
		in.Default = v
	}
	for _, name := range parent.required {
		in.Required = in.Required || name == p.name && in.Default == nil
	}
	var rules []string
	for _, key := range []string{"enum", "pattern", "format", "minLength", "maxLength", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum",
		"multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"} {
		n := r.node.Get(key)
		if n == nil {
			continue
		}
		text := n.Text
		if n.Kind == Sequence {
			items := make([]string, len(n.Items))
			for i, item := range n.Items {
				items[i] = item.Text
			}
			text = strings.Join(items, " | ")
		}
		rules = append(rules, key+" "+text)
	}
	in.Rules = strings.Join(rules, ", ")
	in.Title, in.Description = nodeText(r, "title"), nodeText(r, "description")
	return in
}

func nodeText(r *rule, key string) string {
	if n := r.node.Get(key); n != nil && n.Kind == Scalar {
		return n.Text
	}
	return ""
}

// JSONSchema describes a type as JSON Schema (draft 2020-12), for editors.
// Other types of the file are under $defs.
func (s *Schema) JSONSchema(t *Type) *jinja.Dict {
	d := jinja.NewDict()
	d.Set("$schema", "https://json-schema.org/draft/2020-12/schema")
	s.define(d)
	d.Set("$ref", "#/$defs/"+pointer(t.Name))
	return d
}

// SpecJSONSchema describes the whole document a developer writes for a
// template of the given kind: an EnvironmentSpec or a ServiceSpec.
func (s *Schema) SpecJSONSchema(kind TemplateKind) *jinja.Dict {
	d := jinja.NewDict()
	d.Set("$schema", "https://json-schema.org/draft/2020-12/schema")
	d.Set("type", "object")
	text := dict("type", "string", "minLength", int64(1))
	if kind == EnvironmentTemplate {
		d.Set("required", []any{"proton", "spec"})
		d.Set("properties", dict("proton", dict("const", "EnvironmentSpec"), "spec", reference(s.Environment)))
	} else {
		instance := dict("type", "object", "required", []any{"name", "environment"},
			"properties", dict("name", text, "environment", text, "spec", reference(s.Service)))
		properties := dict("proton", dict("const", "ServiceSpec"))
		if s.Pipeline != nil {
			properties.Set("pipeline", reference(s.Pipeline))
		}
		properties.Set("instances", dict("type", "array", "items", instance))
		d.Set("required", []any{"proton", "instances"})
		d.Set("properties", properties)
	}
	s.define(d)
	return d
}

func reference(t *Type) *jinja.Dict {
	if t == nil {
		return dict("type", "object")
	}
	return dict("$ref", "#/$defs/"+pointer(t.Name))
}

// pointer escapes a name for use in a JSON pointer.
func pointer(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

func (s *Schema) define(d *jinja.Dict) {
	defs := jinja.NewDict()
	for _, t := range s.types {
		defs.Set(t.Name, t.rule.jsonSchema())
	}
	d.Set("$defs", defs)
}

// jsonSchema rewrites what OpenAPI 3.0 says differently from JSON Schema:
// references, nullable and exclusive bounds.
func (r *rule) jsonSchema() *jinja.Dict {
	d := jinja.NewDict()
	if r.ref != "" {
		d.Set("$ref", "#/$defs/"+pointer(r.ref))
		return d
	}
	if kind := r.kind(); kind != "" && r.node.Get("allOf") == nil {
		if r.openapi.Nullable {
			d.Set("type", []any{kind, "null"})
		} else {
			d.Set("type", kind)
		}
	}
	for _, key := range []string{"title", "description", "format", "pattern", "deprecated",
		"minLength", "maxLength", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"} {
		if n := r.node.Get(key); n != nil {
			if v, problems := Values(n); !problems.Failed() {
				d.Set(key, v)
			}
		}
	}
	r.jsonBounds(d)
	if n := r.node.Get("default"); n != nil {
		ch := &checker{budget: checkBudget}
		v, _ := ch.read(r, n, "", r.kind())
		d.Set("default", v)
	}
	if len(r.enum) > 0 {
		d.Set("enum", r.enum)
	}
	r.jsonTree(d)
	return d
}

func (r *rule) jsonBounds(d *jinja.Dict) {
	for _, b := range []struct{ bound, exclusive string }{{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}} {
		n := r.node.Get(b.bound)
		if n == nil {
			continue
		}
		v, _ := number(n.Text)
		if nodeTruth(r.node.Get(b.exclusive)) {
			d.Set(b.exclusive, v)
		} else {
			d.Set(b.bound, v)
		}
	}
}

func (r *rule) jsonTree(d *jinja.Dict) {
	if len(r.properties) > 0 {
		properties := jinja.NewDict()
		for _, p := range r.properties {
			properties.Set(p.name, p.rule.jsonSchema())
		}
		d.Set("properties", properties)
	}
	if len(r.required) > 0 {
		var names []any
		for _, name := range r.required {
			// What has a default may be left out.
			if p := r.property(name); p == nil || p.keyword("default") == nil {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			d.Set("required", names)
		}
	}
	switch {
	case r.extra != nil:
		d.Set("additionalProperties", r.extra.jsonSchema())
	case r.closed || r.sealed:
		d.Set("additionalProperties", false)
	}
	if r.items != nil {
		d.Set("items", r.items.jsonSchema())
	}
	for _, combined := range []struct {
		key   string
		rules []*rule
	}{{"allOf", r.allOf}, {"anyOf", r.anyOf}, {"oneOf", r.oneOf}} {
		if len(combined.rules) == 0 {
			continue
		}
		list := make([]any, len(combined.rules))
		for i, b := range combined.rules {
			list[i] = b.jsonSchema()
		}
		d.Set(combined.key, list)
	}
	if len(r.not) > 0 {
		d.Set("not", r.not[0].jsonSchema())
	}
}
