package jinja

import "strings"

func (p *parser) expression() expr { return p.condition() }

func (p *parser) condition() expr {
	defer p.enter()()
	pos := p.tok.pos
	soft, found := p.soft, len(p.findings)
	e := p.or()
	for p.skipName("if") {
		p.soft = true
		for i := range p.findings[found:] {
			p.findings[found+i].soft = true
		}
		test := p.or()
		var otherwise expr
		if p.skipName("else") {
			otherwise = p.condition()
		}
		p.soft = soft
		e = &condExpr{p.node(pos, e, test, otherwise), test, e, otherwise}
	}
	return e
}

func (p *parser) or() expr {
	pos := p.tok.pos
	left := p.and()
	for p.skipName("or") {
		right := p.and()
		left = &logicExpr{p.node(pos, left, right), true, left, right}
	}
	return left
}

func (p *parser) and() expr {
	pos := p.tok.pos
	left := p.not()
	for p.skipName("and") {
		right := p.not()
		left = &logicExpr{p.node(pos, left, right), false, left, right}
	}
	return left
}

func (p *parser) not() expr {
	pos := p.tok.pos
	if !p.skipName("not") {
		return p.compare()
	}
	defer p.enter()()
	operand := p.not()
	return &notExpr{p.node(pos, operand), operand}
}

func (p *parser) compare() expr {
	pos := p.tok.pos
	left := p.sum()
	var ops []compareOp
	children := []expr{left}
	for {
		op := ""
		switch {
		case p.tok.kind == tokOp && (p.tok.text == "==" || p.tok.text == "!=" || p.tok.text == "<" ||
			p.tok.text == "<=" || p.tok.text == ">" || p.tok.text == ">="):
			op = p.advance().text
		case p.skipName("in"):
			op = "in"
		case p.tok.name("not") && p.look().name("in"):
			p.advance()
			p.advance()
			op = "not in"
		case ops == nil:
			return left
		default:
			return &compareExpr{p.node(pos, children...), left, ops}
		}
		right := p.sum()
		ops = append(ops, compareOp{op, right})
		children = append(children, right)
	}
}

func (p *parser) sum() expr {
	pos := p.tok.pos
	left := p.concat()
	for p.tok.op("+") || p.tok.op("-") {
		op := opAdd
		if p.advance().text == "-" {
			op = opSub
		}
		right := p.concat()
		left = &binaryExpr{node: p.node(pos, left, right), op: op, left: left, right: right}
	}
	return left
}

