package jinja

var listFilters = []*builtin{
	def("list", func(r *run, v any, _ *bound) (any, error) {
		items, err := r.copyItems(v)
		if err != nil {
			return nil, err
		}
		return newList(items), nil
	}),
	def("first", func(r *run, v any, _ *bound) (any, error) {
		it, err := r.iterate(v)
		if err != nil {
			return nil, err
		}
		item, ok, err := it.next()
		if err == nil && !ok {
			item = &undefined{hint: "No first item, sequence was empty."}
		}
		return item, err
	}),
	def("last", func(r *run, v any, _ *bound) (any, error) {
		if err := checkStrict(v); err != nil {
			return nil, err
		}
		it, ok := r.reversed(v)
		if !ok {
			return nil, failf(TypeError, "'%s' object is not reversible", typeName(v))
		}
		item, ok, err := it.next()
		if err == nil && !ok {
			item = &undefined{hint: "No last item, sequence was empty."}
		}
		return item, err
	}),
	def("random", func(r *run, v any, _ *bound) (any, error) {
		if err := check(v); err != nil {
			return nil, err
		}
		n, err := r.length(v)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return &undefined{hint: "No random item, sequence was empty."}, nil
		}
		i := int64(r.random(n))
		item, ok, err := r.index(v, i)
		if err == nil && !ok {
			err = failf(TypeError, "'%s' object is not subscriptable", typeName(v))
		}
		return item, err
	}),
	def("reverse", func(r *run, v any, _ *bound) (any, error) {
		if s, ok := textOf(v); ok {
			text, err := r.sliceText(s, &sliceValue{step: int64(-1)})
			return retype(v, text), err
		}
		if it, ok := r.reversed(v); ok {
			return it, nil
		}
		items, err := r.copyItems(v)
		if err != nil {
			if isKind(err, TypeError) {
				return nil, failf(FilterError, "argument must be iterable")
			}
			return nil, err
		}
		for i, j := 0, len(items)-1; i < j; i, j = i+1, j-1 {
			items[i], items[j] = items[j], items[i]
		}
		return newList(items), nil
	}),
	def("join", joinFilter, opt("d", ""), opt("attribute", nil)),
	def("sum", sumFilter, opt("attribute", nil), opt("start", int64(0))),
	def("min", func(r *run, v any, a *bound) (any, error) { return r.extreme(v, a, "<") },
		opt("case_sensitive", false), opt("attribute", nil)),
	def("max", func(r *run, v any, a *bound) (any, error) { return r.extreme(v, a, ">") },
		opt("case_sensitive", false), opt("attribute", nil)),
	def("sort", sortFilter, opt("reverse", false), opt("case_sensitive", false), opt("attribute", nil)),
	def("dictsort", dictsortFilter, opt("case_sensitive", false), opt("by", "key"), opt("reverse", false)),
	def("groupby", groupbyFilter, need("attribute"), opt("default", nil), opt("case_sensitive", false)),
	def("unique", uniqueFilter, opt("case_sensitive", false), opt("attribute", nil)),
	def("batch", batchFilter, need("linecount"), opt("fill_with", nil)),
	def("slice", sliceFilter, need("slices"), opt("fill_with", nil)),
}

func joinFilter(r *run, v any, a *bound) (any, error) {
	items, err := r.items(v)
	if err != nil {
		return nil, err
	}
	get := func(v any) (any, error) { return v, nil }
	if a.args[1] != nil {
		get = r.path(a.args[1], nil, false)
	}
	if err := r.hold(2 * len(items) * itemSize); err != nil {
		return nil, err
	}
	values := make([]any, len(items))
	marked := false
	for i, item := range items {
		if values[i], err = get(item); err != nil {
			return nil, err
		}
		_, isMarkup := values[i].(markup)
		marked = marked || isMarkup
	}
	_, sepSafe := a.args[0].(markup)
	marked = r.escape && (marked || sepSafe)
	text := r.str
	if marked {
		text = func(v any) (string, error) {
			m, err := r.escaped(v)
			return string(m), err
		}
	}
	sep, err := text(a.args[0])
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(items))
	for i, v := range values {
		if parts[i], err = text(v); err != nil {
			return nil, err
		}
	}
	joined, err := r.joinTexts(parts, sep)
	if marked {
		return markup(joined), err
	}
	return joined, err
}

