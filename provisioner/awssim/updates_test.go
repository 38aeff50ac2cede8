package awssim_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// happened says whether an event of a stack holds a text.
func (w *world) happened(stack, text string) {
	w.t.Helper()
	if e := strings.Join(w.events(stack), "\n"); !strings.Contains(e, text) {
		w.t.Errorf("no %q in\n%s", text, e)
	}
}

// live calls what looks at a live resource, which has to be there.
func (w *world) live(stack, logical string, look func(*awssim.Thing)) {
	w.t.Helper()
	if !w.Edit(stack, logical, func(thing *awssim.Thing) bool { look(thing); return false }) {
		w.t.Errorf("there is no live %s of %s", logical, stack)
	}
}

// TestOperations is about what becomes of resources.
func TestOperations(t *testing.T) {
	t.Parallel()
	behave(t, map[string]func(*testing.T, *world){
		"036 retained resources survive a rollback, unless": func(t *testing.T, w *world) {
			kept := "Resources: {A: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: BUCKET}}, B: {Type: AWS::SNS::Topic, DependsOn: A}}"
			w.Inject(awssim.Fault{Logical: "B", Do: "create"})
			w.create("one", strings.Replace(kept, "BUCKET", "b1", 1))
			w.happened("one", "A DELETE_SKIPPED")
			w.create("two", strings.Replace(kept, "BUCKET", "b2", 1), func(in *cloudformation.CreateStackInput) { in.RetainExceptOnCreate = new(true) })
			w.happened("two", "A DELETE_COMPLETE")
		},
		"038 names that are made, and given": func(t *testing.T, w *world) {
			w.create("my-stack", "Resources: {A: {Type: AWS::SQS::Queue}, B: {Type: AWS::S3::Bucket}, C: {Type: AWS::IAM::Role, Properties: {RoleName: given, AssumeRolePolicyDocument: {}}}}")
			for logical, form := range map[string]string{"A": `/my-stack-A-[A-Z0-9]{12,13}$`, "B": `^my-stack-b-[a-z0-9]{12,13}$`, "C": `^given$`} {
				if got := w.physical("my-stack", logical); !regexp.MustCompile(form).MatchString(got) {
					t.Errorf("%s = %s, want %s", logical, got, form)
				}
			}
		},
		"044 who hangs on what changed, and does not": func(t *testing.T, w *world) {
			text := "Resources:\n  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: NAME}}\n  B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref A}}\n"
			w.create("s", strings.Replace(text, "NAME", "one", 1))
			if _, err := w.update("s", strings.Replace(text, "NAME", "two", 1)); err != nil {
				t.Fatal(err)
			}
			if e := strings.Join(w.events("s"), "\n"); strings.Contains(e, "B UPDATE") || !strings.Contains(e, "A UPDATE_COMPLETE") {
				t.Error(e)
			}
			if _, err := w.update("s", strings.Replace(text, "NAME", "two, FifoTopic: 'true'", 1)); err != nil {
				t.Fatal(err)
			}
			w.happened("s", "B UPDATE_COMPLETE")
		},
		"051 an update that pauses when it fails": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			pausing := func(in *cloudformation.UpdateStackInput) { in.DisableRollback = new(true) }
			w.Inject(awssim.Fault{Do: "update", Times: 1})
			s, err := w.update("s", prop("two"), pausing)
			if err != nil || s.StackStatus != types.StackStatusUpdateFailed {
				t.Fatalf("%v %s", err, s.StackStatus)
			}
			_, err = w.update("s", prop("three"))
			says(t, err, "ValidationError", "is in UPDATE_FAILED state and can not be updated.")
			if s, err := w.update("s", prop("three"), pausing); err != nil || s.StackStatus != types.StackStatusUpdateComplete {
				t.Fatalf("%v %s", err, s.StackStatus)
			}
			w.Inject(awssim.Fault{Do: "update", Times: 1})
			if _, err := w.update("s", prop("four"), pausing); err != nil {
				t.Fatal(err)
			}
			if _, err := w.cfn.RollbackStack(t.Context(), &cloudformation.RollbackStackInput{StackName: new("s")}); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
			w.live("s", "A", func(thing *awssim.Thing) {
				if thing.Properties["DisplayName"] != "three" {
					t.Errorf("DisplayName = %v", thing.Properties["DisplayName"])
				}
			})
			w.Release()
			w.Inject(awssim.Fault{Stack: "new", Do: "create", Times: 1})
			id := *w.create("new", one, func(in *cloudformation.CreateStackInput) { in.DisableRollback = new(true) }).StackId
			if _, err := w.cfn.RollbackStack(t.Context(), &cloudformation.RollbackStackInput{StackName: &id}); err != nil {
				t.Fatal(err)
			}
			if s := w.rest(id); s.StackStatus != types.StackStatusDeleteComplete {
				t.Errorf("never good, and %s", s.StackStatus)
			}
		},
		"053 types that are not updated": func(t *testing.T, w *world) {
			text := "Resources: {H: {Type: AWS::CloudFormation::WaitConditionHandle}, A: {Type: AWS::CloudFormation::WaitCondition, Properties: {Count: 0, Handle: !Ref H, Timeout: TIME}}}"
			w.create("s", strings.Replace(text, "TIME", "10", 1))
			s, err := w.update("s", strings.Replace(text, "TIME", "20", 1))
			if err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("%v %s", err, s.StackStatus)
			}
			w.happened("s", "A UPDATE_FAILED Update to resource type AWS::CloudFormation::WaitCondition is not supported")
		},
		"057 what is replaced is kept by the policy for that alone": func(t *testing.T, w *world) {
			text := "Resources: {A: {Type: AWS::SNS::Topic, POLICY: Retain, Properties: {FifoTopic: 'FIFO'}}}"
			for policy, kept := range map[string]bool{"UpdateReplacePolicy": true, "DeletionPolicy": false} {
				name := "s" + policy
				this := strings.Replace(text, "POLICY", policy, 1)
				w.create(name, strings.Replace(this, "FIFO", "false", 1))
				if _, err := w.update(name, strings.Replace(this, "FIFO", "true", 1)); err != nil {
					t.Fatal(err)
				}
				if e := strings.Join(w.events(name), "\n"); strings.Contains(e, "A DELETE_COMPLETE") == kept {
					t.Errorf("%s:\n%s", policy, e)
				}
			}
		},
		"066 an execution that fails": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			set := *w.propose("s", "c", prop("two")).ChangeSetId
			w.Inject(awssim.Fault{Do: "update", Times: 1})
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
			out, err := w.cfn.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: &set})
			if err != nil || out.ExecutionStatus != types.ExecutionStatusExecuteFailed || out.Status != types.ChangeSetStatusCreateComplete {
				t.Errorf("%v %s %s", err, out.ExecutionStatus, out.Status)
			}
		},
		"087 nothing is deleted while it is updated": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			w.Inject(awssim.Fault{Do: "update", Hold: true})
			if _, err := w.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(prop("two"))}); err != nil {
				t.Fatal(err)
			}
			w.clock.pass(time.Minute)
			_, err := w.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("s")})
			says(t, err, "ValidationError", "cannot be deleted while in status UPDATE_IN_PROGRESS")
			w.Release()
			w.rest("s")
		},
		"090 conditions take resources and outputs away": func(t *testing.T, w *world) {
			text := "Parameters: {On: {Type: String, Default: 'yes'}}\nConditions: {C: !Equals [!Ref On, 'yes']}\n" +
				"Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic, Condition: C}}\nOutputs: {O: {Value: !Ref B, Condition: C}, P: {Value: x}}\n"
			if s := w.create("s", text); len(s.Outputs) != 2 {
				t.Errorf("outputs %v", s.Outputs)
			}
			off := func(in *cloudformation.UpdateStackInput) {
				in.Parameters = []types.Parameter{{ParameterKey: new("On"), ParameterValue: new("no")}}
			}
			if s, err := w.update("s", text, off); err != nil || len(s.Outputs) != 1 {
				t.Errorf("%v, outputs %v", err, s.Outputs)
			}
			w.happened("s", "B DELETE_COMPLETE")
			_, err := w.update("s", strings.Replace(text, ", Condition: C}, P", "}, P", 1), off)
			says(t, err, "ValidationError", "Unresolved resource dependencies [B] in the Outputs block of the template")
			_, err = w.update("s", strings.Replace(text, "Topic}, B", "Topic, Properties: {DisplayName: !Ref B}}, B", 1), off)
			says(t, err, "ValidationError", "Unresolved resource dependencies [B] in the Resources block of the template")
		},
	})
}

