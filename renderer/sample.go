package renderer

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"baryon/renderer/jinja"
)

// Sample makes inputs that fit the type, to try a template with when there is
// no spec: defaults and examples where the schema has them, else the first value
// of an enum or an invented one that the rules allow. Without all, optional
// inputs are left out. invented lists the paths of the values that are in the
// schema in no form, sorted; the problems say where none could be invented.
func (t *Type) Sample(all bool) (inputs *jinja.Dict, invented []string, problems Problems) {
	if t == nil {
		return jinja.NewDict(), nil, nil
	}
	s := &sampler{all: all}
	n := s.object(t.rule.resolve(), "", 0)
	inputs, problems = t.Check(n, CheckOptions{What: "a sample"})
	slices.Sort(s.invented)
	return inputs, s.invented, problems
}

type sampler struct {
	all      bool
	invented []string
}

// sampleDepth ends samples of types that contain themselves.
const sampleDepth = 6

func plain(text string) *Node  { return &Node{Text: text, Plain: true} }
func quoted(text string) *Node { return &Node{Text: text} }

// value makes a value for a rule; nil leaves it to the default.
func (s *sampler) value(r *rule, path string, depth int) *Node {
	r = r.resolve()
	if n := r.node.Get("default"); n != nil {
		if r.kind() == "object" && n.Kind == Mapping && len(n.Pairs) == 0 && s.all {
			return s.object(r, path, depth)
		}
		return n
	}
	if n := r.node.Get("example"); n != nil {
		return n
	}
	if n := r.node.Get("enum"); n != nil && len(n.Items) > 0 {
		return n.Items[0]
	}
	switch r.kind() {
	case "object":
		return s.object(r, path, depth)
	case "array":
		return s.array(r, path, depth)
	case "boolean":
		s.invented = append(s.invented, path)
		return plain("true")
	case "integer", "number":
		s.invented = append(s.invented, path)
		return plain(r.sampleNumber())
	case "string":
		s.invented = append(s.invented, path)
		return quoted(r.sampleText())
	}
	for _, b := range slices.Concat(r.anyOf, r.oneOf) {
		return s.value(b, path, depth)
	}
	s.invented = append(s.invented, path)
	return quoted("sample")
}

func (s *sampler) object(r *rule, path string, depth int) *Node {
	n := &Node{Kind: Mapping, File: r.node.File, Line: r.node.Line, Column: r.node.Column}
	var fill func(r *rule)
	fill = func(r *rule) {
		r = r.resolve()
		for _, p := range r.properties {
			required := slices.Contains(r.required, p.name)
			if !required && (!s.all || depth >= sampleDepth) || n.Get(p.name) != nil {
				continue
			}
			if depth >= 2*sampleDepth {
				return
			}
			if v := s.value(p.rule, join(path, p.name), depth+1); v != nil {
				n.Pairs = append(n.Pairs, Pair{Key: quoted(p.name), Value: v})
			}
		}
		for _, b := range r.allOf {
			fill(b)
		}
		for _, b := range slices.Concat(r.anyOf, r.oneOf) {
			fill(b)
			break
		}
	}
	fill(r)
	return n
}

func (s *sampler) array(r *rule, path string, depth int) *Node {
	n := &Node{Kind: Sequence}
	count := int(r.openapi.MinItems)
	if s.all && count == 0 && depth < sampleDepth {
		count = 1
	}
	for i := range min(count, 100) {
		item := quoted(fmt.Sprintf("sample-%d", i))
		if r.items != nil {
			item = s.value(r.items, path+jinja.AnyItem, depth+1)
			if r.openapi.UniqueItems && i > 0 && item.Kind == Scalar {
				item = another(item, i, r.items.resolve())
			}
		}
		n.Items = append(n.Items, item)
	}
	return n
}

