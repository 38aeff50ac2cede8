package renderer

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// A rule is one schema object. What it says about a single value (type, enum,
// bounds, lengths, formats) is judged by openapi; what concerns the tree is
// walked here, since values, positions and defaults are ours.
type rule struct {
	node       *Node
	ref        string // the name after #/, for a reference
	target     *rule  // what ref names
	openapi    *openapi3.Schema
	pattern    *regexp.Regexp
	enum       []any
	properties []property
	required   []string
	items      *rule
	extra      *rule // additionalProperties given as a schema
	open       bool  // unknown keys are part of the value
	closed     bool  // additionalProperties: false
	sealed     bool  // unknown keys are certainly a mistake
	allOf      []*rule
	anyOf      []*rule
	oneOf      []*rule
	not        []*rule
}

type property struct {
	name string
	key  *Node
	rule *rule
}

// resolve follows references to the rule that says something.
func (r *rule) resolve() *rule {
	for r.target != nil {
		r = r.target
	}
	return r
}

// kind is the type a rule asks for, "" for any.
func (r *rule) kind() string {
	r = r.resolve()
	if r.openapi == nil || r.openapi.Type == nil {
		for _, b := range r.allOf {
			if k := b.kind(); k != "" {
				return k
			}
		}
		return ""
	}
	return (*r.openapi.Type)[0]
}

func (r *rule) keyword(key string) *Node { return r.resolve().node.Get(key) }

func (r *rule) branches() []*rule {
	return slices.Concat(r.allOf, r.anyOf, r.oneOf, r.not)
}

// uncombine drops combinations that were refused, so that later checks end.
func (r *rule) uncombine() { r.allOf, r.anyOf, r.oneOf, r.not = nil, nil, nil, nil }

func (r *rule) property(name string) *rule {
	for i := range r.properties {
		if r.properties[i].name == name {
			return r.properties[i].rule
		}
	}
	return nil
}

// known lists the names of all properties, those of combined rules included,
// and tells whether others are welcome too.
func (r *rule) known() (names []string, open bool) {
	r = r.resolve()
	for _, p := range r.properties {
		names = append(names, p.name)
	}
	open = r.open || r.extra != nil
	for _, b := range slices.Concat(r.allOf, r.anyOf, r.oneOf) {
		more, o := b.known()
		names, open = append(names, more...), open || o && len(more) == 0 && b.resolve().kind() == "object"
	}
	return names, open
}

var keywords = []string{
	"type", "title", "description", "default", "enum", "example", "format", "nullable", "deprecated", "readOnly", "writeOnly",
	"pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
	"items", "minItems", "maxItems", "uniqueItems",
	"properties", "required", "additionalProperties", "minProperties", "maxProperties",
	"allOf", "anyOf", "oneOf", "not", "$ref", "externalDocs", "discriminator", "xml",
}

// schemaDepth bounds nesting of rules; the YAML limits bound it anyway, this
// keeps the message about schemas.
const schemaDepth = 60

func (c *compiler) compile(n *Node, depth int) *rule {
	r := &rule{node: n, openapi: &openapi3.Schema{}}
	c.rules = append(c.rules, r)
	if n.Kind != Mapping {
		c.Add(n.Problem("a type must be a mapping", n.Describe(), "keys such as type and properties", ""))
		return r
	}
	if depth > schemaDepth {
		c.Add(n.Problem("the schema is nested too deeply", "", fmt.Sprintf("at most %d levels", schemaDepth), "name inner types and refer to them with $ref"))
		return r
	}
	for _, p := range n.Pairs {
		if k := p.Key.Text; !slices.Contains(keywords, k) && !strings.HasPrefix(k, "x-") {
			c.Warn(p.Key.Problem(fmt.Sprintf("the schema keyword %q is not known and has no effect", shorten(k)), "", "", didYouMean(k, keywords)))
		}
	}
	if ref := n.Get("$ref"); ref != nil {
		c.reference(r, ref)
		return r
	}
	c.kindOf(r)
	c.numbers(r)
	c.texts(r)
	c.array(r, depth)
	c.object(r, depth)
	for _, combined := range []struct {
		key string
		to  *[]*rule
	}{{"allOf", &r.allOf}, {"anyOf", &r.anyOf}, {"oneOf", &r.oneOf}} {
		for _, item := range c.List(n.Get(combined.key), combined.key) {
			*combined.to = append(*combined.to, c.compile(item, depth+1))
		}
	}
	if not := n.Get("not"); not != nil {
		r.not = []*rule{c.compile(not, depth+1)}
	}
	c.enumeration(r)
	c.misplaced(r)
	return r
}

