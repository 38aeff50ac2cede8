package declare

import (
	"strings"
	"unicode/utf8"
)

// A chunk is the text of one document of a YAML file: the lines between two
// markers. The markers --- and ... cannot stand at the beginning of a line
// inside any YAML value, so a text may be split at them before it is parsed,
// and a mistake in one document does not hide the others.
type chunk struct {
	text string
	line int // of its first line in the file
}

// split cuts a file into its documents, leaving out those without content. The
// line of a marker stays only where it is part of the document.
func split(text string) []chunk {
	var chunks []chunk
	var head, preamble bool // what the chunk begins with: a line ---, a directive
	start, line, first := 0, 1, 1
	end := func(to int) {
		c := chunk{text: text[start:to], line: first}
		if head {
			c = c.withoutMarker()
		}
		if !blank(c.text) {
			chunks = append(chunks, c)
		}
		head, preamble = false, false
	}
	for at := 0; at < len(text); {
		next := lineEnd(text, at)
		content := text[at:next]
		switch {
		case marker(content, "---"):
			if !preamble {
				end(at)
				start, first, head = at, line, true
			}
			preamble = false
		case marker(content, "..."):
			end(at)
			start, first = next, line+1
		case content[0] == '%' && blank(text[start:at]):
			preamble = true
		}
		at, line = next, line+1
	}
	end(len(text))
	return chunks
}

// marker reports whether a line is the given marker of a document's bounds.
func marker(line, mark string) bool {
	rest, ok := strings.CutPrefix(line, mark)
	return ok && (rest == "" || strings.ContainsAny(rest[:1], " \t") || breakLen(rest) > 0)
}

// withoutMarker drops the first line, which holds the marker, unless the
// document begins on it.
func (c chunk) withoutMarker() chunk {
	end := lineEnd(c.text, 0)
	if rest := strings.TrimLeft(c.text[3:end], " \t"); rest != "" && rest[0] != '#' && breakLen(rest) == 0 {
		return c
	}
	return chunk{text: c.text[end:], line: c.line + 1}
}

// blank reports whether a text holds nothing but empty lines and comments.
func blank(text string) bool {
	for at := 0; at < len(text); {
		next := lineEnd(text, at)
		if content := strings.TrimLeft(text[at:next], " \t"); content != "" && content[0] != '#' && breakLen(content) == 0 {
			return false
		}
		at = next
	}
	return true
}

// lineEnd gives the offset behind the line break that ends the line at offset
// at.
func lineEnd(text string, at int) int {
	for ; at < len(text); at++ {
		if n := breakLen(text[at:]); n > 0 {
			return at + n
		}
	}
	return at
}

// breakLen is the length of the line break at the beginning of text, 0 if there
// is none. It knows what YAML 1.1, and so our parser, takes for line breaks.
func breakLen(text string) int {
	if text == "" {
		return 0
	}
	switch text[0] {
	case '\n':
		return 1
	case '\r':
		if strings.HasPrefix(text, "\r\n") {
			return 2
		}
		return 1
	case 0xc2:
		if strings.HasPrefix(text, "\u0085") {
			return len("\u0085")
		}
	case 0xe2:
		if strings.HasPrefix(text, "\u2028") || strings.HasPrefix(text, "\u2029") {
			return len("\u2028")
		}
	}
	return 0
}

// Offset finds a position in a text, -1 when it lies outside.
func Offset(text string, p Position) int { return offset(text, p) }

// offset finds a position in a text, -1 when it lies outside.
func offset(text string, p Position) int {
	at := 0
	for line := 1; line < p.Line; line++ {
		if at = lineEnd(text, at); at == len(text) {
			return -1
		}
	}
	for column := 1; column < p.Column; column++ {
		if at == len(text) {
			return -1
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// position is the reverse of offset.
func position(text string, at int) Position {
	line, start := 1, 0
	for i := 0; i < at; {
		n := breakLen(text[i:])
		if n > 0 && i+n <= at {
			start, line = i+n, line+1
		}
		i += max(n, 1)
	}
	return Position{Line: line, Column: 1 + utf8.RuneCountInString(text[start:at])}
}
