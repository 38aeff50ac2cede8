package cfn

import (
	"fmt"
	"slices"
	"strings"

	"baryon/renderer"
)

// value checks a value and the calls in it.
func (c *checker) value(n *renderer.Node, at place) {
	if n == nil || c.seen[n] {
		return // aliased, and looked at already
	}
	if c.seen == nil {
		c.seen = map[*renderer.Node]bool{}
	}
	c.seen[n] = true
	if f, ok := callOf(n); ok {
		c.call(f, at)
		return
	}
	if n.Null() && n.Kind == renderer.Scalar {
		c.add(n, "CloudFormation takes no empty values", n.Describe(), "a value", "leave the key out, or write \"\" for an empty text")
		return
	}
	for _, p := range n.Pairs {
		if at.conditions && p.Key.Text == "Condition" {
			c.condition(p.Value)
			continue
		}
		c.value(p.Value, at)
	}
	for _, item := range n.Items {
		c.value(item, at)
	}
}

// onlyConditions are the functions that stand in Conditions alone, but as the
// first argument of If.
var onlyConditions = []string{"Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"}

// call checks the form of a call and what it refers to.
func (c *checker) call(f call, at place) {
	if !functions[f.name] {
		if strings.HasPrefix(f.name, "Fn::ForEach::") {
			return
		}
		next := ""
		if near := renderer.Nearest(f.name, functionNames); near != "" {
			next = fmt.Sprintf("did you mean %q?", near)
		}
		c.add(f.at, "there is no such function", fmt.Sprintf("%q", f.name), "", next)
		return
	}
	if slices.Contains(onlyConditions, f.name) && !at.conditions {
		c.add(f.at, f.name+" may stand in Conditions only", "", "Fn::If with the name of a condition", "")
		return
	}
	switch f.name {
	case "Ref":
		c.ref(f, at)
		return
	case "Condition":
		c.condition(f.arg)
		return
	case "Fn::GetAtt":
		c.getAtt(f, at)
		return
	case "Fn::Sub":
		c.sub(f, at)
		return
	case "Fn::FindInMap":
		c.findInMap(f)
	case "Fn::If":
		if list := items(f.arg); len(list) == 3 {
			c.condition(list[0])
			c.value(list[1], at)
			c.value(list[2], at)
			return
		}
		c.add(f.at, "Fn::If takes a condition and two values", f.arg.Describe(), "[CONDITION, THEN, ELSE]", "")
		return
	case "Fn::Transform":
		return
	default:
		c.form(f)
	}
	if _, ok := callOf(f.arg); ok || f.arg.Kind != renderer.Scalar {
		c.value(f.arg, at)
	}
}

// arity says how many arguments the functions take that take a list.
var arity = map[string]struct {
	least, most int
	want        string
}{
	"Fn::And": {2, 10, "two to ten conditions"}, "Fn::Or": {2, 10, "two to ten conditions"}, "Fn::Not": {1, 1, "one condition"},
	"Fn::Equals": {2, 2, "two values"}, "Fn::Join": {2, 2, "[DELIMITER, LIST]"}, "Fn::Split": {2, 2, "[DELIMITER, TEXT]"},
	"Fn::Select": {2, 2, "[INDEX, LIST]"}, "Fn::Cidr": {2, 3, "[BLOCK, COUNT, BITS]"}, "Fn::FindInMap": {3, 4, "[MAP, KEY, KEY]"},
}

// form checks the number of arguments.
func (c *checker) form(f call) bool {
	a, ok := arity[f.name]
	if !ok {
		return true
	}
	if _, is := callOf(f.arg); is && f.name != "Fn::Not" {
		return false
	}
	list := items(f.arg)
	if len(list) < a.least || len(list) > a.most {
		got := fmt.Sprintf("%d arguments", len(list))
		if list == nil {
			got = f.arg.Describe()
		}
		c.add(f.at, f.name+" takes a list of another length", got, a.want, "")
		return false
	}
	return true
}

func (c *checker) ref(f call, at place) {
	name, ok := text(f.arg)
	if !ok {
		c.add(f.at, "Ref takes a name", f.arg.Describe(), "the name of a parameter or resource", "")
		return
	}
	c.exists(f.at, "Ref", name, at)
}

// exists checks that a name is that of a parameter or resource.
func (c *checker) exists(n *renderer.Node, function, name string, at place) {
	t := c.t
	switch {
	case pseudo[name] || t.parameters[name] != nil || t.macros:
	case strings.HasPrefix(name, "AWS::"):
		c.add(n, "there is no such pseudo parameter", fmt.Sprintf("%q", name), "", "")
	case at.conditions && t.resources[name] != nil:
		c.add(n, "a condition cannot refer to a resource", fmt.Sprintf("%q", name), "a parameter", "")
	case t.resources[name] != nil || t.generates(name):
	default:
		c.missing(n, function+" names nothing of this template", name, t.parameters, t.resources)
	}
}

func (c *checker) getAtt(f call, at place) {
	resource, _, ok := attribute(f.arg)
	switch {
	case !ok:
		c.add(f.at, "Fn::GetAtt takes a resource and an attribute", f.arg.Describe(), "RESOURCE.ATTRIBUTE", "")
	case at.conditions:
		c.add(f.at, "a condition cannot refer to a resource", fmt.Sprintf("%q", resource), "a parameter", "")
	case c.t.resources[resource] == nil && !c.t.generates(resource):
		c.missing(f.at, "Fn::GetAtt names a resource that does not exist", resource, c.t.resources)
	}
}

func (c *checker) sub(f call, at place) {
	names, own, ok := substituted(f.arg)
	if !ok {
		if c.t.language {
			return
		}
		c.add(f.at, "Fn::Sub takes a text, or a text and a mapping", f.arg.Describe(), "TEXT, or [TEXT, {NAME: VALUE}]", "")
		return
	}
	for _, name := range names {
		if resource, _, dotted := strings.Cut(name, "."); dotted {
			if c.t.resources[resource] == nil && !c.t.generates(resource) {
				c.missing(f.at, "Fn::Sub names a resource that does not exist", resource, c.t.resources)
			}
			continue
		}
		c.exists(f.at, "Fn::Sub", name, at)
	}
	for _, p := range pairs(own) {
		c.value(p.Value, at)
	}
}

func (c *checker) findInMap(f call) {
	if !c.form(f) || c.t.macros {
		return
	}
	list := items(f.arg)
	name, ok := text(list[0])
	if !ok {
		return
	}
	m := c.t.mappings[name]
	if m == nil {
		c.missing(list[0], "Fn::FindInMap names a mapping that does not exist", name, c.t.mappings)
		return
	}
	if len(list) == 4 {
		return // it has a default
	}
	if top, ok := text(list[1]); ok {
		if m.Get(top) == nil {
			c.missing(list[1], "the mapping "+name+" has no such key", top, section(m))
			return
		}
		if second, ok := text(list[2]); ok && m.Get(top).Get(second) == nil {
			c.missing(list[2], "the mapping "+name+" has no such key below "+top, second, section(m.Get(top)))
		}
	}
}
