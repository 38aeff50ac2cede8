package jinja

// typeTests say what type a value has.
var typeTests = []*builtin{
	is("defined", func(v any) bool { _, missing := v.(*undefined); return !missing }),
	is("undefined", func(v any) bool { _, missing := v.(*undefined); return missing }),
	is("none", func(v any) bool { return v == nil }),
	is("boolean", func(v any) bool { _, ok := v.(bool); return ok }),
	is("true", func(v any) bool { return v == true }),
	is("false", func(v any) bool { return v == false }),
	is("integer", func(v any) bool { _, boolean := v.(bool); return isInt(v) && !boolean }),
	is("float", func(v any) bool { _, ok := v.(float64); return ok }),
	is("number", isNumber),
	is("string", func(v any) bool { _, ok := textOf(v); return ok }),
	is("mapping", func(v any) bool { _, ok := v.(*Dict); return ok }),
	is("callable", isCallable),
	is("escaped", func(v any) bool { _, ok := v.(markup); return ok }),
	is("sequence", isIndexed),
}

// valueTests look at what a value is.
var valueTests = []*builtin{
	def("iterable", func(r *run, v any, _ *bound) (any, error) {
		_, err := r.iterate(v)
		if isKind(err, TypeError) {
			return false, nil
		}
		return err == nil, err
	}),
	def("lower", func(r *run, v any, _ *bound) (any, error) {
		s, err := r.str(v)
		return allCase(s, isLowerChar), err
	}),
	def("upper", func(r *run, v any, _ *bound) (any, error) {
		s, err := r.str(v)
		return allCase(s, isUpperChar), err
	}),
	def("odd", func(r *run, v any, _ *bound) (any, error) { return r.remainder(v, int64(2), int64(1)) }),
	def("even", func(r *run, v any, _ *bound) (any, error) { return r.remainder(v, int64(2), int64(0)) }),
	def("divisibleby", func(r *run, v any, a *bound) (any, error) {
		return r.remainder(v, a.args[0], int64(0))
	}, need("num")),
	def("sameas", func(r *run, v any, a *bound) (any, error) { return same(v, a.args[0]), nil }, need("other")),
	def("in", func(r *run, v any, a *bound) (any, error) { return r.contains(a.args[0], v) }, need("seq")),
	def("filter", func(r *run, v any, _ *bound) (any, error) {
		hash, err := r.hashKey(v)
		name, _ := hash.(string)
		return r.lib.filters[name] != nil || r.template.config.Filters[name] != nil, err
	}),
	def("test", func(r *run, v any, _ *bound) (any, error) {
		hash, err := r.hashKey(v)
		name, _ := hash.(string)
		return r.lib.tests[name] != nil, err
	}),
}

// compareTests are the operators, which also have names.
func compareTests() []*builtin {
	var list []*builtin
	for op, names := range map[string][]string{
		"==": {"==", "eq", "equalto"}, "!=": {"!=", "ne"}, ">": {">", "gt", "greaterthan"}, ">=": {">=", "ge"},
		"<": {"<", "lt", "lessthan"}, "<=": {"<=", "le"},
	} {
		for _, name := range names {
			list = append(list, def(name, func(r *run, v any, a *bound) (any, error) {
				return r.compare(op, v, a.args[0])
			}, arg("other")))
		}
	}
	return list
}

// is makes a test that only looks at the value.
func is(name string, test func(any) bool) *builtin {
	return def(name, func(_ *run, v any, _ *bound) (any, error) { return test(v), nil })
}

// isIndexed says whether a value has a length and items.
func isIndexed(v any) bool {
	switch v := v.(type) {
	case string, markup, Block, byteString, *list, *tuple, *Dict, *intRange:
		return true
	case *undefined:
		return v.lenient
	}
	return false
}

func (r *run) remainder(v, by, want any) (any, error) {
	m, err := r.operate(opMod, v, by)
	if err != nil {
		return nil, err
	}
	return r.equal(m, want)
}

// same is Python's is, as far as it is defined: small values are the same
// when they are equal and of one type.
func same(a, b any) bool {
	switch a.(type) {
	case nil, bool, int64, string, markup, byteString, float64:
		return a == b
	}
	return sameObject(a, b)
}