func (p *parser) concat() expr {
	pos := p.tok.pos
	parts := []expr{p.product()}
	for p.skipOp("~") {
		parts = append(parts, p.product())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	e := &concatExpr{p.node(pos, parts...), parts, p.escape}
	if p.isConstant(e) {
		e.escape = escapeOff // Jinja folds it to a plain text
	}
	return e
}

func (p *parser) product() expr {
	pos := p.tok.pos
	left := p.power()
	for p.tok.kind == tokOp {
		var op operator
		switch p.tok.text {
		case "*":
			op = opMul
		case "/":
			op = opDiv
		case "//":
			op = opFloorDiv
		case "%":
			op = opMod
		default:
			return left
		}
		p.advance()
		right := p.power()
		left = &binaryExpr{node: p.node(pos, left, right), op: op, left: left, right: right}
	}
	return left
}

// power is left-associative in Jinja, unlike in Python. Jinja writes a constant
// base into Python code without parentheses, where a minus sign binds weaker
// than **: -1 ** n is then -(1 ** n), while -1 ** 2 is computed before and 1.
func (p *parser) power() expr {
	pos := p.tok.pos
	left := p.unary(true)
	for p.skipOp("**") {
		right := p.unary(true)
		outerSign := p.isConstant(left) && !p.isConstant(right)
		left = &binaryExpr{p.node(pos, left, right), opPow, left, right, outerSign}
	}
	return left
}

func (p *parser) unary(withFilter bool) expr {
	pos := p.tok.pos
	var e expr
	if p.tok.op("-") || p.tok.op("+") {
		defer p.enter()()
		negative := p.advance().text == "-"
		operand := p.unary(false)
		e = &unaryExpr{p.node(pos, operand), negative, operand}
	} else {
		e = p.primary()
	}
	e = p.postfix(pos, e)
	if withFilter {
		e = p.filtersAndTests(pos, e)
	}
	return e
}

func (p *parser) primary() expr {
	t := p.tok
	switch t.kind {
	case tokName:
		p.advance()
		switch t.text {
		case "true", "True":
			return &constExpr{p.node(t.pos), true}
		case "false", "False":
			return &constExpr{p.node(t.pos), false}
		case "none", "None":
			return &constExpr{p.node(t.pos), nil}
		case "loop":
			p.reads.loop++
		case "caller":
			p.reads.caller++
		case "kwargs":
			p.reads.kwargs++
		case "varargs":
			p.reads.varargs++
		}
		return &nameExpr{node: p.node(t.pos), name: t.text}
	case tokString:
		p.advance()
		text := t.text
		if p.tok.kind == tokString {
			parts := []string{text}
			for p.tok.kind == tokString {
				parts = append(parts, p.advance().text)
			}
			text = strings.Join(parts, "")
		}
		return &constExpr{p.node(t.pos), text}
	case tokInteger, tokFloat:
		p.advance()
		return &constExpr{p.node(t.pos), t.value}
	}
	switch {
	case t.op("("):
		p.advance()
		e := p.tuple(tupleRules{cond: true, parens: true})
		p.expectOp(")")
		return e
	case t.op("["):
		return p.list()
	case t.op("{"):
		return p.dict()
	}
	p.fail(t.pos, "unexpected %s", strRepr(t.describe()))
	return nil
}

// tupleRules say how a tuple without brackets reads its items and ends.
type tupleRules struct {
	cond   bool // items may be conditional expressions
	parens bool // it stands in parentheses, so it may be empty
}

// tupleEnd says whether a comma was the last of a tuple. Jinja means to let the
// names in and recursive end one too, and never does.
func (p *parser) tupleEnd() bool {
	return p.tok.kind == tokVariableEnd || p.tok.kind == tokBlockEnd || p.tok.op(")")
}

func (p *parser) tuple(rules tupleRules) expr {
	pos := p.tok.pos
	var items []expr
	isTuple := false
	for {
		if len(items) > 0 {
			p.expectOp(",")
		}
		if p.tupleEnd() {
			break
		}
		if rules.cond {
			items = append(items, p.expression())
		} else {
			leave := p.enter()
			items = append(items, p.or())
			leave()
		}
		if !p.tok.op(",") {
			break
		}
		isTuple = true
	}
	if !isTuple {
		if len(items) > 0 {
			return items[0]
		}
		if !rules.parens {
			p.fail(p.tok.pos, "Expected an expression, got %s", strRepr(p.tok.describe()))
		}
	}
	return &tupleExpr{p.node(pos, items...), items}
}

func (p *parser) list() expr {
	pos := p.expectOp("[").pos
	var items []expr
	for !p.tok.op("]") {
		if len(items) > 0 {
			p.expectOp(",")
			if p.tok.op("]") {
				break
			}
		}
		items = append(items, p.expression())
	}
	p.expectOp("]")
	return &listExpr{p.node(pos, items...), items}
}

func (p *parser) dict() expr {
	pos := p.expectOp("{").pos
	var keys, values []expr
	for !p.tok.op("}") {
		if len(keys) > 0 {
			p.expectOp(",")
			if p.tok.op("}") {
				break
			}
		}
		keys = append(keys, p.expression())
		p.expectOp(":")
		values = append(values, p.expression())
	}
	p.expectOp("}")
	return &dictExpr{p.node(pos, append(append([]expr{}, keys...), values...)...), keys, values}
}
