package jinja

import (
	"maps"
	"slices"
)

func (p *parser) postfix(pos int, e expr) expr {
	for {
		switch {
		case p.tok.op("."):
			e = p.attribute(pos, e)
		case p.tok.op("["):
			e = p.subscript(pos, e)
		case p.tok.op("("):
			e = p.call(pos, e)
		default:
			return e
		}
	}
}

func (p *parser) filtersAndTests(pos int, e expr) expr {
	for {
		switch {
		case p.tok.op("|"):
			p.advance()
			e = p.filter(pos, e)
		case p.tok.name("is"):
			e = p.test(pos, e)
		case p.tok.op("("):
			e = p.call(pos, e)
		default:
			return e
		}
	}
}

func (p *parser) attribute(pos int, obj expr) expr {
	p.advance()
	t := p.tok
	p.advance()
	switch t.kind {
	case tokName:
		_, method := p.lib.dict[t.text]
		return &attrExpr{p.node(pos, obj), obj, t.text, method || isDunder(t.text)}
	case tokInteger:
		arg := &constExpr{node{pos: t.pos, end: t.end, depth: 1}, t.value}
		return &itemExpr{p.node(pos, obj), obj, arg}
	}
	p.fail(t.pos, "expected name or number")
	return nil
}

func (p *parser) subscript(pos int, obj expr) expr {
	start := p.expectOp("[").pos
	var args []expr
	for !p.tok.op("]") {
		if len(args) > 0 {
			p.expectOp(",")
		}
		args = append(args, p.subscribed())
	}
	p.expectOp("]")
	var arg expr
	if len(args) == 1 {
		arg = args[0]
	} else {
		arg = &tupleExpr{p.node(start, args...), args}
	}
	return &itemExpr{p.node(pos, obj, arg), obj, arg}
}

// subscribed reads what may stand in brackets: an expression or a slice.
func (p *parser) subscribed() expr {
	pos := p.tok.pos
	var parts [3]expr
	if !p.tok.op(":") {
		e := p.expression()
		if !p.tok.op(":") {
			return e
		}
		parts[0] = e
	}
	p.expectOp(":")
	ends := func() bool { return p.tok.op(":") || p.tok.op("]") || p.tok.op(",") }
	if !ends() {
		parts[1] = p.expression()
	}
	if p.skipOp(":") && !p.tok.op("]") && !p.tok.op(",") {
		parts[2] = p.expression()
	}
	return &sliceExpr{p.node(pos, parts[:]...), parts[0], parts[1], parts[2]}
}

func (p *parser) call(pos int, fn expr) *callExpr {
	args := p.arguments()
	for i, name := range args.names {
		if slices.Contains(args.names[:i], name) {
			at := args.named[i].at()
			panic(&Error{Kind: CodeError, Fix: FixTemplate, Msg: "keyword argument repeated: " + name, pos: at.pos, end: at.end, placed: true})
		}
	}
	return &callExpr{p.node(pos, append(args.all(), fn)...), fn, args}
}

func (p *parser) arguments() argExprs {
	var a argExprs
	start := p.expectOp("(").pos
	ensure := func(ok bool) {
		if !ok {
			p.fail(start, "invalid syntax for function call expression")
		}
	}
	for first := true; !p.tok.op(")"); first = false {
		if !first {
			p.expectOp(",")
			if p.tok.op(")") {
				break
			}
		}
		switch {
		case p.tok.op("*"):
			ensure(a.rest == nil && a.more == nil)
			p.advance()
			a.rest = p.expression()
		case p.tok.op("**"):
			ensure(a.more == nil)
			p.advance()
			a.more = p.expression()
		case p.tok.kind == tokName && p.look().op("="):
			ensure(a.more == nil)
			a.names = append(a.names, p.advance().text)
			p.advance()
			a.named = append(a.named, p.expression())
		default:
			ensure(a.rest == nil && a.more == nil && a.names == nil)
			a.pos = append(a.pos, p.expression())
		}
	}
	p.expectOp(")")
	a.none = a.pos == nil && a.names == nil && a.rest == nil && a.more == nil
	return a
}

func (p *parser) dottedName() string {
	name := p.expect(tokName).text
	for p.skipOp(".") {
		name += "." + p.expect(tokName).text
	}
	return name
}

// filter reads name and arguments of a filter, after the pipe.
func (p *parser) filter(pos int, in expr) *filterExpr {
	start := p.tok.pos
	f := &filterExpr{in: in, name: p.dottedName(), args: argExprs{none: true}}
	nameEnd := p.last
	if p.tok.op("(") {
		f.args = p.arguments()
	}
	f.node = p.node(pos, append(f.args.all(), in)...)
	if f.custom = p.config.Filters[f.name]; f.custom != nil {
		return f
	}
	if f.native = p.lib.filters[f.name]; f.native == nil {
		err := p.unknown("filter", f.name, start, nameEnd)
		err.Near = near(f.name, keys(maps.Keys(p.lib.filters), maps.Keys(p.config.Filters)))
		p.findings = append(p.findings, finding{err, p.soft})
	}
	return f
}

func (p *parser) test(pos int, in expr) expr {
	p.advance()
	negated := p.skipName("not")
	start := p.tok.pos
	t := &testExpr{in: in, name: p.dottedName(), args: argExprs{none: true}}
	nameEnd := p.last
	switch {
	case p.tok.op("("):
		t.args = p.arguments()
	case p.testArgument():
		if p.tok.name("is") {
			p.fail(p.tok.pos, "You cannot chain multiple tests with is")
		}
		from := p.tok.pos
		t.args = argExprs{pos: []expr{p.postfix(from, p.primary())}}
	}
	t.node = p.node(pos, append(t.args.all(), in)...)
	if t.test = p.lib.tests[t.name]; t.test == nil {
		err := p.unknown("test", t.name, start, nameEnd)
		err.Near = near(t.name, keys(maps.Keys(p.lib.tests)))
		p.findings = append(p.findings, finding{err, p.soft})
	}
	if negated {
		return &notExpr{p.node(pos, t), t}
	}
	return t
}

// testArgument says whether an argument without parentheses follows.
func (p *parser) testArgument() bool {
	switch p.tok.kind {
	case tokName:
		return !p.tok.name("else") && !p.tok.name("or") && !p.tok.name("and")
	case tokString, tokInteger, tokFloat:
		return true
	}
	return p.tok.op("(") || p.tok.op("[") || p.tok.op("{")
}

func (p *parser) unknown(what, name string, pos, end int) *Error {
	return &Error{Kind: AssertionError, Fix: FixTemplate, Msg: "No " + what + " named " + strRepr(name) + ".",
		pos: pos, end: end, placed: true}
}
