package renderer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"baryon/renderer/jinja"
)

// parsePath reads a path as templates, findings and people write it: names
// with dots, [0], ['any text'] or ["any text"], or a JSON pointer.
func parsePath(s string) (keys []string, ok bool) {
	if strings.HasPrefix(s, "/") {
		for k := range strings.SplitSeq(s[1:], "/") {
			keys = append(keys, strings.NewReplacer("~1", "/", "~0", "~").Replace(k))
		}
		return keys, true
	}
	for s != "" {
		var key string
		if s[0] == '[' {
			if key, s, ok = bracketed(s); !ok {
				return nil, false
			}
		} else {
			if len(keys) > 0 {
				if s[0] != '.' {
					return nil, false
				}
				s = s[1:]
			}
			end := strings.IndexAny(s, ".[")
			if end < 0 {
				end = len(s)
			}
			if key, s = s[:end], s[end:]; key == "" {
				return nil, false
			}
		}
		keys = append(keys, key)
	}
	return keys, true
}

// bracketed reads [0], ['text'] or ["text"] at the start of s.
func bracketed(s string) (key, rest string, ok bool) {
	if len(s) < 3 {
		return "", "", false
	}
	quote := s[1]
	if quote != '\'' && quote != '"' {
		key, rest, ok = strings.Cut(s[1:], "]")
		return key, rest, ok && listIndex(key) >= 0
	}
	var b strings.Builder
	for i := 2; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == quote:
			return b.String(), s[min(i+2, len(s)):], i+1 < len(s) && s[i+1] == ']'
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// listIndex reads the position of an item, -1 for anything else.
func listIndex(key string) int {
	if i, err := strconv.Atoi(key); err == nil && i >= 0 && strconv.Itoa(i) == key {
		return i
	}
	return -1
}

// A document is a YAML or JSON text in which values have byte offsets.
type document struct {
	file, text string
	lines      []int // where each line starts
}

// A span is a part of a text; path is set when it is a property.
type span struct {
	start, end int
	path       string
}

func newDocument(file, text string) *document {
	d := &document{file: file, text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	return d
}

// offset is where a line and column are in the text.
func (d *document) offset(line, column int) int {
	if line < 1 || line > len(d.lines) {
		return len(d.text)
	}
	at := d.lines[line-1]
	for ; column > 1 && at < len(d.text) && d.text[at] != '\n'; column-- {
		_, n := utf8.DecodeRuneInString(d.text[at:])
		at += n
	}
	return at
}

func (d *document) position(offset int) (line, column int) {
	i, found := slices.BinarySearch(d.lines, offset)
	if !found {
		i--
	}
	return i + 1, utf8.RuneCountInString(d.text[d.lines[i]:offset]) + 1
}

func (d *document) lineEnd(offset int) int {
	if n := strings.IndexByte(d.text[offset:], '\n'); n >= 0 {
		return offset + n
	}
	return len(d.text)
}

// find looks up a property or a line. key is the property's key, or empty.
func (d *document) find(where string) (key, value span, err error) {
	if line, column, ok := parsePlace(where); ok {
		value, err = d.line(line, column)
		return key, value, err
	}
	keys, ok := parsePath(where)
	if !ok {
		return key, value, Problems{{File: d.file, Rule: "not a path of a property", Got: quote(where), Want: "a path such as Resources.Web.Properties['my.key'][0], or a line number"}}
	}
	root, problems := ParseOne(d.file, []byte(d.text), renderedLimits)
	if err := problems.Err(); err != nil {
		return key, value, err
	}
	starts := d.starts(root)
	node := root
	for i, k := range keys {
		at := formatPath(keys[:i])
		keyNode, next := step(node, k)
		if next == nil {
			return key, value, d.noProperty(node, at, k)
		}
		key = span{}
		if keyNode != nil {
			key.start, key.end = d.extent(keyNode, starts)
		}
		node = next
	}
	value.path = formatPath(keys)
	value.start, value.end = d.extent(node, starts)
	return key, value, nil
}

func step(n *Node, key string) (keyNode, value *Node) {
	if n.Kind == Sequence {
		if i := listIndex(key); i >= 0 && i < len(n.Items) {
			return nil, n.Items[i]
		}
		return nil, nil
	}
	return n.KeyNode(key), n.Get(key)
}

func (d *document) noProperty(n *Node, at, key string) error {
	if at == "" {
		at = "the file"
	}
	p := n.Problem(fmt.Sprintf("%s has no property %q", at, shorten(key)), "", "", didYouMean(key, n.Keys()))
	switch n.Kind {
	case Sequence:
		p.Want = fmt.Sprintf("[0] to [%d]", len(n.Items)-1)
		if len(n.Items) == 0 {
			p.Want = "nothing: the list is empty"
		}
	case Mapping:
		p.Want = wantOneOf(n.Keys())
	default:
		p.Rule = fmt.Sprintf("%s is a single value and has no property %q", at, shorten(key))
	}
	p.File = d.file
	return Problems{p}
}

// formatPath writes a path in its one form.
func formatPath(keys []string) string {
	out := ""
	for _, k := range keys {
		if i := listIndex(k); i >= 0 {
			out = jinja.JoinPath(out, i)
		} else {
			out = jinja.JoinPath(out, k)
		}
	}
	return out
}

// parsePlace reads LINE or LINE:COLUMN.
func parsePlace(s string) (line, column int, ok bool) {
	first, second, both := strings.Cut(s, ":")
	line, column = listIndex(first), 0
	if both {
		column = listIndex(second)
	}
	return line, column, line > 0 && column >= 0
}

// line is the text of a line, or the character at a column of it.
func (d *document) line(line, column int) (span, error) {
	if line > len(d.lines) || d.lines[line-1] == len(d.text) {
		return span{}, Problems{{File: d.file, Rule: fmt.Sprintf("the file has no line %d", line), Want: fmt.Sprintf("1 to %d", strings.Count(strings.TrimSuffix(d.text, "\n"), "\n")+1)}}
	}
	s := span{start: d.lines[line-1]}
	s.end = d.lineEnd(s.start)
	if column == 0 {
		s.start += len(d.text[s.start:s.end]) - len(strings.TrimLeft(d.text[s.start:s.end], " "))
		return s, nil
	}
	s.start = min(d.offset(line, column), s.end)
	_, n := utf8.DecodeRuneInString(d.text[s.start:])
	s.end = min(s.start+n, len(d.text))
	return s, nil
}

// Find returns the value at a path below n, as Blame takes paths; nil when
// there is none.
func (n *Node) Find(path string) *Node {
	keys, ok := parsePath(path)
	if !ok {
		return nil
	}
	for _, key := range keys {
		if n == nil {
			return nil
		}
		_, n = step(n, key)
	}
	return n
}
