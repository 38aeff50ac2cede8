package jinja

import (
	"context"
	"fmt"
	"strings"
)

// Config is what templates may use and cost.
type Config struct {
	Filters map[string]Filter // besides Jinja's own, and before them
	Limits  Limits
}

// A Filter is a function templates call as value | name(args). It gets values
// of the types a Dict holds, must not keep or change them, and returns one.
// Returning a Block makes the lines after the first start in the column at
// which the first does. An error of type *Error keeps its Kind, Fix and Msg.
type Filter func(value any, args Args) (any, error)

// Args are the arguments of a call.
type Args struct {
	Positional []any
	Named      *Dict
}

// A Block is a text of several lines that is written as a block: each line
// after the first is indented to the column in which the first begins.
type Block string

// A Template is a parsed template. It never changes and may be rendered by
// several goroutines at once.
type Template struct {
	name, source string
	config       Config
	lib          *library
	body         []stmt
	blocks       map[string]*blockDef
	assigned     []string // names the template gives variables, for near names
	warnings     []*Error

	scope     scopeInit
	frameSize int
	roots     []string // names looked up in the context
}

// Parse reads a template. The name appears in errors, which are all *Error.
func Parse(name, source string, config Config) (*Template, error) {
	config.Limits = config.Limits.withDefaults()
	if len(source) > config.Limits.Source {
		return nil, &Error{File: name, Kind: LimitError, Fix: FixTemplate,
			Msg: fmt.Sprintf("the template has %d bytes, the limit is %d", len(source), config.Limits.Source)}
	}
	if strings.IndexByte(source, '\r') >= 0 {
		source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	}
	t := &Template{name: name, source: source, config: config}
	p, body, err := parseTemplate(source, config)
	if err != nil {
		return nil, t.finish(err, nil)
	}
	t.lib, t.body, t.blocks, t.assigned = p.lib, body, p.blocks, p.assignedNames
	for _, f := range p.findings {
		t.warnings = append(t.warnings, t.finish(f.err, nil))
	}
	resolve(t)
	return t, nil
}

// Warnings are unknown filters and tests below an if, and includes and imports
// inside any tag. They fail when they are reached, so a template may guard
// them: {% if 'x' is filter %}.
func (t *Template) Warnings() []*Error { return t.warnings }

// Render writes the template with the given variables, which it does not
// change. The error is an *Error, also when ctx ends or a limit is reached.
func (t *Template) Render(ctx context.Context, vars *Dict) (string, error) {
	r := newRun(t)
	defer r.free()
	if err := r.render(ctx, vars); err != nil {
		return "", t.finish(err, r)
	}
	return string(r.out), nil
}

// Trace renders like Render and says of every byte where it came from.
func (t *Template) Trace(ctx context.Context, vars *Dict) (*Trace, error) {
	r := newRun(t)
	defer r.free()
	r.trace = &tracer{}
	if err := r.render(ctx, vars); err != nil {
		return nil, t.finish(err, r)
	}
	return r.trace.result(string(r.out), newLineTable(t.source)), nil
}

func (r *run) render(ctx context.Context, vars *Dict) error {
	r.ctx, r.vars = ctx, vars
	if err := r.pause(); err != nil {
		return err
	}
	t := r.template
	r.lib = t.lib
	r.dice = seed(t.source)
	r.roots = resize(r.roots, len(t.roots))
	r.base.slots = resize(r.base.slots, t.frameSize)
	for i := range r.base.slots {
		r.base.slots[i] = missing
	}
	if r.trace != nil {
		r.base.sources = make([]source, t.frameSize)
	}
	r.frame, r.bottom = &r.base, &r.base
	if err := r.enterScope(t.scope); err != nil {
		return err
	}
	return r.execAll(t.body)
}

func resize(list []any, n int) []any {
	if cap(list) < n {
		return make([]any, n)
	}
	return list[:n]
}

// finish adds to an error what only the template knows.
func (t *Template) finish(err error, r *run) *Error {
	e, ok := err.(*Error)
	if !ok {
		e = &Error{Kind: RuntimeError, Fix: FixTemplate, Msg: err.Error(), cause: err}
	}
	e.File = t.name
	if e.placed {
		lines := newLineTable(t.source)
		e.Line, e.Column = lines.position(e.pos)
		e.Expr = lines.excerpt(e.pos, e.end)
	}
	if e.nearName != "" && r != nil {
		e.Near = near(e.nearName, r.variableNames())
	}
	return e
}
