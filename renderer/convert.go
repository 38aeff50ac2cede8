package renderer

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// converter turns the parser's nodes into ours. An anchored node is converted
// once and shared, so an alias bomb costs no memory; size and height are kept
// for each so that the limits hold for what a reader of the tree would visit.
type converter struct {
	file     string
	limits   Limits
	lines    int // of the text; the parser puts empty values at its end one too far
	problems Problems
	done     map[*yaml.Node]converted
	open     map[*yaml.Node]bool // anchored nodes being converted: an alias to one of them is a loop
	visited  int
	stopped  bool
}

type converted struct {
	node         *Node
	size, height int
}

func newConverter(file string, data []byte, limits Limits) *converter {
	return &converter{file: file, limits: limits, lines: countLines(data), done: map[*yaml.Node]converted{}, open: map[*yaml.Node]bool{}}
}

func (c *converter) document(n *yaml.Node) *Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	return c.convert(n, 1).node
}

func (c *converter) problem(n *yaml.Node, rule, got, want, next string) {
	c.problems = append(c.problems, Problem{File: c.file, Line: n.Line, Column: n.Column, Rule: rule, Got: got, Want: want, Next: next})
}

// stop reports a broken limit and ends the conversion: nothing that follows
// would be worth its cost.
func (c *converter) stop(n *yaml.Node, rule, want, next string) converted {
	if !c.stopped {
		c.problem(n, rule, "", want, next)
		c.stopped = true
	}
	return converted{node: &Node{File: c.file, Line: n.Line, Column: n.Column, Plain: true}, size: 1, height: 1}
}

func (c *converter) convert(n *yaml.Node, depth int) converted {
	if c.stopped {
		return converted{node: &Node{File: c.file, Plain: true}, size: 1, height: 1}
	}
	if depth > c.limits.Depth {
		return c.stop(n, "values are nested too deeply", fmt.Sprintf("at most %d levels", c.limits.Depth), "flatten the structure")
	}
	if n.Kind == yaml.AliasNode {
		return c.alias(n, depth)
	}
	if c.visited++; c.visited > c.limits.Nodes {
		return c.tooMany(n)
	}
	if n.Anchor != "" {
		c.open[n] = true
	}
	out := c.content(n, depth)
	if out.size > c.limits.Nodes {
		return c.tooMany(n)
	}
	if n.Anchor != "" {
		delete(c.open, n)
		c.done[n] = out
	}
	return out
}

func (c *converter) tooMany(n *yaml.Node) converted {
	return c.stop(n, "the document holds too many values once aliases are expanded",
		fmt.Sprintf("at most %d", c.limits.Nodes), "write less, or use fewer aliases (*name)")
}

func (c *converter) alias(n *yaml.Node, depth int) converted {
	target, ok := c.done[n.Alias]
	switch {
	case ok && depth+target.height-1 > c.limits.Depth:
		return c.stop(n, "values are nested too deeply", fmt.Sprintf("at most %d levels", c.limits.Depth), "flatten the structure")
	case ok:
		return target
	case c.open[n.Alias]:
		return c.stop(n, fmt.Sprintf("the anchor &%s holds itself", n.Value), "a tree", "remove the alias")
	}
	// The anchor stands where nothing was converted, such as a complex key.
	return c.convert(n.Alias, depth)
}

func (c *converter) content(n *yaml.Node, depth int) converted {
	out := &Node{File: c.file, Line: min(n.Line, c.lines), Column: n.Column}
	c.tag(n, out)
	switch n.Kind {
	case yaml.MappingNode:
		out.Kind = Mapping
		size, height := c.pairs(n, out, depth)
		return converted{out, size, height}
	case yaml.SequenceNode:
		out.Kind = Sequence
		out.Items = make([]*Node, 0, len(n.Content))
		size, height := 1, 0
		for _, item := range n.Content {
			got := c.convert(item, depth+1)
			out.Items = append(out.Items, got.node)
			size, height = size+got.size, max(height, got.height)
			if size > c.limits.Nodes {
				return c.tooMany(item)
			}
		}
		return converted{out, size, height + 1}
	default:
		out.Text = n.Value
		return converted{out, 1, 1}
	}
}

