package jinja

import (
	"math"
	"math/big"
)

func (e *binaryExpr) eval(r *run) (any, error) {
	a, err := e.left.eval(r)
	if err != nil {
		return nil, err
	}
	b, err := e.right.eval(r)
	if err != nil {
		return nil, err
	}
	if err := r.spend(1); err != nil {
		return nil, failed(err, &e.node)
	}
	negated := e.outerSign && isNegative(a)
	if negated {
		if a, err = r.sign(a, true); err != nil {
			return nil, failed(err, &e.node)
		}
	}
	v, err := r.operate(e.op, a, b)
	if err == nil && negated {
		v, err = r.sign(v, true)
	}
	if err != nil {
		return nil, failed(err, &e.node)
	}
	return v, nil
}

func isNegative(v any) bool {
	switch v := v.(type) {
	case int64:
		return v < 0
	case float64:
		return math.Signbit(v) && !math.IsNaN(v)
	case *big.Int:
		return v.Sign() < 0
	}
	return false
}

// operate is a arithmetic operator of Python.
func (r *run) operate(op operator, a, b any) (any, error) {
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			if v, ok := smallIntOp(op, x, y); ok {
				return v, nil
			}
		}
	}
	if u, ok := a.(*undefined); ok {
		return nil, undefinedError(u)
	}
	if op == opMod {
		if s, ok := textOf(a); ok {
			return r.formatPercent(a, s, b)
		}
	}
	if u, ok := b.(*undefined); ok {
		return nil, undefinedError(u)
	}
	if isInt(a) && isInt(b) {
		return r.intOp(op, a, b)
	}
	if isNumber(a) && isNumber(b) {
		x, err := asFloat(a)
		if err != nil {
			return nil, err
		}
		y, err := asFloat(b)
		if err != nil {
			return nil, err
		}
		return floatOp(op, x, y)
	}
	switch op {
	case opSub:
		if isView(a) || isView(b) {
			return r.difference(a, b)
		}
	case opAdd:
		return r.join(a, b)
	case opMul:
		if isInt(b) {
			return r.repeat(a, b)
		}
		if isInt(a) {
			return r.repeat(b, a)
		}
		if isSequence(a) {
			return nil, failf(TypeError, "can't multiply sequence by non-int of type '%s'", typeName(b))
		}
		if isSequence(b) {
			return nil, failf(TypeError, "can't multiply sequence by non-int of type '%s'", typeName(a))
		}
	}
	return nil, badOperands(op, a, b)
}

func badOperands(op operator, a, b any) error {
	return failf(TypeError, "unsupported operand type(s) for %s: '%s' and '%s'", operatorText[op], typeName(a), typeName(b))
}

func isSequence(v any) bool {
	switch v.(type) {
	case string, markup, Block, byteString, *list, *tuple:
		return true
	}
	return false
}

// join is + of two sequences.
func (r *run) join(a, b any) (any, error) {
	s, aText := textOf(a)
	t, bText := textOf(b)
	if aText && bText {
		_, aMarkup := a.(markup)
		_, bMarkup := b.(markup)
		if err := r.hold(len(s) + len(t)); err != nil {
			return nil, err
		}
		switch {
		case aMarkup && !bMarkup:
			t = escapeHTML(t)
		case bMarkup && !aMarkup:
			s = escapeHTML(s)
		}
		if aMarkup || bMarkup {
			return markup(s + t), r.hold(len(s) + len(t))
		}
		return s + t, nil
	}
	switch a := a.(type) {
	case *list:
		if c, ok := b.(*list); ok {
			items, err := r.joinItems(a.items, c.items)
			return newList(items), err
		}
		return nil, failf(TypeError, "can only concatenate list (not \"%s\") to list", typeName(b))
	case *tuple:
		if c, ok := b.(*tuple); ok {
			items, err := r.joinItems(a.items, c.items)
			return newTuple(items...), err
		}
		return nil, failf(TypeError, "can only concatenate tuple (not \"%s\") to tuple", typeName(b))
	case byteString:
		if c, ok := b.(byteString); ok {
			return a + c, r.hold(len(a) + len(c))
		}
	}
	if aText {
		return nil, failf(TypeError, "can only concatenate str (not \"%s\") to str", typeName(b))
	}
	return nil, badOperands(opAdd, a, b)
}

func (r *run) joinItems(a, b []any) ([]any, error) {
	if err := r.hold((len(a) + len(b)) * itemSize); err != nil {
		return nil, err
	}
	return append(append(make([]any, 0, len(a)+len(b)), a...), b...), nil
}

