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

// A Filter is a function templates call as value | name(args). It must not
// keep or change what it is given. Returning a Block makes the lines after the
// first start in the column at which the expression's output started.
type Filter func(value any, args Args) (any, error)

// Args are the arguments of a call; Names[i] is "" for a positional one.
type Args struct {
	Names  []string
	Values []any
}

// A Block is a text of several lines that is written as a block: each line
// after the first is indented to the column in which the first begins.
type Block string

// A Template is a parsed template. It never changes and may be rendered by
// several goroutines at once.
type Template struct {
	name, source string
	config       Config
}

// Parse reads a template. The name appears in errors, which are all *Error.
func Parse(name, source string, config Config) (*Template, error) {
	config.Limits = config.Limits.withDefaults()
	if len(source) > config.Limits.Source {
		return nil, &Error{File: name, Kind: LimitError, Fix: FixTemplate,
			Msg: fmt.Sprintf("the template has %d bytes, the limit is %d", len(source), config.Limits.Source)}
	}
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	for _, tag := range []string{"{{", "{%", "{#"} {
		if i := strings.Index(source, tag); i >= 0 {
			return nil, &Error{File: name, Line: 1 + strings.Count(source[:i], "\n"), Column: 1, Kind: SyntaxError,
				Fix: FixTemplate, Expr: tag, Msg: "tags are not read yet"}
		}
	}
	return &Template{name: name, source: source, config: config}, nil
}

// Render writes the template with the given variables.
func (t *Template) Render(ctx context.Context, vars *Dict) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", &Error{File: t.name, Kind: CanceledError, Fix: FixTemplate, Msg: err.Error(), cause: err}
	}
	return t.source, nil
}

// Trace renders like Render and says of every byte where it came from.
func (t *Template) Trace(ctx context.Context, vars *Dict) (*Trace, error) {
	text, err := t.Render(ctx, vars)
	if err != nil {
		return nil, err
	}
	return &Trace{Text: text, Segments: []Segment{{End: len(text), Line: 1, Column: 1}}}, nil
}
