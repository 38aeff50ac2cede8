package template

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// shapes checks the arguments of every function in a value.
func (t *Template) shapes(v any) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := t.shapes(item); err != nil {
				return err
			}
		}
	case map[string]any:
		if name, arg, ok := function(v); ok {
			if err := t.shape(name, arg); err != nil {
				return err
			}
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := t.shapes(v[k]); err != nil {
				return err
			}
		}
	}
	return nil
}

// shape checks the argument of one function.
func (t *Template) shape(name string, arg any) error {
	list, _ := arg.([]any)
	switch name {
	case "Ref":
		if _, ok := arg.(string); !ok {
			return refuse("Template error: every Ref object must have a single String value.")
		}
	case "Condition":
		if s, ok := arg.(string); ok {
			if _, ok := t.Conditions[s]; !ok {
				return refuse("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", s)
			}
		}
	case "Fn::GetAtt":
		if len(list) != 2 || str(list[0]) == "" || list[1] == "" {
			return refuse("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
		}
	case "Fn::Join":
		if len(list) != 2 || !isString(list[0]) || !listing(list[1]) {
			return badJoin()
		}
	case "Fn::Split":
		if _, isList := at(list, 1).([]any); len(list) != 2 || !isString(list[0]) || isList {
			return badSplit()
		}
	case "Fn::Select":
		index := at(list, 0)
		_, err := strconv.Atoi(str(index))
		if len(list) != 2 || isString(index) && err != nil || !listing(list[1]) {
			return refuse("Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
		}
	case "Fn::FindInMap":
		return t.shapeOfFind(list)
	case "Fn::Equals":
		if len(list) != 2 || !textual(list[0]) || !textual(list[1]) {
			return refuse("Template error: every Fn::Equals object requires a list of 2 string parameters.")
		}
	case "Fn::If":
		return t.shapeOfIf(list)
	case "Fn::And", "Fn::Or":
		if len(list) < 2 || len(list) > 10 {
			return refuse("Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", name)
		}
	case "Fn::Not":
		if len(list) != 1 {
			return refuse("Template error: every Fn::Not object requires one boolean parameter.")
		}
	case "Fn::Sub":
		return shapeOfSub(arg, list)
	case "Fn::ImportValue":
		return t.shapeOfImport(arg)
	default:
		return t.shapeOfRest(name, arg, list)
	}
	return nil
}

func (t *Template) shapeOfRest(name string, arg any, list []any) error {
	switch name {
	case "Fn::Cidr":
		if len(list) != 2 && len(list) != 3 {
			return refuse("Template error: every Fn::Cidr object requires two parameters, (1) an ipBlock and (2) a count, and an optional cidrBits")
		}
	case "Fn::Base64", "Fn::GetAZs":
		if !textual(arg) {
			return notText(name)
		}
	default:
		if (name == "Fn::Length" || name == "Fn::ToJsonString") && t.extended() {
			return nil
		}
		return refuse("Template error: Encountered unsupported function: %s Supported functions are: [%s]", name, strings.Join(functions, ", "))
	}
	return nil
}

// listing says whether a value is a list, or may become that.
func listing(v any) bool {
	_, ok := v.([]any)
	return ok || textual(v) && !isString(v)
}

// textual says whether a value is text, or may become that.
func textual(v any) bool {
	m, _ := v.(map[string]any)
	_, _, call := function(m)
	return call || isString(v)
}

func badJoin() error {
	return refuse("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined" +
		" or a function that returns a list of strings (such as Fn::GetAZs) to be joined.")
}

func badSplit() error {
	return refuse("Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split" +
		" or a function that returns a string to be split.")
}

func isString(v any) bool { _, ok := v.(string); return ok }

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func (t *Template) shapeOfFind(list []any) error {
	if len(list) != 3 && (len(list) != 4 || !t.extended()) {
		return refuse("Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value")
	}
	name, top, second := list[0], list[1], list[2]
	for _, v := range list[:3] {
		m, _ := v.(map[string]any)
		if f, _, call := function(m); call && f != "Ref" && f != "Fn::FindInMap" && !t.extended() {
			return refuse("Template error: Fn::FindInMap takes Ref and Fn::FindInMap, not %s; the transform %s allows more", f, extensions)
		}
	}
	if len(list) == 4 {
		if m, ok := list[3].(map[string]any); !ok || len(m) != 1 || m["DefaultValue"] == nil {
			return refuse("Template error: the fourth parameter of Fn::FindInMap must be an object with the key DefaultValue")
		}
	}
	if !isString(name) || len(list) == 4 {
		return nil
	}
	m, ok := t.Mappings[str(name)]
	if !ok {
		return refuse("Template error: Mapping named '%s' is not present in the 'Mappings' section of template.", name)
	}
	if isString(top) && isString(second) {
		if _, ok := m[str(top)][str(second)]; !ok {
			return refuse("Template error: Unable to get mapping for %s::%s::%s", name, top, second)
		}
	}
	return nil
}

func (t *Template) shapeOfIf(list []any) error {
	if len(list) != 3 || !isString(list[0]) {
		return refuse("Template error: Fn::If requires a list argument with three elements")
	}
	if _, ok := t.Conditions[str(list[0])]; !ok {
		return refuse("Template error: unresolved condition dependency %s in Fn::If", list[0])
	}
	return nil
}

func shapeOfSub(arg any, list []any) error {
	own, isMap := at(list, 1).(map[string]any)
	text := arg
	if !isString(arg) {
		text = at(list, 0)
	}
	for _, m := range subName.FindAllStringSubmatch(str(text), -1) {
		if !subWord.MatchString(strings.TrimSpace(m[1])) {
			return refuse("Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons")
		}
	}
	if isString(arg) {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(own)) {
		if !textual(own[k]) {
			return refuse("Template error: every value of the context object of every Fn::Sub object must be a string or a function that returns a string")
		}
	}
	if len(list) != 2 || !isString(list[0]) || !isMap {
		return refuse("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments." +
			" Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
	}
	return nil
}

func (t *Template) shapeOfImport(arg any) error {
	if !textual(arg) {
		return notText("Fn::ImportValue")
	}
	for _, u := range uses(arg, nil) {
		if t.Parameter(u.ID) == nil && !slices.Contains(pseudo, u.ID) {
			return refuse("Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs")
		}
	}
	return nil
}
