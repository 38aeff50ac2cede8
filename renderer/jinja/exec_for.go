package jinja

func (s *forStmt) exec(r *run) error {
	v, src, err := r.evalSource(s.iter)
	if err != nil {
		return err
	}
	if !s.recursive {
		return s.run(r, v, src, nil, 0)
	}
	return s.runRecursive(r, v, src, r.frame, 0)
}

// runRecursive runs the loop as the function it is, with a frame of its own.
func (s *forStmt) runRecursive(r *run, v any, src source, up *frame, depth int) error {
	if err := r.enter(s.depth); err != nil {
		return failed(err, &s.node)
	}
	defer r.leave(s.depth)
	outer := r.frame
	defer func() { r.frame = outer }()
	if err := r.pushFrame(s.frameSize, up); err != nil {
		return failed(err, &s.node)
	}
	return s.run(r, v, src, up, depth)
}

func (s *forStmt) run(r *run, v any, src source, up *frame, depth int) error {
	it, err := r.iterate(v)
	if err != nil {
		return failed(err, s.iter.at())
	}
	over := v
	if s.test != nil {
		if it, err = s.filtered(r, it, src); err != nil {
			return err
		}
		over = it
	}
	var loop *loopValue
	if s.extended {
		loop = &loopValue{run: r, over: over, iter: it, index: -1, length: -1, depth: depth, current: missing, after: missing}
		if s.recursive {
			loop.stmt, loop.up = s, up
		}
	}
	ran := false
	err = r.trace.within(src, func() error {
		ran, err = s.iterations(r, it, loop, v, src)
		return err
	})
	if err != nil || ran || s.otherwise == nil {
		return err
	}
	if err := r.enterScope(s.elseScope); err != nil {
		return failed(err, &s.node)
	}
	return r.trace.within(src, func() error { return r.execAll(s.otherwise) })
}

func (s *forStmt) iterations(r *run, it *iterator, loop *loopValue, over any, src source) (ran bool, err error) {
	simple, _ := s.target.(*nameTarget)
	for i := 0; ; i++ {
		var item any
		var ok bool
		if loop != nil {
			item, ok, err = loop.advance()
		} else {
			item, ok, err = it.next()
		}
		if err != nil {
			return ran, failed(err, s.iter.at())
		}
		if !ok {
			return ran, nil
		}
		ran = true
		if err := r.spend(1); err != nil {
			return ran, failed(err, &s.node)
		}
		if loop != nil {
			r.frame.slots[s.loop.slot] = loop
		}
		switch {
		case r.trace != nil:
			from := src
			if s.test == nil {
				from = itemSource(over, i, item, src)
			}
			// That there is an item depends on the value looped over; what
			// the item is does not.
			around := r.trace.conditions
			r.trace.conditions = nil
			err = r.assign(s.target, item, from)
			r.trace.conditions = around
		case simple != nil:
			r.frame.slots[simple.ref.slot] = item
		default:
			err = r.assign(s.target, item, src)
		}
		if err != nil {
			return ran, failed(err, s.target.at())
		}
		if len(s.scope) > 0 {
			if err := r.enterScope(s.scope); err != nil {
				return ran, failed(err, &s.node)
			}
		}
		if err := r.execAll(s.body); err != nil {
			return ran, err
		}
	}
}

// filtered yields the items for which the condition of the loop holds.
func (s *forStmt) filtered(r *run, from *iterator, src source) (*iterator, error) {
	if err := r.enterScope(s.testScope); err != nil {
		return nil, failed(err, &s.node)
	}
	f := r.frame
	return r.generator(from, func() (any, bool, error) {
		outer := r.frame
		r.frame = f
		defer func() { r.frame = outer }()
		for {
			item, ok, err := from.next()
			if err != nil || !ok {
				return nil, false, err
			}
			if err := r.assign(s.testTarget, item, src); err != nil {
				return nil, false, failed(err, s.target.at())
			}
			t, err := r.test(s.test)
			if err != nil {
				return nil, false, err
			}
			if t {
				return r.targetValue(s.testTarget, item), true, nil
			}
		}
	})
}

