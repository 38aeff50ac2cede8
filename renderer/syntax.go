package renderer

import (
	"bytes"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// yamlPosition is the prefix that the parser puts before its messages. Its line
// is that of the enclosing construct, or one less, or missing, so it is cut off
// and the place is searched for instead.
var yamlPosition = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func syntaxMessage(err error) string {
	return yamlPosition.ReplaceAllString(err.Error(), "")
}

// columnSize is the size up to which a text is worth the parses that find the
// column of an error; beyond it the error stands where its line begins.
const columnSize = 256 << 10

// syntaxProblem turns an error of the YAML parser into a problem at the place
// where the text goes wrong: the end of the shortest beginning of the text that
// already fails with the same message. That is the line, then the column, in
// which the parser met what it could not take.
func syntaxProblem(file string, data []byte, err error) Problem {
	message := syntaxMessage(err)
	fails := func(prefix []byte) bool {
		_, err := parseStream(prefix)
		return err != nil && syntaxMessage(err) == message
	}
	ends := lineEnds(data)
	line := failingLine(err, len(ends), func(i int) bool { return fails(data[:ends[i]]) })
	start := 0
	if line > 0 {
		start = ends[line-1]
	}
	text := bytes.TrimRight(data[start:ends[line]], "\r\n")
	column := len(text) - len(bytes.TrimLeft(text, " "))
	if len(data) <= columnSize {
		cuts := runeEnds(text)
		column = sort.Search(len(cuts), func(i int) bool { return fails(data[:start+cuts[i]]) })
		column = max(0, min(column, len(cuts)-1))
	}
	p := Problem{File: file, Line: line + 1, Column: column + 1}
	p.Rule, p.Next = explainSyntax(message, string(text), column)
	return p
}

// failingLine finds the first line at which fails holds, of so many. The line in
// the message is near and rarely beyond it, so the search begins there: each
// question costs a parse of all lines before.
func failingLine(err error, lines int, fails func(int) bool) int {
	near := 0
	if m := yamlPosition.FindStringSubmatch(err.Error()); m != nil {
		near, _ = strconv.Atoi(m[1])
	}
	low := max(0, min(near-3, lines-1))
	if low > 0 && fails(low-1) {
		low = 0
	}
	step := 1
	for low+step < lines && !fails(low+step-1) {
		low, step = low+step, step*2
	}
	high := min(low+step, lines) - 1
	return min(low+sort.Search(max(0, high-low), func(i int) bool { return fails(low + i) }), lines-1)
}

// lineEnds gives the offset after each line, the last one ending with the text.
// Lines end as the parser counts them.
func lineEnds(data []byte) []int {
	var ends []int
	for i := range data {
		rest := data[i:]
		switch {
		case rest[0] == '\n', rest[0] == '\r' && !bytes.HasPrefix(rest, []byte("\r\n")):
			ends = append(ends, i+1)
		case bytes.HasPrefix(rest, []byte("\u0085")):
			ends = append(ends, i+2)
		case bytes.HasPrefix(rest, []byte("\u2028")), bytes.HasPrefix(rest, []byte("\u2029")):
			ends = append(ends, i+3)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] != len(data) {
		ends = append(ends, len(data))
	}
	return ends
}

// countLines is the number of ends that lineEnds gives, in less time.
func countLines(data []byte) int {
	n := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) - bytes.Count(data, []byte("\r\n"))
	last := len(data) > 0 && (data[len(data)-1] == '\n' || data[len(data)-1] == '\r')
	for _, rare := range []string{"\u0085", "\u2028", "\u2029"} {
		n += bytes.Count(data, []byte(rare))
		last = last || bytes.HasSuffix(data, []byte(rare))
	}
	if !last {
		n++
	}
	return n
}

func runeEnds(text []byte) []int {
	var ends []int
	for i := 0; i < len(text); {
		_, size := utf8.DecodeRune(text[i:])
		i += size
		ends = append(ends, i)
	}
	return ends
}

// explainSyntax words the parser's message for someone who wrote a spec.
func explainSyntax(message, line string, column int) (rule, next string) {
	var at rune
	for i, r := range []rune(line) {
		if i == column {
			at = r
		}
	}
	switch {
	case strings.HasPrefix(message, "found character that cannot start any token") && at == '\t',
		strings.Contains(message, "tab character"):
		return "a tab is used for indentation", "use spaces"
	case strings.HasPrefix(message, "found character that cannot start any token"):
		return "a value without quotes cannot begin with " + quote(string(at)), "put the value in quotes"
	case strings.HasPrefix(message, "mapping values are not allowed"):
		return "a second \": \" in one value, or a wrong indentation", "put the value in quotes, or line the key up with its neighbours"
	case strings.HasPrefix(message, "could not find expected ':'"):
		return "a line that is neither \"key: value\" nor a list item", "add the colon and a space after the key"
	case strings.HasPrefix(message, "did not find expected key"):
		return "the indentation does not match the lines above", "line the key up with its neighbours"
	case strings.HasPrefix(message, "did not find expected '-' indicator"):
		return "a list item is missing its dash, or the indentation does not match", "line the item up with its neighbours"
	case strings.HasPrefix(message, "found unexpected end of stream"):
		return "a quote is opened and never closed", "close the quote"
	case strings.HasPrefix(message, "did not find expected ',' or"):
		return "a bracket is opened and never closed, or a comma is missing", "close the bracket, or add the comma"
	case strings.HasPrefix(message, "unknown anchor"):
		return message, "define the anchor with &name before it is used"
	case strings.HasPrefix(message, "exceeded max depth"):
		return "values are nested too deeply", "flatten the structure"
	}
	return "not valid YAML: " + message, ""
}
