package jinja

func (s *setBlockStmt) exec(r *run) error {
	outer := r.startUse()
	text, err := r.capture(func() error {
		if err := r.enterScope(s.scope); err != nil {
			return err
		}
		return r.execAll(s.body)
	})
	var v any = text
	if err == nil && r.escape {
		v = markup(text)
	}
	if err == nil && s.filter != nil {
		v, err = s.filter.chain(r, v)
	}
	src := r.endUse(outer)
	if err != nil {
		return failed(err, &s.node)
	}
	return failed(r.assign(s.target, v, src), &s.node)
}

// startUse begins to collect the paths that are read, endUse gives them.
func (r *run) startUse() []string {
	if r.trace == nil {
		return nil
	}
	outer := r.trace.used
	r.trace.used = nil
	return outer
}

func (r *run) endUse(outer []string) source {
	if r.trace == nil {
		return source{}
	}
	src := source{r.trace.used}
	r.trace.used = outer
	return src
}

func (s *filterStmt) exec(r *run) error {
	outer := r.startUse()
	text, err := r.capture(func() error {
		if err := r.enterScope(s.scope); err != nil {
			return err
		}
		return r.execAll(s.body)
	})
	var v any = text
	if err == nil {
		if r.escape {
			v = markup(text)
		}
		v, err = s.filter.chain(r, v)
	}
	src := r.endUse(outer)
	if err != nil {
		return failed(err, &s.node)
	}
	if _, ok := textOf(v); !ok {
		// Python joins what a template writes and converts only what
		// expressions print.
		return failed(failf(TypeError, "sequence item: expected str instance, %s found", typeName(v)), &s.node)
	}
	start := len(r.out)
	if err := r.print(v, false); err != nil {
		return failed(err, &s.node)
	}
	if r.trace != nil {
		r.trace.write(start, len(r.out), s.pos, false, src.paths)
	}
	return nil
}

func (s *withStmt) exec(r *run) error {
	values := make([]any, len(s.values))
	sources := make([]source, len(s.values))
	for i, e := range s.values {
		var err error
		if values[i], sources[i], err = r.evalSource(e); err != nil {
			return err
		}
	}
	if err := r.enterScope(s.scope); err != nil {
		return failed(err, &s.node)
	}
	for i, to := range s.targets {
		if err := r.assign(to, values[i], sources[i]); err != nil {
			return failed(err, to.at())
		}
	}
	if err := r.spend(1); err != nil {
		return failed(err, &s.node)
	}
	return r.execAll(s.body)
}

func (s *autoescapeStmt) exec(r *run) error {
	outer := r.escape
	defer func() { r.escape = outer }()
	if err := r.enterScope(s.scope); err != nil {
		return failed(err, &s.node)
	}
	t, err := r.test(s.value)
	if err != nil {
		return err
	}
	r.escape = t
	return r.execAll(s.body)
}

func (s *blockStmt) exec(r *run) error {
	return failed(r.runBlock(s.def, r.frame), &s.node)
}

// runBlock writes a block. Only a scoped one looks at the frame around it.
func (r *run) runBlock(d *blockDef, around *frame) error {
	if err := r.enter(d.nesting); err != nil {
		return err
	}
	defer r.leave(d.nesting)
	outer := r.frame
	defer func() { r.frame = outer }()
	if err := r.pushFrame(d.frameSize, around); err != nil {
		return err
	}
	if err := r.enterScope(d.scope); err != nil {
		return err
	}
	return r.execAll(d.body)
}

// pushFrame makes the frame of a function that was defined inside up.
func (r *run) pushFrame(size int, up *frame) error {
	if err := r.hold(size*itemSize + keySize); err != nil {
		return err
	}
	f := &frame{slots: make([]any, size), up: up}
	for i := range f.slots {
		f.slots[i] = missing
	}
	if r.trace != nil {
		f.sources = make([]source, size)
	}
	r.frame = f
	return nil
}
