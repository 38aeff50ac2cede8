package shim

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// names are the keys of an object in the order in which they are shown: that of
// the model, which is the alphabet's, with the token of a list that was cut at
// the end, and for an object that a query puts together, that of the query.
func (s *session) names(object map[string]any) []string {
	keys := slices.Sorted(maps.Keys(object))
	if _, cut := object[resumeToken]; cut {
		keys = append(slices.DeleteFunc(keys, func(k string) bool { return k == resumeToken }), resumeToken)
	}
	places := map[string]int{}
	for _, key := range keys {
		place, named := s.named[key]
		if !named {
			return keys
		}
		places[key] = place
	}
	slices.SortFunc(keys, func(a, b string) int { return places[a] - places[b] })
	return keys
}

var hashKey = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"\s*:|([A-Za-z_][A-Za-z0-9_]*)\s*:`) //nolint:gochecknoglobals // compiled once

// namedIn are the keys that a query gives to what it puts together, by where they stand.
func namedIn(query string) map[string]int {
	named := map[string]int{}
	for i, m := range hashKey.FindAllStringSubmatch(query, -1) {
		key := m[1] + m[2]
		if _, again := named[key]; !again {
			named[key] = i
		}
	}
	return named
}

// json writes a value as Python does with an indent of 4.
func (s *session) json(out *strings.Builder, value any, indent string) {
	inner := indent + "    "
	switch v := value.(type) {
	case map[string]any:
		open, next := "{\n", ",\n"
		for i, key := range s.names(v) {
			out.WriteString([]string{open, next}[min(i, 1)] + inner + quoted(key) + ": ")
			s.json(out, v[key], inner)
		}
		out.WriteString(closing(len(v), "{", indent, "}"))
	case []any:
		open, next := "[\n", ",\n"
		for i, item := range v {
			out.WriteString([]string{open, next}[min(i, 1)] + inner)
			s.json(out, item, inner)
		}
		out.WriteString(closing(len(v), "[", indent, "]"))
	case string:
		out.WriteString(quoted(v))
	case naive:
		out.WriteString(quoted(naiveISO))
	case bool:
		out.WriteString(strconv.FormatBool(v))
	case nil:
		out.WriteString("null")
	default:
		out.WriteString(scalar(v))
	}
}

func closing(n int, open, indent, end string) string {
	if n == 0 {
		return open + end
	}
	return "\n" + indent + end
}

// quoted is a text in JSON, in which only what has to be is escaped.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// scalar is a value in Python's words.
func scalar(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return v
	case naive:
		return naiveText
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e16 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// isScalar reports whether a value is neither an object nor a list.
func isScalar(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}
