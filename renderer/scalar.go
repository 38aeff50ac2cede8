package renderer

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

type scalarKind int

const (
	stringScalar scalarKind = iota
	nullScalar
	boolScalar
	intScalar
	floatScalar
	infiniteScalar // .inf and .nan, which JSON cannot write
)

// plainKind tells what a scalar without quotes stands for. It follows the core
// schema of YAML 1.2, less what people do not mean: yes, no, on and off are
// text, and so are dates, 1_000, 12:30 and numbers with a leading zero.
func plainKind(s string) scalarKind {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nullScalar
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return boolScalar
	case ".nan", ".NaN", ".NAN":
		return infiniteScalar
	}
	switch strings.TrimLeft(s[:1], "+-") + s[1:] {
	case ".inf", ".Inf", ".INF":
		return infiniteScalar
	}
	if c := s[0]; c != '+' && c != '-' && c != '.' && (c < '0' || c > '9') {
		return stringScalar
	}
	return numberKind(s)
}

func numberKind(s string) scalarKind {
	if rest, ok := strings.CutPrefix(s, "0x"); ok && all(rest, "0123456789abcdefABCDEF") {
		return intScalar
	}
	if rest, ok := strings.CutPrefix(s, "0o"); ok && all(rest, "01234567") {
		return intScalar
	}
	if s[0] == '+' || s[0] == '-' {
		s = s[1:]
	}
	mantissa, exponent, hasExponent := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent, hasExponent = s[:i], s[i+1:], true
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	switch {
	case whole == "" && fraction == "",
		whole != "" && !digits(whole),
		fraction != "" && !digits(fraction),
		len(whole) > 1 && whole[0] == '0':
		return stringScalar
	case hasExponent:
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if !digits(exponent) {
			return stringScalar
		}
		return floatScalar
	case hasPoint:
		return floatScalar
	}
	return intScalar
}

func digits(s string) bool { return all(s, "0123456789") }

func all(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// maxDigits bounds integers: beyond it Python itself refuses to print one.
const maxDigits = 4300

// number reads the text of an int or float scalar: int64 where it fits, else
// *big.Int, else float64. It fails on what no JSON number can hold.
func number(s string) (any, bool) {
	if len(s) > maxDigits {
		return nil, false
	}
	switch plainKind(s) {
	case intScalar:
		base, text := 10, s
		switch {
		case strings.HasPrefix(s, "0x"):
			base, text = 16, s[2:]
		case strings.HasPrefix(s, "0o"):
			base, text = 8, s[2:]
		}
		if i, err := strconv.ParseInt(text, base, 64); err == nil {
			return i, true
		}
		return new(big.Int).SetString(text, base)
	case floatScalar:
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil && !math.IsInf(f, 0)
	}
	return nil, false
}

// truth reads a boolean scalar.
func truth(s string) bool { return s[0] == 't' || s[0] == 'T' }
