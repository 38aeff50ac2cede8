package jinja

import (
	"strings"
)

// A class is a type of Python as far as a template can see it: a name, and a
// function if it is one of the globals.
type class struct {
	name, fullName string
	bases          []*class
	make           *builtin
}

var (
	objectClass = &class{name: "object", fullName: "object"}
	intClass    = newClass("int", "int", nil)
	strClass    = newClass("str", "str", nil)
	rangeClass  = newClass("range", "range", def("range", makeRange, all()))
	dictClass   = newClass("dict", "dict", def("dict", makeDict, all(), anyKeyword()))

	cyclerClass    = newClass("Cycler", "jinja2.utils.Cycler", def("Cycler", makeCycler, all()))
	joinerClass    = newClass("Joiner", "jinja2.utils.Joiner", def("Joiner", makeJoiner, opt("sep", ", ")))
	namespaceClass = newClass("Namespace", "jinja2.utils.Namespace", def("Namespace", makeNamespace, all(), anyKeyword()))
)

func newClass(name, fullName string, make *builtin) *class {
	return &class{name, fullName, []*class{objectClass}, make}
}

func (c *class) call(r *run, a *arguments) (any, error) {
	if c.make == nil {
		return nil, failf(TypeError, "templates cannot make values of type '%s'", c.name)
	}
	return c.make.call(r, nil, a)
}

func (c *class) property(r *run, name string) (any, bool) {
	if c == dictClass && name == "fromkeys" {
		return &boundMethod{NewDict(), r.lib.dict[name]}, true
	}
	return nil, false
}

// classOf is the class of a value. Nothing can be reached through it but
// names and base classes.
func classOf(v any) *class {
	switch v := v.(type) {
	case string, Block:
		return strClass
	case int64:
		return intClass
	case bool:
		return &class{"bool", "bool", []*class{intClass, objectClass}, nil}
	case *Dict:
		return dictClass
	case *intRange:
		return rangeClass
	case *namespace:
		return namespaceClass
	case *cycler:
		return cyclerClass
	case *joiner:
		return joinerClass
	case markup:
		return &class{"Markup", "markupsafe.Markup", []*class{strClass, objectClass}, nil}
	case *class:
		return newClass("type", "type", nil)
	default:
		full := strings.TrimSuffix(objectType(v), " object")
		if _, ok := v.(*undefined); ok {
			full = "jinja2.runtime." + typeName(v)
		}
		if v == nil {
			full = "NoneType"
		}
		return newClass(typeName(v), full, nil)
	}
}

// dunder answers for the few names with two underscores that show nothing but
// what a value is.
func dunder(obj any, name string) (any, bool) {
	c, isClass := obj.(*class)
	switch {
	case name == "__class__":
		return classOf(obj), true
	case isClass && (name == "__name__" || name == "__qualname__"):
		return c.name, true
	case isClass && name == "__mro__":
		t := newTuple(c)
		for _, b := range c.bases {
			t.items = append(t.items, b)
		}
		return t, true
	}
	return nil, false
}

func makeRange(_ *run, _ any, a *bound) (any, error) {
	if len(a.rest) == 0 || len(a.rest) > 3 {
		return nil, failf(TypeError, "range expected 1 to 3 arguments, got %d", len(a.rest))
	}
	var n [3]int64
	for i, v := range a.rest {
		var err error
		if n[i], err = indexInt(v); err != nil {
			return nil, err
		}
	}
	v := &intRange{start: n[0], stop: n[1], step: 1}
	switch len(a.rest) {
	case 1:
		v.start, v.stop = 0, n[0]
	case 3:
		if v.step = n[2]; v.step == 0 {
			return nil, failf(ValueError, "range() arg 3 must not be zero")
		}
	}
	const far = 1 << 62
	for _, x := range n {
		if x > far || x < -far {
			return nil, failf(OverflowError, "Python int too large to convert to C ssize_t")
		}
	}
	switch {
	case v.step > 0 && v.stop > v.start:
		v.length = (v.stop-v.start-1)/v.step + 1
	case v.step < 0 && v.stop < v.start:
		v.length = (v.start-v.stop-1)/-v.step + 1
	}
	return v, nil
}

func makeDict(r *run, _ any, a *bound) (any, error) {
	d := NewDict()
	if len(a.rest) > 1 {
		return nil, failf(TypeError, "dict expected at most 1 argument, got %d", len(a.rest))
	}
	return d, r.update(d, a)
}

