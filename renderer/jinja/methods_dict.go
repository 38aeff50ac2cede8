package jinja

var dictMethods = []*builtin{
	def("clear", func(_ *run, self any, _ *bound) (any, error) {
		self.(*Dict).clear()
		return nil, nil
	}),
	def("copy", func(r *run, self any, _ *bound) (any, error) {
		d := self.(*Dict)
		c := NewDict()
		for _, e := range d.entries {
			c.put(e.hash, e.key, e.value)
		}
		return c, r.hold(keySize * (len(d.entries) + 1))
	}),
	def("fromkeys", func(r *run, _ any, a *bound) (any, error) {
		items, err := r.items(a.args[0])
		if err != nil {
			return nil, err
		}
		d := NewDict()
		for _, k := range items {
			if err := r.setItem(d, k, a.args[1]); err != nil {
				return nil, err
			}
		}
		return d, nil
	}, arg("iterable"), maybe("value", nil)),
	def("get", func(r *run, self any, a *bound) (any, error) {
		v, ok, err := r.dictItem(self.(*Dict), a.args[0])
		if !ok {
			v = a.args[1]
		}
		return v, err
	}, arg("key"), maybe("default", nil)),
	viewMethod("keys"),
	viewMethod("values"),
	viewMethod("items"),
	def("pop", func(r *run, self any, a *bound) (any, error) {
		d := self.(*Dict)
		hash, err := r.hashKey(a.args[0])
		if err != nil {
			return nil, err
		}
		if i := d.find(hash); i >= 0 {
			v := d.entries[i].value
			d.remove(i)
			return v, r.spend((len(d.entries) - i) / 4)
		}
		if a.has(1) {
			return a.args[1], nil
		}
		text, err := r.repr(a.args[0])
		if err != nil {
			return nil, err
		}
		return nil, failf(KeyError, "%s", text)
	}, arg("key"), maybe("default", nil)),
	def("popitem", func(_ *run, self any, _ *bound) (any, error) {
		d := self.(*Dict)
		n := len(d.entries)
		if n == 0 {
			return nil, failf(KeyError, "'popitem(): dictionary is empty'")
		}
		e := d.entries[n-1]
		d.entries = d.entries[:n-1]
		delete(d.index, e.hash)
		return newTuple(e.key, e.value), nil
	}),
	def("setdefault", func(r *run, self any, a *bound) (any, error) {
		d := self.(*Dict)
		v, ok, err := r.dictItem(d, a.args[0])
		if ok || err != nil {
			return v, err
		}
		return a.args[1], r.setItem(d, a.args[0], a.args[1])
	}, arg("key"), maybe("default", nil)),
	def("update", func(r *run, self any, a *bound) (any, error) {
		if len(a.rest) > 1 {
			return nil, failf(TypeError, "update expected at most 1 argument, got %d", len(a.rest))
		}
		return nil, r.update(self.(*Dict), a)
	}, all(), anyKeyword()),
}

func viewMethod(name string) *builtin {
	return def(name, func(_ *run, self any, _ *bound) (any, error) {
		return &dictView{self.(*Dict), "dict_" + name}, nil
	})
}

var viewMethods = []*builtin{
	def("isdisjoint", func(r *run, self any, a *bound) (any, error) {
		items, err := r.items(a.args[0])
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if in, err := r.contains(self, item); err != nil || in {
				return false, err
			}
		}
		return true, nil
	}, arg("other")),
}

// dictItem is a key lookup that does not fall back to anything.
func (r *run) dictItem(d *Dict, key any) (any, bool, error) {
	hash, err := r.hashKey(key)
	if err != nil {
		return nil, false, err
	}
	if i := d.find(hash); i >= 0 {
		return d.entries[i].value, true, nil
	}
	return nil, false, nil
}

func (r *run) setItem(d *Dict, key, v any) error {
	hash, err := r.hashKey(key)
	if err != nil {
		return err
	}
	d.put(hash, key, v)
	return r.hold(2 * keySize)
}

// update is what dict(), dict.update() and namespace() do with arguments: a
// dict or pairs, then keyword arguments.
func (r *run) update(d *Dict, a *bound) error {
	if len(a.rest) > 0 {
		if err := r.updateFrom(d, a.rest[0]); err != nil {
			return err
		}
	}
	for i, name := range a.names {
		if err := r.setItem(d, name, a.named[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) updateFrom(d *Dict, from any) error {
	if src, ok := from.(*Dict); ok {
		for _, e := range append([]entry{}, src.entries...) {
			d.put(e.hash, e.key, e.value)
		}
		return r.hold(2 * keySize * len(src.entries))
	}
	pairs, err := r.items(from)
	if err != nil {
		return err
	}
	for i, pair := range pairs {
		kv, err := r.items(pair)
		if err != nil {
			if e, ok := err.(*Error); ok && e.Kind == TypeError {
				return failf(TypeError, "cannot convert dictionary update sequence element #%d to a sequence", i)
			}
			return err
		}
		if len(kv) != 2 {
			return failf(ValueError, "dictionary update sequence element #%d has length %d; 2 is required", i, len(kv))
		}
		if err := r.setItem(d, kv[0], kv[1]); err != nil {
			return err
		}
	}
	return nil
}
