package jinja

import (
	"math/big"
)

// Values are held as any, with these types:
//
//	nil                None
//	bool               bool
//	int64, *big.Int    int; a *big.Int never fits an int64
//	float64            float
//	string             str
//	markup             markupsafe.Markup, a str that needs no escaping
//	Block              a str that is written as a block
//	byteString         bytes
//	*list, *tuple      list, tuple
//	*Dict, *dictView   dict, what its keys, values and items give, and set
//	*intRange          range
//	*iterator          generators and other one-time iterators
//	*undefined         jinja2.Undefined
//	and what is callable, see callable.go
type (
	markup     string
	byteString string

	list struct {
		items  []any
		origin origin
	}
	tuple struct {
		items []any
		names []string // of a named tuple, else nil
	}
	dictView struct {
		dict *Dict
		kind string // dict_keys, dict_values, dict_items; set for what subtracting two of them gives
	}
	intRange struct{ start, stop, step, length int64 }
)

// An origin says where in the variables given to Render a container stood.
type origin struct {
	up  *origin
	key any // string or int
}

// missing marks a variable that is not set.
var missing any = &struct{ _ byte }{}

// An undefined value fails on nearly every use, with a message that says what
// was not there. The lenient one is what an inline if without else yields.
type undefined struct {
	hint    string
	obj     any
	name    any
	hasObj  bool
	lenient bool
	node    expr // what looked for it, nil when it is not an expression
}

func (u *undefined) message() string {
	switch {
	case u.hint != "":
		return u.hint
	case !u.hasObj:
		s, _ := u.name.(string)
		return strRepr(s) + " is undefined"
	}
	if s, ok := textOf(u.name); ok {
		return strRepr(objectType(u.obj)) + " has no attribute " + strRepr(s)
	}
	name := "?"
	if s, err := newRun(nil).repr(u.name); err == nil {
		name = s
	}
	return objectType(u.obj) + " has no element " + name
}

// objectType is how Jinja names a value in its messages.
func objectType(v any) string {
	switch v.(type) {
	case nil:
		return "None"
	case markup:
		return "markupsafe.Markup object"
	case *macroValue, *loopValue, *blockRef, *selfRef:
		return "jinja2.runtime." + typeName(v) + " object"
	case *namespace, *cycler, *joiner:
		return "jinja2.utils." + typeName(v) + " object"
	case *tuple:
		if v.(*tuple).names != nil {
			return "jinja2.filters._GroupTuple object"
		}
	}
	return typeName(v) + " object"
}

// typeName is the name of the value's class in Python.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string, Block:
		return "str"
	case markup:
		return "Markup"
	case byteString:
		return "bytes"
	case *list:
		return "list"
	case *tuple:
		if v.names != nil {
			return "_GroupTuple"
		}
		return "tuple"
	case *Dict:
		return "dict"
	case *dictView:
		return v.kind
	case *intRange:
		return "range"
	case *iterator:
		return v.kind
	case *sliceValue:
		return "slice"
	case *undefined:
		if v.lenient {
			return "Undefined"
		}
		return "StrictUndefined"
	case *macroValue:
		return "Macro"
	case *loopValue:
		return "LoopContext"
	case *blockRef:
		return "BlockReference"
	case *selfRef:
		return "TemplateReference"
	case *namespace:
		return "Namespace"
	case *cycler:
		return "Cycler"
	case *joiner:
		return "Joiner"
	case *class:
		return "type"
	case *boundMethod:
		return "builtin_function_or_method"
	}
	return "function"
}

// textOf gives the text of a str or one of its subclasses.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case markup:
		return string(v), true
	case Block:
		return string(v), true
	}
	return "", false
}

// retype gives text the class of the value it was made from: operations on a
// Markup yield a Markup.
func retype(like any, text string) any {
	if _, ok := like.(markup); ok {
		return markup(text)
	}
	return text
}

func newList(items []any) *list    { return &list{items: items} }
func newTuple(items ...any) *tuple { return &tuple{items: items} }

// check fails if v is undefined, as nearly every use of one does.
func check(v any) error {
	if u, ok := v.(*undefined); ok {
		return undefinedError(u)
	}
	return nil
}

// checkStrict fails if v is undefined and not the lenient kind.
func checkStrict(v any) error {
	if u, ok := v.(*undefined); ok && !u.lenient {
		return undefinedError(u)
	}
	return nil
}

// truth is Python's bool().
func (r *run) truth(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		return v != "", nil
	case int64:
		return v != 0, nil
	case float64:
		return v != 0, nil
	case markup:
		return v != "", nil
	case Block:
		return v != "", nil
	case byteString:
		return v != "", nil
	case *list:
		return len(v.items) > 0, nil
	case *tuple:
		return len(v.items) > 0, nil
	case *Dict:
		return len(v.entries) > 0, nil
	case *dictView:
		return len(v.dict.entries) > 0, nil
	case *intRange:
		return v.length > 0, nil
	case *loopValue:
		n, err := v.size(r)
		return n > 0, err
	case *undefined:
		return false, checkStrict(v)
	}
	return true, nil
}

// constTruth is the truth of a literal.
func constTruth(v any) bool {
	t, _ := newRun(nil).truth(v)
	return t
}

// length is Python's len().
func (r *run) length(v any) (int, error) {
	switch v := v.(type) {
	case string:
		return runeCount(v), nil
	case markup:
		return runeCount(string(v)), nil
	case Block:
		return runeCount(string(v)), nil
	case byteString:
		return len(v), nil
	case *list:
		return len(v.items), nil
	case *tuple:
		return len(v.items), nil
	case *Dict:
		return len(v.entries), nil
	case *dictView:
		return len(v.dict.entries), nil
	case *intRange:
		return int(v.length), nil
	case *loopValue:
		return v.size(r)
	case *undefined:
		return 0, checkStrict(v)
	}
	return 0, failf(TypeError, "object of type '%s' has no len()", typeName(v))
}
