package renderer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits bound what a YAML text may cost. The zero value stands for the
// defaults; a negative number is refused by nothing and means the default too.
type Limits struct {
	Size  int  // bytes of the text; 1 MiB
	Depth int  // levels of nesting, aliases followed; 100
	Nodes int  // keys and values, counted after aliases and merge keys are expanded; 200,000
	Tags  bool // accept local tags such as !Ref, as CloudFormation templates have them
}

const (
	defaultYAMLSize  = 1 << 20
	defaultYAMLDepth = 100
	defaultYAMLNodes = 200_000
)

func (l Limits) withDefaults() Limits {
	if l.Size <= 0 {
		l.Size = defaultYAMLSize
	}
	if l.Depth <= 0 {
		l.Depth = defaultYAMLDepth
	}
	if l.Nodes <= 0 {
		l.Nodes = defaultYAMLNodes
	}
	return l
}

// ParseYAML reads every document of a YAML (or JSON) text into trees that keep
// positions and the text of scalars as it was written. A text without content
// has no documents. The file name appears in problems only.
//
// It is stricter than YAML: a key given twice, a key that is not a scalar, a
// tag that would build another type, and anything beyond the limits is
// refused. Anchors, aliases and merge keys work within the limits. When the
// problems are Failed, the documents are not to be used.
func ParseYAML(file string, data []byte, limits Limits) ([]*Node, Problems) {
	limits = limits.withDefaults()
	if len(data) > limits.Size {
		return nil, Problems{{
			File: file, Rule: "the file is too large", Got: sizeText(len(data)), Want: "at most " + sizeText(limits.Size),
			Next: "split it, or move generated data out of it",
		}}
	}
	data, problem := readable(file, data)
	if problem != nil {
		return nil, Problems{*problem}
	}
	parsed, err := parseStream(data)
	if err != nil {
		return nil, Problems{syntaxProblem(file, data, err)}
	}
	c := newConverter(file, data, limits)
	docs := make([]*Node, 0, len(parsed))
	for i := range parsed {
		root := c.document(&parsed[i])
		if c.stopped {
			return nil, c.problems
		}
		docs = append(docs, root)
	}
	return docs, c.problems
}

// ParseOne reads a YAML text that must hold exactly one document, as schemas,
// manifests and specs handed to an API do.
func ParseOne(file string, data []byte, limits Limits) (*Node, Problems) {
	docs, problems := ParseYAML(file, data, limits)
	if problems.Failed() {
		return nil, problems
	}
	switch len(docs) {
	case 1:
		return docs[0], problems
	case 0:
		return nil, append(problems, Problem{File: file, Line: 1, Column: 1, Rule: "the file is empty", Want: "a YAML mapping"})
	default:
		return nil, append(problems, docs[1].Problem("the file holds more than one YAML document",
			fmt.Sprintf("%d documents", len(docs)), "one", "remove the line --- and what follows it"))
	}
}

// parseStream runs the YAML parser over the whole text. The parser reports its
// own errors by panics that it recovers itself; whatever escapes that is turned
// into an error as well, since the text comes from strangers.
func parseStream(data []byte) (docs []yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: the parser gave up: %v", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		docs = append(docs, n)
	}
}

// readable strips a byte order mark and finds the bytes that no YAML text may
// hold, because the parser reports those without a position.
func readable(file string, data []byte) ([]byte, *Problem) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, &Problem{File: file, Line: 1, Column: 1, Rule: "the file is not UTF-8", Got: "UTF-16", Next: "save it as UTF-8"}
	}
	line, column := 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			return nil, &Problem{File: file, Line: line, Column: column, Rule: "the file is not UTF-8", Got: fmt.Sprintf("byte 0x%02X", data[i]), Next: "save it as UTF-8"}
		case !printable(r):
			return nil, &Problem{File: file, Line: line, Column: column, Rule: "a control character is not allowed in YAML", Got: fmt.Sprintf("U+%04X", r),
				Next: "remove it, or write it as an escape in double quotes"}
		case r == '\n':
			line, column = line+1, 0
		}
		column++
		i += size
	}
	return data, nil
}

// printable follows the set of characters that YAML 1.2 allows in a text.
func printable(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r', r == 0x85:
		return true
	case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0xd800 && r < 0xe000, r == 0xfffe, r == 0xffff:
		return false
	}
	return true
}

func sizeText(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