// TestWrongStates is behaviour 048: in thirteen states nothing is updated.
func TestWrongStates(t *testing.T) {
	t.Parallel()
	hold := func(do string) awssim.Fault { return awssim.Fault{Do: do, Hold: true} }
	fail := func(do string) awssim.Fault { return awssim.Fault{Do: do} }
	begin := func(w *world, update bool) {
		w.t.Helper()
		var err error
		if update {
			_, err = w.cfn.UpdateStack(w.t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(prop("two"))})
		} else {
			_, err = w.cfn.CreateStack(w.t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(prop("one"))})
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	remove := func(w *world) { w.remove("s") }
	none := func(*world) {}
	for state, how := range map[types.StackStatus]struct {
		faults []awssim.Fault
		good   bool // it was created before the faults
		do     func(*world)
	}{
		types.StackStatusReviewInProgress:                        {nil, false, func(w *world) { w.propose("s", "c", one, creating) }},
		types.StackStatusCreateInProgress:                        {[]awssim.Fault{hold("create")}, false, func(w *world) { begin(w, false) }},
		types.StackStatusRollbackInProgress:                      {[]awssim.Fault{fail("create"), hold("delete")}, false, func(w *world) { begin(w, false) }},
		types.StackStatusRollbackComplete:                        {[]awssim.Fault{fail("create")}, false, func(w *world) { begin(w, false) }},
		types.StackStatusRollbackFailed:                          {[]awssim.Fault{fail("create"), fail("delete")}, false, func(w *world) { begin(w, false) }},
		types.StackStatusUpdateInProgress:                        {[]awssim.Fault{hold("update")}, true, func(w *world) { begin(w, true) }},
		types.StackStatusUpdateRollbackInProgress:                {[]awssim.Fault{fail("update"), hold("rollback")}, true, func(w *world) { begin(w, true) }},
		types.StackStatusUpdateRollbackFailed:                    {[]awssim.Fault{fail("update"), fail("rollback")}, true, func(w *world) { begin(w, true) }},
		types.StackStatusDeleteInProgress:                        {[]awssim.Fault{hold("delete")}, true, remove},
		types.StackStatusDeleteFailed:                            {[]awssim.Fault{fail("delete")}, true, remove},
		types.StackStatusDeleteComplete:                          {nil, true, remove},
		types.StackStatusUpdateCompleteCleanupInProgress:         {[]awssim.Fault{hold("cleanup")}, true, none},
		types.StackStatusUpdateRollbackCompleteCleanupInProgress: {[]awssim.Fault{{Logical: "C", Do: "create"}, hold("cleanup")}, true, none},
	} {
		t.Run("048 "+string(state), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, awssim.Config{})
			id := "s"
			if how.good {
				id = *w.create("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}, B: {Type: AWS::SNS::Topic}}").StackId
			}
			for _, f := range how.faults {
				w.Inject(f)
			}
			how.do(w)
			next := map[types.StackStatus]string{
				types.StackStatusUpdateCompleteCleanupInProgress:         prop("two"),
				types.StackStatusUpdateRollbackCompleteCleanupInProgress: "Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic}, D: {Type: AWS::SNS::Topic}, C: {Type: AWS::SNS::Topic, DependsOn: D}}",
			}[state]
			if next != "" {
				if _, err := w.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: &id, TemplateBody: &next}); err != nil {
					t.Fatal(err)
				}
			}
			w.clock.pass(time.Minute)
			if got := w.stack(id).StackStatus; got != state {
				t.Fatalf("status = %s", got)
			}
			_, err := w.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: &id, TemplateBody: new(prop("three"))})
			says(t, err, "ValidationError", fmt.Sprintf("is in %s state and can not be updated.", state))
		})
	}
}

