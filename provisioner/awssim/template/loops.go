package template

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	loopPrefix = "Fn::ForEach::"
	transform  = "Fn::Transform"
	include    = "AWS::Include"
)

// An entry is one member of a section, in the order of the template.
type entry struct {
	key   string
	value any
}

// entries reads the members of a section, with loops unrolled and files
// included where the template asks for that. Of a name that is written twice the
// last one counts, as with every key; a loop must not make one twice.
func (t *Template) entries(n *yaml.Node, section string) ([]entry, error) {
	var out []entry
	seen := map[string]bool{}
	err := pairs(n, func(key string, n *yaml.Node) error {
		v, err := value(n, "/"+section+"/"+key, 0)
		if err != nil {
			return err
		}
		more := []entry{{key, v}}
		switch {
		case strings.HasPrefix(key, loopPrefix):
			if !t.extended() {
				return refuse("Template format error: [/%s/%s] resource definition is malformed", section, key)
			}
			more, err = t.loop(key, v, nil)
		case key == transform:
			var m map[string]any
			if m, err = t.included(v); err == nil {
				more = nil
				for _, k := range slices.Sorted(maps.Keys(m)) {
					more = append(more, entry{k, m[k]})
				}
			}
		default:
			more[0].value, err = t.unfold(v, nil)
		}
		for _, e := range more {
			if seen[e.key] && err == nil {
				if t.extended() {
					err = t.failed(extensions, "Duplicate key "+e.key)
				}
				out = slices.DeleteFunc(out, func(o entry) bool { return o.key == e.key })
			}
			seen[e.key] = true
		}
		out = append(out, more...)
		return err
	})
	return out, err
}

// extended says whether the template asks for the language extensions.
func (t *Template) extended() bool { return slices.Contains(t.Transforms, extensions) }

// failed is how a transform fails: when the change is made, not when it is
// asked for.
func (t *Template) failed(name, why string) error {
	return &TransformError{Text: "Transform " + name + " failed with: " + why}
}

// loop unrolls one Fn::ForEach: a name for the item, a collection, and what is
// repeated for each item.
func (t *Template) loop(key string, v any, bound map[string]string) ([]entry, error) {
	list, _ := v.([]any)
	name, named := at(list, 0).(string)
	body, isMap := at(list, 2).(map[string]any)
	if _, text := at(list, 1).(string); len(list) != 3 || !named || !isMap || text || key == loopPrefix {
		return nil, t.failed(extensions, "Fn::ForEach layout is incorrect")
	}
	items, err := t.collection(list[1], bound)
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, item := range items {
		inner := maps.Clone(bound)
		if inner == nil {
			inner = map[string]string{}
		}
		inner[name] = item
		for _, k := range slices.Sorted(maps.Keys(body)) {
			if !strings.HasPrefix(k, loopPrefix) && !strings.Contains(k, "{"+name+"}") {
				return nil, t.failed(extensions, "Fn::ForEach layout is incorrect")
			}
			if strings.HasPrefix(k, loopPrefix) {
				more, err := t.loop(k, body[k], inner)
				if err != nil {
					return nil, err
				}
				out = append(out, more...)
				continue
			}
			v, err := t.unfold(body[k], inner)
			if err != nil {
				return nil, err
			}
			out = append(out, entry{fill(k, inner, true), v})
		}
	}
	return out, nil
}

// collection is what a loop goes over. It may hang on parameters; where their
// values are not known, nothing is gone over.
func (t *Template) collection(v any, bound map[string]string) ([]string, error) {
	none := t.failed(extensions, "Could not find a collection or could not be resolved for Fn::ForEach")
	v, err := t.unfold(v, bound)
	if err != nil {
		return nil, err
	}
	got, err := t.early(v)
	if err != nil && t.blind() {
		t.Unsure = true
		return nil, nil
	}
	list, ok := got.([]any)
	if err != nil || !ok {
		return nil, none
	}
	var out []string
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return nil, none
		}
		out = append(out, s)
	}
	return out, nil
}

// early works out a value of which nothing hangs on resources.
func (t *Template) early(v any) (any, error) {
	if err := t.shapes(v); err != nil {
		return nil, err
	}
	sc := &Scope{Template: t, Parameters: t.Values(t.given.Parameters), Attribute: func(id, _ string) (any, error) {
		return nil, refuse("%s is not known yet", id)
	}, Import: func(string) (string, error) { return "", refuse("imports are not known yet") }}
	maps.Copy(sc.Parameters, t.given.Pseudo)
	if err := sc.Decide(); err != nil {
		return nil, err
	}
	return sc.Eval(v)
}

