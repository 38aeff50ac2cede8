package renderer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"baryon/renderer/jinja"
)

// single judges what a rule says about one value.
func (c *checker) single(r *rule, n *Node, v any, path string) {
	if v == nil {
		return
	}
	if s, ok := v.(string); ok && r.pattern != nil && !r.pattern.MatchString(s) {
		c.add(n.Problem("string doesn't match the pattern", n.Describe(), r.text("pattern"), r.example()), path)
	}
	if !r.bounded() {
		return
	}
	err := r.openapi.VisitJSON(plainJSON(v), openapi3.MultiErrors(), openapi3.EnableFormatValidation())
	var all openapi3.MultiError
	if !errors.As(err, &all) && err != nil {
		all = openapi3.MultiError{err}
	}
	for _, e := range all {
		var broken *openapi3.SchemaError
		if !errors.As(e, &broken) {
			c.add(n.Problem(e.Error(), n.Describe(), "", ""), path)
			continue
		}
		got := n.Describe()
		switch broken.SchemaField {
		case "minLength", "maxLength":
			got = plural(len([]rune(n.Text)), "character")
		case "minItems", "maxItems":
			got = plural(len(n.Items), "item")
		case "minProperties", "maxProperties":
			if d, ok := v.(*jinja.Dict); ok {
				got = plural(d.Len(), "key")
			}
		}
		c.add(n.Problem(r.reason(broken), got, r.text(broken.SchemaField), r.near(n, broken.SchemaField)), path)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// bounded tells whether a rule says anything beyond the type, which has been
// checked already.
func (r *rule) bounded() bool {
	s := r.openapi
	return len(s.Enum) > 0 || s.Min != nil || s.Max != nil || s.MultipleOf != nil || s.MinLength > 0 || s.MaxLength != nil ||
		s.MinItems > 0 || s.MaxItems != nil || s.UniqueItems || s.MinProps > 0 || s.MaxProps != nil || s.Format != ""
}

// reason words a broken rule with the numbers as the schema writes them.
func (r *rule) reason(e *openapi3.SchemaError) string {
	text := func(key string) string { return r.keyword(key).Text }
	switch e.SchemaField {
	case "minimum":
		return "number must be at least " + text("minimum")
	case "maximum":
		return "number must be at most " + text("maximum")
	case "exclusiveMinimum":
		return "number must be more than " + text("minimum")
	case "exclusiveMaximum":
		return "number must be less than " + text("maximum")
	case "multipleOf":
		return "number must be a multiple of " + text("multipleOf")
	case "enum":
		return "value is not one of the allowed values"
	}
	return e.Reason
}

// near proposes the allowed value that was probably meant.
func (r *rule) near(n *Node, field string) string {
	if field != "enum" || n.Kind != Scalar {
		return ""
	}
	var allowed []string
	for _, v := range r.enum {
		if s, ok := v.(string); ok {
			allowed = append(allowed, s)
		}
	}
	return didYouMean(n.Text, allowed)
}

func (r *rule) example() string {
	if n := r.keyword("example"); n != nil && n.Kind == Scalar {
		return "an example: " + shorten(n.Text)
	}
	if n := r.keyword("default"); n != nil && n.Kind == Scalar {
		return "the default is " + shorten(n.Text)
	}
	return ""
}

// plainJSON turns a value into the types that encoding/json and kin-openapi
// know.
func plainJSON(v any) any {
	switch v := v.(type) {
	case *jinja.Dict:
		m := make(map[string]any, v.Len())
		for _, k := range v.Keys() {
			item, _ := v.Get(k)
			m[k] = plainJSON(item)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = plainJSON(item)
		}
		return list
	case *big.Int:
		return json.Number(v.String())
	case brokenItem:
		return fmt.Sprintf("\x00item %d", int(v))
	}
	return v
}

func asFloat(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	case float64:
		return v
	}
	return 0
}

// text quotes a keyword of the rule with its place in the schema.
func (r *rule) text(key string) string {
	n := r.resolve().node.Get(key)
	if n == nil {
		n = r.resolve().node
		return fmt.Sprintf("what %s:%d:%d says", n.File, n.Line, n.Column)
	}
	text := n.Text
	if n.Kind == Sequence {
		items := make([]string, len(n.Items))
		for i, item := range n.Items {
			items[i] = item.Text
			if item.Kind != Scalar { // of a combined type
				items[i] = "…"
				for _, key := range []string{"type", "$ref"} {
					if n := item.Get(key); n != nil {
						items[i] = n.Text
					}
				}
			}
		}
		text = "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprintf("%s: %s (%s:%d:%d)", key, shorten(text), n.File, n.Line, n.Column)
}
