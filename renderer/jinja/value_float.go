package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// floatRepr is Python's repr of a float: the shortest digits that read back to
// the same number, in exponent form below 1e-4 and from 1e16 on.
func floatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// floatOp computes with two numbers of which at least one is a float.
func floatOp(op operator, x, y float64) (any, error) {
	switch op {
	case opAdd:
		return x + y, nil
	case opSub:
		return x - y, nil
	case opMul:
		return x * y, nil
	case opPow:
		return floatPow(x, y)
	}
	if y == 0 {
		return nil, failf(ZeroDivision, "%s", map[operator]string{
			opDiv: "float division by zero", opFloorDiv: "float floor division by zero", opMod: "float modulo",
		}[op])
	}
	switch op {
	case opDiv:
		return x / y, nil
	case opMod:
		_, m := floatDivMod(x, y)
		return m, nil
	default:
		q, _ := floatDivMod(x, y)
		return q, nil
	}
}

// floatDivMod is Python's divmod: the remainder has the sign of the divisor.
func floatDivMod(x, y float64) (q, m float64) {
	m = math.Mod(x, y)
	div := (x - m) / y
	if m != 0 {
		if (y < 0) != (m < 0) {
			m += y
			div--
		}
	} else {
		m = math.Copysign(0, y)
	}
	if div == 0 {
		return math.Copysign(0, x/y), m
	}
	q = math.Floor(div)
	if div-q > 0.5 {
		q++
	}
	return q, m
}

func floatPow(x, y float64) (any, error) {
	if x == 0 && y < 0 {
		return nil, failf(ZeroDivision, "0.0 cannot be raised to a negative power")
	}
	if x < 0 && y != math.Floor(y) && !math.IsInf(x, 0) && !math.IsNaN(y) {
		return nil, failf(ValueError, "a negative number to a fractional power is complex, which templates cannot hold")
	}
	f := pow(x, y)
	if math.IsInf(f, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return nil, failf(OverflowError, "(34, 'Numerical result out of range')")
	}
	return f, nil
}

// floatInt is int(f): the fraction is cut off.
func floatInt(f float64) (any, error) {
	if math.IsNaN(f) {
		return nil, failf(ValueError, "cannot convert float NaN to integer")
	}
	if math.IsInf(f, 0) {
		return nil, failf(OverflowError, "cannot convert float infinity to integer")
	}
	n, _ := big.NewFloat(f).Int(nil)
	return normInt(n), nil
}

// roundFloat rounds half to even at a number of decimals, exactly as Python
// does by way of the decimal text of the number.
func roundFloat(f float64, digits int64) (float64, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return f, nil
	}
	switch {
	case digits > 323:
		return f, nil
	case digits < -308:
		return math.Copysign(0, f), nil
	case digits >= 0:
		return strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(digits), 64), 64)
	}
	exact, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64))
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(-digits), nil)
	n := roundRat(new(big.Rat).Quo(exact, new(big.Rat).SetInt(unit)))
	out, _ := new(big.Rat).SetInt(n.Mul(n, unit)).Float64()
	if math.IsInf(out, 0) {
		return 0, failf(OverflowError, "rounded value too large to represent")
	}
	if out == 0 {
		return math.Copysign(0, f), nil
	}
	return out, nil
}

// roundRat rounds to the nearest integer, half to even.
func roundRat(x *big.Rat) *big.Int {
	twice := new(big.Int).Lsh(x.Num(), 1)
	twice.Add(twice, x.Denom())
	den := new(big.Int).Lsh(x.Denom(), 1)
	n, rest := floorDivMod(twice, den) // floor(x + 1/2)
	if rest.Sign() == 0 && n.Bit(0) == 1 {
		n.Sub(n, big.NewInt(1))
	}
	return n
}
