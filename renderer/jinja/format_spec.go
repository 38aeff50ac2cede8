package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A formatSpec is Python's format specification: [[fill]align][sign][z][#][0]
// [width][grouping][.precision][type].
type formatSpec struct {
	fill      string
	align     byte // <, >, =, ^ or 0
	sign      byte // +, -, space
	signed    bool // the sign was given
	alt       bool
	noNegZero bool
	width     int
	group     byte // , or _ or 0
	precision int  // -1 is none
	verb      byte // 0 is none
}

func parseSpec(s, kind string) (formatSpec, error) {
	f := formatSpec{fill: " ", sign: '-', precision: -1}
	whole := s
	isAlign := func(s string) bool { return s != "" && strings.IndexByte("<>=^", s[0]) >= 0 }
	_, n := utf8.DecodeRuneInString(s)
	filled := false
	if n < len(s) && isAlign(s[n:]) {
		f.fill, f.align, s = s[:n], s[n], s[n+1:]
		filled = true
	} else if isAlign(s) {
		f.align, s = s[0], s[1:]
	}
	take := func(chars string) byte {
		if s != "" && strings.IndexByte(chars, s[0]) >= 0 {
			c := s[0]
			s = s[1:]
			return c
		}
		return 0
	}
	if c := take("+- "); c != 0 {
		f.sign, f.signed = c, true
	}
	f.noNegZero = take("z") != 0
	f.alt = take("#") != 0
	if take("0") != 0 && !filled {
		f.fill = "0"
		if f.align == 0 && kind != "str" {
			f.align = '='
		}
	}
	var err error
	if f.width, s, err = specNumber(s, 0); err != nil {
		return f, err
	}
	f.group = take(",_")
	if f.group != 0 && take(",_") != 0 {
		return f, failf(ValueError, "Cannot specify both ',' and '_'.")
	}
	if take(".") != 0 {
		if f.precision, s, err = specNumber(s, -1); err != nil {
			return f, err
		}
		if f.precision < 0 {
			return f, failf(ValueError, "Format specifier missing precision")
		}
	}
	switch {
	case len(s) == 1:
		f.verb = s[0]
	case s != "":
		return f, failf(ValueError, "Invalid format specifier '%s' for object of type '%s'", whole, kind)
	}
	return f, nil
}

func specNumber(s string, none int) (int, string, error) {
	i, n := 0, 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		if n = n*10 + int(s[i]-'0'); n > 1<<40 {
			return 0, "", failf(ValueError, "Too many decimal digits in format string")
		}
		i++
	}
	if i == 0 {
		return none, s, nil
	}
	return n, s[i:], nil
}

// formatValue is Python's format(v, spec).
func (r *run) formatValue(v any, spec string) (string, error) {
	if spec == "" {
		return r.str(v)
	}
	if text, ok := textOf(v); ok {
		return r.formatText(text, spec)
	}
	switch v := v.(type) {
	case int64, *big.Int, bool:
		return r.formatInt(v, spec)
	case float64:
		f, err := parseSpec(spec, "float")
		if err != nil {
			return "", err
		}
		return r.formatFloat(f, v)
	}
	if err := check(v); err != nil {
		return "", err
	}
	return "", failf(TypeError, "unsupported format string passed to %s.__format__", typeName(v))
}

func (r *run) formatText(text, spec string) (string, error) {
	f, err := parseSpec(spec, "str")
	switch {
	case err != nil:
		return "", err
	case f.verb != 0 && f.verb != 's':
		return "", unknownCode(f.verb, "str")
	case f.signed:
		return "", failf(ValueError, "Sign not allowed in string format specifier")
	case f.alt:
		return "", failf(ValueError, "Alternate form (#) not allowed in string format specifier")
	case f.group != 0:
		return "", failf(ValueError, "Cannot specify '%c' with 's'.", f.group)
	case f.align == '=':
		return "", failf(ValueError, "'=' alignment not allowed in string format specifier")
	}
	if f.precision >= 0 {
		text = text[:runeOffset(text, f.precision)]
	}
	if f.align == 0 {
		f.align = '<'
	}
	return r.padSpec(f, "", text)
}

