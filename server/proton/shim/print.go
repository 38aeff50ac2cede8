package shim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jmespath/go-jmespath"
	"go.yaml.in/yaml/v3"
)

// print writes a result as --output and --query ask for.
func (s *session) print(r result) error {
	if s.global.output == "yaml" {
		return s.printYAML(r)
	}
	if s.global.query == "" && s.global.output != "text" {
		var out bytes.Buffer
		if err := json.Indent(&out, r, "", "    "); err != nil {
			return err
		}
		_, err := fmt.Fprintln(s.cfg.Stdout, out.String())
		return err
	}
	var value any
	if err := json.Unmarshal(r, &value); err != nil { // floats: what jmespath compares with
		return err
	}
	if s.global.query != "" {
		var err error
		if value, err = jmespath.Search(s.global.query, value); err != nil {
			return usagef("--query %s: %v", s.global.query, err)
		}
	}
	if s.global.output == "text" {
		var out strings.Builder
		text(&out, value, "", nil)
		_, err := fmt.Fprint(s.cfg.Stdout, out.String())
		return err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	if err := enc.Encode(value); err != nil {
		return err
	}
	_, err := fmt.Fprint(s.cfg.Stdout, out.String())
	return err
}

// text writes a value the way the AWS CLI does: scalars of an object on one
// line in the order of their keys, separated by tabs, and what is nested on
// lines of its own that begin with its key in capitals.
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
	all := keys != nil
	if !all {
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
	keys := scalarKeys(list)
	var scalars []string
	for _, item := range list {
		switch item.(type) {
		case map[string]any, []any:
		default:
			scalars = append(scalars, scalar(item))
		}
	}
	switch {
	case len(scalars) > 0 && name == "":
		out.WriteString(strings.Join(scalars, "\t") + "\n")
	case len(scalars) > 0:
		for _, one := range scalars {
			out.WriteString(strings.ToUpper(name) + "\t" + one + "\n")
		}
	}
	for _, item := range list {
		switch item.(type) {
		case map[string]any:
			text(out, item, name, keys)
		case []any:
			text(out, item, name, nil)
		}
	}
}

// scalarKeys are the keys under which any of the objects has a scalar.
func scalarKeys(list []any) []string {
	keys := map[string]bool{}
	for _, item := range list {
		object, _ := item.(map[string]any)
		for key, value := range object {
			switch value.(type) {
			case map[string]any, []any:
			default:
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

// scalar is a value in Python's words, which are those of the AWS CLI.
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
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// printYAML writes a result as YAML, its members in the order they came in.
func (s *session) printYAML(r result) error {
	if s.global.query != "" {
		var value any
		if err := json.Unmarshal(r, &value); err != nil {
			return err
		}
		value, err := jmespath.Search(s.global.query, value)
		if err != nil {
			return usagef("--query %s: %v", s.global.query, err)
		}
		if r, err = encode(value); err != nil {
			return err
		}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(r, &doc); err != nil { // JSON is YAML
		return err
	}
	plain(&doc)
	enc := yaml.NewEncoder(s.cfg.Stdout)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	return errors.Join(enc.Encode(&doc), enc.Close())
}

// plain takes the braces and quotes of JSON away where YAML needs none.
func plain(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		n.SetString(n.Value)
	}
	for _, child := range n.Content {
		plain(child)
	}
}
