package jinja

import (
	"maps"
	"slices"
	"sync"
)

// A library is everything written in Go that a template can call by name. It
// never changes once it is made.
type library struct {
	filters, tests map[string]*builtin
	globals        map[string]any

	str, markup, list, tuple, dict, view map[string]*builtin // methods by type
	span, integer, float, bytes          map[string]*builtin
	loop, cycler                         map[string]*builtin
}

// shared holds the one library, made when it is first needed: its functions
// lead back to it, so it cannot be the initial value of a variable.
var shared struct {
	once    sync.Once
	library *library
}

func builtins() *library {
	shared.once.Do(func() { shared.library = newLibrary() })
	return shared.library
}

func newLibrary() *library {
	str := table(caseMethods, testMethods, searchMethods, padMethods, cutMethods, textMethods)
	l := &library{
		filters: table(textFilters, htmlFilters, numberFilters, listFilters, selectFilters, valueFilters),
		tests:   table(typeTests, valueTests, compareTests()),
		globals: map[string]any{
			"range":     rangeClass,
			"dict":      dictClass,
			"lipsum":    lipsum,
			"cycler":    cyclerClass,
			"joiner":    joinerClass,
			"namespace": namespaceClass,
		},
		str:     str,
		markup:  table(markupMethods, slices.Collect(maps.Values(str))),
		list:    table(listMethods),
		tuple:   table(tupleMethods),
		dict:    table(dictMethods),
		view:    table(viewMethods),
		span:    table(rangeMethods),
		integer: table(intMethods),
		float:   table(floatMethods),
		bytes:   table(bytesMethods),
		loop:    table(loopMethods),
		cycler:  table(cyclerMethods),
	}
	for alias, name := range map[string]string{"count": "length", "d": "default", "e": "escape"} {
		l.filters[alias] = l.filters[name]
	}
	return l
}

// table indexes builtins by their names.
func table(lists ...[]*builtin) map[string]*builtin {
	t := map[string]*builtin{}
	for _, list := range lists {
		for _, b := range list {
			t[b.name] = b
		}
	}
	return t
}
