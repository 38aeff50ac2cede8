// Package yamledit changes values of a YAML text where they stand. It knows how to
// find the bytes of a value and to write others in their place, so that comments,
// order, quotes and every other line stay. It refuses to know what the values mean,
// and refuses every change that it cannot make exactly.
package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"baryon/renderer"
)

// A Step leads from a mapping to the value of a key, or from a list of mappings
// to the one whose key name has the value Item.
type Step struct{ Key, Item string }

// An Edit wants the value at a path to be Value. Of mappings and lists only what
// differs is written. A nil Value takes the key or the item away. Keys that are
// missing on the way are made, and so is the item that a path ends with.
type Edit struct {
	Path  []Step
	Value *yaml.Node
}

// Text is a string value, in double quotes where it is new.
func Text(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value}
}

// Apply makes the edits in the document of a file that has line among its lines.
// The result, read again, differs from data in the values that were asked for and
// in nothing else; where that cannot be had, a Problem says which place is in the way.
func Apply(file string, data []byte, line int, edits ...Edit) ([]byte, error) {
	text, marked := strings.CutPrefix(string(data), "\ufeff")
	for _, edit := range edits {
		var err error
		if text, err = apply(file, text, line, edit); err != nil {
			return nil, err
		}
	}
	if marked {
		text = "\ufeff" + text
	}
	return []byte(text), nil
}

func apply(file, text string, line int, edit Edit) (string, error) {
	docs, err := parse(text)
	if err != nil {
		return "", renderer.Problems{{File: file, Line: line, Column: 1, Rule: "the file cannot be read as a whole", Got: err.Error(), Next: "correct it in Git"}}
	}
	at := documentAt(docs, line)
	if at < 0 {
		return "", renderer.Problems{{File: file, Line: line, Column: 1, Rule: "no document begins here"}}
	}
	if problem := plainValue(edit.Value); problem != "" {
		return "", renderer.Problems{{File: "spec", Line: edit.Value.Line, Column: edit.Value.Column, Rule: problem, Next: "write the values out"}}
	}
	e := &editor{file: file, text: text, newline: "\n"}
	if strings.Contains(text, "\r\n") {
		e.newline = "\r\n"
	}
	wanted, err := e.edit(docs[at], edit.Path, edit.Value)
	if err != nil {
		return "", err
	}
	out, err := e.result()
	if err != nil {
		return "", err
	}
	after, err := parse(out)
	exact := err == nil && len(after) == len(docs)
	for i := range docs {
		want := docs[i]
		if i == at {
			want = wanted
		}
		exact = exact && equal(after[i], want)
	}
	if !exact {
		return "", e.problem(docs[at], "the change cannot be made here without changing something else")
	}
	return out, nil
}

// parse reads the roots of all documents; one without content counts as null.
func parse(text string) (roots []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the parser gave up: %v", p)
		}
	}()
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, err
		}
		roots = append(roots, n.Content[0])
	}
}

// documentAt is the last document that begins at a line or before it.
func documentAt(roots []*yaml.Node, line int) int {
	found := -1
	for i, root := range roots {
		if root.Line <= line {
			found = i
		}
	}
	return found
}

// plainValue says what of a new value cannot be written elsewhere as it is.
func plainValue(n *yaml.Node) string {
	switch {
	case n == nil:
		return ""
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return "the spec has anchors, which cannot be written back"
	case n.Style&yaml.TaggedStyle != 0 || n.Tag == "!!merge":
		return "the spec has tags or merge keys, which cannot be written back"
	}
	for _, c := range n.Content {
		if problem := plainValue(c); problem != "" {
			return problem
		}
	}
	return ""
}

// equal compares what two trees say, not how they say it.
func equal(a, b *yaml.Node) bool {
	a, b = resolve(a), resolve(b)
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || len(a.Content) != len(b.Content) {
		return false
	}
	switch a.Kind {
	case yaml.ScalarNode:
		return a.Value == b.Value || a.ShortTag() == "!!null"
	case yaml.MappingNode:
		for i := 0; i+1 < len(a.Content); i += 2 {
			j := indexOf(b, a.Content[i].Value)
			if j < 0 || a.Content[i].Kind != yaml.ScalarNode || !equal(a.Content[i], b.Content[j]) || !equal(a.Content[i+1], b.Content[j+1]) {
				return false
			}
		}
		return true
	}
	return slices.EqualFunc(a.Content, b.Content, equal)
}

func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// indexOf is the place of a key among the children of a mapping, or -1.
func indexOf(mapping *yaml.Node, key string) int {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return i
		}
	}
	return -1
}

func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// with is a copy of a collection in which one child is another, or with nil is
// gone, of a mapping with its key.
func with(n *yaml.Node, i int, child *yaml.Node) *yaml.Node {
	c := *n
	c.Content = slices.Clone(n.Content)
	switch {
	case child != nil:
		c.Content[i] = child
	case n.Kind == yaml.MappingNode:
		c.Content = slices.Delete(c.Content, i-1, i+1)
	default:
		c.Content = slices.Delete(c.Content, i, i+1)
	}
	return &c
}

// wrap puts a value below the keys of a path.
func wrap(path []Step, value *yaml.Node) *yaml.Node {
	for _, step := range slices.Backward(path) {
		if step.Item != "" {
			value = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{value}}
			continue
		}
		value = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{keyNode(step.Key), value}}
	}
	return value
}

func keyNode(key string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}
}

// clean is a copy without comments, and in flow style where flow says so.
func clean(n *yaml.Node, flow bool) *yaml.Node {
	c := *n
	c.HeadComment, c.LineComment, c.FootComment = "", "", ""
	if flow && n.Kind != yaml.ScalarNode {
		c.Style = yaml.FlowStyle
	}
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = clean(child, flow)
	}
	return &c
}

// encode writes a value in block style by the rules of our parser's own writer.
func encode(n *yaml.Node) (string, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(n), enc.Close()); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}
