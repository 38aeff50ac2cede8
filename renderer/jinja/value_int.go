package jinja

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// maxBits bounds integers: a number of 2^20 bits has 315,653 digits.
const maxBits = 1 << 20

// normInt gives n as int64 when it fits, as every int value must be held.
func normInt(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

// asBig gives an int value (a bool is one) as *big.Int; the result is not to
// be changed.
func asBig(v any) (*big.Int, bool) {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	case bool:
		if v {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	}
	return nil, false
}

// asInt gives an int value that fits an int64.
func asInt(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func isInt(v any) bool {
	switch v.(type) {
	case int64, bool, *big.Int:
		return true
	}
	return false
}

func isNumber(v any) bool {
	_, ok := v.(float64)
	return ok || isInt(v)
}

// asFloat gives a number as float64.
func asFloat(v any) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case int64:
		return float64(v), nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(f, 0) {
			return 0, failf(OverflowError, "int too large to convert to float")
		}
		return f, nil
	}
	return 0, failf(TypeError, "must be real number, not %s", typeName(v))
}

// indexInt is what Python calls an index: an int, or a bool.
func indexInt(v any) (int64, error) {
	if n, ok := asInt(v); ok {
		return n, nil
	}
	if _, ok := v.(*big.Int); ok {
		return 0, failf(OverflowError, "Python int too large to convert to C ssize_t")
	}
	if err := check(v); err != nil {
		return 0, err
	}
	return 0, failf(TypeError, "'%s' object cannot be interpreted as an integer", typeName(v))
}

// intText is Python's str of an int.
func intText(v any) (string, error) {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case *big.Int:
		if v.BitLen() > 14290 { // more than maxDigits+1 digits for certain
			return "", digitLimit()
		}
		s := v.String()
		if len(s) > maxDigits+1 || len(s) > maxDigits && v.Sign() > 0 {
			return "", digitLimit()
		}
		return s, nil
	}
	return "", failf(TypeError, "not an int: %s", typeName(v))
}

func digitLimit() error {
	return failf(ValueError, "Exceeds the limit (%d digits) for integer string conversion", maxDigits)
}

// intOp computes with two ints, at least one of which may be big.
func (r *run) intOp(op operator, a, b any) (any, error) {
	x, xok := a.(int64)
	y, yok := b.(int64)
	if xok && yok {
		if v, ok := smallIntOp(op, x, y); ok {
			return v, nil
		}
	}
	p, _ := asBig(a)
	q, _ := asBig(b)
	size := p.BitLen() + q.BitLen()
	if err := r.hold(size/8 + 32); err != nil {
		return nil, err
	}
	if err := r.spend(size / 32); err != nil {
		return nil, err
	}
	z := new(big.Int)
	switch op {
	case opAdd:
		z.Add(p, q)
	case opSub:
		z.Sub(p, q)
	case opMul:
		if size > maxBits {
			return nil, tooBig()
		}
		z.Mul(p, q)
	case opFloorDiv, opMod:
		if q.Sign() == 0 {
			if op == opMod {
				return nil, failf(ZeroDivision, "integer modulo by zero")
			}
			return nil, failf(ZeroDivision, "integer division or modulo by zero")
		}
		quotient, modulo := floorDivMod(p, q)
		z = quotient
		if op == opMod {
			z = modulo
		}
	case opDiv:
		return bigDiv(p, q)
	case opPow:
		return r.intPow(p, q)
	}
	if z.BitLen() > maxBits {
		return nil, tooBig()
	}
	return normInt(z), nil
}

func tooBig() error {
	return failf(LimitError, "an integer of more than %d bits", maxBits)
}

// smallIntOp computes without leaving int64, if it can.
func smallIntOp(op operator, x, y int64) (any, bool) {
	switch op {
	case opAdd:
		if s := x + y; (s > x) == (y > 0) {
			return s, true
		}
	case opSub:
		if d := x - y; (d < x) == (y > 0) {
			return d, true
		}
	case opMul:
		hi, lo := bits.Mul64(absInt(x), absInt(y))
		if hi == 0 && lo <= math.MaxInt64 {
			return x * y, true
		}
	case opFloorDiv, opMod:
		if y == 0 || x == math.MinInt64 && y == -1 {
			return nil, false
		}
		q, m := x/y, x%y
		if m != 0 && (m < 0) != (y < 0) {
			q, m = q-1, m+y
		}
		if op == opMod {
			return m, true
		}
		return q, true
	case opDiv:
		const exact = 1 << 53
		if y != 0 && x > -exact && x < exact && y > -exact && y < exact {
			return float64(x) / float64(y), true
		}
	}
	return nil, false
}

func absInt(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

// floorDivMod rounds the quotient down, as Python does.
func floorDivMod(p, q *big.Int) (quotient, modulo *big.Int) {
	quotient, modulo = new(big.Int).QuoRem(p, q, new(big.Int))
	if modulo.Sign() != 0 && (modulo.Sign() < 0) != (q.Sign() < 0) {
		quotient.Sub(quotient, big.NewInt(1))
		modulo.Add(modulo, q)
	}
	return quotient, modulo
}

func bigDiv(p, q *big.Int) (any, error) {
	if q.Sign() == 0 {
		return nil, failf(ZeroDivision, "division by zero")
	}
	f := quotient(p, q)
	if math.IsInf(f, 0) {
		return nil, failf(OverflowError, "integer division result too large for a float")
	}
	return f, nil
}

// quotient is p / q rounded once. A big.Rat would spend its time on reducing
// the fraction.
func quotient(p, q *big.Int) float64 {
	const bits = 66 // more than a float and a half has
	shift := bits - p.BitLen() + q.BitLen()
	a, b := new(big.Int).Abs(p), new(big.Int).Abs(q)
	if shift > 0 {
		a.Lsh(a, uint(shift))
	} else {
		b.Lsh(b, uint(-shift))
	}
	a, rest := a.QuoRem(a, b, new(big.Int))
	if rest.Sign() != 0 {
		a.SetBit(a, 0, 1) // what was cut off decides a tie
	}
	x := new(big.Float).SetInt(a)
	if (p.Sign() < 0) != (q.Sign() < 0) {
		x.Neg(x)
	}
	f, _ := x.SetMantExp(x, -shift).Float64()
	return f
}

func (r *run) intPow(base, exp *big.Int) (any, error) {
	if exp.Sign() < 0 {
		if base.Sign() == 0 {
			return nil, failf(ZeroDivision, "0.0 cannot be raised to a negative power")
		}
		x, err := asFloat(normInt(base))
		if err != nil {
			return nil, err
		}
		y, err := asFloat(normInt(exp))
		if err != nil {
			return nil, err
		}
		return floatPow(x, y)
	}
	if base.BitLen() > 1 {
		if !exp.IsInt64() || exp.Int64() > maxBits || int64(base.BitLen()-1)*exp.Int64() > maxBits {
			return nil, tooBig()
		}
		if err := r.hold(base.BitLen() * int(exp.Int64()) / 4); err != nil {
			return nil, err
		}
		if err := r.spend(base.BitLen() * int(exp.Int64()) / 16); err != nil {
			return nil, err
		}
	} else if base.Sign() != 0 { // 1 or -1
		exp = new(big.Int).And(exp, big.NewInt(1))
	} else if exp.Sign() > 0 {
		exp = big.NewInt(1)
	}
	return normInt(new(big.Int).Exp(base, exp, nil)), nil
}
