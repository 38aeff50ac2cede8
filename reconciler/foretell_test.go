package reconciler

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"baryon/reconciler/policy"
	"baryon/state"
)

func TestForetold(t *testing.T) {
	stack := func(text string) *artifact {
		return &artifact{files: fstest.MapFS{"cloudformation.yaml": {Data: []byte("Resources:\n" + text)}}}
	}
	code := func(text string) *artifact { return &artifact{files: fstest.MapFS{"main.tf": {Data: []byte(text)}}} }
	const table = "  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: a, KeySchema: [{AttributeName: id, KeyType: HASH}]}}\n"
	const topic = "  Topic: {Type: AWS::SNS::Topic}\n"
	rule := policy.Rule{
		Name: "data", Place: "baryon.yaml:3", NeverDelete: []string{"AWS::DynamoDB::*", "aws_db_*"}, Removals: policy.Limit{Set: true, Most: 50, Percent: true}, Persons: []string{"ada"},
	}
	for name, tt := range map[string]struct {
		engine        string
		before, after *artifact
		want          []string
	}{
		"nothing":  {"cloudformation", stack(table + topic), stack(table + topic), nil},
		"deleted":  {"cloudformation", stack(table + topic), stack(topic), []string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be deleted; it will wait for ada"}},
		"retained": {"cloudformation", stack("  Table: {Type: AWS::DynamoDB::Table, DeletionPolicy: Retain}\n" + topic), stack(topic), nil},
		"replaced": {"cloudformation", stack(table + topic), stack("  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: b, KeySchema: [{AttributeName: id, KeyType: HASH}]}}\n" + topic),
			[]string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be replaced, because of TableName; it will wait for ada"}},
		"replaced perhaps": {"cloudformation", stack(table + topic), stack("  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: a, KeySchema: [{AttributeName: no, KeyType: HASH}]}}\n" + topic),
			[]string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) may be replaced, because of KeySchema[0].AttributeName; it will wait for ada"}},
		"too much": {"cloudformation", stack(topic), stack("  Other: {Type: AWS::SNS::Topic}\n"),
			[]string{"data (baryon.yaml:3): the plan removes 1 resource(s), and 50% of 1, which is 0, are allowed without a person; it will wait for ada"}},
		"code":       {"terraform", code("resource \"aws_db_instance\" \"a\" {}\nresource \"x\" \"y\" {}\nresource \"x\" \"z\" {}\n"), code("resource \"x\" \"y\" {}\nresource \"x\" \"z\" {}\n"), []string{"data (baryon.yaml:3): aws_db_instance.a would be deleted; it will wait for ada"}},
		"moved code": {"terraform", code("resource \"aws_db_instance\" \"a\" {}\n"), code("resource \"aws_db_instance\" \"b\" {}\nmoved {\n  from = aws_db_instance.a\n  to = aws_db_instance.b\n}\n"), nil},
		"all the code": {"terraform", code("resource \"aws_db_instance\" \"a\" {}\n  resource \"x\" \"y\" {}\nresource \"x\" \"z\" {}\n"), nil, []string{
			"data (baryon.yaml:3): aws_db_instance.a would be deleted; it will wait for ada",
			"data (baryon.yaml:3): the plan removes 3 resource(s), and 50% of 3, which is 1, are allowed without a person; it will wait for ada",
		}},
		"commands": {"codebuild", stack(table), stack(topic), nil},
		"new":      {"cloudformation", nil, stack(table), nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := View{Target: state.Target{Deployed: state.Deployed{Engine: tt.engine}}, Policies: []policy.Rule{rule}}
			v.Target.Desired.Deleted = tt.after == nil
			if diff := cmp.Diff(tt.want, foretold(v, tt.before, tt.after)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
