package template_test

import (
	"encoding/json"
	"slices"
	"testing"

	"baryon/provisioner/awssim/template"
)

// TestAnyArgument gives every function every kind of argument, alone and in
// pairs: it is refused, or gives what such a function gives. Nothing panics.
func TestAnyArgument(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("thousands of templates are left out of short runs")
	}
	call := func(name string, arg any) any { return map[string]any{name: arg} }
	values := []any{
		"x", "1", []any{"a", "b"}, []any{}, []any{[]any{"a"}}, map[string]any{"k": "v"}, call("Ref", "P"), call("Ref", "L"), call("Fn::GetAtt", []any{"B", "List"}),
		call("Fn::GetAtt", []any{"B", "X"}), call("Fn::If", []any{"C", "a", []any{"b"}}), call("Ref", "AWS::NoValue"), call("Fn::GetAZs", ""),
	}
	lists := []string{"Fn::Split", "Fn::GetAZs", "Fn::Cidr"}
	texts := []string{"Fn::Join", "Fn::Base64", "Fn::Sub", "Fn::ImportValue", "Fn::Length", "Fn::ToJsonString"}
	others := []string{"Ref", "Fn::GetAtt", "Fn::FindInMap", "Fn::Select", "Fn::Equals", "Fn::If", "Fn::Not", "Condition", "Fn::And", "Fn::Or", "Fn::ForEach::X", "Fn::Transform", "Fn::Contains"}
	for _, name := range slices.Concat(lists, texts, others) {
		for _, a := range values {
			args := []any{a}
			for _, b := range values {
				if args = append(args, []any{a, b}); slices.Contains([]string{"Fn::If", "Fn::FindInMap", "Fn::Cidr", "Fn::ForEach::X"}, name) {
					args = append(args, []any{a, b, "x"})
				}
			}
			for _, arg := range args {
				got, ok := value(t, name, arg)
				if !ok {
					continue
				}
				_, text := got.(string)
				_, list := got.([]any)
				if slices.Contains(texts, name) && !text || slices.Contains(lists, name) && !list {
					t.Errorf("%s of %v gives %#v", name, arg, got)
				}
			}
		}
	}
}

// value is what a function gives as a property, if it is not refused there nor
// as a policy nor in a condition.
func value(t *testing.T, name string, arg any) (got any, ok bool) {
	t.Helper()
	body := func(a, conditions map[string]any) string {
		conditions["C"] = map[string]any{"Fn::Equals": []any{"a", "b"}}
		text, err := json.Marshal(map[string]any{
			"Transform":  "AWS::LanguageExtensions",
			"Parameters": map[string]any{"P": map[string]any{"Type": "String", "Default": "p"}, "L": map[string]any{"Type": "CommaDelimitedList", "Default": "a,b"}},
			"Mappings":   map[string]any{"x": map[string]any{"x": map[string]any{"x": "y"}}},
			"Conditions": conditions, "Resources": map[string]any{"A": a, "B": map[string]any{"Type": "T"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	call := map[string]any{name: arg}
	work := func(body string) (any, bool) {
		tm, err := template.Parse(body, template.Given{})
		if err != nil {
			return nil, false
		}
		sc := &template.Scope{
			Template: tm, Parameters: tm.Values(nil),
			Attribute: func(_, attr string) (any, error) {
				if attr == "List" {
					return []any{"x"}, nil
				}
				return "attribute", nil
			},
			Import: func(string) (string, error) { return "imported", nil },
			Zones:  func(string) []string { return []string{"zone"} },
		}
		if sc.Decide() != nil || tm.Unresolved(sc.Conditions) != nil {
			return nil, false
		}
		out, err := sc.Eval(tm.Resource("A").Properties)
		m, _ := out.(map[string]any)
		return m["V"], err == nil && m["V"] != nil
	}
	_, _ = work(body(map[string]any{"Type": "T", "DeletionPolicy": call}, map[string]any{}))
	_, _ = work(body(map[string]any{"Type": "T"}, map[string]any{"D": call}))
	return work(body(map[string]any{"Type": "T", "Properties": map[string]any{"V": call}}, map[string]any{}))
}
