package jinja

import (
	"slices"
	"strings"
)

// prettyWidth is where Python's pprint breaks lines.
const prettyWidth = 80

// A prettyPrinter writes values as Python's pprint does: on one line if they
// fit, else one item a line, and dicts with sorted keys.
type prettyPrinter struct {
	run    *run
	b      strings.Builder
	inside []any
}

func (r *run) pprint(v any) (string, error) {
	p := &prettyPrinter{run: r}
	if err := p.format(v, 0, 0, 0); err != nil {
		return "", err
	}
	return p.b.String(), nil
}

func (p *prettyPrinter) text(s string) error {
	p.b.WriteString(s)
	return p.run.hold(len(s))
}

func (p *prettyPrinter) newline(before string, indent int) error {
	return p.text(before + "\n" + spaces(indent))
}

// format writes v, which starts in column indent and has allowance characters
// behind it.
func (p *prettyPrinter) format(v any, indent, allowance, level int) error {
	if err := p.run.deeper(); err != nil {
		return err
	}
	defer func() { p.run.nesting-- }()
	for _, outer := range p.inside {
		if isContainer(v) && outer == v {
			return p.text("<Recursion on " + typeName(v) + ">")
		}
	}
	line, err := p.line(v)
	if err != nil {
		return err
	}
	if runeCount(line) <= prettyWidth-indent-allowance {
		return p.text(line)
	}
	switch v := v.(type) {
	case string:
		return p.str(v, line, indent, allowance, level+1)
	case *list:
		return p.items(v, v.items, "[", "]", indent, allowance, level+1)
	case *tuple:
		if v.names != nil {
			break
		}
		closing := ")"
		if len(v.items) == 1 {
			closing = ",)"
		}
		return p.items(v, v.items, "(", closing, indent, allowance, level+1)
	case *Dict:
		return p.dict(v, indent, allowance, level+1)
	}
	return p.text(line)
}

func isContainer(v any) bool {
	switch v.(type) {
	case *list, *tuple, *Dict:
		return true
	}
	return false
}

// line is the repr of v with sorted keys.
func (p *prettyPrinter) line(v any) (string, error) {
	sorted, err := p.sorted(v)
	if err != nil {
		return "", err
	}
	return p.run.repr(sorted)
}

// sorted copies v with the keys of all dicts in order.
func (p *prettyPrinter) sorted(v any) (any, error) {
	if !isContainer(v) {
		return v, nil
	}
	if err := p.run.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.run.nesting-- }()
	copyItems := func(items []any) ([]any, error) {
		if err := p.run.hold(len(items)*itemSize + keySize); err != nil {
			return nil, err
		}
		out := make([]any, len(items))
		for i, item := range items {
			var err error
			if out[i], err = p.sorted(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch v := v.(type) {
	case *list:
		items, err := copyItems(v.items)
		return newList(items), err
	case *tuple:
		if v.names != nil {
			return v, nil
		}
		items, err := copyItems(v.items)
		return newTuple(items...), err
	}
	d := NewDict()
	entries, err := p.entries(v.(*Dict))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		item, err := p.sorted(e.value)
		if err != nil {
			return nil, err
		}
		d.put(e.hash, e.key, item)
	}
	return d, p.run.hold(len(entries) * keySize)
}

// entries sorts the entries of a dict; keys that do not compare are ordered
// by the names of their types.
func (p *prettyPrinter) entries(d *Dict) ([]entry, error) {
	entries := slices.Clone(d.entries)
	var failure error
	less := func(a, b any) bool {
		is, err := p.run.less("<", a, b)
		switch {
		case isKind(err, TypeError):
			return typeName(a) < typeName(b)
		case err == nil:
			err = p.run.spend(1)
		}
		if failure == nil {
			failure = err
		}
		return is
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		switch {
		case less(a.key, b.key):
			return -1
		case less(b.key, a.key):
			return 1
		}
		return 0
	})
	return entries, failure
}

