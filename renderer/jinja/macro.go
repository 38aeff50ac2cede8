package jinja

// A macroValue is a macro, or the caller of a call block.
type macroValue struct {
	def *macroDef
	up  *frame // where it was defined
}

// A blockRef is self.name.
type blockRef struct{ def *blockDef }

// A selfRef is self. It is a pointer so that it can be compared.
type selfRef struct{ _ byte }

func (s *macroStmt) exec(r *run) error {
	if err := r.hold(keySize); err != nil {
		return failed(err, &s.node)
	}
	return r.assign(s.target, &macroValue{s.def, r.frame}, source{})
}

func (s *callStmt) exec(r *run) error {
	caller := &macroValue{s.def, r.frame}
	outer := r.startUse()
	fn, args, err := s.call.prepare(r)
	src := r.endUse(outer)
	if err != nil {
		return err
	}
	if _, given := args.keyword("caller"); given {
		return failed(failf(TypeError, "got multiple values for keyword argument 'caller'"), &s.node)
	}
	args = args.with("caller", caller)
	if isTemplateCode(fn) {
		return failed(r.runCode(fn, args), &s.call.node)
	}
	v, err := r.callValue(fn, args)
	if err != nil {
		return failed(err, &s.call.node)
	}
	text, ok := textOf(v)
	if !ok {
		return failed(failf(TypeError, "sequence item 0: expected str instance, %s found", typeName(v)), &s.call.node)
	}
	start := len(r.out)
	if err := r.write(text); err != nil {
		return failed(err, &s.node)
	}
	if r.trace != nil {
		r.trace.write(start, len(r.out), s.pos, false, src.paths)
	}
	return nil
}

// isTemplateCode says whether calling fn runs a body of the template, which
// can write to the output by itself.
func isTemplateCode(fn any) bool {
	switch fn := fn.(type) {
	case *macroValue, *blockRef:
		return true
	case *loopValue:
		return fn.stmt != nil
	}
	return false
}

func (r *run) runCode(fn any, a *arguments) error {
	if err := r.spend(1); err != nil {
		return err
	}
	switch fn := fn.(type) {
	case *macroValue:
		return r.runMacro(fn, a)
	case *blockRef:
		if err := noArguments("block "+fn.def.name, a); err != nil {
			return err
		}
		return r.runBlock(fn.def, nil)
	case *loopValue:
		if len(a.pos) != 1 || len(a.names) > 0 {
			return failf(TypeError, "loop() takes exactly 1 argument (%d given)", len(a.pos)+len(a.names))
		}
		var src source
		if a.sources != nil {
			src = a.sources[0]
		}
		return fn.stmt.runRecursive(r, a.pos[0], src, fn.up, fn.depth+1)
	}
	return nil
}

// captured runs template code for its text.
func (r *run) captured(fn any, a *arguments) (any, error) {
	text, err := r.capture(func() error { return r.runCode(fn, a) })
	if err == nil && r.escape {
		return markup(text), nil
	}
	return text, err
}

func (r *run) callMacro(m *macroValue, a *arguments) (any, error) { return r.captured(m, a) }
func (r *run) callBlock(b *blockRef, a *arguments) (any, error)   { return r.captured(b, a) }

func (r *run) callLoop(l *loopValue, a *arguments) (any, error) {
	if l.stmt == nil {
		return nil, failf(TypeError, "The loop must have the 'recursive' marker to be called recursively.")
	}
	return r.captured(l, a)
}

// runMacro binds the arguments and writes the body.
func (r *run) runMacro(m *macroValue, a *arguments) error {
	if err := r.enter(m.def.nesting); err != nil {
		return err
	}
	defer r.leave(m.def.nesting)
	outer := r.frame
	defer func() { r.frame = outer }()
	if err := r.pushFrame(m.def.frameSize, m.up); err != nil {
		return err
	}
	if err := m.bind(r, a); err != nil {
		return err
	}
	if err := r.enterScope(m.def.scope); err != nil {
		return err
	}
	if err := m.defaults(r); err != nil {
		return err
	}
	return r.execAll(m.def.body)
}

