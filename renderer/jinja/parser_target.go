package jinja

import "strings"

func (p *parser) nameTarget() *nameTarget {
	t := p.expect(tokName)
	return p.newTarget(p.node(t.pos), t.text)
}

func (p *parser) newTarget(n node, name string) *nameTarget {
	to := &nameTarget{node: n, name: name}
	if len(p.assignedNames) < maxNearNames {
		p.assignedNames = append(p.assignedNames, name)
	}
	switch name {
	case "true", "false", "none", "True", "False", "None":
		p.fail(n.pos, "can't assign to 'const'")
	case "loop":
		p.assigned = to
	}
	return to
}

// copyTarget copies a target whose variables live in two scopes.
func copyTarget(t target) target {
	switch t := t.(type) {
	case *nameTarget:
		c := *t
		return &c
	case *tupleTarget:
		c := &tupleTarget{node: t.node, kind: t.kind}
		for _, item := range t.items {
			c.items = append(c.items, copyTarget(item))
		}
		return c
	}
	return t
}

// assignTarget reads what stands left of = or in: names and tuples of them,
// and for set also attributes of namespaces.
func (p *parser) assignTarget(attributes bool) target {
	pos := p.tok.pos
	var items []target
	isTuple := false
	for {
		if len(items) > 0 {
			p.expectOp(",")
		}
		if p.tupleEnd() {
			break
		}
		items = append(items, p.oneTarget(attributes))
		if !p.tok.op(",") {
			break
		}
		isTuple = true
	}
	if !isTuple {
		if len(items) == 0 {
			p.fail(p.tok.pos, "Expected an expression, got %s", strRepr(p.tok.describe()))
		}
		return items[0]
	}
	return &tupleTarget{p.node(pos), items, "tuple"}
}

func (p *parser) oneTarget(attributes bool) target {
	defer p.enter()()
	t := p.tok
	switch {
	case t.kind == tokName:
		p.advance()
		if attributes && p.tok.op(".") {
			object := &nameExpr{node: p.node(t.pos), name: t.text}
			p.advance()
			attr := p.expect(tokName).text
			return &attrTarget{p.node(t.pos), object, attr}
		}
		return p.newTarget(p.node(t.pos), t.text)
	case t.op("("):
		p.advance()
		// Inside parentheses Jinja reads a full expression, so only names and
		// tuples of names are left as targets.
		e := p.tuple(tupleRules{cond: true, parens: true})
		p.expectOp(")")
		return p.exprTarget(e)
	}
	return p.exprTarget(p.primary())
}

// exprTarget turns an expression into the target it would be.
func (p *parser) exprTarget(e expr) target {
	switch e := e.(type) {
	case *nameExpr:
		return p.newTarget(e.node, e.name)
	case *tupleExpr:
		to := &tupleTarget{e.node, nil, "tuple"}
		for _, item := range e.items {
			to.items = append(to.items, p.exprTarget(item))
		}
		return to
	}
	p.fail(e.at().pos, "can't assign to '%s'", exprName(e))
	return nil
}

// exprName is what Jinja calls a kind of expression, in lower case.
func exprName(e expr) string {
	switch e.(type) {
	case *constExpr:
		return "const"
	case *listExpr:
		return "list"
	case *dictExpr:
		return "dict"
	case *filterExpr:
		return "filter"
	case *callExpr:
		return "call"
	case *attrExpr:
		return "getattr"
	case *itemExpr:
		return "getitem"
	}
	return "expression"
}

func isDunder(name string) bool { return strings.HasPrefix(name, "__") }
