package jinja

// Filters that put the items of a sequence into groups.

func groupbyFilter(r *run, v any, a *bound) (any, error) {
	sensitive, err := r.truth(a.args[2])
	if err != nil {
		return nil, err
	}
	items, err := r.items(v)
	if err != nil {
		return nil, err
	}
	key := r.path(a.args[0], a.args[1], !sensitive)
	shown := r.path(a.args[0], a.args[1], false)
	sorted, err := r.sortBy(items, key, false)
	if err != nil {
		return nil, err
	}
	out := newList(nil)
	var group *list
	var last any
	for _, item := range sorted {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		same := false
		if group != nil {
			if same, err = r.equalItem(last, k); err != nil {
				return nil, err
			}
		}
		if !same {
			group, last = newList(nil), k
			if k, err = shown(item); err != nil {
				return nil, err
			}
			out.items = append(out.items, &tuple{[]any{k, group}, []string{"grouper", "list"}})
		}
		group.items = append(group.items, item)
		if err := r.hold(keySize); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func uniqueFilter(r *run, v any, a *bound) (any, error) {
	sensitive, err := r.truth(a.args[0])
	if err != nil {
		return nil, err
	}
	key := r.path(a.args[1], nil, !sensitive)
	seen := map[any]bool{}
	return r.derived(v, func(it *iterator) (any, bool, error) {
		for {
			item, ok, err := it.next()
			if err != nil || !ok {
				return nil, false, err
			}
			k, err := key(item)
			if err != nil {
				return nil, false, err
			}
			hash, err := r.hashKey(k)
			if err != nil {
				return nil, false, err
			}
			if seen[hash] {
				continue
			}
			seen[hash] = true
			return item, true, r.hold(keySize)
		}
	})
}

// derived makes a generator over the items of v, which it begins to iterate
// when it is first asked.
func (r *run) derived(v any, next func(it *iterator) (any, bool, error)) (any, error) {
	var it *iterator
	from, _ := v.(*iterator)
	if from == nil {
		from = &iterator{}
	}
	return r.generator(from, func() (any, bool, error) {
		if it == nil {
			var err error
			if it, err = r.iterate(v); err != nil {
				return nil, false, err
			}
		}
		return next(it)
	})
}

func batchFilter(r *run, v any, a *bound) (any, error) {
	count, isCount := asInt(a.args[0])
	var ahead []any
	return r.derived(v, func(it *iterator) (any, bool, error) {
		row := ahead
		ahead = nil
		for {
			item, ok, err := it.next()
			if err != nil {
				return nil, false, err
			}
			if err := r.hold(itemSize); err != nil {
				return nil, false, err
			}
			if ok && isCount && int64(len(row)) == count {
				ahead = []any{item}
				return newList(row), true, nil
			}
			if ok {
				row = append(row, item)
				continue
			}
			if len(row) == 0 {
				return nil, false, nil
			}
			if a.args[1] != nil {
				if row, err = r.fillRow(row, a.args[0], a.args[1]); err != nil {
					return nil, false, err
				}
			}
			return newList(row), true, nil
		}
	})
}

func (r *run) fillRow(row []any, count, with any) ([]any, error) {
	n, err := indexInt(count)
	if err != nil {
		return nil, err
	}
	lacking := n - int64(len(row))
	if lacking <= 0 {
		return row, nil
	}
	if lacking > int64(r.memory) {
		return nil, r.hold(-1)
	}
	if err := r.hold(int(lacking) * itemSize); err != nil {
		return nil, err
	}
	for range lacking {
		row = append(row, with)
	}
	return row, nil
}

func sliceFilter(r *run, v any, a *bound) (any, error) {
	var items []any
	var count, at int64
	start, number := 0, int64(-1)
	return r.derived(v, func(it *iterator) (any, bool, error) {
		if number < 0 {
			var err error
			if items, err = r.copyItems(it); err != nil {
				return nil, false, err
			}
			if count, err = indexInt(a.args[0]); err != nil {
				return nil, false, err
			}
			if count == 0 {
				return nil, false, failf(ZeroDivision, "integer division or modulo by zero")
			}
			number = 0
		}
		if at >= count {
			return nil, false, nil
		}
		n, extra := int64(len(items))/count, int64(len(items))%count
		size := n
		if at < extra {
			size++
		}
		row := append([]any{}, items[start:start+int(size)]...)
		if a.args[1] != nil && at >= extra {
			row = append(row, a.args[1])
		}
		start += int(size)
		at++
		return newList(row), true, r.hold(len(row)*itemSize + 3*keySize)
	})
}
