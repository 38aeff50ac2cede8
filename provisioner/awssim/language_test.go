package awssim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"baryon/provisioner/awssim"
)

// extended begins a template with the language extensions.
const extended = "Transform: AWS::LanguageExtensions\n"

// TestLanguage works out values of templates. Sources: TR
// intrinsic-function-reference-*, transform-aws-languageextensions; UG
// rules-section-structure. The texts of the extensions are quoted in issues;
// that of a broken rule is ours, with the rule's own words in it.
func TestLanguage(t *testing.T) {
	t.Parallel()
	topic := func(v string) string {
		return "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: " + v + "}}}\n"
	}
	loop := "Parameters: {Names: {Type: CommaDelimitedList, Default: 'one,two-b'}}\nResources:\n" +
		"  Fn::ForEach::Topics:\n    - Name\n    - !Ref Names\n    - 'T&{Name}': {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${Name} of ${AWS::Region}', TopicName: !Ref Name}}\n"
	rule := "Parameters: {Stage: {Type: String, Default: dev}, Size: {Type: String, Default: small}, All: {Type: CommaDelimitedList, Default: 'a,b'}}\n" +
		"Rules:\n  Large:\n    RuleCondition: !Equals [!Ref Stage, prod]\n" +
		"    Assertions:\n      - {Assert: {'Fn::Contains': [[large, huge], !Ref Size]}, AssertDescription: production is large}\n" +
		"      - {Assert: {'Fn::EachMemberIn': [!Ref All, [a, b, c]]}, AssertDescription: only a to c}\n" + one
	for name, tt := range map[string]struct {
		template   string
		parameters map[string]string
		want       map[string]string // display names by topic
		refused    string            // at once
		late       string            // in the events
	}{
		"a loop over a parameter": {template: extended + loop, want: map[string]string{"Tone": "one of eu-west-1", "Ttwob": "two-b of eu-west-1"}},
		"over what is given":      {template: extended + loop, parameters: map[string]string{"Names": "x"}, want: map[string]string{"Tx": "x of eu-west-1"}},
		"a loop in a loop": {
			template: extended + "Resources:\n  Fn::ForEach::A:\n    - X\n    - [a, b]\n    - Fn::ForEach::B:\n        - Y\n        - ['1', '2']\n" +
				"        - 'T${X}${Y}': {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${X}${Y}'}}\n",
			want: map[string]string{"Ta1": "a1", "Ta2": "a2", "Tb1": "b1", "Tb2": "b2"},
		},
		"a loop in outputs, by attribute": {
			template: extended + "Resources:\n  Ta: {Type: AWS::SNS::Topic, Properties: {DisplayName: a}}\nOutputs:\n  Fn::ForEach::O:\n    - X\n    - [a]\n" +
				"    - 'O${X}': {Value: !GetAtt [!Sub 'T${X}', TopicName]}\n",
			want: map[string]string{"Ta": "a"},
		},
		"a loop without the transform":   {template: "Resources:\n  Fn::ForEach::A: [X, [a], {'T${X}': {Type: AWS::SNS::Topic}}]\n", refused: "[/Resources/Fn::ForEach::A] resource definition is malformed"},
		"a loop over text":               {template: extended + "Resources:\n  Fn::ForEach::A: [X, a, {'T${X}': {Type: AWS::SNS::Topic}}]\n", late: "Transform AWS::LanguageExtensions failed with: Fn::ForEach layout is incorrect. Rollback requested by user."},
		"a loop over a resource":         {template: extended + "Resources:\n  B: {Type: AWS::SNS::Topic}\n  Fn::ForEach::A: [X, !Ref B, {'T${X}': {Type: AWS::SNS::Topic}}]\n", late: "Could not find a collection or could not be resolved for Fn::ForEach"},
		"a loop that makes a name twice": {template: extended + "Resources:\n  Fn::ForEach::A: [X, [a, a], {'T${X}': {Type: AWS::SNS::Topic}}]\n", late: "Duplicate key Ta"},
		"length and JSON": {
			template: extended + topic(`!Join ['', [{'Fn::Length': [a, b, c]}, ' ', {'Fn::ToJsonString': {a: [b, !Ref 'AWS::Region']}}]]`),
			want:     map[string]string{"A": `3 {"a":["b","eu-west-1"]}`},
		},
		"a length of text": {template: extended + topic("{'Fn::Length': abc}"), late: "The Fn::Length value could not be resolved for properties"},
		"a default of a mapping": {
			template: extended + "Mappings: {M: {a: {b: c}}}\n" + topic("!FindInMap [M, x, y, {DefaultValue: d}]"),
			want:     map[string]string{"A": "d"},
		},
		"a default of a mapping without the transform": {template: "Mappings: {M: {a: {b: c}}}\n" + topic("!FindInMap [M, x, y, {DefaultValue: d}]"), refused: "every Fn::FindInMap object requires three parameters"},
		"a function in a mapping's key":                {template: "Mappings: {M: {a: {b: c}}}\n" + topic("!FindInMap [M, !Sub a, b]"), refused: "Fn::FindInMap takes Ref and Fn::FindInMap, not Fn::Sub"},
		"and with the transform":                       {template: extended + "Mappings: {M: {a: {b: c}}}\n" + topic("!FindInMap [M, !Sub a, b]"), want: map[string]string{"A": "c"}},
		"a policy by a parameter": {
			template: extended + "Parameters: {P: {Type: String, Default: Retain}}\nResources: {A: {Type: AWS::SNS::Topic, DeletionPolicy: !Ref P, Properties: {DisplayName: kept}}}\n",
			want:     map[string]string{"A": "kept"},
		},
		"a transform of one's own": {template: "Transform: Mine\n" + one, late: "Transform Mine failed with:"},
		"another's function":       {template: topic("{'Fn::GetStackOutput': {StackName: s, OutputName: o}}"), refused: "Encountered unsupported function: Fn::GetStackOutput"},
		"a file that is included": {
			template: topic("a") + "  \nOutputs:\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: 's3://files/outputs.yaml'}}\n",
			want:     map[string]string{"A": "a"},
		},
		"properties of a file": {
			template: "Resources: {A: {Type: AWS::SNS::Topic, Properties: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub 's3://files/${AWS::Region}.json'}}}}}",
			want:     map[string]string{"A": "of a file"},
		},
		"a file of no bucket": {
			template: "Resources: {A: {Type: AWS::SNS::Topic, Properties: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: 's3://doesnotexist/x'}}}}}",
			late:     "Transform AWS::Include failed with: S3 bucket [doesnotexist] does not exist.",
		},
		"a rule that does not apply":     {template: rule, want: map[string]string{"A": ""}},
		"a rule that is kept":            {template: rule, parameters: map[string]string{"Stage": "prod", "Size": "large"}, want: map[string]string{"A": ""}},
		"a rule that is broken":          {template: rule, parameters: map[string]string{"Stage": "prod"}, refused: "Rule 'Large' is not satisfied: production is large"},
		"two assertions that are broken": {template: rule, parameters: map[string]string{"Stage": "prod", "All": "a,z"}, refused: "production is large; only a to c"},
		"a rule without assertions":      {template: "Rules: {R: {}}\n" + one, refused: "Rule R must contain Assertions"},
		"a rule about a resource":        {template: "Rules: {R: {Assertions: [{Assert: !Equals [!Ref A, b]}]}}\n" + one, refused: "Unresolved dependencies [A]. Cannot reference resources in the Rules block"},
		"a rule with Sub":                {template: "Rules: {R: {Assertions: [{Assert: !Equals [!Sub a, b]}]}}\n" + one, refused: "Fn::Sub is not a function of rules"},
		"a rule over all of a type": {
			template: "Parameters: {X: {Type: String, Default: a}, Y: {Type: String, Default: b}}\nRules: {R: {Assertions: [{Assert: {'Fn::EachMemberEquals': [{'Fn::RefAll': String}, a]}, AssertDescription: all are a}]}}\n" + one,
			refused:  "all are a",
		},
		"zones of another region":         {template: topic("!Join [',', !GetAZs us-east-1]"), want: map[string]string{"A": "us-east-1a,us-east-1b,us-east-1c"}},
		"addresses of version six":        {template: topic("!Select [1, !Cidr ['2001:db8::/56', 2, 64]]"), want: map[string]string{"A": "2001:db8:0:1::/64"}},
		"more addresses than fit":         {template: topic("!Select [0, !Cidr [10.0.0.0/24, 3, 7]]"), late: "cannot be cut into 3 blocks"},
		"a nested condition":              {template: "Conditions: {X: !Equals [a, a], Y: !Not [!Condition X], Z: !Or [!Condition Y, !And [!Condition X, !Equals [b, b]]]}\n" + topic("!If [Z, yes, !Ref AWS::NoValue]"), want: map[string]string{"A": "true"}},
		"a value taken away":              {template: "Conditions: {X: !Equals [a, b]}\n" + topic("!If [X, yes, !Ref AWS::NoValue]"), want: map[string]string{"A": ""}},
		"a name that Sub can't hold":      {template: topic("!Sub '${A:-b}'"), refused: "variable names in Fn::Sub syntax must contain only alphanumeric characters"},
		"a list in what Sub is told":      {template: topic("!Sub ['${A}', {A: [b]}]"), refused: "every value of the context object of every Fn::Sub object must be a string"},
		"an import in a condition":        {template: "Conditions: {X: !Equals [{'Fn::ImportValue': a}, b]}\n" + one, refused: "Cannot use Fn::ImportValue in Conditions"},
		"a name too long":                 {template: "Resources: {A" + strings.Repeat("a", 255) + ": {Type: AWS::SNS::Topic}}\n", refused: "is longer than 255 characters"},
		"aliases that unfold without end": {template: "Metadata:\n" + bomb(12) + one, refused: "unsupported structure"},
		"a mapping with too much":         {template: "Mappings: {M: {a: {" + manyKeys(201) + "}}}\n" + one, refused: "Number of attributes of mapping M, 201, is greater than maximum allowed, 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, awssim.Config{})
			w.Bucket("111111111111", "eu-west-1", "files")
			w.Put("files", "outputs.yaml", "O: {Value: !GetAtt A.TopicName}\n")
			w.Put("files", "eu-west-1.json", `{"DisplayName": "of a file"}`)
			in := &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: &tt.template, Capabilities: all}
			for k, v := range tt.parameters {
				in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &k, ParameterValue: &v})
			}
			_, err := w.cfn.CreateStack(t.Context(), in)
			if tt.refused != "" {
				says(t, err, "ValidationError", tt.refused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s, events := w.rest("s"), strings.Join(w.events("s"), "\n")
			if tt.late != "" {
				if s.StackStatus != types.StackStatusRollbackComplete || !strings.Contains(events, tt.late) {
					t.Errorf("%s, events:\n%s\nwant %s", s.StackStatus, events, tt.late)
				}
				return
			}
			if s.StackStatus != types.StackStatusCreateComplete {
				t.Fatalf("%s:\n%s", s.StackStatus, events)
			}
			got := map[string]string{}
			for logical := range tt.want {
				w.live("s", logical, func(thing *awssim.Thing) { got[logical], _ = thing.Properties["DisplayName"].(string) })
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, o := range s.Outputs {
				if aws.ToString(o.OutputValue) == "" {
					t.Errorf("output %s is empty", *o.OutputKey)
				}
			}
		})
	}
}

// bomb are lines in which each holds the one before ten times.
func bomb(n int) string {
	out := "  a0: &a0 [x]\n"
	for i := 1; i <= n; i++ {
		out += fmt.Sprintf("  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return out
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("k" + strings.Repeat("x", i/10) + string(rune('0'+i%10)) + ": v, ")
	}
	return b.String()
}

// A change set whose transform fails is made, and fails.
func TestTransformOfAChangeSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	c := w.propose("s", "c", "Transform: Mine\n"+one, creating)
	if c.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(aws.ToString(c.StatusReason), "Transform Mine failed with:") {
		t.Errorf("%s %s", c.Status, aws.ToString(c.StatusReason))
	}
}
