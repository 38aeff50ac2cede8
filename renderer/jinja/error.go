package jinja

import (
	"fmt"
	"strings"
)

// Kind says what went wrong, in Python's words where Python has one.
type Kind string

// The kinds of Error.
const (
	SyntaxError    Kind = "TemplateSyntaxError"
	AssertionError Kind = "TemplateAssertionError"
	UndefinedError Kind = "UndefinedError"
	RuntimeError   Kind = "TemplateRuntimeError"
	CodeError      Kind = "SyntaxError"  // Python's own: code Jinja writes for the template is none
	ChangedError   Kind = "RuntimeError" // Python's own: a dict changed in a loop over it
	TypeError      Kind = "TypeError"
	ValueError     Kind = "ValueError"
	KeyError       Kind = "KeyError"
	IndexError     Kind = "IndexError"
	ZeroDivision   Kind = "ZeroDivisionError"
	OverflowError  Kind = "OverflowError"
	AttributeError Kind = "AttributeError"
	FilterError    Kind = "FilterArgumentError"
	AssertError    Kind = "AssertionError"
	LimitError     Kind = "LimitError"    // a limit of Limits was reached
	CanceledError  Kind = "CanceledError" // the context of Render ended
)

// Fix says who has to change something.
type Fix string

// What has to change for the error to go away.
const (
	FixTemplate Fix = "template" // the platform's template
	FixSpec     Fix = "spec"     // the developer's spec, or the schema's default
)

// An Error says what is wrong with a template, or with the values it was given.
type Error struct {
	File         string // the name given to Parse
	Line, Column int    // counted from 1; the column in characters
	Kind         Kind
	Fix          Fix
	Expr         string   // the source of the expression or tag
	Msg          string   // Python's message where Python has one
	Near         []string // names that exist and look like the undefined one
	Path         string   // what was undefined, as a dotted path from a variable

	cause    error
	pos, end int    // in the source, once placed
	placed   bool   // pos is known
	nearName string // an undefined variable, to look for near names
}

// Error gives one line: place, message, expression, near names and next step.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		fmt.Fprintf(&b, "%s:", e.File)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d: ", e.Line, e.Column)
	}
	fmt.Fprintf(&b, "%s: %s", e.Kind, e.Msg)
	if e.Expr != "" {
		fmt.Fprintf(&b, " in %s", e.Expr)
	}
	if len(e.Near) > 0 {
		fmt.Fprintf(&b, ", near: %s", strings.Join(e.Near, ", "))
	}
	fmt.Fprintf(&b, " (change the %s)", e.Fix)
	return b.String()
}

// Unwrap gives the error that caused this one, such as that of the context.
func (e *Error) Unwrap() error { return e.cause }
