package jinja

import (
	"strings"
	"unicode/utf8"
)

// An iterator yields values once. Its kind is the name of Python's class.
type iterator struct {
	kind  string
	next  func() (v any, ok bool, err error)
	depth int // how many iterators it draws from, one through the other
}

// maxIterators bounds generators that draw from generators.
const maxIterators = 200

// generator makes a lazy iterator that draws from another one.
func (r *run) generator(from *iterator, next func() (any, bool, error)) (*iterator, error) {
	depth := from.depth + 1
	if depth > maxIterators {
		return nil, failf(LimitError, "generators nested more than %d deep", maxIterators)
	}
	return &iterator{kind: "generator", next: next, depth: depth}, r.hold(keySize)
}

// iterate is Python's iter(). What it yields costs a step each.
func (r *run) iterate(v any) (*iterator, error) {
	switch v := v.(type) {
	case *iterator:
		return v, nil
	case *list:
		return r.indexed("list_iterator", func(i int) (any, bool) {
			if i < len(v.items) {
				return v.items[i], true
			}
			return nil, false
		}), nil
	case *tuple:
		return r.indexed("tuple_iterator", func(i int) (any, bool) {
			if i < len(v.items) {
				return v.items[i], true
			}
			return nil, false
		}), nil
	case *Dict:
		return r.dictIterator(&dictView{v, "dict_keys"}), nil
	case *dictView:
		return r.dictIterator(v), nil
	case *intRange:
		return r.indexed("range_iterator", func(i int) (any, bool) {
			if int64(i) < v.length {
				return v.start + int64(i)*v.step, true
			}
			return nil, false
		}), nil
	case byteString:
		return r.indexed("bytes_iterator", func(i int) (any, bool) {
			if i < len(v) {
				return int64(v[i]), true
			}
			return nil, false
		}), nil
	case *loopValue:
		return &iterator{kind: "LoopContext", next: func() (any, bool, error) {
			item, ok, err := v.advance()
			if !ok {
				return nil, false, err
			}
			return newTuple(item, v), true, nil
		}}, nil
	case *undefined:
		if err := checkStrict(v); err != nil {
			return nil, err
		}
		return &iterator{kind: "generator", next: func() (any, bool, error) { return nil, false, nil }}, nil
	}
	if s, ok := textOf(v); ok {
		return r.characters(v, s), nil
	}
	return nil, failf(TypeError, "'%s' object is not iterable", typeName(v))
}

func (r *run) indexed(kind string, at func(i int) (any, bool)) *iterator {
	i := 0
	return &iterator{kind: kind, next: func() (any, bool, error) {
		v, ok := at(i)
		if !ok {
			return nil, false, nil
		}
		i++
		return v, true, r.spend(1)
	}}
}

func (r *run) characters(like any, s string) *iterator {
	return &iterator{kind: "str_ascii_iterator", next: func() (any, bool, error) {
		if s == "" {
			return nil, false, nil
		}
		_, n := utf8.DecodeRuneInString(s)
		c := retype(like, s[:n])
		if _, ok := like.(markup); ok {
			c = s[:n] // iterating a Markup yields plain strings
		}
		s = s[n:]
		return c, true, r.hold(itemSize)
	}}
}

func (r *run) dictIterator(v *dictView) *iterator {
	i, size := 0, len(v.dict.entries)
	kind := strings.TrimSuffix(v.kind, "s") + "iterator" // dict_keys: dict_keyiterator
	if v.kind == "set" {
		kind = "set_iterator"
	}
	return &iterator{kind: kind, next: func() (any, bool, error) {
		if len(v.dict.entries) != size {
			return nil, false, failf(ChangedError, "dictionary changed size during iteration")
		}
		if i >= size {
			return nil, false, nil
		}
		e := v.dict.entries[i]
		i++
		return v.item(e), true, r.spend(1)
	}}
}

func (v *dictView) item(e entry) any {
	switch v.kind {
	case "dict_keys", "set":
		return e.key
	case "dict_values":
		return e.value
	}
	return newTuple(e.key, e.value)
}

// items is list(v), but gives the items of a list as they are: the caller must
// not change the slice.
func (r *run) items(v any) ([]any, error) {
	switch v := v.(type) {
	case *list:
		return v.items, r.spend(len(v.items) / 8)
	case *tuple:
		return v.items, r.spend(len(v.items) / 8)
	case *intRange:
		if err := r.hold(int(min(v.length, 1<<40)) * growSize); err != nil {
			return nil, err
		}
	}
	it, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	items := []any{}
	for {
		item, ok, err := it.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return items, nil
		}
		if err := r.hold(growSize); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
}

// copyItems is items, for callers that change the slice.
func (r *run) copyItems(v any) ([]any, error) {
	items, err := r.items(v)
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case *list, *tuple:
		if err := r.hold(len(items) * itemSize); err != nil {
			return nil, err
		}
		return append([]any{}, items...), nil
	}
	return items, nil
}

// reversed is Python's reversed(); ok is false where that is a TypeError.
func (r *run) reversed(v any) (it *iterator, ok bool) {
	var n int
	var at func(i int) any
	kind := "reversed"
	switch v := v.(type) {
	case *undefined: // the lenient one is empty
		return &iterator{kind: kind, next: func() (any, bool, error) { return nil, false, nil }}, v.lenient
	case *list:
		n, at, kind = len(v.items), func(i int) any { return v.items[i] }, "list_reverseiterator"
	case *tuple:
		n, at = len(v.items), func(i int) any { return v.items[i] }
	case *Dict:
		n, at, kind = len(v.entries), func(i int) any { return v.entries[i].key }, "dict_reversekeyiterator"
	case *dictView:
		if v.kind == "set" {
			return nil, false
		}
		n, at, kind = len(v.dict.entries), func(i int) any { return v.item(v.dict.entries[i]) }, v.kind[:len(v.kind)-1]+"_reverseiterator"
	case *intRange:
		n, at, kind = int(v.length), func(i int) any { return v.start + int64(i)*v.step }, "range_iterator"
	case byteString:
		n, at = len(v), func(i int) any { return int64(v[i]) }
	default:
		s, isText := textOf(v)
		if !isText {
			return nil, false
		}
		chars := []rune(s)
		n, at = len(chars), func(i int) any { return retype(v, string(chars[i])) }
	}
	return r.indexed(kind, func(i int) (any, bool) {
		if i >= n {
			return nil, false
		}
		return at(n - 1 - i), true
	}), true
}