func (p *prettyPrinter) items(v any, items []any, open, closing string, indent, allowance, level int) error {
	p.inside = append(p.inside, v)
	defer func() { p.inside = p.inside[:len(p.inside)-1] }()
	if err := p.text(open); err != nil {
		return err
	}
	for i, item := range items {
		after := 1
		if i == len(items)-1 {
			after = allowance + len(closing)
		}
		if i > 0 {
			if err := p.newline(",", indent+1); err != nil {
				return err
			}
		}
		if err := p.format(item, indent+1, after, level); err != nil {
			return err
		}
	}
	return p.text(closing)
}

func (p *prettyPrinter) dict(d *Dict, indent, allowance, level int) error {
	p.inside = append(p.inside, d)
	defer func() { p.inside = p.inside[:len(p.inside)-1] }()
	entries, err := p.entries(d)
	if err != nil {
		return err
	}
	if err := p.text("{"); err != nil {
		return err
	}
	for i, e := range entries {
		if i > 0 {
			if err := p.newline(",", indent+1); err != nil {
				return err
			}
		}
		key, err := p.line(e.key)
		if err != nil {
			return err
		}
		if err := p.text(key + ": "); err != nil {
			return err
		}
		after := 1
		if i == len(entries)-1 {
			after = allowance + 1
		}
		if err := p.format(e.value, indent+runeCount(key)+3, after, level); err != nil {
			return err
		}
	}
	return p.text("}")
}

// str writes a long text as several literals, one under the other.
func (p *prettyPrinter) str(s, line string, indent, allowance, level int) error {
	if s == "" {
		return p.text(line)
	}
	if level == 1 {
		indent++
		allowance++
	}
	chunks, last, err := p.chunks(s, prettyWidth-indent, allowance)
	if err != nil {
		return err
	}
	if len(chunks) == 1 {
		return p.text(last)
	}
	text := strings.Join(chunks, "\n"+spaces(max(indent, 0)))
	if err := p.run.hold(len(chunks) * indent); err != nil {
		return err
	}
	if level == 1 {
		text = "(" + text + ")"
	}
	return p.text(text)
}

// chunks cuts a text into literals that fit, at line ends and then at blanks.
// last is the literal of the last line as a whole.
func (p *prettyPrinter) chunks(s string, width, allowance int) (chunks []string, last string, err error) {
	lines, err := p.run.splitLines(s, true)
	if err != nil {
		return nil, "", err
	}
	if err := p.run.hold(len(lines) * keySize); err != nil {
		return nil, "", err
	}
	for i, line := range lines {
		final := i == len(lines)-1
		room := width
		if final {
			room -= allowance
		}
		last = strRepr(line)
		if err := p.run.hold(2 * len(last)); err != nil {
			return nil, "", err
		}
		if runeCount(last) <= room {
			chunks = append(chunks, last)
			continue
		}
		words, err := p.words(line, width, allowance, final)
		if err != nil {
			return nil, "", err
		}
		chunks = append(chunks, words...)
	}
	return chunks, last, nil
}

func (p *prettyPrinter) words(line string, width, allowance int, final bool) ([]string, error) {
	var chunks []string
	current := ""
	for line != "" {
		n := strings.IndexFunc(line, isSpace)
		if n < 0 {
			n = len(line)
		} else {
			n = len(line) - len(trimLeftSpace(line[n:]))
		}
		part := line[:n]
		line = line[n:]
		room := width
		if line == "" && final {
			room -= allowance
		}
		candidate := current + part
		if err := p.run.hold(2 * len(candidate)); err != nil {
			return nil, err
		}
		if runeCount(strRepr(candidate)) <= room {
			current = candidate
			continue
		}
		if current != "" {
			chunks = append(chunks, strRepr(current))
		}
		current = part
	}
	if current != "" {
		chunks = append(chunks, strRepr(current))
	}
	return chunks, nil
}