// targetValue is what a loop with a condition goes on with: where the target
// is a tuple, a tuple of what was just assigned.
func (r *run) targetValue(t target, item any) any {
	switch t := t.(type) {
	case *nameTarget:
		return r.frame.slots[t.ref.slot]
	case *tupleTarget:
		out := &tuple{items: make([]any, len(t.items))}
		for i, to := range t.items {
			out.items[i] = r.targetValue(to, nil)
		}
		return out
	}
	return item
}

// A loopValue is the variable loop.
type loopValue struct {
	run     *run
	over    any
	iter    *iterator
	index   int // counted from 0
	length  int // -1 until asked for
	depth   int // counted from 0
	before  any
	current any
	after   any // the item looked at ahead, or missing

	lastChanged []any // the arguments of the last call of changed
	wasChanged  bool

	stmt *forStmt // of a recursive loop
	up   *frame
}

func (l *loopValue) advance() (any, bool, error) {
	item := l.after
	if item != missing {
		l.after = missing
	} else {
		v, ok, err := l.iter.next()
		if err != nil || !ok {
			return nil, false, err
		}
		item = v
	}
	l.index++
	l.before, l.current = l.current, item
	return item, true, nil
}

func (l *loopValue) peek() (any, error) {
	if l.after == missing {
		v, ok, err := l.iter.next()
		if err != nil || !ok {
			return missing, err
		}
		l.after = v
	}
	return l.after, nil
}

// size is the number of items. Of an iterator it is only known when all are
// there.
func (l *loopValue) size(r *run) (int, error) {
	if l.length >= 0 {
		return l.length, nil
	}
	if _, ok := l.over.(*iterator); !ok {
		if n, err := r.length(l.over); err == nil {
			l.length = n
			return n, nil
		}
	}
	rest, err := r.items(l.iter)
	if err != nil {
		return 0, err
	}
	if l.iter, err = r.iterate(newList(rest)); err != nil {
		return 0, err
	}
	l.length = len(rest) + l.index + 1
	if l.after != missing {
		l.length++
	}
	return l.length, nil
}

func (l *loopValue) property(r *run, name string) (v any, ok bool, err error) {
	switch name {
	case "index":
		return int64(l.index + 1), true, nil
	case "index0":
		return int64(l.index), true, nil
	case "depth":
		return int64(l.depth + 1), true, nil
	case "depth0":
		return int64(l.depth), true, nil
	case "first":
		return l.index == 0, true, nil
	case "length":
		n, err := l.size(r)
		return int64(n), true, err
	case "revindex":
		n, err := l.size(r)
		return int64(n - l.index), true, err
	case "revindex0":
		n, err := l.size(r)
		return int64(n - l.index - 1), true, err
	case "last":
		v, err := l.peek()
		return v == missing, true, err
	case "nextitem":
		v, err := l.peek()
		if v == missing {
			v = &undefined{hint: "there is no next item"}
		}
		return v, true, err
	case "previtem":
		if l.index == 0 {
			return &undefined{hint: "there is no previous item"}, true, nil
		}
		return l.before, true, nil
	case "cycle", "changed":
		return &boundMethod{l, r.lib.loop[name]}, true, nil
	}
	return nil, false, nil
}

var loopMethods = []*builtin{
	def("cycle", func(_ *run, self any, a *bound) (any, error) {
		if len(a.rest) == 0 {
			return nil, failf(TypeError, "no items for cycling given")
		}
		return a.rest[self.(*loopValue).index%len(a.rest)], nil
	}, all()),
	def("changed", func(r *run, self any, a *bound) (any, error) {
		l := self.(*loopValue)
		if l.wasChanged {
			same, err := r.equalItems(l.lastChanged, a.rest)
			if err != nil || same {
				return false, err
			}
		}
		l.lastChanged, l.wasChanged = a.rest, true
		return true, nil
	}, all()),
}
