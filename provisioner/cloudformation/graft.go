package cloudformation

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// graft is the template that an import takes: what the stack has, or nothing,
// with the resources that are taken in, as the wanted template describes them. An
// import may change nothing else, not even outputs.
func graft(stack, wanted []byte, ids []string) ([]byte, error) {
	want, err := templateOf(wanted)
	if err != nil {
		return nil, err
	}
	base := &yaml.Node{Kind: yaml.MappingNode}
	if stack != nil {
		if base, err = templateOf(stack); err != nil {
			return nil, fmt.Errorf("the template of the stack: %w", err)
		}
	}
	for _, section := range []string{"AWSTemplateFormatVersion", "Transform"} {
		if node := member(want, section); node != nil && member(base, section) == nil {
			put(base, section, node)
		}
	}
	for _, section := range []string{"Parameters", "Mappings", "Conditions"} {
		for _, name := range names(member(want, section)) {
			add(base, section, name, member(member(want, section), name))
		}
	}
	for _, id := range ids {
		resource := member(member(want, "Resources"), id)
		if resource == nil {
			return nil, fmt.Errorf("imports names %s, and the template has no such resource; take it out, or add it to the template", id)
		}
		if member(resource, "DeletionPolicy") == nil {
			return nil, fmt.Errorf("the resource %s is to be imported, and CloudFormation takes only those that say what becomes of them when the stack goes; "+
				"add DeletionPolicy: Retain to it in the template", id)
		}
		add(base, "Resources", id, resource)
	}
	for _, id := range ids {
		prune(member(member(base, "Resources"), id), names(member(base, "Resources")))
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(1)
	if err := e.Encode(plain(base)); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}

// templateOf reads a template, JSON or YAML with the short forms of functions.
func templateOf(text []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("it is no mapping")
	}
	return doc.Content[0], nil
}

func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func names(n *yaml.Node) []string {
	var out []string
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = append(out, n.Content[i].Value)
		}
	}
	return out
}

func put(n *yaml.Node, name string, value *yaml.Node) {
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
}

// add puts a member into a section that has none of that name.
func add(base *yaml.Node, section, name string, value *yaml.Node) {
	in := member(base, section)
	if in == nil {
		in = &yaml.Node{Kind: yaml.MappingNode}
		put(base, section, in)
	}
	if member(in, name) == nil {
		put(in, name, value)
	}
}

// prune takes the dependencies out of a resource that are not there yet.
func prune(resource *yaml.Node, there []string) {
	on := member(resource, "DependsOn")
	if on == nil {
		return
	}
	kept := &yaml.Node{Kind: yaml.SequenceNode}
	list := on.Content
	if on.Kind == yaml.ScalarNode {
		list = []*yaml.Node{on}
	}
	for _, n := range list {
		if slices.Contains(there, n.Value) {
			kept.Content = append(kept.Content, n)
		}
	}
	for i := 0; i+1 < len(resource.Content); i += 2 {
		if resource.Content[i].Value == "DependsOn" {
			resource.Content[i+1] = kept
			if len(kept.Content) == 0 {
				resource.Content = slices.Delete(resource.Content, i, i+2)
			}
			return
		}
	}
}

// plain is a copy of a node that says the same wherever it stands: with what
// aliases stand for, no comments, and texts that are not folded.
func plain(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return plain(n.Alias)
	}
	out := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value}
	if n.Kind == yaml.ScalarNode && (n.Style&yaml.FoldedStyle != 0 || strings.ContainsAny(n.Value, "\n\t")) {
		out.Style = n.Style&yaml.TaggedStyle | yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		out.Content = append(out.Content, plain(c))
	}
	return out
}
