package awssim

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

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
		if thing.Type != typ || thing.Properties[custom] != name && thing.ID != name || !t.beside(thing, p) {
			continue
		}
		if thing.Stack != "" && thing.Stack != stackID {
			return name + " already exists in stack " + thing.Stack
		}
		return fmt.Sprintf("Resource of type '%s' with identifier '%s' already exists.", typ, name)
	}
	return ""
}

// beside says whether a thing is where properties would put a new one: names
// have to differ only among the children of one parent.
func (t *resourceType) beside(thing *Thing, p map[string]any) bool {
	return len(t.ID) == 1 || !slices.ContainsFunc(t.ID, func(k string) bool {
		return p[k] != nil && thing.Properties[k] != nil && p[k] != thing.Properties[k]
	})
}

// create makes a thing for a stack's resource.
func (r *region) create(w *world, s *stack, logical, typ string, p map[string]any, at time.Time) *Thing {
	t := typeOf(typ)
	id, ref, attributes := t.physical(w, r, s.Name, logical, p)
	thing := &Thing{Type: typ, ID: id, Physical: ref, Properties: copied(p), Attributes: attributes, Stack: s.ID, Logical: logical}
	r.Things[key(typ, id)] = thing
	r.appear(w, thing, at)
	return thing
}

// stuck says why a thing can't be deleted.
func (r *region) stuck(w *world, thing *Thing) string {
	handler := func(service, text string) string {
		return fmt.Sprintf("Resource handler returned message: %q (RequestToken: 00000000-0000-0000-0000-000000000000, HandlerErrorCode: %s)", text, service)
	}
	b := w.Buckets[thing.ID]
	switch {
	case thing.Type == "AWS::S3::Bucket" && (thing.Full || b != nil && len(b.Objects) > 0):
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
