package cfn

import (
	"cmp"
	"slices"
	"strconv"

	"baryon/renderer"
)

// Action is what a change does to a resource or another member of a template.
type Action string

// The actions. Replace makes a new resource in the place of the old one, which
// is deleted; MayReplace does so under conditions that only AWS can judge.
const (
	Add        Action = "add"
	Remove     Action = "remove"
	Modify     Action = "change"
	Replace    Action = "replace"
	MayReplace Action = "may replace"
)

// A Change is what differs in one member of a template.
type Change struct {
	Action     Action     `json:"action"`
	Section    string     `json:"section"` // Resources, Outputs, Parameters and so on
	Name       string     `json:"name,omitempty"`
	Type       string     `json:"type,omitempty"` // of a resource
	Before     string     `json:"before,omitempty"`
	Properties []Property `json:"properties,omitempty"` // what differs inside, by path
	Why        string     `json:"why,omitempty"`        // a resource is replaced though its own text is as before
}

// A Property is one value that differs. An empty Before or After means that it
// was not there.
type Property struct {
	Path     string `json:"path"` // Properties.Tags[0].Value
	Before   string `json:"before,omitempty"`
	After    string `json:"after,omitempty"`
	Replaces Action `json:"replaces,omitempty"` // Replace or MayReplace, for properties that do
}

// sections are those that are compared, in the order in which people ask.
var sections = []string{"Resources", "Outputs", "Parameters", "Mappings", "Conditions", "Rules"}

// Diff says what an update from one template to another would change, as far as
// their texts tell. Forms of the same thing, such as !Ref A and Ref: A, do not
// differ. Either may be nil.
func Diff(before, after *Template) []Change {
	var out []Change
	for _, section := range sections {
		old, now := before.member(section), after.member(section)
		for _, p := range pairs(old) {
			if now.Get(p.Key.Text) == nil {
				out = append(out, Change{Action: Remove, Section: section, Name: p.Key.Text, Type: typeOf(section, p.Value)})
			}
		}
		for _, p := range pairs(now) {
			if c, differs := compare(section, p.Key.Text, old.Get(p.Key.Text), p.Value); differs {
				out = append(out, c)
			}
		}
	}
	for _, key := range []string{"AWSTemplateFormatVersion", "Description", "Transform", "Metadata", "Globals", "Hooks"} {
		if properties := differences(key, before.member(key), after.member(key), nil); len(properties) > 0 {
			out = append(out, Change{Action: Modify, Section: key, Properties: properties})
		}
	}
	return cascade(after, out)
}

func (t *Template) member(key string) *renderer.Node {
	if t == nil {
		return nil
	}
	return t.root.Get(key)
}

func typeOf(section string, n *renderer.Node) string {
	if section != "Resources" {
		return ""
	}
	kind, _ := text(n.Get("Type"))
	return kind
}

func compare(section, name string, old, now *renderer.Node) (Change, bool) {
	c := Change{Action: Add, Section: section, Name: name, Type: typeOf(section, now)}
	if old == nil {
		return c, true
	}
	c.Action = Modify
	c.Properties = differences("", old, now, nil)
	if len(c.Properties) == 0 {
		return c, false
	}
	if section != "Resources" {
		return c, true
	}
	if before := typeOf(section, old); before != c.Type {
		c.Action, c.Before = Replace, before
		c.Why = "CloudFormation refuses to change the type of a resource: give the new one another name"
		return c, true
	}
	for i := range c.Properties {
		p := &c.Properties[i]
		p.Replaces = replaces(c.Type, p.Path)
		c.Action = stronger(c.Action, p.Replaces)
	}
	return c, true
}

