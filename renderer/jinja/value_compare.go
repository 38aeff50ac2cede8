package jinja

import (
	"cmp"
	"math"
	"math/big"
	"strings"
)

// equal is Python's ==.
func (r *run) equal(a, b any) (bool, error) {
	if u, ok := a.(*undefined); ok {
		return r.equalUndefined(u, b)
	}
	if u, ok := b.(*undefined); ok {
		return r.equalUndefined(u, a)
	}
	if s, ok := textOf(a); ok {
		t, ok := textOf(b)
		return ok && s == t, r.spend(min(len(s), len(t)) >> 7)
	}
	if isNumber(a) {
		if !isNumber(b) {
			return false, nil
		}
		if err := r.touch(a); err != nil {
			return false, err
		}
		return compareNumbers(a, b) == 0, r.touch(b)
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case byteString:
		c, ok := b.(byteString)
		return ok && a == c, nil
	case *list:
		c, ok := b.(*list)
		if !ok {
			return false, nil
		}
		return r.equalItems(a.items, c.items)
	case *tuple:
		c, ok := b.(*tuple)
		if !ok {
			return false, nil
		}
		return r.equalItems(a.items, c.items)
	case *Dict:
		c, ok := b.(*Dict)
		if !ok {
			return false, nil
		}
		return r.equalDicts(a, c)
	case *dictView:
		c, ok := b.(*dictView)
		if !ok || a.kind == "dict_values" || c.kind == "dict_values" {
			return a == b, nil
		}
		if len(a.dict.entries) != len(c.dict.entries) {
			return false, nil
		}
		return r.subset("<=", a, c)
	case *intRange:
		c, ok := b.(*intRange)
		return ok && a.length == c.length && (a.length == 0 || a.start == c.start && (a.length == 1 || a.step == c.step)), nil
	}
	return sameObject(a, b), nil
}

func (r *run) equalUndefined(u *undefined, other any) (bool, error) {
	if !u.lenient {
		return false, undefinedError(u)
	}
	o, ok := other.(*undefined)
	if ok && !o.lenient {
		return false, undefinedError(o)
	}
	return ok, nil
}

// sameObject is Python's is, for what is held by pointer.
func sameObject(a, b any) bool {
	switch a.(type) {
	case intRange, byteString:
		return false
	}
	return a == b
}

