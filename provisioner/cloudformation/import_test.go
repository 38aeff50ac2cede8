package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/provisioner/provisionertest"
)

const store = `Resources:
  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: orders}}
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    DependsOn: [Topic, Bucket]
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "orders of ${AWS::StackName}"}}
Outputs:
  table: {Value: !Ref Table}
`

// importing is a job that takes the bucket and the table in, which exist.
func (s *sim) importing(id string, imports map[string]string) provisioner.Job {
	s.Make("123456789012", "eu-west-1", "AWS::S3::Bucket", map[string]any{"BucketName": "orders"})
	s.Make("123456789012", "eu-west-1", "AWS::DynamoDB::Table", map[string]any{
		"TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
		"AttributeDefinitions": []any{map[string]any{"AttributeName": "id", "AttributeType": "S"}},
		"KeySchema":            []any{map[string]any{"AttributeName": "id", "KeyType": "HASH"}},
	})
	j := job(id, "web", "one")
	j.Files, j.Imports = files(store), imports
	return j
}

var byName = map[string]string{"Bucket": "orders", "Table": `{"TableName":"orders"}`}

// resources are the physical IDs of what a stack has.
func (s *sim) resources(t *testing.T, stack string) map[string]string {
	t.Helper()
	out, err := s.client(t).ListStackResources(t.Context(), &sdk.ListStackResourcesInput{StackName: &stack})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range out.StackResourceSummaries {
		all[*r.LogicalResourceId] = aws.ToString(r.PhysicalResourceId)
	}
	return all
}

// statuses are the states that a stack went through, oldest first.
func (s *sim) statuses(t *testing.T, stack string) string {
	t.Helper()
	out, err := s.client(t).DescribeStackEvents(t.Context(), &sdk.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range out.StackEvents {
		if aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId) {
			all = append([]string{string(e.ResourceStatus)}, all...)
		}
	}
	return strings.Join(all, " ")
}

