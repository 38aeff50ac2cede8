package renderer

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"baryon/renderer/jinja"
)

// CheckOptions say how values are compared with a type.
type CheckOptions struct {
	Strict bool   // unknown keys are errors; they are warnings else, and left out either way
	At     *Node  // where to report missing inputs when there are no values at all
	What   string // what the values are called in messages; "the spec" when empty
}

// The work of one check is bounded by the size of the value. Combined types can
// ask for work that grows with every level of it.
const (
	checkBudget = 50_000
	checkFactor = 20 // more for each value that was written
)

// Check compares what a user wrote with the type and returns it as inputs of a
// template: the keys in the order in which they were written, then the
// defaults of those left out, in the order of the schema, at every depth. An
// optional input that was left out and has no default is absent, but for an object
// whose members have defaults and need nothing else: it gets those. A nil node
// stands for a spec that was left out.
//
// A scalar without quotes is read as the schema wants it: 1.10 is the text
// "1.10" under type: string and a number under type: number. The inputs are
// usable when the problems are not Failed.
func (t *Type) Check(values *Node, o CheckOptions) (*jinja.Dict, Problems) {
	if o.What == "" {
		o.What = "the spec"
	}
	c := &checker{strict: o.Strict, budget: checkBudget + checkFactor*values.size(), what: o.What}
	if values.Null() {
		empty := &Node{Kind: Mapping}
		if at := cmpNode(o.At, values); at != nil {
			empty.File, empty.Line, empty.Column = at.File, at.Line, at.Column
		}
		values = empty
	}
	v, _ := c.value(t.rule, values, "", "")
	dict, ok := v.(*jinja.Dict)
	if !ok {
		dict = jinja.NewDict()
	}
	c.problems.Sort()
	return dict, c.problems
}

func cmpNode(a, b *Node) *Node {
	if a != nil {
		return a
	}
	return b
}

// Values reads a tree as values of a template without any schema: numbers,
// booleans and nothing where they are written without quotes, else text.
func Values(n *Node) (any, Problems) {
	c := &checker{budget: checkBudget + checkFactor*n.size()}
	v, _ := c.natural(n, "")
	return v, c.problems
}

type checker struct {
	strict   bool
	what     string
	problems Problems
	failed   int // problems that are not warnings, also those beyond maxProblems
	budget   int
	combined int // depth of allOf, anyOf, oneOf, not: unknown keys are judged outside
	filling  int // depth of defaults being filled in
}

const (
	maxFilling  = 32  // defaults inside defaults
	maxProblems = 500 // reported for one check; nobody reads more
)

func (c *checker) add(p Problem, path string) {
	if path != "" {
		p.Rule = path + ": " + p.Rule
	}
	if !p.Warning {
		c.failed++
	}
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, p)
	}
}

// spend accounts for one step and reports once when the budget is used up.
func (c *checker) spend(n *Node, path string) bool {
	c.budget--
	if c.budget == 0 {
		c.add(n.Problem("checking this value takes too much work", "", "", "use fewer combined types (allOf, anyOf, oneOf)"), path)
	}
	return c.budget > 0
}

// value checks one value against one rule and returns it as the rule reads it.
// as is the type to read it as where the rule names none. ok is false when the
// value broke the rule in any way.
func (c *checker) value(r *rule, n *Node, path, as string) (v any, ok bool) {
	r = r.resolve()
	if !c.spend(n, path) {
		return nil, false
	}
	before := c.failed
	if kind := r.kind(); kind != "" {
		as = kind
	}
	v, ok = c.read(r, n, path, as)
	if !ok {
		if list, isList := v.([]any); isList {
			c.single(r, n, list, path) // its length is judged though its items are wrong
		}
		return v, false
	}
	v = c.combine(r, n, v, path, as)
	c.single(r, n, v, path)
	return v, c.failed == before
}

