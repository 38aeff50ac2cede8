package shim

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

var errTrailing = errors.New("text follows the value")

// shorthand reads the AWS CLI's short form of structures:
//
//	key=Endpoint,valueString=http://x
//	s3={bucket=b,key=k}
//	names=[a,b]
//
// Values may be quoted with ' or ", and a comma is taken as it is after a backslash.
type shorthand struct {
	text string
	at   int
}

// The words of the short form: a key, a value, one of several values, quotes.
var ( //nolint:gochecknoglobals // compiled once
	shortKey    = regexp.MustCompile(`^[A-Za-z0-9\-_.#/:]*`)
	shortValue  = regexp.MustCompile(`^(?:\\,|[^\s"',=\[{\]}])(?:\\,|[^"',\]}])*`)
	shortSecond = regexp.MustCompile(`^(?:\\,|[^\s"',=\[{\]}])(?:\\,|[^"',=])*`)
	shortSingle = regexp.MustCompile(`^'(?:\\\\|\\'|[^'])*'`)
	shortDouble = regexp.MustCompile(`^"(?:\\\\|\\"|[^"])*"`)
)

func (p *shorthand) end() bool { return p.at >= len(p.text) }

func (p *shorthand) peek() byte {
	if p.end() {
		return 0
	}
	return p.text[p.at]
}

func (p *shorthand) blanks() {
	for !p.end() && strings.IndexByte(" \t\n\r\v\f", p.text[p.at]) >= 0 {
		p.at++
	}
}

// wanted is the error for another thing than was expected.
func (p *shorthand) wanted(what string) error {
	got := "EOF"
	if !p.end() {
		r, _ := utf8.DecodeRuneInString(p.text[p.at:])
		got = string(r)
	}
	return usagef("Expected: '%s', received: '%s' for input:\n%s\n%s^", what, got, p.text, spaces(p.at))
}

func (p *shorthand) expect(c byte) error {
	p.blanks()
	if p.peek() != c || p.end() {
		return p.wanted(string(c))
	}
	p.at++
	p.blanks()
	return nil
}

func (p *shorthand) match(word *regexp.Regexp) (string, bool) {
	span := word.FindStringIndex(p.text[p.at:])
	if span == nil {
		return "", false
	}
	text := p.text[p.at : p.at+span[1]]
	p.at += span[1]
	return text, true
}

// parameter reads KEY=VALUE pairs up to the end of the text.
func (p *shorthand) parameter() (map[string]any, error) {
	object := map[string]any{}
	for {
		begin := p.at
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		value, err := p.values()
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			return nil, usagef("Second instance of key %q encountered for input:\n%s\n%s^\nThis is often because there is a preceding \",\" instead of a space.",
				key, p.text, spaces(begin))
		}
		object[key] = value
		if p.end() {
			return object, nil
		}
		if err := p.expect(','); err != nil {
			return nil, err
		}
	}
}

func (p *shorthand) key() (string, error) {
	key, _ := p.match(shortKey)
	return key, p.expect('=')
}

func (p *shorthand) values() (any, error) {
	switch {
	case p.end():
		return "", nil
	case p.peek() == '[':
		return p.list()
	case p.peek() == '{':
		return p.object()
	}
	first, err := p.first()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if p.peek() != ',' {
		return first, nil
	}
	return p.more(first)
}

// more reads the values after the first: a=b,c. Where a key follows there are none.
func (p *shorthand) more(first string) (any, error) {
	list := []any{first}
	for {
		comma := p.at
		if err := p.expect(','); err != nil {
			return nil, err
		}
		next, err := p.second()
		if err == nil {
			p.blanks()
			if p.end() || p.peek() == ',' {
				list = append(list, next)
				if p.end() {
					return list, nil
				}
				continue
			}
			err = p.wanted(",")
		}
		if p.end() {
			return nil, err
		}
		p.at = comma
		if len(list) == 1 {
			return first, nil
		}
		return list, nil
	}
}

func (p *shorthand) inner() (any, error) {
	switch p.peek() {
	case '[':
		return p.list()
	case '{':
		return p.object()
	}
	return p.first()
}

func (p *shorthand) list() (any, error) {
	list := []any{}
	for err := p.expect('['); p.peek() != ']'; err = p.separator(']') {
		if err != nil {
			return nil, err
		}
		value, err := p.inner()
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	p.at++
	return list, nil
}

func (p *shorthand) object() (any, error) {
	object := map[string]any{}
	for err := p.expect('{'); p.peek() != '}'; err = p.separator('}') {
		if err != nil {
			return nil, err
		}
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		if object[key], err = p.inner(); err != nil {
			return nil, err
		}
	}
	p.at++
	return object, nil
}

// separator reads what stands before the next item, unless the end comes.
func (p *shorthand) separator(end byte) error {
	p.blanks()
	if p.peek() == end {
		return nil
	}
	return p.expect(',')
}

func (p *shorthand) first() (string, error) {
	if c := p.peek(); c == '\'' || c == '"' {
		return p.quoted(c)
	}
	text, _ := p.match(shortValue)
	return plainValue(text), nil
}

func (p *shorthand) second() (string, error) {
	if c := p.peek(); c == '\'' || c == '"' {
		return p.quoted(c)
	}
	text, ok := p.match(shortSecond)
	if !ok {
		return "", p.missing("second")
	}
	return plainValue(text), nil
}

func (p *shorthand) quoted(quote byte) (string, error) {
	word, name := shortSingle, "singled quoted"
	if quote == '"' {
		word, name = shortDouble, "double quoted"
	}
	text, ok := p.match(word)
	if !ok {
		return "", p.missing(name)
	}
	text = strings.ReplaceAll(text[1:len(text)-1], `\`+string(quote), string(quote))
	return strings.ReplaceAll(text, `\\`, `\`), nil
}

func (p *shorthand) missing(word string) error {
	return usagef("Expected: '<%s>', received: '<none>' for input:\n%s\n%s^", word, p.text, spaces(p.at))
}

func plainValue(text string) string {
	return strings.TrimRight(strings.ReplaceAll(text, `\,`, ","), " \t\n\r\v\f")
}
