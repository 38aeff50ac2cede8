package awssim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// propose makes a change set and waits for it.
func (w *world) propose(stack, name, template string, edit ...func(*cloudformation.CreateChangeSetInput)) *cloudformation.DescribeChangeSetOutput {
	w.t.Helper()
	in := &cloudformation.CreateChangeSetInput{StackName: &stack, ChangeSetName: &name, TemplateBody: &template, Capabilities: all}
	for _, e := range edit {
		e(in)
	}
	if _, err := w.cfn.CreateChangeSet(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
	w.clock.pass(5 * time.Second)
	return w.proposed(stack, name, false)
}

func (w *world) proposed(stack, name string, values bool) *cloudformation.DescribeChangeSetOutput {
	w.t.Helper()
	out, err := w.cfn.DescribeChangeSet(w.t.Context(), &cloudformation.DescribeChangeSetInput{StackName: &stack, ChangeSetName: &name, IncludePropertyValues: &values})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) execute(stack, name string) error {
	_, err := w.cfn.ExecuteChangeSet(w.t.Context(), &cloudformation.ExecuteChangeSetInput{StackName: &stack, ChangeSetName: &name})
	return err
}

func creating(in *cloudformation.CreateChangeSetInput) { in.ChangeSetType = types.ChangeSetTypeCreate }

// TestChangeSets is behaviours 58 to 81.
func TestChangeSets(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *world){
		"022 058 064 a stack is created by its change set": func(t *testing.T, w *world) {
			w.propose("s", "c", one, creating, func(in *cloudformation.CreateChangeSetInput) { in.Tags = []types.Tag{{Key: new("k"), Value: new("v")}} })
			s := w.stack("s")
			if s.StackStatus != types.StackStatusReviewInProgress || aws.ToString(s.StackStatusReason) != "User Initiated" || len(s.Tags) != 0 {
				t.Errorf("%s %v %v", s.StackStatus, s.StackStatusReason, s.Tags)
			}
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			s = w.rest("s")
			w.rest("s")
			for range 5 {
				w.clock.pass(time.Second)
				s = w.stack("s")
			}
			if s.StackStatus != types.StackStatusCreateComplete || s.ChangeSetId == nil || s.LastUpdatedTime == nil || len(s.Tags) != 1 {
				t.Errorf("%s %v %v %v", s.StackStatus, s.ChangeSetId, s.LastUpdatedTime, s.Tags)
			}
			if got := w.proposed("s", "c", false).ExecutionStatus; got != types.ExecutionStatusExecuteComplete {
				t.Errorf("execution status = %s", got)
			}
			says(t, w.execute("s", "c"), "InvalidChangeSetStatus", "[EXECUTE_COMPLETE]")
		},
		"059 a change set takes its time": func(t *testing.T, w *world) {
			in := &cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), TemplateBody: new(one), ChangeSetType: types.ChangeSetTypeCreate}
			if _, err := w.cfn.CreateChangeSet(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			for _, want := range []types.ChangeSetStatus{types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress, types.ChangeSetStatusCreateComplete} {
				if got := w.proposed("s", "c", false).Status; got != want {
					t.Errorf("status = %s, want %s", got, want)
				}
				if want != types.ChangeSetStatusCreateComplete {
					says(t, w.execute("s", "c"), "InvalidChangeSetStatus", "cannot be executed in its current status of")
				}
				w.clock.pass(500 * time.Millisecond)
			}
		},
		"060 the wrong type of change set": func(t *testing.T, w *world) {
			in := &cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), TemplateBody: new(one)}
			_, err := w.cfn.CreateChangeSet(t.Context(), in)
			says(t, err, "ValidationError", "Stack [s] does not exist")
			w.create("s", one)
			in.ChangeSetType = types.ChangeSetTypeCreate
			_, err = w.cfn.CreateChangeSet(t.Context(), in)
			says(t, err, "ValidationError", "Stack [s] already exists and cannot be created again with the changeSet [c].")
		},
		"061 nothing to do": func(t *testing.T, w *world) {
			w.create("s", one)
			c := w.propose("s", "c", one)
			want := "The submitted information didn't contain changes. Submit different information to create a change set."
			if c.Status != types.ChangeSetStatusFailed || c.ExecutionStatus != types.ExecutionStatusUnavailable || *c.StatusReason != want {
				t.Errorf("%s %s %v", c.Status, c.ExecutionStatus, *c.StatusReason)
			}
			says(t, w.execute("s", "c"), "InvalidChangeSetStatus", "cannot be executed in its current status of [FAILED]")
			extended := "Transform: AWS::LanguageExtensions\n" + one
			w.create("x", extended)
			if c := w.propose("x", "c", extended); *c.StatusReason != "No updates are to be performed." {
				t.Errorf("with a transform: %s", *c.StatusReason)
			}
		},
		"062 outputs alone": func(t *testing.T, w *world) {
			w.create("s", one)
			c := w.propose("s", "c", one+"Outputs: {O: {Value: x}}")
			if c.Status != types.ChangeSetStatusCreateComplete || len(c.Changes) != 0 {
				t.Errorf("%s, %d changes", c.Status, len(c.Changes))
			}
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateComplete || len(s.Outputs) != 1 {
				t.Errorf("%s %v", s.StackStatus, s.Outputs)
			}
		},
		"063 065 names are used once, executing one ends the others": func(t *testing.T, w *world) {
			w.create("s", one)
			w.propose("s", "c", prop("two"))
			_, err := w.cfn.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), TemplateBody: new(one)})
			says(t, err, "AlreadyExistsException", "c already exists")
			w.propose("s", "d", prop("three"))
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			w.rest("s")
			says(t, w.execute("s", "d"), "ChangeSetNotFound", "ChangeSet [d] does not exist")
			w.propose("s", "e", prop("four"))
			if _, err := w.update("s", prop("five")); err != nil {
				t.Fatal(err)
			}
			says(t, w.execute("s", "e"), "InvalidChangeSetStatus", "[OBSOLETE]")
		},
		"067 068 069 deleting change sets": func(t *testing.T, w *world) {
			remove := func(stack, name string) error {
				in := &cloudformation.DeleteChangeSetInput{ChangeSetName: &name}
				if stack != "" {
					in.StackName = &stack
				}
				_, err := w.cfn.DeleteChangeSet(t.Context(), in)
				return err
			}
			w.propose("s", "c", one, creating)
			if err := remove("s", "nothing"); err != nil {
				t.Error(err)
			}
			says(t, remove("x", "c"), "ValidationError", "Stack [x] does not exist")
			says(t, remove("", "c"), "ValidationError", "StackName must be specified if ChangeSetName is not specified as an ARN.")
			if err := remove("s", "c"); err != nil {
				t.Error(err)
			}
			_, err := w.cfn.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{StackName: new("s"), ChangeSetName: new("c")})
			says(t, err, "ChangeSetNotFound", "ChangeSet [c] does not exist")
			if s := w.stack("s"); s.StackStatus != types.StackStatusReviewInProgress {
				t.Errorf("status = %s", s.StackStatus)
			}
		},
		"070 071 072 what would change, and how": func(t *testing.T, w *world) {
			declared := func(rest string) string { return "Parameters: {P: {Type: String, Default: a}}\nResources:\n" + rest }
			w.create("s", declared("  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref P}}\n  B: {Type: AWS::SNS::Topic}\n"))
			next := declared("  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref P, FifoTopic: 'true'}}\n  C: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref A}}\n")
			w.propose("s", "c", next, func(in *cloudformation.CreateChangeSetInput) {
				in.Parameters = []types.Parameter{{ParameterKey: new("P"), ParameterValue: new("b")}}
			})
			plain, full := w.proposed("s", "c", false), w.proposed("s", "c", true)
			var got []string
			for _, c := range full.Changes {
				r := c.ResourceChange
				got = append(got, strings.Join([]string{*r.LogicalResourceId, string(r.Action), string(r.Replacement), string(r.PolicyAction)}, " "))
				for _, d := range r.Details {
					got = append(got, strings.Join([]string{"", *d.Target.Name, string(d.Evaluation), string(d.ChangeSource), aws.ToString(d.CausingEntity), string(d.Target.RequiresRecreation),
						aws.ToString(d.Target.BeforeValue), aws.ToString(d.Target.AfterValue)}, " "))
				}
			}
			want := []string{
				"A Modify True ReplaceAndDelete",
				" DisplayName Static ParameterReference P Never a b",
				" DisplayName Dynamic DirectModification  Never a b",
				" FifoTopic Static DirectModification  Always  true",
				"C Add  ",
				"B Remove  Delete",
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if after := *full.Changes[1].ResourceChange.AfterContext; !strings.Contains(after, "{{changeSet:KNOWN_AFTER_APPLY}}") {
				t.Errorf("after = %s", after)
			}
			if plain.Changes[0].ResourceChange.BeforeContext != nil || plain.Changes[0].ResourceChange.Details[0].Target.AfterValue != nil {
				t.Error("values that were not asked for")
			}
		},
		"074 changes come in pages": func(t *testing.T, w *world) {
			w.propose("s", "c", two, creating)
			out := w.proposed("s", "c", false)
			if len(out.Changes) != 1 || out.NextToken == nil {
				t.Fatalf("%d changes, token %v", len(out.Changes), out.NextToken)
			}
			next, err := w.cfn.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), IncludePropertyValues: new(false), NextToken: out.NextToken})
			if err != nil || len(next.Changes) != 1 || next.NextToken != nil || next.Status != out.Status {
				t.Errorf("%v %v", err, next)
			}
		},
		"076 early validation": func(t *testing.T, w *world) {
			w.Make("111111111111", "eu-west-1", "AWS::Logs::LogGroup", map[string]any{"LogGroupName": "taken"})
			orphan := "Resources: {A: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: taken}}}"
			c := w.propose("s", "c", orphan, creating)
			if c.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(*c.StatusReason, "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck].") {
				t.Errorf("%s %s", c.Status, aws.ToString(c.StatusReason))
			}
			out, err := w.cfn.DescribeEvents(t.Context(), &cloudformation.DescribeEventsInput{StackName: new("s"), ChangeSetName: new("c")})
			if err != nil || len(out.OperationEvents) != 1 || aws.ToString(out.OperationEvents[0].ValidationName) != "NAME_CONFLICT_VALIDATION" {
				t.Errorf("%v %v", err, out)
			}
			if c := w.propose("s", "d", orphan, creating, func(in *cloudformation.CreateChangeSetInput) { in.DisableValidation = new(true) }); c.Status != types.ChangeSetStatusCreateComplete {
				t.Errorf("unchecked: %s", c.Status)
			}
		},
		"077 078 079 081 import": func(t *testing.T, w *world) {
			w.Make("111111111111", "eu-west-1", "AWS::S3::Bucket", map[string]any{"BucketName": "bkt", "AccessControl": "Private"})
			kept := "Resources: {A: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: bkt}}}\n"
			try := func(name, template, key, id string) error {
				_, err := w.cfn.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
					StackName: new("s"), ChangeSetName: &name, TemplateBody: &template, ChangeSetType: types.ChangeSetTypeImport,
					ResourcesToImport: []types.ResourceToImport{{LogicalResourceId: new("A"), ResourceType: new("AWS::S3::Bucket"), ResourceIdentifier: map[string]string{key: id}}},
				})
				w.clock.pass(5 * time.Second)
				return err
			}
			says(t, try("c1", strings.Replace(kept, "DeletionPolicy: Retain, ", "", 1), "BucketName", "bkt"), "ValidationError", "DeletionPolicy")
			says(t, try("c2", kept, "BucketName", "nothing"), "ValidationError", "was not found")
			says(t, try("c3", kept, "Name", "bkt"), "ValidationError", "do not match the identifiers of AWS::S3::Bucket: [BucketName]")
			if err := try("c4", kept+"Outputs: {O: {Value: x}}", "BucketName", "bkt"); err != nil {
				t.Fatal(err)
			}
			if c := w.proposed("s", "c4", false); aws.ToString(c.StatusReason) != "As part of the import operation, you cannot modify or add [Outputs]" {
				t.Errorf("%s %s", c.Status, aws.ToString(c.StatusReason))
			}
			if err := try("c5", kept, "BucketName", "bkt"); err != nil {
				t.Fatal(err)
			}
			if err := w.execute("s", "c5"); err != nil {
				t.Fatal(err)
			}
			w.stack("s")
			if s := w.rest("s"); s.StackStatus != types.StackStatusImportComplete {
				t.Errorf("status = %s, events %q", s.StackStatus, w.events("s"))
			}
			w.Edit("s", "A", func(thing *awssim.Thing) bool {
				if thing.Properties["AccessControl"] != "Private" {
					t.Error("the import touched the bucket")
				}
				return false
			})
			w.remove("s")
			if err := try("c6", kept, "BucketName", "bkt"); err != nil {
				t.Errorf("released and imported again: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := awssim.Config{}
			if strings.HasPrefix(name, "074") {
				cfg.PageSize = 1
			}
			test(t, newWorld(t, cfg))
		})
	}
}