// A namespace holds variables that inner scopes can set.
type namespace struct{ attrs *Dict }

func makeNamespace(r *run, _ any, a *bound) (any, error) {
	d, err := makeDict(r, nil, a)
	if err != nil {
		return nil, err
	}
	return &namespace{d.(*Dict)}, nil
}

// A cycler gives its items in turn, again and again.
type cycler struct {
	items []any
	pos   int
}

func makeCycler(_ *run, _ any, a *bound) (any, error) {
	if len(a.rest) == 0 {
		return nil, failf(RuntimeError, "at least one item has to be provided")
	}
	return &cycler{items: a.rest}, nil
}

func (c *cycler) property(r *run, name string) (any, bool) {
	switch name {
	case "items":
		return newTuple(c.items...), true
	case "pos":
		return int64(c.pos), true
	case "current":
		return c.items[c.pos], true
	case "next", "reset":
		return &boundMethod{c, r.lib.cycler[name]}, true
	}
	return nil, false
}

var cyclerMethods = []*builtin{
	def("next", func(_ *run, self any, _ *bound) (any, error) {
		c := self.(*cycler)
		v := c.items[c.pos]
		c.pos = (c.pos + 1) % len(c.items)
		return v, nil
	}),
	def("reset", func(_ *run, self any, _ *bound) (any, error) {
		self.(*cycler).pos = 0
		return nil, nil
	}),
}

// A joiner gives nothing the first time and its separator ever after.
type joiner struct {
	sep  any
	used bool
}

func makeJoiner(_ *run, _ any, a *bound) (any, error) { return &joiner{sep: a.args[0]}, nil }

func (j *joiner) call(a *arguments) (any, error) {
	if err := noArguments("Joiner.__call__", a); err != nil {
		return nil, err
	}
	if !j.used {
		j.used = true
		return "", nil
	}
	return j.sep, nil
}

func (j *joiner) property(name string) (any, bool) {
	switch name {
	case "sep":
		return j.sep, true
	case "used":
		return j.used, true
	}
	return nil, false
}

// seed makes random choices depend on the template alone: the same template
// with the same variables always renders the same.
func seed(source string) uint64 {
	const prime = 1099511628211 // FNV
	h := uint64(14695981039346656037)
	for i := range min(len(source), 256) {
		h = (h ^ uint64(source[i])) * prime
	}
	return h ^ uint64(len(source))
}

// random gives a number below n.
func (r *run) random(n int) int {
	r.dice = r.dice*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
	return int((r.dice >> 33) % uint64(n))
}

var lipsumWords = strings.Fields(`lorem ipsum dolor sit amet consectetuer adipiscing elit sed diam nonummy nibh
	euismod tincidunt ut laoreet dolore magna aliquam erat volutpat wisi enim ad minim veniam quis nostrud exerci
	tation ullamcorper suscipit lobortis nisl aliquip ex ea commodo consequat`)

var lipsum = def("lipsum", func(r *run, _ any, a *bound) (any, error) {
	var n [3]int
	for i, k := range []int{0, 2, 3} {
		var err error
		if n[i], err = a.int(k); err != nil {
			return nil, err
		}
	}
	html, err := r.truth(a.args[1])
	if err != nil {
		return nil, err
	}
	low, high := n[1], n[2]
	if high <= low {
		return nil, failf(ValueError, "empty range for randrange() (%d, %d, %d)", low, high, high-low)
	}
	var paragraphs []string
	for range max(n[0], 0) {
		text, err := r.lipsumParagraph(low + r.random(high-low))
		if err != nil {
			return nil, err
		}
		if html {
			text = "<p>" + text + "</p>"
		}
		paragraphs = append(paragraphs, text)
	}
	if html {
		return markup(strings.Join(paragraphs, "\n")), nil
	}
	return strings.Join(paragraphs, "\n\n"), nil
}, opt("n", int64(5)), opt("html", true), opt("min", int64(20)), opt("max", int64(100)))

func (r *run) lipsumParagraph(words int) (string, error) {
	var b strings.Builder
	for i := range words {
		if err := r.hold(growSize); err != nil {
			return "", err
		}
		word := lipsumWords[r.random(len(lipsumWords))]
		switch {
		case i%12 == 0:
			word = strings.ToUpper(word[:1]) + word[1:]
		case i%12 == 11:
			word += "."
		case i%12 == 5:
			word += ","
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return strings.TrimRight(b.String(), ".,") + ".", nil
}
