package proton

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"baryon/reconciler/declare"
)

// A specDocument is a ServiceSpec that is taken apart and put together. What is
// not touched keeps its order and its comments.
type specDocument struct{ root *yaml.Node }

// parseSpec reads a document that was checked before, or nothing.
func parseSpec(text string) (specDocument, bool) {
	var file yaml.Node
	if err := yaml.Unmarshal([]byte(text), &file); err != nil || len(file.Content) == 0 || file.Content[0].Kind != yaml.MappingNode {
		return specDocument{}, false
	}
	return specDocument{file.Content[0]}, true
}

func (s specDocument) text() string {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(s.root); err != nil {
		return ""
	}
	return out.String()
}

// member is the value of a key of a mapping.
func member(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// put sets a key of the document, or with nil takes it away.
func (s specDocument) put(key string, value *yaml.Node) {
	for i := 0; i+1 < len(s.root.Content); i += 2 {
		if s.root.Content[i].Value != key {
			continue
		}
		if value == nil {
			s.root.Content = append(s.root.Content[:i:i], s.root.Content[i+2:]...)
		} else {
			s.root.Content[i+1] = value
		}
		return
	}
	if value != nil {
		s.root.Content = append(s.root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	}
}

// instances is the list of instances.
func (s specDocument) instances() *yaml.Node { return member(s.root, "instances") }

// instance is the place of an instance in the list, or -1.
func (s specDocument) instance(name string) int {
	list := s.instances()
	if list == nil {
		return -1
	}
	for i, item := range list.Content {
		if n := member(item, "name"); n != nil && n.Value == name {
			return i
		}
	}
	return -1
}

// named are the instances of a name, with their environments: one, or none.
func (s specDocument) named(name string) []declare.Instance {
	at := s.instance(name)
	if at < 0 {
		return nil
	}
	i := declare.Instance{Name: name}
	if environment := member(s.instances().Content[at], "environment"); environment != nil {
		i.Environment = environment.Value
	}
	return []declare.Instance{i}
}

// onlyInstance is a ServiceSpec with one of its instances and no pipeline, as
// Proton shows the spec of an instance.
func onlyInstance(text, name string) string {
	s, ok := parseSpec(text)
	if !ok {
		return ""
	}
	at := s.instance(name)
	if at < 0 {
		return ""
	}
	s.put("pipeline", nil)
	list := *s.instances()
	list.Content = []*yaml.Node{list.Content[at]}
	s.put("instances", &list)
	return s.text()
}

// onlyInstances is a ServiceSpec with the instances that keep says; false where
// that are all of them.
func onlyInstances(text string, keep func(name string) bool) (string, bool) {
	s, ok := parseSpec(text)
	if !ok || s.instances() == nil {
		return "", false
	}
	list := *s.instances()
	list.Content = nil
	for _, item := range s.instances().Content {
		if name := member(item, "name"); name == nil || keep(name.Value) {
			list.Content = append(list.Content, item)
		}
	}
	if len(list.Content) == len(s.instances().Content) {
		return "", false
	}
	s.put("instances", &list)
	return s.text(), true
}

// withInstance is a stored ServiceSpec in which one instance is as another
// document has it; the rest of that document does not count.
func withInstance(stored, given, name string) (string, bool) {
	s, ok := parseSpec(stored)
	g, okGiven := parseSpec(given)
	if !ok || !okGiven {
		return "", false
	}
	from := g.instance(name)
	if from < 0 {
		return "", false
	}
	item := g.instances().Content[from]
	list := s.instances()
	if list == nil {
		list = &yaml.Node{Kind: yaml.SequenceNode}
		s.put("instances", list)
	}
	if at := s.instance(name); at >= 0 {
		list.Content[at] = item
	} else {
		list.Style = 0
		list.Content = append(list.Content, item)
	}
	return s.text(), true
}

// withPipeline is a stored ServiceSpec whose pipeline is as another document has it.
func withPipeline(stored, given string) (string, bool) {
	s, ok := parseSpec(stored)
	g, okGiven := parseSpec(given)
	if !ok || !okGiven {
		return "", false
	}
	s.put("pipeline", member(g.root, "pipeline"))
	return s.text(), true
}
