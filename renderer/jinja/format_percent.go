package jinja

import (
	"math/big"
	"strings"
	"unicode/utf8"
)

// A percentFormat is one conversion of a % format: %-08.3f.
type percentFormat struct {
	alt, left, blank, sign, zero bool
	width, precision             int // -1 is none
	verb                         rune
}

// formatPercent is the % of a text and values.
func (r *run) formatPercent(like any, format string, values any) (any, error) {
	f := &percentArgs{run: r, values: values}
	_, f.escape = like.(markup)
	if t, ok := values.(*tuple); ok {
		f.tuple = t.items
		f.isTuple = true
	}
	var out strings.Builder
	for i := 0; i < len(format); {
		next := strings.IndexByte(format[i:], '%')
		if next < 0 {
			out.WriteString(format[i:])
			break
		}
		out.WriteString(format[i : i+next])
		rest := format[i+next+1:]
		text, n, err := f.conversion(rest, i+next+1)
		if err != nil {
			return nil, err
		}
		if err := r.hold(2 * len(text)); err != nil { // itself, and in the result as it grows
			return nil, err
		}
		out.WriteString(text)
		i += next + 1 + n
	}
	if err := f.finished(); err != nil {
		return nil, err
	}
	return retype(like, out.String()), r.hold(len(format))
}

// percentArgs hands out the values of a % format.
type percentArgs struct {
	run     *run
	values  any
	tuple   []any
	isTuple bool
	escape  bool // the format is Markup
	next    int
	mapped  bool // a key was used
}

func (f *percentArgs) take() (any, error) {
	if !f.isTuple {
		if f.next > 0 {
			return nil, failf(TypeError, "not enough arguments for format string")
		}
		f.next++
		return f.values, nil
	}
	if f.next >= len(f.tuple) {
		return nil, failf(TypeError, "not enough arguments for format string")
	}
	f.next++
	return f.tuple[f.next-1], nil
}

func (f *percentArgs) key(name string) (any, error) {
	switch f.values.(type) {
	case *Dict, *list:
	default:
		if err := check(f.values); err != nil {
			return nil, err
		}
		return nil, failf(TypeError, "format requires a mapping")
	}
	f.mapped, f.next = true, 1
	v, ok, err := f.run.index(f.values, name)
	if err == nil && !ok {
		err = failf(KeyError, "%s", strRepr(name))
	}
	return v, err
}

// finished fails when values are left over. A mapping may be left alone.
func (f *percentArgs) finished() error {
	if f.isTuple && f.next < len(f.tuple) {
		return failf(TypeError, "not all arguments converted during string formatting")
	}
	if f.isTuple || f.next > 0 || f.mapped {
		return nil
	}
	switch f.values.(type) {
	case *Dict, *list, *intRange, byteString, *undefined: // what has items
		return nil
	}
	return failf(TypeError, "not all arguments converted during string formatting")
}

// conversion reads what follows a % and gives its text and how long it was.
func (f *percentArgs) conversion(s string, at int) (string, int, error) {
	if strings.HasPrefix(s, "%") {
		return "%", 1, nil
	}
	p := percentFormat{width: -1, precision: -1}
	i := 0
	var v any
	keyed := false
	if strings.HasPrefix(s, "(") {
		end, ok := closingParen(s)
		if !ok {
			return "", 0, failf(ValueError, "incomplete format key")
		}
		var err error
		if v, err = f.key(s[1:end]); err != nil {
			return "", 0, err
		}
		keyed = true
		i = end + 1
	}
	i += p.flags(s[i:])
	var err error
	if p.width, i, err = f.number(s, i); err != nil {
		return "", 0, err
	}
	if p.width < -1 {
		p.left, p.width = true, -p.width
	}
	if i < len(s) && s[i] == '.' {
		if p.precision, i, err = f.number(s, i+1); err != nil {
			return "", 0, err
		}
		p.precision = max(p.precision, 0)
	}
	if i < len(s) && strings.IndexByte("hlL", s[i]) >= 0 {
		i++
	}
	if i >= len(s) {
		return "", 0, failf(ValueError, "incomplete format")
	}
	verb, n := utf8.DecodeRuneInString(s[i:])
	p.verb = verb
	if !keyed {
		if v, err = f.take(); err != nil {
			return "", 0, err
		}
	}
	text, err := f.convert(p, v, at+i)
	return text, i + n, err
}

func closingParen(s string) (int, bool) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i, true
			}
		}
	}
	return 0, false
}

func (p *percentFormat) flags(s string) int {
	for i := range len(s) {
		switch s[i] {
		case '#':
			p.alt = true
		case '-':
			p.left = true
		case ' ':
			p.blank = true
		case '+':
			p.sign = true
		case '0':
			p.zero = true
		default:
			return i
		}
	}
	return len(s)
}

// number reads a width or a precision, which * takes from the values.
func (f *percentArgs) number(s string, i int) (n, end int, err error) {
	if i < len(s) && s[i] == '*' {
		v, err := f.take()
		if err != nil {
			return 0, 0, err
		}
		n, ok := asInt(v)
		if !ok {
			return 0, 0, failf(TypeError, "* wants int")
		}
		return int(n), i + 1, nil
	}
	start := i
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		if n = n*10 + int(s[i]-'0'); n > 1<<40 {
			return 0, 0, failf(ValueError, "width too big")
		}
		i++
	}
	if i == start {
		return -1, i, nil
	}
	return n, i, nil
}

