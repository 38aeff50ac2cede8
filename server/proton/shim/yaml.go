package shim

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A yamlWriter writes values as the AWS CLI does: keys in the order of the
// alphabet, lists not indented, long lines folded, and quotes only where they
// are needed. No library of Go folds and quotes as that one.
type yamlWriter struct {
	strings.Builder

	column int
}

func (w *yamlWriter) put(text string) {
	w.WriteString(text)
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		w.column, text = 0, text[i+1:]
	}
	w.column += utf8.RuneCountInString(text)
}

func (w *yamlWriter) line(indent int) { w.put("\n" + spaces(indent)) }

// value writes a value of which nothing stands left of indent. What is nested
// under a key begins on a line of its own.
func (w *yamlWriter) value(value any, indent int, afterKey bool) {
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 {
			w.put("{}")
			return
		}
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 || afterKey {
				w.line(indent)
			}
			w.text(key, indent, false)
			w.put(":")
			w.nested(v[key], indent)
		}
	case []any:
		if len(v) == 0 {
			w.put("[]")
			return
		}
		for i, item := range v {
			if i > 0 || afterKey {
				w.line(indent)
			}
			w.put("- ")
			w.value(item, indent+yamlIndent, false)
		}
	case string:
		w.text(v, indent, true)
	case nil:
		w.put("null")
	case bool:
		w.put(fmt.Sprint(v))
	default:
		w.put(scalar(v))
	}
}

const (
	yamlIndent = 2
	yamlWidth  = 80
)

// nested writes the value of a key.
func (w *yamlWriter) nested(value any, indent int) {
	switch v := value.(type) {
	case map[string]any:
		if len(v) > 0 {
			w.value(v, indent+yamlIndent, true)
			return
		}
	case []any:
		if len(v) > 0 {
			w.value(v, indent, true)
			return
		}
	}
	w.put(" ")
	w.value(value, indent+yamlIndent, false)
}

// resolved is plain text that stands for something else than a text.
var resolved = regexp.MustCompile(`^(?:` + strings.Join([]string{ //nolint:gochecknoglobals // compiled once
	`true|True|TRUE|false|False|FALSE`, `~|null|Null|NULL|`, `<<`, `=`, `!|&|\*`,
	`[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?`, `[-+]?(?:[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)`, `[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?`,
	`[-+]?\.(?:inf|Inf|INF)`, `\.(?:nan|NaN|NAN)`,
	`[-+]?0b[0-1_]+`, `[-+]?0o?[0-7_]+`, `[-+]?[0-9_]+`, `[-+]?0x[0-9a-fA-F_]+`,
	`[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]`,
	`[0-9][0-9][0-9][0-9]-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9][0-9]:[0-9][0-9](?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9][0-9])?))?`,
}, "|") + `)$`)

var (
	indicator = regexp.MustCompile("^(?:---|\\.\\.\\.|[#,\\[\\]{}&*!|>'\"%@`]|[?:-](?:\\s|$))|:(?:\\s|$)|\\s#") //nolint:gochecknoglobals // compiled once
	// Folded text would lose or gain spaces here, or what cannot be printed.
	needsEscape = regexp.MustCompile("\n | \n|[^\n -~\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]") //nolint:gochecknoglobals // compiled once
)

// text writes a text: plain, in single quotes, or in double quotes. What is no
// value stands on one line.
func (w *yamlWriter) text(text string, indent int, isValue bool) {
	switch {
	case needsEscape.MatchString(text) || !isValue && strings.Contains(text, "\n"):
		w.doubleQuoted(text, indent, isValue)
	case resolved.MatchString(text), indicator.MatchString(text), strings.ContainsAny(text, "\n\u0085\u2028\u2029"),
		strings.HasPrefix(text, " "), strings.HasSuffix(text, " "):
		w.put("'")
		w.folded(strings.ReplaceAll(text, "'", "''"), indent, isValue, true)
		w.put("'")
	default:
		w.folded(text, indent, isValue, false)
	}
}

// folded writes text and breaks long lines where single spaces are.
func (w *yamlWriter) folded(text string, indent int, fold, quoted bool) {
	spaced, broken := false, false
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case r == ' ':
			single := !spaced && (i+1 == len(runes) || runes[i+1] != ' ')
			inside := !quoted || i > 0 && i < len(runes)-1
			if fold && single && inside && w.column > yamlWidth {
				w.line(indent)
			} else {
				w.put(" ")
			}
			spaced = true
			continue
		case r == '\n':
			if !broken {
				w.put("\n")
			}
			w.put("\n")
			broken = true
			continue
		case broken:
			w.put(spaces(indent))
		}
		w.put(string(r))
		spaced, broken = false, false
	}
	if broken {
		w.put(spaces(indent))
	}
}

// doubleQuoted writes text with escapes.
func (w *yamlWriter) doubleQuoted(text string, indent int, fold bool) {
	w.put(`"`)
	spaced := false
	runes := []rune(text)
	for i, r := range runes {
		if r != ' ' {
			w.put(escaped(r))
			spaced = false
			continue
		}
		if fold && !spaced && w.column > yamlWidth && i > 0 && i < len(runes)-1 {
			w.line(indent)
			if runes[i+1] == ' ' {
				w.put(`\`)
			}
		} else {
			w.put(" ")
		}
		spaced = true
	}
	w.put(`"`)
}

// escaped is a character as it stands in double quotes.
func escaped(r rune) string {
	if name, ok := map[rune]string{
		0: "0", 7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 27: "e", '"': `"`, '\\': `\`, 0x85: "N", 0x2028: "L", 0x2029: "P",
	}[r]; ok {
		return `\` + name
	}
	switch {
	case !needsEscape.MatchString(string(r)):
		return string(r)
	case r <= 0xff:
		return fmt.Sprintf(`\x%02X`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04X`, r)
	}
	return fmt.Sprintf(`\U%08X`, r)
}
