package jinja

import (
	"math"
	"strings"
)

// yamlText writes a text as a YAML scalar that every reader takes for this
// text: plain where that is safe, else quoted.
func yamlText(s string) string {
	if isPlainYAML(s) {
		return s
	}
	for _, c := range s {
		if c < ' ' || !isPrintable(c) || c == 0xfeff {
			return yamlQuoted(s)
		}
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// isPlainYAML is stricter than YAML: a plain text begins with a letter or a
// slash, has no character with a meaning, and is no word that means something.
func isPlainYAML(s string) bool {
	if s == "" || strings.HasSuffix(s, ":") || strings.HasSuffix(s, " ") || strings.Contains(s, ": ") {
		return false
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf":
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '/'
		if !letter && (i == 0 || (c < '0' || c > '9') && strings.IndexByte("-.:@+= ", c) < 0) {
			return false
		}
	}
	return true
}

// yamlQuoted writes a text in double quotes.
func yamlQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case isPrintable(c) && c != 0xfeff:
			b.WriteRune(c)
		default:
			b.WriteString(asciiEscape(c))
		}
	}
	b.WriteByte('"')
	return b.String()
}

// yamlOther writes a value that is no text, of which text is Python's form.
func yamlOther(v any, text string) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strings.ToLower(text)
	case float64:
		switch {
		case math.IsNaN(v):
			return ".nan"
		case math.IsInf(v, 1):
			return ".inf"
		case math.IsInf(v, -1):
			return "-.inf"
		}
		// YAML 1.1 reads an exponent as part of a number only behind a point.
		if mantissa, exp, ok := strings.Cut(text, "e"); ok && !strings.Contains(mantissa, ".") {
			return mantissa + ".0e" + exp
		}
	}
	return text
}