// tag decides what a scalar may stand for and refuses tags that ask for other
// types: !!binary, !!timestamp, !!python/object and the like.
func (c *converter) tag(n *yaml.Node, out *Node) {
	const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	out.Plain = n.Kind == yaml.ScalarNode && n.Style&quoted == 0
	if n.Style&yaml.TaggedStyle == 0 {
		return
	}
	switch n.Tag {
	case "!!str":
		out.Plain = false
	case "!!int", "!!float", "!!bool", "!!null":
		out.Plain = n.Kind == yaml.ScalarNode
	case "!!map", "!!seq":
	default:
		if c.limits.Tags && len(n.Tag) > 1 && n.Tag[0] == '!' && n.Tag[1] != '!' {
			out.Tag = n.Tag
			return
		}
		c.problem(n, "the tag "+shorten(n.Tag)+" is not allowed here", "", "", "write the plain value without a tag")
	}
}

// pairs converts the keys and values of a mapping. Keys of a merge (<<) come
// where the merge stands; a key written out wins over a merged one.
func (c *converter) pairs(n *yaml.Node, out *Node, depth int) (size, height int) {
	size, height = 1, 0
	seen := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; !isMerge(key) && key.Kind == yaml.ScalarNode {
			if first, twice := seen[key.Value]; twice {
				c.problem(key, fmt.Sprintf("the key %q is given twice", shorten(key.Value)),
					fmt.Sprintf("first at line %d, column %d", first.Line, first.Column), "", "remove one of the two")
				// CloudFormation takes the last one; only our own files are strict.
				c.problems[len(c.problems)-1].Warning = c.limits.Tags
			}
			seen[key.Value] = key
		}
	}
	merged := map[string]bool{}
	for i := 0; i+1 < len(n.Content) && !c.stopped; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if isMerge(key) {
			got := c.merge(value, depth)
			for _, p := range got.node.Pairs {
				if seen[p.Key.Text] == nil && !merged[p.Key.Text] {
					merged[p.Key.Text] = true
					out.Pairs = append(out.Pairs, p)
				}
			}
			size, height = size+got.size, max(height, got.height)
			continue
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			c.keyProblem(key)
			continue
		}
		k, v := c.convert(key, depth+1), c.convert(value, depth+1)
		out.Pairs = append(out.Pairs, Pair{Key: k.node, Value: v.node})
		size, height = size+1+v.size, max(height, v.height)
		if size > c.limits.Nodes {
			c.tooMany(key)
		}
	}
	return size, height + 1
}

func (c *converter) keyProblem(key *yaml.Node) {
	if key.Kind == yaml.MappingNode && key.Style&yaml.FlowStyle != 0 {
		c.problem(key, "a mapping is used as a key", "", "a text", "if this is an expression {{ … }}, put the value in quotes")
		return
	}
	c.problem(key, "a key must be a single value", map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}[key.Kind], "a text", "")
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Tag == "!!merge"
}

// merge converts the value of a merge key into one mapping. What it visits is
// counted, so that a short text cannot ask for a long merge.
func (c *converter) merge(value *yaml.Node, depth int) converted {
	got := c.convert(value, depth)
	sources := []*Node{got.node}
	if got.node.Kind == Sequence {
		sources = got.node.Items
	}
	out := &Node{Kind: Mapping, File: c.file, Line: value.Line, Column: value.Column}
	taken := map[string]bool{}
	for _, s := range sources {
		if s.Kind != Mapping {
			if !c.stopped {
				c.problem(value, "the merge key << takes a mapping or a list of mappings", s.Describe(), "", "write <<: *name with the name of an anchored mapping")
			}
			continue
		}
		if c.visited += len(s.Pairs); c.visited > c.limits.Nodes {
			return c.tooMany(value)
		}
		for _, p := range s.Pairs {
			if !taken[p.Key.Text] {
				taken[p.Key.Text] = true
				out.Pairs = append(out.Pairs, p)
			}
		}
	}
	return converted{out, got.size, got.height}
}