// plainChar refuses what the type c can't be combined with.
func (f formatSpec) plainChar() error {
	switch {
	case f.precision >= 0:
		return failf(ValueError, "Precision not allowed in integer format specifier")
	case f.noNegZero:
		return failf(ValueError, "Negative zero coercion (z) not allowed in format specifier with integer format code 'c'")
	case f.group != 0:
		return failf(ValueError, "Cannot specify '%c' with 'c'.", f.group)
	case f.signed:
		return failf(ValueError, "Sign not allowed with integer format specifier 'c'")
	case f.alt:
		return failf(ValueError, "Alternate form (#) not allowed with integer format specifier 'c'")
	}
	return nil
}

func unknownCode(verb byte, kind string) error {
	return failf(ValueError, "Unknown format code '%c' for object of type '%s'", verb, kind)
}

func (r *run) formatInt(v any, spec string) (string, error) {
	f, err := parseSpec(spec, typeName(v))
	if err != nil {
		return "", err
	}
	if _, ok := v.(bool); ok && f.verb == 's' {
		return "", unknownCode('s', "bool")
	}
	n, _ := asBig(v)
	base, prefix := 10, ""
	switch f.verb {
	case 0, 'd', 'n':
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x', 'X':
		base, prefix = 16, "0"+string(f.verb)
	case 'c':
		if err := f.plainChar(); err != nil {
			return "", err
		}
		if !n.IsInt64() || n.Int64() < 0 || n.Int64() > utf8.MaxRune {
			return "", failf(OverflowError, "%%c arg not in range(0x110000)")
		}
		if f.align == 0 {
			f.align = '<'
		}
		return r.padSpec(f, "", string(rune(n.Int64())))
	case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		x, err := asFloat(plainInt(v))
		if err != nil {
			return "", err
		}
		return r.formatFloat(f, x)
	default:
		return "", unknownCode(f.verb, typeName(v))
	}
	if f.precision >= 0 {
		return "", failf(ValueError, "Precision not allowed in integer format specifier")
	}
	if f.noNegZero {
		return "", failf(ValueError, "Negative zero coercion (z) not allowed in format specifier with integer format code '%c'", max(f.verb, 'd'))
	}
	if f.group != 0 && (f.verb == 'n' || f.group == ',' && base != 10) {
		return "", failf(ValueError, "Cannot specify '%c' with '%c'.", f.group, f.verb)
	}
	text := ""
	if base == 10 {
		if text, err = intText(normInt(n)); err != nil {
			return "", err
		}
	} else {
		if err := r.hold(n.BitLen()); err != nil {
			return "", err
		}
		text = n.Text(base)
	}
	sign, digits := splitSign(text)
	if f.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	sign = f.signText(sign)
	if f.alt {
		sign += prefix
	}
	size := 3
	if base != 10 {
		size = 4
	}
	return r.padNumber(f, sign, digits, "", size)
}

func (f *formatSpec) signText(sign string) string {
	switch {
	case sign != "":
		return sign
	case f.sign == '+':
		return "+"
	case f.sign == ' ':
		return " "
	}
	return ""
}

func (r *run) formatFloat(f formatSpec, x float64) (string, error) {
	verb, precision := f.verb, f.precision
	percent := ""
	switch verb {
	case 0:
		return r.formatGeneral(f, x)
	case 'n':
		verb = 'g'
	case '%':
		verb, percent, x = 'f', "%", x*100
	case 'e', 'E', 'f', 'F', 'g', 'G':
	default:
		return "", unknownCode(verb, "float")
	}
	if precision < 0 {
		precision = 6
	}
	if err := r.holdDigits(precision); err != nil {
		return "", err
	}
	return r.padFloat(f, formatFloat(x, verb, precision, f.alt)+percent)
}

// formatGeneral formats without a type: as repr does, or with a precision
// like g, but always with a digit behind the point.
func (r *run) formatGeneral(f formatSpec, x float64) (string, error) {
	if f.precision < 0 {
		text := floatRepr(x)
		if mantissa, exp, ok := strings.Cut(text, "e"); ok && f.alt && !strings.Contains(mantissa, ".") {
			text = mantissa + ".e" + exp
		}
		return r.padFloat(f, text)
	}
	if err := r.holdDigits(f.precision); err != nil {
		return "", err
	}
	precision := max(f.precision, 1)
	exp := 0
	if x != 0 {
		exp = decimalExponent(x, precision)
	}
	text := formatFloat(x, 'g', precision, f.alt)
	if exp >= precision-1 && exp < precision && !math.IsInf(x, 0) && !math.IsNaN(x) {
		text = formatFloat(x, 'e', precision-1, f.alt)
		if !f.alt {
			text = trimMantissa(text)
		}
	} else if !strings.ContainsAny(text, ".en") {
		text += ".0"
	}
	return r.padFloat(f, text)
}

