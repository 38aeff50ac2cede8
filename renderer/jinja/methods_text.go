package jinja

import (
	"strings"
	"unicode/utf8"
)

// textMethods are the methods of str that make texts of other values.
var textMethods = []*builtin{
	def("join", func(r *run, self any, a *bound) (any, error) {
		sep, _ := textOf(self)
		items, err := r.items(a.args[0])
		if err != nil {
			return nil, iterableError(err)
		}
		_, isMarkup := self.(markup)
		if err := r.hold(len(items) * itemSize); err != nil {
			return nil, err
		}
		parts := make([]string, len(items))
		for i, item := range items {
			s, ok := textOf(item)
			if isMarkup {
				m, err := r.escaped(item)
				if err != nil {
					return nil, err
				}
				s, ok = string(m), true
			}
			if !ok {
				if err := check(item); err != nil {
					return nil, err
				}
				return nil, failf(TypeError, "sequence item %d: expected str instance, %s found", i, typeName(item))
			}
			parts[i] = s
		}
		text, err := r.joinTexts(parts, sep)
		return retype(self, text), err
	}, arg("iterable")),
	def("replace", func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		old, err := a.text(0)
		if err != nil {
			return nil, err
		}
		with, err := a.text(1)
		if err != nil {
			return nil, err
		}
		if _, ok := self.(markup); ok {
			if _, safe := a.args[1].(markup); !safe {
				with = escapeHTML(with)
			}
		}
		count, err := a.int(2)
		if err != nil {
			return nil, err
		}
		text, err := r.replace(s, old, with, count)
		return retype(self, text), err
	}, arg("old"), arg("new"), maybe("count", int64(-1))),
	def("format", func(r *run, self any, a *bound) (any, error) {
		return r.formatBraces(self, a.rest, namedArgs(a))
	}, all(), anyKeyword()),
	def("format_map", func(r *run, self any, a *bound) (any, error) {
		return r.formatBraces(self, nil, a.args[0])
	}, arg("mapping")),
	def("translate", func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		text, err := r.translate(s, a.args[0])
		return retype(self, text), err
	}, arg("table")),
	def("maketrans", func(r *run, _ any, a *bound) (any, error) { return r.makeTrans(a) },
		arg("x"), maybe("y", nil), maybe("z", nil)),
	def("encode", func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		encoding, err := a.text(0)
		if err != nil {
			return nil, err
		}
		errors, err := a.text(1)
		if err != nil {
			return nil, err
		}
		return r.encode(s, encoding, errors)
	}, opt("encoding", "utf-8"), opt("errors", "strict")),
}

func namedArgs(a *bound) *Dict {
	d := NewDict()
	for i, n := range a.names {
		d.Set(n, a.named[i])
	}
	return d
}

// iterableError says what Python says when join gets something else.
func iterableError(err error) error {
	if e, ok := err.(*Error); ok && e.Kind == TypeError && strings.HasSuffix(e.Msg, "object is not iterable") {
		return failf(TypeError, "can only join an iterable")
	}
	return err
}

func (r *run) joinTexts(parts []string, sep string) (string, error) {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if n := len(parts) - 1; n > 0 {
		if len(sep) > 0 && n > r.memory/len(sep)+1 {
			return "", r.hold(-1)
		}
		size += n * len(sep)
	}
	if err := r.hold(size); err != nil {
		return "", err
	}
	return strings.Join(parts, sep), nil
}

// replace is str.replace; count < 0 means all.
func (r *run) replace(s, old, with string, count int) (string, error) {
	n := runeCount(s) + 1
	if old != "" {
		n = strings.Count(s, old)
	}
	if count >= 0 {
		n = min(n, count)
	}
	if err := r.spend(len(s) >> 5); err != nil {
		return "", err
	}
	if grow := len(with) - len(old); grow > 0 && n > r.memory/grow+1 {
		return "", r.hold(-1)
	}
	if err := r.hold(max(len(s)+n*(len(with)-len(old)), 0)); err != nil {
		return "", err
	}
	return strings.Replace(s, old, with, n), nil
}

func (r *run) translate(s string, table any) (string, error) {
	var b strings.Builder
	for _, c := range s {
		v, ok, err := r.index(table, int64(c))
		if err != nil {
			return "", err
		}
		if !ok {
			b.WriteRune(c)
			continue
		}
		switch v := v.(type) {
		case nil:
		case int64:
			if v < 0 || v > utf8.MaxRune {
				return "", failf(ValueError, "character mapping must be in range(0x110000)")
			}
			b.WriteRune(rune(v))
		default:
			t, ok := textOf(v)
			if !ok {
				return "", failf(TypeError, "character mapping must return integer, None or str")
			}
			if err := r.hold(3 * len(t)); err != nil {
				return "", err
			}
			b.WriteString(t)
		}
		if err := r.hold(utf8.UTFMax); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// makeTrans is str.maketrans: from one dict, or from texts of equal length and
// one of characters to drop.
func (r *run) makeTrans(a *bound) (any, error) {
	table := NewDict()
	put := func(c rune, v any) { table.put(int64(c), int64(c), v) }
	if !a.has(1) {
		d, ok := a.args[0].(*Dict)
		if !ok {
			return nil, failf(TypeError, "if you give only one argument to maketrans it must be a dict")
		}
		for _, e := range d.entries {
			if s, ok := textOf(e.key); ok {
				if runeCount(s) != 1 {
					return nil, failf(ValueError, "string keys in translate table must be of length 1")
				}
				c, _ := firstRune(s)
				put(c, e.value)
				continue
			}
			n, ok := asInt(e.key)
			if !ok {
				return nil, failf(TypeError, "keys in translate table must be strings or integers")
			}
			put(rune(n), e.value)
		}
		return table, r.hold(keySize * len(d.entries))
	}
	from, err := a.text(0)
	if err != nil {
		return nil, err
	}
	to, err := a.text(1)
	if err != nil {
		return nil, err
	}
	if runeCount(from) != runeCount(to) {
		return nil, failf(ValueError, "the first two maketrans arguments must have equal length")
	}
	if err := r.hold(keySize * (len(from) + len(to))); err != nil {
		return nil, err
	}
	for _, c := range from {
		d, n := firstRune(to)
		put(c, int64(d))
		to = to[n:]
	}
	drop, _, err := a.optText(2)
	for _, c := range drop {
		put(c, nil)
	}
	return table, err
}

func (r *run) encode(s, encoding, errors string) (any, error) {
	limit := rune(0)
	switch strings.ReplaceAll(strings.ToLower(encoding), "_", "-") {
	case "utf-8", "utf8":
		return byteString(s), r.hold(len(s))
	case "ascii", "us-ascii":
		limit = 0x80
	case "latin-1", "latin1", "iso-8859-1":
		limit = 0x100
	default:
		return nil, failf(ValueError, "unknown encoding: %s", encoding)
	}
	if err := r.hold(10 * len(s)); err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(s))
	for i, c := range s {
		switch {
		case c < limit:
			out = append(out, byte(c))
		case errors == "ignore":
		case errors == "replace":
			out = append(out, '?')
		case errors == "backslashreplace":
			out = append(out, asciiEscape(c)...)
		case errors == "xmlcharrefreplace":
			text, _ := intText(int64(c))
			out = append(out, "&#"+text+";"...)
		default:
			return nil, failf(ValueError, "'%s' codec can't encode character %s in position %d: ordinal not in range(%d)",
				encoding, strRepr(asciiEscape(c)), runeCount(s[:i]), limit)
		}
	}
	return byteString(out), nil
}
