package renderer

import (
	"fmt"
	"math"
	"slices"
)

// Compare names every change from an older schema to a newer one that can break
// a spec which was good before, as minors of one major must not do. Problems
// stand at places of the newer schema. A default that changes is a warning: no
// spec breaks, but those that leave the input out render differently.
func Compare(older, newer *Schema) Problems {
	c := &comparison{seen: map[[2]*rule]bool{}, newer: newer}
	for _, t := range []struct {
		key          string
		older, newer *Type
	}{
		{"environment_input_type", older.Environment, newer.Environment},
		{"service_input_type", older.Service, newer.Service},
		{"pipeline_input_type", older.Pipeline, newer.Pipeline},
	} {
		switch {
		case t.older == nil && t.newer == nil:
		case t.newer == nil:
			c.add(newer.node, t.key+" was removed", "", "specs that give its inputs would be refused")
		case t.older == nil:
			c.added(t.newer.rule, t.key)
		default:
			c.rules(t.older.rule, t.newer.rule, "")
		}
	}
	c.problems.Sort()
	return c.problems
}

type comparison struct {
	problems Problems
	seen     map[[2]*rule]bool
	newer    *Schema
}

func (c *comparison) add(at *Node, rule, got, want string) {
	c.problems = append(c.problems, at.Problem("breaking change: "+rule, got, want, "keep it compatible, or make a new major version"))
}

// added reports the inputs of a new type that every spec would have to give.
func (c *comparison) added(r *rule, what string) {
	r = r.resolve()
	for _, name := range r.required {
		if p := r.property(name); p == nil || p.keyword("default") == nil {
			c.add(r.node, fmt.Sprintf("%s is new and requires %q", what, name), "", "a default, or not required")
		}
	}
}

func (c *comparison) rules(older, newer *rule, path string) {
	older, newer = older.resolve(), newer.resolve()
	if c.seen[[2]*rule{older, newer}] {
		return
	}
	c.seen[[2]*rule{older, newer}] = true
	what := path
	if what == "" {
		what = "the type"
	}
	if was, is := older.kind(), newer.kind(); was != is && is != "" && (was != "integer" || is != "number") {
		if was == "" {
			was = "any type"
		}
		c.add(cmpNode(newer.node.Get("type"), newer.node), what+" changed its type", is, was)
		return
	}
	c.enum(older, newer, what)
	c.bounds(older, newer, what)
	c.defaultOf(older, newer, what)
	c.combined(older, newer, what)
	c.object(older, newer, path, what)
	switch {
	case older.items != nil && newer.items != nil:
		c.rules(older.items, newer.items, path+"[]")
	case newer.items != nil:
		if newer.items.kind() != "" {
			c.add(newer.items.node, what+" now says what its items are", newer.items.kind(), "any")
		}
	}
}

func (c *comparison) enum(older, newer *rule, what string) {
	n := newer.node.Get("enum")
	if n == nil {
		return
	}
	if older.node.Get("enum") == nil {
		c.add(n, what+" now takes a list of values only", "", "")
		return
	}
	for _, item := range older.node.Get("enum").Items {
		if !slices.ContainsFunc(n.Items, func(o *Node) bool { return o.Text == item.Text || sameNumber(o, item) }) {
			c.add(n, fmt.Sprintf("%s no longer takes %q", what, item.Text), "", "")
		}
	}
}

