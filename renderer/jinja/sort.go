package jinja

import "slices"

// sortBy is Python's sorted(): stable, by the key of each item.
func (r *run) sortBy(items []any, key func(any) (any, error), reverse bool) ([]any, error) {
	if err := r.hold(4 * len(items) * itemSize); err != nil {
		return nil, err
	}
	type keyed struct{ key, item any }
	list := make([]keyed, len(items))
	for i, item := range items {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		list[i] = keyed{k, item}
	}
	var failure error
	less := func(a, b any) bool {
		if failure != nil {
			return false
		}
		is, err := r.less("<", a, b)
		if err == nil {
			err = r.spend(1)
		}
		failure = err
		return is
	}
	slices.SortStableFunc(list, func(a, b keyed) int {
		if reverse {
			a, b = b, a
		}
		switch {
		case less(a.key, b.key):
			return -1
		case less(b.key, a.key):
			return 1
		}
		return 0
	})
	if failure != nil {
		return nil, failure
	}
	out := make([]any, len(list))
	for i, k := range list {
		out[i] = k.item
	}
	return out, nil
}

// path makes a function that follows an attribute such as "a.b.0", with the
// rules of subscripts. A missing value is replaced by fallback, unless that
// is None.
func (r *run) path(attribute, fallback any, lower bool) func(any) (any, error) {
	parts := pathParts(attribute)
	return func(v any) (any, error) {
		for _, p := range parts {
			var err error
			if err = r.spend(1); err != nil {
				return nil, err
			}
			if v, err = r.item(v, p, nil); err != nil {
				return nil, err
			}
			if _, missing := v.(*undefined); missing && fallback != nil {
				v = fallback
			}
		}
		if lower {
			return r.ignoreCase(v)
		}
		return v, nil
	}
}

func pathParts(attribute any) []any {
	if attribute == nil {
		return nil
	}
	s, ok := textOf(attribute)
	if !ok {
		return []any{attribute}
	}
	var parts []any
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			continue
		}
		part := any(s[start:i])
		if everyChar(s[start:i], isDigit) {
			if n, err := parseInt(s[start:i], 10); err == nil {
				part = n
			}
		}
		parts = append(parts, part)
		start = i + 1
	}
	return parts
}

// ignoreCase lowers texts so that sorting does not tell cases apart.
func (r *run) ignoreCase(v any) (any, error) {
	if s, ok := textOf(v); ok {
		return retype(v, toLower(s)), r.hold(2 * len(s))
	}
	return v, nil
}
