package jinja

import (
	"strings"
	"unicode/utf8"
)

// A braceFormat is a run of str.format.
type braceFormat struct {
	run    *run
	pos    []any
	named  any // the mapping keyword arguments are in
	escape bool
	auto   int // the next automatic number
	manual bool
	like   any
}

// formatBraces is str.format and str.format_map.
func (r *run) formatBraces(like any, pos []any, named any) (any, error) {
	format, _ := textOf(like)
	f := &braceFormat{run: r, pos: pos, named: named, like: like}
	_, f.escape = like.(markup)
	text, err := f.text(format, 2)
	return retype(like, text), err
}

// text formats a template; fields may have fields in their specification once.
func (f *braceFormat) text(s string, depth int) (string, error) {
	if depth == 0 {
		return "", failf(ValueError, "Max string recursion exceeded")
	}
	var out strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			out.WriteString(s)
			break
		}
		out.WriteString(s[:i])
		c := s[i]
		s = s[i+1:]
		if s != "" && s[0] == c {
			out.WriteByte(c)
			s = s[1:]
			continue
		}
		if c == '}' {
			return "", failf(ValueError, "Single '}' encountered in format string")
		}
		if s == "" {
			return "", failf(ValueError, "Single '{' encountered in format string")
		}
		field, rest, ok := cutField(s)
		if !ok {
			return "", failf(ValueError, "expected '}' before end of string")
		}
		text, err := f.field(field, depth)
		if err != nil {
			return "", err
		}
		if err := f.run.hold(len(text)); err != nil {
			return "", err
		}
		out.WriteString(text)
		s = rest
	}
	return out.String(), f.run.hold(out.Len())
}

// cutField finds the brace that closes a field; braces inside nest.
func cutField(s string) (field, rest string, ok bool) {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[:i], s[i+1:], true
			}
		}
	}
	return "", "", false
}

func (f *braceFormat) field(s string, depth int) (string, error) {
	name, conversion, spec, err := splitField(s)
	if err != nil {
		return "", err
	}
	v, err := f.value(name)
	if err != nil {
		return "", err
	}
	switch conversion {
	case "":
	case "s", "r", "a":
		text, err := f.run.str(v)
		if conversion != "s" {
			text, err = f.run.repr(v)
		}
		if err != nil {
			return "", err
		}
		if conversion == "a" {
			text = asciiText(text)
		}
		if _, isMarkup := v.(markup); !isMarkup || conversion != "s" {
			v = text
		}
	default:
		return "", failf(ValueError, "Unknown conversion specifier %s", conversion)
	}
	if strings.ContainsAny(spec, "{}") {
		if spec, err = f.text(spec, depth-1); err != nil {
			return "", err
		}
	}
	if m, ok := v.(markup); ok && f.escape {
		if spec != "" {
			return "", failf(ValueError, "Unsupported format specification for Markup.")
		}
		return string(m), nil
	}
	text, err := f.run.formatValue(v, spec)
	if err == nil && f.escape {
		text = escapeHTML(text)
	}
	return text, err
}

// splitField takes name, !conversion and :spec apart.
func splitField(s string) (name, conversion, spec string, err error) {
	end := len(s)
	bracket := false
	for i := range len(s) {
		if s[i] == '[' {
			bracket = true
		} else if s[i] == ']' {
			bracket = false
		}
		if !bracket && (s[i] == '!' || s[i] == ':') {
			end = i
			break
		}
		if s[i] == '{' && !bracket {
			return "", "", "", failf(ValueError, "unexpected '{' in field name")
		}
	}
	name, s = s[:end], s[end:]
	if strings.HasPrefix(s, "!") {
		s = s[1:]
		if s == "" {
			return "", "", "", failf(ValueError, "unmatched '{' in format spec")
		}
		_, n := utf8.DecodeRuneInString(s)
		conversion, s = s[:n], s[n:]
		if s != "" && s[0] != ':' {
			return "", "", "", failf(ValueError, "expected ':' after conversion specifier")
		}
	}
	return name, conversion, strings.TrimPrefix(s, ":"), nil
}

// value finds what a field names: an argument, then attributes and items.
func (f *braceFormat) value(name string) (any, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	v, err := f.first(name[:end])
	if err != nil {
		return nil, err
	}
	for rest := name[end:]; rest != ""; {
		if v, rest, err = f.step(v, rest); err != nil {
			return nil, err
		}
	}
	return v, checkStrict(v)
}

func (f *braceFormat) first(name string) (any, error) {
	if name == "" || everyChar(name, isDecimal) {
		n := f.auto
		switch {
		case name == "" && f.manual:
			return nil, failf(ValueError, "cannot switch from manual field specification to automatic field numbering")
		case name == "":
			f.auto++
		case f.auto > 0:
			return nil, failf(ValueError, "cannot switch from automatic field numbering to manual field specification")
		default:
			f.manual = true
			v, err := parseInt(name, 10)
			if err != nil {
				return nil, err
			}
			i, ok := asInt(v)
			if !ok {
				return nil, failf(ValueError, "Too many decimal digits in format string")
			}
			n = int(i)
		}
		if n >= len(f.pos) {
			return nil, failf(IndexError, "Replacement index %d out of range for positional args tuple", n)
		}
		return f.pos[n], nil
	}
	v, ok, err := f.run.index(f.named, name)
	if err == nil && !ok {
		err = failf(KeyError, "%s", strRepr(name))
	}
	return v, err
}

// step follows one .name or [key].
func (f *braceFormat) step(v any, s string) (any, string, error) {
	if err := check(v); err != nil {
		return nil, "", err
	}
	if err := f.run.spend(1); err != nil {
		return nil, "", err
	}
	if s[0] == '.' {
		end := strings.IndexAny(s[1:], ".[") + 1
		if end == 0 {
			end = len(s)
		}
		name := s[1:end]
		if name == "" {
			return nil, "", failf(ValueError, "Empty attribute in format string")
		}
		m, ok, err := f.run.member(v, name)
		if err == nil && !ok {
			err = failf(AttributeError, "'%s' object has no attribute %s", typeName(v), strRepr(name))
		}
		return m, s[end:], err
	}
	if s[0] != '[' {
		return nil, "", failf(ValueError, "Only '.' or '[' may follow ']' in format field specifier")
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return nil, "", failf(ValueError, "Missing ']' in format string")
	}
	key := any(s[1:end])
	if key == "" {
		return nil, "", failf(ValueError, "Empty attribute in format string")
	}
	if everyChar(s[1:end], isDecimal) {
		n, err := parseInt(s[1:end], 10)
		if err != nil {
			return nil, "", err
		}
		key = n
	}
	m, ok, err := f.run.index(v, key)
	if err == nil && !ok {
		err = failf(KeyError, "no item %s in a %s", strRepr(s[1:end]), typeName(v))
	}
	return m, s[end+1:], err
}
