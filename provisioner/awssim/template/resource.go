package template

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resourceKeys are the keys of a resource.
var resourceKeys = []string{
	"Type", "Properties", "Metadata", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy", "UpdatePolicy",
}

func (t *Template) resources(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return refuse("Template format error: At least one Resources member must be defined.")
	}
	all, err := t.entries(n, "Resources")
	if err != nil {
		return err
	}
	for _, e := range all {
		m, ok := e.value.(map[string]any)
		switch {
		case !ok:
			return refuse("Template format error: Any Resources member must be an object.")
		case !alphanumeric.MatchString(e.key):
			return refuse("Template format error: Resource name %s is non alphanumeric.", e.key)
		case len(e.key) > maxName:
			return refuse("Template format error: Resource name %s is longer than %d characters.", e.key, maxName)
		}
		if t.extended() { // policies may be worked out with these
			for _, k := range []string{"DeletionPolicy", "UpdateReplacePolicy", "Condition"} {
				if _, call := m[k].(map[string]any); call {
					if m[k], err = t.early(m[k]); err != nil {
						return t.failed(extensions, "the value of "+k+" in "+e.key+" cannot be resolved: "+err.Error())
					}
				}
			}
		}
		r, err := resource(e.key, m)
		if err != nil {
			return err
		}
		t.Resources = append(t.Resources, r)
	}
	return nil
}

// resource reads one resource's keys.
func resource(id string, m map[string]any) (*Resource, error) {
	r := &Resource{ID: id, Metadata: m["Metadata"], CreationPolicy: m["CreationPolicy"], UpdatePolicy: m["UpdatePolicy"]}
	var ok bool
	if r.Type, ok = m["Type"].(string); !ok || r.Type == "" {
		return nil, refuse("Template format error: [/Resources/%s] Every Resources object must contain a Type member.", id)
	}
	for k := range m {
		// The serverless transform drops the keys that it does not know.
		if !slices.Contains(resourceKeys, k) && !strings.HasPrefix(r.Type, "AWS::Serverless::") {
			return nil, refuse("Invalid template resource property '%s'", k)
		}
	}
	if r.Condition, ok = m["Condition"].(string); !ok && m["Condition"] != nil {
		return nil, refuse("Template format error: Every Condition member must be a string.")
	}
	r.Properties = map[string]any{}
	if p, given := m["Properties"]; given {
		if r.Properties, ok = p.(map[string]any); !ok {
			return nil, refuse("Template format error: [/Resources/%s/Properties] Every Properties member must be an object.", id)
		}
	}
	switch d := m["DependsOn"].(type) {
	case string:
		r.DependsOn = []string{d}
	case []any:
		for _, item := range d {
			name, ok := item.(string)
			if !ok {
				return nil, refuse("Template format error: DependsOn must be a string or list of strings.")
			}
			r.DependsOn = append(r.DependsOn, name)
		}
	case nil:
	default:
		return nil, refuse("Template format error: DependsOn must be a string or list of strings.")
	}
	err := checkPolicy(r, "CreationPolicy", r.CreationPolicy)
	if err == nil {
		err = checkPolicy(r, "UpdatePolicy", r.UpdatePolicy)
	}
	if err != nil {
		return nil, err
	}
	if r.DeletionPolicy, err = policy(m, "DeletionPolicy", []string{"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}); err != nil {
		return nil, err
	}
	r.UpdateReplacePolicy, err = policy(m, "UpdateReplacePolicy", []string{"Delete", "Retain", "Snapshot"})
	return r, err
}

func policy(m map[string]any, key string, allowed []string) (string, error) {
	v, given := m[key]
	if !given {
		return "", nil
	}
	s, ok := v.(string)
	switch {
	case !ok:
		return "", refuse("Template format error: Every %s member must be a string.", key)
	case !slices.Contains(allowed, s):
		return "", refuse("Template format error: Unrecognized %s %s for resource.", key, s)
	}
	return s, nil
}
