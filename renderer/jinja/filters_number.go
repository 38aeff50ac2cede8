package jinja

import (
	"math"
	"math/big"
	"strconv"
)

var numberFilters = []*builtin{
	def("abs", func(r *run, v any, _ *bound) (any, error) {
		if f, ok := v.(float64); ok {
			return math.Abs(f), nil
		}
		n, ok := asBig(v)
		if !ok {
			if err := check(v); err != nil {
				return nil, err
			}
			return nil, failf(TypeError, "bad operand type for abs(): '%s'", typeName(v))
		}
		return normInt(new(big.Int).Abs(n)), nil
	}),
	def("int", func(r *run, v any, a *bound) (any, error) {
		base, ok := asInt(a.args[1])
		if !ok {
			base = -1
		}
		n, err := r.toInt(v, int(base))
		if err == nil || !isKind(err, TypeError, ValueError) {
			return n, err
		}
		f, err := r.toFloat(v)
		if err == nil {
			if n, err = floatInt(f); err == nil {
				return n, nil
			}
		}
		if isKind(err, TypeError, ValueError, OverflowError) {
			return a.args[0], nil
		}
		return nil, err
	}, opt("default", int64(0)), opt("base", int64(10))),
	def("float", func(r *run, v any, a *bound) (any, error) {
		f, err := r.toFloat(v)
		if isKind(err, TypeError, ValueError) {
			return a.args[0], nil
		}
		return f, err
	}, opt("default", 0.0)),
	def("round", roundFilter, opt("precision", int64(0)), opt("method", "common")),
	def("filesizeformat", filesizeFilter, opt("binary", false)),
}

func isKind(err error, kinds ...Kind) bool {
	e, ok := err.(*Error)
	if !ok {
		return false
	}
	for _, k := range kinds {
		if e.Kind == k {
			return true
		}
	}
	return false
}

// toInt is Python's int().
func (r *run) toInt(v any, base int) (any, error) {
	switch v := v.(type) {
	case int64, *big.Int:
		return v, nil
	case bool:
		return plainInt(v), nil
	case float64:
		return floatInt(v)
	case byteString:
		return parseInt(string(v), 10)
	}
	s, ok := textOf(v)
	if !ok {
		if err := check(v); err != nil {
			return nil, err
		}
		return nil, failf(TypeError, "int() argument must be a string, a bytes-like object or a real number, not '%s'", typeName(v))
	}
	if err := r.spend(len(s) / 4); err != nil {
		return nil, err
	}
	return parseInt(s, base)
}

// toFloat is Python's float().
func (r *run) toFloat(v any) (float64, error) {
	if isNumber(v) {
		return asFloat(v)
	}
	s, ok := textOf(v)
	if b, isBytes := v.(byteString); isBytes {
		s, ok = string(b), true
	}
	if !ok {
		if err := check(v); err != nil {
			return 0, err
		}
		return 0, failf(TypeError, "float() argument must be a string or a real number, not '%s'", typeName(v))
	}
	if err := r.hold(len(s)); err != nil {
		return 0, err
	}
	return parseFloat(s)
}

func roundFilter(r *run, v any, a *bound) (any, error) {
	method, ok := textOf(a.args[1])
	if !ok || method != "common" && method != "ceil" && method != "floor" {
		return nil, failf(FilterError, "method must be common, ceil or floor")
	}
	if err := check(v); err != nil {
		return nil, err
	}
	if method == "common" {
		return r.round(v, a.args[0])
	}
	unit, err := r.operate(opPow, int64(10), a.args[0])
	if err != nil {
		return nil, err
	}
	scaled, err := r.operate(opMul, v, unit)
	if err != nil {
		return nil, err
	}
	if f, ok := scaled.(float64); ok {
		if method == "ceil" {
			f = math.Ceil(f)
		} else {
			f = math.Floor(f)
		}
		if scaled, err = floatInt(f); err != nil {
			return nil, err
		}
	} else if !isInt(scaled) {
		return nil, failf(TypeError, "must be real number, not %s", typeName(scaled))
	}
	return r.operate(opDiv, scaled, unit)
}

// round is Python's round(v, digits).
func (r *run) round(v, digits any) (any, error) {
	if !isNumber(v) {
		return nil, failf(TypeError, "type %s doesn't define __round__ method", typeName(v))
	}
	f, isFloat := v.(float64)
	if digits == nil {
		if !isFloat {
			return plainInt(v), nil
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return floatInt(f)
		}
		return floatInt(math.RoundToEven(f))
	}
	n, err := indexInt(digits)
	if err != nil {
		return nil, err
	}
	if isFloat {
		return roundFloat(f, n)
	}
	if n >= 0 {
		return plainInt(v), nil
	}
	b, _ := asBig(v)
	if -n > int64(b.BitLen()) {
		return int64(0), nil
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(-n), nil)
	q := roundRat(new(big.Rat).SetFrac(b, unit))
	return normInt(q.Mul(q, unit)), r.hold(b.BitLen())
}

func filesizeFilter(r *run, v any, a *bound) (any, error) {
	size, err := r.toFloat(v)
	if err != nil {
		return nil, err
	}
	binary, err := r.truth(a.args[0])
	if err != nil {
		return nil, err
	}
	base, suffix := 1000.0, "B"
	if binary {
		base, suffix = 1024, "iB"
	}
	switch {
	case size == 1:
		return "1 Byte", nil
	case math.IsNaN(size) || math.IsInf(size, 1):
		return floatRepr(size) + " Y" + suffix, nil
	case size < base:
		n, err := floatInt(size)
		if err != nil {
			return nil, err
		}
		text, err := intText(n)
		return text + " Bytes", err
	}
	unit, step := big.NewInt(int64(base)), big.NewInt(int64(base))
	prefix := 'k'
	for _, prefix = range "kMGTPEZY" {
		unit.Mul(unit, step)
		if compareNumbers(size, normInt(new(big.Int).Set(unit))) < 0 {
			break
		}
	}
	if binary && prefix == 'k' {
		prefix = 'K'
	}
	whole, _ := new(big.Float).SetInt(unit).Float64()
	return strconv.FormatFloat(base*size/whole, 'f', 1, 64) + " " + string(prefix) + suffix, nil
}
