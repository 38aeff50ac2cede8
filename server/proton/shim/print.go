package shim

import (
	"fmt"
	"strings"
)

// An answer is what a call came to: the pages of a list, or one body.
type answer struct {
	pages []any  // of a list, its elements alone
	raw   []any  // the pages with all that came with them
	whole any    // the pages in one; of a single body, that body
	next  string // where a list goes on that was cut
}

// print writes an answer as --output and --query ask for. Of an empty body
// nothing is written.
func (s *session) print(name string, a answer) error {
	var out strings.Builder
	var err error
	switch s.global.output {
	case "text":
		err = s.printText(&out, a)
	case "yaml-stream":
		err = s.printStream(&out, a)
	default:
		var value any
		if value, err = s.search(a.whole); err == nil {
			s.format(&out, name, value)
		}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.cfg.Stdout, out.String())
	return err
}

// search is what --query finds in a value.
func (s *session) search(value any) (any, error) {
	if s.query == nil {
		return value, nil
	}
	found, err := s.query.Search(value)
	if err != nil {
		return nil, usagef("Bad value for --query %s: %v", s.global.query, err)
	}
	return found, nil
}

func (s *session) format(out *strings.Builder, name string, value any) {
	if object, ok := value.(map[string]any); ok && len(object) == 0 && s.global.output != "table" {
		return
	}
	switch s.global.output {
	case "table":
		out.WriteString(tableOf(name, value, terminalWidth(s.cfg.Stdout)))
	case "yaml":
		s.yaml(out, value)
	default:
		s.json(out, value, "")
		out.WriteByte('\n')
	}
}

// yaml writes a value as YAML, and one that is no object and no list as JSON.
func (s *session) yaml(out *strings.Builder, value any) {
	if isScalar(value) {
		s.json(out, value, "")
	} else {
		w := &yamlWriter{}
		w.value(value, 0, false)
		out.WriteString(w.String())
	}
	out.WriteByte('\n')
}

// printText writes page after page, and queries each by itself, as the AWS CLI
// does.
func (s *session) printText(out *strings.Builder, a answer) error {
	pages := a.pages
	if a.next != "" {
		pages = append(pages, map[string]any{resumeToken: map[string]any{resumeToken: a.next}})
	}
	for _, page := range pages {
		found, err := s.search(page)
		if err != nil {
			return err
		}
		text(out, found, "", nil)
	}
	return nil
}

// printStream writes a list of one element for each page.
func (s *session) printStream(out *strings.Builder, a answer) error {
	for _, page := range a.raw {
		found, err := s.search(page)
		if err != nil {
			return err
		}
		if object, ok := found.(map[string]any); ok && len(object) == 0 {
			continue
		}
		s.yaml(out, []any{found})
	}
	return nil
}
