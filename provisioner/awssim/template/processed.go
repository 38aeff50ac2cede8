package template

import (
	"encoding/json"
	"maps"
)

// Processed is the template as JSON, after its transforms.
func (t *Template) Processed() string {
	out := maps.Clone(t.plain)
	put := func(in map[string]any, k string, v any) {
		switch v := v.(type) {
		case nil:
		case string:
			if v != "" {
				in[k] = v
			}
		case []string:
			if len(v) > 0 {
				in[k] = v
			}
		case map[string]any:
			if len(v) > 0 {
				in[k] = v
			}
		default:
			in[k] = v
		}
	}
	put(out, "Conditions", t.Conditions)
	resources := map[string]any{}
	for _, r := range t.Resources {
		one := map[string]any{"Type": r.Type}
		for k, v := range map[string]any{
			"Properties": r.Properties, "Metadata": r.Metadata, "DependsOn": r.DependsOn, "Condition": r.Condition, "DeletionPolicy": r.DeletionPolicy,
			"UpdateReplacePolicy": r.UpdateReplacePolicy, "CreationPolicy": r.CreationPolicy, "UpdatePolicy": r.UpdatePolicy,
		} {
			put(one, k, v)
		}
		resources[r.ID] = one
	}
	out["Resources"] = resources
	outputs := map[string]any{}
	for _, o := range t.Outputs {
		one := map[string]any{"Value": o.Value}
		put(one, "Description", o.Description)
		put(one, "Condition", o.Condition)
		if o.Export != nil {
			one["Export"] = map[string]any{"Name": o.Export}
		}
		outputs[o.Key] = one
	}
	put(out, "Outputs", outputs)
	b, err := json.Marshal(out)
	if err != nil {
		return err.Error() // text, lists and maps can be written
	}
	return string(b)
}
