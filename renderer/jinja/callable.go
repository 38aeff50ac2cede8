package jinja

import (
	"math/big"
	"strings"
)

// What a template can call: *builtin, *boundMethod, *macroValue, *loopValue,
// *blockRef, *joiner and *class. callValue knows them all.

// arguments are the evaluated arguments of a call.
type arguments struct {
	pos     []any
	names   []string // of the keyword arguments
	named   []any
	sources []source // of pos, then named, when tracing
}

func (a *arguments) keyword(name string) (any, bool) {
	for i, n := range a.names {
		if n == name {
			return a.named[i], true
		}
	}
	return nil, false
}

// takeKeyword is keyword, and removes it.
func (a *arguments) takeKeyword(name string) (any, bool) {
	for i, n := range a.names {
		if n == name {
			v := a.named[i]
			a.names = append(append([]string{}, a.names[:i]...), a.names[i+1:]...)
			a.named = append(append([]any{}, a.named[:i]...), a.named[i+1:]...)
			return v, true
		}
	}
	return nil, false
}

// with gives the arguments and one more by keyword.
func (a *arguments) with(name string, v any) *arguments {
	c := *a
	c.names = append(append([]string{}, a.names...), name)
	c.named = append(append([]any{}, a.named...), v)
	if a.sources != nil {
		c.sources = append(append([]source{}, a.sources...), source{})
	}
	return &c
}

// A builtin is a function, filter, test or method written in Go. self is what
// a filter, test or method works on.
type builtin struct {
	name   string
	params []param
	fn     func(r *run, self any, a *bound) (any, error)
}

// A param is one parameter of a builtin.
type param struct {
	name  string
	value any // the default
	kind  paramKind
}

type paramKind uint8

const (
	required paramKind = iota
	optional
	positional // required, and only by position
	trailing   // optional, and only by position
	named      // optional, and only by name
	variadic   // takes what positional arguments are left
	keywords   // takes what keyword arguments are left
)

// bound are the arguments of a call in the order of the parameters.
type bound struct {
	args  []any
	rest  []any // of a variadic parameter
	names []string
	named []any  // of a keywords parameter
	given uint32 // a bit for each parameter that got an argument
	few   [4]any // where args are kept, if they fit
}

func (b *bound) has(i int) bool { return b.given&(1<<i) != 0 }

func (b *bound) set(i int, v any) {
	b.args[i] = v
	b.given |= 1 << i
}

// need, opt, arg, maybe, all and kwargs spell a parameter list.
func need(name string) param           { return param{name: name, kind: required} }
func opt(name string, value any) param { return param{name, value, optional} }
func arg(name string) param            { return param{name: name, kind: positional} }
func maybe(name string, v any) param   { return param{name, v, trailing} }
func all() param                       { return param{name: "args", kind: variadic} }
func anyKeyword() param                { return param{name: "kwargs", kind: keywords} }

func (f *builtin) call(r *run, self any, a *arguments) (any, error) {
	if err := r.hold(keySize); err != nil { // the bound arguments
		return nil, err
	}
	if err := r.touch(self); err != nil {
		return nil, err
	}
	for _, v := range a.pos {
		if err := r.touch(v); err != nil {
			return nil, err
		}
	}
	b, err := f.bind(a)
	if err != nil {
		return nil, err
	}
	return f.fn(r, self, b)
}

// touch spends what it costs to look at a text or a large integer as a whole,
// as most builtins do with theirs.
func (r *run) touch(v any) error {
	if n, ok := v.(*big.Int); ok {
		return r.spend(n.BitLen() / touchBits)
	}
	if s, ok := textOf(v); ok && len(s) > touchSize {
		return r.spend(len(s) / touchSize)
	}
	return nil
}

// touchSize is how many bytes of a text are looked at in a step, touchBits how
// many bits of an integer, which takes longest to be written in digits.
const (
	touchSize = 8
	touchBits = 32
)

