package shim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// validate holds the parameters of a call to their shapes, in the words and as
// far as the AWS CLI does before it asks anybody: the service knows more.
func (s *session) validate(name string, in map[string]any) error {
	v := &validator{s: s}
	v.check(s.model.Operations[name].Input, "", in)
	if len(v.report) == 0 {
		return nil
	}
	return usagef("Parameter validation failed:\n%s", strings.Join(v.report, "\n"))
}

type validator struct {
	s      *session
	report []string
}

func (v *validator) addf(format string, args ...any) {
	v.report = append(v.report, fmt.Sprintf(format, args...))
}

func (v *validator) check(shape, at string, value any) {
	sh := v.s.model.Shapes[shape]
	where := strings.TrimPrefix(at, ".")
	if where == "" {
		where = "input"
	}
	want, fits, length := "", false, -1
	switch sh.Type {
	case "structure":
		object, ok := value.(map[string]any)
		if want, fits = "dict", ok; ok {
			v.structure(shape, at, where, object)
		}
	case "list":
		list, ok := value.([]any)
		want, fits, length = "list", ok, len(list)
		defer func() {
			for i, item := range list {
				v.check(sh.Element, at+"["+strconv.Itoa(i)+"]", item)
			}
		}()
	case "string":
		text, ok := value.(string)
		want, fits, length = "str", ok, utf8.RuneCountInString(text)
	case "integer":
		n, ok := value.(json.Number)
		whole, err := strconv.Atoi(string(n))
		if want, fits = "int", ok && err == nil; fits && sh.Min != nil && whole < *sh.Min {
			v.addf("Invalid value for parameter %s, value: %d, valid min value: %d", where, whole, *sh.Min)
		}
	case "boolean":
		_, fits = value.(bool)
		want = "bool"
	}
	switch {
	case !fits && want == "list":
		v.addf("Invalid type for parameter %s, value: %s, type: <class '%s'>, valid types: <class 'list'>, <class 'tuple'>", where, python(value), class(value))
	case !fits:
		v.addf("Invalid type for parameter %s, value: %s, type: <class '%s'>, valid types: <class '%s'>", where, python(value), class(value), want)
	case length >= 0 && sh.Min != nil && length < *sh.Min:
		v.addf("Invalid length for parameter %s, value: %d, valid min length: %d", where, length, *sh.Min)
	}
}

func (v *validator) structure(shape, at, where string, object map[string]any) {
	sh := v.s.model.Shapes[shape]
	members := strings.Join(slices.Sorted(maps.Keys(sh.Members)), ", ")
	for _, name := range sh.Required {
		if _, given := object[name]; !given {
			v.addf("Missing required parameter in %s: \"%s\"", where, name)
		}
	}
	names := slices.Sorted(maps.Keys(object))
	for _, name := range names {
		if _, known := sh.Members[name]; !known {
			v.addf("Unknown parameter in %s: \"%s\", must be one of: %s", where, name, members)
		}
	}
	for _, name := range names {
		if member, known := sh.Members[name]; known {
			v.check(member.Shape, at+"."+name, object[name])
		}
	}
}

// class is what Python calls the type of a value.
func class(value any) string {
	switch v := value.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case string:
		return "str"
	case []any:
		return "list"
	case map[string]any:
		return "dict"
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			return "float"
		}
	}
	return "int"
}

// python is a value as Python shows it: a text as it is, but in quotes within a
// list or an object.
func python(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return repr(value)
}

func repr(value any) string {
	switch v := value.(type) {
	case string:
		quote := "'"
		if strings.Contains(v, "'") && !strings.Contains(v, `"`) {
			quote = `"`
		}
		return quote + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(v) + quote
	case []any:
		items := make([]string, 0, len(v))
		for _, item := range v {
			items = append(items, repr(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		items := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			items = append(items, repr(key)+": "+repr(v[key]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return scalar(value)
}
