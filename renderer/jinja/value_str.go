package jinja

import (
	"fmt"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str is Python's str(): what {{ }} prints.
func (r *run) str(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case markup:
		return string(v), nil
	case Block:
		return string(v), nil
	case *undefined:
		return "", checkStrict(v)
	}
	return r.repr(v)
}

// repr is Python's repr().
func (r *run) repr(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "None", nil
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	case int64:
		return intText(v)
	case *big.Int:
		if err := r.touch(v); err != nil {
			return "", err
		}
		return intText(v)
	case float64:
		return floatRepr(v), nil
	case string:
		return strRepr(v), r.hold(len(v))
	}
	w := &reprWriter{run: r}
	if err := w.value(v); err != nil {
		return "", err
	}
	return w.b.String(), nil
}

// A reprWriter writes nested values, and knows which it is inside of.
type reprWriter struct {
	run    *run
	b      strings.Builder
	inside []any
}

func (w *reprWriter) text(s string) error {
	w.b.WriteString(s)
	return w.run.hold(len(s))
}

func (w *reprWriter) value(v any) error {
	if err := w.run.spend(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		return w.text(strRepr(v))
	case Block:
		return w.text(strRepr(string(v)))
	case markup:
		return w.text("Markup(" + strRepr(string(v)) + ")")
	case byteString:
		return w.text(bytesRepr(string(v)))
	case *list:
		return w.nested(v, "[", "]", func() error { return w.items(v.items) })
	case *tuple:
		closing := ")"
		if len(v.items) == 1 {
			closing = ",)"
		}
		return w.nested(v, "(", closing, func() error { return w.items(v.items) })
	case *Dict:
		return w.nested(v, "{", "}", func() error { return w.entries(v) })
	case *dictView:
		if v.kind == "set" {
			return w.set(v)
		}
		return w.nested(v, v.kind+"([", "])", func() error {
			items, err := w.run.items(v)
			if err != nil {
				return err
			}
			return w.items(items)
		})
	case *namespace:
		return w.nested(v, "<Namespace {", "}>", func() error { return w.entries(v.attrs) })
	case *undefined:
		if v.lenient {
			return w.text("Undefined")
		}
		// Python's StrictUndefined keeps the plain repr of Undefined.
		return w.text("Undefined")
	}
	s, err := w.run.plainRepr(v)
	if err != nil {
		return err
	}
	return w.text(s)
}

func (w *reprWriter) set(v *dictView) error {
	if len(v.dict.entries) == 0 {
		return w.text("set()")
	}
	return w.nested(v, "{", "}", func() error {
		items, err := w.run.items(v)
		if err != nil {
			return err
		}
		return w.items(items)
	})
}

// nested writes a container; one that contains itself is written as dots.
func (w *reprWriter) nested(v any, open, closing string, inner func() error) error {
	for _, outer := range w.inside {
		if outer == v {
			return w.text(open + "..." + strings.TrimPrefix(closing, ","))
		}
	}
	if err := w.run.deeper(); err != nil {
		return err
	}
	w.inside = append(w.inside, v)
	defer func() {
		w.run.nesting--
		w.inside = w.inside[:len(w.inside)-1]
	}()
	if err := w.text(open); err != nil {
		return err
	}
	if err := inner(); err != nil {
		return err
	}
	return w.text(closing)
}

func (w *reprWriter) items(items []any) error {
	for i, item := range items {
		if i > 0 {
			if err := w.text(", "); err != nil {
				return err
			}
		}
		if err := w.value(item); err != nil {
			return err
		}
	}
	return nil
}

func (w *reprWriter) entries(d *Dict) error {
	for i, e := range d.entries {
		if i > 0 {
			if err := w.text(", "); err != nil {
				return err
			}
		}
		if err := w.value(e.key); err != nil {
			return err
		}
		if err := w.text(": "); err != nil {
			return err
		}
		if err := w.value(e.value); err != nil {
			return err
		}
	}
	return nil
}

// plainRepr is the repr of what contains nothing else. Python shows addresses
// of functions and iterators; a rendering has to be the same every time.
func (r *run) plainRepr(v any) (string, error) {
	switch v := v.(type) {
	case nil, bool, int64, *big.Int, float64:
		return r.repr(v)
	case *intRange:
		if v.step == 1 {
			return fmt.Sprintf("range(%d, %d)", v.start, v.stop), nil
		}
		return fmt.Sprintf("range(%d, %d, %d)", v.start, v.stop, v.step), nil
	case *sliceValue:
		parts := newTuple(v.start, v.stop, v.step)
		s, err := r.repr(parts)
		return "slice" + s, err
	case *class:
		return "<class '" + v.fullName + "'>", nil
	case *macroValue:
		if v.def.name == "" {
			return "<Macro anonymous>", nil
		}
		return "<Macro " + strRepr(v.def.name) + ">", nil
	case *loopValue:
		n, err := v.size(r)
		return fmt.Sprintf("<LoopContext %d/%d>", v.index+1, n), err
	case *selfRef:
		return "<TemplateReference None>", nil
	case *boundMethod:
		return "<built-in method " + v.method.name + " of " + typeName(v.self) + " object>", nil
	case *builtin:
		return "<function " + v.name + ">", nil
	case *iterator:
		return "<" + v.kind + " object>", nil
	}
	return "<" + strings.TrimSuffix(objectType(v), " object") + " object>", nil
}

// strRepr is Python's repr of a str.
func strRepr(s string) string {
	quote := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		quote = '"'
	}
	b := make([]byte, 0, len(s)+2)
	b = append(b, quote)
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if isPrintable(r) {
				b = append(b, s[i:i+n]...)
			} else {
				b = append(b, asciiEscape(r)...)
			}
			i += n
			continue
		}
		b = appendByteRepr(b, c, quote)
		i++
	}
	return string(append(b, quote))
}

func appendByteRepr(b []byte, c, quote byte) []byte {
	switch {
	case c == quote || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c == '\r':
		return append(b, `\r`...)
	case c == '\t':
		return append(b, `\t`...)
	case c < ' ' || c >= 0x7f:
		return append(b, asciiEscape(rune(c))...)
	}
	return append(b, c)
}

func bytesRepr(s string) string {
	quote := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		quote = '"'
	}
	b := append(make([]byte, 0, len(s)+3), 'b', quote)
	for i := 0; i < len(s); i++ {
		b = appendByteRepr(b, s[i], quote)
	}
	return string(append(b, quote))
}

// isPrintable is str.isprintable for one character.
func isPrintable(r rune) bool {
	return r == ' ' || unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r)
}

// isSpace is str.isspace for one character.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func trimLeftSpace(s string) string  { return strings.TrimLeftFunc(s, isSpace) }
func trimRightSpace(s string) string { return strings.TrimRightFunc(s, isSpace) }

// isASCII says whether bytes are characters.
func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func runeCount(s string) int { return utf8.RuneCountInString(s) }

// runeOffset is where the n-th character of s starts, or its end.
func runeOffset(s string, n int) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return i
}
