package jinja

import (
	"strings"
	"unicode/utf8"
)

// A wrapper breaks lines as Python's textwrap does.
type wrapper struct {
	run          *run
	width        int
	breakLong    bool
	breakHyphens bool
}

func (w *wrapper) wrapLines(s, sep string) (string, error) {
	if w.width <= 0 && s != "" {
		return "", failf(ValueError, "invalid width %d (must be > 0)", w.width)
	}
	var out []string
	broken, err := w.run.splitLines(s, false)
	if err != nil {
		return "", err
	}
	for _, line := range broken {
		if err := w.run.hold(3*len(line) + keySize); err != nil {
			return "", err
		}
		chunks, err := w.chunks(line)
		if err != nil {
			return "", err
		}
		lines, err := w.wrap(chunks)
		if err != nil {
			return "", err
		}
		wrapped, err := w.run.joinTexts(lines, sep)
		if err != nil {
			return "", err
		}
		out = append(out, wrapped)
	}
	return w.run.joinTexts(out, sep)
}

func isBlank(s string) bool { return strings.TrimFunc(s, isSpace) == "" }

// fits says how many characters s has, if not more than room.
func fits(s string, room int) (n int, ok bool) {
	if runeOffset(s, room) < len(s) {
		return 0, false
	}
	return runeCount(s), true
}

// wrap fills lines with chunks, which it takes apart.
func (w *wrapper) wrap(chunks []string) ([]string, error) {
	var lines []string
	for len(chunks) > 0 {
		if err := w.run.hold(4 * itemSize); err != nil {
			return nil, err
		}
		if len(lines) > 0 && isBlank(chunks[0]) {
			chunks = chunks[1:]
		}
		var line []string
		room := w.width
		for len(chunks) > 0 {
			n, ok := fits(chunks[0], room)
			if !ok {
				break
			}
			line = append(line, chunks[0])
			room -= n
			chunks = chunks[1:]
		}
		if len(chunks) > 0 {
			if _, ok := fits(chunks[0], w.width); !ok {
				line, chunks = w.breakWord(line, chunks, room)
			}
		}
		if n := len(line); n > 0 && isBlank(line[n-1]) {
			line = line[:n-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
	}
	return lines, nil
}

// asciiBlank is what textwrap breaks lines at.
const asciiBlank = "\t\n\v\f\r "

// breakWord puts as much of a word longer than a line as fits on this one.
func (w *wrapper) breakWord(line, chunks []string, room int) (newLine, rest []string) {
	if !w.breakLong {
		if len(line) == 0 {
			return append(line, chunks[0]), chunks[1:]
		}
		return line, chunks
	}
	chunk := chunks[0]
	cut := runeOffset(chunk, room)
	if w.breakHyphens && cut < len(chunk) {
		i := strings.LastIndexByte(chunk[:cut], '-')
		if i > 0 && strings.Trim(chunk[:i], "-") != "" {
			cut = i + 1
		}
	}
	chunks[0] = chunk[cut:]
	return append(line, chunk[:cut]), chunks
}

// chunks cuts a line into what must not be broken: words, blanks, and with
// breakHyphens the parts of compound words.
func (w *wrapper) chunks(s string) ([]string, error) {
	var out []string
	for s != "" {
		if err := w.run.hold(2 * itemSize); err != nil {
			return nil, err
		}
		n := strings.IndexAny(s, asciiBlank)
		if n == 0 {
			n = len(s) - len(strings.TrimLeft(s, asciiBlank))
			out = append(out, s[:n])
			s = s[n:]
			continue
		}
		if n < 0 {
			n = len(s)
		}
		start := 0
		for w.breakHyphens && start < n {
			end := hyphenPart(s[:n], start)
			out = append(out, s[start:end])
			start = end
		}
		if start < n {
			out = append(out, s[:n])
		}
		s = s[n:]
	}
	return out, nil
}

// hyphenPart is where the part of a word that begins at start ends: behind a
// hyphen between letters, or before or behind a dash.
func hyphenPart(word string, start int) int {
	if afterPunctuation(word, start) {
		if n := dashRun(word[start:]); n > 0 {
			return start + n
		}
	}
	for i, c := range word[start:] {
		at := start + i
		switch {
		case i == 0 || c != '-':
		case afterPunctuation(word, at) && dashRun(word[at:]) > 0:
			return at
		case hyphenAt(word, at):
			return at + 1
		}
	}
	return len(word)
}

func afterPunctuation(word string, i int) bool {
	if i == 0 {
		return false
	}
	c, _ := utf8.DecodeLastRuneInString(word[:i])
	return isWordChar(c) || strings.ContainsRune(`!"'&.,?`, c)
}

// dashRun is the length of a dash at the start of s: two or more hyphens with
// a letter behind them.
func dashRun(s string) int {
	n := 0
	for n < len(s) && s[n] == '-' {
		n++
	}
	if n < 2 || n == len(s) {
		return 0
	}
	if c, _ := utf8.DecodeRuneInString(s[n:]); !isWordChar(c) {
		return 0
	}
	return n
}

// hyphenAt says whether a word may break behind its hyphen at i: two letters
// stand before it, or a letter between hyphens, and likewise after it.
func hyphenAt(s string, i int) bool {
	letter := func(c rune) bool { return isWordChar(c) && !isDecimal(c) }
	b1, s1 := utf8.DecodeLastRuneInString(s[:i])
	b2, s2 := utf8.DecodeLastRuneInString(s[:i-s1])
	b3, _ := utf8.DecodeLastRuneInString(s[:i-s1-s2])
	if !letter(b1) || !letter(b2) && (b2 != '-' || !letter(b3)) {
		return false
	}
	a1, s1 := utf8.DecodeRuneInString(s[i+1:])
	a2, s2 := utf8.DecodeRuneInString(s[i+1+s1:])
	a3, _ := utf8.DecodeRuneInString(s[i+1+s1+s2:])
	return letter(a1) && (letter(a2) || a2 == '-' && letter(a3))
}
