package jinja

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// A Trace is a rendered text with the origin of every byte.
type Trace struct {
	Text     string
	Segments []Segment // in order, without gaps, covering Text; an expression that wrote nothing has an empty one
}

// A Segment is a run of output bytes with one origin.
type Segment struct {
	Start, End   int      // bytes of Trace.Text
	Line, Column int      // of the template: the first byte, or the expression
	Literal      bool     // template text, copied byte for byte
	Inputs       []string // paths of the values that made it, sorted: service_instance.inputs.size
	Conditions   []string // paths the surrounding if and for tags looked at, sorted
}

// At returns the segment of the byte at offset.
func (t *Trace) At(offset int) (Segment, bool) {
	i := sort.Search(len(t.Segments), func(i int) bool { return t.Segments[i].End > offset })
	if i == len(t.Segments) || offset < t.Segments[i].Start {
		return Segment{}, false
	}
	return t.Segments[i], true
}

// Place is the line and column of the template from which the byte at offset
// of a literal segment was copied. For another segment it is the expression.
func (t *Trace) Place(s Segment, offset int) (line, column int) {
	line, column = s.Line, s.Column
	if !s.Literal {
		return line, column
	}
	before := t.Text[s.Start:offset]
	if n := strings.Count(before, "\n"); n > 0 {
		return line + n, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	}
	return line, column + utf8.RuneCountInString(before)
}

// A source is what a value was made from: paths of the given variables. What
// is read from a container that was itself given needs none, because the
// container knows where it stood.
type source struct{ paths []string }

// A tracer notes while a template renders what each piece of output was made
// from. A nil tracer notes nothing.
type tracer struct {
	segments   []traced
	used       []string // paths read by the expression being evaluated
	conditions []string // paths read by the tags around
	members    map[member]source
}

// traced is a Segment whose position in the template is still an offset.
type traced struct {
	start, end, pos int
	literal         bool
	inputs          []string
	conditions      []string
}

// member is something a template stored into: an attribute of a namespace, or
// with no key a list or dict as a whole.
type member struct {
	in  any
	key any
}

// add notes that paths were read.
func (t *tracer) add(src source) {
	if t == nil {
		return
	}
	for _, p := range src.paths {
		t.addPath(p)
	}
}

func (t *tracer) addPath(p string) {
	if p != "" && !slices.Contains(t.used, p) {
		t.used = append(t.used, p)
	}
}

// originOf is where a container among the variables stood, nil for others.
func originOf(v any) *origin {
	switch v := v.(type) {
	case *Dict:
		if v.origin.key != nil {
			return &v.origin
		}
	case *list:
		if v.origin.key != nil {
			return &v.origin
		}
	case *dictView:
		return originOf(v.dict)
	}
	return nil
}

// use notes that the value of an expression is used as a whole.
func (t *tracer) use(v any, src source) {
	if o := originOf(v); o != nil {
		t.addPath(o.path())
	}
	t.useLeaf(v, src)
}

// useLeaf notes what a value was made from, unless it is a container that
// will say so itself when something is read from it.
func (t *tracer) useLeaf(v any, src source) {
	if originOf(v) == nil {
		t.add(src)
	}
	t.useStored(member{in: v})
}

func (t *tracer) useStored(m member) {
	if t.members == nil {
		return
	}
	switch m.in.(type) {
	case *Dict, *list, *namespace:
		t.add(t.members[m])
	}
}

// useItem notes that an item of a container was read.
func (t *tracer) useItem(in origin, key, v any) {
	if in.key != nil && originOf(v) == nil {
		t.addPath(joinPath(in.path(), key))
	}
}

