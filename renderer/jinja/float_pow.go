package jinja

import (
	"math"
	"math/big"
)

// powPrecision is the number of bits pow computes with, far more than the 53
// of its result, so that the result is rounded once, as in the C library.
const powPrecision = 256

// pow is x to the y. Go's own is off by a bit now and then, which would show
// in all the digits Python prints.
func pow(x, y float64) float64 {
	approx := math.Pow(x, y)
	if isSpecial(x) || isSpecial(y) || isSpecial(approx) || math.Abs(approx) < 1e-300 {
		return approx
	}
	exact := newFloat(0).Mul(newFloat(y), logarithm(math.Abs(x)))
	f, _ := exponential(exact).Float64()
	if approx < 0 {
		f = -f
	}
	return f
}

// isSpecial says whether a float is no number there is a logarithm of.
func isSpecial(f float64) bool { return f == 0 || math.IsInf(f, 0) || math.IsNaN(f) }

func newFloat(f float64) *big.Float { return new(big.Float).SetPrec(powPrecision).SetFloat64(f) }

// logarithm is ln x for x > 0: of x = m 2^e it is ln m + e ln 2.
func logarithm(x float64) *big.Float {
	m, e := math.Frexp(x)
	out := newFloat(float64(e))
	out.Mul(out, logSeries(newFloat(2)))
	return out.Add(out, logSeries(newFloat(m)))
}

// logSeries is ln m for m between 1/2 and 2, as 2 atanh((m-1)/(m+1)).
func logSeries(m *big.Float) *big.Float {
	one := newFloat(1)
	z := newFloat(0).Quo(newFloat(0).Sub(m, one), newFloat(0).Add(m, one))
	square := newFloat(0).Mul(z, z)
	sum, power := newFloat(0), newFloat(0).Set(z)
	for k := 1; k < 2*powPrecision/3; k += 2 {
		sum.Add(sum, newFloat(0).Quo(power, newFloat(float64(k))))
		power.Mul(power, square)
	}
	return sum.Add(sum, sum)
}

// exponential is e to the t: t is brought near zero by taking multiples of
// ln 2 off, and halving.
func exponential(t *big.Float) *big.Float {
	const halvings = 16
	ln2 := logSeries(newFloat(2))
	ratio, _ := newFloat(0).Quo(t, ln2).Float64()
	n := math.Round(ratio)
	rest := newFloat(0).Sub(t, newFloat(0).Mul(newFloat(n), ln2))
	rest.SetMantExp(rest, -halvings)
	sum, term := newFloat(1), newFloat(1)
	for k := 1; k < 20; k++ {
		term.Mul(term, rest)
		term.Quo(term, newFloat(float64(k)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum.SetMantExp(sum, int(n))
}