func (c *compiler) reference(r *rule, n *Node) {
	text := c.String(n, "$ref")
	name, local := strings.CutPrefix(text, "#/")
	switch {
	case text == "":
	case !local:
		c.Add(n.Problem("$ref may only name a type of this file", quote(text), "\"#/TypeName\"", "copy the type into types"))
	case strings.Contains(name, "/"):
		c.Add(n.Problem("$ref must name a type of this file", quote(text), "\"#/TypeName\"", fmt.Sprintf("write \"#/%s\"", name[strings.LastIndex(name, "/")+1:])))
	default:
		r.ref = name
		c.refs = append(c.refs, r)
	}
	for _, p := range r.node.Pairs {
		if k := p.Key.Text; k != "$ref" && k != "title" && k != "description" && slices.Contains(keywords, k) {
			c.Warn(p.Key.Problem(k+" beside $ref has no effect", "", "", "write it into the type that $ref names"))
		}
	}
}

var kinds = []string{"array", "boolean", "integer", "number", "object", "string"}

// otherKinds are the words for types that people bring along.
var otherKinds = map[string]string{
	"str": "string", "text": "string", "int": "integer", "float": "number", "double": "number", "bool": "boolean",
	"list": "array", "map": "object", "dict": "object",
}

func (c *compiler) kindOf(r *rule) {
	n := r.node.Get("type")
	if n == nil {
		if r.node.Get("properties") != nil {
			r.openapi.Type = &openapi3.Types{"object"}
			c.Warn(r.node.Problem("a type with properties should say type: object", "", "", "add type: object"))
		}
		return
	}
	text := c.String(n, "type")
	if text == "" {
		return
	}
	if !slices.Contains(kinds, text) {
		near := otherKinds[strings.ToLower(text)]
		if near == "" {
			near = Nearest(text, kinds)
		}
		next := ""
		if near != "" {
			next = "write type: " + near
		}
		c.Add(n.Problem("not a type", quote(text), wantOneOf(kinds), next))
		return
	}
	r.openapi.Type = &openapi3.Types{text}
	r.openapi.Nullable = c.Bool(r.node.Get("nullable"), "nullable")
}

func (c *compiler) numbers(r *rule) {
	s := r.openapi
	s.Min, s.Max = c.bound(r, "minimum"), c.bound(r, "maximum")
	s.MultipleOf = c.bound(r, "multipleOf")
	if n := r.node.Get("exclusiveMinimum"); n != nil {
		s.ExclusiveMin.Bool = new(c.Bool(n, "exclusiveMinimum"))
	}
	if n := r.node.Get("exclusiveMaximum"); n != nil {
		s.ExclusiveMax.Bool = new(c.Bool(n, "exclusiveMaximum"))
	}
	if s.Min != nil && s.Max != nil && *s.Min > *s.Max {
		c.Add(r.node.Get("minimum").Problem("minimum is greater than maximum", r.node.Get("minimum").Text, "at most "+r.node.Get("maximum").Text, "no value could pass"))
	}
	if s.MultipleOf != nil && *s.MultipleOf <= 0 {
		c.Add(r.node.Get("multipleOf").Problem("multipleOf must be greater than zero", r.node.Get("multipleOf").Text, "", ""))
		s.MultipleOf = nil
	}
}

func (c *compiler) bound(r *rule, key string) *float64 {
	n := r.node.Get(key)
	if n == nil {
		return nil
	}
	if n.Kind == Scalar && n.Plain {
		if v, ok := number(n.Text); ok {
			f := asFloat(v)
			if !math.IsInf(f, 0) {
				return &f
			}
		}
	}
	c.Add(n.Problem(key+" must be a number", n.Describe(), "", ""))
	return nil
}

func (c *compiler) texts(r *rule) {
	s := r.openapi
	s.MinLength, s.MaxLength = c.lengths(r, "minLength", "maxLength")
	s.Format = c.String(r.node.Get("format"), "format")
	n := r.node.Get("pattern")
	text := c.String(n, "pattern")
	if text == "" {
		return
	}
	compiled, err := compilePattern(text)
	if err != nil {
		rule, next := explainPattern(err, text)
		c.Add(n.Problem(rule, quote(text), "", next))
		return
	}
	r.pattern = compiled
}