// useMember notes that an attribute or item was read.
func (t *tracer) useMember(obj, key, v any) {
	t.useStored(member{in: obj})
	o := originOf(obj)
	if o == nil {
		if ns, ok := obj.(*namespace); ok && originOf(v) == nil {
			t.useStored(member{ns, key})
		}
		return
	}
	if _, ok := v.(*boundMethod); ok {
		t.addPath(o.path())
		return
	}
	switch key := key.(type) {
	case string:
		t.useItem(*o, key, v)
	case int64:
		if l, ok := obj.(*list); ok && key < 0 {
			key += int64(len(l.items))
		}
		t.useItem(*o, key, v)
	default:
		t.addPath(o.path())
	}
}

// store notes what something a template stores into was made from.
func (t *tracer) store(m member, src source, replace bool) {
	if t.members == nil {
		t.members = map[member]source{}
	}
	if !replace {
		src.paths = union(t.members[m].paths, src.paths)
	}
	t.members[m] = src
}

// changed notes the arguments of a method that changes what it is called on.
func (t *tracer) changed(fn any, args *arguments) {
	m, ok := fn.(*boundMethod)
	if !ok {
		return
	}
	switch m.method.name {
	case "append", "extend", "insert", "update", "setdefault":
	default:
		return
	}
	switch m.self.(type) {
	case *list, *Dict:
		for _, src := range args.sources {
			t.store(member{in: m.self}, src, false)
		}
	}
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, p := range b {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// evalSource evaluates an expression and says what its value was made from.
// What the expression reads is not noted as read by the one around it.
func (r *run) evalSource(e expr) (any, source, error) {
	if r.trace == nil {
		v, err := e.eval(r)
		return v, source{}, err
	}
	outer := r.trace.used
	r.trace.used = nil
	v, err := e.eval(r)
	src := source{r.trace.used}
	r.trace.used = outer
	return v, src, err
}

// contextSource is the source of a variable of the context.
func (r *run) contextSource(i int) source {
	name := r.template.roots[i]
	if r.vars == nil {
		return source{}
	}
	if _, ok := r.vars.Get(name); !ok {
		return source{}
	}
	return source{[]string{name}}
}

// itemSource is what one item of an iterated value was made from. When the
// value stood among the variables, that is the item alone.
func itemSource(in any, i int, item any, src source) source {
	o := originOf(in)
	switch {
	case o == nil:
		return src
	case originOf(item) != nil:
		return source{}
	}
	var d *Dict
	switch in := in.(type) {
	case *Dict:
		d = in
	case *dictView:
		d = in.dict
	}
	if d == nil {
		return source{[]string{joinPath(o.path(), i)}}
	}
	if i < len(d.entries) {
		return source{[]string{joinPath(o.path(), d.entries[i].key)}}
	}
	return src
}

// mark and cut take back what was written since: it became a value instead.
func (t *tracer) mark() int {
	if t == nil {
		return 0
	}
	return len(t.segments)
}

func (t *tracer) cut(mark int) {
	if t == nil {
		return
	}
	for _, s := range t.segments[mark:] {
		t.add(source{s.inputs})
		t.add(source{s.conditions})
	}
	t.segments = t.segments[:mark]
}

// write notes the origin of the output from start to end.
func (t *tracer) write(start, end, pos int, literal bool, inputs []string) {
	if end > start || !literal {
		t.segments = append(t.segments, traced{start, end, pos, literal, inputs, t.conditions})
	}
}

// within runs a body whose running depended on what src names.
func (t *tracer) within(src source, body func() error) error {
	if t == nil {
		return body()
	}
	outer := t.conditions
	t.conditions = union(outer, src.paths)
	err := body()
	t.conditions = outer
	return err
}

func (t *tracer) result(text string, lines *lineTable) *Trace {
	out := &Trace{Text: text, Segments: make([]Segment, len(t.segments))}
	for i, s := range t.segments {
		line, column := lines.position(s.pos)
		out.Segments[i] = Segment{s.start, s.end, line, column, s.literal, sorted(s.inputs), sorted(s.conditions)}
	}
	return out
}

func sorted(paths []string) []string {
	paths = slices.Clone(paths)
	slices.Sort(paths)
	return paths
}
