package cfn

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"baryon/renderer"
)

// Check finds what CloudFormation would refuse about the template by itself:
// unknown keys, references that lead nowhere, calls of the wrong form, and
// resources that wait for each other.
func (t *Template) Check() renderer.Problems {
	c := &checker{t: t}
	c.top()
	for _, p := range pairs(t.root.Get("Parameters")) {
		c.parameter(p)
	}
	for _, p := range pairs(t.root.Get("Mappings")) {
		c.mapping(p)
	}
	for _, p := range pairs(t.root.Get("Conditions")) {
		c.name("condition", p.Key)
		c.value(p.Value, place{conditions: true, what: "Conditions"})
	}
	for _, p := range pairs(t.root.Get("Resources")) {
		c.resource(p)
	}
	for _, p := range pairs(t.root.Get("Outputs")) {
		c.output(p)
	}
	c.circles()
	c.problems.Sort()
	return c.problems
}

func pairs(n *renderer.Node) []renderer.Pair {
	if n == nil {
		return nil
	}
	return n.Pairs
}

type checker struct {
	t        *Template
	problems renderer.Problems
	seen     map[*renderer.Node]bool
}

func (c *checker) add(n *renderer.Node, rule, got, want, next string) {
	c.problems = append(c.problems, n.Problem(rule, got, want, next))
}

// A place says what may stand there.
type place struct {
	conditions bool   // of the section Conditions, where resources do not exist yet
	what       string // the section, for messages
}

var (
	topKeys = []string{
		"AWSTemplateFormatVersion", "Conditions", "Description", "Hooks", "Mappings", "Metadata", "Outputs", "Parameters", "Resources", "Rules", "Transform",
	}
	resourceKeys = []string{
		"Condition", "CreationPolicy", "DeletionPolicy", "DependsOn", "Description", "Metadata", "Properties", "Type", "UpdatePolicy",
		"UpdateReplacePolicy", "Version",
	}
	parameterKeys = []string{
		"AllowedPattern", "AllowedValues", "ConstraintDescription", "Default", "Description", "MaxLength", "MaxValue", "MinLength", "MinValue", "NoEcho", "Type",
	}
	outputKeys = []string{"Condition", "Description", "Export", "Value"}

	logicalName  = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	resourceType = regexp.MustCompile(`^([A-Za-z0-9]+::[A-Za-z0-9]+(::[A-Za-z0-9]+)+|Custom::[A-Za-z0-9_@-]+|[A-Za-z0-9]+::[A-Za-z0-9]+::[A-Za-z0-9]+::MODULE)$`)
)

// keys reports the keys of a mapping that are not known ones.
func (c *checker) keys(n *renderer.Node, what string, known []string) {
	for _, p := range pairs(n) {
		key := p.Key.Text
		if slices.Contains(known, key) || strings.HasPrefix(key, "Fn::") && (c.t.language || key == "Fn::Transform") {
			continue
		}
		next := ""
		if near := renderer.Nearest(key, known); near != "" {
			next = fmt.Sprintf("did you mean %q?", near)
		}
		c.add(p.Key, what+" has no such key", fmt.Sprintf("%q", key), "one of "+strings.Join(known, ", "), next)
	}
}

func (c *checker) top() {
	known := topKeys
	if c.t.sam {
		known = append(slices.Clone(topKeys), "Globals")
	}
	if !c.t.macros {
		c.keys(c.t.root, "a CloudFormation template", known)
	}
	if v := c.t.root.Get("AWSTemplateFormatVersion"); v != nil && v.Text != "2010-09-09" {
		c.add(v, "there is one version of the template format", v.Describe(), "2010-09-09", "")
	}
	resources := c.t.root.Get("Resources")
	switch {
	case resources == nil || resources.Kind != renderer.Mapping:
		c.add(c.t.root, "a CloudFormation template needs Resources", "", "a mapping under the key Resources", "")
	case len(resources.Pairs) == 0:
		c.add(resources, "a CloudFormation template needs at least one resource", "", "", "")
	}
	for _, key := range []string{"Parameters", "Mappings", "Conditions", "Outputs"} {
		if n := c.t.root.Get(key); n != nil && n.Kind != renderer.Mapping {
			c.add(n, key+" must be a mapping", n.Describe(), "names and what they stand for", "remove the key if there is nothing in it")
		}
	}
}

// name checks a logical name.
func (c *checker) name(what string, key *renderer.Node) bool {
	if strings.HasPrefix(key.Text, "Fn::") {
		return false // a loop, or a transform
	}
	if !logicalName.MatchString(key.Text) {
		c.add(key, "the name of a "+what+" holds letters and digits only", fmt.Sprintf("%q", key.Text), "", "")
	}
	return true
}

