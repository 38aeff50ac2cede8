package declare

import (
	"regexp"
	"strings"

	"baryon/renderer"
)

// A Cut remembers where in its file a spec stands and what was taken out of it,
// so that a finding about the spec can be shown in the file.
type Cut struct {
	Line int      `json:"line"` // of the first line of the spec
	From Position `json:"from"` // what was taken out begins here, in the file
	To   Position `json:"to"`   // and ends before here
}

// Locate turns a position in the spec into one in the file.
func (c Cut) Locate(p Position) Position {
	p.Line += c.Line - 1
	switch {
	case p.before(c.From):
		return p
	case p.Line == c.From.Line:
		return Position{Line: c.To.Line, Column: c.To.Column + p.Column - c.From.Column}
	default:
		return Position{Line: p.Line + c.To.Line - c.From.Line, Column: p.Column}
	}
}

// cutHeader takes the key baryon and its value out of the text of a document and
// leaves every other byte. It works on the text, so it proves its result: what is left
// must be read as the same values at the same places. It reports false where
// the key is written in a way that it cannot take out.
func cutHeader(file string, c chunk, root *renderer.Node) (string, Cut, bool) {
	written := root.KeyNode("baryon")
	from := offset(c.text, Position{Line: written.Line - c.line + 1, Column: written.Column})
	if from < 0 || !keyForm.MatchString(c.text[from:]) {
		return "", Cut{}, false
	}
	var to int
	lineStart := startOfLine(c.text, from)
	begin := offset(c.text, Position{Line: root.Line - c.line + 1, Column: root.Column})
	switch {
	case begin >= 0 && begin < from && c.text[begin] == '{':
		from, to = flowEntry(c.text, from)
	case strings.Trim(c.text[lineStart:from], " ") == "":
		to = blockEntry(c.text, from, from-lineStart)
		from = lineStart
	default:
		return "", Cut{}, false
	}
	if to < 0 {
		return "", Cut{}, false
	}
	left := c.text[:from] + c.text[to:]
	cut := Cut{Line: c.line, From: position(c.text, from), To: position(c.text, to)}
	cut.From.Line += c.line - 1
	cut.To.Line += c.line - 1
	return left, cut, leaves(file, left, root, cut)
}

// keyForm matches the key at the beginning of its entry.
var keyForm = regexp.MustCompile(`^(?:baryon|"baryon"|'baryon')[ \t]*:`)

// flowValue matches a value in braces behind its key.
var flowValue = regexp.MustCompile(`^["']?\w+["']?[ \t]*:[ \t]*(?:[&!][^ \t\r\n]*[ \t]+)*\{`)

func startOfLine(text string, at int) int {
	start := 0
	for next := lineEnd(text, 0); next <= at; next = lineEnd(text, next) {
		start = next
		if next == len(text) {
			break
		}
	}
	return start
}

// blockEntry finds the end of an entry of a mapping that is written on lines of
// its own and indented by indent: the end of the last line that is indented
// deeper. Empty lines and comments before the next entry belong to that.
func blockEntry(text string, from, indent int) int {
	if flowValue.MatchString(text[from:]) {
		return braces(text, from)
	}
	end := lineEnd(text, from)
	for at := end; at < len(text); {
		next := lineEnd(text, at)
		content := strings.TrimLeft(text[at:next], " ")
		switch deeper := next-at-len(content) > indent; {
		case content == "" || breakLen(content) > 0:
		case deeper || content[0] == '\t':
			end = next
		case content[0] == '#':
		default:
			return end
		}
		at = next
	}
	return end
}

// braces finds the end of the last line of a value in braces; nothing but a
// comment may follow it there.
func braces(text string, from int) int {
	open := from + strings.IndexByte(text[from:], '{')
	end := flowEnd(text, open+1)
	for end >= 0 && text[end] == ',' {
		end = flowEnd(text, end+1)
	}
	if end < 0 || text[end] != '}' {
		return -1
	}
	next := lineEnd(text, end)
	rest := strings.TrimLeft(text[end+1:next], " \t")
	if rest != "" && rest[0] != '#' && breakLen(rest) == 0 {
		return -1
	}
	return next
}

