package template

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Given is what a template is read with.
type Given struct {
	// Parameters are the values of parameters; what is left out has its
	// default.
	Parameters map[string]string
	Pseudo     map[string]any // AWS::Region and so on
	// Include reads s3://bucket/key, or says why it can't.
	Include func(location string) (text, why string)
}

// A TransformError is a transform that failed. The service finds that after it
// has begun. The template that comes with it holds what was read so far.
type TransformError struct{ Text string }

func (e *TransformError) Error() string { return e.Text }

// Parse reads a template in either notation and checks all that can be
// checked without the values of resources.
func Parse(body string, given Given) (*Template, error) {
	root, err := nodes(body)
	if err != nil {
		return nil, err
	}
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, refuse("Template format error: unsupported structure.")
	}
	t := &Template{Mappings: map[string]map[string]map[string]any{}, Conditions: map[string]any{}, given: given, plain: map[string]any{}}
	if err := t.sections(root); err != nil {
		return t, err
	}
	if err := t.Expand(); err != nil {
		return t, err
	}
	return t, t.check()
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// nodes reads the notation; JSON is sniffed by its first character.
func nodes(body string) (*yaml.Node, error) {
	if strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "{") {
		var raw json.RawMessage
		if err := json.Unmarshal([]byte(body), &raw); err != nil {
			line, column := 1, 1
			if at := (*json.SyntaxError)(nil); errors.As(err, &at) {
				before := body[:min(int(at.Offset), len(body))]
				line, column = strings.Count(before, "\n")+1, len(before)-strings.LastIndex(before, "\n")
			}
			return nil, refuse("Template format error: JSON not well-formed. (line %d, column %d)", line, column)
		}
	}
	var doc, second yaml.Node
	documents := yaml.NewDecoder(strings.NewReader(body))
	err := documents.Decode(&doc)
	if err == nil && documents.Decode(&second) == nil {
		return nil, refuse("Template format error: YAML not well-formed. (line %d, column 1)", second.Line)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		line := "1"
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			line = m[1]
		}
		return nil, refuse("Template format error: YAML not well-formed. (line %s, column 1)", line)
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	if unfolded(doc.Content[0], map[*yaml.Node]int{}) > maxNodes {
		return nil, refuse("Template format error: unsupported structure.")
	}
	return doc.Content[0], nil
}

// maxNodes bounds what the aliases of a template unfold to.
const maxNodes = 1_000_000

// unfolded counts the nodes that a node stands for, with its aliases.
func unfolded(n *yaml.Node, known map[*yaml.Node]int) int {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if count, ok := known[n]; ok {
		return count
	}
	known[n] = maxNodes + 1 // an alias of what it stands in has no end
	count := 1
	for _, inner := range n.Content {
		if count += unfolded(inner, known); count > maxNodes {
			break
		}
	}
	known[n] = count
	return count
}

