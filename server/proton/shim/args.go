package shim

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"baryon/server/proton/model"
)

// hyphenated are the names of a table as the AWS CLI writes them.
func hyphenated[T any](table map[string]T) []string {
	var names []string
	for name := range table {
		names = append(names, model.Hyphenated(name))
	}
	slices.Sort(names)
	return names
}

// Options that operations take besides their members.
const (
	inputJSON     = "--cli-input-json"
	inputYAML     = "--cli-input-yaml"
	skeleton      = "--generate-cli-skeleton"
	maxItems      = "--max-items"
	startingToken = "--starting-token"
	pageSize      = "--page-size"
)

// A parsed command line: the values of options in the order they were given.
type parsed struct {
	values map[string][]string
	flags  map[string]bool // of members that are booleans
}

func (p parsed) has(option string) bool { return p.values[option] != nil }

// options tells options and their values apart, and complains of what is left.
func (s *session) options(name string, args []string) (parsed, error) {
	shape := s.model.Shapes[s.model.Operations[name].Input]
	p, rest := parsed{values: map[string][]string{}, flags: map[string]bool{}}, []string{}
	kinds := map[string]string{inputJSON: "string", inputYAML: "string", skeleton: "optional"}
	for member, m := range shape.Members {
		kinds["--"+model.Hyphenated(member)] = s.model.Shapes[m.Shape].Type
	}
	if pages, paged := s.model.Paginators[name]; paged {
		kinds[maxItems], kinds[startingToken] = "integer", "string"
		if pages.Limit != "" {
			kinds[pageSize] = "integer"
		}
	}
	for len(args) > 0 {
		option, joined, hasJoined := strings.Cut(args[0], "=")
		args = args[1:]
		var values []string
		if hasJoined {
			values = []string{joined}
		} else {
			n := slices.IndexFunc(args, isOption)
			if n < 0 {
				n = len(args)
			}
			values, args = args[:n], args[n:]
		}
		kind, known := kinds[option]
		negative, isNegative := strings.CutPrefix(option, "--no-")
		negated := !known && isNegative && kinds["--"+negative] == "boolean"
		switch {
		case negated:
			p.flags["--"+negative], rest = false, append(rest, values...)
		case kind == "boolean":
			p.flags[option], rest = true, append(rest, values...)
		case !known:
			rest = append(append(rest, option), values...)
		case kind == "optional" && len(values) == 0:
			p.values[option] = []string{"input"}
		case kind == "list":
			p.values[option] = append([]string{}, values...)
		case len(values) == 0:
			return p, misused("argument %s: expected one argument", option)
		default:
			p.values[option], rest = values[:1], append(rest, values[1:]...)
		}
	}
	return p, s.complete(name, p, rest)
}

// isOption tells an option from a value.
func isOption(arg string) bool {
	if !strings.HasPrefix(arg, "-") || arg == "-" {
		return false
	}
	_, err := strconv.ParseFloat(arg, 64)
	return err != nil && !strings.Contains(arg, " ")
}

// complete says what is missing, and then what is too much.
func (s *session) complete(name string, p parsed, rest []string) error {
	wanted := p.values[skeleton]
	if wanted != nil && !slices.Contains([]string{"input", "output", "yaml-input"}, wanted[0]) {
		return choice(skeleton, []string{"input", "output", "yaml-input"})
	}
	for _, option := range []string{maxItems, pageSize} {
		if text := p.values[option]; text != nil {
			if _, err := strconv.Atoi(text[0]); err != nil {
				return misused("argument %s: invalid int value: %s", option, repr(text[0]))
			}
		}
	}
	sample := wanted != nil && wanted[0] != "output"
	if !sample && !p.has(inputJSON) && !p.has(inputYAML) {
		var missing []string
		for _, member := range s.model.Shapes[s.model.Operations[name].Input].Required {
			option := "--" + model.Hyphenated(member)
			if _, flag := p.flags[option]; !flag && !p.has(option) {
				missing = append(missing, option)
			}
		}
		if len(missing) > 0 {
			slices.Sort(missing)
			return misused("the following arguments are required: %s", strings.Join(missing, ", "))
		}
	}
	if len(rest) > 0 {
		return unknown(rest)
	}
	return nil
}

// input reads the arguments of an operation. What stands on the command line
// counts for more than what a whole input says.
func (s *session) input(name string, p parsed) (map[string]any, error) {
	shape := s.model.Shapes[s.model.Operations[name].Input]
	given := map[string]any{}
	for _, member := range slices.Sorted(maps.Keys(shape.Members)) {
		option := "--" + model.Hyphenated(member)
		if flag, ok := p.flags[option]; ok {
			given[member] = flag
		}
		if !p.has(option) {
			continue
		}
		value, err := s.value(shape.Members[member].Shape, option, p.values[option])
		if err != nil {
			return nil, err
		}
		given[member] = value
	}
	in, err := whole(p)
	if err != nil {
		return nil, err
	}
	maps.Copy(in, given)
	if err := s.paging(name, p, in); err != nil {
		return nil, err
	}
	for member, m := range shape.Members {
		if _, ok := in[member]; m.Token && !ok {
			in[member] = uuid.NewString()
		}
	}
	return in, nil
}

