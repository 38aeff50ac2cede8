package cfn

import (
	"strings"

	"baryon/renderer"
)

// limits are wide: the text has passed the limits of rendering already.
var limits = renderer.Limits{Size: 64 << 20, Nodes: 1_000_000, Tags: true}

// A Template is a rendered template as a tree. Positions count in the text.
type Template struct {
	root       *renderer.Node
	parameters map[string]*renderer.Node
	resources  map[string]*renderer.Node
	conditions map[string]*renderer.Node
	mappings   map[string]*renderer.Node

	language bool // uses AWS::LanguageExtensions
	sam      bool // uses AWS::Serverless
	macros   bool // other transforms may add anything
}

// Parse reads a rendered template. It is usable when the problems are not
// Failed. The name appears in them only.
func Parse(name string, data []byte) (*Template, renderer.Problems) {
	root, problems := renderer.ParseOne(name, data, limits)
	if problems.Failed() {
		return nil, problems
	}
	if root.Kind != renderer.Mapping {
		return nil, append(problems, root.Problem("a CloudFormation template must be a mapping", root.Describe(), "", ""))
	}
	t := &Template{root: root}
	t.parameters = section(root.Get("Parameters"))
	t.resources = section(root.Get("Resources"))
	t.conditions = section(root.Get("Conditions"))
	t.mappings = section(root.Get("Mappings"))
	t.transforms()
	return t, problems
}

func section(n *renderer.Node) map[string]*renderer.Node {
	out := map[string]*renderer.Node{}
	if n != nil {
		for _, p := range n.Pairs {
			out[p.Key.Text] = p.Value
		}
	}
	return out
}

func (t *Template) transforms() {
	n := t.root.Get("Transform")
	list := items(n)
	if n != nil && list == nil {
		list = []*renderer.Node{n}
	}
	for _, item := range list {
		name, _ := text(item)
		switch {
		case name == "AWS::LanguageExtensions":
			t.language = true
		case strings.HasPrefix(name, "AWS::Serverless"):
			t.sam = true
		default:
			t.macros = true
		}
	}
	t.macros = t.macros || t.root.Get("Fn::Transform") != nil || t.root.Get("Resources").Get("Fn::Transform") != nil
}

// Outputs are the names of the stack's outputs, in the order of the text.
func (t *Template) Outputs() []string { return t.root.Get("Outputs").Keys() }

// Open reports whether the template may have more outputs and resources than
// its text says, because a macro or a loop adds them.
func (t *Template) Open() bool {
	return t.macros || t.language
}

// Resources are the logical names of the resources, in the order of the text.
func (t *Template) Resources() []string { return t.root.Get("Resources").Keys() }

// Retention are the DeletionPolicy and the UpdateReplacePolicy of a resource, as
// texts; empty where none is said.
func (t *Template) Retention(name string) (deletion, replacement string) {
	if t == nil {
		return "", ""
	}
	r := t.resources[name]
	deletion, _ = text(r.Get("DeletionPolicy"))
	replacement, _ = text(r.Get("UpdateReplacePolicy"))
	return deletion, replacement
}

// generates reports whether SAM may make a resource of that name: it derives
// names from those in the template.
func (t *Template) generates(name string) bool {
	if t.macros || t.language {
		return true
	}
	if !t.sam {
		return false
	}
	if strings.HasPrefix(name, "Serverless") {
		return true // implicit APIs
	}
	for own, r := range t.resources {
		if kind, _ := text(r.Get("Type")); strings.HasPrefix(kind, "AWS::Serverless::") && strings.HasPrefix(name, own) {
			return true
		}
	}
	return false
}
