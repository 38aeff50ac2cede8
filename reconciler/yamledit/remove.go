package yamledit

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"baryon/renderer"
)

// Remove takes the document that has line among its lines out of a file, with its
// marker. Every byte of the others stays, comments included. Nil is left of a file
// that holds no other document.
func Remove(file string, data []byte, line int) ([]byte, error) {
	text, marked := strings.CutPrefix(string(data), "\ufeff")
	problem := func(rule, got string) error {
		return renderer.Problems{{File: file, Line: line, Column: 1, Rule: rule, Got: got, Next: "take it out in Git"}}
	}
	roots, err := parse(text)
	if err != nil {
		return nil, problem("the file cannot be read as a whole", err.Error())
	}
	at := documentAt(roots, line)
	if at < 0 {
		return nil, problem("no document begins here", "")
	}
	others := slices.Delete(slices.Clone(roots), at, at+1)
	if !slices.ContainsFunc(others, func(n *yaml.Node) bool { return !null(n) }) {
		return nil, nil
	}
	from, to := 0, len(text)
	number := 0
	for at := 0; at < len(text); number++ {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		rest, marker := strings.CutPrefix(strings.TrimRight(text[at:end], "\r\n"), "---")
		if marker && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			if number+1 > line {
				to = at
				break
			}
			from = at
		}
		at = end
	}
	left := text[:from] + text[to:]
	after, err := parse(left)
	if err != nil || !slices.EqualFunc(after, others, equal) {
		return nil, problem("the document cannot be taken out without changing something else", "")
	}
	if marked {
		left = "\ufeff" + left
	}
	return []byte(left), nil
}