// read turns the text of a value into the type of its rule.
func (c *checker) read(r *rule, n *Node, path, kind string) (any, bool) {
	if n.Null() && kind != "" {
		if r.openapi.Nullable {
			return nil, true
		}
		c.wrongType(r, n, path, kind, "write a value, or leave the key out")
		return nil, false
	}
	switch kind {
	case "string":
		if n.Kind == Scalar {
			return n.Text, true
		}
	case "number", "integer":
		if v, ok := c.numeric(r, n, path, kind); ok || n.Kind == Scalar {
			return v, ok
		}
	case "boolean":
		if n.Kind == Scalar && n.Plain && plainKind(n.Text) == boolScalar {
			return truth(n.Text), true
		}
		c.wrongType(r, n, path, kind, booleanHint(n))
		return nil, false
	case "array":
		if n.Kind == Sequence {
			return c.sequence(r, n, path)
		}
	case "object":
		if n.Kind == Mapping {
			return c.mapping(r, n, path), true
		}
	default:
		if n.Kind == Mapping && len(r.properties) > 0 {
			return c.mapping(r, n, path), true
		}
		return c.natural(n, path)
	}
	c.wrongType(r, n, path, kind, "")
	return nil, false
}

func (c *checker) wrongType(r *rule, n *Node, path, kind, next string) {
	article := "a"
	if strings.ContainsRune("aeio", rune(kind[0])) {
		article = "an"
	}
	c.add(n.Problem("value must be "+article+" "+kind, n.Describe(), r.text("type"), next), path)
}

func (c *checker) numeric(r *rule, n *Node, path, kind string) (any, bool) {
	if n.Kind != Scalar {
		return nil, false
	}
	next := ""
	if n.Plain {
		switch plainKind(n.Text) {
		case intScalar, floatScalar:
			v, ok := number(n.Text)
			if !ok {
				c.add(n.Problem("the number is too large", shorten(n.Text), r.text("type"), ""), path)
				return nil, false
			}
			f, isFloat := v.(float64)
			if kind != "integer" || !isFloat {
				return v, true
			}
			if f == math.Trunc(f) {
				i, _ := new(big.Float).SetFloat64(f).Int(nil)
				if i.IsInt64() {
					return i.Int64(), true
				}
				return i, true
			}
		case infiniteScalar:
			next = "JSON has no such number"
		case stringScalar:
			next = numberHint(n.Text)
		}
	} else if k := plainKind(n.Text); k == intScalar || k == floatScalar {
		next = "remove the quotes"
	}
	c.wrongType(r, n, path, kind, next)
	return nil, false
}

// numberHint helps the people who write numbers as other languages do.
func numberHint(s string) string {
	if digits(strings.TrimLeft(s, "+-")) {
		return "write it without leading zeros"
	}
	if digits(strings.Map(func(r rune) rune {
		if r == '_' || r == ',' || r == '\'' {
			return -1
		}
		return r
	}, s)) {
		return "write it as digits only"
	}
	return ""
}

