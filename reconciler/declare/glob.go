package declare

import "unicode/utf8"

// matchPath matches names against the segments of a pattern. It goes back to
// the last ** only, so its time is bounded by the product of the lengths.
func matchPath(segments, names []string) bool {
	s, n := 0, 0
	backSegment, backName := -1, 0
	for n < len(names) {
		switch {
		case s < len(segments) && segments[s] == "**":
			if s == len(segments)-1 {
				return true // something is left, and a/** matches all below a
			}
			backSegment, backName = s+1, n
			s++
		case s < len(segments) && matchName(segments[s], names[n]):
			s, n = s+1, n+1
		case backSegment >= 0:
			backName++
			s, n = backSegment, backName
		default:
			return false
		}
	}
	return s == len(segments)
}

// matchName matches one name against a pattern with *, ?, [a-z], [!a-z] and \.
// It goes back to the last * only.
func matchName(pattern, name string) bool {
	p, n := 0, 0
	backPattern, backName := -1, 0
	for n < len(name) {
		size := 0
		if p < len(pattern) {
			if pattern[p] == '*' {
				p++
				backPattern, backName = p, n
				continue
			}
			size = matchOne(pattern[p:], name[n:])
		}
		if size > 0 {
			_, width := utf8.DecodeRuneInString(name[n:])
			p, n = p+size, n+width
			continue
		}
		if backPattern < 0 {
			return false
		}
		_, width := utf8.DecodeRuneInString(name[backName:])
		backName += width
		p, n = backPattern, backName
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchOne matches the first character of name against the first element of a
// pattern and gives the length of that element, 0 when it does not match.
func matchOne(pattern, name string) int {
	c, _ := utf8.DecodeRuneInString(name)
	switch pattern[0] {
	case '?':
		return 1
	case '[':
		size, in := class(pattern, c)
		if in {
			return size
		}
		return 0
	case '\\':
		if want, size := utf8.DecodeRuneInString(pattern[1:]); size > 0 && want == c {
			return 1 + size
		}
		return 0
	}
	if want, size := utf8.DecodeRuneInString(pattern); want == c {
		return size
	}
	return 0
}

// class reads a set such as [a-z] or [!a-z] and tells whether c is in it. The
// size is 0 when the set is never closed.
func class(pattern string, c rune) (size int, in bool) {
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, in != negated
		}
		low, width := classRune(pattern[i:])
		i += width
		high := low
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			high, width = classRune(pattern[i+1:])
			i += 1 + width
		}
		in = in || low <= c && c <= high
	}
	return 0, false
}

// classRune reads one character of a set, which a backslash may protect.
func classRune(text string) (rune, int) {
	if text[0] == '\\' && len(text) > 1 {
		c, size := utf8.DecodeRuneInString(text[1:])
		return c, size + 1
	}
	return utf8.DecodeRuneInString(text)
}

// closed reports whether a pattern closes every set that it opens and protects
// something with every backslash.
func closed(pattern string) bool {
	for i := 0; i < len(pattern); {
		switch pattern[i] {
		case '\\':
			if i+1 == len(pattern) {
				return false
			}
			i += 2
		case '[':
			size, _ := class(pattern[i:], 0)
			if size == 0 {
				return false
			}
			i += size
		default:
			i++
		}
	}
	return true
}
