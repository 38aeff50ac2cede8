package jinja

import (
	"strings"
	"unicode/utf8"
)

// A urlizer turns what looks like addresses in an escaped text into links.
type urlizer struct {
	limit   int // of characters shown, -1 is none
	attrs   string
	schemes []string
}

func (u *urlizer) text(r *run, s string) (string, error) {
	var b strings.Builder
	for s != "" {
		n := strings.IndexFunc(s, isSpace)
		if n == 0 {
			n = len(s) - len(trimLeftSpace(s))
			b.WriteString(s[:n])
		} else {
			if n < 0 {
				n = len(s)
			}
			if err := r.hold(4*n + keySize); err != nil {
				return "", err
			}
			b.WriteString(u.word(s[:n]))
		}
		s = s[n:]
	}
	return b.String(), r.hold(b.Len())
}

func (u *urlizer) word(s string) string {
	head, middle, tail := splitWord(s)
	link := func(href, shown string) string {
		return head + `<a href="` + href + `"` + u.attrs + ">" + shown + "</a>" + tail
	}
	switch {
	case isWebAddress(middle):
		if strings.HasPrefix(middle, "https://") || strings.HasPrefix(middle, "http://") {
			return link(middle, u.trim(middle))
		}
		return link("https://"+middle, u.trim(middle))
	case strings.HasPrefix(middle, "mailto:") && isEmail(middle[7:]):
		return head + `<a href="` + middle + `">` + middle[7:] + "</a>" + tail
	case strings.Contains(middle, "@") && !strings.HasPrefix(middle, "www.") && !strings.HasPrefix(middle, "@") &&
		!strings.Contains(middle, ":") && isEmail(middle):
		return head + `<a href="mailto:` + middle + `">` + middle + "</a>" + tail
	}
	for _, scheme := range u.schemes {
		if middle != scheme && strings.HasPrefix(middle, scheme) {
			middle = `<a href="` + middle + `"` + u.attrs + ">" + middle + "</a>"
		}
	}
	return head + middle + tail
}

func (u *urlizer) trim(s string) string {
	if u.limit < 0 || runeCount(s) <= u.limit {
		return s
	}
	return s[:runeOffset(s, u.limit)] + "..."
}

// splitWord takes brackets before and punctuation after a word off, but keeps
// what closes a bracket inside it.
func splitWord(s string) (head, middle, tail string) {
	start := 0
	for {
		if strings.HasPrefix(s[start:], "&lt;") {
			start += 4
		} else if start < len(s) && (s[start] == '(' || s[start] == '<') {
			start++
		} else {
			break
		}
	}
	end := len(s)
	for end > start {
		if strings.HasSuffix(s[start:end], "&gt;") {
			end -= 4
		} else if strings.IndexByte(")>.,\n", s[end-1]) >= 0 {
			end--
		} else {
			break
		}
	}
	for _, pair := range [][2]string{{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}} {
		opened := strings.Count(s[start:end], pair[0])
		if opened <= strings.Count(s[start:end], pair[1]) {
			continue
		}
		for range min(opened, strings.Count(s[end:], pair[1])) {
			end += strings.Index(s[end:], pair[1]) + len(pair[1])
		}
	}
	return s[:start], s[start:end], s[end:]
}

// isEmail is ^\S+@\w[\w.-]*\.\w+$ for a word without blanks.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 {
		return false
	}
	domain := s[at+1:]
	first, _ := utf8.DecodeRuneInString(domain)
	dot := strings.LastIndexByte(domain, '.')
	if dot <= 0 || dot == len(domain)-1 || !isWordChar(first) {
		return false
	}
	for i, c := range domain {
		if !isWordChar(c) && (c != '.' && c != '-' || i > dot) {
			return false
		}
	}
	return true
}

// isWebAddress says whether a word is a URL or a host name that looks like
// one: with a scheme or www, or under one of the old top-level domains.
func isWebAddress(s string) bool {
	rest := s
	prefixed, www := false, false
	for _, p := range []string{"https://", "http://", "www."} {
		if hasPrefixFold(s, p) {
			rest, prefixed, www = s[len(p):], true, p == "www."
			break
		}
	}
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	if prefixed && !www && strings.HasPrefix(host, "[") {
		return isIPv6(host)
	}
	host, ok := cutPort(host)
	if !ok {
		return false
	}
	if prefixed {
		return isHost(host) || !www && isIPv4(host)
	}
	return isCommonHost(host)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func cutPort(host string) (string, bool) {
	name, port, found := strings.Cut(host, ":")
	if !found {
		return host, true
	}
	return name, len(port) >= 1 && len(port) <= 5 && everyChar(port, isDecimal)
}

func isLabelChar(c rune) bool { return isWordChar(c) || c == '%' || c == '-' }

// isHost is ([\w%-]+\.)*([a-z]{2,63}|xn--[\w%]{2,59}).
func isHost(host string) bool {
	labels := strings.Split(host, ".")
	last := len(labels) - 1
	for _, l := range labels[:last] {
		if !everyChar(l, isLabelChar) {
			return false
		}
	}
	top := labels[last]
	if hasPrefixFold(top, "xn--") {
		idna := top[4:]
		n := runeCount(idna)
		return n >= 2 && n <= 59 && everyChar(idna, func(c rune) bool { return isWordChar(c) || c == '%' })
	}
	return len(top) >= 2 && len(top) <= 63 && everyChar(top, func(c rune) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' })
}

// isCommonHost is ([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil).
func isCommonHost(host string) bool {
	labels := strings.Split(host, ".")
	last := len(labels) - 1
	if last == 0 {
		return false
	}
	for _, l := range labels[:last] {
		if n := runeCount(l); n < 2 || n > 63 || !everyChar(l, isLabelChar) {
			return false
		}
	}
	switch strings.ToLower(labels[last]) {
	case "com", "net", "int", "edu", "gov", "org", "info", "mil":
		return true
	}
	return false
}

func isIPv4(host string) bool {
	parts := strings.Split(host, ".")
	if len(parts) != 4 {
		return false
	}
	for _, p := range parts {
		if len(p) < 1 || len(p) > 3 || !everyChar(p, isDecimal) {
			return false
		}
	}
	return true
}

// isIPv6 is \[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}] and a port.
func isIPv6(host string) bool {
	inside, after, ok := strings.Cut(host[1:], "]")
	if !ok {
		return false
	}
	if after != "" {
		if _, ok := cutPort(after); !ok || after[0] != ':' {
			return false
		}
	}
	groups := strings.Split(inside, ":")
	if len(groups) < 3 || len(groups) > 9 {
		return false
	}
	for _, g := range groups {
		if len(g) > 4 || strings.Trim(strings.ToLower(g), "0123456789abcdef") != "" {
			return false
		}
	}
	return true
}
