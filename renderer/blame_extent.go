package renderer

import (
	"slices"
	"strings"
)

// starts lists where every key and value of a tree begins, sorted.
func (d *document) starts(root *Node) []int {
	var out []int
	seen := map[*Node]bool{}
	var walk func(n *Node)
	walk = func(n *Node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		out = append(out, d.offset(n.Line, n.Column))
		for _, p := range n.Pairs {
			walk(p.Key)
			walk(p.Value)
		}
		for _, item := range n.Items {
			walk(item)
		}
	}
	walk(root)
	slices.Sort(out)
	return slices.Compact(out)
}

// extent is the text a node was read from, without what follows it. YAML
// parsers say only where a value begins; it ends at the latest where the next
// one does, and how depends on the way it is written.
func (d *document) extent(n *Node, starts []int) (start, end int) {
	start = d.offset(n.Line, n.Column)
	if n.Kind == Scalar {
		return start, d.scalarEnd(n, start, starts)
	}
	at := d.skipProperties(start)
	last := n.last()
	end = min(at+1, len(d.text))
	if last != nil {
		_, end = d.extent(last, starts)
	}
	if at < len(d.text) && (d.text[at] == '{' || d.text[at] == '[') {
		if i := strings.IndexAny(d.text[end:], "}]"); i >= 0 {
			end += i + 1
		}
	}
	return start, max(start, end)
}

// last is the value that ends a collection.
func (n *Node) last() *Node {
	switch {
	case len(n.Items) > 0:
		return n.Items[len(n.Items)-1]
	case len(n.Pairs) > 0:
		p := n.Pairs[len(n.Pairs)-1]
		if p.Value.Null() && p.Value.Text == "" {
			return p.Key
		}
		return p.Value
	}
	return nil
}

// skipProperties steps over a tag and an anchor.
func (d *document) skipProperties(at int) int {
	for at < len(d.text) && (d.text[at] == '!' || d.text[at] == '&') {
		n := strings.IndexAny(d.text[at:], " \n")
		if n < 0 {
			return at
		}
		at += n
		at += len(d.text[at:]) - len(strings.TrimLeft(d.text[at:], " \n"))
	}
	return at
}

func (d *document) scalarEnd(n *Node, start int, starts []int) int {
	next := len(d.text)
	if i, found := slices.BinarySearch(starts, start); found && i+1 < len(starts) {
		next = starts[i+1]
	}
	at := min(d.skipProperties(start), next)
	rest := d.text[at:next]
	switch {
	case rest == "" || n.Text == "" && n.Plain:
		return start
	case rest[0] == '"' && !n.Plain:
		return at + quotedEnd(rest, '"', '\\')
	case rest[0] == '\'' && !n.Plain:
		return at + quotedEnd(rest, '\'', '\'')
	case (rest[0] == '|' || rest[0] == '>') && !n.Plain:
		return at + blockEnd(rest)
	case strings.HasPrefix(rest, n.Text):
		return at + len(n.Text)
	}
	return at + len(strings.TrimRight(rest, " \t\r\n"))
}

// quotedEnd is the length of a quoted text; escape makes the next character
// part of it.
func quotedEnd(s string, quote, escape byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == escape && i+1 < len(s) && (escape != quote || s[i+1] == quote):
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// blockEnd is the length of a text written with | or >: its head, and the
// lines indented at least like its first.
func blockEnd(s string) int {
	end, indent := 0, -1
	for line := range strings.SplitAfterSeq(s, "\n") {
		text := strings.TrimLeft(line, " ")
		switch {
		case end == 0: // the head
		case strings.TrimSpace(text) == "":
		case indent < 0:
			indent = len(line) - len(text)
		case len(line)-len(text) < indent:
			return len(strings.TrimRight(s[:end], " \r\n"))
		}
		end += len(line)
	}
	return len(strings.TrimRight(s[:end], " \r\n"))
}
