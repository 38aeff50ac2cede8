package awssim

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"baryon/provisioner/awssim/template"
)

// typeOf is what is known of a type; custom resources may hold anything.
func typeOf(name string) *resourceType {
	if strings.HasPrefix(name, "Custom::") || name == "AWS::CloudFormation::CustomResource" {
		return &resourceType{Name: "AWS::CloudFormation::CustomResource", ID: []string{"Id"}, Replaces: []string{"ServiceToken"}, Required: []string{"ServiceToken"}}
	}
	return types[name]
}

// kinds are the words for what a property should be.
var kinds = map[string]string{"s": "String", "n": "Number", "b": "Boolean", "l": "JSONArray", "m": "JSONObject"}

func kindOf(v any) string {
	switch v.(type) {
	case []any:
		return "JSONArray"
	case map[string]any:
		return "JSONObject"
	}
	return "String"
}

// problems holds properties to the published schema of their type.
func (t *resourceType) problems(p map[string]any) []string {
	var out []string
	for _, k := range t.Required {
		if p[k] == nil {
			out = append(out, "#: required key ["+k+"] not found")
		}
	}
	if t.Properties == nil {
		return out
	}
	for _, k := range slices.Sorted(maps.Keys(p)) {
		want, ok := t.Properties[k]
		if !ok {
			out = append(out, "#: extraneous key ["+k+"] is not permitted")
			continue
		}
		if got := kindOf(p[k]); !fits(want, p[k]) {
			out = append(out, fmt.Sprintf("#/%s: expected type: %s, found: %s", k, kinds[want], got))
		}
	}
	return out
}

func fits(want string, v any) bool {
	s, isText := v.(string)
	later := isText && (strings.Contains(s, template.Unknown) || strings.Contains(s, "{{resolve:"))
	switch {
	case want == "*" || later:
		return true
	case want == "n":
		_, err := strconv.ParseFloat(s, 64)
		return isText && err == nil
	case want == "b":
		return s == "true" || s == "false" || s == "True" || s == "False"
	}
	return kindOf(v) == kinds[want]
}

// validate says in the service's words what is wrong with properties.
func validate(typ, logical string, p map[string]any) string {
	problems := typeOf(typ).problems(p)
	if len(problems) == 0 {
		return ""
	}
	return "Properties validation failed for resource " + logical + " with message: [" + strings.Join(problems, ", ") + "]"
}

// handlerRefuses says what the service of a resource would answer to values that
// its schema lets through.
func handlerRefuses(typ string, p map[string]any) string {
	value, _ := p["Value"].(string)
	pattern, _ := p["AllowedPattern"].(string)
	if typ != "AWS::SSM::Parameter" || pattern == "" {
		return ""
	}
	if allowed, err := regexp.Compile(pattern); err != nil || allowed.MatchString(value) {
		return ""
	}
	return "Resource handler returned message: \"Parameter value, cannot be validated against allowedPattern: " + pattern +
		" (Service: Ssm, Status Code: 400)\" (RequestToken: 00000000-0000-0000-0000-000000000000, HandlerErrorCode: InvalidRequest)"
}

// key is where a thing is kept.
func key(typ, id string) string { return typ + "|" + id }

// conflict says who has the name that a new resource would get.
func (r *region) conflict(typ string, p map[string]any, stackID string) string {
	t := typeOf(typ)
	custom := t.customName()
	name, _ := p[custom].(string)
	if custom == "" || name == "" {
		return ""
	}
	for _, k := range slices.Sorted(maps.Keys(r.Things)) {
		thing := r.Things[k]
		if thing.Type != typ || thing.Properties[custom] != name && thing.ID != name {
			continue
		}
		if thing.Stack != "" && thing.Stack != stackID {
			return name + " already exists in stack " + thing.Stack
		}
		return fmt.Sprintf("Resource of type '%s' with identifier '%s' already exists.", typ, name)
	}
	return ""
}

// create makes a thing for a stack's resource.
func (r *region) create(w *world, s *stack, logical, typ string, p map[string]any) *Thing {
	t := typeOf(typ)
	id, ref, attributes := t.physical(w, r, s.Name, logical, p)
	thing := &Thing{Type: typ, ID: id, Physical: ref, Properties: copied(p), Attributes: attributes, Stack: s.ID, Logical: logical}
	r.Things[key(typ, id)] = thing
	return thing
}

// stuck says why a thing can't be deleted.
func (r *region) stuck(thing *Thing) string {
	handler := func(service, text string) string {
		return fmt.Sprintf("Resource handler returned message: %q (RequestToken: 00000000-0000-0000-0000-000000000000, HandlerErrorCode: %s)", text, service)
	}
	switch {
	case thing.Full && thing.Type == "AWS::S3::Bucket":
		return handler("GeneralServiceException", "The bucket you tried to delete is not empty")
	case thing.Full && thing.Type == "AWS::ECR::Repository":
		return handler("GeneralServiceException", "The repository with name '"+thing.ID+"' in registry with id '"+r.Account+"' cannot be deleted because it still contains images")
	case thing.Type == "AWS::EC2::SecurityGroup" && r.mentioned(thing):
		return handler("InvalidRequest", "resource "+thing.ID+" has a dependent object")
	case thing.Properties["DeletionProtectionEnabled"] == "true":
		return handler("InvalidRequest", "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	return ""
}

// mentioned says whether another stack's thing names this one.
func (r *region) mentioned(thing *Thing) bool {
	for _, other := range r.Things {
		if other.Stack != thing.Stack && strings.Contains(fmt.Sprint(other.Properties), thing.ID) {
			return true
		}
	}
	return false
}

// copied is a deep copy of properties.
func copied(p map[string]any) map[string]any {
	out, _ := deep(p).(map[string]any)
	return out
}

func deep(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = deep(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = deep(v[k])
		}
		return out
	}
	return v
}

// changed are the top-level properties that differ, sorted.
func changed(before, after map[string]any) []string {
	var out []string
	for k := range before {
		if !reflect.DeepEqual(before[k], after[k]) {
			out = append(out, k)
		}
	}
	for k := range after {
		if _, ok := before[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// recreation is what the change of a property asks for.
func (t *resourceType) recreation(property string) string {
	switch {
	case slices.Contains(t.Replaces, property):
		return "Always"
	case slices.Contains(t.MayReplace, property):
		return "Conditionally"
	}
	return "Never"
}

// replaces says whether changes of these properties need a new resource.
func (t *resourceType) replaces(properties []string) bool {
	return slices.ContainsFunc(properties, func(p string) bool { return t.recreation(p) == "Always" })
}