// TestDrift is about what was changed behind a stack's back.
func TestDrift(t *testing.T) {
	t.Parallel()
	behave(t, map[string]func(*testing.T, *world){"097 drift": drift})
}

func drift(t *testing.T, w *world) {
	t.Helper()
	w.create("bad", one, func(in *cloudformation.CreateStackInput) { in.OnFailure = types.OnFailureDoNothing })
	w.create("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}, B: {Type: AWS::SNS::Topic}, C: {Type: AWS::SNS::Topic}}")
	w.Edit("s", "A", func(thing *awssim.Thing) bool { thing.Properties["DisplayName"] = "two"; return false })
	w.Edit("s", "B", func(*awssim.Thing) bool { return true })
	w.Edit("s", "C", func(thing *awssim.Thing) bool { thing.Properties["KmsMasterKeyId"] = "k"; return false })
	run, err := w.cfn.DetectStackDrift(t.Context(), &cloudformation.DetectStackDriftInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.cfn.DetectStackDrift(t.Context(), &cloudformation.DetectStackDriftInput{StackName: new("s")})
	says(t, err, "ValidationError", "Drift detection is already in progress")
	w.clock.pass(time.Second)
	status, err := w.cfn.DescribeStackDriftDetectionStatus(t.Context(), &cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: run.StackDriftDetectionId})
	if err != nil || status.StackDriftStatus != types.StackDriftStatusDrifted || *status.DriftedStackResourceCount != 2 {
		t.Fatalf("%v %+v", err, status)
	}
	out, err := w.cfn.DescribeStackResourceDrifts(t.Context(), &cloudformation.DescribeStackResourceDriftsInput{StackName: new("s")})
	if err != nil || len(out.StackResourceDrifts) != 3 {
		t.Fatalf("%v %+v", err, out)
	}
	a, b, c := out.StackResourceDrifts[0], out.StackResourceDrifts[1], out.StackResourceDrifts[2]
	if a.StackResourceDriftStatus != types.StackResourceDriftStatusModified || *a.PropertyDifferences[0].PropertyPath != "/DisplayName" || *a.PropertyDifferences[0].ActualValue != "two" {
		t.Errorf("A: %+v", a)
	}
	if b.StackResourceDriftStatus != types.StackResourceDriftStatusDeleted || c.StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
		t.Errorf("B: %s, C: %s", b.StackResourceDriftStatus, c.StackResourceDriftStatus)
	}
}