// pairs yields the entries of a mapping node in their order.
func pairs(n *yaml.Node, yield func(key string, v *yaml.Node) error) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := yield(n.Content[i].Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// boolean are the words that YAML 1.1, which the service reads, takes for true
// or false where they are not quoted.
var boolean = map[string]string{"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}

// text is the text of a scalar.
func text(n *yaml.Node) string {
	v := n.Value
	lower := strings.ToLower(v)
	b, ok := boolean[lower]
	if !ok || n.Style != 0 || v != lower && v != strings.ToUpper(v) && v != strings.ToUpper(v[:1])+lower[1:] {
		return v
	}
	return b
}

// tagged are the short forms that stand for Fn:: and the same name.
var tagged = []string{
	"GetAtt", "Sub", "Join", "Split", "Select", "FindInMap", "If", "And", "Or", "Not", "Equals",
	"ImportValue", "GetAZs", "Cidr", "Base64", "Transform",
}

// maxDepth bounds nesting, and with it what aliases can unfold to.
const maxDepth = 100

// value turns a node into a value; path is where it stands.
func value(n *yaml.Node, path string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, refuse("Template format error: unsupported structure.")
	}
	if n.Kind == yaml.AliasNode {
		return value(n.Alias, path, depth+1)
	}
	plain := *n
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		name := n.Tag[1:]
		plain.Tag = ""
		if plain.Kind == yaml.ScalarNode {
			plain.Tag = "!!str"
		}
		arg, err := value(&plain, path, depth+1)
		switch {
		case err != nil:
			return nil, err
		case name == "Ref" || name == "Condition":
			return map[string]any{name: arg}, nil
		case slices.Contains(tagged, name):
			return long("Fn::"+name, arg), nil
		}
		return nil, refuse("Template format error: YAML not well-formed. (line %d, column %d)", n.Line, n.Column)
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return nil, refuse("[%s] 'null' values are not allowed in templates", path)
		}
		return text(n), nil
	case yaml.SequenceNode:
		list := []any{}
		for i, item := range n.Content {
			v, err := value(item, path+"/"+strconv.Itoa(i), depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		m := map[string]any{}
		err := pairs(n, func(key string, item *yaml.Node) error {
			v, err := value(item, path+"/"+key, depth+1)
			m[key] = v
			return err
		})
		if err != nil {
			return nil, err
		}
		if name, arg, ok := function(m); ok {
			return long(name, arg), nil
		}
		return m, nil
	}
	return nil, refuse("Template format error: unsupported structure.")
}

// long is a function call in the one form that the rest of the package reads:
// Fn::GetAtt has become a list, split at the first dot.
func long(name string, arg any) any {
	if s, ok := arg.(string); ok && name == "Fn::GetAtt" {
		if id, attr, found := strings.Cut(s, "."); found {
			return map[string]any{name: []any{id, attr}}
		}
	}
	return map[string]any{name: arg}
}

// sections reads the top-level keys, those first that others hang on.
func (t *Template) sections(root *yaml.Node) error {
	readers := []struct {
		key  string
		read func(*yaml.Node) error
	}{
		{"AWSTemplateFormatVersion", t.version},
		{"Description", t.description},
		{"Metadata", func(n *yaml.Node) (err error) { t.Metadata, err = value(n, "/Metadata", 0); return err }},
		{"Transform", t.transform},
		{"Globals", t.globals},
		{"Parameters", t.parameters},
		{"Mappings", t.mappings},
		{"Conditions", t.conditions},
		{"Rules", t.rules},
		{"Resources", t.resources},
		{"Outputs", t.outputs},
	}
	here := map[string]*yaml.Node{}
	var unknown []string
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i].Value
		here[key] = root.Content[i+1]
		if !slices.ContainsFunc(readers, func(r struct {
			key  string
			read func(*yaml.Node) error
		}) bool {
			return r.key == key
		}) {
			unknown = append(unknown, key)
		}
	}
	for _, r := range readers {
		n := here[r.key]
		if n == nil {
			continue
		}
		if err := r.read(n); err != nil {
			return err
		}
		if slices.Contains([]string{"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Rules"}, r.key) {
			if t.plain[r.key], _ = value(n, "", 0); t.plain[r.key] == nil { // read before: it can be read
				delete(t.plain, r.key)
			}
		}
	}
	if t.Globals != nil && !slices.Contains(t.Transforms, serverless) {
		unknown = append(unknown, "Globals")
	}
	if len(unknown) > 0 {
		return refuse("Invalid template property or properties [%s]", strings.Join(unknown, ", "))
	}
	if len(t.Resources) == 0 && !t.Unsure {
		return refuse("Template format error: At least one Resources member must be defined.")
	}
	return nil
}

func (t *Template) version(n *yaml.Node) error {
	t.Version = n.Value
	if n.Value != "2010-09-09" {
		return refuse("Template format error: unsupported value for AWSTemplateFormatVersion.")
	}
	return nil
}

func (t *Template) description(n *yaml.Node) error {
	t.Description = n.Value
	if n.Kind != yaml.ScalarNode || strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return refuse("Template format error: Every Description member must be a string.")
	}
	if len(n.Value) > 1024 {
		return refuse("Template format error: 'Description' length is greater than 1024.")
	}
	return nil
}

func (t *Template) globals(n *yaml.Node) error {
	v, err := value(n, "/Globals", 0)
	t.Globals, _ = v.(map[string]any)
	return err
}

func (t *Template) transform(n *yaml.Node) error {
	v, err := value(n, "/Transform", 0)
	if err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		switch item := item.(type) {
		case string:
			t.Transforms = append(t.Transforms, item)
		case map[string]any:
			name, ok := item["Name"].(string)
			if !ok {
				return refuse("Key Name of transform definition must be a string.")
			}
			t.Transforms = append(t.Transforms, name)
		}
	}
	return nil
}

