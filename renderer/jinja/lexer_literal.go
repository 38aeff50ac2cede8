package jinja

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDigits is how many decimal digits Python turns into an int or back.
const maxDigits = 4300

// number reads an integer or a float as Jinja's two expressions match them:
// 0b, 0o and 0x prefixes, underscores between digits, no leading zeros.
func (l *lexer) number() (token, error) {
	start := l.pos
	if end := l.floatEnd(); end > 0 {
		l.pos = end
		f, err := strconv.ParseFloat(strings.ReplaceAll(l.src[start:end], "_", ""), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return token{}, l.fail(start, "bad number %s", l.src[start:end])
		}
		return token{kind: tokFloat, pos: start, end: end, text: l.src[start:end], value: f}, nil
	}
	base, digits := 10, "0123456789"
	end := start
	if l.src[start] == '0' {
		digits = "0"
		if start+1 < len(l.src) {
			switch prefix := l.src[start+1] | 0x20; prefix {
			case 'b':
				base, digits = 2, "01"
			case 'o':
				base, digits = 8, "01234567"
			case 'x':
				base, digits = 16, "0123456789abcdefABCDEF"
			}
		}
		if base != 10 {
			if end = digitRun(l.src, start+2, digits, true); end == start+2 {
				base, digits, end = 10, "0", start
			}
		}
	}
	if base == 10 {
		end = digitRun(l.src, start, digits, false)
	}
	text := strings.ReplaceAll(l.src[start:end], "_", "")
	if base != 10 {
		text = text[2:]
	}
	if base == 10 && len(text) > maxDigits {
		return token{}, l.fail(start, "Exceeds the limit (%d digits) for integer string conversion", maxDigits)
	}
	l.pos = end
	n, _ := new(big.Int).SetString(text, base)
	return token{kind: tokInteger, pos: start, end: end, text: l.src[start:end], value: normInt(n)}, nil
}

// digitRun is where digits with single underscores between them end.
func digitRun(s string, pos int, digits string, leading bool) int {
	for pos < len(s) {
		switch {
		case strings.IndexByte(digits, s[pos]) >= 0:
			pos++
		case s[pos] == '_' && leading && pos+1 < len(s) && strings.IndexByte(digits, s[pos+1]) >= 0:
			pos += 2
		default:
			return pos
		}
		leading = true
	}
	return pos
}

// floatEnd is where a float that starts here ends, 0 when none does.
func (l *lexer) floatEnd() int {
	const decimal = "0123456789"
	if l.pos > 0 && l.src[l.pos-1] == '.' {
		return 0
	}
	end := digitRun(l.src, l.pos, decimal, false)
	isFloat := false
	if end < len(l.src) && l.src[end] == '.' {
		if frac := digitRun(l.src, end+1, decimal, false); frac > end+1 {
			end, isFloat = frac, true
		}
	}
	if end < len(l.src) && l.src[end]|0x20 == 'e' {
		exp := end + 1
		if exp < len(l.src) && (l.src[exp] == '+' || l.src[exp] == '-') {
			exp++
		}
		if stop := digitRun(l.src, exp, decimal, false); stop > exp {
			end, isFloat = stop, true
		}
	}
	if !isFloat {
		return 0
	}
	return end
}

func (l *lexer) quoted(quote byte) (token, error) {
	start := l.pos
	for i := start + 1; i < len(l.src); i++ {
		switch l.src[i] {
		case '\\':
			i++
		case quote:
			l.pos = i + 1
			text := l.src[start+1 : i]
			if strings.IndexByte(text, '\\') >= 0 {
				value, err := unescape(text)
				if err != nil {
					return token{}, l.fail(start, "%s", err)
				}
				text = value
			}
			return token{kind: tokString, pos: start, end: l.pos, text: text}, nil
		}
	}
	return token{}, l.fail(start, "unexpected char %s at %d", strRepr(string(rune(quote))), utf8.RuneCountInString(l.src[:start]))
}

// unescape reads a string literal as Jinja does, which is through Python's
// ascii encoder with backslashreplace and its unicode-escape decoder. So a
// backslash before a character outside ASCII yields that character's escape.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		i++
		if i == len(s) {
			return "", errors.New("\\ at end of string")
		}
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			b.WriteString(`\` + asciiEscape(r)[1:])
			i += n
			continue
		}
		i++
		switch c {
		case '\n':
		case '\\', '\'', '"':
			b.WriteByte(c)
		case 'a', 'b', 'f', 'n', 'r', 't', 'v':
			b.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n := rune(c - '0')
			for k := 0; k < 2 && i < len(s) && s[i] >= '0' && s[i] <= '7'; k++ {
				n = n*8 + rune(s[i]-'0')
				i++
			}
			b.WriteRune(n)
		case 'x', 'u', 'U':
			width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+width > len(s) {
				return "", errors.New("truncated \\" + string(c) + strings.Repeat("X", width) + " escape")
			}
			n, err := strconv.ParseUint(s[i:i+width], 16, 32)
			if err != nil {
				return "", errors.New("truncated \\" + string(c) + strings.Repeat("X", width) + " escape")
			}
			if n > utf8.MaxRune {
				return "", errors.New("illegal Unicode character")
			}
			b.WriteRune(rune(n))
			i += width
		case 'N':
			return "", errors.New("character names (\\N{...}) are not known here, write \\u and the number")
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// asciiEscape is Python's backslashreplace form of one character.
func asciiEscape(r rune) string {
	switch {
	case r < 0x100:
		return `\x` + hexPad(r, 2)
	case r < 0x10000:
		return `\u` + hexPad(r, 4)
	default:
		return `\U` + hexPad(r, 8)
	}
}

func hexPad(r rune, width int) string {
	s := strconv.FormatInt(int64(r), 16)
	if len(s) < width {
		s = strings.Repeat("0", width-len(s)) + s
	}
	return s
}
