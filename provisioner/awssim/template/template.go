// Package template knows the CloudFormation template language: its two
// notations, its sections, its functions, and what the service refuses before
// it starts anything, in the service's own words.
//
// It refuses to know resource types, stacks and the wire.
package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Unknown stands for a value that only the execution of a change can tell.
const Unknown = "{{changeSet:KNOWN_AFTER_APPLY}}"

// An Error is a refusal. Text is what the service says.
type Error struct{ Text string }

func (e *Error) Error() string { return e.Text }

func refuse(format string, args ...any) error { return &Error{Text: fmt.Sprintf(format, args...)} }

// A Template is a parsed template. Values are strings, []any and
// map[string]any: the service knows no other scalars than text. Short forms
// have become long ones.
type Template struct {
	Description string
	Version     string
	Metadata    any
	Transforms  []string
	Parameters  []*Parameter
	Mappings    map[string]map[string]map[string]any
	Conditions  map[string]any
	Resources   []*Resource
	Outputs     []*Output
	Rules       []*Rule
	Globals     map[string]any // of the serverless transform
	Unsure      bool           // a loop goes over what is not known yet

	given Given
	plain map[string]any // sections that transforms leave as they are
}

// A Parameter is a declared parameter.
type Parameter struct {
	Name, Type, Description string
	Default                 *string
	NoEcho                  bool
	AllowedValues           []string
	AllowedPattern          string
	MinLength, MaxLength    string
	MinValue, MaxValue      string
	ConstraintDescription   string
}

// A Resource is a declared resource.
type Resource struct {
	ID, Type, Condition                 string
	Properties                          map[string]any
	Metadata                            any
	DependsOn                           []string
	DeletionPolicy, UpdateReplacePolicy string
	CreationPolicy, UpdatePolicy        any
}

// An Output is a declared output.
type Output struct {
	Key, Description, Condition string
	Value, Export               any
}

