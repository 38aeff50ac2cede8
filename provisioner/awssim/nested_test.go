package awssim_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"baryon/provisioner/awssim"
)

// inner is what nested stacks are made from: a topic, named by a parameter, and
// another where that is asked for.
const inner = "Parameters: {Name: {Type: String}, More: {Type: String, Default: no}}\nConditions: {Two: !Equals [!Ref More, 'true']}\n" +
	"Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}\n  U: {Type: AWS::SNS::Topic, Condition: Two, DependsOn: T}\n" +
	"Outputs: {Topic: {Value: !GetAtt T.TopicName}, Name: {Value: !Ref Name}}\n"

// outer is a stack with a nested one, and a topic that is named by its output.
func outer(name string, more ...string) string {
	return "Resources:\n  N:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: https://templates.s3.amazonaws.com/inner.yaml\n" +
		"      Parameters: {Name: " + name + "}\n  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt N.Outputs.Name}}\n" + strings.Join(more, "")
}

// nest is an account with the inner template in a bucket.
func nest(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, awssim.Config{})
	w.Bucket("111111111111", "eu-west-1", "templates")
	w.Put("templates", "inner.yaml", inner)
	return w
}

// child is the nested stack N of s.
func (w *world) child() string { return w.physical("s", "N") }

// display is what a topic shows.
func (w *world) display(stackID, logical string) (name string) {
	w.t.Helper()
	w.live(*w.stack(stackID).StackName, logical, func(thing *awssim.Thing) { name, _ = thing.Properties["DisplayName"].(string) })
	return name
}