// TestImport takes resources that exist into stacks, as they are.
func TestImport(t *testing.T) {
	credentials(t)
	mine := func(t *testing.T, s *sim, p provisioner.Progress) {
		t.Helper()
		want(t, p, provisioner.Succeeded, "")
		got := s.resources(t, "web")
		if got["Bucket"] != "orders" || got["Table"] != "orders" || got["Topic"] == "" || p.Outputs["table"] != "orders" {
			t.Errorf("resources %v, outputs %v", got, p.Outputs)
		}
	}
	for name, test := range map[string]func(*testing.T, *sim, *cloudformation.Engine){
		"into a new stack": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			p, log := end(t, e, s.importing("d1", byName))
			mine(t, s, p)
			if got := s.statuses(t, "web"); got != "REVIEW_IN_PROGRESS IMPORT_IN_PROGRESS IMPORT_COMPLETE UPDATE_IN_PROGRESS UPDATE_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_COMPLETE" {
				t.Error(got)
			}
			if !strings.Contains(log, "<-  Bucket AWS::S3::Bucket") || !strings.Contains(log, "+   Topic AWS::SNS::Topic") {
				t.Errorf("log:\n%s", log)
			}
			// What is in the stack by now is not imported again.
			p, log = end(t, e, s.importing("d2", byName))
			mine(t, s, p)
			if !strings.Contains(log, "Nothing to do") {
				t.Errorf("log:\n%s", log)
			}
		},
		"into a stack that runs, which has parameters and outputs": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			s.running(t, "web", "Parameters: {P: {Type: String, Default: theirs}}\nResources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref P}}\nOutputs: {p: {Value: !Ref P}}\n")
			before := s.resources(t, "web")["Topic"]
			p, _ := end(t, e, s.importing("d1", byName))
			mine(t, s, p)
			if got := s.resources(t, "web")["Topic"]; got != before {
				t.Errorf("the topic is another: %s, was %s", got, before)
			}
		},
		"by the names that the template says": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			p, _ := end(t, e, s.importing("d0", nil))
			want(t, p, provisioner.Failed, "already exists")
			p, _ = end(t, e, s.importing("d1", map[string]string{provisioner.ImportExisting: ""}))
			mine(t, s, p)
			if n := s.Calls()["cloudformation:ExecuteChangeSet"]; n != 1 {
				t.Errorf("%d change sets were executed", n)
			}
		},
		"what cannot be imported is said, and nothing is left": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			for i, bad := range []struct {
				imports       map[string]string
				from, to, why string
			}{
				{map[string]string{"Nope": "x"}, "", "", "imports names Nope, and the template has no such resource"},
				{map[string]string{"Bucket": "nothing"}, "", "", "was not found"},
				{map[string]string{"Table": `{"Name":"orders"}`}, "", "", "a resource of type AWS::DynamoDB::Table is identified by TableName"},
				{byName, "DeletionPolicy: Retain, ", "", "add DeletionPolicy: Retain to it in the template"},
				{map[string]string{"Bucket": "orders"}, "BucketName: orders", "BucketName: !Ref Topic", "Unresolved resource dependencies [Topic]"},
				{map[string]string{provisioner.ImportExisting: ""}, "DeletionPolicy: Retain, ", "", "must have the DeletionPolicy attribute"},
			} {
				j := s.importing(fmt.Sprintf("d%d", i), bad.imports)
				j.Files = files(strings.Replace(store, bad.from, bad.to, 1))
				p, _ := end(t, e, j)
				want(t, p, provisioner.Failed, bad.why)
			}
			out, err := s.client(t).DescribeStacks(t.Context(), &sdk.DescribeStacksInput{})
			if err != nil || len(out.Stacks) != 0 {
				t.Errorf("left behind: %v %v", out.Stacks, err)
			}
		},
		"a failed import is taken back, told, and tried again": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			s.running(t, "web", strings.ReplaceAll(topic, "NAME", "theirs"))
			s.Inject(awssim.Fault{Do: "import", Logical: "Table", Times: 1, Reason: "no such luck"})
			p, _ := end(t, e, s.importing("d1", byName))
			want(t, p, provisioner.Failed, "Table (AWS::DynamoDB::Table) failed: no such luck\nthe stack web is in IMPORT_ROLLBACK_COMPLETE")
			p, _ = end(t, e, s.importing("d2", byName))
			mine(t, s, p)
		},
		"a lost answer imports nothing twice": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			for _, action := range []string{"CreateChangeSet", "ExecuteChangeSet"} {
				s.InjectWire(awssim.WireFault{Action: action, Kind: awssim.Lost, Times: 1})
			}
			p, _ := end(t, e, s.importing("d1", byName))
			mine(t, s, p)
			if a, b := s.Mutations("baryon-d1-import"), s.Mutations("baryon-d1"); a != 1 || b != 1 {
				t.Errorf("begun %d and %d times", a, b)
			}
		},
		"cancelled on the way": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			s.Inject(awssim.Fault{Do: "import", Hold: true})
			c := provisionertest.Caller{Job: s.importing("d1", byName)}
			c.Until(t, e, func(provisioner.Progress) bool { return s.Mutations("baryon-d1-import") > 0 })
			if err := e.Cancel(t.Context(), c.Job); err != nil {
				t.Fatal(err)
			}
			c.Call(t, e)
			s.Release()
			want(t, c.End(t, e), provisioner.Cancelled, "the stack is IMPORT_COMPLETE")
			p, _ := end(t, e, s.importing("d2", byName))
			mine(t, s, p)
		},
		"as a person approved it": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			plan := foresee(t, e, s.importing("p1", byName))
			want(t, plan, provisioner.Succeeded, "")
			var got []string
			for _, c := range plan.Changes {
				got = append(got, c.Action+" "+c.Address)
			}
			if strings.Join(got, ", ") != "import Bucket, import Table, create Topic" {
				t.Fatalf("plan %v", got)
			}
			j := approved(s.importing("p1", byName), "d1", plan)
			if !current(t, e, j) {
				t.Error("the plan is not current")
			}
			p, _ := end(t, e, j)
			mine(t, s, p)
		},
		"and nothing beyond what was approved": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			plan := foresee(t, e, s.importing("p1", byName))
			s.Inject(awssim.Fault{Do: "import", Hold: true})
			c := provisionertest.Caller{Job: approved(s.importing("p1", byName), "d1", plan)}
			c.Until(t, e, func(provisioner.Progress) bool { return s.Mutations("baryon-d1-import") > 0 })
			s.Release()
			c.Job.Files = files(strings.Replace(store, "  Topic:", "  More: {Type: AWS::SNS::Topic}\n  Topic:", 1))
			p := c.End(t, e)
			want(t, p, provisioner.Failed, "what follows it is not what was approved: create More")
			if !p.PlanMoved {
				t.Error("the plan has not moved")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSim(t)
			test(t, s, s.engine(t))
		})
	}
}
