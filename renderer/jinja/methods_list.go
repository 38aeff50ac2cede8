package jinja

import "slices"

var listMethods = []*builtin{
	def("append", func(r *run, self any, a *bound) (any, error) {
		l := self.(*list)
		l.items = append(l.items, a.args[0])
		return nil, r.hold(growSize)
	}, arg("object")),
	def("clear", func(_ *run, self any, _ *bound) (any, error) {
		self.(*list).items = nil
		return nil, nil
	}),
	def("copy", func(r *run, self any, _ *bound) (any, error) {
		items, err := r.copyItems(self)
		return newList(items), err
	}),
	def("count", countItem, arg("value")),
	def("extend", func(r *run, self any, a *bound) (any, error) {
		l := self.(*list)
		items, err := r.copyItems(a.args[0])
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, items...)
		return nil, r.hold(len(items) * itemSize)
	}, arg("iterable")),
	def("index", indexItem, arg("value"), maybe("start", int64(0)), maybe("stop", int64(1)<<62)),
	def("insert", func(r *run, self any, a *bound) (any, error) {
		l := self.(*list)
		i, err := sliceInt(a.args[0])
		if err != nil {
			return nil, err
		}
		l.items = slices.Insert(l.items, clampIndex(i, len(l.items)), a.args[1])
		return nil, r.hold(2*itemSize + len(l.items)/8)
	}, arg("index"), arg("object")),
	def("pop", func(r *run, self any, a *bound) (any, error) {
		l := self.(*list)
		if len(l.items) == 0 {
			return nil, failf(IndexError, "pop from empty list")
		}
		n, err := indexInt(a.args[0])
		if err != nil {
			return nil, err
		}
		i, ok := position(n, len(l.items))
		if !ok {
			return nil, failf(IndexError, "pop index out of range")
		}
		v := l.items[i]
		l.items = slices.Delete(l.items, i, i+1)
		return v, r.spend(len(l.items) / 16)
	}, maybe("index", int64(-1))),
	def("remove", func(r *run, self any, a *bound) (any, error) {
		l := self.(*list)
		for i, item := range l.items {
			same, err := r.equalItem(item, a.args[0])
			if err != nil {
				return nil, err
			}
			if same {
				l.items = slices.Delete(l.items, i, i+1)
				return nil, nil
			}
		}
		return nil, failf(ValueError, "list.remove(x): x not in list")
	}, arg("value")),
	def("reverse", func(r *run, self any, _ *bound) (any, error) {
		l := self.(*list)
		slices.Reverse(l.items)
		return nil, r.spend(len(l.items) / 8)
	}),
	def("sort", func(r *run, self any, a *bound) (any, error) {
		l := self.(*list)
		key := a.args[0]
		reverse, err := r.truth(a.args[1])
		if err != nil {
			return nil, err
		}
		items, err := r.sortBy(l.items, func(v any) (any, error) {
			if key == nil {
				return v, nil
			}
			return r.callValue(key, &arguments{pos: []any{v}})
		}, reverse)
		if err == nil {
			l.items = items
		}
		return nil, err
	}, param{"key", nil, named}, param{"reverse", false, named}),
}

// clampIndex is where insert puts something.
func clampIndex(i int64, length int) int {
	if i < 0 {
		i += int64(length)
	}
	return int(min(max(i, 0), int64(length)))
}

func sequenceItems(v any) []any {
	switch v := v.(type) {
	case *list:
		return v.items
	case *tuple:
		return v.items
	}
	return nil
}

func countItem(r *run, self any, a *bound) (any, error) {
	n := int64(0)
	for _, item := range sequenceItems(self) {
		same, err := r.equalItem(item, a.args[0])
		if err != nil {
			return nil, err
		}
		if same {
			n++
		}
	}
	return n, nil
}

func indexItem(r *run, self any, a *bound) (any, error) {
	items := sequenceItems(self)
	from, err := sliceInt(a.args[1])
	if err != nil {
		return nil, err
	}
	to, err := sliceInt(a.args[2])
	if err != nil {
		return nil, err
	}
	for i := clampIndex(from, len(items)); i < clampIndex(to, len(items)); i++ {
		same, err := r.equalItem(items[i], a.args[0])
		if err != nil {
			return nil, err
		}
		if same {
			return int64(i), nil
		}
	}
	if _, ok := self.(*tuple); ok {
		return nil, failf(ValueError, "tuple.index(x): x not in tuple")
	}
	text, err := r.repr(a.args[0])
	if err != nil {
		return nil, err
	}
	return nil, failf(ValueError, "%s is not in list", text)
}

var tupleMethods = []*builtin{
	def("count", countItem, arg("value")),
	def("index", indexItem, arg("value"), maybe("start", int64(0)), maybe("stop", int64(1)<<62)),
}

var rangeMethods = []*builtin{
	def("count", func(r *run, self any, a *bound) (any, error) {
		in, err := r.contains(self, a.args[0])
		if in {
			return int64(1), err
		}
		return int64(0), err
	}, arg("value")),
	def("index", func(r *run, self any, a *bound) (any, error) {
		if n, ok := asInt(a.args[0]); ok {
			if i := self.(*intRange).index(n); i >= 0 {
				return i, nil
			}
		}
		text, err := r.repr(a.args[0])
		if err != nil {
			return nil, err
		}
		return nil, failf(ValueError, "%s is not in range", text)
	}, arg("value")),
}

func (v *intRange) property(name string) (any, bool) {
	switch name {
	case "start":
		return v.start, true
	case "stop":
		return v.stop, true
	case "step":
		return v.step, true
	}
	return nil, false
}
