package jinja

// statement reads the tag whose name is current, up to but not including the
// end of its last tag.
func (p *parser) statement(pos int) []stmt {
	if p.tok.kind != tokName {
		p.fail(p.tok.pos, "tag name expected")
	}
	read := p.statementReader(p.tok.text)
	if read == nil {
		p.failTag(p.tok.text)
	}
	p.openTags = append(p.openTags, p.tok.text)
	p.advance()
	list := read(pos)
	p.openTags = p.openTags[:len(p.openTags)-1]
	return list
}

func (p *parser) statementReader(name string) func(int) []stmt {
	one := func(read func(int) stmt) func(int) []stmt {
		return func(pos int) []stmt { return []stmt{read(pos)} }
	}
	switch name {
	case "for":
		return one(p.forTag)
	case "if":
		return one(p.ifTag)
	case "set":
		return one(p.setTag)
	case "with":
		return one(p.withTag)
	case "macro":
		return one(p.macroTag)
	case "call":
		return one(p.callTag)
	case "filter":
		return one(p.filterTag)
	case "block":
		return one(p.blockTag)
	case "autoescape":
		return one(p.autoescapeTag)
	case "print":
		return p.printTag
	case "include", "import", "from", "extends":
		return one(p.refusedTag)
	}
	return nil
}

// stmtNode is the node of a tag; its end is that of its first tag's name, so
// that messages show the tag and not the whole body.
func (p *parser) stmtNode(pos, end int, bodies ...[]stmt) node {
	depth := 0
	for _, body := range bodies {
		for _, s := range body {
			depth = max(depth, s.at().depth)
		}
	}
	p.checkDepth(pos, depth+1)
	return node{pos: pos, end: end, depth: depth + 1}
}

// refusedTag reads a tag that would load another template. Where every
// rendering reaches it the template is refused; inside another tag it fails
// when it is reached, as it does in Python.
func (p *parser) refusedTag(pos int) stmt {
	name := p.openTags[len(p.openTags)-1]
	p.expression()
	for p.tok.kind == tokName || p.tok.op(",") {
		p.advance()
	}
	err := &Error{Kind: TypeError, Fix: FixTemplate, pos: pos, end: p.last, placed: true,
		Msg: "no loader for this environment specified: " + name + " is refused, a template is one file; move the text here"}
	if len(p.openTags) == 1 {
		panic(err)
	}
	p.findings = append(p.findings, finding{err, true})
	return &refusedStmt{p.node(pos), err}
}

func (p *parser) ifTag(pos int) stmt {
	s := &ifStmt{}
	soft := p.soft
	p.soft = true
	end := ""
	for end != "else" && end != "endif" {
		s.tests = append(s.tests, p.tuple(tupleRules{}))
		var body []stmt
		body, end = p.bodyOf("elif", "else", "endif")
		s.bodies = append(s.bodies, body)
	}
	if end == "else" {
		s.otherwise, _ = p.bodyOf("endif")
	}
	p.soft = soft
	s.node = p.stmtNode(pos, p.last, append(s.bodies, s.otherwise)...)
	for _, t := range s.tests {
		s.depth = max(s.depth, t.at().depth+1)
	}
	return s
}

func (p *parser) forTag(pos int) stmt {
	s := &forStmt{}
	outer := p.assigned
	p.assigned = nil
	s.target = p.assignTarget(false)
	p.expectName("in")
	s.iter = p.tuple(tupleRules{})
	if p.skipName("if") {
		s.test = p.expression()
		s.testTarget = copyTarget(s.target)
	}
	s.recursive = p.skipName("recursive")
	end, reads := p.last, p.reads
	var last string
	s.body, last = p.scopedBody("endfor", "else")
	s.extended = s.recursive || p.reads.loop > reads.loop || p.reads.scopedBlocks > reads.scopedBlocks
	if last == "else" {
		s.otherwise, _ = p.scopedBody("endfor")
	}
	s.node = p.stmtNode(pos, end, s.body, s.otherwise)
	s.depth = max(s.depth, s.iter.at().depth+1)
	if s.test != nil {
		s.depth = max(s.depth, s.test.at().depth+1)
	}
	if to := p.assigned; to != nil {
		panic(&Error{Kind: AssertionError, Fix: FixTemplate, pos: to.pos, end: to.end, placed: true,
			Msg: "Can't assign to special loop variable in for-loop target"})
	}
	p.assigned = outer
	return s
}

func (p *parser) setTag(pos int) stmt {
	to := p.assignTarget(true)
	if p.skipOp("=") {
		value := p.tuple(tupleRules{cond: true})
		return &setStmt{p.node(pos, value), to, value}
	}
	s := &setBlockStmt{target: to}
	s.filter = p.filterChain()
	end := p.last
	s.body, _ = p.scopedBody("endset")
	s.node = p.stmtNode(pos, end, s.body)
	return s
}

// filterChain reads | a | b(1); the innermost filter has no input.
func (p *parser) filterChain() *filterExpr {
	var outer *filterExpr
	for p.skipOp("|") {
		var in expr
		if outer != nil {
			in = outer
		}
		outer = p.filter(p.tok.pos, in)
	}
	return outer
}

