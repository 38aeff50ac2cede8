package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textFn makes a method of a str that has no arguments and gives a str.
func textFn(name string, fn func(string) string) *builtin {
	return def(name, func(r *run, self any, _ *bound) (any, error) {
		s, _ := textOf(self)
		if err := r.hold(2 * len(s)); err != nil {
			return nil, err
		}
		return retype(self, fn(s)), nil
	})
}

// testFn makes a method that says something about a str.
func testFn(name string, fn func(string) bool) *builtin {
	return def(name, func(r *run, self any, _ *bound) (any, error) {
		s, _ := textOf(self)
		return fn(s), r.spend(len(s) >> 5)
	})
}

func charsFn(name string, is func(rune) bool) *builtin {
	return testFn(name, func(s string) bool { return everyChar(s, is) })
}

// markupMethods are what Markup has besides the methods of str.
var markupMethods = []*builtin{
	def("escape", func(r *run, _ any, a *bound) (any, error) { return r.escaped(a.args[0]) }, arg("s")),
	def("unescape", func(r *run, self any, _ *bound) (any, error) {
		s, _ := textOf(self)
		return unescapeHTML(s), r.hold(len(s))
	}),
	def("striptags", func(r *run, self any, _ *bound) (any, error) {
		s, _ := textOf(self)
		return r.stripTags(s)
	}),
}

var caseMethods = []*builtin{
	textFn("capitalize", capitalize),
	def("casefold", func(r *run, self any, _ *bound) (any, error) { // which Markup does not wrap
		s, _ := textOf(self)
		return casefold(s), r.hold(2 * len(s))
	}),
	textFn("lower", toLower),
	textFn("swapcase", swapcase),
	textFn("title", titlecase),
	textFn("upper", toUpper),
}

var testMethods = []*builtin{
	charsFn("isalnum", isAlnum),
	charsFn("isalpha", unicode.IsLetter),
	charsFn("isdecimal", isDecimal),
	charsFn("isdigit", isDigit),
	charsFn("isnumeric", isNumeric),
	charsFn("isspace", isSpace),
	testFn("isascii", isASCII),
	testFn("isidentifier", isPythonName),
	testFn("islower", func(s string) bool { return allCase(s, isLowerChar) }),
	testFn("isupper", func(s string) bool { return allCase(s, isUpperChar) }),
	testFn("istitle", isTitle),
	testFn("isprintable", func(s string) bool { return s == "" || everyChar(s, isPrintable) }),
}

var searchMethods = []*builtin{
	finder("find", strings.Index, false),
	finder("rfind", strings.LastIndex, false),
	finder("index", strings.Index, true),
	finder("rindex", strings.LastIndex, true),
	def("count", func(r *run, self any, a *bound) (any, error) {
		s, sub, _, ok, err := searchArgs(r, self, a)
		if err != nil || !ok {
			return int64(0), err
		}
		if sub == "" {
			return int64(runeCount(s) + 1), nil
		}
		return int64(strings.Count(s, sub)), nil
	}, arg("sub"), maybe("start", nil), maybe("end", nil)),
	affix("startswith", strings.HasPrefix),
	affix("endswith", strings.HasSuffix),
}

// finder makes find, index and their likes from the right.
func finder(name string, search func(s, sub string) int, mustFind bool) *builtin {
	return def(name, func(r *run, self any, a *bound) (any, error) {
		s, sub, start, ok, err := searchArgs(r, self, a)
		if err != nil {
			return nil, err
		}
		if ok {
			if i := search(s, sub); i >= 0 {
				return int64(start + runeCount(s[:i])), nil
			}
		}
		if mustFind {
			return nil, failf(ValueError, "substring not found")
		}
		return int64(-1), nil
	}, arg("sub"), maybe("start", nil), maybe("end", nil))
}

// searchArgs reads sub[, start[, end]] and gives the part of the str to look
// at; ok is false when the start lies behind its end.
func searchArgs(r *run, self any, a *bound) (part, sub string, start int, ok bool, err error) {
	part, _ = textOf(self)
	if sub, err = a.text(0); err != nil {
		return "", "", 0, false, err
	}
	part, start, ok, err = window(r, part, a.args[1], a.args[2])
	return part, sub, start, ok, err
}