// flowEntry finds an entry of a mapping in braces, with the comma that it makes
// superfluous.
func flowEntry(text string, from int) (int, int) {
	end := flowEnd(text, from)
	if end < 0 || text[end] == ']' {
		return from, -1
	}
	if text[end] == ',' {
		end++
		for end < len(text) && (text[end] == ' ' || text[end] == '\t') {
			end++
		}
		if start := startOfLine(text, from); breakLen(text[end:]) > 0 && strings.Trim(text[start:from], " \t") == "" {
			return start, end + breakLen(text[end:])
		}
		return from, end
	}
	// The last entry: the comma before it goes, and the space between.
	before := strings.TrimRight(text[:from], " \t\r\n")
	if comma := len(before) - 1; before[comma] == ',' {
		from = comma
	}
	return from, len(strings.TrimRight(text[:end], " \t\r\n"))
}

// flowEnd finds the comma or bracket that ends the entry of a flow collection
// in which from lies; -1 when there is none.
func flowEnd(text string, from int) int {
	depth := 0
	last := byte(' ') // the last character that is no space: a quote opens only behind an indicator
	for i := from; i < len(text); i++ {
		switch ch := text[i]; ch {
		case '"', '\'':
			if strings.IndexByte(" {[,:", last) >= 0 {
				if i = quoteEnd(text, i); i < 0 {
					return -1
				}
			}
		case '#':
			if i > 0 && strings.IndexByte(" \t\r\n", text[i-1]) >= 0 {
				i = lineEnd(text, i) - 1
				continue
			}
		case '{', '[':
			depth++
		case '}', ']', ',':
			switch {
			case depth == 0:
				return i
			case ch != ',':
				depth--
			}
		case ' ', '\t', '\r', '\n':
			continue
		}
		last = text[min(i, len(text)-1)]
	}
	return -1
}

// quoteEnd finds the quote that closes the one at offset at.
func quoteEnd(text string, at int) int {
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[at] == '"':
			i++
		case text[i] == text[at] && text[at] == '\'' && strings.HasPrefix(text[i+1:], "'"):
			i++
		case text[i] == text[at]:
			return i
		}
	}
	return -1
}

// leaves proves a cut: left holds what root holds, less baryon, each value where
// the cut locates it.
func leaves(file, left string, root *renderer.Node, cut Cut) bool {
	docs, problems := renderer.ParseYAML(file, []byte(left), renderer.Limits{Size: len(left) + 1})
	if problems.Failed() || len(docs) > 1 {
		return false
	}
	got := &renderer.Node{Kind: renderer.Mapping}
	if len(docs) == 1 && !docs[0].Null() {
		got = docs[0]
	}
	same := sameness{cut: cut, done: map[[2]*renderer.Node]bool{}}
	wanted := 0
	for _, p := range root.Pairs {
		if p.Key.Text == "baryon" {
			continue
		}
		if wanted >= len(got.Pairs) || !same.pair(got.Pairs[wanted], p) {
			return false
		}
		wanted++
	}
	return got.Kind == renderer.Mapping && wanted == len(got.Pairs)
}

// sameness compares trees, once for each pair of nodes.
type sameness struct {
	cut  Cut
	done map[[2]*renderer.Node]bool
}

func (s sameness) pair(got, want renderer.Pair) bool {
	return s.node(got.Key, want.Key) && s.node(got.Value, want.Value)
}

func (s sameness) node(got, want *renderer.Node) bool {
	if s.done[[2]*renderer.Node{got, want}] {
		return true
	}
	if got.Kind != want.Kind || got.Text != want.Text || got.Plain != want.Plain || got.Tag != want.Tag ||
		len(got.Pairs) != len(want.Pairs) || len(got.Items) != len(want.Items) || s.cut.Locate(positionOf(got)) != positionOf(want) {
		return false
	}
	s.done[[2]*renderer.Node{got, want}] = true
	for i := range got.Pairs {
		if !s.pair(got.Pairs[i], want.Pairs[i]) {
			return false
		}
	}
	for i := range got.Items {
		if !s.node(got.Items[i], want.Items[i]) {
			return false
		}
	}
	return true
}
