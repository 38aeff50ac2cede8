package jinja

import (
	"strings"
	"unicode/utf8"
)

// cutMethods are the methods that take a str apart.
var cutMethods = []*builtin{
	stripper("strip", true, true),
	stripper("lstrip", true, false),
	stripper("rstrip", false, true),
	splitter("split", false),
	splitter("rsplit", true),
	def("splitlines", func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		keep, err := r.truth(a.args[0])
		if err != nil {
			return nil, err
		}
		lines, err := r.splitLines(s, keep)
		if err != nil {
			return nil, err
		}
		return r.texts(self, lines)
	}, opt("keepends", false)),
	partition("partition", strings.Index, false),
	partition("rpartition", strings.LastIndex, true),
	def("removeprefix", func(_ *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		fix, err := a.text(0)
		return strings.TrimPrefix(s, fix), err
	}, arg("prefix")),
	def("removesuffix", func(_ *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		fix, err := a.text(0)
		return strings.TrimSuffix(s, fix), err
	}, arg("suffix")),
}

func stripper(name string, left, right bool) *builtin {
	return def(name, func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		chars, given, err := a.optText(0)
		if err != nil {
			return nil, err
		}
		if err := r.spend(len(s) >> 5); err != nil {
			return nil, err
		}
		return retype(self, strip(s, chars, given, left, right)), nil
	}, maybe("chars", nil))
}

// strip cuts white space, or the given characters, off the ends.
func strip(s, chars string, given, left, right bool) string {
	drop := isSpace
	if given {
		set := make(map[rune]bool, len(chars))
		for _, c := range chars {
			set[c] = true
		}
		drop = func(c rune) bool { return set[c] }
	}
	if left {
		s = strings.TrimLeftFunc(s, drop)
	}
	if right {
		s = strings.TrimRightFunc(s, drop)
	}
	return s
}

func splitter(name string, fromRight bool) *builtin {
	return def(name, func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		sep, given, err := a.optText(0)
		if err != nil {
			return nil, err
		}
		limit, err := a.int(1)
		if err != nil {
			return nil, err
		}
		if given && sep == "" {
			return nil, failf(ValueError, "empty separator")
		}
		if err := r.spend(len(s) >> 5); err != nil {
			return nil, err
		}
		if limit < 0 || limit > len(s) {
			limit = len(s) + 1
		}
		var parts []string
		switch {
		case !given && fromRight:
			parts, err = r.splitSpaceRight(s, limit)
		case !given:
			parts, err = r.splitSpace(s, limit)
		case fromRight:
			parts, err = r.splitRight(s, sep, limit)
		default:
			if err = r.hold(strings.Count(s, sep) * 2 * itemSize); err == nil {
				parts = strings.SplitN(s, sep, limit+1)
			}
		}
		if err != nil {
			return nil, err
		}
		return r.texts(self, parts)
	}, opt("sep", nil), opt("maxsplit", int64(-1)))
}

func (r *run) splitSpace(s string, limit int) ([]string, error) {
	var parts []string
	for s = trimLeftSpace(s); s != ""; s = trimLeftSpace(s) {
		if err := r.hold(itemSize); err != nil {
			return nil, err
		}
		end := strings.IndexFunc(s, isSpace)
		if limit == 0 {
			return append(parts, s), nil
		}
		if end < 0 {
			end = len(s)
		}
		parts = append(parts, s[:end])
		s = s[end:]
		limit--
	}
	return parts, nil
}

func (r *run) splitSpaceRight(s string, limit int) ([]string, error) {
	var parts []string
	for s = trimRightSpace(s); s != ""; s = trimRightSpace(s) {
		if err := r.hold(itemSize); err != nil {
			return nil, err
		}
		if limit == 0 {
			parts = append(parts, s)
			break
		}
		start := 0
		if i := strings.LastIndexFunc(s, isSpace); i >= 0 {
			_, n := utf8.DecodeRuneInString(s[i:])
			start = i + n
		}
		parts = append(parts, s[start:])
		s = s[:start]
		limit--
	}
	reverseTexts(parts)
	return parts, nil
}

func (r *run) splitRight(s, sep string, limit int) ([]string, error) {
	var parts []string
	for ; limit > 0; limit-- {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		if err := r.hold(itemSize); err != nil {
			return nil, err
		}
		parts = append(parts, s[i+len(sep):])
		s = s[:i]
	}
	parts = append(parts, s)
	reverseTexts(parts)
	return parts, nil
}

func reverseTexts(list []string) {
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
}

// texts makes a list of str, or of the class of the str they come from.
func (r *run) texts(like any, parts []string) (any, error) {
	if err := r.hold(len(parts) * 2 * itemSize); err != nil {
		return nil, err
	}
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = retype(like, p)
	}
	return newList(items), nil
}

// splitLines splits at every line boundary Python knows.
func (r *run) splitLines(s string, keep bool) ([]string, error) {
	n := 1
	for _, c := range s {
		if isLineEnd(c) {
			n++
		}
	}
	if err := r.hold(n*itemSize + len(s)>>5); err != nil {
		return nil, err
	}
	lines := make([]string, 0, n)
	start := 0
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if !isLineEnd(c) {
			i += n
			continue
		}
		end := i + n
		if c == '\r' && end < len(s) && s[end] == '\n' {
			end++
		}
		if keep {
			i = end
		}
		lines = append(lines, s[start:i])
		start, i = end, end
	}
	if start < len(s) {
		lines = append(lines, s[start:])
	}
	return lines, nil
}

func isLineEnd(c rune) bool {
	switch c {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

func partition(name string, search func(s, sep string) int, right bool) *builtin {
	return def(name, func(r *run, self any, a *bound) (any, error) {
		s, _ := textOf(self)
		sep, err := a.text(0)
		if err != nil {
			return nil, err
		}
		if sep == "" {
			return nil, failf(ValueError, "empty separator")
		}
		parts := [3]string{s, "", ""}
		if i := search(s, sep); i >= 0 {
			parts = [3]string{s[:i], sep, s[i+len(sep):]}
		} else if right {
			parts = [3]string{"", "", s}
		}
		return newTuple(retype(self, parts[0]), retype(self, parts[1]), retype(self, parts[2])), r.hold(keySize + len(s)>>5)
	}, arg("sep"))
}