// TestAdoption is about what change sets take over and bring back.
func TestAdoption(t *testing.T) {
	t.Parallel()
	behave(t, map[string]func(*testing.T, *world){
		"073 an import of nothing is found late": func(t *testing.T, w *world) {
			w.create("s", one)
			text := "Resources: {A: {Type: AWS::SNS::Topic}, MyFoo: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue nothing}}}"
			c := w.propose("s", "c", text)
			if c.Status != types.ChangeSetStatusCreateComplete || c.StatusReason != nil || len(c.Changes) != 1 {
				t.Errorf("%s %v, %d changes", c.Status, aws.ToString(c.StatusReason), len(c.Changes))
			}
			full := w.proposed("s", "c", true)
			want := "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation failed for resource [MyFoo] because: No export named nothing"
			if got := aws.ToString(full.StatusReason); !strings.HasPrefix(got, want) {
				t.Errorf("with values: %q", got)
			}
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
			w.happened("s", "No export named nothing found.")
		},
		"075 what to do on failure is said once": func(t *testing.T, w *world) {
			w.create("s", one)
			in := &cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), TemplateBody: new(prop("two")), OnStackFailure: types.OnStackFailureDelete}
			_, err := w.cfn.CreateChangeSet(t.Context(), in)
			says(t, err, "ValidationError", "OnStackFailure")
			w.propose("new", "c", one, creating, func(in *cloudformation.CreateChangeSetInput) { in.OnStackFailure = types.OnStackFailureDelete })
			_, err = w.cfn.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{StackName: new("new"), ChangeSetName: new("c"), DisableRollback: new(true)})
			says(t, err, "ValidationError", "DisableRollback")
			id := *w.stack("new").StackId
			w.Inject(awssim.Fault{Stack: "new", Do: "create"})
			if err := w.execute("new", "c"); err != nil {
				t.Fatal(err)
			}
			if s := w.rest(id); s.StackStatus != types.StackStatusDeleteComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
		},
		"080 what has a wanted name is taken over": func(t *testing.T, w *world) {
			w.Make("111111111111", "eu-west-1", "AWS::S3::Bucket", map[string]any{"BucketName": "bkt", "AccessControl": "Private"})
			kept := "Resources: {A: {Type: AWS::S3::Bucket, DeletionPolicy: RetainExceptOnCreate, Properties: {BucketName: bkt}}, B: {Type: AWS::SNS::Topic}}\n"
			adopting := func(in *cloudformation.CreateChangeSetInput) { in.ImportExistingResources = new(true) }
			c := w.propose("bad", "c", strings.Replace(kept, "DeletionPolicy: RetainExceptOnCreate, ", "", 1), creating, adopting)
			if c.Status != types.ChangeSetStatusFailed || !strings.HasSuffix(*c.StatusReason, "The affected resources are A ({BucketName=bkt})") {
				t.Errorf("%s %s", c.Status, aws.ToString(c.StatusReason))
			}
			c = w.propose("s", "c", kept, creating, adopting)
			if c.Status != types.ChangeSetStatusCreateComplete || c.Changes[0].ResourceChange.Action != types.ChangeActionImport || c.Changes[1].ResourceChange.Action != types.ChangeActionAdd {
				t.Fatalf("%s %s %+v", c.Status, aws.ToString(c.StatusReason), c.Changes)
			}
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusCreateComplete || w.physical("s", "A") != "bkt" {
				t.Errorf("%s, events %q", s.StackStatus, w.events("s"))
			}
			w.live("s", "A", func(thing *awssim.Thing) {
				if thing.Properties["AccessControl"] != "Private" {
					t.Error("taking the bucket over changed it")
				}
			})
		},
		"098 what drifted is brought back": func(t *testing.T, w *world) {
			text := "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}, B: {Type: AWS::SQS::Queue}, C: {Type: AWS::SNS::Topic}}"
			w.create("s", text)
			w.live("s", "A", func(thing *awssim.Thing) { thing.Properties["DisplayName"] = "two" })
			w.Edit("s", "B", func(*awssim.Thing) bool { return true })
			c := w.propose("s", "c", text, func(in *cloudformation.CreateChangeSetInput) { in.DeploymentMode = types.DeploymentModeRevertDrift })
			if c.Status != types.ChangeSetStatusCreateComplete || c.StackDriftStatus != types.StackDriftStatusDrifted || len(c.Changes) != 2 {
				t.Fatalf("%s %s %s, %d changes", c.Status, aws.ToString(c.StatusReason), c.StackDriftStatus, len(c.Changes))
			}
			a := w.proposed("s", "c", true).Changes[0].ResourceChange
			if target := a.Details[0].Target; *target.BeforeValue != "two" || *target.AfterValue != "one" || target.BeforeValueFrom != types.BeforeValueFromActualState {
				t.Errorf("target = %+v", target)
			}
			if b := c.Changes[1].ResourceChange; b.ResourceDriftStatus != types.StackResourceDriftStatusDeleted || b.Action != types.ChangeActionAdd {
				t.Errorf("B: %+v", b)
			}
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateComplete {
				t.Fatalf("%s %q", s.StackStatus, w.events("s"))
			}
			w.live("s", "A", func(thing *awssim.Thing) {
				if thing.Properties["DisplayName"] != "one" {
					t.Errorf("DisplayName = %v", thing.Properties["DisplayName"])
				}
			})
			w.live("s", "B", func(*awssim.Thing) {})
			if c := w.propose("s", "d", text, func(in *cloudformation.CreateChangeSetInput) { in.DeploymentMode = types.DeploymentModeRevertDrift }); c.Status != types.ChangeSetStatusFailed {
				t.Errorf("again: %s", c.Status)
			}
		},
	})
}

