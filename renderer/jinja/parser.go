package jinja

import (
	"fmt"
	"slices"
	"strings"
)

// A parser turns tokens into a tree. Its methods panic with *Error, which
// parseTemplate catches: every method may fail, and only the first is told.
type parser struct {
	lex      *lexer
	tok      token // the current one
	ahead    token // the one after it, when looked at
	peeked   bool
	last     int // where the token before the current one ends
	nesting  int
	maxDepth int
	config   Config
	lib      *library

	endTags  [][]string // what each enclosing body waits for
	openTags []string
	escape   escapeMode
	constant escapeMode // how constants are escaped where escape is asked for
	soft     bool       // inside an if, where an unknown filter may never be reached

	blocks   map[string]*blockDef
	findings []finding
	reads    specialReads
	assigned *nameTarget // the last assignment to a variable named loop

	assignedNames []string
}

// specialReads counts how often names with a special meaning were read, so
// that a body can tell whether it did.
type specialReads struct{ loop, caller, kwargs, varargs, scopedBlocks int }

// A finding is a filter or test nobody knows. A soft one stands below an if,
// where it may be guarded, so it only matters when it is reached.
type finding struct {
	err  *Error
	soft bool
}

func parseTemplate(source string, config Config) (p *parser, body []stmt, err error) {
	p = &parser{lex: newLexer(source), maxDepth: config.Limits.Depth, config: config, lib: builtins(), blocks: map[string]*blockDef{}}
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(*Error)
			if !ok {
				panic(v)
			}
			err = e
		}
	}()
	p.advance()
	body = p.body(nil)
	for _, f := range p.findings {
		if !f.soft {
			return p, nil, f.err
		}
	}
	return p, body, nil
}

func (p *parser) advance() token {
	t := p.tok
	p.last = t.end
	if p.peeked {
		p.tok, p.peeked = p.ahead, false
		return t
	}
	next, err := p.lex.next()
	if err != nil {
		panic(err)
	}
	p.tok = next
	return t
}

func (p *parser) look() token {
	if !p.peeked {
		next, err := p.lex.next()
		if err != nil {
			panic(err)
		}
		p.ahead, p.peeked = next, true
	}
	return p.ahead
}

func (p *parser) fail(pos int, format string, args ...any) {
	panic(p.lex.fail(pos, format, args...))
}

func (p *parser) skipName(name string) bool {
	if p.tok.name(name) {
		p.advance()
		return true
	}
	return false
}

func (p *parser) skipOp(op string) bool {
	if p.tok.op(op) {
		p.advance()
		return true
	}
	return false
}

func (p *parser) expectOp(op string) token {
	if !p.tok.op(op) {
		p.failExpected(op)
	}
	return p.advance()
}

func (p *parser) expect(kind tokenKind) token {
	if p.tok.kind != kind {
		p.failExpected(kind.String())
	}
	return p.advance()
}

func (p *parser) expectName(name string) token {
	if !p.tok.name(name) {
		p.failExpected(name)
	}
	return p.advance()
}

func (p *parser) failExpected(want string) {
	if p.tok.kind == tokEOF {
		p.fail(p.tok.pos, "unexpected end of template, expected %s.", strRepr(want))
	}
	p.fail(p.tok.pos, "expected token %s, got %s", strRepr(want), strRepr(p.tok.describe()))
}

// node makes the node of something that began at pos and ends with the last
// token. It refuses trees too deep to be walked.
func (p *parser) node(pos int, children ...expr) node {
	depth := 0
	for _, c := range children {
		if c != nil {
			depth = max(depth, c.at().depth)
		}
	}
	p.checkDepth(pos, depth+1)
	return node{pos: pos, end: max(p.last, pos), depth: depth + 1}
}

func (p *parser) checkDepth(pos, depth int) {
	if depth > p.maxDepth {
		panic(&Error{Kind: LimitError, Fix: FixTemplate, pos: pos, placed: true,
			Msg: fmt.Sprintf("nested more than %d deep", p.maxDepth)})
	}
}

// enter counts one level of recursion of the parser itself.
func (p *parser) enter() func() {
	p.nesting++
	p.checkDepth(p.tok.pos, p.nesting)
	return func() { p.nesting-- }
}

// body reads statements up to one of the end tags, which stays current.
func (p *parser) body(until []string) []stmt {
	defer p.enter()()
	if until != nil {
		p.endTags = append(p.endTags, until)
		defer func() { p.endTags = p.endTags[:len(p.endTags)-1] }()
	}
	var list []stmt
	for {
		switch t := p.tok; t.kind {
		case tokEOF:
			if until != nil {
				p.failTag("")
			}
			return list
		case tokData:
			p.advance()
			list = append(list, &textStmt{node{pos: t.pos, end: t.end, depth: 1}, t.text})
		case tokVariableBegin:
			p.advance()
			value := p.tuple(tupleRules{cond: true})
			p.expect(tokVariableEnd)
			list = append(list, &outputStmt{p.node(t.pos, value), value, p.outputEscape(value)})
		case tokBlockBegin:
			p.advance()
			if p.tok.kind == tokName && slices.Contains(until, p.tok.text) {
				return list
			}
			list = append(list, p.statement(t.pos)...)
			p.expect(tokBlockEnd)
		default:
			p.fail(t.pos, "unexpected %s", strRepr(t.describe()))
		}
	}
}

// bodyOf reads what follows a tag: an optional colon, the end of the tag, and
// statements up to an end tag, whose name is returned and consumed.
func (p *parser) bodyOf(until ...string) ([]stmt, string) {
	p.skipOp(":")
	p.expect(tokBlockEnd)
	list := p.body(until)
	return list, p.advance().text
}

// scopedBody is bodyOf for tags that open a scope of their own.
func (p *parser) scopedBody(until ...string) ([]stmt, string) {
	soft := p.soft
	p.soft = false
	list, end := p.bodyOf(until...)
	p.soft = soft
	return list, end
}

// failTag reports a tag that does not fit, or the end of the template (name
// is ""), with Jinja's explanation of what is open.
func (p *parser) failTag(name string) {
	var looking string
	nested := false
	if n := len(p.endTags); n > 0 {
		quoted := make([]string, len(p.endTags[n-1]))
		for i, tag := range p.endTags[n-1] {
			quoted[i] = strRepr(tag)
		}
		looking = strings.Join(quoted, " or ")
		for _, tags := range p.endTags {
			nested = nested || slices.Contains(tags, name)
		}
	}
	msg := "Unexpected end of template."
	if name != "" {
		msg = fmt.Sprintf("Encountered unknown tag %s.", strRepr(name))
	}
	switch {
	case looking != "" && nested:
		msg += " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for " + looking + "."
	case looking != "":
		msg += " Jinja was looking for the following tags: " + looking + "."
	}
	if n := len(p.openTags); n > 0 {
		msg += " The innermost block that needs to be closed is " + strRepr(p.openTags[n-1]) + "."
	}
	p.fail(p.tok.pos, "%s", msg)
}