// bounds compares the keywords that narrow a value.
func (c *comparison) bounds(older, newer *rule, what string) {
	for _, key := range []struct {
		name  string
		lower bool // a larger number is tighter
	}{
		{"minimum", true}, {"minLength", true}, {"minItems", true}, {"minProperties", true},
		{"maximum", false}, {"maxLength", false}, {"maxItems", false}, {"maxProperties", false},
	} {
		was, is := older.node.Get(key.name), newer.node.Get(key.name)
		if is == nil {
			continue
		}
		bound := nodeNumber(is)
		if was == nil {
			if key.lower && key.name != "minimum" && bound == 0 {
				continue
			}
			c.add(is, fmt.Sprintf("%s has a new %s", what, key.name), is.Text, "none")
			continue
		}
		if old := nodeNumber(was); key.lower && bound > old || !key.lower && bound < old {
			c.add(is, fmt.Sprintf("%s has a tighter %s", what, key.name), is.Text, was.Text)
		}
	}
	for _, key := range []string{"pattern", "multipleOf", "format"} {
		was, is := older.node.Get(key), newer.node.Get(key)
		if key == "multipleOf" && is != nil && was != nil && math.Mod(nodeNumber(was), nodeNumber(is)) == 0 {
			continue // whatever is a multiple of 4 is one of 2
		}
		if is != nil && (was == nil || was.Text != is.Text) {
			want := "none"
			if was != nil {
				want = was.Text
			}
			c.add(is, fmt.Sprintf("%s has another %s", what, key), shorten(is.Text), shorten(want))
		}
	}
	for _, key := range []string{"exclusiveMinimum", "exclusiveMaximum", "uniqueItems"} {
		if is := newer.node.Get(key); is != nil && nodeTruth(is) && !nodeTruth(older.node.Get(key)) {
			c.add(is, fmt.Sprintf("%s has a new %s", what, key), "", "")
		}
	}
	if nodeTruth(older.node.Get("nullable")) && !nodeTruth(newer.node.Get("nullable")) {
		c.add(newer.node, what+" may no longer be null", "", "nullable: true")
	}
}

// sameNumber tells whether two values are one number, as 1 and 1.0 are.
func sameNumber(a, b *Node) bool {
	x, xok := number(a.Text)
	y, yok := number(b.Text)
	return a.Plain && b.Plain && xok && yok && asFloat(x) == asFloat(y)
}

func nodeNumber(n *Node) float64 {
	v, _ := number(n.Text)
	return asFloat(v)
}

func nodeTruth(n *Node) bool {
	return n != nil && n.Plain && plainKind(n.Text) == boolScalar && truth(n.Text)
}

func (c *comparison) defaultOf(older, newer *rule, what string) {
	was, is := older.node.Get("default"), newer.node.Get("default")
	switch {
	case was == nil:
	case is == nil:
		c.add(newer.node, what+" lost its default", "", "default: "+shorten(was.Text))
	case !sameTree(was, is):
		p := is.Problem(what+" has another default", is.Describe(), was.Describe(), "specs that leave it out render differently")
		p.Warning = true
		c.problems = append(c.problems, p)
	}
}

// combined compares allOf, anyOf, oneOf and not as a whole: what a change of
// them means cannot be told in general.
func (c *comparison) combined(older, newer *rule, what string) {
	for _, key := range []string{"allOf", "anyOf", "oneOf", "not"} {
		was, is := older.node.Get(key), newer.node.Get(key)
		if is != nil && (was == nil || !sameTree(was, is)) {
			c.add(is, fmt.Sprintf("%s has another %s", what, key), "", "")
		}
	}
}

func sameTree(a, b *Node) bool {
	if a.Kind != b.Kind || a.Text != b.Text || len(a.Pairs) != len(b.Pairs) || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !sameTree(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for _, p := range a.Pairs {
		if other := b.Get(p.Key.Text); other == nil || !sameTree(p.Value, other) {
			return false
		}
	}
	return true
}

func (c *comparison) object(older, newer *rule, path, what string) {
	for _, p := range older.properties {
		now := newer.property(p.name)
		if now == nil {
			if newer.extra == nil && !newer.open {
				c.add(newer.node, fmt.Sprintf("the input %q was removed", join(path, p.name)), "", "")
			}
			continue
		}
		c.rules(p.rule, now, join(path, p.name))
	}
	for _, name := range newer.required {
		now := newer.property(name)
		if slices.Contains(older.required, name) || now != nil && now.keyword("default") != nil {
			continue
		}
		at := newer.node
		if now != nil {
			at = now.node
		}
		if older.property(name) == nil {
			c.add(at, fmt.Sprintf("the required input %q was added without a default", join(path, name)), "", "a default, or not required")
		} else {
			c.add(at, fmt.Sprintf("the input %q became required without a default", join(path, name)), "", "a default, or not required")
		}
	}
	switch {
	case newer.closed && !older.closed:
		c.add(newer.node.Get("additionalProperties"), what+" no longer takes unknown keys", "", "")
	case older.open && !newer.open && newer.extra == nil && newer.kind() == "object":
		c.add(newer.node, what+" no longer takes any key", "", "")
	case older.extra != nil && newer.extra != nil:
		c.rules(older.extra, newer.extra, join(path, "*"))
	}
}
