package jinja

import "slices"

// A resolver fills in where the variables of a parsed template live.
type resolver struct {
	template *Template
	root     *symbols
	index    map[string]int // name → position in template.roots
}

// rootFrame as slotRef.up means the frame of the template itself.
const rootFrame = -1

func resolve(t *Template) {
	fn := &function{}
	rv := &resolver{template: t, root: newSymbols(nil, fn), index: map[string]int{}}
	rv.root.collect(t.body)
	rv.stmts(t.body, rv.root)
	t.scope = rv.inits(rv.root)
	t.frameSize = fn.size
}

func (rv *resolver) inits(s *symbols) scopeInit {
	var list scopeInit
	for name, load := range s.loads {
		in := slotInit{slot: s.slots[name], load: load}
		switch load {
		case loadParam:
			continue
		case loadAlias:
			ref, _ := s.parent.find(name)
			ref.up += s.fn.distance(s.parent.fn)
			in.from = []slotRef{ref}
		case loadContext:
			in.root = rv.contextName(name)
			in.from = rv.blockSources(name, s)
		}
		list = append(list, in)
	}
	slices.SortFunc(list, func(a, b slotInit) int { return a.slot - b.slot })
	return list
}

func (rv *resolver) contextName(name string) int {
	i, ok := rv.index[name]
	if !ok {
		i = len(rv.template.roots)
		rv.index[name] = i
		rv.template.roots = append(rv.template.roots, name)
	}
	return i
}

// blockSources are the variables a name inside a block may mean before the
// context: those stored around a scoped block, then top-level assignments.
func (rv *resolver) blockSources(name string, s *symbols) []slotRef {
	top := s
	for top.parent != nil {
		top = top.parent
	}
	if top.block == nil {
		return nil
	}
	var refs []slotRef
	for outer := top.block.outer; outer != nil; outer = outer.parent {
		if outer.stores[name] {
			ref, _ := top.block.outer.find(name)
			ref.up += s.fn.distance(top.block.outer.fn)
			refs = append(refs, ref)
			break
		}
	}
	if top.block.root.stores[name] {
		refs = append(refs, slotRef{rootFrame, top.block.root.slots[name]})
	}
	return refs
}

func (rv *resolver) stmts(list []stmt, s *symbols) {
	for _, st := range list {
		rv.stmt(st, s)
	}
}

func (rv *resolver) stmt(st stmt, s *symbols) {
	switch st := st.(type) {
	case *outputStmt:
		rv.expr(st.value, s)
	case *ifStmt:
		for i, test := range st.tests {
			rv.expr(test, s)
			rv.stmts(st.bodies[i], s)
		}
		rv.stmts(st.otherwise, s)
	case *forStmt:
		rv.forStmt(st, s)
	case *setStmt:
		rv.expr(st.value, s)
		rv.target(st.target, s)
	case *setBlockStmt:
		rv.target(st.target, s)
		st.scope = rv.inner(s, st.body, nil, []expr{st.filter})
	case *withStmt:
		for _, v := range st.values {
			rv.expr(v, s)
		}
		st.scope = rv.inner(s, st.body, st.targets, nil)
	case *macroStmt:
		rv.target(st.target, s)
		rv.macro(st.def, s)
	case *callStmt:
		rv.expr(st.call, s)
		rv.macro(st.def, s)
	case *filterStmt:
		st.scope = rv.inner(s, st.body, nil, []expr{st.filter})
	case *blockStmt:
		rv.block(st.def, s)
	case *autoescapeStmt:
		st.scope = rv.inner(s, st.body, nil, []expr{st.value})
	}
}

// inner resolves a scope inside the same function.
func (rv *resolver) inner(outer *symbols, body []stmt, params []target, exprs []expr) scopeInit {
	s := newSymbols(outer, outer.fn)
	for _, p := range params {
		s.params(p)
	}
	for _, e := range exprs {
		s.collectExpr(e)
	}
	s.collect(body)
	for _, p := range params {
		rv.target(p, s)
	}
	for _, e := range exprs {
		rv.expr(e, s)
	}
	rv.stmts(body, s)
	return rv.inits(s)
}

func (rv *resolver) forStmt(st *forStmt, outer *symbols) {
	rv.expr(st.iter, outer)
	fn := outer.fn
	if st.recursive {
		fn = &function{parent: outer.fn}
	}
	if st.test != nil {
		s := newSymbols(outer, fn)
		s.params(st.testTarget)
		s.collectExpr(st.test)
		rv.target(st.testTarget, s)
		rv.expr(st.test, s)
		st.testScope = rv.inits(s)
	}
	s := newSymbols(outer, fn)
	if st.extended {
		st.loop = slotRef{0, s.param("loop")}
	}
	s.params(st.target)
	s.collect(st.body)
	rv.target(st.target, s)
	rv.stmts(st.body, s)
	st.scope = rv.inits(s)

	e := newSymbols(outer, fn)
	e.collect(st.otherwise)
	rv.stmts(st.otherwise, e)
	st.elseScope = rv.inits(e)
	if st.recursive {
		st.frameSize = fn.size
	}
}

func (rv *resolver) macro(d *macroDef, outer *symbols) {
	fn := &function{parent: outer.fn}
	s := newSymbols(outer, fn)
	for _, special := range []*nameTarget{d.caller, d.kwargs, d.varargs} {
		if special != nil {
			s.params(special)
			rv.target(special, s)
		}
	}
	for _, p := range d.params {
		s.params(p)
	}
	for _, e := range d.defaults {
		s.collectExpr(e)
	}
	s.collect(d.body)
	for _, p := range d.params {
		rv.target(p, s)
	}
	for _, e := range d.defaults {
		rv.expr(e, s)
	}
	rv.stmts(d.body, s)
	d.scope, d.frameSize = rv.inits(s), fn.size
}

func (rv *resolver) block(d *blockDef, outer *symbols) {
	fn := &function{parent: outer.fn}
	s := newSymbols(nil, fn)
	s.block = &blockScope{root: rv.root}
	if d.scoped {
		s.block.outer = outer
	}
	s.collect(d.body)
	rv.stmts(d.body, s)
	d.scope, d.frameSize = rv.inits(s), fn.size
}

func (rv *resolver) expr(e expr, s *symbols) {
	walkExpr(e, func(e expr) {
		if n, ok := e.(*nameExpr); ok {
			n.ref, _ = s.find(n.name)
		}
	})
}

func (rv *resolver) target(t target, s *symbols) {
	switch t := t.(type) {
	case *nameTarget:
		t.ref, _ = s.find(t.name)
	case *attrTarget:
		t.object.ref, _ = s.find(t.object.name)
	case *tupleTarget:
		for _, item := range t.items {
			rv.target(item, s)
		}
	}
}