// natural reads a value without a type.
func (c *checker) natural(n *Node, path string) (any, bool) {
	if !c.spend(n, path) {
		return nil, false
	}
	switch n.Kind {
	case Mapping:
		d, ok := jinja.NewDict(), true
		for _, p := range n.Pairs {
			v, good := c.natural(p.Value, join(path, p.Key.Text))
			d.Set(p.Key.Text, v)
			ok = ok && good
		}
		return d, ok
	case Sequence:
		list, ok := make([]any, 0, len(n.Items)), true
		for i, item := range n.Items {
			v, good := c.natural(item, fmt.Sprintf("%s[%d]", path, i))
			list = append(list, v)
			ok = ok && good
		}
		return list, ok
	}
	if !n.Plain {
		return n.Text, true
	}
	switch plainKind(n.Text) {
	case nullScalar:
		return nil, true
	case boolScalar:
		return truth(n.Text), true
	case intScalar, floatScalar:
		if v, ok := number(n.Text); ok {
			return v, true
		}
		c.add(n.Problem("the number is too large", shorten(n.Text), "", "put it in quotes to make it a text"), path)
		return nil, false
	case infiniteScalar:
		c.add(n.Problem("JSON has no such number", n.Text, "", "put it in quotes to make it a text"), path)
		return nil, false
	}
	return n.Text, true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// A brokenItem stands for an item of a list that is not what it should be.
type brokenItem int

func (c *checker) sequence(r *rule, n *Node, path string) (any, bool) {
	list, ok := make([]any, 0, len(n.Items)), true
	for i, item := range n.Items {
		at := fmt.Sprintf("%s[%d]", path, i)
		var v any
		var good bool
		if r.items != nil {
			v, good = c.value(r.items, item, at, "")
		} else {
			v, good = c.natural(item, at)
		}
		if !good {
			v = brokenItem(i) // equal to no other item
		}
		list = append(list, v)
		ok = ok && good
	}
	return list, ok
}

// mapping reads the keys that the rule knows, then fills in defaults.
func (c *checker) mapping(r *rule, n *Node, path string) *jinja.Dict {
	d := jinja.NewDict()
	given := make(map[string]bool, len(n.Pairs))
	for _, p := range n.Pairs {
		key, at := p.Key.Text, join(path, p.Key.Text)
		given[key] = true
		sub := r.property(key)
		switch {
		case sub != nil:
			if p.Value.Null() && !sub.resolve().openapi.Nullable && sub.keyword("default") != nil {
				given[key] = false // an empty value stands for the default
				continue
			}
			v, _ := c.value(sub, p.Value, at, "")
			d.Set(key, v)
		case r.extra != nil:
			v, _ := c.value(r.extra, p.Value, at, "")
			d.Set(key, v)
		case r.open && !r.branchKnows(key):
			v, _ := c.natural(p.Value, at)
			d.Set(key, v)
		default:
			c.unknown(r, p.Key, path)
		}
	}
	for _, p := range r.properties {
		switch {
		case given[p.name]:
		case p.rule.keyword("default") != nil:
			c.fill(d, p, path)
		case !slices.Contains(r.required, p.name):
			c.imply(d, p, path)
		}
	}
	for _, name := range r.required {
		if _, filled := d.Get(name); !given[name] && !filled {
			c.missing(r, n, name, path)
		}
	}
	return d
}

func (c *checker) fill(d *jinja.Dict, p property, path string) {
	def := p.rule.keyword("default")
	if c.filling++; c.filling > maxFilling {
		c.add(def.Problem("defaults contain one another without end", "", "", "remove a default from the types that refer to one another"), join(path, p.name))
		c.budget = 0
	} else {
		v, _ := c.value(p.rule, def, join(path, p.name), "")
		d.Set(p.name, v)
	}
	c.filling--
}

// imply gives an optional object that was left out the defaults of its members,
// if that makes a good value of it: defaults are filled in on all levels. It
// stays absent when no member has a default, when a member must be given, and
// when it is of a type that contains itself, which has no end.
func (c *checker) imply(d *jinja.Dict, p property, path string) {
	sub := p.rule.resolve()
	if sub.kind() != "object" || c.filling >= maxFilling || sub.within(sub, map[*rule]bool{}) {
		return
	}
	trial := &checker{strict: c.strict, what: c.what, budget: c.budget, filling: c.filling + 1}
	empty := &Node{Kind: Mapping, File: sub.node.File, Line: sub.node.Line, Column: sub.node.Column}
	v, ok := trial.value(p.rule, empty, join(path, p.name), "")
	c.budget = trial.budget
	if implied, isDict := v.(*jinja.Dict); ok && isDict && implied.Len() > 0 {
		d.Set(p.name, implied)
	}
}

// within reports whether r is the type of a member of in, at any depth.
func (r *rule) within(in *rule, seen map[*rule]bool) bool {
	if seen[in] {
		return false
	}
	seen[in] = true
	for _, b := range append(in.branches(), in) {
		for _, p := range b.resolve().properties {
			if sub := p.rule.resolve(); sub == r || r.within(sub, seen) {
				return true
			}
		}
	}
	return false
}

func (c *checker) unknown(r *rule, key *Node, path string) {
	if c.combined > 0 {
		return
	}
	known, open := r.known()
	if open || slices.Contains(known, key.Text) {
		return
	}
	p := key.Problem(fmt.Sprintf("the schema has no input %q", join(path, shorten(key.Text))), "", wantOneOf(known), didYouMean(key.Text, known))
	p.Warning = !c.strict && !r.closed
	if p.Warning && p.Next == "" {
		p.Next = "it is left out"
	}
	c.add(p, "")
}

func (c *checker) missing(r *rule, n *Node, name, path string) {
	want := ""
	if sub := r.property(name); sub != nil {
		want = sub.text("type")
	}
	what := c.what
	if path != "" {
		what = path
	}
	c.add(n.Problem(fmt.Sprintf("%s needs the input %q", what, name), "", want, "add "+name), "")
}
