package jinja

import "slices"

// AnyItem stands in the path of a Read for an item of a list, and for a key that
// is only known when the template runs.
const AnyItem = "[]"

// A Read is a place at which a template reads one of the variables it is given.
type Read struct {
	Path         []string // from the variable on: service_instance inputs size
	Line, Column int
	Guarded      bool // the template is prepared for its absence: is defined, default, in
}

// Reads lists what the template reads wherever it might, in the order of its
// text. It follows names through loops and assignments as far as that can be
// told without running; what it cannot follow it leaves out. A Read of a
// mapping as a whole has the path of the mapping.
func (t *Template) Reads() []Read {
	w := &reading{lines: newLineTable(t.source), names: map[string]binding{}}
	for name := range t.lib.globals {
		w.names[name] = binding{}
	}
	w.stmts(t.body)
	return w.reads
}

// A binding is what a local name stands for: a path, or with none something
// that cannot be followed.
type binding struct{ path []string }

// reading walks a template.
type reading struct {
	lines *lineTable
	names map[string]binding
	reads []Read
}

func (w *reading) add(e expr, path []string, guarded bool) {
	line, column := w.lines.position(e.at().pos)
	w.reads = append(w.reads, Read{Path: path, Line: line, Column: column, Guarded: guarded})
}

// inner walks a body with names of its own.
func (w *reading) inner(body []stmt, bind func()) {
	outer := w.names
	w.names = make(map[string]binding, len(outer))
	for k, v := range outer {
		w.names[k] = v
	}
	bind()
	w.stmts(body)
	w.names = outer
}

func (w *reading) stmts(list []stmt) {
	for _, st := range list {
		w.stmt(st)
	}
}

func (w *reading) stmt(st stmt) {
	switch st := st.(type) {
	case *outputStmt:
		w.expr(st.value, false)
	case *ifStmt:
		for i, test := range st.tests {
			w.expr(test, false)
			w.stmts(st.bodies[i])
		}
		w.stmts(st.otherwise)
	case *forStmt:
		w.loop(st)
	case *setStmt:
		w.expr(st.value, false)
		path, _ := w.path(st.value)
		w.assign(st.target, path)
	case *setBlockStmt:
		w.stmts(st.body)
		w.assign(st.target, nil)
	case *withStmt:
		for _, v := range st.values {
			w.expr(v, false)
		}
		w.inner(st.body, func() {
			for i, target := range st.targets {
				path, _ := w.path(st.values[i])
				w.bind(target, path)
			}
		})
	case *macroStmt:
		w.bind(st.target, nil)
		w.macro(st.def)
	case *callStmt:
		w.expr(st.call, false)
		w.macro(st.def)
	case *filterStmt:
		w.expr(st.filter, false)
		w.inner(st.body, func() {})
	case *blockStmt:
		w.inner(st.def.body, func() {})
	case *autoescapeStmt:
		w.inner(st.body, func() {})
	}
}

func (w *reading) loop(st *forStmt) {
	path, ok := w.path(st.iter)
	pairs := false
	if call, is := st.iter.(*callExpr); is {
		if fn, is := call.fn.(*attrExpr); is {
			if path, ok = w.path(fn.obj); ok {
				pairs = fn.name == "items"
				ok = pairs || fn.name == "values"
			}
		}
	}
	w.expr(st.iter, false)
	var item []string
	if ok {
		item = append(slices.Clone(path), AnyItem)
	}
	w.inner(st.body, func() {
		w.names["loop"] = binding{}
		if tuple, is := st.target.(*tupleTarget); is && pairs && len(tuple.items) == 2 {
			w.bind(tuple.items[0], nil)
			w.bind(tuple.items[1], item)
		} else {
			w.bind(st.target, item)
		}
		w.expr(st.test, false)
	})
	w.inner(st.otherwise, func() {})
}

func (w *reading) macro(d *macroDef) {
	for _, e := range d.defaults {
		w.expr(e, false)
	}
	w.inner(d.body, func() {
		for _, name := range []string{"caller", "varargs", "kwargs"} {
			w.names[name] = binding{}
		}
		for _, p := range d.params {
			w.bind(p, nil)
		}
	})
}