func (r *run) equalItems(a, b []any) (bool, error) {
	if len(a) != len(b) {
		return false, nil
	}
	if err := r.deeper(); err != nil {
		return false, err
	}
	defer func() { r.nesting-- }()
	for i := range a {
		same, err := r.equalItem(a[i], b[i])
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// equalItem is == as containers use it: the same object is equal to itself.
func (r *run) equalItem(a, b any) (bool, error) {
	if err := r.spend(1); err != nil {
		return false, err
	}
	switch a := a.(type) {
	case *list, *tuple, *Dict, *undefined:
		if a == b {
			return true, nil
		}
	}
	return r.equal(a, b)
}

func (r *run) equalDicts(a, b *Dict) (bool, error) {
	if len(a.entries) != len(b.entries) {
		return false, nil
	}
	if err := r.deeper(); err != nil {
		return false, err
	}
	defer func() { r.nesting-- }()
	for _, e := range a.entries {
		i := b.find(e.hash)
		if i < 0 {
			return false, nil
		}
		same, err := r.equalItem(e.value, b.entries[i].value)
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// compareNumbers orders two numbers exactly; unordered is 2.
func compareNumbers(a, b any) int {
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	x, xFloat := a.(float64)
	y, yFloat := b.(float64)
	switch {
	case xFloat && yFloat:
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		case x == y:
			return 0
		}
		return unordered
	case xFloat:
		return -compareIntFloat(b, x)
	case yFloat:
		return compareIntFloat(a, y)
	}
	p, _ := asBig(a)
	q, _ := asBig(b)
	return p.Cmp(q)
}

// unordered is the comparison with a NaN.
const unordered = 2

func compareIntFloat(n any, f float64) int {
	switch {
	case math.IsNaN(f):
		return unordered
	case math.IsInf(f, 1):
		return -1
	case math.IsInf(f, -1):
		return 1
	}
	p, _ := asBig(n)
	return new(big.Float).SetPrec(uint(max(p.BitLen(), 64))).SetInt(p).Cmp(big.NewFloat(f))
}

// less compares with one of <, <=, > and >=.
func (r *run) less(op string, a, b any) (bool, error) {
	if err := check(a); err != nil {
		return false, err
	}
	if err := check(b); err != nil {
		return false, err
	}
	if isNumber(a) && isNumber(b) {
		if err := r.touch(a); err != nil {
			return false, err
		}
		return ordered(op, compareNumbers(a, b)), r.touch(b)
	}
	if s, ok := textOf(a); ok {
		if t, ok := textOf(b); ok {
			return ordered(op, strings.Compare(s, t)), r.spend(min(len(s), len(t)) >> 7)
		}
	}
	switch a := a.(type) {
	case *list:
		if c, ok := b.(*list); ok {
			return r.lessItems(op, a.items, c.items)
		}
	case *tuple:
		if c, ok := b.(*tuple); ok {
			return r.lessItems(op, a.items, c.items)
		}
	case byteString:
		if c, ok := b.(byteString); ok {
			return ordered(op, strings.Compare(string(a), string(c))), nil
		}
	case *dictView:
		if c, ok := b.(*dictView); ok && a.kind != "dict_values" && c.kind != "dict_values" {
			return r.subset(op, a, c)
		}
	}
	return false, failf(TypeError, "'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
}

func ordered(op string, c int) bool {
	if c == unordered || c == -unordered {
		return false
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

func (r *run) lessItems(op string, a, b []any) (bool, error) {
	if err := r.deeper(); err != nil {
		return false, err
	}
	defer func() { r.nesting-- }()
	for i := range min(len(a), len(b)) {
		same, err := r.equalItem(a[i], b[i])
		if err != nil {
			return false, err
		}
		if !same {
			return r.less(op, a[i], b[i])
		}
	}
	return ordered(op, cmp.Compare(len(a), len(b))), nil
}

// subset compares keys or items of dicts as the sets they are.
func (r *run) subset(op string, a, b *dictView) (bool, error) {
	if op == ">" || op == ">=" {
		a, b, op = b, a, strings.Replace(op, ">", "<", 1)
	}
	if len(a.dict.entries) > len(b.dict.entries) || op == "<" && len(a.dict.entries) == len(b.dict.entries) {
		return false, nil
	}
	for _, e := range a.dict.entries {
		in, err := r.contains(b, a.item(e))
		if err != nil || !in {
			return false, err
		}
	}
	return true, nil
}

// contains is Python's in.
func (r *run) contains(in, v any) (bool, error) {
	if s, ok := textOf(in); ok {
		sub, ok := textOf(v)
		if !ok {
			if err := check(v); err != nil {
				if u, isUndefined := v.(*undefined); !isUndefined || !u.lenient {
					return false, err
				}
			}
			return false, failf(TypeError, "'in <string>' requires string as left operand, not %s", typeName(v))
		}
		return strings.Contains(s, sub), r.spend(len(s) >> 6)
	}
	switch in := in.(type) {
	case *list:
		return r.containsItem(in.items, v)
	case *tuple:
		return r.containsItem(in.items, v)
	case *Dict:
		return r.hasKey(in, v)
	case *dictView:
		return r.viewContains(in, v)
	case *intRange:
		if isInt(v) {
			n, ok := asInt(v)
			return ok && in.index(n) >= 0, nil
		}
	case byteString:
		if b, ok := v.(byteString); ok {
			return strings.Contains(string(in), string(b)), nil
		}
		if n, ok := asInt(v); ok && n >= 0 && n < 256 {
			return strings.IndexByte(string(in), byte(n)) >= 0, nil
		}
		return false, failf(TypeError, "a bytes-like object is required, not '%s'", typeName(v))
	case *undefined:
		if err := checkStrict(in); err != nil {
			return false, err
		}
		return false, nil
	}
	it, err := r.iterate(in)
	if err != nil {
		return false, failf(TypeError, "argument of type '%s' is not iterable", typeName(in))
	}
	for {
		item, ok, err := it.next()
		if err != nil || !ok {
			return false, err
		}
		if same, err := r.equalItem(item, v); err != nil || same {
			return same, err
		}
	}
}

func (r *run) containsItem(items []any, v any) (bool, error) {
	for _, item := range items {
		if same, err := r.equalItem(item, v); err != nil || same {
			return same, err
		}
	}
	return false, nil
}

func (r *run) hasKey(d *Dict, key any) (bool, error) {
	hash, err := r.hashKey(key)
	if err != nil {
		return false, err
	}
	return d.find(hash) >= 0, nil
}

func (r *run) viewContains(view *dictView, v any) (bool, error) {
	switch view.kind {
	case "dict_keys", "set":
		return r.hasKey(view.dict, v)
	case "dict_items":
		t, ok := v.(*tuple)
		if !ok || len(t.items) != 2 {
			return false, nil
		}
		hash, err := r.hashKey(t.items[0])
		if err != nil {
			return false, err
		}
		i := view.dict.find(hash)
		if i < 0 {
			return false, nil
		}
		return r.equalItem(view.dict.entries[i].value, t.items[1])
	}
	for _, e := range view.dict.entries {
		if same, err := r.equalItem(e.value, v); err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// index is the position of n in the range, -1 when it is not there.
func (v *intRange) index(n int64) int64 {
	d := n - v.start
	if v.length == 0 || d%v.step != 0 {
		return -1
	}
	if i := d / v.step; i >= 0 && i < v.length {
		return i
	}
	return -1
}