// repeat is * of a sequence and an int.
func (r *run) repeat(v, times any) (any, error) {
	n, err := indexInt(times)
	if err != nil {
		return nil, err
	}
	n = max(n, 0)
	size := func(unit int) error {
		if unit > 0 && n > int64(r.memory/unit)+1 {
			return r.hold(-1)
		}
		return r.hold(unit * int(n))
	}
	switch v := v.(type) {
	case *list:
		if err := size(len(v.items) * itemSize); err != nil {
			return nil, err
		}
		return newList(repeatItems(v.items, int(n))), nil
	case *tuple:
		if err := size(len(v.items) * itemSize); err != nil {
			return nil, err
		}
		return newTuple(repeatItems(v.items, int(n))...), nil
	case byteString:
		if err := size(len(v)); err != nil {
			return nil, err
		}
		return byteString(repeatText(string(v), int(n))), nil
	}
	s, ok := textOf(v)
	if !ok {
		return nil, badOperands(opMul, v, times)
	}
	if err := size(len(s)); err != nil {
		return nil, err
	}
	return retype(v, repeatText(s, int(n))), nil
}

func repeatItems(items []any, n int) []any {
	if len(items) == 0 {
		return nil
	}
	out := make([]any, 0, len(items)*n)
	for range n {
		out = append(out, items...)
	}
	return out
}

func repeatText(s string, n int) string {
	if s == "" || n == 0 {
		return ""
	}
	out := make([]byte, 0, len(s)*n)
	for range n {
		out = append(out, s...)
	}
	return string(out)
}

func (e *unaryExpr) eval(r *run) (any, error) {
	v, err := e.operand.eval(r)
	if err != nil {
		return nil, err
	}
	v, err = r.sign(v, e.negative)
	if err != nil {
		return nil, failed(err, &e.node)
	}
	return v, r.spend(1)
}

func (r *run) sign(v any, negative bool) (any, error) {
	if err := r.touch(v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case int64, bool, *big.Int:
		n, _ := asBig(v)
		if negative {
			n = new(big.Int).Neg(n)
		}
		return normInt(n), nil
	case float64:
		if negative {
			return -v, nil
		}
		return v, nil
	case *undefined:
		return nil, undefinedError(v)
	}
	op := "+"
	if negative {
		op = "-"
	}
	return nil, failf(TypeError, "bad operand type for unary %s: '%s'", op, typeName(v))
}

func (e *notExpr) eval(r *run) (any, error) {
	t, err := r.test(e.operand)
	if err != nil {
		return nil, err
	}
	return !t, nil
}

// test evaluates an expression for its truth.
func (r *run) test(e expr) (bool, error) {
	v, err := e.eval(r)
	if err != nil {
		return false, err
	}
	if b, ok := v.(bool); ok {
		return b, r.spend(1)
	}
	t, err := r.truth(v)
	if err != nil {
		return false, failed(err, e.at())
	}
	return t, r.spend(1)
}

func (e *logicExpr) eval(r *run) (any, error) {
	v, err := e.left.eval(r)
	if err != nil {
		return nil, err
	}
	t, err := r.truth(v)
	if err != nil {
		return nil, failed(err, e.left.at())
	}
	if t == e.or {
		return v, r.spend(1)
	}
	return e.right.eval(r)
}

func (e *condExpr) eval(r *run) (any, error) {
	t, err := r.test(e.test)
	if err != nil {
		return nil, err
	}
	if t {
		return e.then.eval(r)
	}
	if e.otherwise != nil {
		return e.otherwise.eval(r)
	}
	return &undefined{lenient: true, node: e,
		hint: "the inline if-expression evaluated to false and no else section was defined."}, nil
}

func (e *compareExpr) eval(r *run) (any, error) {
	a, err := e.left.eval(r)
	if err != nil {
		return nil, err
	}
	for i := range e.ops {
		op := &e.ops[i]
		b, err := op.right.eval(r)
		if err != nil {
			return nil, err
		}
		if err := r.spend(1); err != nil {
			return nil, failed(err, &e.node)
		}
		ok, err := r.compare(op.op, a, b)
		if err != nil {
			return nil, failed(err, &e.node)
		}
		if !ok {
			return false, nil
		}
		a = b
	}
	return true, nil
}

func (r *run) compare(op string, a, b any) (bool, error) {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		same, err := r.equal(a, b)
		return !same, err
	case "in":
		return r.contains(b, a)
	case "not in":
		in, err := r.contains(b, a)
		return !in, err
	}
	return r.less(op, a, b)
}
