package awssim_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"baryon/provisioner/awssim"
)

// TestBehaviours holds the simulator to what the real service was seen or is
// documented to do. The numbers are those of the list of one hundred; those
// that are missing here are in other tests: TestEveryBehaviourIsTried counts.
func TestBehaviours(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *world){
		"001 the answer has its wrapper and request ID": func(t *testing.T, w *world) {
			body, header, status := w.post(url.Values{"Action": {"DescribeStacks"}, "Version": {"2010-05-15"}})
			id := header.Get("X-Amzn-Requestid")
			if status != 200 || !strings.HasPrefix(body, "<DescribeStacksResponse xmlns=") || !strings.Contains(body, "<RequestId>"+id+"</RequestId>") || header.Get("Content-Type") != "text/xml" {
				t.Errorf("%d %v\n%s", status, header, body)
			}
		},
		"002 unknown actions and versions": func(t *testing.T, w *world) {
			for _, v := range []url.Values{{"Action": {"Nope"}, "Version": {"2010-05-15"}}, {"Action": {"DescribeStacks"}, "Version": {"2011-01-01"}}} {
				if body, _, status := w.post(v); status != 400 || !strings.Contains(body, "<Code>InvalidAction</Code>") {
					t.Errorf("%d %s", status, body)
				}
			}
		},
		"010 a rate for each account and region": func(t *testing.T, w *world) {
			w.SetRate(2)
			other := w.client("222222222222", "eu-west-1")
			for i := range 4 {
				_, err := w.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
				if (err != nil) != (i >= 2) {
					t.Errorf("call %d: %v", i, err)
				}
			}
			if _, err := other.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{}); err != nil {
				t.Error(err)
			}
		},
		"011 accounts and regions are apart": func(t *testing.T, w *world) {
			w.create("s", one)
			for _, c := range []*cloudformation.Client{w.client("222222222222", "eu-west-1"), w.client("111111111111", "us-east-1")} {
				_, err := c.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("s")})
				says(t, err, "ValidationError", "Stack with id s does not exist")
			}
		},
		"012 names are held to their pattern": func(t *testing.T, w *world) {
			_, err := w.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("a_b")})
			says(t, err, "ValidationError", "1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern:")
		},
		"013 three ways not to exist": func(t *testing.T, w *world) {
			_, err := w.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("x")})
			says(t, err, "ValidationError", "Stack with id x does not exist")
			_, err = w.cfn.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: new("x")})
			says(t, err, "ValidationError", "Stack [x] does not exist")
			_, err = w.cfn.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: new("x"), LogicalResourceId: new("A")})
			says(t, err, "ValidationError", "Stack 'x' does not exist")
		},
		"014 015 deleted stacks are read by ARN, names are free again": func(t *testing.T, w *world) {
			first := *w.create("s", one).StackId
			w.remove("s")
			if s := w.rest(first); s.StackStatus != types.StackStatusDeleteComplete || s.EnableTerminationProtection != nil {
				t.Errorf("%s, protection %v", s.StackStatus, s.EnableTerminationProtection)
			}
			if second := *w.create("s", one).StackId; second == first {
				t.Error("the same ARN again")
			}
		},
		"017 019 pages walk everything once, newest first": func(t *testing.T, w *world) {
			w.create("s", one)
			var seen []time.Time
			in := &cloudformation.DescribeStackEventsInput{StackName: new("s")}
			for {
				out, err := w.cfn.DescribeStackEvents(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range out.StackEvents {
					seen = append(seen, *e.Timestamp)
				}
				if in.NextToken = out.NextToken; in.NextToken == nil {
					break
				}
				_, err = w.cfn.ListExports(t.Context(), &cloudformation.ListExportsInput{NextToken: out.NextToken})
				says(t, err, "ValidationError", "NextToken")
			}
			if len(seen) != 5 || !slices.IsSortedFunc(seen, func(a, b time.Time) int { return b.Compare(a) }) {
				t.Errorf("seen %v", seen)
			}
		},
		"023 the template comes back byte for byte": func(t *testing.T, w *world) {
			text := "# odd   spacing\n" + one + "\n\n"
			w.create("s", text)
			out, err := w.cfn.GetTemplate(t.Context(), &cloudformation.GetTemplateInput{StackName: new("s")})
			if err != nil || *out.TemplateBody != text || len(out.StagesAvailable) != 2 {
				t.Errorf("%v %q", err, aws.ToString(out.TemplateBody))
			}
		},
		"025 validation knows references but no properties": func(t *testing.T, w *world) {
			if _, err := w.cfn.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateBody: new("Resources: {A: {Type: AWS::SNS::Topic, Properties: {No: 1}}}")}); err != nil {
				t.Error(err)
			}
			_, err := w.cfn.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateBody: new(prop("!Ref X"))})
			says(t, err, "ValidationError", "Unresolved resource dependencies [X]")
		},
		"026 the events of a creation": func(t *testing.T, w *world) {
			w.create("s", one)
			want := []string{"s CREATE_IN_PROGRESS User Initiated", "A CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS Resource creation Initiated", "A CREATE_COMPLETE", "s CREATE_COMPLETE"}
			if diff := cmp.Diff(want, w.events("s")); diff != "" {
				t.Error(diff)
			}
		},
		"027 a name that is taken": func(t *testing.T, w *world) {
			w.create("s", one)
			_, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(one)})
			says(t, err, "AlreadyExistsException", "Stack [s] already exists")
		},
		"028 a token begins one operation": func(t *testing.T, w *world) {
			in := &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(one), ClientRequestToken: new("t1")}
			first, err := w.cfn.CreateStack(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			again, err := w.cfn.CreateStack(t.Context(), in)
			if err != nil || *again.StackId != *first.StackId || w.Mutations("t1") != 1 {
				t.Errorf("%v, %d begun", err, w.Mutations("t1"))
			}
			in.TemplateBody = new(one + "#")
			_, err = w.cfn.CreateStack(t.Context(), in)
			says(t, err, "TokenAlreadyExistsException", "t1")
		},
		"029 034 a failed creation is rolled back, and only deleted then": func(t *testing.T, w *world) {
			w.Inject(awssim.Fault{Logical: "A", Do: "create", Reason: "no"})
			w.Inject(awssim.Fault{Logical: "B", Do: "create", Hold: true})
			s := w.create("s", two)
			events := strings.Join(w.events("s"), "\n")
			for _, want := range []string{"A CREATE_FAILED no", "B CREATE_FAILED Resource creation cancelled", "s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [A, B]. Rollback requested by user.", "s ROLLBACK_COMPLETE"} {
				if !strings.Contains(events, want) {
					t.Errorf("no %q in\n%s", want, events)
				}
			}
			if s.StackStatus != types.StackStatusRollbackComplete || s.DeletionTime == nil {
				t.Errorf("%s, deletion time %v", s.StackStatus, s.DeletionTime)
			}
			_, err := w.update("s", one)
			says(t, err, "ValidationError", "is in ROLLBACK_COMPLETE state and can not be updated.")
			_, err = w.cfn.DetectStackDrift(t.Context(), &cloudformation.DetectStackDriftInput{StackName: new("s")})
			says(t, err, "ValidationError", "Drift detection cannot be performed on stack")
			w.remove("s")
		},
		"030 OnFailure DELETE": func(t *testing.T, w *world) {
			w.Inject(awssim.Fault{Do: "create"})
			out, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(one), OnFailure: types.OnFailureDelete})
			if err != nil {
				t.Fatal(err)
			}
			if s := w.rest(*out.StackId); s.StackStatus != types.StackStatusDeleteComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
			_, err = w.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("s")})
			says(t, err, "ValidationError", "Stack with id s does not exist")
		},
		"031 OnFailure DO_NOTHING": func(t *testing.T, w *world) {
			w.Inject(awssim.Fault{Logical: "A", Do: "create"})
			for name, edit := range map[string]func(*cloudformation.CreateStackInput){
				"s": func(in *cloudformation.CreateStackInput) { in.OnFailure = types.OnFailureDoNothing },
				"t": func(in *cloudformation.CreateStackInput) { in.DisableRollback = new(true) },
			} {
				if s := w.create(name, two, edit); s.StackStatus != types.StackStatusCreateFailed {
					t.Errorf("%s: status = %s", name, s.StackStatus)
				}
				w.happened(name, "B CREATE_COMPLETE")
				w.live(name, "B", func(*awssim.Thing) {}) // what was good is kept
			}
		},
		"032 OnFailure and DisableRollback exclude each other": func(t *testing.T, w *world) {
			_, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(one), OnFailure: types.OnFailureDelete, DisableRollback: new(true)})
			says(t, err, "ValidationError", "but not both")
		},
		"033 a rollback that fails": func(t *testing.T, w *world) {
			w.Inject(awssim.Fault{Logical: "A", Do: "create"})
			w.Inject(awssim.Fault{Logical: "A", Do: "delete"})
			s := w.create("s", one)
			if s.StackStatus != types.StackStatusRollbackFailed || *s.StackStatusReason != "The following resource(s) failed to delete: [A]. " {
				t.Errorf("%s %q", s.StackStatus, *s.StackStatusReason)
			}
		},
		"035 creations take no longer than they may": func(t *testing.T, w *world) {
			w.Inject(awssim.Fault{Do: "create", Hold: true})
			s := w.create("s", one, func(in *cloudformation.CreateStackInput) { in.TimeoutInMinutes = new(int32(1)) })
			if s.StackStatus != types.StackStatusRollbackComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
		},
		"037 the independent overlap, the dependent wait": func(t *testing.T, w *world) {
			w.create("s", "Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic, DependsOn: A}, C: {Type: AWS::SNS::Topic}}")
			e := w.events("s")
			if i, j, k := slices.Index(e, "A CREATE_COMPLETE"), slices.Index(e, "B CREATE_IN_PROGRESS"), slices.Index(e, "C CREATE_IN_PROGRESS"); j < i || k > i {
				t.Errorf("events: %q", e)
			}
		},
		"039 names that others have": func(t *testing.T, w *world) {
			named := "Resources: {A: {Type: AWS::S3::Bucket, Properties: {BucketName: bucket-b}}}"
			w.create("one", named)
			w.create("two", named)
			if e := strings.Join(w.events("two"), "\n"); !strings.Contains(e, "bucket-b already exists in stack arn:") {
				t.Error(e)
			}
			w.Make("111111111111", "eu-west-1", "AWS::S3::Bucket", map[string]any{"BucketName": "bucket-c"})
			w.create("three", strings.ReplaceAll(named, "BucketName: bucket-b", "BucketName: bucket-c"))
			if e := strings.Join(w.events("three"), "\n"); !strings.Contains(e, "Resource of type 'AWS::S3::Bucket' with identifier 'bucket-c' already exists.") {
				t.Error(e)
			}
		},
		"040 041 what is no update": func(t *testing.T, w *world) {
			w.create("s", one)
			for _, same := range []string{one, one + "\n\n# a comment", "Description: new\n" + one, "Parameters: {P: {Type: String, Default: x}}\n" + one, "Resources: {A: {Type: AWS::SNS::Topic, DeletionPolicy: Retain}}"} {
				_, err := w.update("s", same)
				says(t, err, "ValidationError", "No updates are to be performed.")
			}
			if s, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic, Metadata: {a: b}}}"); err != nil || s.StackStatus != types.StackStatusUpdateComplete {
				t.Errorf("metadata: %v %s", err, s.StackStatus)
			}
		},
		"042 043 removal comes last, replacement makes anew": func(t *testing.T, w *world) {
			w.create("s", two)
			before := w.physical("s", "A")
			if _, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {FifoTopic: 'true'}}}"); err != nil {
				t.Fatal(err)
			}
			if w.physical("s", "A") == before {
				t.Error("the old physical ID after a replacement")
			}
			e := w.events("s")
			if i, j := slices.Index(e, "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), slices.Index(e, "B DELETE_IN_PROGRESS"); i < 0 || j < i {
				t.Errorf("events: %q", e)
			}
		},
		"045 a failed update is taken back": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			w.Inject(awssim.Fault{Logical: "B", Do: "create", Reason: "no"})
			s, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: two}}, B: {Type: AWS::SNS::Topic, DependsOn: A}}")
			if err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("%v %s", err, s.StackStatus)
			}
			e := strings.Join(w.events("s"), "\n")
			for _, want := range []string{"s UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [B].", "s UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "B DELETE_COMPLETE"} {
				if !strings.Contains(e, want) {
					t.Errorf("no %q in\n%s", want, e)
				}
			}
			w.Edit("s", "A", func(thing *awssim.Thing) bool {
				if thing.Properties["DisplayName"] != "one" {
					t.Errorf("DisplayName = %v after the rollback", thing.Properties["DisplayName"])
				}
				return false
			})
		},
		"046 050 a rollback that fails is continued": func(t *testing.T, w *world) {
			w.stuckRollback()
			_, err := w.update("s", one)
			says(t, err, "ValidationError", "is in UPDATE_ROLLBACK_FAILED state and can not be updated.")
			_, err = w.cfn.ContinueUpdateRollback(t.Context(), &cloudformation.ContinueUpdateRollbackInput{StackName: new("s"), ResourcesToSkip: []string{"Nope"}})
			says(t, err, "ValidationError", "Nope")
			w.Release()
			if _, err := w.cfn.ContinueUpdateRollback(t.Context(), &cloudformation.ContinueUpdateRollbackInput{StackName: new("s")}); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
			_, err = w.cfn.ContinueUpdateRollback(t.Context(), &cloudformation.ContinueUpdateRollbackInput{StackName: new("s")})
			says(t, err, "ValidationError", "can not continue to update rollback")
		},
		"047 what cannot be cleaned up is left": func(t *testing.T, w *world) {
			w.create("s", two)
			w.Inject(awssim.Fault{Logical: "B", Do: "cleanup"})
			s, err := w.update("s", one)
			if err != nil || s.StackStatus != types.StackStatusUpdateComplete || *s.StackStatusReason != "Update successful. One or more resources could not be deleted." {
				t.Errorf("%v %s %v", err, s.StackStatus, s.StackStatusReason)
			}
		},
		"049 an update is cancelled, nothing else": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			_, err := w.cfn.CancelUpdateStack(t.Context(), &cloudformation.CancelUpdateStackInput{StackName: new("s")})
			says(t, err, "ValidationError", "CancelUpdateStack cannot be called from current stack status")
			w.Inject(awssim.Fault{Do: "update", Hold: true})
			if _, err := w.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(prop("two"))}); err != nil {
				t.Fatal(err)
			}
			w.clock.pass(time.Minute)
			if s := w.stack("s"); s.StackStatus != types.StackStatusUpdateInProgress {
				t.Fatalf("status = %s", s.StackStatus)
			}
			if _, err := w.cfn.CancelUpdateStack(t.Context(), &cloudformation.CancelUpdateStackInput{StackName: new("s")}); err != nil {
				t.Fatal(err)
			}
			w.Release()
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
		},
		"052 custom names stand in the way of replacement": func(t *testing.T, w *world) {
			w.create("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: x}}}")
			s, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: x, FifoTopic: 'true'}}}")
			if err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("%v %s", err, s.StackStatus)
			}
			if e := strings.Join(w.events("s"), "\n"); !strings.Contains(e, "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename x and update the stack again.") {
				t.Error(e)
			}
		},
		"054 parameters left out, kept and unknown": func(t *testing.T, w *world) {
			declared := "Parameters: {P: {Type: String, Default: d}}\n" + prop("!Ref P")
			w.create("s", declared, func(in *cloudformation.CreateStackInput) {
				in.Parameters = []types.Parameter{{ParameterKey: new("P"), ParameterValue: new("v")}}
			})
			_, err := w.update("s", declared, func(in *cloudformation.UpdateStackInput) {
				in.Parameters = []types.Parameter{{ParameterKey: new("P"), UsePreviousValue: new(true)}}
			})
			says(t, err, "ValidationError", "No updates are to be performed.")
			_, err = w.update("s", declared, func(in *cloudformation.UpdateStackInput) {
				in.Parameters = []types.Parameter{{ParameterKey: new("P"), UsePreviousValue: new(true), ParameterValue: new("x")}}
			})
			says(t, err, "ValidationError", "Cannot specify usePreviousValue as true and non empty value for a parameter")
			_, err = w.update("s", declared, func(in *cloudformation.UpdateStackInput) {
				in.Parameters = []types.Parameter{{ParameterKey: new("Q"), UsePreviousValue: new(true)}}
			})
			says(t, err, "ValidationError", "Cannot specify usePreviousValue as true for a parameter key not in the previous template")
			if s, err := w.update("s", declared); err != nil || *s.Parameters[0].ParameterValue != "d" {
				t.Errorf("%v %v", err, s.Parameters)
			}
		},
		"056 roles stay, and may become useless": func(t *testing.T, w *world) {
			role := "arn:aws:iam::111111111111:role/deploy"
			w.create("s", prop("one"), func(in *cloudformation.CreateStackInput) { in.RoleARN = &role })
			if s, err := w.update("s", prop("two")); err != nil || aws.ToString(s.RoleARN) != role {
				t.Errorf("%v %v", err, s.RoleARN)
			}
			w.BreakRole(role, true)
			_, err := w.update("s", prop("three"))
			says(t, err, "ValidationError", "Role ARN is invalid or cannot be assumed")
		},
		"083 protected stacks stay": func(t *testing.T, w *world) {
			w.create("s", one, func(in *cloudformation.CreateStackInput) { in.EnableTerminationProtection = new(true) })
			_, err := w.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("s")})
			says(t, err, "ValidationError", "Stack [s] cannot be deleted while TerminationProtection is enabled")
			if _, err := w.cfn.UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{StackName: new("s"), EnableTerminationProtection: new(false)}); err != nil {
				t.Fatal(err)
			}
			w.remove("s")
		},
		"082 deleting nothing is no error": func(t *testing.T, w *world) {
			if _, err := w.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("nothing")}); err != nil {
				t.Error(err)
			}
		},
		"084 085 full buckets stay until they are retained": func(t *testing.T, w *world) {
			id := *w.create("s", "Resources: {A: {Type: AWS::S3::Bucket}}").StackId
			_, err := w.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("s"), RetainResources: []string{"A"}})
			says(t, err, "ValidationError", "specify which resources to retain only when the stack is in the DELETE_FAILED state.")
			w.Edit("s", "A", func(thing *awssim.Thing) bool { thing.Full = true; return false })
			w.remove("s")
			if s := w.stack("s"); s.StackStatus != types.StackStatusDeleteFailed || *s.StackStatusReason != "The following resource(s) failed to delete: [A]. " {
				t.Errorf("%s %q", s.StackStatus, *s.StackStatusReason)
			}
			if _, err := w.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("s"), RetainResources: []string{"A"}}); err != nil {
				t.Fatal(err)
			}
			if s := w.rest(id); s.StackStatus != types.StackStatusDeleteComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
		},
		"086 091 exports in use": func(t *testing.T, w *world) {
			exporting := func(v string) string { return one + "Outputs: {O: {Value: " + v + ", Export: {Name: e}}}" }
			w.create("one", exporting("a"))
			w.create("two", prop("!ImportValue e"))
			w.create("three", exporting("a"))
			if e := strings.Join(w.events("three"), "\n"); !strings.Contains(e, "Export with name e is already exported by stack one. Rollback requested by user.") {
				t.Error(e)
			}
			s, err := w.update("one", exporting("b"))
			if err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("%v %s", err, s.StackStatus)
			}
			w.remove("one")
			if e := strings.Join(w.events("one"), "\n"); !strings.Contains(e, "Export e cannot be updated as it is in use by two") || !strings.Contains(e, "Delete canceled. Cannot delete export e as it is in use by two.") {
				t.Error(e)
			}
		},
		"089 three notations of one template": func(t *testing.T, w *world) {
			for i, text := range []string{
				`Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Join ['-', [!Ref 'AWS::Region', !Select [1, [a, b]], !Sub '${AWS::AccountId}${!x}']]}}}`,
				"Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName:\n        Fn::Join: ['-', [{Ref: 'AWS::Region'}, {'Fn::Select': [1, [a, b]]}, {'Fn::Sub': ['${X}${!x}', {X: {Ref: 'AWS::AccountId'}}]}]]\n",
				`{"Resources":{"A":{"Type":"AWS::SNS::Topic","Properties":{"DisplayName":{"Fn::Join":["-",[{"Ref":"AWS::Region"},{"Fn::Select":[1,["a","b"]]},{"Fn::Sub":"${AWS::AccountId}${!x}"}]]}}}}}`,
			} {
				name := fmt.Sprintf("s%d", i)
				w.create(name, text)
				w.Edit(name, "A", func(thing *awssim.Thing) bool {
					if got := thing.Properties["DisplayName"]; got != "eu-west-1-b-111111111111${x}" {
						t.Errorf("%d: %v", i, got)
					}
					return false
				})
			}
		},
		"094 what is not to be echoed is not": func(t *testing.T, w *world) {
			s := w.create("s", "Parameters: {P: {Type: String, NoEcho: true, Default: hush}}\n"+one)
			if got := *s.Parameters[0].ParameterValue; got != "****" {
				t.Errorf("shows %s", got)
			}
		},
		"096 stack policies": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			set := func(body string) error {
				_, err := w.cfn.SetStackPolicy(t.Context(), &cloudformation.SetStackPolicyInput{StackName: new("s"), StackPolicyBody: &body})
				return err
			}
			says(t, set(`{"Statement":[{"Effect":"Deny","Action":"Update:*","Principal":"me","Resource":"*"}]}`), "ValidationError", "Error validating stack policy: Invalid stack policy")
			if err := set(`{"Statement":[{"Effect":"Deny","Action":"Update:*","Principal":"*","Resource":"LogicalResourceId/A"}]}`); err != nil {
				t.Fatal(err)
			}
			s, err := w.update("s", prop("two"))
			if err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("%v %s", err, s.StackStatus)
			}
			if e := strings.Join(w.events("s"), "\n"); !strings.Contains(e, "Action denied by stack policy: Statement [#1] does not allow [Update:Modify] for resource [LogicalResourceId/A];") {
				t.Error(e)
			}
			s, err = w.update("s", prop("two"), func(in *cloudformation.UpdateStackInput) {
				in.StackPolicyDuringUpdateBody = new(`{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}`)
			})
			if err != nil || s.StackStatus != types.StackStatusUpdateComplete {
				t.Errorf("%v %s", err, s.StackStatus)
			}
		},
		"100 killed and started again in the middle": func(t *testing.T, w *world) {
			w.Inject(awssim.Fault{Logical: "A", Do: "create", Hold: true})
			if _, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(two)}); err != nil {
				t.Fatal(err)
			}
			w.clock.pass(time.Second)
			w.stack("s")
			var saved strings.Builder
			if err := w.Save(&saved); err != nil {
				t.Fatal(err)
			}
			w.remove("s")
			if err := w.Load(strings.NewReader(saved.String())); err != nil {
				t.Fatal(err)
			}
			w.Release()
			if s := w.rest("s"); s.StackStatus != types.StackStatusCreateComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := awssim.Config{}
			if strings.HasPrefix(name, "017") {
				cfg.PageSize = 1
			}
			test(t, newWorld(t, cfg))
		})
	}
}

const two = "Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic}}"
