package cfn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/renderer/cfn"
)

func parsed(t *testing.T, text string) *cfn.Template {
	t.Helper()
	if text == "" {
		return nil
	}
	out, problems := cfn.Parse("", []byte(text))
	if problems.Failed() {
		t.Fatal(problems)
	}
	return out
}

func TestDiff(t *testing.T) {
	t.Parallel()
	const topic = "Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: a, DisplayName: x}}}\n"
	for name, tt := range map[string]struct{ before, after, want string }{
		"the same in another form": {
			"Resources: {A: {Type: AWS::SNS::Topic, Properties: {X: !GetAtt B.Arn, Y: [!Ref C, !Sub '${D}']}}}\n",
			"Resources:\n  A:\n    Properties:\n      Y:\n      - Ref: C\n      - Fn::Sub: ${D}\n      X: {'Fn::GetAtt': [B, Arn]}\n    Type: AWS::SNS::Topic\n", "",
		},
		"everything is new":   {"", topic, "add Resources T AWS::SNS::Topic"},
		"everything goes":     {topic, "", "remove Resources T AWS::SNS::Topic"},
		"changed in place":    {topic, strings.ReplaceAll(topic, "DisplayName: x", "DisplayName: y"), "change Resources T AWS::SNS::Topic\n  Properties.DisplayName: x → y"},
		"replaced":            {topic, strings.ReplaceAll(topic, "TopicName: a", "TopicName: b"), "replace Resources T AWS::SNS::Topic\n  Properties.TopicName: a → b replace"},
		"a property is gone":  {topic, strings.ReplaceAll(topic, "TopicName: a, ", ""), "replace Resources T AWS::SNS::Topic\n  Properties.TopicName: a →  replace"},
		"all properties gone": {topic, "Resources: {T: {Type: AWS::SNS::Topic}}\n", "replace Resources T AWS::SNS::Topic\n  Properties.TopicName: a →  replace\n  Properties.DisplayName: x → "},
		"another type":        {topic, strings.ReplaceAll(topic, "SNS::Topic", "SQS::Queue"), "replace Resources T AWS::SQS::Queue because CloudFormation refuses to change the type of a resource: give the new one another name\n  Type: AWS::SNS::Topic → AWS::SQS::Queue"},
		"an item more":        {"Resources: {T: {Type: X::Y::Z, Properties: {L: [a, b]}}}\n", "Resources: {T: {Type: X::Y::Z, Properties: {L: [a, c, b]}}}\n", "change Resources T X::Y::Z\n  Properties.L[1]:  → c"},
		"an output":           {topic, topic + "Outputs: {O: {Value: !Ref T}}\n", "add Outputs O "},
		"a description":       {topic, topic + "Description: hello\n", "change Description  \n  Description:  → hello"},
		"replacement goes on": {
			"Resources:\n  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n  S: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref V}}\n  R: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !GetAtt S.SubnetId}}\n",
			"Resources:\n  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.1.0.0/16}}\n  S: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref V}}\n  R: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !GetAtt S.SubnetId}}\n",
			"replace Resources V AWS::EC2::VPC\n  Properties.CidrBlock: 10.0.0.0/16 → 10.1.0.0/16 replace\n" +
				"replace Resources S AWS::EC2::Subnet because Properties.VpcId refers to V, which is replaced\n" +
				"replace Resources R AWS::EC2::SubnetRouteTableAssociation because Properties.SubnetId refers to S, which is replaced",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines []string
			for _, c := range cfn.Diff(parsed(t, tt.before), parsed(t, tt.after)) {
				line := fmt.Sprintf("%s %s %s %s", c.Action, c.Section, c.Name, c.Type)
				if c.Why != "" {
					line += " because " + c.Why
				}
				lines = append(lines, line)
				for _, p := range c.Properties {
					lines = append(lines, strings.TrimSuffix(fmt.Sprintf("  %s: %s → %s %s", p.Path, p.Before, p.After, p.Replaces), " "))
				}
			}
			want := tt.want
			if diff := cmp.Diff(want, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}
