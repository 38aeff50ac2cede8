package jinja

// noArgs are the arguments of a call without any.
var noArgs = &arguments{}

// evaluate gives the values of arguments.
func (e *argExprs) evaluate(r *run) (*arguments, error) {
	if e.none {
		return noArgs, nil
	}
	a := &arguments{names: e.names}
	if n := len(e.pos) + len(e.named); n > 0 {
		values := make([]any, n)
		if r.trace != nil {
			a.sources = make([]source, n)
		}
		for i, x := range e.pos {
			if err := r.argument(x, a, values, i); err != nil {
				return nil, err
			}
		}
		for i, x := range e.named {
			if err := r.argument(x, a, values, len(e.pos)+i); err != nil {
				return nil, err
			}
		}
		a.pos, a.named = values[:len(e.pos):len(e.pos)], values[len(e.pos):]
	}
	if e.rest == nil && e.more == nil {
		return a, nil
	}
	return a, e.spread(r, a)
}

func (r *run) argument(e expr, a *arguments, values []any, i int) (err error) {
	if r.trace == nil {
		values[i], err = e.eval(r)
		return err
	}
	values[i], a.sources[i], err = r.evalSource(e)
	r.trace.add(a.sources[i])
	return err
}

// spread evaluates *args and **kwargs.
func (e *argExprs) spread(r *run, a *arguments) error {
	if e.rest != nil {
		v, src, err := r.evalSource(e.rest)
		if err != nil {
			return err
		}
		items, err := r.items(v)
		if err != nil {
			return failed(err, e.rest.at())
		}
		if a.sources != nil || r.trace != nil {
			a.sources = spreadSources(a.sources, len(a.pos), len(items), src)
			r.trace.add(src)
		}
		a.pos = append(a.pos[:len(a.pos):len(a.pos)], items...)
	}
	if e.more != nil {
		v, src, err := r.evalSource(e.more)
		if err != nil {
			return err
		}
		d, ok := v.(*Dict)
		if !ok {
			if err := check(v); err != nil {
				return failed(err, e.more.at())
			}
			return failed(failf(TypeError, "argument after ** must be a mapping, not %s", typeName(v)), e.more.at())
		}
		a.names = append([]string{}, a.names...)
		for _, entry := range d.entries {
			name, ok := textOf(entry.key)
			if !ok {
				return failed(failf(TypeError, "keywords must be strings"), e.more.at())
			}
			if _, given := a.keyword(name); given {
				return failed(failf(TypeError, "got multiple values for keyword argument '%s'", name), e.more.at())
			}
			a.names = append(a.names, name)
			a.named = append(a.named, entry.value)
			if r.trace != nil {
				a.sources = append(a.sources, src)
			}
		}
		r.trace.add(src)
	}
	return r.hold((len(a.pos) + len(a.named)) * itemSize)
}

// spreadSources inserts the source of *args after those before it.
func spreadSources(sources []source, at, n int, src source) []source {
	out := append([]source{}, sources[:at]...)
	for range n {
		out = append(out, src)
	}
	return append(out, sources[at:]...)
}

func (e *callExpr) eval(r *run) (any, error) {
	fn, args, err := e.prepare(r)
	if err != nil {
		return nil, err
	}
	v, err := r.callValue(fn, args)
	if err != nil {
		return nil, failed(err, &e.node)
	}
	return v, nil
}

// prepare evaluates what is called and its arguments.
func (e *callExpr) prepare(r *run) (any, *arguments, error) {
	fn, err := e.fn.eval(r)
	if err != nil {
		return nil, nil, err
	}
	args, err := e.args.evaluate(r)
	if err != nil {
		return nil, nil, err
	}
	if r.trace != nil {
		r.trace.changed(fn, args)
	}
	return fn, args, nil
}

func (e *filterExpr) eval(r *run) (any, error) {
	v, err := e.in.eval(r)
	if err != nil {
		return nil, err
	}
	return e.apply(r, v)
}

// apply filters a value.
func (e *filterExpr) apply(r *run, v any) (any, error) {
	args, err := e.args.evaluate(r)
	if err != nil {
		return nil, err
	}
	if err := r.spend(callSteps); err != nil {
		return nil, failed(err, &e.node)
	}
	switch {
	case e.native != nil:
		v, err = e.native.call(r, v, args)
	case e.custom != nil:
		v, err = r.callCustom(e.custom, v, args)
	default:
		err = failf(RuntimeError, "No filter named %s found.", strRepr(e.name))
	}
	if err != nil {
		return nil, failed(err, &e.node)
	}
	return v, nil
}

// chain filters a text through all filters of a filter or set block; the
// innermost has no input of its own.
func (e *filterExpr) chain(r *run, v any) (any, error) {
	if inner, ok := e.in.(*filterExpr); ok {
		var err error
		if v, err = inner.chain(r, v); err != nil {
			return nil, err
		}
	}
	return e.apply(r, v)
}

// callCustom calls a filter of Config.Filters.
func (r *run) callCustom(f Filter, v any, a *arguments) (any, error) {
	in, err := r.export(v)
	if err != nil {
		return nil, err
	}
	args := Args{Named: NewDict()}
	for _, p := range a.pos {
		x, err := r.export(p)
		if err != nil {
			return nil, err
		}
		args.Positional = append(args.Positional, x)
	}
	for i, name := range a.names {
		x, err := r.export(a.named[i])
		if err != nil {
			return nil, err
		}
		args.Named.Set(name, x)
	}
	out, err := f(in, args)
	if err != nil {
		return nil, customError(err)
	}
	return r.adopt(out)
}

// customError keeps an *Error as the filter made it, so that a filter can say
// who has to change something.
func customError(err error) error {
	if e, ok := err.(*Error); ok {
		c := *e
		return &c
	}
	return &Error{Kind: ValueError, Fix: FixTemplate, Msg: err.Error(), cause: err}
}

func (e *testExpr) eval(r *run) (any, error) {
	v, err := e.in.eval(r)
	if err != nil {
		return nil, err
	}
	args, err := e.args.evaluate(r)
	if err != nil {
		return nil, err
	}
	if err := r.spend(callSteps); err != nil {
		return nil, failed(err, &e.node)
	}
	if e.test == nil {
		return nil, failed(failf(RuntimeError, "No test named %s found.", strRepr(e.name)), &e.node)
	}
	v, err = e.test.call(r, v, args)
	if err != nil {
		return nil, failed(err, &e.node)
	}
	return v, nil
}
