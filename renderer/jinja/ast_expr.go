package jinja

// An expr is an expression of the template. Evaluating never changes it.
type expr interface {
	eval(r *run) (any, error)
	at() *node
}

// A node knows where in the source it stands and how deep it nests.
type node struct {
	pos, end int
	depth    int
}

func (n *node) at() *node { return n }

type (
	constExpr struct {
		node
		value any
	}
	// nameExpr reads a variable. The resolver fills in where it lives.
	nameExpr struct {
		node
		name string
		ref  slotRef
	}
	attrExpr struct {
		node
		obj    expr
		name   string
		method bool // dicts have a method of this name, which goes before a key
	}
	itemExpr struct {
		node
		obj, arg expr
	}
	sliceExpr struct {
		node
		start, stop, step expr // each may be nil
	}
	callExpr struct {
		node
		fn   expr
		args argExprs
	}
	filterExpr struct {
		node
		in     expr // nil for the body of a filter or set block
		name   string
		native *builtin // one of Jinja's
		custom Filter   // or one of Config.Filters
		args   argExprs
	}
	testExpr struct {
		node
		in   expr
		name string
		test *builtin // nil when there is none of that name
		args argExprs
	}
	binaryExpr struct {
		node
		op          operator
		left, right expr
		outerSign   bool // a sign of left is applied last, see power
	}
	unaryExpr struct {
		node
		negative bool // else plus
		operand  expr
	}
	notExpr struct {
		node
		operand expr
	}
	logicExpr struct {
		node
		or          bool // else and
		left, right expr
	}
	condExpr struct {
		node
		test, then, otherwise expr // otherwise may be nil
	}
	compareExpr struct {
		node
		left expr
		ops  []compareOp
	}
	concatExpr struct {
		node
		parts  []expr
		escape escapeMode
	}
	listExpr struct {
		node
		items []expr
	}
	tupleExpr struct {
		node
		items []expr
	}
	dictExpr struct {
		node
		keys, values []expr
	}
)

type compareOp struct {
	op    string // ==, !=, <, <=, >, >=, in, not in
	right expr
}

// argExprs are the arguments of a call, a filter or a test.
type argExprs struct {
	pos   []expr
	names []string // of keyword arguments
	named []expr
	rest  expr // *args
	more  expr // **kwargs
	none  bool // there are none
}

func (a argExprs) all() []expr {
	list := append(append([]expr{}, a.pos...), a.named...)
	if a.rest != nil {
		list = append(list, a.rest)
	}
	if a.more != nil {
		list = append(list, a.more)
	}
	return list
}

// operator is an arithmetic operator; its text is the index in operatorText.
type operator uint8

const (
	opAdd operator = iota
	opSub
	opMul
	opDiv
	opFloorDiv
	opMod
	opPow
)

var operatorText = [...]string{"+", "-", "*", "/", "//", "%", "** or pow()"}

// escapeMode is what the compiler knows about autoescape at some place.
type escapeMode uint8

const (
	escapeOff escapeMode = iota
	escapeOn
	escapeAsked // {% autoescape %} with an expression decides while rendering
)
