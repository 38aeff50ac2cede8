package jinja

import (
	"maps"
	"strings"
)

func (e *constExpr) eval(*run) (any, error) { return e.value, nil }

func (e *nameExpr) eval(r *run) (any, error) {
	v, src := e.lookup(r)
	if r.trace != nil {
		r.trace.use(v, src)
	}
	return v, nil
}

// lookup reads the variable without recording its use.
func (e *nameExpr) lookup(r *run) (any, source) {
	f := r.frame
	for range e.ref.up {
		f = f.up
	}
	v := f.slots[e.ref.slot]
	if v == missing {
		return &undefined{name: e.name, node: e}, source{}
	}
	if r.trace != nil {
		return v, f.sources[e.ref.slot]
	}
	return v, source{}
}

// enterScope gives the variables of a scope their first values.
func (r *run) enterScope(scope scopeInit) error {
	for i := range scope {
		in := &scope[i]
		v, src := missing, source{}
		switch in.load {
		case loadAlias:
			v, src = r.read(in.from[0])
		case loadContext:
			for _, ref := range in.from {
				if v, src = r.read(ref); v != missing {
					break
				}
			}
			if v == missing {
				var err error
				if v, err = r.contextValue(in.root); err != nil {
					return err
				}
				if r.trace != nil {
					src = r.contextSource(in.root)
				}
			}
		}
		r.frame.slots[in.slot] = v
		if r.trace != nil {
			r.frame.sources[in.slot] = src
		}
	}
	return nil
}

// read gives what a slot holds now. A frame that is not there, as that around
// a block called through self, holds nothing.
func (r *run) read(ref slotRef) (any, source) {
	f := r.frame
	if ref.up == rootFrame {
		f = r.bottom
	} else {
		for range ref.up {
			if f = f.up; f == nil {
				return missing, source{}
			}
		}
	}
	if r.trace != nil {
		return f.slots[ref.slot], f.sources[ref.slot]
	}
	return f.slots[ref.slot], source{}
}

// contextValue gives a variable of the context, or a global.
func (r *run) contextValue(i int) (any, error) {
	if v := r.roots[i]; v != nil {
		return unwrapNone(v), nil
	}
	name := r.template.roots[i]
	v, ok := any(nil), false
	if r.vars != nil {
		v, ok = r.vars.Get(name)
	}
	switch {
	case name == "self":
		v = &selfRef{}
	case ok:
		var err error
		if v, err = r.importValue(v, &origin{key: name}); err != nil {
			return nil, err
		}
	default:
		if v, ok = r.lib.globals[name]; !ok {
			if v = missing; r.vars != nil {
				if f, ok := r.vars.missing(name); ok {
					var err error
					if v, err = r.importValue(f, &origin{key: name}); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	r.roots[i] = wrapNone(v)
	return v, nil
}

// noneRoot stands for None where nil means not yet looked up.
var noneRoot any = &struct{ _ byte }{}

func wrapNone(v any) any {
	if v == nil {
		return noneRoot
	}
	return v
}

func unwrapNone(v any) any {
	if v == noneRoot {
		return nil
	}
	return v
}

// undefinedError says what was not there, and who has to change something.
func undefinedError(u *undefined) error {
	e := &Error{Kind: UndefinedError, Fix: FixTemplate, Msg: u.message()}
	if u.node != nil {
		e.pos, e.end, e.placed = u.node.at().pos, u.node.at().end, true
		e.Path = staticPath(u.node)
	}
	if u.hint != "" {
		return e
	}
	name, _ := textOf(u.name)
	if !u.hasObj {
		e.nearName = name
		return e
	}
	d, ok := u.obj.(*Dict)
	if !ok {
		return e
	}
	if name != "" {
		e.Near = near(name, d.Keys())
		if base := d.origin.path(); base != "" {
			e.Path = joinPath(base, name)
		}
	}
	if belowInputs(d, e.Path) {
		e.Fix = FixSpec
	}
	return e
}

// belowInputs says whether a key of d is something a spec could have given.
func belowInputs(d *Dict, path string) bool {
	if d.origin.key == nil {
		parts := strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			if p == "inputs" {
				return true
			}
		}
		return false
	}
	for o := &d.origin; o != nil && o.key != nil; o = o.up {
		if o.key == "inputs" {
			return true
		}
	}
	return false
}

// staticPath is the dotted path an expression spells, "" if it does not.
func staticPath(e expr) string {
	switch e := e.(type) {
	case *nameExpr:
		return e.name
	case *attrExpr:
		if base := staticPath(e.obj); base != "" {
			return joinPath(base, e.name)
		}
	case *itemExpr:
		if c, ok := e.arg.(*constExpr); ok {
			if base := staticPath(e.obj); base != "" {
				return joinPath(base, c.value)
			}
		}
	}
	return ""
}

// variableNames are the names an undefined variable may be a misspelling of.
func (r *run) variableNames() []string {
	var list []string
	if r.vars != nil {
		list = r.vars.Keys()
	}
	list = append(list, keys(maps.Keys(r.lib.globals))...)
	return append(list, r.template.assigned...)
}