func sumFilter(r *run, v any, a *bound) (any, error) {
	sum := a.args[1]
	if _, ok := textOf(sum); ok {
		return nil, failf(TypeError, "sum() can't sum strings [use ''.join(seq) instead]")
	}
	it, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	get := r.path(a.args[0], nil, false)
	for {
		item, ok, err := it.next()
		if err != nil || !ok {
			return sum, err
		}
		if item, err = get(item); err != nil {
			return nil, err
		}
		if sum, err = r.operate(opAdd, sum, item); err != nil {
			return nil, err
		}
	}
}

// extreme is min or max: op says when an item is better than the best so far.
func (r *run) extreme(v any, a *bound, op string) (any, error) {
	sensitive, err := r.truth(a.args[0])
	if err != nil {
		return nil, err
	}
	it, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	key := r.path(a.args[1], nil, !sensitive)
	best, ok, err := it.next()
	if err != nil {
		return nil, err
	}
	if !ok {
		return &undefined{hint: "No aggregated item, sequence was empty."}, nil
	}
	bestKey, err := key(best)
	if err != nil {
		return nil, err
	}
	for {
		item, ok, err := it.next()
		if err != nil || !ok {
			return best, err
		}
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		better, err := r.less(op, k, bestKey)
		if err != nil {
			return nil, err
		}
		if better {
			best, bestKey = item, k
		}
	}
}

func sortFilter(r *run, v any, a *bound) (any, error) {
	reverse, err := r.truth(a.args[0])
	if err != nil {
		return nil, err
	}
	sensitive, err := r.truth(a.args[1])
	if err != nil {
		return nil, err
	}
	items, err := r.items(v)
	if err != nil {
		return nil, err
	}
	sorted, err := r.sortBy(items, r.paths(a.args[2], !sensitive), reverse)
	if err != nil {
		return nil, err
	}
	return newList(sorted), nil
}

// paths is path for several attributes, as in "age,name".
func (r *run) paths(attribute any, lower bool) func(any) (any, error) {
	s, ok := textOf(attribute)
	if !ok {
		return r.path(attribute, nil, lower)
	}
	var getters []func(any) (any, error)
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ',' {
			getters = append(getters, r.path(s[start:i], nil, lower))
			start = i + 1
		}
	}
	if len(getters) == 1 {
		return getters[0]
	}
	return func(v any) (any, error) {
		key := newList(make([]any, len(getters)))
		for i, get := range getters {
			var err error
			if key.items[i], err = get(v); err != nil {
				return nil, err
			}
		}
		return key, r.hold(len(getters) * itemSize)
	}
}

func dictsortFilter(r *run, v any, a *bound) (any, error) {
	sensitive, err := r.truth(a.args[0])
	if err != nil {
		return nil, err
	}
	by, _ := textOf(a.args[1])
	pos := 0
	switch by {
	case "key":
	case "value":
		pos = 1
	default:
		return nil, failf(FilterError, `You can only sort by either "key" or "value"`)
	}
	reverse, err := r.truth(a.args[2])
	if err != nil {
		return nil, err
	}
	d, ok := v.(*Dict)
	if !ok {
		return nil, attributeError(v, "items")
	}
	pairs, err := r.items(&dictView{d, "dict_items"})
	if err != nil {
		return nil, err
	}
	sorted, err := r.sortBy(pairs, func(pair any) (any, error) {
		k := pair.(*tuple).items[pos]
		if sensitive {
			return k, nil
		}
		return r.ignoreCase(k)
	}, reverse)
	if err != nil {
		return nil, err
	}
	return newList(sorted), nil
}
