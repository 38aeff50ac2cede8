package jinja

// Sets come only from subtracting keys and items of dicts. A set is held as
// the keys of a dict, in the order in which they were found.

// isView says whether v is keys or items, which - turns into sets.
func isView(v any) bool {
	view, ok := v.(*dictView)
	return ok && view.kind != "dict_values"
}

// difference is a - b where one of them is keys, items or a set.
func (r *run) difference(a, b any) (any, error) {
	_, aView := a.(*dictView)
	_, bView := b.(*dictView)
	if typeName(a) == "set" && !bView || typeName(b) == "set" && !aView {
		return nil, badOperands(opSub, a, b)
	}
	from, err := r.setOf(a)
	if err != nil {
		return nil, err
	}
	less, err := r.setOf(b)
	if err != nil {
		return nil, err
	}
	out := NewDict()
	for _, e := range from.entries {
		if less.find(e.hash) < 0 {
			out.put(e.hash, e.key, nil)
		}
	}
	return &dictView{out, "set"}, nil
}

func (r *run) setOf(v any) (*Dict, error) {
	it, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	d := NewDict()
	for {
		item, ok, err := it.next()
		if err != nil || !ok {
			return d, err
		}
		if err := r.setItem(d, item, nil); err != nil {
			return nil, err
		}
	}
}
