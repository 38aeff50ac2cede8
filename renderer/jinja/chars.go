package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What Python's str methods say about characters and their case.

func isDecimal(c rune) bool { return unicode.Is(unicode.Nd, c) }
func isDigit(c rune) bool   { return isDecimal(c) || unicode.Is(otherDigits, c) }
func isNumeric(c rune) bool { return unicode.Is(unicode.N, c) || unicode.Is(numberWords, c) }
func isAlnum(c rune) bool   { return unicode.IsLetter(c) || isNumeric(c) }

func isLowerChar(c rune) bool {
	return unicode.Is(unicode.Ll, c) || c >= utf8.RuneSelf && unicode.Is(unicode.Other_Lowercase, c)
}

func isUpperChar(c rune) bool {
	return unicode.Is(unicode.Lu, c) || c >= utf8.RuneSelf && unicode.Is(unicode.Other_Uppercase, c)
}

func isTitleChar(c rune) bool { return unicode.Is(unicode.Lt, c) }
func isCased(c rune) bool     { return isLowerChar(c) || isUpperChar(c) || isTitleChar(c) }

// isWordChar is \w.
func isWordChar(c rune) bool {
	if c < utf8.RuneSelf {
		return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	return isAlnum(c)
}

func toUpper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	var b strings.Builder
	for _, c := range s {
		writeUpper(&b, c)
	}
	return b.String()
}

func writeUpper(b *strings.Builder, c rune) {
	if special, ok := specialUpper[c]; ok {
		b.WriteString(special)
		return
	}
	b.WriteRune(unicode.ToUpper(c))
}

func toLower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for i, c := range s {
		writeLower(&b, s, i, c)
	}
	return b.String()
}

// writeLower writes the lower case of the character at i; a sigma at the end
// of a word has a form of its own.
func writeLower(b *strings.Builder, s string, i int, c rune) {
	switch c {
	case 'Σ':
		if finalSigma(s, i) {
			b.WriteRune('ς')
			return
		}
	case 'İ':
		b.WriteString("i\u0307")
		return
	}
	b.WriteRune(unicode.ToLower(c))
}

func finalSigma(s string, i int) bool {
	before := false
	for j := i; j > 0; {
		c, n := utf8.DecodeLastRuneInString(s[:j])
		if !caseIgnorable(c) {
			before = isCased(c)
			break
		}
		j -= n
	}
	if !before {
		return false
	}
	for _, c := range s[i+len("Σ"):] {
		if !caseIgnorable(c) {
			return !isCased(c)
		}
	}
	return true
}

func caseIgnorable(c rune) bool {
	return unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) ||
		strings.ContainsRune("'.:\u00b7\u2018\u2019\u2024\u2027", c)
}

// writeTitle writes the form a character has at the begin of a word.
func writeTitle(b *strings.Builder, c rune) {
	special, ok := specialUpper[c]
	title := unicode.ToTitle(c)
	if !ok || title != c || isTitleChar(c) {
		b.WriteRune(title)
		return
	}
	if c == 'ŉ' { // an apostrophe, which has no case, and the letter
		b.WriteString(special)
		return
	}
	first, n := utf8.DecodeRuneInString(special)
	b.WriteRune(first)
	b.WriteString(strings.ToLower(special[n:]))
}

func casefold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == 'ı' || c >= 0x13a0 && c <= 0x13f5:
			b.WriteRune(c)
		case c >= 0xab70 && c <= 0xabbf || c >= 0x13f8 && c <= 0x13fd:
			b.WriteRune(unicode.ToUpper(c))
		case c == 'İ':
			b.WriteString("i\u0307")
		default:
			for _, u := range toUpper(string(c)) {
				b.WriteRune(unicode.ToLower(u))
			}
		}
	}
	return b.String()
}

func capitalize(s string) string {
	if s == "" {
		return s
	}
	var b strings.Builder
	for i, c := range s {
		if i == 0 {
			writeTitle(&b, c)
		} else {
			writeLower(&b, s, i, c)
		}
	}
	return b.String()
}

func swapcase(s string) string {
	var b strings.Builder
	for i, c := range s {
		switch {
		case isUpperChar(c):
			writeLower(&b, s, i, c)
		case isLowerChar(c):
			writeUpper(&b, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// titlecase is str.title: a word is a run of cased characters.
func titlecase(s string) string {
	var b strings.Builder
	inWord := false
	for i, c := range s {
		if inWord {
			writeLower(&b, s, i, c)
		} else {
			writeTitle(&b, c)
		}
		inWord = isCased(c)
	}
	return b.String()
}

// everyChar says whether s is not empty and holds only such characters.
func everyChar(s string, is func(rune) bool) bool {
	for _, c := range s {
		if !is(c) {
			return false
		}
	}
	return s != ""
}

// allCase is islower or isupper: there are cased characters, and none is of
// another case.
func allCase(s string, is func(rune) bool) bool {
	found := false
	for _, c := range s {
		if isCased(c) {
			if !is(c) {
				return false
			}
			found = true
		}
	}
	return found
}

func isTitle(s string) bool {
	found, inWord := false, false
	for _, c := range s {
		switch {
		case isUpperChar(c) || isTitleChar(c):
			if inWord {
				return false
			}
			found, inWord = true, true
		case isLowerChar(c):
			if !inWord {
				return false
			}
		default:
			inWord = false
		}
	}
	return found
}

// isPythonName is str.isidentifier.
func isPythonName(s string) bool {
	for i, c := range s {
		if c == '_' || unicode.IsLetter(c) || unicode.Is(unicode.Nl, c) {
			continue
		}
		if i == 0 || !unicode.In(c, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc) {
			return false
		}
	}
	return s != ""
}