// another makes an item that differs from those before.
func another(n *Node, i int, r *rule) *Node {
	if enum := r.node.Get("enum"); enum != nil {
		return enum.Items[min(i, len(enum.Items)-1)]
	}
	if v, ok := number(n.Text); ok && n.Plain {
		return plain(fmt.Sprint(asFloat(v) + float64(i)))
	}
	return quoted(fmt.Sprintf("%s%d", n.Text, i))
}

// sampleNumber is a number within the bounds of a rule, the least that is not
// negative where there is a choice.
func (r *rule) sampleNumber() string {
	o := r.openapi
	v, step := 1.0, 1.0
	if o.MultipleOf != nil {
		v, step = *o.MultipleOf, *o.MultipleOf
	}
	if o.Max != nil && v > *o.Max {
		v = *o.Max
	}
	if o.Min != nil && v < *o.Min {
		v = *o.Min
		if o.MultipleOf != nil {
			for v = step * float64(int64(*o.Min/step)); v < *o.Min; v += step {
			}
		}
	}
	if nodeTruth(r.node.Get("exclusiveMinimum")) && o.Min != nil && v <= *o.Min {
		v = *o.Min + step
	}
	if nodeTruth(r.node.Get("exclusiveMaximum")) && o.Max != nil && v >= *o.Max {
		v = *o.Max - step
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%f", v), "0"), ".")
}

// formats are texts of the formats that schemas name.
var formats = map[string]string{
	"date": "2024-01-31", "date-time": "2024-01-31T12:00:00Z", "email": "sample@example.com", "hostname": "sample.example.com", "idn-email": "sample@example.com",
	"ipv4": "192.0.2.1", "ipv6": "2001:db8::1", "cidr": "192.0.2.0/24", "uri": "https://example.com", "url": "https://example.com", "uuid": "8c7f0f1e-6a5b-4b7e-9d52-2f1c3a4b5c6d",
	"byte": "c2FtcGxl",
}

// sampleText is a text that fits the pattern, format and lengths of a rule, as
// far as one can be found.
func (r *rule) sampleText() string {
	least := int(min(r.openapi.MinLength, 10_000))
	text := "sample"
	if f, ok := formats[r.openapi.Format]; ok {
		text = f
	}
	fits := func(s string) bool {
		n := uint64(len([]rune(s)))
		return n >= r.openapi.MinLength && (r.openapi.MaxLength == nil || n <= *r.openapi.MaxLength) && (r.pattern == nil || r.pattern.MatchString(s))
	}
	if most := r.openapi.MaxLength; most != nil && uint64(len(text)) > *most {
		text = text[:*most]
	}
	for len(text) < least {
		text += "x"
	}
	if fits(text) || r.pattern == nil {
		return text
	}
	parsed, err := syntax.Parse(r.pattern.String(), syntax.Perl)
	if err != nil {
		return text
	}
	for more := range max(least, 8) {
		if s := matching(parsed, more); fits(s) {
			return s
		}
	}
	return text
}

// matching writes a text that a pattern matches; more is how often a part is
// repeated that may be repeated as often as one likes.
func matching(re *syntax.Regexp, more int) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		return string(preferred(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpStar, syntax.OpQuest:
		if re.Op == syntax.OpQuest {
			more = min(more, 1)
		}
		return strings.Repeat(matching(re.Sub[0], more), more)
	case syntax.OpPlus:
		return strings.Repeat(matching(re.Sub[0], more), more+1)
	case syntax.OpRepeat:
		n := re.Min + more
		if re.Max >= 0 {
			n = min(n, re.Max)
		}
		return strings.Repeat(matching(re.Sub[0], 0), n)
	case syntax.OpAlternate, syntax.OpCapture:
		return matching(re.Sub[0], more)
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(matching(sub, more))
		}
		return b.String()
	}
	return "" // anchors
}

// preferred is a character of a class that people would choose.
func preferred(ranges []rune) rune {
	for _, want := range "a1Ab-_" {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= want && want <= ranges[i+1] {
				return want
			}
		}
	}
	if len(ranges) == 0 {
		return 'a'
	}
	return ranges[0]
}
