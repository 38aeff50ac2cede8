package renderer

import "strings"

// A quick scan proves, in a small fraction of the time of a parser, that a text
// is a mapping in YAML with Resources that are a mapping. It knows the everyday
// forms of CloudFormation templates: block mappings and lists, scalars and flow
// collections that end on the line they begin on, block scalars, local tags and
// comments. Of anything else, right or wrong, it says that it does not know,
// and the parser is asked.
type quick struct {
	rest      string
	blocks    [quickDepth]block
	depth     int  // blocks that are open
	open      bool // the last entry has no value yet, so a deeper block may follow
	scalar    int  // inside a block scalar: the column its parent stands in, else -1
	indented  int  // inside a block scalar: the column of its lines, 0 before the first
	plain     int  // the last value is a scalar without quotes, below a parent in this column; else -1
	resources int  // 0 not met, 1 met without value so far, 2 a mapping
}

type block struct {
	column int
	list   bool
}

const (
	quickDepth = 64
	quickLine  = 1000 // a key may not be longer than 1,024 characters
)

// quickTemplate reports that text certainly is a template with resources.
func quickTemplate(text string) bool {
	q := quick{rest: text, scalar: -1, plain: -1}
	for q.rest != "" {
		line, rest, _ := strings.Cut(q.rest, "\n")
		q.rest = rest
		if len(line) > quickLine || !plainASCII(line) || !q.line(line) {
			return false
		}
	}
	return q.resources == 2
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// line reads one line; false means that the scan does not know.
func (q *quick) line(line string) bool {
	text := strings.TrimLeft(line, " ")
	column := len(line) - len(text)
	if q.scalar >= 0 {
		switch {
		case text == "":
			return q.indented > 0 || column == 0
		case q.indented == 0 && column > q.scalar:
			q.indented = column
			return true
		case q.indented > 0 && column >= q.indented:
			return true
		}
		q.scalar, q.indented = -1, 0
	}
	if text == "" {
		return true
	}
	if q.plain >= 0 && column > q.plain && text[0] != '#' {
		return quickPlain(text) && !strings.Contains(text, " #") // one more line of it
	}
	q.plain = -1
	if text[0] == '#' {
		return true
	}
	if column == 0 && (strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...")) {
		return false
	}
	dashed := false
	for strings.HasPrefix(text, "- ") || text == "-" {
		dashed = true
		if !q.enter(column, true) {
			return false
		}
		q.open = true
		after := strings.TrimLeft(text[1:], " ")
		column += len(text) - len(after)
		text = after
		if text == "" || text[0] == '#' {
			return true
		}
	}
	return q.entry(text, column, dashed)
}

// enter opens a block at a column, or comes back to the one that is open there.
func (q *quick) enter(column int, list bool) bool {
	for q.depth > 0 && q.blocks[q.depth-1].column > column {
		q.depth--
		q.open = false
	}
	if q.depth == 0 {
		q.depth = 1
		q.blocks[0] = block{column, list}
		return column == 0 && !list && q.resources == 0
	}
	top := q.blocks[q.depth-1]
	switch {
	case top.column == column && top.list == list:
		return true
	case top.column == column && list:
		// A list may stand in the column of the key it belongs to.
		return q.open && q.push(column, true)
	case top.column == column:
		// The key that follows such a list.
		q.depth--
		return q.depth > 0 && q.blocks[q.depth-1] == block{column, false}
	}
	return q.open && q.push(column, list)
}

func (q *quick) push(column int, list bool) bool {
	if q.depth == quickDepth {
		return false
	}
	if q.depth == 1 && q.resources == 1 {
		if list {
			return false
		}
		q.resources = 2
	}
	q.blocks[q.depth] = block{column, list}
	q.depth++
	q.open = false
	return true
}

// entry reads "key: value", or the scalar of a list item.
func (q *quick) entry(text string, column int, dashed bool) bool {
	key, value, ok := quickKey(text)
	if !ok {
		// The value of an item stands behind its dash, that of a key may stand
		// on the next line.
		if q.depth == 0 || !q.open || q.blocks[q.depth-1].column >= column || !dashed && text[0] == '!' {
			return false
		}
		return q.value(text, q.blocks[q.depth-1].column)
	}
	if !q.enter(column, false) {
		return false
	}
	if q.depth == 1 {
		switch {
		case q.resources == 1:
			return false
		case key == "Resources" && q.resources == 0:
			q.resources = 1
		case key == "Resources":
			return false
		}
	}
	q.open = true
	if value == "" || value[0] == '#' {
		return true
	}
	if q.depth == 1 && q.resources == 1 {
		if value[0] != '{' {
			return false
		}
		q.resources = 2
	}
	return q.value(value, column)
}

// quickKey splits a text at the colon behind a simple key. Where it finds none
// the text is a scalar, or something the scan does not know.
func quickKey(text string) (key, value string, ok bool) {
	end := 0
	if text[0] == '"' || text[0] == '\'' {
		if end = quickQuoted(text); end <= 0 {
			return "", "", false
		}
		key = text[1 : end-1]
	} else {
		for end < len(text) && (keyByte(text[end]) || text[end] == ':' && end+1 < len(text) && (text[end+1] == ':' || keyByte(text[end+1]))) {
			end++
		}
		if end == 0 || text[0] == '-' || text[0] == ':' {
			return "", "", false
		}
		key = text[:end]
	}
	if end >= len(text) || text[end] != ':' || end+1 < len(text) && text[end+1] != ' ' {
		return "", "", false
	}
	return key, strings.TrimLeft(text[end+1:], " "), true
}

func keyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '/'
}