func (f *percentArgs) convert(p percentFormat, v any, at int) (string, error) {
	if p.verb != 'r' && p.verb != 'a' {
		if err := checkStrict(v); err != nil {
			return "", err
		}
	}
	switch p.verb {
	case 's', 'r', 'a':
		text, err := f.text(p.verb, v)
		if err != nil {
			return "", err
		}
		if p.precision >= 0 {
			text = text[:runeOffset(text, p.precision)]
		}
		return f.run.padPercent(p, "", text)
	case 'c':
		text, err := f.char(v)
		if err != nil {
			return "", err
		}
		p.zero = false
		return f.run.padPercent(p, "", text)
	case 'd', 'i', 'u':
		n, err := f.whole(v, "%"+string(p.verb)+" format: a real number is required, not ")
		if err != nil {
			return "", err
		}
		return f.run.intPercent(p, n, 10)
	case 'x', 'X', 'o':
		if !isInt(v) && !f.escape {
			return "", failf(TypeError, "%%%c format: an integer is required, not %s", p.verb, typeName(v))
		}
		n, err := f.whole(v, "%x format: an integer is required, not ")
		if err != nil {
			return "", err
		}
		base := 16
		if p.verb == 'o' {
			base = 8
		}
		return f.run.intPercent(p, n, base)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if !isNumber(v) {
			if !f.escape {
				return "", failf(TypeError, "must be real number, not %s", typeName(v))
			}
			var err error
			if v, err = f.run.toFloat(v); err != nil {
				return "", err
			}
		}
		x, err := asFloat(v)
		if err != nil {
			return "", err
		}
		if p.precision < 0 {
			p.precision = 6
		}
		if err := f.run.holdDigits(p.precision); err != nil {
			return "", err
		}
		sign, digits := splitSign(formatFloat(x, byte(p.verb), p.precision, p.alt))
		return f.run.padPercent(p, p.signText(sign), digits)
	}
	return "", failf(ValueError, "unsupported format character %s (0x%x) at index %d", strRepr(string(p.verb)), p.verb, at)
}

func (f *percentArgs) text(verb rune, v any) (string, error) {
	var text string
	var err error
	if verb == 's' {
		text, err = f.run.str(v)
	} else {
		text, err = f.run.repr(v)
	}
	if err != nil {
		return "", err
	}
	if verb == 'a' {
		text = asciiText(text)
	}
	if f.escape {
		if _, safe := v.(markup); !safe || verb != 's' {
			text = escapeHTML(text)
		}
	}
	return text, nil
}

// asciiText escapes what is not ASCII.
func asciiText(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		if c < utf8.RuneSelf {
			b.WriteRune(c)
		} else {
			b.WriteString(asciiEscape(c))
		}
	}
	return b.String()
}

func (f *percentArgs) char(v any) (string, error) {
	if s, ok := textOf(v); ok && runeCount(s) == 1 {
		return s, nil
	}
	n, ok := asInt(v)
	if !ok {
		return "", failf(TypeError, "%%c requires int or char")
	}
	if n < 0 || n > utf8.MaxRune {
		return "", failf(OverflowError, "%%c arg not in range(0x110000)")
	}
	return string(rune(n)), nil
}

// whole is the int a number conversion prints. In a Markup format the values
// are wrapped, and the wrapper turns texts into numbers.
func (f *percentArgs) whole(v any, msg string) (*big.Int, error) {
	if n, ok := asBig(v); ok {
		return n, f.run.touch(v)
	}
	x, ok := v.(float64)
	if !ok && !f.escape {
		return nil, failf(TypeError, "%s%s", msg, typeName(v))
	}
	var n any
	var err error
	if ok {
		n, err = floatInt(x)
	} else {
		n, err = f.run.toInt(v, 10)
	}
	if err != nil {
		return nil, err
	}
	b, _ := asBig(n)
	return b, nil
}

func (p *percentFormat) signText(sign string) string {
	switch {
	case sign != "":
		return sign
	case p.sign:
		return "+"
	case p.blank:
		return " "
	}
	return ""
}

func (r *run) intPercent(p percentFormat, n *big.Int, base int) (string, error) {
	var digits string
	if base == 10 {
		text, err := intText(normInt(n))
		if err != nil {
			return "", err
		}
		digits = text
	} else {
		if err := r.hold(n.BitLen()); err != nil {
			return "", err
		}
		digits = n.Text(base)
	}
	sign, digits := splitSign(digits)
	if p.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	zeros, err := r.fill("0", p.precision-len(digits))
	if err != nil {
		return "", err
	}
	sign = p.signText(sign)
	if p.alt && base != 10 {
		sign += "0" + string(p.verb)
	}
	return r.padPercent(p, sign, zeros+digits)
}

func splitSign(s string) (sign, rest string) {
	if strings.HasPrefix(s, "-") {
		return "-", s[1:]
	}
	return "", s
}

// padPercent brings a conversion to its width. Zeros go behind the sign.
func (r *run) padPercent(p percentFormat, sign, text string) (string, error) {
	n := p.width - len(sign) - runeCount(text)
	if n <= 0 {
		return sign + text, nil
	}
	isNumber := strings.ContainsRune("diuxXoeEfFgG", p.verb)
	switch {
	case p.left:
		blank, err := r.fill(" ", n)
		return sign + text + blank, err
	case p.zero && isNumber:
		zeros, err := r.fill("0", n)
		return sign + zeros + text, err
	}
	blank, err := r.fill(" ", n)
	return blank + sign + text, err
}

// maxFloatDigits is how many decimals a float can be asked for: more than a
// float can have.
const maxFloatDigits = 100_000

func (r *run) holdDigits(precision int) error {
	if precision > maxFloatDigits {
		return failf(ValueError, "precision too big")
	}
	return r.hold(precision + 350)
}
