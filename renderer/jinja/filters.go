package jinja

// valueFilters work on values of any type.
var valueFilters = []*builtin{
	def("default", func(r *run, v any, a *bound) (any, error) {
		if _, ok := v.(*undefined); ok {
			return a.args[0], nil
		}
		boolean, err := r.truth(a.args[1])
		if err != nil || !boolean {
			return v, err
		}
		t, err := r.truth(v)
		if err != nil || t {
			return v, err
		}
		return a.args[0], nil
	}, opt("default_value", ""), opt("boolean", false)),
	def("length", func(r *run, v any, _ *bound) (any, error) {
		n, err := r.length(v)
		return int64(n), err
	}),
	def("string", func(r *run, v any, _ *bound) (any, error) {
		if _, ok := textOf(v); ok {
			return v, nil
		}
		return r.softText(v)
	}),
	def("attr", func(r *run, v any, a *bound) (any, error) {
		name, err := a.text(0)
		if err != nil {
			return nil, err
		}
		if u, ok := v.(*undefined); ok {
			return r.undefinedAttribute(u, name, nil)
		}
		m, ok, err := r.member(v, name)
		if err == nil && !ok {
			m = &undefined{obj: v, name: name, hasObj: true}
		}
		return m, err
	}, need("name")),
	def("pprint", func(r *run, v any, _ *bound) (any, error) { return r.pprint(v) }),
	def("tojson", func(r *run, v any, a *bound) (any, error) {
		text, err := r.toJSON(v, a.args[0])
		return markup(text), err
	}, opt("indent", nil)),
	def("items", func(r *run, v any, _ *bound) (any, error) {
		return r.lazy(v, func() (*iterator, error) {
			switch v := v.(type) {
			case *undefined:
				return r.iterate(newList(nil))
			case *Dict:
				return r.iterate(&dictView{v, "dict_items"})
			}
			return nil, failf(TypeError, "Can only get item pairs from a mapping.")
		})
	}),
}

// lazy makes a generator that starts to work when it is first asked.
func (r *run) lazy(over any, start func() (*iterator, error)) (any, error) {
	from, _ := over.(*iterator)
	if from == nil {
		from = &iterator{}
	}
	var it *iterator
	return r.generator(from, func() (any, bool, error) {
		if it == nil {
			var err error
			if it, err = start(); err != nil {
				return nil, false, err
			}
		}
		return it.next()
	})
}

// callFilter calls a filter by its name.
func (r *run) callFilter(name any, v any, a *arguments) (any, error) {
	key, ok := textOf(name)
	if ok {
		if f := r.template.config.Filters[key]; f != nil {
			return r.callCustom(f, v, a)
		}
		if f := r.lib.filters[key]; f != nil {
			return f.call(r, v, a)
		}
	}
	return nil, r.noSuch("filter", name)
}

func (r *run) callTest(name any, v any, a *arguments) (bool, error) {
	key, ok := textOf(name)
	if ok {
		if t := r.lib.tests[key]; t != nil {
			result, err := t.call(r, v, a)
			if err != nil {
				return false, err
			}
			return r.truth(result)
		}
	}
	return false, r.noSuch("test", name)
}

func (r *run) noSuch(what string, name any) error {
	if err := check(name); err != nil {
		return err
	}
	text, err := r.repr(name)
	if err != nil {
		return err
	}
	return failf(RuntimeError, "No %s named %s.", what, text)
}
