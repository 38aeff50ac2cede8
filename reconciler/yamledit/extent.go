package yamledit

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"baryon/reconciler/declare"
)

// offset is where a node begins, or -1.
func (e *editor) offset(n *yaml.Node) int {
	return declare.Offset(e.text, declare.Position{Line: n.Line, Column: n.Column})
}

func (e *editor) blank(from, to int) bool { return strings.Trim(e.text[from:to], " ") == "" }

// lineEnd is behind the line break of the line.
func (e *editor) lineEnd(at int) int {
	if i := strings.IndexByte(e.text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(e.text)
}

// behindKey is the offset behind the colon of a key, or -1.
func (e *editor) behindKey(key *yaml.Node) int {
	end, ok := e.scalarEnd(key)
	if !ok {
		return -1
	}
	colon := strings.IndexByte(e.text[end:], ':')
	if colon < 0 || !e.blank(end, end+colon) {
		return -1
	}
	return end + colon + 1
}

// end is the offset behind a child of a collection.
func (e *editor) end(parent *yaml.Node, i int) (int, bool) {
	n := parent.Content[i]
	if n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&^yaml.TaggedStyle == 0 {
		if parent.Kind != yaml.MappingNode || i%2 == 0 {
			return 0, false
		}
		at := e.behindKey(parent.Content[i-1])
		return at, at >= 0
	}
	switch {
	case n.Kind == yaml.ScalarNode:
		return e.scalarEnd(n)
	case n.Kind == yaml.AliasNode:
		at := e.offset(n)
		return at + 1 + len(n.Value), at >= 0
	case !flow(n):
		return e.end(n, len(n.Content)-1)
	}
	at, ok := e.offset(n)+1, true
	if len(n.Content) > 0 {
		at, ok = e.end(n, len(n.Content)-1)
	}
	for ok && at < len(e.text) {
		switch c := e.text[at]; c {
		case '}', ']':
			return at + 1, true
		case '#':
			at = e.lineEnd(at)
		case ' ', '\t', '\r', '\n', ',':
			at++
		default:
			return 0, false
		}
	}
	return 0, false
}

// scalarEnd is the offset behind a scalar that is not empty.
func (e *editor) scalarEnd(n *yaml.Node) (int, bool) {
	at := e.offset(n)
	if at < 0 || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return 0, false
	}
	text := e.text[at:]
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return e.blockEnd(at)
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(text); i++ {
			if text[i] == '\\' {
				i++
			} else if text[i] == '"' {
				return at + i + 1, true
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := 1; i < len(text); i++ {
			if text[i] != '\'' {
				continue
			}
			if i+1 < len(text) && text[i+1] == '\'' {
				i++
				continue
			}
			return at + i + 1, true
		}
	case strings.HasPrefix(text, n.Value) && !strings.Contains(n.Value, "\n"):
		return at + len(n.Value), true
	}
	return 0, false // a plain one over several lines, for example
}

// blockEnd is the end of the last line of a block scalar, before its line break.
// Where the lines that follow count as well, it is not told.
func (e *editor) blockEnd(at int) (int, bool) {
	head := e.lineEnd(at)
	if mark, _, _ := strings.Cut(e.text[at:head], "#"); strings.Contains(mark, "+") {
		return 0, false
	}
	end, indent := -1, 0
	for line := head; line < len(e.text); line = e.lineEnd(line) {
		content := strings.TrimRight(e.text[line:e.lineEnd(line)], "\r\n")
		depth := len(content) - len(strings.TrimLeft(content, " "))
		if depth == len(content) {
			continue
		}
		if end < 0 {
			indent = depth
		}
		if depth < indent || depth == 0 {
			break
		}
		end = line + len(content)
	}
	return end, end >= 0
}
