package yamledit

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"baryon/renderer"
)

// editor collects what is to be written over which bytes of one text.
type editor struct {
	file, text, newline string
	splices             []splice
}

// A splice writes text over the bytes from..to.
type splice struct {
	from, to int
	text     string
}

func (e *editor) problem(n *yaml.Node, rule string) error {
	return renderer.Problems{{File: e.file, Line: n.Line, Column: n.Column, Rule: rule, Next: "make the change in Git"}}
}

// result is the text with all splices.
func (e *editor) result() (string, error) {
	slices.SortStableFunc(e.splices, func(a, b splice) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	at := 0
	for _, s := range e.splices {
		if s.from < at || s.to < s.from {
			return "", renderer.Problems{{File: e.file, Line: 1, Column: 1, Rule: "the changes lie within each other", Next: "make the change in Git"}}
		}
		out.WriteString(e.text[at:s.from])
		out.WriteString(s.text)
		at = s.to
	}
	out.WriteString(e.text[at:])
	return out.String(), nil
}

func (e *editor) splice(from, to int, text string) {
	e.splices = append(e.splices, splice{from, to, text})
}

// edit follows a path and returns what the collection is to be afterwards.
func (e *editor) edit(n *yaml.Node, path []Step, value *yaml.Node) (*yaml.Node, error) {
	if err := e.editable(n); err != nil {
		return nil, err
	}
	step, rest := path[0], path[1:]
	var i int
	width, key := 2, keyNode(step.Key)
	if step.Item != "" {
		width, key = 1, nil
		if i = itemOf(n, step.Item); i < 0 && len(rest) > 0 {
			return nil, e.problem(n, "there is no item named "+step.Item+" here")
		}
		if n.Kind != yaml.SequenceNode {
			return nil, e.problem(n, "this is no list")
		}
	} else {
		if n.Kind != yaml.MappingNode {
			return nil, e.problem(n, "this is no mapping")
		}
		if i = indexOf(n, step.Key); i >= 0 {
			i++
		}
	}
	switch {
	case i < 0 && value == nil:
		return n, nil
	case i < 0:
		value = wrap(rest, value)
		wanted := *n
		if wanted.Content = append(slices.Clone(n.Content), value); key != nil {
			wanted.Content = append(slices.Clone(n.Content), key, value)
		}
		if len(n.Content) == 0 {
			return nil, e.problem(n, "this is empty, and has no place for "+step.Key+step.Item)
		}
		return &wanted, e.insert(n, key, value)
	case len(rest) > 0 && empty(n.Content[i]) && value == nil:
		return n, nil
	case len(rest) > 0 && empty(n.Content[i]):
		value = wrap(rest, value)
		return with(n, i, value), e.replace(n, i, value)
	case len(rest) > 0:
		child, err := e.edit(n.Content[i], rest, value)
		if err != nil {
			return nil, err
		}
		return with(n, i, child), nil
	case value == nil:
		if len(n.Content) == width {
			return nil, e.problem(n, "nothing would be left here")
		}
		return with(n, i, nil), e.remove(n, []int{i - width + 1}, width)
	}
	return with(n, i, value), e.diff(n, i, value)
}

// empty tells a value that has no place for anything in it.
func empty(n *yaml.Node) bool {
	return null(n) || n.Kind != yaml.ScalarNode && n.Kind != yaml.AliasNode && len(n.Content) == 0
}

// itemOf is the place of a mapping in a list by its name, or -1.
func itemOf(list *yaml.Node, name string) int {
	if list.Kind != yaml.SequenceNode {
		return -1
	}
	return slices.IndexFunc(list.Content, func(item *yaml.Node) bool {
		item = resolve(item)
		if item.Kind != yaml.MappingNode {
			return false
		}
		i := indexOf(item, "name")
		return i >= 0 && resolve(item.Content[i+1]).Value == name
	})
}

// editable refuses what is said in more than one place at once.
func (e *editor) editable(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return e.problem(n, "this is an alias of a value elsewhere, which would change too")
	case n.Anchor != "":
		return e.problem(n, "this has an anchor, and what refers to it would change too")
	case n.Style&yaml.TaggedStyle != 0:
		return e.problem(n, "this has a tag, which might not fit any more")
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if key := n.Content[i]; key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Anchor != "" {
				return e.problem(key, "a mapping with this key cannot be changed exactly")
			}
		}
	}
	return nil
}

