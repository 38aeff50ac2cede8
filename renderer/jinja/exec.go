package jinja

import "strconv"

func (r *run) execAll(body []stmt) error {
	for _, s := range body {
		if err := s.exec(r); err != nil {
			return failed(err, s.at())
		}
	}
	return nil
}

func (s *textStmt) exec(r *run) error {
	start := len(r.out)
	if err := r.write(s.text); err != nil {
		return failed(err, &s.node)
	}
	if r.trace != nil {
		r.trace.write(start, len(r.out), s.pos, true, nil)
	}
	return r.spend(1)
}

func (s *refusedStmt) exec(*run) error {
	err := *s.err
	return &err
}

func (s *outputStmt) exec(r *run) error {
	if r.trace == nil {
		_, err := s.emit(r)
		return err
	}
	outer, start := r.trace.used, len(r.out)
	r.trace.used = nil
	direct, err := s.emit(r)
	if !direct {
		r.trace.write(start, len(r.out), s.pos, false, r.trace.used)
	}
	r.trace.used = outer
	return err
}

// emit writes the value. A call of a macro writes what its body writes, which
// then is traced by itself; direct says that it did.
func (s *outputStmt) emit(r *run) (direct bool, err error) {
	var v any
	if call, ok := s.value.(*callExpr); ok {
		fn, args, err := call.prepare(r)
		if err != nil {
			return false, err
		}
		if isTemplateCode(fn) {
			return true, failed(r.runCode(fn, args), &call.node)
		}
		if v, err = r.callValue(fn, args); err != nil {
			return false, failed(err, &call.node)
		}
	} else if v, err = s.value.eval(r); err != nil {
		return false, err
	}
	escape := s.escape == escapeOn || s.escape == escapeAsked && r.escape
	if err := r.spend(1); err != nil {
		return false, failed(err, s.value.at())
	}
	return false, failed(r.print(v, escape), s.value.at())
}

// print writes the text of a value.
func (r *run) print(v any, escape bool) error {
	if escape {
		m, err := r.escaped(v)
		if err != nil {
			return err
		}
		return r.write(string(m))
	}
	switch v := v.(type) {
	case string:
		return r.write(v)
	case int64:
		var digits [20]byte
		return r.write(string(strconv.AppendInt(digits[:0], v, 10)))
	case Block:
		return r.writeBlock(string(v))
	}
	text, err := r.str(v)
	if err != nil {
		return err
	}
	return r.write(text)
}

// writeBlock writes a text of several lines so that each starts in the column
// in which the first does.
func (r *run) writeBlock(text string) error {
	column := 0
	for i := len(r.out) - 1; i >= 0 && r.out[i] != '\n'; i-- {
		if r.out[i]&0xc0 != 0x80 { // not inside a character
			column++
		}
	}
	start := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '\n' {
			continue
		}
		if err := r.write(text[start : i+1]); err != nil {
			return err
		}
		start = i + 1
		if err := r.write(spaces(column)); err != nil {
			return err
		}
	}
	return r.write(text[start:])
}

func spaces(n int) string {
	const blank = "                                                                "
	if n <= len(blank) {
		return blank[:n]
	}
	return repeatText(" ", n)
}

func (s *ifStmt) exec(r *run) error {
	if r.trace != nil {
		return s.execTraced(r)
	}
	for i, test := range s.tests {
		t, err := r.test(test)
		if err != nil {
			return err
		}
		if t {
			return r.execAll(s.bodies[i])
		}
	}
	return r.execAll(s.otherwise)
}

func (s *ifStmt) execTraced(r *run) error {
	outer := r.trace.used
	defer func() { r.trace.used = outer }()
	r.trace.used = nil
	body := s.otherwise
	for i, test := range s.tests {
		t, err := r.test(test)
		if err != nil {
			return err
		}
		if t {
			body = s.bodies[i]
			break
		}
	}
	return r.trace.within(source{r.trace.used}, func() error { return r.execAll(body) })
}

func (s *setStmt) exec(r *run) error {
	if err := r.spend(1); err != nil {
		return failed(err, &s.node)
	}
	v, src, err := r.evalSource(s.value)
	if err != nil {
		return err
	}
	return failed(r.assign(s.target, v, src), &s.node)
}

// assign stores a value in a target.
func (r *run) assign(to target, v any, src source) error {
	switch to := to.(type) {
	case *nameTarget:
		r.frame.slots[to.ref.slot] = v
		if r.trace != nil {
			src.paths = union(src.paths, r.trace.conditions)
			r.frame.sources[to.ref.slot] = src
		}
	case *tupleTarget:
		return r.unpack(to, v, src)
	case *attrTarget:
		obj, _ := to.object.lookup(r)
		if err := check(obj); err != nil {
			return err
		}
		ns, ok := obj.(*namespace)
		if !ok {
			return failf(RuntimeError, "cannot assign attribute on non-namespace object")
		}
		if err := r.hold(keySize); err != nil {
			return err
		}
		ns.attrs.Set(to.attr, v)
		if r.trace != nil {
			src.paths = union(src.paths, r.trace.conditions)
			r.trace.store(member{ns, to.attr}, src, true)
		}
	}
	return nil
}

func (r *run) unpack(to *tupleTarget, v any, src source) error {
	if err := check(v); err != nil {
		return err
	}
	it, err := r.iterate(v)
	if err != nil {
		return failf(TypeError, "cannot unpack non-iterable %s object", typeName(v))
	}
	values := make([]any, 0, len(to.items))
	for {
		item, ok, err := it.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if len(values) == len(to.items) {
			return failf(ValueError, "too many values to unpack (expected %d)", len(to.items))
		}
		values = append(values, item)
	}
	if len(values) < len(to.items) {
		return failf(ValueError, "not enough values to unpack (expected %d, got %d)", len(to.items), len(values))
	}
	for i, item := range to.items {
		from := src
		if r.trace != nil {
			from = itemSource(v, i, values[i], src)
		}
		if err := r.assign(item, values[i], from); err != nil {
			return err
		}
	}
	return nil
}