// TestRollbackTriggers is about alarms that take an operation back.
func TestRollbackTriggers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.create("alarms", "Resources: {A: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: errors, Namespace: AWS/Lambda, MetricName: Errors, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1, Threshold: 1}}}")
	with := func(arn, typ string) func(*cloudformation.UpdateStackInput) {
		return func(in *cloudformation.UpdateStackInput) {
			in.RollbackConfiguration = &types.RollbackConfiguration{MonitoringTimeInMinutes: new(int32(5)), RollbackTriggers: []types.RollbackTrigger{{Arn: &arn, Type: &typ}}}
		}
	}
	w.create("s", prop("one"))
	alarm := "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:errors"
	_, err := w.update("s", prop("two"), with(alarm, "AWS::SNS::Topic"))
	says(t, err, "ValidationError", "Rollback Trigger Type not supported")
	_, err = w.update("s", prop("two"), with("arn:aws:cloudwatch:eu-west-1:111111111111:errors", "AWS::CloudWatch::Alarm"))
	says(t, err, "ValidationError", "RelativeId of a Rollback Trigger's ARN is incorrect")
	began := w.clock.now()
	s, err := w.update("s", prop("two"), with(alarm, "AWS::CloudWatch::Alarm"))
	if err != nil || s.StackStatus != types.StackStatusUpdateComplete || *s.RollbackConfiguration.MonitoringTimeInMinutes != 5 || w.clock.now().Sub(began) < 5*time.Minute {
		t.Fatalf("%v %s after %s", err, s.StackStatus, w.clock.now().Sub(began))
	}
	w.live("alarms", "A", func(thing *awssim.Thing) { thing.Attributes["StateValue"] = "ALARM" })
	if s, err := w.update("s", prop("three")); err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("%v %s", err, s.StackStatus)
	}
	if s, err := w.update("s", prop("four"), with(alarm+"-none", "AWS::CloudWatch::Alarm")); err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("a missing alarm: %v %s", err, s.StackStatus)
	}
}