// TestNestedStacks is about stacks in stacks. Sources: UG
// using-cfn-nested-stacks, change-sets-for-nested-stacks; texts of row 68 and of
// issues.
func TestNestedStacks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *world){
		"one is made, with outputs, and goes with its parent": func(t *testing.T, w *world) {
			s := w.create("s", outer("one"))
			if s.StackStatus != types.StackStatusCreateComplete {
				t.Fatalf("%s %q", s.StackStatus, w.events("s"))
			}
			child := w.stack(w.child())
			if child.StackStatus != types.StackStatusCreateComplete || aws.ToString(child.ParentId) != *s.StackId || aws.ToString(child.RootId) != *s.StackId {
				t.Errorf("%s, parent %v, root %v", child.StackStatus, child.ParentId, child.RootId)
			}
			if !strings.HasPrefix(*child.StackName, "s-N-") || w.display("s", "A") != "one" {
				t.Errorf("child %s, A %s", *child.StackName, w.display("s", "A"))
			}
			e := w.events("s")
			if i, j := slices.Index(e, "N CREATE_COMPLETE"), slices.Index(e, "A CREATE_IN_PROGRESS"); i < 0 || j < i {
				t.Errorf("events %q", e)
			}
			w.remove("s")
			if got := w.stack(*child.StackId).StackStatus; got != types.StackStatusDeleteComplete {
				t.Errorf("the child is %s", got)
			}
			if got := w.stack(*s.StackId).StackStatus; got != types.StackStatusDeleteComplete {
				t.Errorf("the parent is %s", got)
			}
		},
		"its failure is that of its parent": func(t *testing.T, w *world) {
			w.Inject(awssim.Fault{Logical: "T", Do: "create", Reason: "no"})
			s := w.create("s", outer("one"))
			child := w.child()
			want := []string{
				"s CREATE_IN_PROGRESS User Initiated",
				"N CREATE_IN_PROGRESS",
				"N CREATE_IN_PROGRESS Resource creation Initiated",
				"N CREATE_FAILED Embedded stack " + child + " was not successfully created: The following resource(s) failed to create: [T].",
				"s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [N]. Rollback requested by user.",
				"N DELETE_IN_PROGRESS",
				"N DELETE_COMPLETE",
				"s ROLLBACK_COMPLETE",
			}
			if diff := cmp.Diff(want, w.events("s")); diff != "" || s.StackStatus != types.StackStatusRollbackComplete {
				t.Errorf("%s (-want +got):\n%s", s.StackStatus, diff)
			}
			inner := w.events(child)
			if i, j := slices.Index(inner, "T CREATE_FAILED no"), slices.IndexFunc(inner, func(e string) bool { return strings.Contains(e, "CREATE_FAILED The following") }); i < 0 || j < i {
				t.Errorf("events %q", inner)
			}
		},
		"what it is not given": func(t *testing.T, w *world) {
			w.create("s", strings.Replace(outer("one"), "Name: one", "Other: one", 1))
			if e := strings.Join(w.events("s"), "\n"); !strings.Contains(e, "N CREATE_FAILED Parameters: [Other] do not exist in the template") {
				t.Error(e)
			}
		},
		"a template that is not there": func(t *testing.T, w *world) {
			w.create("s", strings.Replace(outer("one"), "inner.yaml", "none.yaml", 1))
			if e := strings.Join(w.events("s"), "\n"); !strings.Contains(e, "N CREATE_FAILED S3 error: The specified key does not exist.") {
				t.Error(e)
			}
		},
		"an output that it has not": func(t *testing.T, w *world) {
			w.create("s", outer("one", "  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt N.Outputs.None}}\n"))
			if e := strings.Join(w.events("s"), "\n"); !strings.Contains(e, "B CREATE_FAILED Output 'None' not found in stack") {
				t.Error(e)
			}
		},
		"it is updated with its parent": func(t *testing.T, w *world) {
			w.create("s", outer("one"))
			_, err := w.update("s", outer("one"))
			says(t, err, "ValidationError", "No updates are to be performed.")
			s, err := w.update("s", outer("two"))
			if err != nil || s.StackStatus != types.StackStatusUpdateComplete || w.display(w.child(), "T") != "two" || w.display("s", "A") != "two" {
				t.Fatalf("%v %s %q", err, s.StackStatus, w.events("s"))
			}
			if got := w.stack(w.child()).StackStatus; got != types.StackStatusUpdateComplete {
				t.Errorf("the child is %s", got)
			}
			w.Put("templates", "inner.yaml", strings.Replace(inner, "Outputs: {", "Outputs: {New: {Value: x}, ", 1)) // an output more, under the same URL
			if s, err := w.update("s", outer("two")); err != nil || s.StackStatus != types.StackStatusUpdateComplete || len(w.stack(w.child()).Outputs) != 3 {
				t.Errorf("%v %s %q", err, s.StackStatus, w.events("s"))
			}
		},
		"a failed update takes its parent back": func(t *testing.T, w *world) {
			w.create("s", outer("one"))
			w.Inject(awssim.Fault{Logical: "T", Do: "update", Reason: "no"})
			s, err := w.update("s", outer("two"))
			if err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete || w.display(w.child(), "T") != "one" {
				t.Fatalf("%v %s %q", err, s.StackStatus, w.events("s"))
			}
			want := "was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to update: [T]."
			if e := strings.Join(w.events("s"), "\n"); !strings.Contains(e, "N UPDATE_FAILED Embedded stack "+w.child()+" "+want) {
				t.Error(e)
			}
			if got := w.stack(w.child()).StackStatus; got != types.StackStatusUpdateRollbackComplete {
				t.Errorf("the child is %s", got)
			}
		},
		"its parent's failure takes it back": func(t *testing.T, w *world) {
			more := "  B: {Type: AWS::SNS::Topic, DependsOn: N}\n"
			w.create("s", outer("one"))
			before := w.physical(w.child(), "T")
			w.Inject(awssim.Fault{Logical: "B", Do: "create", Reason: "no"})
			s, err := w.update("s", strings.Replace(outer("two", more), "Name: two", "Name: two, More: 'true'", 1))
			if err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Fatalf("%v %s %q", err, s.StackStatus, w.events("s"))
			}
			child := w.stack(w.child())
			if child.StackStatus != types.StackStatusUpdateRollbackComplete || w.display(w.child(), "T") != "one" || w.physical(w.child(), "T") != before {
				t.Errorf("the child is %s: %q", child.StackStatus, w.events(w.child()))
			}
			if e := w.events(w.child()); !slices.Contains(e, "U DELETE_COMPLETE") {
				t.Errorf("what was new in it stays: %q", e)
			}
			w.Release()
			if s, err := w.update("s", outer("three", more)); err != nil || s.StackStatus != types.StackStatusUpdateComplete || w.display("s", "A") != "three" {
				t.Errorf("afterwards: %v %s", err, s.StackStatus)
			}
		},
		"a rollback that is stuck in it goes on without": func(t *testing.T, w *world) {
			w.create("s", outer("one"))
			w.Inject(awssim.Fault{Logical: "U", Do: "create", Reason: "no"})
			w.Inject(awssim.Fault{Logical: "T", Do: "rollback", Reason: "stuck"})
			s, err := w.update("s", strings.Replace(outer("two"), "Name: two", "Name: two, More: 'true'", 1))
			if err != nil || s.StackStatus != types.StackStatusUpdateRollbackFailed {
				t.Fatalf("%v %s %q", err, s.StackStatus, w.events("s"))
			}
			_, err = w.cfn.ContinueUpdateRollback(t.Context(), &cloudformation.ContinueUpdateRollbackInput{StackName: new("s"), ResourcesToSkip: []string{"N.T"}})
			says(t, err, "ValidationError", "not in UPDATE_FAILED state: [N.T]")
			name := *w.stack(w.child()).StackName
			if _, err := w.cfn.ContinueUpdateRollback(t.Context(), &cloudformation.ContinueUpdateRollbackInput{StackName: new("s"), ResourcesToSkip: []string{name + ".T"}}); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete || w.stack(w.child()).StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("%s %q %q", s.StackStatus, w.events("s"), w.events(w.child()))
			}
		},
		"a deletion that is stuck in it": func(t *testing.T, w *world) {
			w.create("s", outer("one"))
			id := *w.stack("s").StackId
			w.Inject(awssim.Fault{Logical: "T", Do: "delete", Reason: "no", Times: 1})
			w.remove("s")
			if e := strings.Join(w.events(id), "\n"); !strings.Contains(e, "N DELETE_FAILED Embedded stack "+w.child()+" was not successfully deleted: The following resource(s) failed to delete: [T].") {
				t.Error(e)
			}
			if got := w.stack(id).StackStatus; got != types.StackStatusDeleteFailed {
				t.Errorf("status = %s", got)
			}
			w.remove("s")
			if got := w.stack(id).StackStatus; got != types.StackStatusDeleteComplete {
				t.Errorf("status = %s", got)
			}
		},
		"one that is taken out of the template": func(t *testing.T, w *world) {
			w.create("s", outer("one"))
			child := w.child()
			if s, err := w.update("s", one); err != nil || s.StackStatus != types.StackStatusUpdateComplete || w.stack(child).StackStatus != types.StackStatusDeleteComplete {
				t.Errorf("%v %s, the child is %s", err, s.StackStatus, w.stack(child).StackStatus)
			}
		},
		"one that is kept": func(t *testing.T, w *world) {
			w.create("s", strings.Replace(outer("one"), "    Properties:", "    DeletionPolicy: Retain\n    Properties:", 1))
			child := w.child()
			w.remove("s")
			if got := w.stack(child); got.StackStatus != types.StackStatusCreateComplete || got.ParentId != nil {
				t.Errorf("%s of %v", got.StackStatus, got.ParentId)
			}
		},
		"two levels, and protection from the top": func(t *testing.T, w *world) {
			w.Put("templates", "middle.yaml", outer("deep"))
			s := w.create("s", strings.Replace(strings.Replace(outer("x"), "inner.yaml", "middle.yaml", 1), "      Parameters: {Name: x}\n  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt N.Outputs.Name}}\n", "", 1))
			if s.StackStatus != types.StackStatusCreateComplete {
				t.Fatalf("%s %q", s.StackStatus, w.events("s"))
			}
			lowest := w.stack(w.physical(w.child(), "N"))
			if aws.ToString(lowest.RootId) != *s.StackId || aws.ToString(lowest.ParentId) != w.child() {
				t.Errorf("root %v, parent %v", lowest.RootId, lowest.ParentId)
			}
			_, err := w.cfn.UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{StackName: lowest.StackId, EnableTerminationProtection: new(true)})
			says(t, err, "ValidationError", "root stack")
			if _, err := w.cfn.UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{StackName: new("s"), EnableTerminationProtection: new(true)}); err != nil {
				t.Fatal(err)
			}
			_, err = w.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: lowest.StackName})
			says(t, err, "ValidationError", "cannot be deleted while TerminationProtection is enabled")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nest(t)
			w.t = t
			test(t, w)
		})
	}
}

