package jinja

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// numberProperty is an attribute of a number that is no method.
func numberProperty(v any, name string) (any, bool) {
	f, isFloat := v.(float64)
	if !isFloat && !isInt(v) {
		return nil, false
	}
	switch name {
	case "real":
		if isFloat {
			return f, true
		}
		return plainInt(v), true
	case "imag":
		if isFloat {
			return 0.0, true
		}
		return int64(0), true
	case "numerator":
		return plainInt(v), !isFloat
	case "denominator":
		return int64(1), !isFloat
	}
	return nil, false
}

// plainInt turns a bool into the int it is.
func plainInt(v any) any {
	if b, ok := v.(bool); ok {
		n, _ := asInt(b)
		return n
	}
	return v
}

var intMethods = []*builtin{
	def("bit_length", func(_ *run, self any, _ *bound) (any, error) {
		n, _ := asBig(self)
		return int64(n.BitLen()), nil
	}),
	def("bit_count", func(_ *run, self any, _ *bound) (any, error) {
		n, _ := asBig(self)
		count := 0
		for _, w := range n.Bits() {
			count += bits.OnesCount(uint(w))
		}
		return int64(count), nil
	}),
	def("conjugate", func(_ *run, self any, _ *bound) (any, error) { return plainInt(self), nil }),
	def("as_integer_ratio", func(_ *run, self any, _ *bound) (any, error) {
		return newTuple(plainInt(self), int64(1)), nil
	}),
	def("to_bytes", func(r *run, self any, a *bound) (any, error) {
		n, _ := asBig(self)
		length, err := a.int(0)
		if err != nil {
			return nil, err
		}
		order, err := a.text(1)
		if err != nil {
			return nil, err
		}
		if n.Sign() < 0 {
			return nil, failf(OverflowError, "can't convert negative int to unsigned")
		}
		if length < 0 || n.BitLen() > 8*length {
			return nil, failf(OverflowError, "int too big to convert")
		}
		if err := r.hold(length); err != nil {
			return nil, err
		}
		b := n.FillBytes(make([]byte, length))
		if order == "little" {
			for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
				b[i], b[j] = b[j], b[i]
			}
		}
		return byteString(b), nil
	}, opt("length", int64(1)), opt("byteorder", "big"), opt("signed", false)),
}

var floatMethods = []*builtin{
	def("is_integer", func(_ *run, self any, _ *bound) (any, error) {
		f := self.(float64)
		return f == math.Trunc(f) && !math.IsInf(f, 0), nil
	}),
	def("conjugate", func(_ *run, self any, _ *bound) (any, error) { return self, nil }),
	def("as_integer_ratio", func(_ *run, self any, _ *bound) (any, error) {
		f := self.(float64)
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, failf(ValueError, "cannot convert %s to integer ratio", floatRepr(f))
		}
		x := new(big.Rat)
		x.SetFloat64(f)
		return newTuple(normInt(x.Num()), normInt(x.Denom())), nil
	}),
	def("hex", func(_ *run, self any, _ *bound) (any, error) { return floatHex(self.(float64)), nil }),
}

// floatHex is Python's float.hex: 1.5 is 0x1.8000000000000p+0.
func floatHex(f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return floatRepr(f)
	}
	sign := ""
	if math.Signbit(f) {
		sign, f = "-", -f
	}
	if f == 0 {
		return sign + "0x0.0p+0"
	}
	b := math.Float64bits(f)
	exp, lead := int(b>>52)-1023, "1"
	if exp == -1023 {
		exp, lead = -1022, "0"
	}
	digits := strconv.FormatUint(b&(1<<52-1), 16)
	digits = strings.Repeat("0", 13-len(digits)) + digits
	mark := "+"
	if exp < 0 {
		mark = ""
	}
	return sign + "0x" + lead + "." + digits + "p" + mark + strconv.Itoa(exp)
}

var bytesMethods = []*builtin{
	def("decode", func(r *run, self any, a *bound) (any, error) {
		b := string(self.(byteString))
		encoding, err := a.text(0)
		if err != nil {
			return nil, err
		}
		switch strings.ReplaceAll(strings.ToLower(encoding), "_", "-") {
		case "utf-8", "utf8", "ascii":
			return strings.ToValidUTF8(b, "\ufffd"), r.hold(len(b))
		case "latin-1", "latin1", "iso-8859-1":
			var out strings.Builder
			for i := range len(b) {
				out.WriteRune(rune(b[i]))
			}
			return out.String(), r.hold(2 * len(b))
		}
		return nil, failf(ValueError, "unknown encoding: %s", encoding)
	}, opt("encoding", "utf-8"), opt("errors", "strict")),
	def("hex", func(r *run, self any, _ *bound) (any, error) {
		b := self.(byteString)
		if err := r.hold(2 * len(b)); err != nil {
			return nil, err
		}
		const digits = "0123456789abcdef"
		out := make([]byte, 0, 2*len(b))
		for i := range len(b) {
			out = append(out, digits[b[i]>>4], digits[b[i]&15])
		}
		return string(out), nil
	}),
}
