package jinja

// A stmt is a piece of a template's body.
type stmt interface {
	exec(r *run) error
	at() *node
}

type (
	textStmt struct {
		node
		text string
	}
	refusedStmt struct {
		node
		err *Error
	}
	outputStmt struct {
		node
		value  expr
		escape escapeMode
	}
	ifStmt struct {
		node
		tests     []expr
		bodies    [][]stmt
		otherwise []stmt
	}
	forStmt struct {
		node
		target    target
		iter      expr
		test      expr // nil without "if"
		body      []stmt
		otherwise []stmt
		recursive bool
		extended  bool // the body looks at loop

		testTarget target // target, as the test sees it
		scope      scopeInit
		testScope  scopeInit
		elseScope  scopeInit
		loop       slotRef
		frameSize  int // of a recursive loop, which is a function
	}
	setStmt struct {
		node
		target target
		value  expr
	}
	setBlockStmt struct {
		node
		target target
		filter *filterExpr // the outermost; the innermost has no input
		body   []stmt
		scope  scopeInit
	}
	withStmt struct {
		node
		targets []target
		values  []expr
		body    []stmt
		scope   scopeInit
	}
	macroStmt struct {
		node
		target *nameTarget
		def    *macroDef
	}
	callStmt struct {
		node
		call   *callExpr
		def    *macroDef
		escape escapeMode
	}
	filterStmt struct {
		node
		filter *filterExpr
		body   []stmt
		scope  scopeInit
	}
	blockStmt struct {
		node
		def *blockDef
	}
	autoescapeStmt struct {
		node
		value expr
		body  []stmt
		scope scopeInit
	}
)

// macroDef is the code of a macro or of a call block.
type macroDef struct {
	name     string // empty for a call block
	params   []*nameTarget
	defaults []expr // of the last parameters
	body     []stmt

	caller, kwargs, varargs *nameTarget // nil unless the body looks at them
	scope                   scopeInit
	frameSize               int
	nesting                 int // how deep the body nests, for the depth limit
}

// blockDef is the code of a named block.
type blockDef struct {
	name      string
	scoped    bool
	body      []stmt
	scope     scopeInit
	frameSize int
	nesting   int
}

// A target is what an assignment writes to.
type target interface{ at() *node }

type (
	nameTarget struct {
		node
		name string
		ref  slotRef
	}
	tupleTarget struct {
		node
		items []target
		kind  string // "tuple" or "list", for messages
	}
	// attrTarget is an attribute of a namespace.
	attrTarget struct {
		node
		object *nameExpr
		attr   string
	}
)