// stronger is the greater of two actions on a resource that exists.
func stronger(a, b Action) Action {
	rank := map[Action]int{Modify: 1, MayReplace: 2, Replace: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// differences lists the values that differ below a path.
func differences(path string, old, now *renderer.Node, out []Property) []Property {
	before, after := Text(old), Text(now)
	if before == after {
		return out
	}
	if path == "Properties" { // a resource without any has none of each
		old, now = orEmpty(old), orEmpty(now)
	}
	_, oldCall := callOf(old)
	_, nowCall := callOf(now)
	switch {
	case old == nil || now == nil || oldCall || nowCall || old.Kind != now.Kind:
	case old.Kind == renderer.Mapping:
		for _, p := range old.Pairs {
			out = differences(below(path, p.Key.Text), p.Value, now.Get(p.Key.Text), out)
		}
		for _, p := range now.Pairs {
			if old.Get(p.Key.Text) == nil {
				out = differences(below(path, p.Key.Text), nil, p.Value, out)
			}
		}
		return out
	case old.Kind == renderer.Sequence:
		return listDifferences(path, old.Items, now.Items, out)
	}
	return append(out, Property{Path: path, Before: before, After: after})
}

func orEmpty(n *renderer.Node) *renderer.Node {
	if n == nil {
		return &renderer.Node{Kind: renderer.Mapping}
	}
	return n
}

// listDifferences compares lists item by item, after what is the same at both
// ends.
func listDifferences(path string, old, now []*renderer.Node, out []Property) []Property {
	same := func(a, b *renderer.Node) bool { return Text(a) == Text(b) }
	start := 0
	for start < len(old) && start < len(now) && same(old[start], now[start]) {
		start++
	}
	end := 0
	for end < len(old)-start && end < len(now)-start && same(old[len(old)-1-end], now[len(now)-1-end]) {
		end++
	}
	for i := start; i < max(len(old), len(now))-end; i++ {
		var a, b *renderer.Node
		if i < len(old)-end {
			a = old[i]
		}
		if i < len(now)-end {
			b = now[i]
		}
		out = differences(path+"["+strconv.Itoa(i)+"]", a, b, out)
	}
	return out
}

func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// cascade finds resources that are replaced because what they refer to is: a
// property that cannot change gets a new value.
func cascade(after *Template, changes []Change) []Change {
	if after == nil {
		return changes
	}
	at := map[string]int{}
	fate := map[string]Action{}
	for i, c := range changes {
		if c.Section == "Resources" {
			at[c.Name], fate[c.Name] = i, c.Action
		}
	}
	for again := true; again; {
		again = false
		for _, name := range after.Resources() {
			if fate[name] == Add || fate[name] == Replace {
				continue
			}
			action, property, cause := after.forced(name, fate)
			if stronger(fate[name], action) == fate[name] {
				continue
			}
			again = true
			fate[name] = action
			why := property + " refers to " + cause + ", which is replaced"
			if action == MayReplace && fate[cause] == MayReplace {
				why = property + " refers to " + cause + ", which may be replaced"
			}
			if i, changed := at[name]; changed {
				changes[i].Action, changes[i].Why = action, why
				continue
			}
			at[name] = len(changes)
			changes = append(changes, Change{Action: action, Section: "Resources", Name: name, Type: typeOf("Resources", after.resources[name]), Why: why})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(order(a.Section), order(b.Section)) })
	return changes
}

// order puts the sections that are compared by name before the others.
func order(section string) int {
	if i := slices.Index(sections, section); i >= 0 {
		return i
	}
	return len(sections)
}

// forced tells what becomes of a resource by what its properties refer to.
func (t *Template) forced(name string, fate map[string]Action) (action Action, property, cause string) {
	r := t.resources[name]
	kind := typeOf("Resources", r)
	for _, p := range pairs(r.Get("Properties")) {
		effect := replaces(kind, "Properties."+p.Key.Text)
		if effect == "" {
			continue
		}
		references(p.Value, func(other string, _ bool) {
			if other == name || fate[other] != Replace && fate[other] != MayReplace {
				return
			}
			got := effect
			if fate[other] == MayReplace {
				got = MayReplace
			}
			if stronger(action, got) != action {
				action, property, cause = got, "Properties."+p.Key.Text, other
			}
		})
	}
	return action, property, cause
}
