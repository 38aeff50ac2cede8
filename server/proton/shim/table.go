package shim

import (
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// A table is what --output table draws: boxes, one for each object or list, those
// of what is nested within a frame of bars.
type table struct {
	sections []*section
}

// A section is one box.
type section struct {
	title   string
	level   int
	headers []string
	rows    [][]string
	widths  []int // of the columns, as their longest text wants
}

// tableOf draws a value under a title; there is nothing to draw of what is empty.
// A terminal that is narrower turns rows that stand alone on their side.
func tableOf(title string, value any, terminal int) string {
	t := &table{}
	t.add(title, value, 0)
	if len(t.sections) == 0 {
		return ""
	}
	if t.width() > terminal {
		for i, s := range t.sections {
			if len(s.rows) == 1 && len(s.headers) > 0 {
				t.sections[i] = s.turned()
			}
		}
	}
	var out strings.Builder
	whole := t.width()
	out.WriteString(strings.Repeat("-", whole) + "\n")
	for _, s := range t.sections {
		s.draw(&out, whole-2*s.level)
	}
	return out.String()
}

// terminalWidth is how wide the terminal is that an output goes to.
func terminalWidth(out any) int {
	if file, ok := out.(*os.File); ok {
		if w, _, err := term.GetSize(int(file.Fd())); err == nil {
			return w
		}
	}
	return 80
}

func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case string:
		return v == ""
	case bool:
		return !v
	case float64:
		return v == 0
	}
	return false
}

func (t *table) begin(title string, level int) *section {
	s := &section{title: title, level: level}
	t.sections = append(t.sections, s)
	return s
}

func (t *table) last() *section { return t.sections[len(t.sections)-1] }

func (t *table) add(title string, value any, level int) {
	if empty(value) {
		return
	}
	if title != "" {
		t.begin(title, level)
	}
	switch v := value.(type) {
	case map[string]any:
		t.object(v, level)
	case []any:
		if _, objects := v[0].(map[string]any); objects {
			t.objects(title, v, level)
			return
		}
		t.list(v)
	}
}

func (t *table) list(list []any) {
	for _, item := range list {
		inner, isList := item.([]any)
		switch {
		case isScalar(item):
			t.last().row(scalar(item))
		case isList && !slices.ContainsFunc(inner, func(v any) bool { return !isScalar(v) }):
			words := make([]string, 0, len(inner))
			for _, v := range inner {
				words = append(words, scalar(v))
			}
			t.last().row(words...)
		default:
			t.add("", item, 0)
		}
	}
}

func (t *table) object(object map[string]any, level int) {
	headers := scalarKeys([]any{object})
	s := t.last()
	values := make([]string, 0, len(headers))
	for _, h := range headers {
		values = append(values, scalar(object[h]))
	}
	switch len(headers) {
	case 0:
	case 1:
		s.row(headers[0], values[0])
	default:
		s.header(headers)
		s.row(values...)
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !isScalar(object[key]) {
			t.add(key, object[key], level+1)
		}
	}
}

func (t *table) objects(title string, list []any, level int) {
	headers := scalarKeys(list)
	nested := map[string]bool{}
	for _, item := range list {
		object, _ := item.(map[string]any)
		for key, value := range object {
			if !isScalar(value) {
				nested[key] = true
			}
		}
	}
	t.last().header(headers)
	for i, item := range list {
		if i > 0 && len(nested) > 0 {
			t.begin(title, level).header(headers)
		}
		object, _ := item.(map[string]any)
		values := make([]string, 0, len(headers))
		for _, h := range headers {
			value, given := object[h]
			if !given {
				value = ""
			}
			values = append(values, scalar(value))
		}
		t.last().row(values...)
		for _, key := range slices.Sorted(maps.Keys(nested)) {
			if value, given := object[key]; given {
				t.add(key, value, level+1)
			}
		}
	}
}

func (s *section) header(headers []string) {
	s.headers = headers
	s.widen(headers)
}

func (s *section) row(values ...string) {
	s.rows = append(s.rows, values)
	s.widen(values)
}

func (s *section) widen(values []string) {
	for i, v := range values {
		if i == len(s.widths) {
			s.widths = append(s.widths, 0)
		}
		s.widths[i] = max(s.widths[i], columns(v))
	}
}

// turned is a section whose one row stands beside its headers.
func (s *section) turned() *section {
	out := &section{title: s.title, level: s.level}
	for i, h := range s.headers {
		out.row(h, s.rows[0][i])
	}
	return out
}

// columns is how many columns a text takes: two for each character that is wide,
// or is in the fonts of some.
func columns(text string) int {
	n := 0
	for _, r := range text {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
			n += 2
		default:
			n++
		}
	}
	return n
}

const cellPadding = 4

// width is that of the widest section with its frames.
func (t *table) width() int {
	widest := 0
	for _, s := range t.sections {
		total := 2 + 2*s.level
		for _, w := range s.widths {
			total += w + cellPadding
		}
		widest = max(widest, total, columns(s.title)+2+2*s.level)
	}
	return widest
}

// scaled are the widths of the columns when they fill a whole width.
func (s *section) scaled(whole int) []int {
	sum := 0
	for _, w := range s.widths {
		sum += w + cellPadding
	}
	out, off := make([]int, len(s.widths)), -whole
	for i, w := range s.widths {
		out[i] = int(math.RoundToEven(float64(whole) / float64(sum) * float64(w+cellPadding)))
		off += out[i]
	}
	for i := 0; off > 0 && len(out) > 0; i, off = i+1, off-1 {
		out[i%len(out)]--
	}
	for i := 0; off < 0 && len(out) > 0; i, off = i+1, off+1 {
		out[len(out)-1-i%len(out)]++
	}
	return out
}

func (s *section) draw(out *strings.Builder, whole int) {
	bars := strings.Repeat("|", s.level)
	line := func(text string) { out.WriteString(bars + text + bars + "\n") }
	rule := func(widths []int) {
		var b strings.Builder
		for i, w := range widths {
			if i == 0 {
				b.WriteString("+")
				w--
			}
			b.WriteString(strings.Repeat("-", max(w-1, 0)) + "+")
		}
		line(b.String())
	}
	if s.title != "" {
		line(centred(s.title, whole, "|"))
		if len(s.headers) == 0 && len(s.rows) == 0 {
			line("+" + strings.Repeat("-", whole-2) + "+")
		}
	}
	widths := s.scaled(whole)
	if len(s.headers) > 0 {
		rule(widths)
		var b strings.Builder
		for i, h := range s.headers {
			b.WriteString(centred(h, widths[i], edge(i)))
		}
		line(b.String())
	}
	if len(s.rows) == 0 || len(widths) == 0 {
		return
	}
	rule(widths)
	for _, row := range s.rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(leftAligned(cell, widths[i], edge(i)))
		}
		line(b.String())
	}
	rule(widths)
}

// edge is the left edge of a cell.
func edge(i int) string {
	if i == 0 {
		return "|"
	}
	return ""
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }

func centred(text string, length int, left string) string {
	before := length/2 - columns(text)/2 - 1
	return left + spaces(before) + text + spaces(length-1-len(left)-before-columns(text)) + "|"
}

func leftAligned(text string, length int, left string) string {
	padding := 2
	if length < columns(text)+padding+len(left)+1 {
		padding = 0
	}
	return left + spaces(padding) + text + spaces(length-1-len(left)-padding-columns(text)) + "|"
}
