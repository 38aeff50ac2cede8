package jinja

// Jinja computes constant expressions when it compiles a template, and then
// treats autoescape a little differently. This file knows which those are.

// outputEscape is how {{ }} escapes a value. Where only rendering tells
// whether to escape, constants are escaped as they would be outside.
func (p *parser) outputEscape(value expr) escapeMode {
	if p.escape == escapeAsked && p.isConstant(value) {
		return p.constant
	}
	return p.escape
}

// isConstant says whether Jinja computes e when it compiles.
func (p *parser) isConstant(e expr) bool {
	switch e := e.(type) {
	case nil:
		return true
	case *constExpr:
		return true
	case *nameExpr, *callExpr, *sliceExpr:
		return false
	case *testExpr:
		return p.escape != escapeAsked && p.allConstant(e)
	case *filterExpr:
		switch e.name {
		case "map", "select", "reject", "selectattr", "rejectattr", "random":
			return false
		}
		return p.escape != escapeAsked && e.in != nil && p.allConstant(e)
	}
	return p.allConstant(e)
}

func (p *parser) allConstant(e expr) bool {
	for _, c := range children(e) {
		if !p.isConstant(c) {
			return false
		}
	}
	return true
}
