package jinja

// This file decides at parse time where every variable lives, by Jinja's own
// rules: which tags open a scope, that an assignment belongs to the innermost
// one, and that if does not open any.

// A slotRef is where a variable lives while rendering: slot in the frame that
// is up functions out. It is filled in before the template is first rendered.
type slotRef struct{ up, slot int }

// A slotInit gives a slot its value when its scope is entered.
type slotInit struct {
	slot int
	load loadKind
	from []slotRef // loadAlias: the outer variable; loadContext: tried first
	root int       // loadContext: index into Template.roots
}

type loadKind uint8

const (
	loadParam   loadKind = iota // whoever enters the scope stores it
	loadContext                 // the variable given to Render, or a global
	loadAlias                   // starts as the variable of the same name outside
	loadMissing                 // undefined until it is set
)

// scopeInit is what entering a scope does.
type scopeInit []slotInit

// symbols are the variables of one scope, or what one branch of an if adds to
// them: then base is the scope as it was before the branch.
type symbols struct {
	parent *symbols
	base   *symbols
	fn     *function
	slots  map[string]int // shared by all branches, so a name has one slot
	refs   map[string]bool
	loads  map[string]loadKind
	stores map[string]bool
	block  *blockScope // set in the scope of a block
}

// A function is what gets a frame of its own when it runs: the template, a
// macro, a call block, a recursive loop, a block.
type function struct {
	parent *function
	size   int
}

// blockScope is what a block sees of the place it stands in. It resolves
// names afresh from the context, except that a scoped block sees the variables
// stored around it.
type blockScope struct {
	outer *symbols // nil unless scoped
	root  *symbols // assignments at the top level are part of the context
}

func newSymbols(parent *symbols, fn *function) *symbols {
	return &symbols{parent: parent, fn: fn, slots: map[string]int{}, refs: map[string]bool{},
		loads: map[string]loadKind{}, stores: map[string]bool{}}
}

// branch begins a branch of an if.
func (s *symbols) branch() *symbols {
	b := newSymbols(s.parent, s.fn)
	b.base, b.slots = s, s.slots
	return b
}

func (s *symbols) has(name string) bool {
	for ; s != nil; s = s.base {
		if s.refs[name] {
			return true
		}
	}
	return false
}

func (s *symbols) storesName(name string) bool {
	for ; s != nil; s = s.base {
		if s.stores[name] {
			return true
		}
	}
	return false
}

// find looks the name up here and outwards.
func (s *symbols) find(name string) (slotRef, bool) {
	for scope := s; scope != nil; scope = scope.parent {
		if scope.has(name) {
			return slotRef{s.fn.distance(scope.fn), scope.slots[name]}, true
		}
	}
	return slotRef{}, false
}

func (f *function) distance(outer *function) int {
	n := 0
	for ; f != outer; f = f.parent {
		n++
	}
	return n
}

func (s *symbols) define(name string, load loadKind) int {
	slot, ok := s.slots[name]
	if !ok {
		slot = s.fn.size
		s.fn.size++
		s.slots[name] = slot
	}
	s.refs[name] = true
	s.loads[name] = load
	return slot
}

func (s *symbols) param(name string) int {
	s.stores[name] = true
	return s.define(name, loadParam)
}

func (s *symbols) load(name string) {
	if _, ok := s.find(name); !ok {
		s.define(name, loadContext)
	}
}

func (s *symbols) store(name string) {
	s.stores[name] = true
	if s.has(name) {
		return
	}
	if s.parent != nil {
		if _, ok := s.parent.find(name); ok {
			s.define(name, loadAlias)
			return
		}
	}
	s.define(name, loadMissing)
}

// merge adds what the branches of an if did. A variable that only branches
// store starts as what it is outside.
func (s *symbols) merge(branches ...*symbols) {
	for _, b := range branches {
		for name := range b.refs {
			s.refs[name] = true
		}
		for name, load := range b.loads {
			s.loads[name] = load
		}
	}
	for _, b := range branches {
		for name := range b.stores {
			if s.storesName(name) {
				continue
			}
			s.loads[name] = loadContext
			if s.parent != nil {
				if _, ok := s.parent.find(name); ok {
					s.loads[name] = loadAlias
				}
			}
		}
	}
	for _, b := range branches {
		for name := range b.stores {
			s.stores[name] = true
		}
	}
}

// collect notes what statements of one scope load and store, in order. Scopes
// inside are looked into later, when everything around them is known.
func (s *symbols) collect(list []stmt) {
	for _, st := range list {
		s.collectStmt(st)
	}
}

func (s *symbols) collectStmt(st stmt) {
	switch st := st.(type) {
	case *outputStmt:
		s.collectExpr(st.value)
	case *ifStmt:
		s.collectIf(st)
	case *forStmt:
		s.collectExpr(st.iter)
	case *setStmt:
		s.collectExpr(st.value)
		s.collectTarget(st.target)
	case *setBlockStmt:
		s.collectTarget(st.target)
	case *withStmt:
		for _, v := range st.values {
			s.collectExpr(v)
		}
	case *macroStmt:
		s.store(st.target.name)
	case *callStmt:
		s.collectExpr(st.call)
	case *filterStmt:
		s.collectExpr(st.filter)
	case *autoescapeStmt:
		s.collectExpr(st.value)
	}
}

func (s *symbols) collectIf(st *ifStmt) {
	s.collectExpr(st.tests[0])
	first := s.branch()
	first.collect(st.bodies[0])
	rest := s.branch()
	for i, test := range st.tests[1:] {
		rest.collectExpr(test)
		branch := rest.branch()
		branch.collect(st.bodies[i+1])
		rest.merge(branch)
	}
	last := s.branch()
	last.collect(st.otherwise)
	s.merge(first, rest, last)
}

func (s *symbols) collectTarget(t target) {
	switch t := t.(type) {
	case *nameTarget:
		s.store(t.name)
	case *attrTarget:
		s.load(t.object.name)
	case *tupleTarget:
		for _, item := range t.items {
			s.collectTarget(item)
		}
	}
}

func (s *symbols) collectExpr(e expr) {
	walkExpr(e, func(e expr) {
		if n, ok := e.(*nameExpr); ok {
			s.load(n.name)
		}
	})
}

// params declares the names of a target as stored by the scope's owner.
func (s *symbols) params(t target) {
	switch t := t.(type) {
	case *nameTarget:
		s.param(t.name)
	case *tupleTarget:
		for _, item := range t.items {
			s.params(item)
		}
	}
}
