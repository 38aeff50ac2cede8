package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Verdict is everything that keeps a value from having a shape, in the words
// AWS uses, at most a few dozen of each.
type Verdict struct {
	Mistyped []string // what is of another type, such as a number where a text belongs
	Problems []string // what does not keep a constraint
}

// All is both.
func (v Verdict) All() []string { return slices.Concat(v.Mistyped, v.Problems) }

// Check holds a value against a shape. The value is as encoding/json decodes it
// with UseNumber. A member that is null counts as not given.
func (m *Model) Check(shape string, value any) Verdict {
	c := checker{m: m}
	c.check(shape, "", value)
	return c.Verdict
}

const maxProblems = 32

type checker struct {
	Verdict

	m *Model
}

func (c *checker) add(problem string) {
	if len(c.Problems) < maxProblems {
		c.Problems = append(c.Problems, problem)
	}
}

// fails adds a constraint that a value does not satisfy. Values that may hold
// secrets are not repeated.
func (c *checker) fails(s *Shape, at string, value any, constraint string) {
	shown := "***Sensitive Data Redacted***"
	if !s.Sensitive {
		shown = shorten(fmt.Sprint(value))
	}
	c.add(fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must %s", shown, at, constraint))
}

func shorten(text string) string {
	if r := []rune(text); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return text
}

func (c *checker) check(shape, at string, value any) {
	s := c.m.Shapes[shape]
	switch s.Type {
	case "structure":
		c.structure(s, at, value)
	case "list":
		c.list(s, at, value)
	case "string":
		c.text(s, at, value)
	case "integer", "timestamp":
		c.number(s, at, value)
	case "boolean":
		if _, ok := value.(bool); !ok {
			c.wrongType(at, value, "a boolean")
		}
	default:
		c.add(at + ": shape " + shape + " has the unknown type " + s.Type)
	}
}

func (c *checker) wrongType(at string, value any, want string) {
	if at == "" {
		at = "the body"
	}
	if len(c.Mistyped) < maxProblems {
		c.Mistyped = append(c.Mistyped, fmt.Sprintf("%s: '%s' is %s; want %s", unconverted(value, want), at, kindOf(value), want))
	}
}

// unconverted is what AWS says of a value of another type.
func unconverted(value any, want string) string {
	var given string
	switch v := value.(type) {
	case map[string]any:
		return "Start of structure or map found where not expected"
	case []any:
		return "Start of list found where not expected"
	case bool:
		given = strings.ToUpper(strconv.FormatBool(v))
	case string:
		given = "STRING"
	case json.Number:
		given = "NUMBER"
	default:
		given = "NULL"
	}
	name, scalar := map[string]string{"a boolean": "Boolean", "a string": "String", "a number": "Integer", "a whole number": "Integer"}[want]
	switch {
	case scalar:
		return given + "_VALUE cannot be converted to " + name
	case want == "a list":
		return "Expected list or null"
	}
	return "Expected structure or null"
}

func (c *checker) structure(s *Shape, at string, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		c.wrongType(at, value, "an object")
		return
	}
	given := 0
	for _, name := range slices.Sorted(maps.Keys(object)) {
		member, known := s.Members[name]
		switch {
		case !known:
			c.add(fmt.Sprintf("'%s' is no member here; want %s", join(at, name), c.oneOf(s)))
		case object[name] != nil:
			given++
			c.check(member.Shape, join(at, name), object[name])
		}
	}
	for _, name := range s.Required {
		if object[name] == nil {
			c.add(fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", join(at, name)))
		}
	}
	if s.Union && given != 1 {
		c.add(fmt.Sprintf("'%s' has %d members; want exactly one of %s", at, given, c.oneOf(s)))
	}
}

func (c *checker) oneOf(s *Shape) string {
	if len(s.Members) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(s.Members)), ", ")
}

func (c *checker) list(s *Shape, at string, value any) {
	items, ok := value.([]any)
	if !ok {
		c.wrongType(at, value, "a list")
		return
	}
	c.bounds(s, at, value, len(items), "length")
	for i, item := range items {
		where := at + "." + strconv.Itoa(i+1) + ".member"
		if item == nil {
			c.wrongType(where, item, "a value")
			continue
		}
		c.check(s.Element, where, item)
	}
}

func (c *checker) text(s *Shape, at string, value any) {
	text, ok := value.(string)
	if !ok {
		c.wrongType(at, value, "a string")
		return
	}
	if strings.ContainsRune(text, 0) { // which not every database keeps
		c.fails(s, at, strings.ReplaceAll(text, "\x00", "\ufffd"), "not have the character U+0000")
	}
	c.bounds(s, at, value, utf8.RuneCountInString(text), "length")
	if s.pattern != nil && !s.pattern.MatchString(text) {
		c.fails(s, at, text, "satisfy regular expression pattern: "+s.Pattern)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		c.fails(s, at, text, "satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	}
}

func (c *checker) number(s *Shape, at string, value any) {
	n, ok := value.(json.Number)
	if !ok {
		c.wrongType(at, value, "a number")
		return
	}
	if s.Type == "timestamp" {
		return
	}
	whole, err := strconv.Atoi(n.String())
	if err != nil {
		c.wrongType(at, value, "a whole number")
		return
	}
	c.bounds(s, at, value, whole, "value")
}

// bounds checks a length or a number.
func (c *checker) bounds(s *Shape, at string, value any, n int, what string) {
	have := "have " + what + " "
	if s.Min != nil && n < *s.Min {
		c.fails(s, at, value, have+"greater than or equal to "+strconv.Itoa(*s.Min))
	}
	if s.Max != nil && n > *s.Max {
		c.fails(s, at, value, have+"less than or equal to "+strconv.Itoa(*s.Max))
	}
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number, float64:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "a list"
	}
	return "an object"
}
