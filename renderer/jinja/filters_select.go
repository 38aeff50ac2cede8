package jinja

// Filters that apply a filter or a test to each item.

var selectFilters = []*builtin{
	def("map", func(r *run, v any, a *bound) (any, error) {
		return r.each(v, func() (func(any) (any, bool, error), error) {
			apply, err := r.mapper(a)
			return func(item any) (any, bool, error) {
				item, err := apply(item)
				return item, true, err
			}, err
		})
	}, all(), anyKeyword()),
	selectFilter("select", false, false),
	selectFilter("reject", true, false),
	selectFilter("selectattr", false, true),
	selectFilter("rejectattr", true, true),
}

// each makes a generator that passes the items of v through a function, which
// is prepared when the first item is asked for. It yields nothing for a value
// that is false.
func (r *run) each(v any, prepare func() (func(any) (any, bool, error), error)) (any, error) {
	var apply func(any) (any, bool, error)
	var it *iterator
	empty := false
	from, _ := v.(*iterator)
	if from == nil {
		from = &iterator{}
	}
	return r.generator(from, func() (any, bool, error) {
		if apply == nil && !empty {
			t, err := r.truth(v)
			if err != nil {
				return nil, false, err
			}
			empty = !t
			if t {
				if apply, err = prepare(); err != nil {
					return nil, false, err
				}
				if it, err = r.iterate(v); err != nil {
					return nil, false, err
				}
			}
		}
		if empty {
			return nil, false, nil
		}
		for {
			item, ok, err := it.next()
			if err != nil || !ok {
				return nil, false, err
			}
			if err := r.spend(1); err != nil {
				return nil, false, err
			}
			item, keep, err := apply(item)
			if err != nil {
				return nil, false, err
			}
			if keep {
				return item, true, nil
			}
		}
	})
}

// mapper is what map does to an item: look up an attribute, or filter it.
func (r *run) mapper(a *bound) (func(any) (any, error), error) {
	args := &arguments{pos: a.rest, names: a.names, named: a.named}
	if len(a.rest) == 0 {
		attribute, ok := args.takeKeyword("attribute")
		if !ok {
			return nil, failf(FilterError, "map requires a filter argument")
		}
		fallback, _ := args.takeKeyword("default")
		if len(args.names) > 0 {
			return nil, failf(FilterError, "Unexpected keyword argument %s", strRepr(args.names[0]))
		}
		return r.path(attribute, fallback, false), nil
	}
	args.pos = a.rest[1:]
	return func(item any) (any, error) { return r.callFilter(a.rest[0], item, args) }, nil
}

func selectFilter(name string, reject, attribute bool) *builtin {
	return def(name, func(r *run, v any, a *bound) (any, error) {
		return r.each(v, func() (func(any) (any, bool, error), error) {
			test, err := r.selector(a, attribute)
			return func(item any) (any, bool, error) {
				t, err := test(item)
				return item, t != reject, err
			}, err
		})
	}, all(), anyKeyword())
}

// selector is what select asks of an item, or of an attribute of it.
func (r *run) selector(a *bound, attribute bool) (func(any) (bool, error), error) {
	rest := a.rest
	get := func(v any) (any, error) { return v, nil }
	if attribute {
		if len(rest) == 0 {
			return nil, failf(FilterError, "Missing parameter for attribute name")
		}
		get, rest = r.path(rest[0], nil, false), rest[1:]
	}
	test := r.truth
	if len(rest) > 0 {
		args := &arguments{pos: rest[1:], names: a.names, named: a.named}
		test = func(v any) (bool, error) { return r.callTest(rest[0], v, args) }
	}
	return func(item any) (bool, error) {
		v, err := get(item)
		if err != nil {
			return false, err
		}
		return test(v)
	}, nil
}
