package renderer

import (
	"encoding/json"
	"strings"
)

// renderedLimits are wide: the text has passed the limits of rendering already.
var renderedLimits = Limits{Size: 64 << 20, Nodes: 1_000_000, Tags: true}

// wellFormed checks that a rendered text is one YAML or JSON document with
// resources, as CloudFormation wants it. Problems carry places of that text.
func wellFormed(text string) Problems {
	if quickTemplate(text) {
		return nil
	}
	return parsedTemplate(text)
}

func parsedTemplate(text string) Problems {
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") && json.Valid([]byte(text)) {
		var top map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &top) == nil && top["Resources"] != nil {
			return nil
		}
	}
	root, problems := ParseOne("", []byte(text), renderedLimits)
	if problems.Failed() {
		return problems
	}
	if root.Kind != Mapping {
		return append(problems, root.Problem("a CloudFormation template must be a mapping", root.Describe(), "", ""))
	}
	if resources := root.Get("Resources"); resources == nil || resources.Kind != Mapping {
		return append(problems, root.Problem("a CloudFormation template needs Resources", "", "a mapping under the key Resources", ""))
	}
	return problems
}
