package awssim

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"baryon/provisioner/awssim/template"
)

// A schema is what a value has to be, in the keywords of JSON Schema that AWS
// uses for its resource types. Values of templates are text, lists and maps:
// numbers and truth are text of the right form.
type schema struct {
	Type              any    // a kind, or a list of kinds
	Ref               string `json:"$ref"`
	Definitions       map[string]*schema
	Properties        map[string]*schema
	PatternProperties map[string]*schema
	Additional        any `json:"additionalProperties"`
	Required          []string
	Items             *schema
	Enum              []any
	EnumAnyCase       []any `json:"enumCaseInsensitive"`
	Const             any
	Pattern           string

	MinLength, MaxLength, MinItems, MaxItems, MinProperties, MaxProperties *int
	Minimum, Maximum                                                       *float64
	UniqueItems                                                            bool

	AnyOf, OneOf, AllOf     []*schema
	DependentRequired       map[string][]string
	RequiredOr, RequiredXor []string
}

// own replaces the references below a schema by what they refer to.
func (s *schema) own(definitions map[string]*schema) {
	seen := map[*schema]bool{}
	var visit func(s *schema) *schema
	visit = func(s *schema) *schema {
		if s == nil || seen[s] {
			return s
		}
		seen[s] = true
		if name, ok := strings.CutPrefix(s.Ref, "#/definitions/"); ok && definitions[name] != nil {
			s.AllOf = append(s.AllOf, definitions[name])
		}
		for _, named := range []map[string]*schema{s.Properties, s.PatternProperties, s.Definitions} {
			for _, one := range named {
				visit(one)
			}
		}
		visit(s.Items)
		for _, list := range [][]*schema{s.AnyOf, s.OneOf, s.AllOf} {
			for _, one := range list {
				visit(one)
			}
		}
		return s
	}
	visit(s)
}

// kinds are the kinds of values a schema allows; none is any.
func (s *schema) kinds() []string {
	switch t := s.Type.(type) {
	case string:
		return []string{t}
	case []any:
		var out []string
		for _, one := range t {
			out = append(out, fmt.Sprint(one))
		}
		return out
	}
	return nil
}

// kindNames are the words of the service for what a value should be.
var kindNames = map[string]string{
	"string": "String", "number": "Number", "integer": "Number", "boolean": "Boolean", "array": "JSONArray", "object": "JSONObject", "null": "Null",
}

func kindOf(v any) string {
	switch v.(type) {
	case []any:
		return "JSONArray"
	case map[string]any:
		return "JSONObject"
	}
	return "String"
}

// later says whether a value, or a part of it, is known only when the change is
// made.
func later(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, template.Unknown) || strings.Contains(v, "{{resolve:")
	case []any:
		return slices.ContainsFunc(v, later)
	case map[string]any:
		for _, one := range v {
			if later(one) {
				return true
			}
		}
	}
	return false
}

// is says whether a value is of a kind.
func is(kind string, v any) bool {
	s, isText := v.(string)
	switch kind {
	case "number", "integer":
		n, err := strconv.ParseFloat(s, 64)
		return isText && err == nil && (kind == "number" || n == float64(int64(n)))
	case "boolean":
		return isText && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false"))
	case "null":
		return false
	}
	return kindOf(v) == kindNames[kind]
}

// problems says in the service's words what is wrong with a value; at is where
// it stands.
func (s *schema) problems(at string, v any) []string {
	if text, ok := v.(string); ok && later(text) {
		return nil
	}
	if kinds := s.kinds(); len(kinds) > 0 && !slices.ContainsFunc(kinds, func(k string) bool { return is(k, v) }) {
		if len(kinds) > 1 {
			return []string{fmt.Sprintf("%s: no subschema matched out of the total %d subschemas", at, len(kinds))}
		}
		if kinds[0] == "integer" && is("number", v) {
			return []string{at + ": expected type: Integer, found: Double"}
		}
		return []string{fmt.Sprintf("%s: expected type: %s, found: %s", at, kindNames[kinds[0]], kindOf(v))}
	}
	var out []string
	switch v := v.(type) {
	case string:
		out = s.textProblems(at, v)
	case []any:
		out = s.listProblems(at, v)
	case map[string]any:
		out = s.mapProblems(at, v)
	}
	for _, all := range s.AllOf {
		out = append(out, all.problems(at, v)...)
	}
	return append(out, s.choices(at, v)...)
}

