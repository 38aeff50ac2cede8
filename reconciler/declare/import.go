package declare

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// Import makes a document of a spec that AWS Proton accepted: it puts the key
// baryon on top and keeps the rest byte for byte. file is the path that the
// document is to have. A component that has no spec has an empty one here.
//
// The result is proved by reading it: it declares ref with the header h and
// leaves the spec. What stands in the way is returned as renderer.Problems, with
// the lines of the spec as it was given.
func Import(file, spec string, ref state.Ref, h Header) (string, error) {
	at, insert, problems := heading(file, spec, headerKeys(file, ref, h))
	if len(problems) > 0 {
		return "", problems
	}
	out := spec[:at] + insert + spec[at:]
	// The limits on size are for files that people write.
	f := readFile(file, []byte(out), Options{MaxInstances: len(out), MaxFile: 2*len(out) + 1})
	if f.Problems.Failed() {
		first, added := position(spec, at).Line, strings.Count(insert, "\n")
		for i := range f.Problems {
			switch p := &f.Problems[i]; {
			case p.Line >= first+added:
				p.Line -= added
			case p.Line >= first:
				p.Line, p.Column = 0, 0 // in the header
			}
		}
		return "", f.Problems.Err()
	}
	left := ""
	if chunks := split(strings.TrimPrefix(spec, bom)); len(chunks) == 1 {
		left = chunks[0].text
	}
	if len(f.Documents) != 1 || f.Documents[0].Ref != ref || f.Documents[0].Spec != left || !sameHeader(f.Documents[0].Header, h) {
		return "", renderer.Problems{{File: file, Rule: "the key baryon cannot be added to this spec", Next: "add it by hand"}}
	}
	return out, nil
}

// heading gives the text to insert into a spec and the place for it.
func heading(file, spec string, keys []headerKey) (at int, insert string, problems renderer.Problems) {
	body := strings.TrimPrefix(spec, bom)
	start := len(spec) - len(body)
	newline := "\n"
	if strings.Contains(spec, "\r\n") {
		newline = "\r\n"
	}
	chunks := split(body)
	switch len(chunks) {
	case 0:
		return start, blockHeader(keys, "", newline), nil
	case 1:
	default:
		return 0, "", renderer.Problems{{File: file, Line: chunks[1].line, Column: 1, Rule: "the spec holds more than one document",
			Got: fmt.Sprintf("%d documents", len(chunks)), Want: "one", Next: "put each into a file of its own"}}
	}
	c := chunks[0]
	root, problems := renderer.ParseOne(file, []byte(c.text), renderer.Limits{Size: len(c.text) + 1})
	if problems.Failed() {
		moveProblems(problems, c.line-1)
		return 0, "", problems
	}
	begin := offset(c.text, positionOf(root))
	moveDown(root, c.line-1, map[*renderer.Node]bool{})
	if key := root.KeyNode("baryon"); key != nil {
		return 0, "", renderer.Problems{key.Problem("the spec has the key baryon already", "", "", "edit it there")}
	}
	start += offset(body, Position{Line: c.line, Column: 1})
	if begin >= 0 && strings.HasPrefix(c.text[begin:], "{") {
		return start + begin + 1, flowHeader(keys), nil
	}
	// Directives stay above their marker.
	for line := 0; line < len(c.text); line = lineEnd(c.text, line) {
		if marker(c.text[line:lineEnd(c.text, line)], "---") {
			start += lineEnd(c.text, line)
			break
		}
	}
	return start, blockHeader(keys, strings.Repeat(" ", max(0, root.Column-1)), newline), nil
}

// A headerKey is a key of a header with its value as YAML.
type headerKey struct{ key, value string }

// headerKeys writes a header as people do: what is declared comes first, and
// what says nothing is left out.
func headerKeys(file string, ref state.Ref, h Header) []headerKey {
	keys := []headerKey{{string(ref.Kind), scalar(ref.Name)}}
	text := func(key, value string) {
		if value != "" {
			keys = append(keys, headerKey{key, scalar(value)})
		}
	}
	yes := func(key string, value bool, word string) {
		if value {
			keys = append(keys, headerKey{key, word})
		}
	}
	text("environment", h.Environment)
	text("service", h.Service)
	text("instance", h.Instance)
	if h.Files != "" {
		if files, err := filepath.Rel(path.Dir(file), h.Files); err == nil {
			files = filepath.ToSlash(files)
			if !strings.HasPrefix(files, "../") {
				files = "./" + files
			}
			text("files", files)
		}
	}
	text("template", h.Template)
	if h.Version != "" {
		keys = append(keys, headerKey{"version", strconv.Quote(string(h.Version))})
	}
	if len(h.Pins) > 0 {
		keys = append(keys, headerKey{"pins", flowMap(h.Pins)})
	}
	text("description", h.Description)
	if len(h.Labels) > 0 {
		keys = append(keys, headerKey{"labels", flowMap(h.Labels)})
	}
	keys = append(keys, stackKeys(h)...)
	yes("protected", h.Protected, "true")
	yes("approval", h.Approval, "required")
	yes("adopt", h.Adopt, "true")
	text("role", h.Role)
	text("codebuildRole", h.CodebuildRole)
	text("componentRole", h.ComponentRole)
	for _, k := range []headerKey{{"externalId", h.ExternalID}, {"account", h.Account}} {
		if k.value != "" {
			keys = append(keys, headerKey{k.key, strconv.Quote(k.value)})
		}
	}
	text("region", h.Region)
	yes("rerun", h.RerunSafe, "safe")
	if r := h.Repository; r != (state.Repository{}) {
		id := "id"
		if ref.Kind == state.KindEnvironment {
			id = "name"
		}
		value := "{" + id + ": " + scalar(r.ID) + ", branch: " + scalar(r.Branch)
		if r.Connection != "" {
			value += ", connection: " + scalar(r.Connection)
		}
		keys = append(keys, headerKey{"repository", value + "}"})
	}
	return keys
}

