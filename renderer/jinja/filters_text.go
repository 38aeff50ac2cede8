package jinja

import (
	"strings"
	"unicode/utf8"
)

// softFilter makes a filter that is a method of str, for values of any type.
func softFilter(name string, fn func(string) string) *builtin {
	return def(name, func(r *run, v any, _ *bound) (any, error) {
		s, err := r.softText(v)
		if err != nil {
			return nil, err
		}
		if err := r.hold(2 * len(s)); err != nil {
			return nil, err
		}
		return retype(v, fn(s)), nil
	})
}

var textFilters = []*builtin{
	softFilter("upper", toUpper),
	softFilter("lower", toLower),
	softFilter("capitalize", capitalize),
	def("title", func(r *run, v any, _ *bound) (any, error) {
		s, err := r.softText(v)
		if err != nil {
			return nil, err
		}
		return titleWords(s), r.hold(2 * len(s))
	}),
	def("center", func(r *run, v any, a *bound) (any, error) {
		s, err := r.softText(v)
		if err != nil {
			return nil, err
		}
		return r.lib.str["center"].call(r, retype(v, s), &arguments{pos: a.args})
	}, opt("width", int64(80))),
	def("trim", func(r *run, v any, a *bound) (any, error) {
		s, err := r.softText(v)
		if err != nil {
			return nil, err
		}
		chars, given, err := a.optText(0)
		if err != nil {
			return nil, err
		}
		return retype(v, strip(s, chars, given, true, true)), r.spend(len(s) >> 5)
	}, opt("chars", nil)),
	def("replace", replaceFilter, need("old"), need("new"), opt("count", nil)),
	def("format", func(r *run, v any, a *bound) (any, error) {
		if len(a.rest) > 0 && len(a.names) > 0 {
			return nil, failf(FilterError, "can't handle positional and keyword arguments at the same time")
		}
		s, err := r.softText(v)
		if err != nil {
			return nil, err
		}
		if len(a.names) > 0 {
			return r.formatPercent(retype(v, s), s, namedArgs(a))
		}
		return r.formatPercent(retype(v, s), s, newTuple(a.rest...))
	}, all(), anyKeyword()),
	def("indent", indentFilter, opt("width", int64(4)), opt("first", false), opt("blank", false)),
	def("truncate", truncateFilter, opt("length", int64(255)), opt("killwords", false), opt("end", "..."), opt("leeway", nil)),
	def("wordcount", func(r *run, v any, _ *bound) (any, error) {
		s, err := r.softText(v)
		if err != nil {
			return nil, err
		}
		n, inWord := int64(0), false
		for _, c := range s {
			word := isWordChar(c)
			if word && !inWord {
				n++
			}
			inWord = word
		}
		return n, r.spend(len(s) >> 4)
	}),
	def("wordwrap", func(r *run, v any, a *bound) (any, error) {
		w := &wrapper{run: r}
		s, ok := textOf(v)
		if !ok {
			return nil, attributeError(v, "splitlines")
		}
		var err error
		if w.width, err = a.int(0); err != nil {
			return nil, err
		}
		if w.breakLong, err = r.truth(a.args[1]); err != nil {
			return nil, err
		}
		sep, given, err := a.optText(2)
		if err != nil {
			return nil, err
		}
		if !given {
			sep = "\n"
		}
		if w.breakHyphens, err = r.truth(a.args[3]); err != nil {
			return nil, err
		}
		return w.wrapLines(s, sep)
	}, opt("width", int64(79)), opt("break_long_words", true), opt("wrapstring", nil), opt("break_on_hyphens", true)),
}

func attributeError(v any, name string) error {
	if err := check(v); err != nil {
		return err
	}
	return failf(AttributeError, "'%s' object has no attribute '%s'", typeName(v), name)
}