// blind says whether some parameter's value is not known.
func (t *Template) blind() bool {
	return slices.ContainsFunc(t.Parameters, func(p *Parameter) bool {
		_, given := t.given.Parameters[p.Name]
		return !given && (p.Default == nil || p.InStore())
	})
}

var placeholder = regexp.MustCompile(`([$&])\{([A-Za-z0-9]+)\}`)

// fill puts the items of loops into text; &{name} takes letters and digits of
// an item alone.
func fill(text string, bound map[string]string, both bool) string {
	return placeholder.ReplaceAllStringFunc(text, func(m string) string {
		item, ok := bound[m[2:len(m)-1]]
		switch {
		case !ok, m[0] == '&' && !both:
			return m
		case m[0] == '&':
			return strings.Join(regexp.MustCompile(`[A-Za-z0-9]+`).FindAllString(item, -1), "")
		}
		return item
	})
}

// unfold puts the items of loops into a value, unrolls the loops in it and
// includes files. Items stand in for keys, for ${name} of Fn::Sub, and for Ref.
func (t *Template) unfold(v any, bound map[string]string) (any, error) {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = t.unfold(v[i], bound); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		if name, arg, ok := function(v); ok && (t.extended() || name == transform) {
			return t.unfoldCall(name, arg, bound)
		}
		out := map[string]any{}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			more := []entry{}
			var err error
			switch {
			case strings.HasPrefix(k, loopPrefix) && t.extended():
				more, err = t.loop(k, v[k], bound)
			case k == transform:
				var m map[string]any
				if m, err = t.included(v[k]); err == nil {
					maps.Copy(out, m)
				}
			default:
				var inner any
				inner, err = t.unfold(v[k], bound)
				more = []entry{{fill(k, bound, true), inner}}
			}
			if err != nil {
				return nil, err
			}
			for _, e := range more {
				out[e.key] = e.value
			}
		}
		return out, nil
	}
	return v, nil
}

func (t *Template) unfoldCall(name string, arg any, bound map[string]string) (any, error) {
	if name == transform {
		return t.includedValue(arg)
	}
	if strings.HasPrefix(name, loopPrefix) {
		out := map[string]any{}
		more, err := t.loop(name, arg, bound)
		for _, e := range more {
			out[e.key] = e.value
		}
		return out, err
	}
	if s, ok := arg.(string); ok {
		item, here := bound[s]
		switch {
		case name == "Ref" && here:
			return item, nil
		case name == "Fn::Sub":
			filled := fill(s, bound, false)
			if filled != s && !strings.Contains(filled, "${") {
				return filled, nil
			}
			return map[string]any{name: filled}, nil
		}
		return map[string]any{name: arg}, nil
	}
	inner, err := t.unfold(arg, bound)
	if list, ok := inner.([]any); ok && name == "Fn::Sub" && len(list) == 2 && isString(list[0]) {
		list[0] = fill(str(list[0]), bound, false)
	}
	return map[string]any{name: inner}, err
}

// included reads what an AWS::Include names, as members of where it stands.
func (t *Template) included(v any) (map[string]any, error) {
	inner, err := t.includedValue(v)
	if err != nil {
		return nil, err
	}
	m, ok := inner.(map[string]any)
	if !ok {
		return nil, t.failed(include, "The included file is not an object")
	}
	return m, nil
}

func (t *Template) includedValue(v any) (any, error) {
	m, _ := v.(map[string]any)
	name, ok := m["Name"].(string)
	if !ok {
		return nil, refuse("Key Name of transform definition must be a string.")
	}
	if name != include {
		return nil, t.failed(name, "no transform of that name is simulated")
	}
	parameters, _ := m["Parameters"].(map[string]any)
	where, err := t.early(parameters["Location"])
	location, ok := where.(string)
	if err != nil || !ok || !strings.HasPrefix(location, "s3://") {
		return nil, t.failed(include, "The value of parameter Location must be an S3 URI, as s3://bucket/key.")
	}
	if t.given.Include == nil {
		return nil, t.failed(include, "no files can be read here")
	}
	text, why := t.given.Include(location)
	if why != "" {
		return nil, t.failed(include, why)
	}
	root, err := nodes(text)
	if err != nil || root == nil {
		return nil, t.failed(include, "The specified S3 object's content should be valid Yaml/JSON")
	}
	return value(root, "", 0)
}