// choices holds a value to the alternatives of a schema.
func (s *schema) choices(at string, v any) []string {
	fit := func(of []*schema) int {
		n := 0
		for _, one := range of {
			if len(one.problems(at, v)) == 0 {
				n++
			}
		}
		return n
	}
	var out []string
	if n := len(s.AnyOf); n > 0 && fit(s.AnyOf) == 0 {
		out = append(out, fmt.Sprintf("%s: no subschema matched out of the total %d subschemas", at, n))
	}
	if len(s.OneOf) > 0 && !later(v) {
		if n := fit(s.OneOf); n != 1 {
			out = append(out, fmt.Sprintf("%s: %d subschemas matched instead of one", at, n))
		}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return out
	}
	given := func(names []string) int {
		n := 0
		for _, k := range names {
			if m[k] != nil {
				n++
			}
		}
		return n
	}
	if n := given(s.RequiredXor); len(s.RequiredXor) > 0 && n != 1 {
		out = append(out, fmt.Sprintf("%s: %d subschemas matched instead of one: exactly one of the keys [%s] has to be there", at, n, joined(s.RequiredXor)))
	}
	if len(s.RequiredOr) > 0 && given(s.RequiredOr) == 0 {
		out = append(out, fmt.Sprintf("%s: no subschema matched out of the total %d subschemas: one of the keys [%s] has to be there", at, len(s.RequiredOr), joined(s.RequiredOr)))
	}
	return out
}

func failed(at, keyword string) string {
	return at + ": failed validation constraint for keyword [" + keyword + "]"
}

// textProblems holds text to what is asked of text and of numbers.
func (s *schema) textProblems(at, v string) []string {
	var out []string
	say := func(bad bool, keyword string) {
		if bad {
			out = append(out, failed(at, keyword))
		}
	}
	same := func(fold bool) func(any) bool {
		return func(one any) bool {
			text := jsonText(one)
			return text == v || (fold || text == "true" || text == "false") && strings.EqualFold(text, v)
		}
	}
	say(s.Enum != nil && !slices.ContainsFunc(s.Enum, same(false)), "enum")
	say(s.EnumAnyCase != nil && !slices.ContainsFunc(s.EnumAnyCase, same(true)), "enum")
	say(s.Const != nil && !same(false)(s.Const), "const")
	if slices.ContainsFunc(s.kinds(), func(k string) bool { return k == "number" || k == "integer" }) {
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			say(s.Minimum != nil && n < *s.Minimum, "minimum")
			say(s.Maximum != nil && n > *s.Maximum, "maximum")
			return out
		}
	}
	length := len([]rune(v))
	say(s.MinLength != nil && length < *s.MinLength, "minLength")
	say(s.MaxLength != nil && length > *s.MaxLength, "maxLength")
	say(s.Pattern != "" && !matches(s.Pattern, v), "pattern")
	return out
}

// matches says whether a pattern occurs in text. A pattern that only other
// languages understand lets everything through.
func matches(pattern, v string) bool {
	re, err := regexp.Compile(pattern)
	return err != nil || re.MatchString(v)
}

// jsonText is a scalar of a schema as templates write it.
func jsonText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error() // scalars that came from JSON can be written
	}
	return string(b)
}

func (s *schema) listProblems(at string, v []any) []string {
	var out []string
	if s.MinItems != nil && len(v) < *s.MinItems {
		out = append(out, failed(at, "minItems"))
	}
	if s.MaxItems != nil && len(v) > *s.MaxItems {
		out = append(out, failed(at, "maxItems"))
	}
	seen := map[string]bool{}
	for i, one := range v {
		if text := shown(one); s.UniqueItems && seen[text] && !later(one) {
			out = append(out, at+": array items are not unique")
		} else {
			seen[text] = true
		}
		if s.Items != nil {
			out = append(out, s.Items.problems(at+"/"+strconv.Itoa(i), one)...)
		}
	}
	return out
}

func (s *schema) mapProblems(at string, v map[string]any) []string {
	var out []string
	for _, k := range s.Required {
		if v[k] == nil {
			out = append(out, at+": required key ["+k+"] not found")
		}
	}
	for _, k := range sorted(s.DependentRequired) {
		for _, with := range s.DependentRequired[k] {
			if v[k] != nil && v[with] == nil {
				out = append(out, at+": property ["+with+"] is required")
			}
		}
	}
	if s.MinProperties != nil && len(v) < *s.MinProperties {
		out = append(out, failed(at, "minProperties"))
	}
	if s.MaxProperties != nil && len(v) > *s.MaxProperties {
		out = append(out, failed(at, "maxProperties"))
	}
	for _, k := range sorted(v) {
		switch one := s.property(k); {
		case one != nil:
			out = append(out, one.problems(at+"/"+k, v[k])...)
		case s.Additional == false:
			out = append(out, at+": extraneous key ["+k+"] is not permitted")
		}
	}
	return out
}

// property is the schema of a key, nil where there is none.
func (s *schema) property(k string) *schema {
	if one := s.Properties[k]; one != nil {
		return one
	}
	for _, pattern := range sorted(s.PatternProperties) {
		if matches(pattern, k) {
			return s.PatternProperties[pattern]
		}
	}
	return nil
}

// problems holds properties to the published schema of their type.
func (t *resourceType) problems(p map[string]any) []string {
	if t.schema != nil {
		return t.schema.problems("#", p)
	}
	if p["ServiceToken"] == nil {
		return []string{"#: required key [ServiceToken] not found"}
	}
	return nil
}

// validate says in the service's words what is wrong with properties.
func validate(typ, logical string, p map[string]any) string {
	problems := typeOf(typ).problems(p)
	if len(problems) == 0 {
		return ""
	}
	return "Properties validation failed for resource " + logical + " with message: [" + strings.Join(problems, ", ") + "]"
}