// titleWords starts each word with an upper case letter. Unlike str.title it
// takes only blanks, brackets and hyphens for the ends of words.
func titleWords(s string) string {
	var b strings.Builder
	for s != "" {
		n := strings.IndexFunc(s, isWordBreak)
		switch {
		case n < 0:
			n = len(s)
		case n == 0:
			_, n = utf8.DecodeRuneInString(s)
		}
		first, size := utf8.DecodeRuneInString(s)
		writeUpper(&b, first)
		b.WriteString(toLower(s[size:n]))
		s = s[n:]
	}
	return b.String()
}

func isWordBreak(c rune) bool { return isSpace(c) || strings.ContainsRune("-({[<", c) }

func replaceFilter(r *run, v any, a *bound) (any, error) {
	count := -1
	if a.args[2] != nil {
		n, err := a.int(2)
		if err != nil {
			return nil, err
		}
		count = n
	}
	var texts [3]string
	for i, x := range []any{v, a.args[0], a.args[1]} {
		s, err := r.softText(x)
		if err != nil {
			return nil, err
		}
		texts[i] = s
	}
	if !r.escape {
		return r.replace(texts[0], texts[1], texts[2], count)
	}
	_, vSafe := v.(markup)
	_, oldSafe := a.args[0].(markup)
	_, newSafe := a.args[1].(markup)
	switch {
	case !vSafe && (oldSafe || newSafe):
		texts[0], vSafe = escapeHTML(texts[0]), true
	}
	if vSafe && !newSafe {
		texts[2] = escapeHTML(texts[2])
	}
	text, err := r.replace(texts[0], texts[1], texts[2], count)
	if vSafe {
		return markup(text), err
	}
	return text, err
}

func indentFilter(r *run, v any, a *bound) (any, error) {
	s, ok := textOf(v)
	if !ok {
		if err := check(v); err != nil {
			return nil, err
		}
		return nil, badOperands(opAdd, v, "")
	}
	indent, ok := textOf(a.args[0])
	if !ok {
		n, err := a.int(0)
		if err != nil {
			return nil, err
		}
		if indent, err = r.fill(" ", n); err != nil {
			return nil, err
		}
	} else if _, isMarkup := v.(markup); isMarkup {
		indent = escapeHTML(indent)
	}
	first, err := r.truth(a.args[1])
	if err != nil {
		return nil, err
	}
	blank, err := r.truth(a.args[2])
	if err != nil {
		return nil, err
	}
	if err := r.hold(len(s)); err != nil {
		return nil, err
	}
	lines, err := r.splitLines(s+"\n", false)
	if err != nil {
		return nil, err
	}
	if len(indent) > 0 && len(lines) > r.memory/len(indent)+1 {
		return nil, r.hold(-1)
	}
	if err := r.hold(len(s) + len(lines)*(len(indent)+itemSize)); err != nil {
		return nil, err
	}
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 0 && first || i > 0 && (blank || line != "") {
			b.WriteString(indent)
		}
		b.WriteString(line)
	}
	return retype(v, b.String()), nil
}

// defaultLeeway is how much longer than asked a text may be before it is cut.
const defaultLeeway = 5

func truncateFilter(r *run, v any, a *bound) (any, error) {
	length, err := a.int(0)
	if err != nil {
		return nil, err
	}
	killWords, err := r.truth(a.args[1])
	if err != nil {
		return nil, err
	}
	end, err := a.text(2)
	if err != nil {
		return nil, err
	}
	leeway := defaultLeeway
	if a.args[3] != nil {
		if leeway, err = a.int(3); err != nil {
			return nil, err
		}
	}
	if n := runeCount(end); length < n {
		return nil, failf(AssertError, "expected length >= %d, got %d", n, length)
	}
	if leeway < 0 {
		return nil, failf(AssertError, "expected leeway >= 0, got %d", leeway)
	}
	n, err := r.length(v)
	if err != nil || n <= length || n-length <= leeway {
		return v, err
	}
	s, ok := textOf(v)
	if !ok {
		return nil, badOperands(opAdd, v, end)
	}
	cut := s[:runeOffset(s, length-runeCount(end))]
	if !killWords {
		if i := strings.LastIndexByte(cut, ' '); i >= 0 {
			cut = cut[:i]
		}
	}
	return r.join(retype(v, cut), a.args[2])
}