// bind fits arguments to parameters by Python's rules.
func (f *builtin) bind(a *arguments) (*bound, error) {
	b := &bound{}
	if n := len(f.params); n <= len(b.few) {
		b.args = b.few[:n]
	} else {
		b.args = make([]any, n)
	}
	used := 0
	for i, p := range f.params {
		switch p.kind {
		case variadic:
			b.rest = a.pos[min(i, len(a.pos)):]
			used = len(a.pos)
			continue
		case keywords:
			continue
		}
		b.args[i] = p.value
		if i < len(a.pos) && p.kind != named {
			b.set(i, a.pos[i])
			used++
		}
	}
	if used < len(a.pos) {
		return nil, failf(TypeError, "%s() takes at most %d arguments (%d given)", f.name, used, len(a.pos))
	}
	for k, name := range a.names {
		if err := f.bindKeyword(b, name, a.named[k]); err != nil {
			return nil, err
		}
	}
	var lacking []string
	for i, p := range f.params {
		if (p.kind == required || p.kind == positional) && !b.has(i) {
			lacking = append(lacking, strRepr(p.name))
		}
	}
	if lacking != nil {
		return nil, failf(TypeError, "%s() missing %d required argument: %s", f.name, len(lacking), strings.Join(lacking, ", "))
	}
	return b, nil
}

func (f *builtin) bindKeyword(b *bound, name string, v any) error {
	for i, p := range f.params {
		switch {
		case p.kind == keywords:
			b.names = append(b.names, name)
			b.named = append(b.named, v)
			return nil
		case p.name == name && (p.kind == required || p.kind == optional || p.kind == named):
			if b.has(i) {
				return failf(TypeError, "%s() got multiple values for argument %s", f.name, strRepr(name))
			}
			b.set(i, v)
			return nil
		}
	}
	return failf(TypeError, "%s() got an unexpected keyword argument %s", f.name, strRepr(name))
}

// text gives an argument that must be a str.
func (b *bound) text(i int) (string, error) {
	s, ok := textOf(b.args[i])
	if !ok {
		if err := check(b.args[i]); err != nil {
			return "", err
		}
		return "", failf(TypeError, "argument must be str, not %s", typeName(b.args[i]))
	}
	return s, nil
}

// optText is text, where None stands for not given.
func (b *bound) optText(i int) (s string, given bool, err error) {
	if b.args[i] == nil {
		return "", false, nil
	}
	s, err = b.text(i)
	return s, true, err
}

// int gives an argument that must be an int.
func (b *bound) int(i int) (int, error) {
	n, err := indexInt(b.args[i])
	return int(n), err
}

// A boundMethod is a method looked up on a value but not called yet.
type boundMethod struct {
	self   any
	method *builtin
}

// callSteps is what a call, a filter or a test costs by itself.
const callSteps = 4

// callValue calls a value as a template does.
func (r *run) callValue(fn any, a *arguments) (any, error) {
	if err := r.spend(callSteps); err != nil {
		return nil, err
	}
	switch fn := fn.(type) {
	case *boundMethod:
		return fn.method.call(r, fn.self, a)
	case *builtin:
		return fn.call(r, nil, a)
	case *macroValue:
		return r.callMacro(fn, a)
	case *loopValue:
		return r.callLoop(fn, a)
	case *blockRef:
		return r.callBlock(fn, a)
	case *joiner:
		return fn.call(a)
	case *class:
		return fn.call(r, a)
	case *undefined:
		return nil, undefinedError(fn)
	}
	return nil, failf(TypeError, "'%s' object is not callable", typeName(fn))
}

func isCallable(v any) bool {
	switch v.(type) {
	case *boundMethod, *builtin, *macroValue, *loopValue, *blockRef, *joiner, *class, *undefined:
		return true
	}
	return false
}

// noArguments refuses arguments where there can be none.
func noArguments(name string, a *arguments) error {
	if n := len(a.pos) + len(a.names); n > 0 {
		return failf(TypeError, "%s() takes 0 positional arguments but %d were given", name, n)
	}
	return nil
}

func def(name string, fn func(r *run, self any, a *bound) (any, error), params ...param) *builtin {
	return &builtin{name, params, fn}
}