func (t *Template) mappings(n *yaml.Node) error {
	if err := section(n, "Mappings"); err != nil {
		return err
	}
	return pairs(n, func(name string, n *yaml.Node) error {
		if n.Kind != yaml.MappingNode {
			return refuse("Template format error: Every Mappings member %s must be a map", name)
		}
		if len(name) > maxName {
			return refuse("Template format error: Mapping name %s is longer than %d characters.", name, maxName)
		}
		if !alphanumeric.MatchString(name) {
			return refuse("Template format error: Mapping name %s is non alphanumeric.", name)
		}
		t.Mappings[name] = map[string]map[string]any{}
		return pairs(n, func(top string, n *yaml.Node) error {
			if n.Kind != yaml.MappingNode {
				return refuse("Template format error: Every Mappings member %s must be a map", top)
			}
			if !mapKey.MatchString(top) {
				return refuse("Template format error: Mappings element name '%s' must be non-empty and can contain only alphanumerics, '-' or '.'", top)
			}
			t.Mappings[name][top] = map[string]any{}
			if len(n.Content)/2 > maxAttributes {
				return refuse("Template format error: Number of attributes of mapping %s, %d, is greater than maximum allowed, %d", name, len(n.Content)/2, maxAttributes)
			}
			return pairs(n, func(second string, n *yaml.Node) error {
				if !alphanumeric.MatchString(second) {
					return refuse("Template format error: Mappings attribute name '%s' must contain only alphanumeric characters.", second)
				}
				v, err := value(n, "/Mappings/"+name+"/"+top+"/"+second, 0)
				if _, isMap := v.(map[string]any); err == nil && isMap {
					return refuse("Template format error: Every Mappings attribute must be a String or a List.")
				}
				t.Mappings[name][top][second] = v
				return err
			})
		})
	})
}

// section refuses a section that is no map.
func section(n *yaml.Node, name string) error {
	if n.Kind != yaml.MappingNode {
		return refuse("Template format error: Any %s member must be an object.", name)
	}
	return nil
}

var (
	mapKey     = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)
	exportName = regexp.MustCompile(`^[A-Za-z0-9:-]+$`)
)

func (t *Template) conditions(n *yaml.Node) error {
	if err := section(n, "Conditions"); err != nil {
		return err
	}
	all, err := t.entries(n, "Conditions")
	for _, e := range all {
		if !alphanumeric.MatchString(e.key) {
			return refuse("Template format error: Condition name %s is non alphanumeric.", e.key)
		}
		t.Conditions[e.key] = e.value
	}
	return err
}

func (t *Template) outputs(n *yaml.Node) error {
	if err := section(n, "Outputs"); err != nil {
		return err
	}
	all, err := t.entries(n, "Outputs")
	if err != nil {
		return err
	}
	for _, e := range all {
		o, err := output(e.key, e.value)
		if err != nil {
			return err
		}
		t.Outputs = append(t.Outputs, o)
	}
	return nil
}

// CheckExport holds the name of an export, once it is worked out, to what names
// may be.
func CheckExport(key string, name any) error {
	if text := str(name); exportName.MatchString(text) || strings.Contains(text, Unknown) {
		return nil
	}
	return badExport(key)
}

func badExport(key string) error {
	return refuse("Template format error: Output %s is malformed. The Name field of every Export member must be specified"+
		" and consist only of alphanumeric characters, colons, or hyphens.", key)
}

func output(key string, v any) (*Output, error) {
	m, ok := v.(map[string]any)
	switch {
	case !ok:
		return nil, refuse("Template format error: Any Outputs member must be an object.")
	case !alphanumeric.MatchString(key):
		return nil, refuse("Template format error: Output name %s is non alphanumeric.", key)
	case len(key) > maxName:
		return nil, refuse("Template format error: Output name %s is longer than %d characters.", key, maxName)
	}
	o := &Output{Key: key, Value: m["Value"]}
	if o.Value == nil {
		return nil, refuse("Template format error: Every Outputs member must contain a Value object")
	}
	for _, text := range []struct {
		key string
		to  *string
	}{{"Description", &o.Description}, {"Condition", &o.Condition}} {
		if *text.to, ok = m[text.key].(string); !ok && m[text.key] != nil {
			return nil, refuse("Template format error: Every Outputs %s member must be a string.", text.key)
		}
	}
	if len(o.Description) > 1024 {
		return nil, refuse("Template format error: Description of output %s is longer than 1024 characters.", key)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains([]string{"Value", "Description", "Condition", "Export"}, k) {
			return nil, refuse("Template format error: Unexpected key %s in output %s.", k, key)
		}
	}
	if e, ok := m["Export"]; ok {
		export, _ := e.(map[string]any)
		o.Export = export["Name"]
		if !textual(o.Export) || len(export) > 1 {
			return nil, badExport(key)
		}
		if isString(o.Export) {
			return o, CheckExport(key, o.Export)
		}
	}
	return o, nil
}
