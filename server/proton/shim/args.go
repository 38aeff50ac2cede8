package shim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"baryon/server/proton/model"
)

// sorted are the names of a table as the AWS CLI writes them.
func sorted[T any](table map[string]T) []string {
	var names []string
	for name := range table {
		names = append(names, model.Hyphenated(name))
	}
	slices.Sort(names)
	return names
}

// refused are options of the AWS CLI that would change what is done and are not
// understood here.
var refused = []string{"--cli-input-yaml", "--generate-cli-skeleton"}

// input reads the arguments of an operation.
func (s *session) input(name string, args []string) (map[string]any, error) {
	shape := s.model.Shapes[s.model.Operations[name].Input]
	members := map[string]string{}
	for member := range shape.Members {
		members["--"+model.Hyphenated(member)] = member
	}
	in := map[string]any{}
	given := map[string]any{}
	for len(args) > 0 {
		option, joined, hasJoined := strings.Cut(args[0], "=")
		if !strings.HasPrefix(option, "--") {
			return nil, usagef("%q is not expected here; arguments are given as --name value", args[0])
		}
		args = args[1:]
		var values []string
		if hasJoined {
			values = []string{joined}
		} else {
			n := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "--") })
			if n < 0 {
				n = len(args)
			}
			values, args = args[:n], args[n:]
		}
		if err := s.option(name, option, values, members, in, given); err != nil {
			return nil, err
		}
	}
	maps.Copy(in, given)
	for _, member := range shape.Required {
		if _, ok := in[member]; !ok {
			return nil, usagef("%s needs --%s", model.Hyphenated(name), model.Hyphenated(member))
		}
	}
	return in, nil
}

// option reads one option. What stands on the command line goes to given and
// counts for more than what --cli-input-json says, which goes to in.
func (s *session) option(name, option string, values []string, members map[string]string, in, given map[string]any) error {
	p := s.model.Paginators[name]
	switch member, known := members[option]; {
	case known:
		value, err := s.value(s.model.Shapes[s.model.Operations[name].Input].Members[member].Shape, option, values)
		given[member] = value
		return err
	case option == "--cli-input-json":
		text, err := one(option, values)
		if err == nil {
			err = decodeJSON(option, text, &in)
		}
		return err
	case option == "--max-items" && p.Result != "":
		text, err := one(option, values)
		if err != nil {
			return err
		}
		if s.global.maxItems, err = strconv.Atoi(text); err != nil || s.global.maxItems < 1 {
			return usagef("--max-items is %q; want a number above 0", text)
		}
		return nil
	case option == "--starting-token" && p.Result != "":
		text, err := one(option, values)
		s.global.startingToken = text
		return err
	case option == "--page-size" && p.Limit != "":
		text, err := one(option, values)
		given[p.Limit] = json.Number(text)
		return err
	case slices.Contains(refused, option):
		return usagef("%s is not answered here", option)
	}
	if member, known := members[strings.Replace(option, "--no-", "--", 1)]; known && len(values) == 0 {
		given[member] = false
		return nil
	}
	return usagef("aws proton %s has no option %s; it takes %s", model.Hyphenated(name), option,
		strings.Join(slices.Sorted(maps.Keys(members)), " "))
}

// one is the only value of an option, with file:// read.
func one(option string, values []string) (string, error) {
	if len(values) != 1 {
		return "", usagef("%s needs one value and has %d", option, len(values))
	}
	return fromFile(values[0])
}

// fromFile reads the file that a value names, as the AWS CLI does.
func fromFile(value string) (string, error) {
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
		data, err := os.ReadFile(path)
		if err != nil {
			return "", usagef("%s: %v", value, err)
		}
		return string(data), nil
	}
	return value, nil
}

// value reads the values of one option as its shape wants them: text as it is,
// lists and structures as JSON or in the AWS CLI's shorthand.
func (s *session) value(shape, option string, values []string) (any, error) {
	sh := s.model.Shapes[shape]
	switch sh.Type {
	case "boolean":
		if len(values) > 0 {
			return nil, usagef("%s takes no value; say %s or --no-%s", option, option, strings.TrimPrefix(option, "--"))
		}
		return true, nil
	case "string":
		return one(option, values)
	case "integer":
		text, err := one(option, values)
		if _, bad := strconv.Atoi(text); err == nil && bad != nil {
			err = usagef("%s is %q; want a whole number", option, text)
		}
		return json.Number(text), err
	case "list":
		return s.listValue(sh, option, values)
	}
	text, err := one(option, values)
	if err != nil {
		return nil, err
	}
	return s.structured(shape, option, text)
}

func (s *session) listValue(sh *model.Shape, option string, values []string) (any, error) {
	if len(values) == 0 {
		return nil, usagef("%s needs a value", option)
	}
	if len(values) == 1 {
		text, err := fromFile(values[0])
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(strings.TrimSpace(text), "[") {
			var list []any
			return list, decodeInto(option, text, &list)
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
		var object map[string]any
		return object, decodeInto(option, text, &object)
	}
	p := &shorthand{text: text, model: s.model}
	value, err := p.structure(shape, "")
	if err == nil && p.at < len(p.text) {
		err = fmt.Errorf("unexpected %q", p.text[p.at:])
	}
	if err != nil {
		return nil, usagef("%s is %q: %v at character %d; write JSON, or KEY=VALUE,KEY=VALUE", option, text, err, p.at+1)
	}
	return value, nil
}

// decodeInto decodes JSON and keeps numbers as they are written.
func decodeInto[T any](option, text string, into *T) error { return decodeJSON(option, text, into) }

func decodeJSON(option, text string, into any) error {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return usagef("%s is not the JSON it should be: %v", option, err)
	}
	return nil
}