func (p *parser) withTag(pos int) stmt {
	s := &withStmt{}
	for p.tok.kind != tokBlockEnd {
		if len(s.targets) > 0 {
			p.expectOp(",")
		}
		s.targets = append(s.targets, p.assignTarget(false))
		p.expectOp("=")
		s.values = append(s.values, p.expression())
	}
	end := p.last
	s.body, _ = p.scopedBody("endwith")
	s.node = p.stmtNode(pos, end, s.body)
	s.depth = max(s.depth, p.node(pos, s.values...).depth)
	return s
}

func (p *parser) signature(d *macroDef) {
	p.expectOp("(")
	for !p.tok.op(")") {
		if len(d.params) > 0 {
			p.expectOp(",")
		}
		param := p.nameTarget()
		if p.skipOp("=") {
			d.defaults = append(d.defaults, p.expression())
		} else if len(d.defaults) > 0 {
			p.fail(p.tok.pos, "non-default argument follows default argument")
		}
		d.params = append(d.params, param)
	}
	p.expectOp(")")
}

// macroBody reads the body and finds out which special variables it looks at.
func (p *parser) macroBody(pos int, d *macroDef, end string) {
	before := p.reads
	d.body, _ = p.scopedBody(end)
	after := p.reads
	declared := map[string]bool{}
	for i, param := range d.params {
		declared[param.name] = true
		if param.name == "caller" && after.caller > before.caller && i < len(d.params)-len(d.defaults) {
			panic(&Error{Kind: AssertionError, Fix: FixTemplate, pos: pos, end: param.end, placed: true,
				Msg: `When defining macros or call blocks the special "caller" argument must be omitted or be given a default.`})
		}
	}
	special := func(name string, read bool) *nameTarget {
		if !read || declared[name] {
			return nil
		}
		return &nameTarget{name: name}
	}
	d.caller = special("caller", after.caller > before.caller)
	d.kwargs = special("kwargs", after.kwargs > before.kwargs)
	d.varargs = special("varargs", after.varargs > before.varargs)
}

func (p *parser) macroTag(pos int) stmt {
	to := p.nameTarget()
	d := &macroDef{name: to.name}
	p.signature(d)
	end := p.last
	p.macroBody(pos, d, "endmacro")
	s := &macroStmt{p.stmtNode(pos, end, d.body), to, d}
	d.nesting = s.depth
	return s
}

func (p *parser) callTag(pos int) stmt {
	s := &callStmt{def: &macroDef{}, escape: p.escape}
	if p.tok.op("(") {
		p.signature(s.def)
	}
	call, ok := p.expression().(*callExpr)
	if !ok {
		p.fail(pos, "expected call")
	}
	s.call = call
	end := p.last
	p.macroBody(pos, s.def, "endcall")
	s.node = p.stmtNode(pos, end, s.def.body)
	s.depth = max(s.depth, call.depth+1)
	s.def.nesting = s.depth
	return s
}

func (p *parser) filterTag(pos int) stmt {
	s := &filterStmt{filter: p.filter(p.tok.pos, nil)}
	for p.skipOp("|") {
		s.filter = p.filter(p.tok.pos, s.filter)
	}
	end := p.last
	s.body, _ = p.scopedBody("endfilter")
	s.node = p.stmtNode(pos, end, s.body)
	s.depth = max(s.depth, s.filter.depth+1)
	return s
}

func (p *parser) blockTag(pos int) stmt {
	d := &blockDef{name: p.expect(tokName).text}
	if d.scoped = p.skipName("scoped"); d.scoped {
		p.reads.scopedBlocks++
	}
	required := p.skipName("required")
	if p.tok.op("-") {
		p.fail(p.tok.pos, "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.")
	}
	end := p.last
	escape, constant := p.escape, p.constant
	p.escape, p.constant = escapeOff, escapeOff // what is around a block does not reach into it
	d.body, _ = p.scopedBody("endblock")
	p.escape, p.constant = escape, constant
	p.skipName(d.name)
	if p.blocks[d.name] != nil {
		panic(&Error{Kind: AssertionError, Fix: FixTemplate, pos: pos, end: end, placed: true,
			Msg: "block " + strRepr(d.name) + " defined twice"})
	}
	if required {
		panic(&Error{Kind: RuntimeError, Fix: FixTemplate, pos: pos, end: end, placed: true,
			Msg: "Required block " + strRepr(d.name) + " not found"})
	}
	p.blocks[d.name] = d
	s := &blockStmt{p.stmtNode(pos, end, d.body), d}
	d.nesting = s.depth
	return s
}

func (p *parser) autoescapeTag(pos int) stmt {
	s := &autoescapeStmt{value: p.expression()}
	end := p.last
	outer, constant := p.escape, p.constant
	p.escape = escapeAsked
	if c, ok := s.value.(*constExpr); ok {
		p.escape = escapeOff
		if constTruth(c.value) {
			p.escape = escapeOn
		}
		p.constant = p.escape
	}
	s.body, _ = p.scopedBody("endautoescape")
	p.escape, p.constant = outer, constant
	s.node = p.stmtNode(pos, end, s.body)
	return s
}

func (p *parser) printTag(pos int) []stmt {
	var list []stmt
	for p.tok.kind != tokBlockEnd {
		if len(list) > 0 {
			p.expectOp(",")
		}
		value := p.expression()
		list = append(list, &outputStmt{p.node(pos, value), value, p.outputEscape(value)})
	}
	return list
}