// Resource returns the resource of that logical ID, or nil.
func (t *Template) Resource(id string) *Resource {
	for _, r := range t.Resources {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Parameter returns the parameter of that name, or nil.
func (t *Template) Parameter(name string) *Parameter {
	for _, p := range t.Parameters {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Types are the resource types in use, sorted.
func (t *Template) Types() []string {
	set := map[string]bool{}
	for _, r := range t.Resources {
		set[r.Type] = true
	}
	return slices.Sorted(maps.Keys(set))
}

var (
	alphanumeric = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	subWord      = regexp.MustCompile(`^[A-Za-z0-9_.:]+$`)
	subName      = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)
)

// pseudo are the parameters that every template has.
var pseudo = []string{
	"AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition",
	"AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix",
}

// A use is one mention of a resource in a value: an attribute, or the resource
// itself when Attr is empty.
type use struct{ ID, Attr string }

// Uses returns the names that a value refers to, resources and parameters
// alike, without those in branches that conditions switch off. A nil map of
// conditions takes every branch.
func Uses(v any, conditions map[string]bool) []string {
	var names []string
	for _, u := range uses(v, conditions) {
		names = append(names, u.ID)
	}
	return names
}

func uses(v any, conditions map[string]bool) []use {
	switch v := v.(type) {
	case []any:
		var all []use
		for _, item := range v {
			all = append(all, uses(item, conditions)...)
		}
		return all
	case map[string]any:
		if name, arg, ok := function(v); ok {
			return usesOf(name, arg, conditions)
		}
		var all []use
		for _, k := range slices.Sorted(maps.Keys(v)) {
			all = append(all, uses(v[k], conditions)...)
		}
		return all
	}
	return nil
}

func usesOf(name string, arg any, conditions map[string]bool) []use {
	switch name {
	case "Ref":
		if s, ok := arg.(string); ok {
			return []use{{ID: s}}
		}
	case "Fn::GetAtt":
		if l, ok := arg.([]any); ok && len(l) == 2 {
			id, _ := l[0].(string)
			attr, _ := l[1].(string)
			return append([]use{{ID: id, Attr: attr}}, uses(l[1], conditions)...)
		}
	case "Fn::Sub":
		return usesOfSub(arg, conditions)
	case "Fn::If":
		if l, ok := arg.([]any); ok && len(l) == 3 && conditions != nil {
			c, _ := l[0].(string)
			if conditions[c] {
				return uses(l[1], conditions)
			}
			return uses(l[2], conditions)
		}
	case "Condition":
		return nil
	}
	return uses(arg, conditions)
}

func usesOfSub(arg any, conditions map[string]bool) []use {
	var all []use
	text, _ := arg.(string)
	own := map[string]any{}
	if l, ok := arg.([]any); ok && len(l) == 2 {
		text, _ = l[0].(string)
		own, _ = l[1].(map[string]any)
		all = uses(own, conditions)
	}
	for _, m := range subName.FindAllStringSubmatch(text, -1) {
		name := strings.TrimSpace(m[1])
		if _, ok := own[name]; ok {
			continue
		}
		id, attr, _ := strings.Cut(name, ".")
		all = append(all, use{ID: id, Attr: attr})
	}
	return all
}

// function tells whether a map is a function call, and which.
func function(m map[string]any) (name string, arg any, ok bool) {
	if len(m) != 1 {
		return "", nil, false
	}
	for name, arg := range m {
		if name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::") {
			return name, arg, true
		}
	}
	return "", nil, false
}

// Edges returns what each resource that exists under the conditions must wait
// for: DependsOn and every mention in its properties.
func (t *Template) Edges(conditions map[string]bool) map[string][]string {
	edges := map[string][]string{}
	for _, r := range t.Resources {
		if !t.Active(r, conditions) {
			continue
		}
		set := map[string]bool{}
		for _, name := range append(slices.Clone(r.DependsOn), Uses(map[string]any{"P": r.Properties, "M": r.Metadata}, conditions)...) {
			if other := t.Resource(name); other != nil && t.Active(other, conditions) {
				set[name] = true
			}
		}
		edges[r.ID] = slices.Sorted(maps.Keys(set))
	}
	return edges
}

// Active says whether conditions let a resource exist.
func (t *Template) Active(r *Resource, conditions map[string]bool) bool {
	return r.Condition == "" || conditions == nil || conditions[r.Condition]
}

// Order sorts the resources of edges so that each comes after what it waits
// for. What is left when no order exists is a cycle.
func Order(edges map[string][]string) (order, cycle []string) {
	done := map[string]bool{}
	for len(done) < len(edges) {
		var ready []string
		for _, id := range slices.Sorted(maps.Keys(edges)) {
			if done[id] || slices.ContainsFunc(edges[id], func(d string) bool { _, here := edges[d]; return here && !done[d] }) {
				continue
			}
			ready = append(ready, id)
		}
		if len(ready) == 0 {
			return order, knot(edges, done)
		}
		for _, id := range ready {
			done[id] = true
		}
		order = append(order, ready...)
	}
	return order, nil
}

// knot drops from what could not be ordered those that only wait for a cycle.
func knot(edges map[string][]string, done map[string]bool) []string {
	left := map[string]bool{}
	for id := range edges {
		if !done[id] {
			left[id] = true
		}
	}
	for {
		wanted := map[string]bool{}
		for id := range left {
			for _, d := range edges[id] {
				wanted[d] = true
			}
		}
		before := len(left)
		for id := range left {
			if !wanted[id] {
				delete(left, id)
			}
		}
		if len(left) == before {
			return slices.Sorted(maps.Keys(left))
		}
	}
}

// Attributes returns every resource and attribute that a value mentions, as
// pairs.
func Attributes(v any) [][2]string {
	var out [][2]string
	for _, u := range uses(v, nil) {
		if u.Attr != "" {
			out = append(out, [2]string{u.ID, u.Attr})
		}
	}
	return out
}

// At returns what stands at a place in a value, or the function call that makes
// the part of the value in which the place is.
func At(v any, place []string) any {
	for _, k := range place {
		switch in := v.(type) {
		case map[string]any:
			if _, _, call := function(in); call {
				return v
			}
			v = in[k]
		case []any:
			i, err := strconv.Atoi(k)
			if err != nil {
				return nil
			}
			v = at(in, i)
		}
	}
	return v
}