func blockHeader(keys []headerKey, indent, newline string) string {
	var b strings.Builder
	b.WriteString(indent + "baryon:" + newline)
	for _, k := range keys {
		b.WriteString(indent + "  " + k.key + ": " + k.value + newline)
	}
	return b.String()
}

func flowHeader(keys []headerKey) string {
	all := make([]string, 0, len(keys))
	for _, k := range keys {
		all = append(all, strconv.Quote(k.key)+": "+k.value)
	}
	return `"baryon": {` + strings.Join(all, ", ") + "}, "
}

// flowMap writes texts in quotes, so that a version stays a text for every
// reader of YAML.
func flowMap[V ~string](m map[string]V) string {
	all := make([]string, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		all = append(all, scalar(key)+": "+strconv.QuoteToASCII(string(m[key])))
	}
	return "{" + strings.Join(all, ", ") + "}"
}

var (
	plainText = regexp.MustCompile(`^(?:\.{1,2}/)*[A-Za-z][0-9A-Za-z_/.-]*$`)
	notText   = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)
)

// scalar writes a text without quotes where no reader of YAML takes it for
// something else. The escapes of Go are those of YAML.
// stackKeys are the keys about stacks.
func stackKeys(h Header) []headerKey {
	var keys []headerKey
	if len(h.Tags) > 0 {
		keys = append(keys, headerKey{"tags", flowMap(h.Tags)})
	}
	if h.Stack != "" {
		keys = append(keys, headerKey{"stack", scalar(h.Stack)})
	}
	if len(h.Stacks) > 0 {
		keys = append(keys, headerKey{"stacks", flowMap(h.Stacks)})
	}
	if h.PipelineStack != "" {
		keys = append(keys, headerKey{"pipelineStack", scalar(h.PipelineStack)})
	}
	if len(h.Imports) > 0 {
		keys = append(keys, headerKey{"imports", importsText(h.Imports)})
	}
	if len(h.InstanceImports) > 0 {
		var all []string
		for _, name := range slices.Sorted(maps.Keys(h.InstanceImports)) {
			all = append(all, scalar(name)+": "+importsText(h.InstanceImports[name]))
		}
		keys = append(keys, headerKey{"imports", "{" + strings.Join(all, ", ") + "}"})
	}
	if len(h.PipelineImports) > 0 {
		keys = append(keys, headerKey{"pipelineImports", importsText(h.PipelineImports)})
	}
	if h.Health != nil {
		keys = append(keys, headerKey{"health", h.Health.text()})
	}
	return keys
}

// importsText writes imports as a header has them.
func importsText(imports map[string]string) string {
	if _, existing := imports[state.ImportExisting]; existing {
		return importExisting
	}
	var all []string
	for _, id := range slices.Sorted(maps.Keys(imports)) {
		by, value := map[string]string{}, strconv.QuoteToASCII(imports[id])
		if strings.HasPrefix(imports[id], "{") && json.Unmarshal([]byte(imports[id]), &by) == nil {
			value = flowMap(by)
		}
		all = append(all, id+": "+value)
	}
	return "{" + strings.Join(all, ", ") + "}"
}

func scalar(s string) string {
	if plainText.MatchString(s) && !notText.MatchString(s) {
		return s
	}
	return strconv.QuoteToASCII(s)
}

// sameHeader compares headers; an empty map is no map.
func sameHeader(a, b Header) bool {
	same := maps.Equal(a.Pins, b.Pins) && maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Tags, b.Tags) && maps.Equal(a.Stacks, b.Stacks)
	a.Pins, b.Pins, a.Labels, b.Labels = nil, nil, nil, nil
	a.Tags, b.Tags, a.Stacks, b.Stacks = nil, nil, nil, nil
	one, err1 := json.Marshal(a)
	two, err2 := json.Marshal(b)
	return same && err1 == nil && err2 == nil && string(one) == string(two)
}