func window(r *run, s string, from, to any) (part string, start int, ok bool, err error) {
	if err := r.spend(len(s) >> 5); err != nil {
		return "", 0, false, err
	}
	if from == nil && to == nil {
		return s, 0, true, nil
	}
	n := runeCount(s)
	bound := func(v any, missing int) (int, error) {
		if v == nil {
			return missing, nil
		}
		i, err := sliceInt(v)
		if err != nil {
			return 0, err
		}
		if i < 0 {
			i = max(i+int64(n), 0)
		}
		return int(min(i, int64(n)+1)), nil
	}
	if start, err = bound(from, 0); err != nil {
		return "", 0, false, err
	}
	end, err := bound(to, n)
	if err != nil {
		return "", 0, false, err
	}
	end = min(end, n)
	if start > n || start > end {
		return "", 0, false, nil
	}
	at := runeOffset(s, start)
	return s[at : at+runeOffset(s[at:], end-start)], start, true, nil
}

func affix(name string, has func(s, fix string) bool) *builtin {
	return def(name, func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		options := []any{a.args[0]}
		if t, ok := a.args[0].(*tuple); ok {
			options = t.items
		}
		part, _, inside, err := window(r, s, a.args[1], a.args[2])
		if err != nil {
			return nil, err
		}
		for _, o := range options {
			fix, ok := textOf(o)
			if !ok {
				if err := check(o); err != nil {
					return nil, err
				}
				return nil, failf(TypeError, "%s first arg must be str or a tuple of str, not %s", name, typeName(o))
			}
			if inside && has(part, fix) {
				return true, nil
			}
		}
		return false, nil
	}, arg("prefix"), maybe("start", nil), maybe("end", nil))
}

var padMethods = []*builtin{
	padder("center", func(pad, width int) int { return pad/2 + pad&width&1 }),
	padder("ljust", func(pad, _ int) int { return 0 }),
	padder("rjust", func(pad, _ int) int { return pad }),
	def("zfill", func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		width, err := a.int(0)
		if err != nil {
			return nil, err
		}
		sign := 0
		if s != "" && (s[0] == '-' || s[0] == '+') {
			sign = 1
		}
		zeros, err := r.fill("0", width-runeCount(s))
		return retype(self, s[:sign]+zeros+s[sign:]), err
	}, arg("width")),
	def("expandtabs", func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		size, err := a.int(0)
		if err != nil {
			return nil, err
		}
		text, err := r.expandTabs(s, size)
		return retype(self, text), err
	}, opt("tabsize", int64(8))),
}

// padder makes center, ljust and rjust; left says how much goes to the left.
func padder(name string, left func(pad, width int) int) *builtin {
	return def(name, func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		width, err := a.int(0)
		if err != nil {
			return nil, err
		}
		fill, err := a.text(1)
		if err != nil {
			return nil, err
		}
		if _, ok := self.(markup); ok {
			fill = escapeHTML(fill)
		}
		if runeCount(fill) != 1 {
			return nil, failf(TypeError, "The fill character must be exactly one character long")
		}
		pad := width - runeCount(s)
		if pad <= 0 {
			return retype(self, s), nil
		}
		all, err := r.fill(fill, pad)
		if err != nil {
			return nil, err
		}
		cut := left(pad, width) * len(fill)
		return retype(self, all[:cut]+s+all[cut:]), r.hold(len(s) + len(all))
	}, arg("width"), maybe("fillchar", " "))
}

// fill repeats a character, if there is memory for it.
func (r *run) fill(c string, n int) (string, error) {
	if n <= 0 {
		return "", nil
	}
	if n > r.memory {
		return "", r.hold(-1)
	}
	if err := r.hold(n * len(c)); err != nil {
		return "", err
	}
	return repeatText(c, n), nil
}

func (r *run) expandTabs(s string, size int) (string, error) {
	var b strings.Builder
	column := 0
	for _, c := range s {
		switch c {
		case '\t':
			if size > 0 {
				n := size - column%size
				blank, err := r.fill(" ", n)
				if err != nil {
					return "", err
				}
				b.WriteString(blank)
				column += n
			}
			continue
		case '\n', '\r':
			column = -1
		}
		b.WriteRune(c)
		column++
	}
	return b.String(), r.hold(b.Len())
}

func firstRune(s string) (rune, int) { return utf8.DecodeRuneInString(s) }
