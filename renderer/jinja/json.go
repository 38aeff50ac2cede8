package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonWriter writes what Python's json.dumps writes with sorted keys.
type jsonWriter struct {
	run    *run
	b      strings.Builder
	indent string // one level of it
	pretty bool
	level  int
}

var jsonInHTML = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

// toJSON is the filter tojson: JSON in ASCII that is safe inside HTML.
func (r *run) toJSON(v, indent any) (string, error) {
	w := &jsonWriter{run: r}
	if indent != nil {
		w.pretty = true
		if s, ok := textOf(indent); ok {
			w.indent = s
		} else {
			n, err := indexInt(indent)
			if err != nil {
				return "", err
			}
			if w.indent, err = r.fill(" ", int(n)); err != nil {
				return "", err
			}
		}
	}
	if err := w.value(v); err != nil {
		return "", err
	}
	text := w.b.String()
	if err := r.hold(len(text)); err != nil {
		return "", err
	}
	return jsonInHTML.Replace(text), nil
}

func (w *jsonWriter) text(s string) error {
	w.b.WriteString(s)
	return w.run.hold(len(s))
}

func (w *jsonWriter) value(v any) error {
	if err := w.run.spend(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		return w.text("null")
	case bool:
		return w.text(strconv.FormatBool(v))
	case int64, *big.Int:
		if err := w.run.touch(v); err != nil {
			return err
		}
		s, err := intText(v)
		if err != nil {
			return err
		}
		return w.text(s)
	case float64:
		return w.text(jsonFloat(v))
	case *list:
		return w.array(v.items)
	case *tuple:
		return w.array(v.items)
	case *Dict:
		return w.object(v)
	case *undefined:
		return failf(TypeError, "Object of type %s is not JSON serializable", typeName(v))
	}
	if s, ok := textOf(v); ok {
		return w.text(jsonString(s))
	}
	return failf(TypeError, "Object of type %s is not JSON serializable", typeName(v))
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return floatRepr(f)
}

func jsonString(s string) string {
	b := append(make([]byte, 0, len(s)+2), '"')
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c >= ' ' && c < 0x7f:
			b = append(b, byte(c))
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			b = append(b, `\u`+hexPad(high, 4)+`\u`+hexPad(low, 4)...)
		default:
			b = append(b, `\u`+hexPad(c, 4)...)
		}
	}
	return string(append(b, '"'))
}

// newline separates items: a comma between them, and with pretty printing the
// begin of a line.
func (w *jsonWriter) newline(first bool) error {
	switch {
	case w.pretty && first:
		return w.text("\n" + strings.Repeat(w.indent, w.level))
	case w.pretty:
		return w.text(",\n" + strings.Repeat(w.indent, w.level))
	case first:
		return nil
	}
	return w.text(", ")
}

func (w *jsonWriter) nested(open, closing string, n int, item func(i int) error) error {
	if n == 0 {
		return w.text(open + closing)
	}
	if err := w.run.deeper(); err != nil {
		return err
	}
	defer func() { w.run.nesting-- }()
	w.level++
	if size := len(w.indent) * w.level; size > w.run.memory {
		return w.run.hold(size)
	}
	if err := w.text(open); err != nil {
		return err
	}
	for i := range n {
		if err := w.newline(i == 0); err != nil {
			return err
		}
		if err := item(i); err != nil {
			return err
		}
	}
	w.level--
	if w.pretty {
		if err := w.newline(true); err != nil {
			return err
		}
	}
	return w.text(closing)
}

func (w *jsonWriter) array(items []any) error {
	return w.nested("[", "]", len(items), func(i int) error { return w.value(items[i]) })
}

func (w *jsonWriter) object(d *Dict) error {
	pairs, err := w.run.items(&dictView{d, "dict_items"})
	if err != nil {
		return err
	}
	pairs, err = w.run.sortBy(pairs, func(v any) (any, error) { return v.(*tuple).items[0], nil }, false)
	if err != nil {
		return err
	}
	return w.nested("{", "}", len(pairs), func(i int) error {
		kv := pairs[i].(*tuple).items
		key, err := w.key(kv[0])
		if err != nil {
			return err
		}
		if err := w.text(jsonString(key) + ": "); err != nil {
			return err
		}
		return w.value(kv[1])
	})
}

func (w *jsonWriter) key(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64, *big.Int:
		return intText(v)
	case float64:
		return jsonFloat(v), nil
	}
	if s, ok := textOf(v); ok {
		return s, nil
	}
	return "", failf(TypeError, "keys must be str, int, float, bool or None, not %s", typeName(v))
}
