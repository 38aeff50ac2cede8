package cloudformation_test

import (
	"slices"
	"strings"
	"testing"

	"baryon/provisioner"
)

const table = `Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: hello}}
  Table:
    Type: AWS::DynamoDB::Table
    UpdateReplacePolicy: KEEP
    Properties:
      TableName: NAME
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
`

func tableJob(id, name string) provisioner.Job {
	j := job(id, "stack-table", "")
	j.Files = files(strings.NewReplacer("NAME", name, "KEEP", "Delete").Replace(table))
	return j
}

// TestNever shows that a job which was not looked at before takes nothing away
// that it may not, and that the stack is as it was then.
func TestNever(t *testing.T) {
	credentials(t)
	s := newSim(t)
	e := s.engine(t)
	if p, log := end(t, e, tableJob("one", "first")); p.State != provisioner.Succeeded {
		t.Fatalf("%s: %s\n%s", p.State, p.Message, log)
	}
	never := []provisioner.Never{{Delete: provisioner.Patterns{"AWS::DynamoDB::*"}}}

	replaced := tableJob("two", "second")
	replaced.Never = never
	p, _ := end(t, e, replaced)
	if want := "nothing was changed: Table (AWS::DynamoDB::Table) would be replaced"; p.State != provisioner.Failed || !p.Held || !strings.Contains(p.Message, want) {
		t.Errorf("%s, held %v: %s", p.State, p.Held, p.Message)
	}
	if len(p.Changes) != 1 || p.Changes[0].Action != "replace" {
		t.Errorf("changes %+v", p.Changes)
	}

	removed := tableJob("three", "first")
	removed.Files = files("Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: hello}}\n")
	removed.Never = never
	if p, _ := end(t, e, removed); !p.Held || !strings.Contains(p.Message, "would be deleted") {
		t.Errorf("%s, held %v: %s", p.State, p.Held, p.Message)
	}

	gone := tableJob("four", "first")
	gone.Action, gone.Never = provisioner.Deprovision, never
	if p, _ := end(t, e, gone); !p.Held || !strings.Contains(p.Message, "Table (AWS::DynamoDB::Table) would be deleted") {
		t.Errorf("%s, held %v: %s", p.State, p.Held, p.Message)
	}
	for _, id := range []string{"two", "three", "four"} {
		if n := s.Mutations("baryon-" + id); n != 0 {
			t.Errorf("job %s changed something %d times", id, n)
		}
	}

	kept := tableJob("five", "second")
	kept.Files = files(strings.NewReplacer("NAME", "second", "KEEP", "Retain").Replace(table))
	kept.Never = never
	if p, log := end(t, e, kept); p.State != provisioner.Succeeded {
		t.Errorf("one whose old table stays is %s: %s\n%s", p.State, p.Message, log)
	}
}

// TestPlanCounts shows how many resources a plan says there were.
func TestPlanCounts(t *testing.T) {
	credentials(t)
	s := newSim(t)
	e := s.engine(t)
	if p := foresee(t, e, tableJob("zero", "first")); p.Existing != 0 || len(p.Changes) != 2 {
		t.Errorf("of a stack that is new: %d, %+v", p.Existing, p.Changes)
	}
	end(t, e, tableJob("one", "first"))
	if p := foresee(t, e, tableJob("two", "second")); p.Existing != 2 {
		t.Errorf("before an update: %d", p.Existing)
	}
	gone := tableJob("three", "first")
	gone.Action = provisioner.Deprovision
	if p := foresee(t, e, gone); p.Existing != 2 {
		t.Errorf("before a deletion: %d", p.Existing)
	}
}

// TestNeverInNestedStacks shows that what nested stacks hold is looked at: where
// they are updated, where they go, and where all of it does.
func TestNeverInNestedStacks(t *testing.T) {
	credentials(t)
	s := newSim(t)
	s.Bucket("123456789012", "eu-west-1", "templates")
	s.Put("templates", "first.yaml", strings.NewReplacer("NAME", "first", "KEEP", "Delete").Replace(table))
	s.Put("templates", "second.yaml", strings.NewReplacer("NAME", "second", "KEEP", "Delete").Replace(table))
	e := s.engine(t)
	outer := func(id, inner string) provisioner.Job {
		j := job(id, "stack-outer", "")
		j.Never = []provisioner.Never{{Delete: provisioner.Patterns{"AWS::DynamoDB::*"}}}
		text := "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n"
		if inner != "" {
			text += "  Data: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: \"https://templates.s3.amazonaws.com/" + inner + ".yaml\"}}\n"
		}
		j.Files = files(text)
		return j
	}
	if p, log := end(t, e, outer("one", "first")); p.State != provisioner.Succeeded {
		t.Fatalf("%s: %s\n%s", p.State, p.Message, log)
	}
	gone := outer("four", "first")
	gone.Action = provisioner.Deprovision
	for _, tt := range []struct {
		name string
		job  provisioner.Job
		want string
	}{
		{"updated", outer("two", "second"), "Data.Table (AWS::DynamoDB::Table) would be replaced"},
		{"taken out", outer("three", ""), "Data.Table (AWS::DynamoDB::Table) would be deleted"},
		{"with all of it", gone, "Data.Table (AWS::DynamoDB::Table) would be deleted"},
	} {
		if p, log := end(t, e, tt.job); !p.Held || !strings.Contains(p.Message, tt.want) {
			t.Errorf("%s: %s, held %v: %s\n%s", tt.name, p.State, p.Held, p.Message, log)
		}
		if n := s.Mutations("baryon-" + tt.job.ID); n != 0 {
			t.Errorf("%s: something was changed %d times", tt.name, n)
		}
	}
	plan := foresee(t, e, outer("five", "second"))
	if !slices.ContainsFunc(plan.Changes, func(c provisioner.ResourceChange) bool { return c.Address == "Data.Table" && c.Action == "replace" }) {
		t.Errorf("the plan is %+v", plan.Changes)
	}
	allowed := approved(outer("five", "second"), "six", plan)
	allowed.Never = nil
	if p, log := end(t, e, allowed); p.State != provisioner.Succeeded {
		t.Errorf("approved: %s: %s\n%s", p.State, p.Message, log)
	}
}
