package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The kinds of token. Operators have the kind tokOp and differ by their text.
type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokVariableBegin
	tokVariableEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString
	tokInteger
	tokFloat
	tokOp
)

type token struct {
	kind     tokenKind
	pos, end int
	text     string // of names and operators, the source; of data and strings, the value
	value    any    // of numbers
}

func (t token) is(kind tokenKind, text string) bool { return t.kind == kind && t.text == text }
func (t token) op(text string) bool                 { return t.kind == tokOp && t.text == text }
func (t token) name(text string) bool               { return t.kind == tokName && t.text == text }

// describe names the token as Jinja's messages do.
func (t token) describe() string {
	if t.kind == tokName || t.kind == tokOp {
		return t.text
	}
	return t.kind.String()
}

func (k tokenKind) String() string {
	return [...]string{"end of template", "template data / text", "begin of print statement",
		"end of print statement", "begin of statement block", "end of statement block",
		"name", "string", "integer", "float", "operator"}[k]
}

// A lexer cuts a template into tokens, one at a time, so that the first error
// in the text is the one reported. Newlines are already normalised.
type lexer struct {
	src     string
	pos     int
	inside  tokenKind // tokData, tokVariableBegin or tokBlockBegin
	closers []byte    // the brackets still open inside a tag
	pending token     // a tag's begin, found together with the data before it
	strip   bool      // the last tag ended in -, so leading white space goes
}

func newLexer(src string) *lexer { return &lexer{src: src, inside: tokData} }

func (l *lexer) fail(pos int, format string, args ...any) error {
	return &Error{Kind: SyntaxError, Msg: fmt.Sprintf(format, args...), Fix: FixTemplate, pos: pos, placed: true}
}

func (l *lexer) next() (token, error) {
	for {
		if l.pending.kind != tokEOF {
			t := l.pending
			l.pending = token{}
			l.inside = t.kind
			return t, nil
		}
		if l.inside != tokData {
			return l.nextInside()
		}
		t, err := l.nextData()
		if err != nil || t.kind != tokData || t.text != "" {
			return t, err
		}
	}
}

// nextData reads text up to the next tag. Comments and raw blocks end here;
// the begin of other tags is left in pending.
func (l *lexer) nextData() (token, error) {
	if l.strip {
		l.pos += len(l.src[l.pos:]) - len(trimLeftSpace(l.src[l.pos:]))
		l.strip = false
	}
	start := l.pos
	if start >= len(l.src) {
		return token{kind: tokEOF, pos: start, end: start}, nil
	}
	open := start
	for {
		i := strings.IndexByte(l.src[open:], '{')
		if i < 0 || open+i+1 >= len(l.src) {
			l.pos = len(l.src)
			return token{kind: tokData, pos: start, end: l.pos, text: l.src[start:]}, nil
		}
		open += i
		if c := l.src[open+1]; c == '{' || c == '%' || c == '#' {
			break
		}
		open++
	}
	l.pos = open + 2
	text := l.src[start:open]
	if c := l.peek(); c == '-' || c == '+' {
		l.pos++
		if c == '-' {
			text = trimRightSpace(text)
		}
	}
	data := token{kind: tokData, pos: start, end: start + len(text), text: text}
	switch l.src[open+1] {
	case '#':
		return data, l.skipComment(open)
	case '{':
		l.pending = token{kind: tokVariableBegin, pos: open, end: l.pos, text: "{{"}
	default:
		if i := l.matchTag(l.pos, "raw", false); i > 0 {
			return l.readRaw(data, open, i)
		}
		l.pending = token{kind: tokBlockBegin, pos: open, end: l.pos, text: "{%"}
	}
	return data, nil
}

func (l *lexer) peek() byte {
	if l.pos < len(l.src) {
		return l.src[l.pos]
	}
	return 0
}

func (l *lexer) skipComment(open int) error {
	i := strings.Index(l.src[l.pos:], "#}")
	if l.pos >= len(l.src) {
		return nil // Jinja looks for the end only where there is more text
	}
	if i < 0 {
		return l.fail(open, "Missing end of comment tag")
	}
	l.strip = i > 0 && l.src[l.pos+i-1] == '-'
	l.pos += i + 2
	return nil
}

// matchTag says where the rest of a block tag with nothing but a word in it
// ends, when it starts at pos; 0 when it is another tag. It notes a closing -.
func (l *lexer) matchTag(pos int, word string, plus bool) int {
	rest, ok := strings.CutPrefix(trimLeftSpace(l.src[pos:]), word)
	if !ok {
		return 0
	}
	rest = trimLeftSpace(rest)
	after, found := strings.CutPrefix(rest, "%}")
	if !found {
		if after, found = strings.CutPrefix(rest, "-%}"); found {
			l.strip = true
		} else if after, found = strings.CutPrefix(rest, "+%}"); !found || !plus {
			return 0
		}
	}
	return len(l.src) - len(after)
}