// TestNestedChangeSets is about what change sets say of nested stacks.
func TestNestedChangeSets(t *testing.T) {
	t.Parallel()
	including := func(in *cloudformation.CreateChangeSetInput) { in.IncludeNestedStacks = new(true) }
	t.Run("without a look into it, it may always change", func(t *testing.T) {
		t.Parallel()
		w := nest(t)
		w.t = t
		w.create("s", outer("one"))
		c := w.propose("s", "c", outer("one"))
		if len(c.Changes) == 0 || c.Status != types.ChangeSetStatusCreateComplete {
			t.Fatalf("%s, %d changes", c.Status, len(c.Changes))
		}
		r := c.Changes[0].ResourceChange
		if d := r.Details[0]; *r.LogicalResourceId != "N" || d.ChangeSource != types.ChangeSourceAutomatic || d.Evaluation != types.EvaluationTypeDynamic || r.Replacement != types.ReplacementFalse {
			t.Errorf("%+v %+v", r, d)
		}
	})
	t.Run("with a look, there is a change set for each", func(t *testing.T) {
		t.Parallel()
		w := nest(t)
		w.t = t
		c := w.propose("s", "c", outer("one"), creating, including)
		inner := c.Changes[0].ResourceChange.ChangeSetId
		if c.Status != types.ChangeSetStatusCreateComplete || inner == nil {
			t.Fatalf("%s %s", c.Status, aws.ToString(c.StatusReason))
		}
		of, err := w.cfn.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: inner})
		if err != nil || aws.ToString(of.ParentChangeSetId) != *c.ChangeSetId || aws.ToString(of.RootChangeSetId) != *c.ChangeSetId || len(of.Changes) != 1 {
			t.Fatalf("%v %+v", err, of)
		}
		_, err = w.cfn.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: inner})
		says(t, err, "ValidationError", "use the root change set")
		if err := w.execute("s", "c"); err != nil {
			t.Fatal(err)
		}
		if s := w.rest("s"); s.StackStatus != types.StackStatusCreateComplete || w.child() != *of.StackId {
			t.Errorf("%s, the child is %s, want the reviewed %s", s.StackStatus, w.child(), *of.StackId)
		}
		if c := w.propose("s", "again", outer("one"), including); c.Status != types.ChangeSetStatusFailed || !strings.Contains(aws.ToString(c.StatusReason), "didn't contain changes") {
			t.Errorf("again: %s %s", c.Status, aws.ToString(c.StatusReason))
		}
		c = w.propose("s", "two", outer("two"), including)
		of, err = w.cfn.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: c.Changes[0].ResourceChange.ChangeSetId, IncludePropertyValues: new(true)})
		if err != nil || len(of.Changes) != 1 || *of.Changes[0].ResourceChange.Details[0].Target.AfterValue != "two" {
			t.Fatalf("%v %+v", err, of)
		}
		if err := w.execute("s", "two"); err != nil {
			t.Fatal(err)
		}
		if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateComplete || w.display(w.child(), "T") != "two" {
			t.Errorf("%s", s.StackStatus)
		}
		of, err = w.cfn.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: of.ChangeSetId})
		if err != nil || of.ExecutionStatus != types.ExecutionStatusExecuteComplete {
			t.Errorf("%v %s", err, of.ExecutionStatus)
		}
	})
	t.Run("one that fails, and what becomes of all when they are withdrawn", func(t *testing.T) {
		t.Parallel()
		w := nest(t)
		w.t = t
		w.Put("templates", "inner.yaml", "Parameters: {Name: {Type: String}}\nResources: {T: {Type: AWS::SNS::Topic, Properties: {Displayname: x}}}\nOutputs: {Name: {Value: x}}\n")
		c := w.propose("s", "c", outer("one"), creating, including)
		inner := aws.ToString(c.Changes[0].ResourceChange.ChangeSetId)
		if want := "Nested change set " + inner + " was not successfully created: Currently in FAILED."; aws.ToString(c.StatusReason) != want {
			t.Fatalf("%s %s, want %s", c.Status, aws.ToString(c.StatusReason), want)
		}
		if _, err := w.cfn.DeleteChangeSet(t.Context(), &cloudformation.DeleteChangeSetInput{ChangeSetName: c.ChangeSetId}); err != nil {
			t.Fatal(err)
		}
		_, err := w.cfn.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: &inner})
		says(t, err, "ChangeSetNotFound", "ChangeSet ["+inner+"] does not exist")
		if got := w.Stacks("111111111111", "eu-west-1"); len(got) != 1 {
			t.Errorf("stacks: %v", got)
		}
	})
}