// value reads what stands behind a key or a dash; parent is their column.
func (q *quick) value(text string, parent int) bool {
	if text[0] == '!' {
		end := 1
		for end < len(text) && (keyByte(text[end]) || text[end] == ':') {
			end++
		}
		if end == 1 || text[end-1] == ':' || end < len(text) && text[end] != ' ' {
			return false
		}
		if text = strings.TrimLeft(text[end:], " "); text == "" || text[0] == '#' {
			return true
		}
	}
	q.open = false
	switch text[0] {
	case '|', '>':
		text = strings.TrimRight(text[1:], " ")
		if text != "" && text != "-" && text != "+" {
			return false
		}
		q.scalar, q.indented = parent, 0
		return true
	case '"', '\'', '[', '{':
		end := quickFlow(text, 0)
		return end > 0 && ended(text[end:])
	}
	if !strings.Contains(text, " #") {
		q.plain = parent
	}
	return quickPlain(text)
}

// ended tells that nothing but a comment follows a value.
func ended(rest string) bool {
	trimmed := strings.TrimLeft(rest, " ")
	return trimmed == "" || trimmed[0] == '#' && len(trimmed) < len(rest)
}

// quickPlain accepts a scalar without quotes that cannot be read as anything
// else.
func quickPlain(text string) bool {
	if comment := strings.Index(text, " #"); comment >= 0 {
		text = text[:comment]
	}
	text = strings.TrimRight(text, " ")
	if text == "" || !plainStart(text) {
		return false
	}
	return !strings.Contains(text, ": ") && text[len(text)-1] != ':'
}

func plainStart(text string) bool {
	if c := text[0]; c == '-' || c == ':' {
		return len(text) > 1 && keyByte(text[1])
	}
	return keyByte(text[0]) || strings.IndexByte("$(+~^=;<\\)", text[0]) >= 0
}

// quickQuoted gives the length of the quoted scalar a text begins with, 0 when
// it does not end or has escapes beyond the usual ones.
func quickQuoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] == '"':
			if i+1 == len(text) || strings.IndexByte(`"\/nt`, text[i+1]) < 0 {
				return 0
			}
			i++
		case text[i] == text[0]:
			if text[0] == '\'' && i+1 < len(text) && text[i+1] == '\'' {
				i++
				continue
			}
			return i + 1
		}
	}
	return 0
}

// quickFlow gives the length of the flow value a text begins with, 0 when the
// scan does not know it.
func quickFlow(text string, depth int) int {
	if text == "" || depth == quickDepth {
		return 0
	}
	switch text[0] {
	case '"', '\'':
		return quickQuoted(text)
	case '[', '{':
		return quickCollection(text, depth)
	case '!':
		end := 1
		for end < len(text) && keyByte(text[end]) {
			end++
		}
		if end == 1 || end == len(text) || text[end] != ' ' {
			return 0
		}
		for end < len(text) && text[end] == ' ' {
			end++
		}
		if n := quickFlow(text[end:], depth+1); n > 0 {
			return end + n
		}
		return 0
	}
	end := 0
	for end < len(text) && (keyByte(text[end]) || text[end] == ':' && end+1 < len(text) && keyByte(text[end+1]) || text[end] == ':' && end > 0 && text[end-1] == ':') {
		end++
	}
	if end == 0 || text[0] == '-' || text[0] == ':' || text[end-1] == ':' {
		return 0
	}
	return end
}

func quickCollection(text string, depth int) int {
	closing := byte(']')
	if text[0] == '{' {
		closing = '}'
	}
	i := skipSpaces(text, 1)
	if i < len(text) && text[i] == closing {
		return i + 1
	}
	for {
		n := quickFlow(text[min(i, len(text)):], depth+1)
		if n == 0 {
			return 0
		}
		if i = skipSpaces(text, i+n); closing == '}' {
			if i+1 >= len(text) || text[i] != ':' || text[i+1] != ' ' {
				return 0
			}
			i = skipSpaces(text, i+1)
			if n = quickFlow(text[min(i, len(text)):], depth+1); n == 0 {
				return 0
			}
			i = skipSpaces(text, i+n)
		}
		switch {
		case i < len(text) && text[i] == closing:
			return i + 1
		case i < len(text) && text[i] == ',':
			i = skipSpaces(text, i+1)
		default:
			return 0
		}
	}
}

func skipSpaces(text string, i int) int {
	for i < len(text) && text[i] == ' ' {
		i++
	}
	return i
}