// trimMantissa drops trailing zeros before the exponent.
func trimMantissa(s string) string {
	mantissa, exp, _ := strings.Cut(s, "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	return mantissa + "e" + exp
}

func (r *run) padFloat(f formatSpec, text string) (string, error) {
	sign, rest := splitSign(text)
	if f.noNegZero && sign != "" && strings.Trim(rest, "0.%e+-") == "" {
		sign = ""
	}
	digits, tail := rest, ""
	if i := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' }); i >= 0 {
		digits, tail = rest[:i], rest[i:]
	}
	return r.padNumber(f, f.signText(sign), digits, tail, 3)
}

// padNumber groups the digits and brings the number to its width. Zeros that
// fill it up are grouped too.
func (r *run) padNumber(f formatSpec, sign, digits, tail string, size int) (string, error) {
	if f.align == 0 {
		f.align = '>'
	}
	if f.group != 0 && digits != "" {
		room := 0
		if f.align == '=' && f.fill == "0" {
			room = f.width - len(sign) - len(tail)
		}
		if err := r.hold(max(room, 0) + 2*len(digits)); err != nil {
			return "", err
		}
		digits = group(digits, f.group, size, room)
	}
	if f.align == '=' {
		pad, err := r.fill(f.fill, f.width-len(sign)-len(digits)-len(tail))
		return sign + pad + digits + tail, err
	}
	return r.padSpec(f, "", sign+digits+tail)
}

// group puts separators between digits, from the right, and leading zeros
// until the result is room wide.
func group(digits string, sep byte, size, room int) string {
	var out []byte // backwards
	for i := len(digits) - 1; i >= 0 || len(out) < room; i-- {
		if n := len(digits) - 1 - i; n > 0 && n%size == 0 {
			out = append(out, sep)
		}
		if i >= 0 {
			out = append(out, digits[i])
		} else {
			out = append(out, '0')
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

func (r *run) padSpec(f formatSpec, sign, text string) (string, error) {
	n := f.width - len(sign) - runeCount(text)
	if n <= 0 {
		return sign + text, nil
	}
	left := 0
	switch f.align {
	case '>', '=':
		left = n
	case '^':
		left = n / 2
	}
	pad, err := r.fill(f.fill, n)
	if err != nil {
		return "", err
	}
	cut := left * len(f.fill)
	return pad[:cut] + sign + text + pad[cut:], r.hold(len(text))
}

// decimalExponent is the exponent a float has when rounded to some digits.
func decimalExponent(x float64, digits int) int {
	s := strconv.FormatFloat(x, 'e', digits-1, 64)
	_, exp, ok := strings.Cut(s, "e")
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(exp)
	return n
}

// formatFloat is C's conversion of a float with a precision.
func formatFloat(x float64, verb byte, precision int, alt bool) string {
	upper := verb >= 'A' && verb <= 'Z'
	if upper {
		verb |= 0x20
	}
	s := ""
	switch {
	case math.IsInf(x, 0) || math.IsNaN(x):
		s = floatRepr(x)
	case verb == 'g':
		s = formatG(x, precision, alt)
	default:
		s = strconv.FormatFloat(x, verb, precision, 64)
		if alt && precision == 0 {
			mantissa, exp, found := strings.Cut(s, "e")
			s = mantissa + "."
			if found {
				s += "e" + exp
			}
		}
	}
	if upper {
		s = strings.ToUpper(s)
	}
	return s
}

// formatG drops trailing zeros and takes the exponent form for numbers too
// small, or too large for the precision.
func formatG(x float64, precision int, alt bool) string {
	precision = max(precision, 1)
	exp := 0
	if x != 0 {
		exp = decimalExponent(x, precision)
	}
	s := ""
	if exp < -4 || exp >= precision {
		s = strconv.FormatFloat(x, 'e', precision-1, 64)
	} else {
		s = strconv.FormatFloat(x, 'f', precision-1-exp, 64)
	}
	if alt {
		if !strings.Contains(s, ".") {
			mantissa, e, found := strings.Cut(s, "e")
			s = mantissa + "."
			if found {
				s += "e" + e
			}
		}
		return s
	}
	mantissa, e, found := strings.Cut(s, "e")
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	if found {
		mantissa += "e" + e
	}
	return mantissa
}