func (c *checker) parameter(p renderer.Pair) {
	if !c.name("parameter", p.Key) {
		return
	}
	if p.Value.Kind != renderer.Mapping {
		c.add(p.Value, "a parameter must be a mapping", p.Value.Describe(), "Type and Default", "")
		return
	}
	c.keys(p.Value, "a parameter", parameterKeys)
	if p.Value.Get("Type") == nil {
		c.add(p.Key, "a parameter needs a Type", "", "String, Number or another type", "")
	}
	if p.Value.Get("Default") == nil {
		c.add(p.Key, "the parameter "+p.Key.Text+" has no default, and nothing gives it a value", "", "",
			"add Default, or use an input of the schema in its place")
	}
}

func (c *checker) mapping(p renderer.Pair) {
	if !c.name("mapping", p.Key) {
		return
	}
	if p.Value.Kind != renderer.Mapping {
		c.add(p.Value, "a mapping has two levels of keys", p.Value.Describe(), "keys, and below each keys with values", "")
		return
	}
	for _, top := range p.Value.Pairs {
		if top.Value.Kind != renderer.Mapping {
			c.add(top.Value, "a mapping has two levels of keys", top.Value.Describe(), "keys with values", "")
			continue
		}
		for _, second := range top.Value.Pairs {
			if second.Value.Kind == renderer.Mapping || second.Value.Tag != "" {
				c.add(second.Value, "a value of a mapping is a text or a list, without functions", second.Value.Describe(), "", "")
			}
		}
	}
}

func (c *checker) resource(p renderer.Pair) {
	if !c.name("resource", p.Key) {
		return
	}
	r := p.Value
	if r.Kind != renderer.Mapping {
		c.add(r, "a resource must be a mapping", r.Describe(), "Type and Properties", "")
		return
	}
	known := resourceKeys
	if c.t.sam {
		known = append(slices.Clone(resourceKeys), "Connectors", "IgnoreGlobals")
	}
	c.keys(r, "a resource", known)
	kind, ok := text(r.Get("Type"))
	switch {
	case !ok:
		c.add(p.Key, "a resource needs a Type", "", "such as AWS::S3::Bucket", "")
	case !resourceType.MatchString(kind):
		c.add(r.Get("Type"), "this is not the name of a resource type", fmt.Sprintf("%q", kind), "such as AWS::S3::Bucket", "")
	}
	if n := r.Get("Properties"); n != nil && n.Kind != renderer.Mapping {
		c.add(n, "Properties must be a mapping", n.Describe(), "", "")
	}
	c.dependsOn(r)
	c.condition(r.Get("Condition"))
	for _, key := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
		want := []string{"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}
		if key == "UpdateReplacePolicy" {
			want = []string{"Delete", "Retain", "Snapshot"}
		}
		if n := r.Get(key); n != nil && !c.t.language && !slices.Contains(want, n.Text) {
			c.add(n, key+" has no such value", n.Describe(), strings.Join(want, ", "), "")
		}
	}
	for _, key := range []string{"Properties", "Metadata", "CreationPolicy", "UpdatePolicy"} {
		c.value(r.Get(key), place{what: "Resources"})
	}
}

func (c *checker) dependsOn(r *renderer.Node) {
	n := r.Get("DependsOn")
	list := items(n)
	if n != nil && n.Kind == renderer.Scalar {
		list = []*renderer.Node{n}
	}
	for _, item := range list {
		name, ok := text(item)
		if !ok {
			c.add(item, "DependsOn lists names of resources, without functions", item.Describe(), "", "")
		} else if c.t.resources[name] == nil && !c.t.generates(name) {
			c.missing(item, "DependsOn names a resource that does not exist", name, c.t.resources)
		}
	}
}

// condition checks a key Condition, which names one.
func (c *checker) condition(n *renderer.Node) {
	if n == nil {
		return
	}
	name, ok := text(n)
	if !ok {
		c.add(n, "Condition names a condition", n.Describe(), "a key of Conditions", "")
	} else if c.t.conditions[name] == nil && !c.t.Open() {
		c.missing(n, "the condition does not exist", name, c.t.conditions)
	}
}

// missing reports a name that leads nowhere, with the nearest that exists.
func (c *checker) missing(n *renderer.Node, rule, name string, known ...map[string]*renderer.Node) {
	var names []string
	for _, m := range known {
		names = append(names, slices.Sorted(maps.Keys(m))...)
	}
	next := ""
	if near := renderer.Nearest(name, names); near != "" {
		next = fmt.Sprintf("did you mean %q?", near)
	}
	c.add(n, rule, fmt.Sprintf("%q", name), "", next)
}

func (c *checker) output(p renderer.Pair) {
	if !c.name("output", p.Key) {
		return
	}
	o := p.Value
	if o.Kind != renderer.Mapping {
		c.add(o, "an output must be a mapping", o.Describe(), "with the key Value", "")
		return
	}
	c.keys(o, "an output", outputKeys)
	if o.Get("Value") == nil {
		c.add(p.Key, "an output needs a Value", "", "", "")
	}
	c.condition(o.Get("Condition"))
	if e := o.Get("Export"); e != nil && e.Get("Name") == nil {
		c.add(e, "an Export needs a Name", e.Describe(), "", "")
	}
	c.value(o.Get("Value"), place{what: "Outputs"})
	c.value(o.Get("Export"), place{what: "Outputs"})
}