// diff writes what differs between a child and what is wanted of it.
func (e *editor) diff(parent *yaml.Node, i int, want *yaml.Node) error {
	n := parent.Content[i]
	if equal(n, want) {
		return nil
	}
	if err := e.editable(n); err != nil {
		return err
	}
	switch {
	case n.Kind != want.Kind || n.Kind == yaml.ScalarNode || len(n.Content) == 0 || len(want.Content) == 0:
		return e.replace(parent, i, want)
	case n.Kind == yaml.SequenceNode:
		return e.diffList(n, want)
	}
	var gone, kept []int
	for k := 0; k+1 < len(n.Content); k += 2 {
		if indexOf(want, n.Content[k].Value) < 0 {
			gone = append(gone, k)
		} else {
			kept = append(kept, k)
		}
	}
	if len(kept) == 0 {
		return e.replace(parent, i, want)
	}
	for _, k := range kept {
		if err := e.diff(n, k+1, want.Content[indexOf(want, n.Content[k].Value)+1]); err != nil {
			return err
		}
	}
	if err := e.remove(n, gone, 2); err != nil {
		return err
	}
	for k := 0; k+1 < len(want.Content); k += 2 {
		if indexOf(n, want.Content[k].Value) < 0 {
			if err := e.insert(n, want.Content[k], want.Content[k+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *editor) diffList(n, want *yaml.Node) error {
	both := min(len(n.Content), len(want.Content))
	for k := range both {
		if err := e.diff(n, k, want.Content[k]); err != nil {
			return err
		}
	}
	var gone []int
	for k := both; k < len(n.Content); k++ {
		gone = append(gone, k)
	}
	if err := e.remove(n, gone, 1); err != nil {
		return err
	}
	for _, item := range want.Content[both:] {
		if err := e.insert(n, nil, item); err != nil {
			return err
		}
	}
	return nil
}

// replace writes another value over a child, in its own quotes where it has some.
func (e *editor) replace(parent *yaml.Node, i int, want *yaml.Node) error {
	n := parent.Content[i]
	if err := e.editable(n); err != nil {
		return err
	}
	want = clean(want, flow(parent))
	quotes := n.Style & (yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle)
	if n.Kind == yaml.ScalarNode && want.Kind == yaml.ScalarNode && quotes != 0 && want.ShortTag() == "!!str" && !strings.Contains(want.Value, "\n") {
		want.Style = quotes
	}
	if n.Kind == yaml.ScalarNode && want.Kind == yaml.MappingNode && len(want.Content) > 0 && !flow(parent) {
		want.Style = 0
	}
	var key *yaml.Node
	from := -1
	if parent.Kind == yaml.MappingNode {
		key = parent.Content[i-1]
		from = e.behindKey(key)
	} else if at := e.offset(n); at > 0 && !flow(parent) {
		from = strings.LastIndex(e.text[:at], "-") + 1
	}
	to, ok := e.end(parent, i)
	if !ok || from < 0 && !flow(parent) {
		return e.problem(n, "the end of this value cannot be told")
	}
	rendered, err := e.render(key, want, parent.Column-1, flow(parent))
	if err != nil {
		return e.problem(n, err.Error())
	}
	mark := "-"
	if key != nil {
		mark = ":"
	}
	if key == nil && flow(parent) {
		e.splice(e.offset(n), to, rendered)
		return nil
	}
	_, value, _ := strings.Cut(rendered[len(keyText(key)):], mark)
	if at := e.offset(n); at > from && !null(n) && strings.HasPrefix(value, " ") && e.blank(from, at) {
		from, value = at, value[1:] // the space before it is somebody's own
	}
	e.splice(from, to, value)
	return nil
}

// insert adds a child at the end of a collection that has some.
func (e *editor) insert(n, key, value *yaml.Node) error {
	if err := e.editable(n); err != nil {
		return err
	}
	to, ok := e.end(n, len(n.Content)-1)
	if !ok {
		return e.problem(n, "the end of this value cannot be told")
	}
	rendered, err := e.render(key, clean(value, flow(n)), n.Column-1, flow(n))
	if err != nil {
		return e.problem(n, err.Error())
	}
	if flow(n) {
		e.splice(to, to, ", "+rendered)
		return nil
	}
	to = e.lineEnd(to)
	rendered = strings.Repeat(" ", n.Column-1) + rendered + e.newline
	if !strings.HasSuffix(e.text[:to], "\n") {
		rendered = e.newline + strings.TrimSuffix(rendered, e.newline)
	}
	e.splice(to, to, rendered)
	return nil
}

// remove takes children away, width nodes each, but never all of them.
func (e *editor) remove(n *yaml.Node, gone []int, width int) error {
	for _, k := range gone {
		first, last := n.Content[k], k+width-1
		from, to := e.offset(first), 0
		end, ok := e.end(n, last)
		if !ok || from < 0 {
			return e.problem(first, "the end of this value cannot be told")
		}
		if !flow(n) {
			if width == 1 {
				from = strings.LastIndex(e.text[:from], "-")
			}
			from, to = strings.LastIndex(e.text[:from], "\n")+1, e.lineEnd(end)
			if lead := strings.TrimSpace(e.text[from:e.offset(first)]); lead != "" && (width == 2 || lead != "-") {
				return e.problem(first, "this shares its line with something else")
			}
			e.splice(from, to, "")
			continue
		}
		survivor := slices.ContainsFunc(indexes(k/width), func(i int) bool { return !slices.Contains(gone, i*width) })
		if survivor {
			from, ok = e.end(n, k-1)
			to = end
		} else if k+width < len(n.Content) {
			to = e.offset(n.Content[k+width])
		}
		if !ok || to <= from || strings.Contains(e.text[from:to], "#") {
			return e.problem(first, "this cannot be taken out of its line exactly")
		}
		e.splice(from, to, "")
	}
	return nil
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func flow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

func keyText(key *yaml.Node) string {
	if key == nil {
		return ""
	}
	text, _ := encode(clean(key, false)) // a plain scalar
	return text
}

// render writes a pair, or without a key an item, at an indent; the first line has none.
func (e *editor) render(key, value *yaml.Node, indent int, inFlow bool) (string, error) {
	whole := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{value}}
	if key != nil {
		whole = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{clean(key, inFlow), value}}
	}
	if inFlow {
		whole.Style = yaml.FlowStyle
	}
	text, err := encode(whole)
	if err != nil {
		return "", err
	}
	if inFlow {
		return text[1 : len(text)-1], nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		if i > 0 && lines[i] != "" {
			lines[i] = strings.Repeat(" ", indent) + lines[i]
		}
	}
	return strings.Join(lines, e.newline), nil
}
