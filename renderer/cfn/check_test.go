package cfn_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/renderer/cfn"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const bucket = "Resources:\n  A: {Type: AWS::S3::Bucket}\n"
	for name, tt := range map[string]struct{ text, want string }{
		"nothing is wrong":            {bucket, ""},
		"a section misspelt":          {bucket + "Output: {}\n", `3:1: a CloudFormation template has no such key, got "Output"`},
		"no resources":                {"Description: x\n", "1:1: a CloudFormation template needs Resources"},
		"empty resources":             {"Resources: {}\n", "1:12: a CloudFormation template needs at least one resource"},
		"another format":              {"AWSTemplateFormatVersion: 2010-09-10\n" + bucket, "1:27: there is one version of the template format"},
		"a name with a hyphen":        {"Resources:\n  my-a: {Type: AWS::S3::Bucket}\n", "2:3: the name of a resource holds letters and digits only"},
		"no type":                     {"Resources:\n  A: {}\n", "2:3: a resource needs a Type"},
		"a type of no form":           {"Resources:\n  A: {Type: S3}\n", "2:13: this is not the name of a resource type"},
		"a key of a resource":         {"Resources:\n  A: {Type: AWS::S3::Bucket, Propertys: {}}\n", "2:30: a resource has no such key"},
		"a policy":                    {"Resources:\n  A: {Type: AWS::S3::Bucket, DeletionPolicy: Keep}\n", "2:46: DeletionPolicy has no such value"},
		"a reference":                 {bucket + "Outputs: {O: {Value: !Ref B}}\n", `3:22: Ref names nothing of this template, got "B"`},
		"a reference, long":           {bucket + "Outputs: {O: {Value: {Ref: B}}}\n", `3:22: Ref names nothing of this template, got "B"`},
		"a pseudo parameter":          {bucket + "Outputs: {O: {Value: !Ref 'AWS::Regoin'}}\n", "3:22: there is no such pseudo parameter"},
		"an attribute":                {bucket + "Outputs: {O: {Value: !GetAtt B.Arn}}\n", `3:22: Fn::GetAtt names a resource that does not exist, got "B"`},
		"an attribute, long":          {bucket + "Outputs: {O: {Value: {'Fn::GetAtt': [B, Arn]}}}\n", `3:22: Fn::GetAtt names a resource`},
		"an attribute of no form":     {bucket + "Outputs: {O: {Value: !GetAtt A}}\n", "3:22: Fn::GetAtt takes a resource and an attribute"},
		"a nested attribute":          {bucket + "Outputs: {O: {Value: !GetAtt A.Outputs.X}}\n", ""},
		"substitution":                {bucket + "Outputs: {O: {Value: !Sub 'x-${B}'}}\n", `3:22: Fn::Sub names nothing of this template, got "B"`},
		"substitution of attributes":  {bucket + "Outputs: {O: {Value: !Sub '${A.Arn}/${B.Arn}'}}\n", `3:22: Fn::Sub names a resource that does not exist, got "B"`},
		"substitution with names":     {bucket + "Outputs: {O: {Value: !Sub ['${B}${!C}${AWS::Region}', {B: !Ref A}]}}\n", ""},
		"depends on nothing":          {"Resources:\n  A: {Type: AWS::S3::Bucket, DependsOn: [B]}\n", `2:42: DependsOn names a resource that does not exist, got "B"`},
		"a circle":                    {"Resources:\n  A: {Type: AWS::SNS::Topic, Properties: {X: !Ref B}}\n  B: {Type: AWS::SNS::Topic, DependsOn: A}\n", "2:3: these resources wait for each other, got A → B → A"},
		"waits for itself":            {"Resources:\n  A: {Type: AWS::SNS::Topic, Properties: {X: !GetAtt A.Arn}}\n", "2:3: these resources wait for each other, got A → A"},
		"a condition":                 {"Resources:\n  A: {Type: AWS::SNS::Topic, Condition: Prod}\n", `2:41: the condition does not exist, got "Prod"`},
		"a condition of If":           {bucket + "Outputs: {O: {Value: !If [Prod, a, b]}}\n", `3:27: the condition does not exist, got "Prod"`},
		"If with two":                 {bucket + "Outputs: {O: {Value: !If [Prod, a]}}\n", "3:22: Fn::If takes a condition and two values"},
		"Equals outside":              {bucket + "Outputs: {O: {Value: !Equals [a, b]}}\n", "3:22: Fn::Equals may stand in Conditions only"},
		"a condition on a resource":   {bucket + "Conditions: {C: !Equals [!Ref A, x]}\n", "3:26: a condition cannot refer to a resource"},
		"conditions of conditions":    {bucket + "Conditions: {C: !Equals [a, b], D: !Not [!Condition C], E: !And [{Condition: C}, {Condition: F}]}\n", `3:94: the condition does not exist, got "F"`},
		"a mapping":                   {bucket + "Outputs: {O: {Value: !FindInMap [M, a, b]}}\n", `3:34: Fn::FindInMap names a mapping that does not exist`},
		"a key of a mapping":          {bucket + "Mappings: {M: {a: {b: c}}}\nOutputs: {O: {Value: !FindInMap [M, x, b]}}\n", `4:37: the mapping M has no such key, got "x"`},
		"a second key of a mapping":   {bucket + "Mappings: {M: {a: {b: c}}}\nOutputs: {O: {Value: !FindInMap [M, a, x]}}\n", `4:40: the mapping M has no such key below a, got "x"`},
		"a flat mapping":              {bucket + "Mappings: {M: {a: b}}\n", "3:19: a mapping has two levels of keys"},
		"a function misspelt":         {bucket + "Outputs: {O: {Value: !Sbu x}}\n", `3:22: there is no such function, got "Fn::Sbu" (did you mean "Fn::Sub"?)`},
		"Join of one":                 {bucket + "Outputs: {O: {Value: !Join [',']}}\n", "3:22: Fn::Join takes a list of another length"},
		"an output without a value":   {bucket + "Outputs: {O: {Description: x}}\n", "3:11: an output needs a Value"},
		"an empty value":              {"Resources:\n  A: {Type: AWS::SNS::Topic, Properties: {X: }}\n", "2:"},
		"a parameter without default": {bucket + "Parameters: {P: {Type: String}}\n", "3:14: the parameter P has no default"},
		"a parameter":                 {bucket + "Parameters: {P: {Type: String, Default: x}}\nOutputs: {O: {Value: !Ref P}}\n", ""},
		"what SAM generates":          {"Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function}\nOutputs: {O: {Value: !GetAtt FRole.Arn}}\n", ""},
		"what macros generate":        {"Transform: [Mine]\n" + bucket + "Outputs: {O: {Value: !GetAtt Z.Arn}}\n", ""},
		"loops":                       {"Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Topics: [I, [a, b], {'T${I}': {Type: AWS::SNS::Topic}}]\nOutputs: {O: {Value: !Ref Ta}}\n", ""},
		"JSON":                        {"{\"Resources\": {\"A\": {\"Type\": \"AWS::SNS::Topic\", \"DependsOn\": \"B\"}}}", `1:62: DependsOn names`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parsed, problems := cfn.Parse("", []byte(tt.text))
			if problems.Failed() {
				t.Fatal(problems)
			}
			var got []string
			for _, p := range parsed.Check() {
				p.File = "f"
				got = append(got, strings.TrimPrefix(p.String(), "f:"))
			}
			want := tt.want
			if len(got) == 1 && want != "" && strings.HasPrefix(got[0], want) {
				return
			}
			if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
