package shim

import (
	"maps"
	"slices"
	"strings"
)

// text writes a value the way the AWS CLI does with --output text: scalars of an
// object on one line in the order of their keys, separated by tabs, and what is
// nested on lines of its own that begin with its key in capitals. Name is that
// key; keys are those of all objects of a list, and nil for an object of its own.
func text(out *strings.Builder, value any, name string, keys []string) {
	switch v := value.(type) {
	case map[string]any:
		textObject(out, v, name, keys)
	case []any:
		textList(out, v, name)
	default:
		out.WriteString(scalar(v) + "\n")
	}
}

func textObject(out *strings.Builder, object map[string]any, name string, keys []string) {
	if keys == nil {
		keys = scalarKeys([]any{object})
	}
	var line []string
	for _, key := range keys {
		value, given := object[key]
		if !given {
			value = ""
		}
		line = append(line, scalar(value))
	}
	if len(line) > 0 {
		if name != "" {
			line = slices.Insert(line, 0, strings.ToUpper(name))
		}
		out.WriteString(strings.Join(line, "\t") + "\n")
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(keys, key) {
			text(out, object[key], key, nil)
		}
	}
}

func textList(out *strings.Builder, list []any, name string) {
	keys, anyObject := scalarKeys(list), false
	var scalars, nested []any
	for _, item := range list {
		_, isObject := item.(map[string]any)
		anyObject = anyObject || isObject
		if isScalar(item) {
			scalars = append(scalars, item)
		} else {
			nested = append(nested, item)
		}
	}
	if anyObject {
		for _, item := range list {
			text(out, item, name, keys)
		}
		return
	}
	switch {
	case len(scalars) > 0 && name == "":
		words := make([]string, 0, len(scalars))
		for _, one := range scalars {
			words = append(words, scalar(one))
		}
		out.WriteString(strings.Join(words, "\t") + "\n")
	case len(scalars) > 0:
		for _, one := range scalars {
			out.WriteString(strings.ToUpper(name) + "\t" + scalar(one) + "\n")
		}
	}
	for _, item := range nested {
		text(out, item, name, nil)
	}
}

// scalarKeys are the keys under which any of the objects has a scalar.
func scalarKeys(list []any) []string {
	keys := map[string]bool{}
	for _, item := range list {
		object, _ := item.(map[string]any)
		for key, value := range object {
			if isScalar(value) {
				keys[key] = true
			}
		}
	}
	out := slices.Sorted(maps.Keys(keys))
	if out == nil {
		return []string{}
	}
	return out
}