// whole is what --cli-input-json or --cli-input-yaml says.
func whole(p parsed) (map[string]any, error) {
	var value any
	option, bad := inputJSON, "JSON"
	switch {
	case p.has(inputJSON) && p.has(inputYAML):
		return nil, usagef("Only one --cli-input- parameter may be specified.")
	case p.has(inputYAML):
		option, bad = inputYAML, "YAML"
	case !p.has(inputJSON):
		return map[string]any{}, nil
	}
	text, err := fromFile(option, p.values[option][0])
	if err != nil {
		return nil, err
	}
	if bad == "YAML" {
		if err = yaml.Unmarshal([]byte(text), &value); err == nil {
			var encoded []byte // as JSON, whose types are those of the model
			if encoded, err = json.Marshal(value); err == nil {
				value, err = decode(string(encoded))
			}
		}
	} else {
		value, err = decode(text)
	}
	if err != nil {
		return nil, parsing(strings.TrimPrefix(option, "--"), "Invalid %s received.", bad)
	}
	in, ok := value.(map[string]any)
	if !ok {
		return nil, parsing(option, "Invalid type: expecting map, received <class '%s'>", class(value))
	}
	return in, nil
}

// paging takes the options that cut lists.
func (s *session) paging(name string, p parsed, in map[string]any) error {
	var cuts []string
	for _, option := range []string{startingToken, pageSize, maxItems} {
		if p.has(option) {
			cuts = append(cuts, option)
		}
	}
	if s.global.noPaginate && len(cuts) > 0 {
		return usagef("Cannot specify --no-paginate along with pagination arguments: %s", strings.Join(cuts, ", "))
	}
	if p.has(maxItems) {
		n, err := strconv.Atoi(p.values[maxItems][0])
		if err != nil || n < 0 {
			return misused("argument %s: invalid int value: %s", maxItems, repr(p.values[maxItems][0]))
		}
		s.global.maxItems = &n
	}
	if p.has(startingToken) {
		s.global.startingToken = p.values[startingToken][0]
	}
	if p.has(pageSize) {
		in[s.model.Paginators[name].Limit] = json.Number(p.values[pageSize][0])
	}
	return nil
}

// fromFile reads the file that a value names, as the AWS CLI does.
func fromFile(option, value string) (string, error) {
	for _, scheme := range []string{"file://", "fileb://"} {
		path, named := strings.CutPrefix(value, scheme)
		if !named {
			continue
		}
		if rest, home := strings.CutPrefix(path, "~/"); home {
			dir, err := os.UserHomeDir()
			if err != nil {
				return "", err
			}
			path = dir + "/" + rest
		}
		path = os.ExpandEnv(path)
		data, err := os.ReadFile(path)
		switch {
		case os.IsNotExist(err):
			return "", parsing(option, "Unable to load paramfile %s: [Errno 2] No such file or directory: %s", value, repr(path))
		case err != nil:
			return "", parsing(option, "Unable to load paramfile %s: %v", value, err)
		}
		return string(data), nil
	}
	return value, nil
}

// value reads the values of one option as its shape wants them: text as it is,
// lists and structures as JSON or in the AWS CLI's shorthand.
func (s *session) value(shape, option string, values []string) (any, error) {
	sh := s.model.Shapes[shape]
	if sh.Type == "list" {
		return s.listValue(sh, option, values)
	}
	text, err := fromFile(option, values[0])
	if err != nil {
		return nil, err
	}
	switch sh.Type {
	case "string":
		return text, nil
	case "integer":
		if _, err := strconv.Atoi(text); err != nil {
			return nil, usage{"invalid literal for int() with base 10: " + repr(text), exitFault}
		}
		return json.Number(text), nil
	}
	return s.structured(shape, option, text)
}

func (s *session) listValue(sh *model.Shape, option string, values []string) (any, error) {
	if len(values) == 1 {
		text, err := fromFile(option, values[0])
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(strings.TrimSpace(text), "[") {
			return fromJSON(option, text)
		}
		values = []string{text}
	}
	list := []any{}
	for _, value := range values {
		if s.model.Shapes[sh.Element].Type == "string" {
			list = append(list, value)
			continue
		}
		element, err := s.structured(sh.Element, option, value)
		if err != nil {
			return nil, err
		}
		list = append(list, element)
	}
	return list, nil
}

// structured reads one structure.
func (s *session) structured(shape, option, text string) (any, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return fromJSON(option, text)
	}
	p := &shorthand{text: text}
	object, err := p.parameter()
	if err != nil {
		return nil, parsing(option, "%v", err)
	}
	return s.typed(shape, object), nil
}

// typed makes numbers of the texts that the model has as numbers.
func (s *session) typed(shape string, value any) any {
	sh := s.model.Shapes[shape]
	switch v := value.(type) {
	case map[string]any:
		for name, member := range sh.Members {
			if inner, given := v[name]; given {
				v[name] = s.typed(member.Shape, inner)
			}
		}
	case string:
		if _, err := strconv.Atoi(v); err == nil && sh.Type == "integer" {
			return json.Number(v)
		}
	}
	return value
}

// decode decodes JSON and keeps numbers as they are written.
func decode(text string) (value any, err error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err = dec.Decode(&value); err == nil && dec.More() {
		err = errTrailing
	}
	return value, err
}

func fromJSON(option, text string) (any, error) {
	value, err := decode(text)
	if err != nil {
		return nil, parsing(option, "Invalid JSON: %v\nJSON received: %s", err, text)
	}
	return value, nil
}
