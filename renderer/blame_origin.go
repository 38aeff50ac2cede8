package renderer

import (
	"slices"

	"baryon/renderer/jinja"
)

// maxOrigins bounds what a value made from a whole container of inputs lists.
const maxOrigins = 500

// origin says where the value at a path comes from. A container of inputs is
// explained by what it holds.
func (q *inquiry) origin(text string) []Origin {
	keys, ok := parsePath(text)
	if !ok || len(keys) == 0 {
		return []Origin{{Path: text, From: FromNamespace}}
	}
	if len(keys) > 1 && keys[0] == "service_instance" && keys[1] == "environment" {
		keys = keys[1:] // the longer form of environment.outputs
	}
	o := Origin{Path: text, From: FromNamespace}
	value, present := lookupValue(q.vars, keys)
	o.Value = value
	if !present {
		o.From = FromNowhere
	}
	switch area, rest := q.area(keys); {
	case area.spec != nil || area.rule != nil:
		return q.specOrigins(o, area, rest)
	case area.part != "":
		o.Part, o.Name, o.From = area.part, area.name, FromOutput
		if len(rest) > 0 {
			o.Output = rest[0]
			if !present {
				o.From = FromNowhere
			}
		}
	}
	return []Origin{o}
}

// An area is a part of the namespace with one source: the inputs of a spec, or
// the outputs of a parent.
type area struct {
	spec *Node
	rule *rule
	part Part
	name string
}

// area finds the area a path lies in and what is left of the path below it.
// The zero area is everything that Baryon itself knows.
func (q *inquiry) area(keys []string) (area, []string) {
	at := func(want ...string) bool {
		return len(keys) >= len(want) && slices.EqualFunc(keys[:len(want)], want, func(k, w string) bool { return w == "*" || k == w })
	}
	schema := q.bundle.Schema
	switch {
	case at("environment", "outputs"):
		return area{part: PartEnvironment, name: q.inputs.Environment.Name}, keys[2:]
	case at("service_instance", "components", "default", "outputs") && q.inputs.ServiceInstance.Component != nil:
		return area{part: PartComponent, name: q.inputs.ServiceInstance.Component.Name}, keys[4:]
	case at(string(q.part), "inputs"), q.part == PartComponent && at("service_instance", "inputs"):
		a := area{spec: q.written.Spec}
		if schema != nil {
			a.rule = ruleOf(schema.Part(q.part))
		}
		return a, keys[2:]
	case at("service_instances", "*"):
		return q.instanceArea(keys[1], keys[2:])
	}
	return area{}, nil
}

// instanceArea is area for what a pipeline sees of one instance.
func (q *inquiry) instanceArea(index string, keys []string) (area, []string) {
	i := listIndex(index)
	if i < 0 || i >= len(q.inputs.Instances) || len(keys) == 0 {
		return area{}, nil
	}
	instance := q.inputs.Instances[i]
	switch {
	case keys[0] == "inputs":
		a := area{}
		if q.bundle.Schema != nil {
			a.rule = ruleOf(q.bundle.Schema.Service)
		}
		if i < len(q.written.Instances) {
			a.spec = q.written.Instances[i]
		}
		return a, keys[1:]
	case keys[0] == "outputs":
		return area{part: PartInstance, name: instance.Name}, keys[1:]
	case len(keys) > 1 && keys[0] == "environment" && keys[1] == "outputs":
		return area{part: PartEnvironment, name: instance.Environment.Name}, keys[2:]
	}
	return area{}, nil
}

func ruleOf(t *Type) *rule {
	if t == nil {
		return nil
	}
	return t.rule
}

// specOrigins finds the text that became an input.
func (q *inquiry) specOrigins(o Origin, a area, keys []string) []Origin {
	at := written{node: a.spec, rule: a.rule}
	for _, key := range keys {
		at = at.child(key)
	}
	var out []Origin
	q.leaves(&out, o, at)
	return out
}

// leaves lists a value of a spec, or what a mapping there holds.
func (q *inquiry) leaves(out *[]Origin, o Origin, at written) {
	if d, ok := o.Value.(*jinja.Dict); ok && d.Len() > 0 {
		for _, k := range d.Keys() {
			v, _ := d.Get(k)
			if len(*out) < maxOrigins {
				q.leaves(out, Origin{Path: jinja.JoinPath(o.Path, k), Value: v}, at.child(k))
			}
		}
		return
	}
	o.From = FromNowhere
	if at.node != nil {
		o.From = FromSpec
		o.File, o.Line, o.Column = at.node.File, at.node.Line, at.node.Column
		if at.isDefault {
			o.From = FromDefault
		} else if q.written.Line > 1 {
			o.Line += q.written.Line - 1
		}
	}
	*out = append(*out, o)
}

// A written value is the text that became an input, in the spec or as a
// default in the schema, and the rule for it.
type written struct {
	node      *Node // nil when it is written nowhere
	rule      *rule // nil when there is none
	isDefault bool
}

// child steps down one key, as checking does: a key that is missing, or empty
// where there is a default, stands for the default.
func (w written) child(key string) written {
	out := written{isDefault: w.isDefault}
	if w.rule != nil {
		out.rule = w.rule.below(key)
	}
	if w.node != nil {
		if i := listIndex(key); w.node.Kind == Sequence && i >= 0 && i < len(w.node.Items) {
			out.node = w.node.Items[i]
		} else {
			out.node = w.node.Get(key)
		}
	}
	if out.rule == nil || !out.node.Null() {
		return out
	}
	if d := out.rule.keyword("default"); d != nil && (out.node == nil || !out.rule.resolve().openapi.Nullable) {
		out.node, out.isDefault = d, true
	}
	return out
}

// below is the rule for a key or item of what r is the rule for.
func (r *rule) below(key string) *rule {
	r = r.resolve()
	if r.items != nil && listIndex(key) >= 0 {
		return r.items
	}
	if p := r.property(key); p != nil {
		return p
	}
	for _, b := range r.branches() {
		if p := b.below(key); p != nil {
			return p
		}
	}
	return r.extra
}

// lookupValue reads what a template reads at a path.
func lookupValue(v any, keys []string) (any, bool) {
	for _, key := range keys {
		switch in := v.(type) {
		case *jinja.Dict:
			item, ok := in.Get(key)
			if !ok {
				return nil, false
			}
			v = item
		case []any:
			i := listIndex(key)
			if i < 0 || i >= len(in) {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}
