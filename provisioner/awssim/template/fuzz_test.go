package template_test

import (
	"errors"
	"testing"

	"baryon/provisioner/awssim/template"
)

// FuzzTemplate reads whatever it is given and works out all of its values: there
// may be an error, and no panic and no endless loop.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{
		"Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${AWS::Region}-${P}'}}}\nParameters: {P: {Type: CommaDelimitedList, Default: 'a,b'}}\n",
		`{"Resources": {"A": {"Type": "T", "Properties": {"V": {"Fn::Join": [",", {"Ref": "P"}]}}}}, "Parameters": {"P": {"Type": "String", "Default": "x"}}}`,
		"Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L: [X, [a, b], {'T${X}': {Type: T, Properties: {N: !Ref X}}}]\n",
		"Conditions: {C: !And [!Equals [a, b], !Not [!Condition D]], D: !Equals [c, c]}\nResources: {A: {Type: T, Condition: C, Properties: {V: !If [D, !Ref AWS::NoValue, !GetAZs '']}}}\n",
		"Mappings: {M: {a: {b: [c, d]}}}\nResources: {A: {Type: T, Properties: {V: !Select [0, !FindInMap [M, a, b]], W: !Cidr [10.0.0.0/16, 4, 8], X: !Base64 x, Y: !Split [',', 'a,b']}}}\n",
		"Rules: {R: {RuleCondition: !Equals [a, b], Assertions: [{Assert: {'Fn::Contains': [[a], !Ref P]}, AssertDescription: d}]}}\nParameters: {P: {Type: String, Default: a}}\nResources: {A: {Type: T}}\n",
		"Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {Runtime: x}}\nResources: {F: {Type: AWS::Serverless::Function, Properties: {InlineCode: x, Events: {E: {Type: Api, Properties: {Path: /}}}}}}\n",
		"Resources: {A: {Type: T, Properties: {V: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: 's3://a/b'}}}}}}\n",
		"a: &a [x, x]\nb: &b [*a, *a]\nResources: {A: {Type: T, Properties: {V: *b}}}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		tm, err := template.Parse(body, template.Given{
			Pseudo:  map[string]any{"AWS::Region": "eu-west-1"},
			Include: func(string) (string, string) { return "a: b", "" },
		})
		if err != nil {
			return
		}
		sc := &template.Scope{
			Template: tm, Parameters: tm.Values(nil),
			Attribute: func(_, attr string) (any, error) {
				if attr == "List" {
					return []any{"x"}, nil
				}
				return template.Unknown, nil
			},
			Import: func(string) (string, error) { return "", errors.New("none") },
			Zones:  func(string) []string { return []string{"a"} },
		}
		sc.Parameters["AWS::Region"] = "eu-west-1"
		if sc.Decide() != nil || sc.Obey(func(string, string) string { return "" }) != nil || tm.Unresolved(sc.Conditions) != nil {
			return
		}
		for _, r := range tm.Resources {
			_, _ = sc.Eval(r.Properties)
			_, _ = sc.Eval(r.CreationPolicy)
			_ = template.Uses(r.Properties, sc.Conditions)
			_ = template.Attributes(r.Properties)
		}
		for _, o := range tm.Outputs {
			_, _ = sc.Eval(o.Value)
			_, _ = sc.Eval(o.Export)
		}
		template.Order(tm.Edges(sc.Conditions))
		_ = tm.Processed()
	})
}