func (c *compiler) lengths(r *rule, low, high string) (uint64, *uint64) {
	var least uint64
	var most *uint64
	if n := r.node.Get(low); n != nil {
		least = uint64(c.Int(n, low, 0, math.MaxInt32))
	}
	if n := r.node.Get(high); n != nil {
		most = new(uint64(c.Int(n, high, 0, math.MaxInt64)))
		if least > *most {
			c.Add(r.node.Get(low).Problem(low+" is greater than "+high, fmt.Sprint(least), fmt.Sprintf("at most %d", *most), "no value could pass"))
		}
	}
	return least, most
}

func (c *compiler) array(r *rule, depth int) {
	r.openapi.MinItems, r.openapi.MaxItems = c.lengths(r, "minItems", "maxItems")
	r.openapi.UniqueItems = c.Bool(r.node.Get("uniqueItems"), "uniqueItems")
	if n := r.node.Get("items"); n != nil {
		r.items = c.compile(n, depth+1)
	} else if r.kind() == "array" {
		c.Warn(r.node.Problem("an array should say what its items are", "", "", "add items with a type"))
	}
}

func (c *compiler) object(r *rule, depth int) {
	r.openapi.MinProps, r.openapi.MaxProps = c.lengths(r, "minProperties", "maxProperties")
	if n := r.node.Get("properties"); !n.Null() {
		if n.Kind != Mapping {
			c.Add(n.Problem("properties must be a mapping", n.Describe(), "names and types", ""))
			n = nil
		}
		for _, p := range pairs(n) {
			if len(p.Key.Text) > inputName {
				c.Add(p.Key.Problem("a parameter name is too long", quote(p.Key.Text), fmt.Sprintf("at most %d characters", inputName), ""))
			}
			r.properties = append(r.properties, property{name: p.Key.Text, key: p.Key, rule: c.compile(p.Value, depth+1)})
		}
	}
	if n := r.node.Get("required"); n != nil {
		if n.Kind == Scalar {
			c.Add(n.Problem("required must be a list of names", n.Describe(), "", "list the required names under required: of the object"))
		} else {
			r.required = c.Strings(n, "required")
		}
		for i, name := range r.required {
			if r.property(name) == nil && len(r.node.Get("allOf").Keys()) == 0 {
				c.Warn(n.Items[i].Problem(fmt.Sprintf("the required name %q is not one of the properties", name), "", "", "add it under properties"))
			}
		}
	}
	switch n := r.node.Get("additionalProperties"); {
	case n == nil:
		r.open = r.node.Get("properties") == nil
	case n.Kind == Mapping:
		r.extra = c.compile(n, depth+1)
	default:
		r.open = c.Bool(n, "additionalProperties")
		r.closed = !r.open
	}
}

func pairs(n *Node) []Pair {
	if n == nil {
		return nil
	}
	return n.Pairs
}

func (c *compiler) enumeration(r *rule) {
	n := r.node.Get("enum")
	if n == nil {
		return
	}
	items := c.List(n, "enum")
	if len(items) == 0 && n.Kind == Sequence {
		c.Add(n.Problem("enum is empty", "", "at least one value", "no value could pass"))
	}
	for _, item := range items {
		ch := &checker{budget: checkBudget}
		v, ok := ch.read(r, item, "", r.kind())
		if !ok {
			for _, p := range ch.problems {
				p.Rule = "a value of enum does not fit the type: " + p.Rule
				c.Add(p)
			}
			continue
		}
		r.enum = append(r.enum, v)
		r.openapi.Enum = append(r.openapi.Enum, plainJSON(v))
	}
}

// misplaced warns about bounds on a type they do not apply to.
func (c *compiler) misplaced(r *rule) {
	kind := r.kind()
	if kind == "" {
		return
	}
	for key, kinds := range map[string]string{
		"minLength": "string", "maxLength": "string", "pattern": "string",
		"minimum": "number integer", "maximum": "number integer", "multipleOf": "number integer",
		"exclusiveMinimum": "number integer", "exclusiveMaximum": "number integer",
		"items": "array", "minItems": "array", "maxItems": "array", "uniqueItems": "array",
		"properties": "object", "required": "object", "additionalProperties": "object", "minProperties": "object", "maxProperties": "object",
	} {
		if n := r.node.KeyNode(key); n != nil && !strings.Contains(kinds, kind) {
			c.Warn(n.Problem(key+" has no effect on type "+kind, "", "", "remove it"))
		}
	}
}
