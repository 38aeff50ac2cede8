package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// A lineTable finds the line and column of an offset in a source.
type lineTable struct {
	source string
	starts []int
}

func newLineTable(source string) *lineTable {
	t := &lineTable{source: source, starts: []int{0}}
	for i := 0; ; {
		n := strings.IndexByte(source[i:], '\n')
		if n < 0 {
			return t
		}
		i += n + 1
		t.starts = append(t.starts, i)
	}
}

// position counts lines and characters from 1.
func (t *lineTable) position(offset int) (line, column int) {
	offset = min(offset, len(t.source))
	line = sort.SearchInts(t.starts, offset+1)
	return line, utf8.RuneCountInString(t.source[t.starts[line-1]:offset]) + 1
}

// maxExcerpt is how much of an expression an error quotes, in characters.
const maxExcerpt = 120

// excerpt quotes the source on one line.
func (t *lineTable) excerpt(pos, end int) string {
	if end <= pos {
		end = t.tagEnd(pos)
		pos = t.tagStart(pos)
	}
	var b strings.Builder
	n, space := 0, false
	for _, c := range t.source[pos:min(end, len(t.source))] {
		if isSpace(c) {
			space = b.Len() > 0
			continue
		}
		if n++; n > maxExcerpt {
			b.WriteString("...")
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(c)
	}
	return b.String()
}

// tagStart is where the tag around pos begins, tagEnd where it ends: what an
// error about something that is not an expression quotes.
func (t *lineTable) tagStart(pos int) int {
	pos = min(pos, len(t.source))
	line := strings.LastIndexByte(t.source[:pos], '\n') + 1
	start := max(strings.LastIndex(t.source[line:pos], "{{"), strings.LastIndex(t.source[line:pos], "{%"))
	if start >= 0 {
		return line + start
	}
	return pos
}

func (t *lineTable) tagEnd(pos int) int {
	pos = min(pos, len(t.source))
	rest := t.source[pos:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	for _, closing := range []string{"}}", "%}", "#}"} {
		if i := strings.Index(rest, closing); i >= 0 {
			rest = rest[:i+2]
		}
	}
	return pos + len(rest)
}
