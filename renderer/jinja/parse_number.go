package jinja

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parseInt is Python's int(text, base).
func parseInt(text string, base int) (any, error) {
	fail := func() (any, error) {
		return nil, failf(ValueError, "invalid literal for int() with base %d: %s", base, strRepr(text))
	}
	if base != 0 && (base < 2 || base > 36) {
		return nil, failf(ValueError, "int() base must be >= 2 and <= 36, or 0")
	}
	s := asciiDigits(strings.TrimFunc(text, isSpace))
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	radix := base
	prefixed := false
	if len(s) > 1 && s[0] == '0' {
		prefix := map[byte]int{'x': 16, 'o': 8, 'b': 2}[s[1]|0x20]
		if prefix != 0 && (base == 0 || base == prefix) {
			s, radix, prefixed = s[2:], prefix, true
		}
	}
	if radix == 0 {
		radix = 10
		if len(s) > 1 && s[0] == '0' && strings.Trim(s, "0_") != "" {
			return fail()
		}
	}
	if prefixed {
		s = strings.TrimPrefix(s, "_")
	}
	digits, ok := plainDigits(s)
	if !ok {
		return fail()
	}
	if len(digits) > maxDigits && radix&(radix-1) != 0 {
		return nil, digitLimit()
	}
	n, ok := new(big.Int).SetString(digits, radix)
	if !ok {
		return fail()
	}
	if negative {
		n.Neg(n)
	}
	return normInt(n), nil
}

// asciiDigits writes the decimal digits of other scripts as 0 to 9.
func asciiDigits(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(c rune) rune {
		if c < utf8.RuneSelf || !isDecimal(c) {
			return c
		}
		return '0' + decimalValue(c)
	}, s)
}

// decimalValue is the value of a decimal digit: each script has its ten in a
// row, and ranges of several scripts begin with a zero.
func decimalValue(c rune) rune {
	for _, r := range unicode.Nd.R16 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return (c - rune(r.Lo)) % 10
		}
	}
	for _, r := range unicode.Nd.R32 {
		if rune(r.Lo) <= c && c <= rune(r.Hi) {
			return (c - rune(r.Lo)) % 10
		}
	}
	return 0
}

// plainDigits drops the single underscores between digits.
func plainDigits(s string) (string, bool) {
	if s == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || strings.ContainsAny(s, "+-") {
		return "", false
	}
	return strings.ReplaceAll(s, "_", ""), true
}

// parseFloat is Python's float(text).
func parseFloat(text string) (float64, error) {
	s := strings.ToLower(asciiDigits(strings.TrimFunc(text, isSpace)))
	switch strings.TrimLeft(s, "+-") {
	case "inf", "infinity", "nan":
		if len(s)-len(strings.TrimLeft(s, "+-")) < 2 {
			if strings.HasSuffix(s, "nan") {
				return math.NaN(), nil
			}
			if s[0] == '-' {
				return math.Inf(-1), nil
			}
			return math.Inf(1), nil
		}
	}
	plain, ok := plainFloat(s)
	if ok {
		f, err := strconv.ParseFloat(plain, 64)
		if err == nil || errors.Is(err, strconv.ErrRange) {
			return f, nil
		}
	}
	return 0, failf(ValueError, "could not convert string to float: %s", strRepr(text))
}

// plainFloat drops underscores between digits and refuses the forms that Go
// reads and Python does not.
func plainFloat(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	isDigit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	for i := range len(s) {
		switch c := s[i]; {
		case c == '_':
			if !isDigit(i-1) || !isDigit(i+1) {
				return "", false
			}
		case isDigit(i) || strings.IndexByte("+-.e", c) >= 0:
			out = append(out, c)
		default:
			return "", false
		}
	}
	return string(out), true
}