// readRaw reads the content of a raw block that starts at pos. The data before
// the tag comes first, so the content is put off when there is any.
func (l *lexer) readRaw(data token, open, pos int) (token, error) {
	start := pos
	if l.strip {
		start = len(l.src) - len(trimLeftSpace(l.src[pos:]))
		l.strip = false
	}
	for at := start; ; {
		i := strings.Index(l.src[at:], "{%")
		if start == len(l.src) { // Jinja looks for the end only where there is more text
			l.pos = start
			return data, nil
		}
		if i < 0 {
			return token{}, l.fail(open, "Missing end of raw directive")
		}
		at += i + 2
		content := l.src[start : at-2]
		tag := at
		if tag < len(l.src) && (l.src[tag] == '-' || l.src[tag] == '+') {
			tag++
		}
		end := l.matchTag(tag, "endraw", true)
		if end == 0 {
			continue
		}
		if l.src[tag-1] == '-' {
			content = trimRightSpace(content)
		}
		l.pos = end
		raw := token{kind: tokData, pos: start, end: start + len(content), text: content}
		if data.text == "" {
			return raw, nil
		}
		l.pending = raw
		return data, nil
	}
}

// nextInside reads the next token of an expression or a statement tag.
func (l *lexer) nextInside() (token, error) {
	l.pos = len(l.src) - len(trimLeftSpace(l.src[l.pos:]))
	start := l.pos
	if start >= len(l.src) {
		return token{kind: tokEOF, pos: start, end: start}, nil
	}
	if len(l.closers) == 0 && l.endTag() {
		kind := tokVariableEnd
		if l.inside == tokBlockBegin {
			kind = tokBlockEnd
		}
		l.inside = tokData
		return token{kind: kind, pos: start, end: l.pos}, nil
	}
	switch c := l.src[start]; {
	case c >= '0' && c <= '9':
		return l.number()
	case c == '\'' || c == '"':
		return l.quoted(c)
	case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf:
		return l.word()
	}
	return l.operator()
}

// endTag consumes the end of the tag the lexer is in, if it is there.
func (l *lexer) endTag() bool {
	closing := "}}"
	if l.inside == tokBlockBegin {
		closing = "%}"
	}
	rest := l.src[l.pos:]
	if strings.HasPrefix(rest, closing) {
		l.pos += 2
		return true
	}
	if !strings.HasPrefix(rest[1:], closing) {
		return false
	}
	if rest[0] == '-' || rest[0] == '+' && l.inside == tokBlockBegin {
		l.strip = rest[0] == '-'
		l.pos += 3
		return true
	}
	return false
}

func (l *lexer) word() (token, error) {
	start := l.pos
	for i, c := range l.src[start:] {
		if c == '_' || unicode.IsLetter(c) || unicode.Is(unicode.Nl, c) {
			continue
		}
		if i > 0 && (unicode.IsDigit(c) || unicode.Is(unicode.Mn, c) || unicode.Is(unicode.Mc, c) || unicode.Is(unicode.Pc, c)) {
			continue
		}
		if i == 0 {
			return token{}, l.fail(start, "unexpected char %s at %d", strRepr(string(c)), utf8.RuneCountInString(l.src[:start]))
		}
		l.pos = start + i
		return token{kind: tokName, pos: start, end: l.pos, text: l.src[start:l.pos]}, nil
	}
	l.pos = len(l.src)
	return token{kind: tokName, pos: start, end: l.pos, text: l.src[start:]}, nil
}

func (l *lexer) operator() (token, error) {
	start := l.pos
	if start+2 <= len(l.src) {
		switch two := l.src[start : start+2]; two {
		case "//", "**", "==", "!=", ">=", "<=":
			l.pos += 2
			return token{kind: tokOp, pos: start, end: l.pos, text: two}, nil
		}
	}
	c := l.src[start]
	if strings.IndexByte("+-/*%~[](){}><=.:|,;", c) < 0 {
		return token{}, l.fail(start, "unexpected char %s at %d", strRepr(string(rune(c))), utf8.RuneCountInString(l.src[:start]))
	}
	switch c {
	case '(':
		l.closers = append(l.closers, ')')
	case '[':
		l.closers = append(l.closers, ']')
	case '{':
		l.closers = append(l.closers, '}')
	case ')', ']', '}':
		n := len(l.closers)
		if n == 0 {
			return token{}, l.fail(start, "unexpected '%c'", c)
		}
		if want := l.closers[n-1]; want != c {
			return token{}, l.fail(start, "unexpected '%c', expected '%c'", c, want)
		}
		l.closers = l.closers[:n-1]
	}
	l.pos++
	return token{kind: tokOp, pos: start, end: l.pos, text: l.src[start:l.pos]}, nil
}