func (m *macroValue) bind(r *run, a *arguments) error {
	d := m.def
	taken := 0 // how many keyword arguments went to parameters
	for i, p := range d.params {
		if i < len(a.pos) {
			r.setParam(p, a.pos[i], a, i)
			continue
		}
		for k, name := range a.names {
			if name == p.name {
				r.setParam(p, a.named[k], a, len(a.pos)+k)
				taken++
			}
		}
	}
	var left []int
	for k, name := range a.names {
		switch {
		case taken > 0 && d.takesKeyword(name, len(a.pos)):
		case name == "caller" && d.caller != nil:
			r.setParam(d.caller, a.named[k], a, len(a.pos)+k)
		default:
			left = append(left, k)
		}
	}
	if err := m.bindRest(r, a, left); err != nil {
		return err
	}
	if d.caller != nil && r.frame.slots[d.caller.ref.slot] == missing {
		r.setParam(d.caller, &undefined{name: "caller", hint: "No caller defined"}, nil, 0)
	}
	return nil
}

// takesKeyword says whether a parameter after the first n has that name.
func (d *macroDef) takesKeyword(name string, n int) bool {
	for i, p := range d.params {
		if i >= n && p.name == name {
			return true
		}
	}
	return false
}

// bindRest fills kwargs and varargs, or refuses what is left over.
func (m *macroValue) bindRest(r *run, a *arguments, left []int) error {
	d := m.def
	switch {
	case d.kwargs != nil:
		if err := r.hold(keySize * (len(left) + 1)); err != nil {
			return err
		}
		rest := NewDict()
		var src source
		for _, k := range left {
			rest.Set(a.names[k], a.named[k])
			if a.sources != nil {
				src.paths = union(src.paths, a.sources[len(a.pos)+k].paths)
			}
		}
		r.assignParam(d.kwargs, rest, src)
	case len(left) > 0:
		name := a.names[left[0]]
		if name == "caller" {
			return failf(TypeError, "macro %s was invoked with two values for the special caller argument. This is most likely a bug.", m.quoted())
		}
		return failf(TypeError, "macro %s takes no keyword argument %s", m.quoted(), strRepr(name))
	}
	n := min(len(d.params), len(a.pos))
	switch {
	case d.varargs != nil:
		var src source
		if a.sources != nil {
			for _, s := range a.sources[n:len(a.pos)] {
				src.paths = union(src.paths, s.paths)
			}
		}
		r.assignParam(d.varargs, newTuple(a.pos[n:]...), src)
	case len(a.pos) > n:
		return failf(TypeError, "macro %s takes not more than %d argument(s)", m.quoted(), len(d.params))
	}
	return nil
}

func (m *macroValue) quoted() string {
	if m.def.name == "" {
		return "None"
	}
	return strRepr(m.def.name)
}

func (r *run) setParam(to *nameTarget, v any, a *arguments, i int) {
	var src source
	if a != nil && a.sources != nil {
		src = a.sources[i]
	}
	r.assignParam(to, v, src)
}

func (r *run) assignParam(to *nameTarget, v any, src source) {
	r.frame.slots[to.ref.slot] = v
	if r.trace != nil {
		r.frame.sources[to.ref.slot] = src
	}
}

// defaults gives parameters without an argument their default, in order.
func (m *macroValue) defaults(r *run) error {
	d := m.def
	for i, p := range d.params {
		if r.frame.slots[p.ref.slot] != missing {
			continue
		}
		k := i - (len(d.params) - len(d.defaults))
		if k < 0 {
			r.assignParam(p, &undefined{name: p.name, hint: "parameter " + strRepr(p.name) + " was not provided"}, source{})
			continue
		}
		v, src, err := r.evalSource(d.defaults[k])
		if err != nil {
			return err
		}
		r.assignParam(p, v, src)
	}
	return nil
}

func (m *macroValue) property(name string) (any, bool) {
	d := m.def
	switch name {
	case "name":
		if d.name == "" {
			return nil, true
		}
		return d.name, true
	case "arguments":
		t := newTuple()
		for _, p := range d.params {
			t.items = append(t.items, p.name)
		}
		return t, true
	case "catch_kwargs":
		return d.kwargs != nil, true
	case "catch_varargs":
		return d.varargs != nil, true
	case "caller":
		return d.caller != nil, true
	}
	return nil, false
}

func (b *blockRef) property(name string) (any, bool) {
	switch name {
	case "name":
		return b.def.name, true
	case "super":
		return &undefined{name: "super", hint: "there is no parent block called " + strRepr(b.def.name) + "."}, true
	}
	return nil, false
}
