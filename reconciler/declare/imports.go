package declare

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"baryon/renderer"
	"baryon/state"
)

// importExisting is the word for every resource whose name the template says.
const importExisting = "existing"

var logicalPattern = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// imports reads which resources a stack takes in: existing, or what identifies each.
func (x *values) imports(n *renderer.Node) map[string]string {
	const want = "existing, or LOGICALID: IDENTIFIER, or LOGICALID: {KEY: VALUE}"
	switch {
	case n == nil || n.Null():
		return nil
	case n.Kind == renderer.Scalar && n.Text == importExisting:
		return map[string]string{state.ImportExisting: ""}
	case n.Kind != renderer.Mapping:
		x.Add(n.Problem("imports must say what a stack takes in", n.Describe(), want, ""))
		return nil
	case len(n.Pairs) > maxImports:
		x.Add(n.Problem("there are too many imports", strconv.Itoa(len(n.Pairs)), fmt.Sprintf("at most %d", maxImports), ""))
		return nil
	}
	imports := make(map[string]string, len(n.Pairs))
	for _, p := range n.Pairs {
		if !logicalPattern.MatchString(p.Key.Text) {
			x.Add(p.Key.Problem("this is not the logical ID of a resource", strconv.Quote(p.Key.Text), "letters and digits, as in the template", ""))
			continue
		}
		if p.Value.Kind != renderer.Mapping {
			id := x.String(p.Value, "an identifier")
			if id == "" || len(id) > maxIdentifier {
				x.Add(p.Value.Problem("this identifies no resource", p.Value.Describe(), want, ""))
			}
			imports[p.Key.Text] = id
			continue
		}
		by := map[string]string{}
		for _, part := range p.Value.Pairs {
			by[part.Key.Text] = x.String(part.Value, "an identifier")
		}
		text, err := json.Marshal(by)
		if err != nil || len(by) == 0 || len(text) > maxIdentifier {
			x.Add(p.Value.Problem("this identifies no resource", p.Value.Describe(), want, ""))
		}
		imports[p.Key.Text] = string(text)
	}
	return imports
}

// CloudFormation takes so many in at once, and this leaves room for any name.
const (
	maxImports    = 200
	maxIdentifier = 4096
)

func (x *values) instanceImports(n *renderer.Node) map[string]map[string]string {
	if n == nil || n.Null() {
		return nil
	}
	if n.Kind != renderer.Mapping {
		x.Add(n.Problem("imports of a service must be a mapping", n.Describe(), "instance: existing, or instance: {LOGICALID: IDENTIFIER}", ""))
		return nil
	}
	all := make(map[string]map[string]string, len(n.Pairs))
	for _, p := range n.Pairs {
		all[p.Key.Text] = x.imports(p.Value)
	}
	return all
}