// bind gives a name a new meaning.
func (w *reading) bind(t target, path []string) {
	switch t := t.(type) {
	case *nameTarget:
		w.names[t.name] = binding{path}
	case *tupleTarget:
		for _, item := range t.items {
			w.bind(item, nil)
		}
	}
}

// assign does so for a set tag, which may be one of several for a name.
func (w *reading) assign(t target, path []string) {
	if n, ok := t.(*nameTarget); ok {
		if old, known := w.names[n.name]; known && !slices.Equal(old.path, path) {
			path = nil
		}
	}
	w.bind(t, path)
}

// path follows an expression to what it reads.
func (w *reading) path(e expr) ([]string, bool) {
	switch e := e.(type) {
	case *nameExpr:
		if b, local := w.names[e.name]; local {
			return b.path, b.path != nil
		}
		return []string{e.name}, true
	case *attrExpr:
		path, ok := w.path(e.obj)
		return append(slices.Clone(path), e.name), ok
	case *itemExpr:
		path, ok := w.path(e.obj)
		key := AnyItem
		if s, constant := constantText(e.arg); constant {
			key = s
		}
		return append(slices.Clone(path), key), ok
	case *filterExpr:
		if e == nil || e.in == nil {
			return nil, false
		}
		path, ok := w.path(e.in)
		switch e.name {
		case "default", "d", "list", "sort", "unique", "reverse":
			return path, ok
		case "first", "last":
			return append(slices.Clone(path), AnyItem), ok
		}
	}
	return nil, false
}

// expr notes what an expression reads.
func (w *reading) expr(e expr, guarded bool) {
	if isNilExpr(e) {
		return
	}
	switch e := e.(type) {
	case *filterExpr:
		w.expr(e.in, guarded || e.name == "default" || e.name == "d")
		for _, arg := range e.args.all() {
			w.expr(arg, false)
		}
		return
	case *testExpr:
		w.expr(e.in, guarded || e.name == "defined" || e.name == "undefined")
		for _, arg := range e.args.all() {
			w.expr(arg, false)
		}
		return
	case *callExpr:
		w.call(e, guarded)
		return
	case *compareExpr:
		w.compare(e)
		return
	}
	if path, ok := w.path(e); ok {
		w.add(e, path, guarded)
	}
	w.arguments(e)
}

// arguments notes what stands inside the brackets of a path, and all that an
// expression of another kind is made of.
func (w *reading) arguments(e expr) {
	_, followed := w.path(e)
	switch e := e.(type) {
	case *attrExpr:
		if followed {
			w.arguments(e.obj)
			return
		}
	case *itemExpr:
		w.expr(e.arg, false)
		if followed {
			w.arguments(e.obj)
			return
		}
		w.expr(e.obj, false)
		return
	case *filterExpr:
		if followed {
			w.expr(e, false)
			return
		}
	}
	for _, c := range children(e) {
		w.expr(c, false)
	}
}

// call notes a call: a method reads what it is called on.
func (w *reading) call(e *callExpr, guarded bool) {
	fn, method := e.fn.(*attrExpr)
	switch {
	case !method:
		w.expr(e.fn, guarded)
	case fn.name == "get" && len(e.args.pos) > 0:
		path, ok := w.path(fn.obj)
		if key, constant := constantText(e.args.pos[0]); ok && constant {
			w.add(fn.obj, append(slices.Clone(path), key), true)
			break
		}
		w.expr(fn.obj, guarded)
	default:
		w.expr(fn.obj, guarded)
	}
	for _, arg := range e.args.all() {
		w.expr(arg, false)
	}
}

// compare notes a comparison; 'key' in mapping asks for one key alone.
func (w *reading) compare(e *compareExpr) {
	w.expr(e.left, false)
	left := e.left
	for _, op := range e.ops {
		key, constant := constantText(left)
		if path, ok := w.path(op.right); ok && constant && (op.op == "in" || op.op == "not in") {
			w.add(op.right, append(slices.Clone(path), key), true)
		} else {
			w.expr(op.right, false)
		}
		left = op.right
	}
}

func constantText(e expr) (string, bool) {
	if c, ok := e.(*constExpr); ok {
		s, ok := c.value.(string)
		return s, ok
	}
	return "", false
}
