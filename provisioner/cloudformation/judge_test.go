package cloudformation_test

import (
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
