package awssim_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// follow is a stack's events from the last that begins with a text.
func (w *world) follow(stack, from string) []string {
	w.t.Helper()
	e := w.events(stack)
	for i, line := range slices.Backward(e) {
		if strings.HasPrefix(line, from) {
			return e[i:]
		}
	}
	w.t.Fatalf("no event %q in %q", from, e)
	return nil
}

// TestOrder is what happens in which order, and to whom, while stacks change.
func TestOrder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *world){
		"040 an order alone is no update": func(t *testing.T, w *world) {
			w.create("s", two)
			_, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic, DependsOn: A}}")
			says(t, err, "ValidationError", "No updates are to be performed.")
		},
		"042 what is removed keeps its status until then": func(t *testing.T, w *world) {
			w.create("s", two)
			w.Inject(awssim.Fault{Logical: "A", Do: "update", Hold: true})
			if _, err := w.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(prop("two"))}); err != nil {
				t.Fatal(err)
			}
			out, err := w.cfn.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: new("s"), LogicalResourceId: new("B")})
			if err != nil || out.StackResourceDetail.ResourceStatus != types.ResourceStatusCreateComplete {
				t.Errorf("B is %v, %v", out, err)
			}
			w.Release()
			w.rest("s")
			if e := w.follow("s", "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"); !slices.Contains(e, "B DELETE_COMPLETE") {
				t.Errorf("events %q", e)
			}
		},
		"043 in place, or a new one before the old goes": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			before := w.physical("s", "A")
			if _, err := w.update("s", prop("two")); err != nil || w.physical("s", "A") != before {
				t.Errorf("%v: %s, want %s", err, w.physical("s", "A"), before)
			}
			if _, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {FifoTopic: 'true'}}}"); err != nil {
				t.Fatal(err)
			}
			want := []string{
				"s UPDATE_IN_PROGRESS User Initiated",
				"A UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one.",
				"A UPDATE_IN_PROGRESS Resource creation Initiated", "A UPDATE_COMPLETE", "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
				"A DELETE_IN_PROGRESS", "A DELETE_COMPLETE", "s UPDATE_COMPLETE",
			}
			if got := w.follow("s", want[0]); !slices.Equal(got, want) {
				t.Errorf("events %q, want %q", got, want)
			}
		},
		"045 both lists of what failed": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			w.Inject(awssim.Fault{Logical: "B", Do: "create", Reason: "no"})
			w.Inject(awssim.Fault{Logical: "A", Do: "update", Hold: true})
			if _, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: two}}, B: {Type: AWS::SNS::Topic}}"); err != nil {
				t.Fatal(err)
			}
			w.happened("s", "s UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [B]. The following resource(s) failed to update: [A].")
			w.happened("s", "A UPDATE_FAILED Resource update cancelled")
		},
		"047 three tries, and it is none of the stack's any more": func(t *testing.T, w *world) {
			w.create("s", two)
			w.Inject(awssim.Fault{Logical: "B", Do: "cleanup"})
			if _, err := w.update("s", one); err != nil {
				t.Fatal(err)
			}
			tries := 0
			for _, e := range w.events("s") {
				if strings.HasPrefix(e, "B DELETE_FAILED") {
					tries++
				}
			}
			out, err := w.cfn.ListStackResources(t.Context(), &cloudformation.ListStackResourcesInput{StackName: new("s")})
			if err != nil || len(out.StackResourceSummaries) != 1 || tries != 3 {
				t.Errorf("%d tries, and the stack has %v, %v", tries, out, err)
			}
		},
		"050 what is skipped counts as updated": func(t *testing.T, w *world) {
			w.stuckRollback()
			if _, err := w.cfn.ContinueUpdateRollback(t.Context(), &cloudformation.ContinueUpdateRollbackInput{StackName: new("s"), ResourcesToSkip: []string{"A"}}); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
			if out, err := w.cfn.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: new("s"), LogicalResourceId: new("A")}); err != nil || out.StackResourceDetail.ResourceStatus != types.ResourceStatusUpdateComplete {
				t.Errorf("A is %v, %v", out, err)
			}
		},
		"082 what is deleted is not deleted again": func(t *testing.T, w *world) {
			id := *w.create("s", one).StackId
			w.remove("s")
			before := len(w.events(id))
			w.remove(id)
			if after := len(w.events(id)); after != before {
				t.Errorf("%d events more", after-before)
			}
		},
		"084 dependants go first": func(t *testing.T, w *world) {
			id := *w.create("s", "Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic, DependsOn: A}}").StackId
			w.remove("s")
			w.rest(id)
			e := w.events(id)
			if i, j := slices.Index(e, "B DELETE_COMPLETE"), slices.Index(e, "A DELETE_IN_PROGRESS"); i < 0 || j < i {
				t.Errorf("events %q", e)
			}
		},
		"084 images and attachments keep what holds them": func(t *testing.T, w *world) {
			w.create("s", "Resources: {A: {Type: AWS::ECR::Repository}}")
			w.Edit("s", "A", func(thing *awssim.Thing) bool { thing.Full = true; return false })
			w.remove("s")
			w.happened("s", "A DELETE_FAILED")
			if s := w.stack("s"); s.StackStatus != types.StackStatusDeleteFailed {
				t.Errorf("status = %s", s.StackStatus)
			}
		},
		"085 a deletion that is forced": func(t *testing.T, w *world) {
			id := *w.create("s", "Resources: {A: {Type: AWS::S3::Bucket}}").StackId
			force := &cloudformation.DeleteStackInput{StackName: new("s"), DeletionMode: types.DeletionModeForceDeleteStack}
			_, err := w.cfn.DeleteStack(t.Context(), force)
			says(t, err, "ValidationError", "FORCE_DELETE_STACK in a delete stack operation only when the stack is in the DELETE_FAILED state.")
			w.Edit("s", "A", func(thing *awssim.Thing) bool { thing.Full = true; return false })
			w.remove("s")
			if _, err := w.cfn.DeleteStack(t.Context(), force); err != nil {
				t.Fatal(err)
			}
			if s := w.rest(id); s.StackStatus != types.StackStatusDeleteComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
		},
		"089 attributes of attributes, and nothing": func(t *testing.T, w *world) {
			w.create("s", "Conditions: {Never: !Equals [a, b]}\nResources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !If [Never, x, !Ref 'AWS::NoValue']}}}\n")
			w.live("s", "A", func(thing *awssim.Thing) {
				if v, there := thing.Properties["DisplayName"]; there {
					t.Errorf("DisplayName = %v, want none", v)
				}
			})
		},
		"094 nor in a change set": func(t *testing.T, w *world) {
			w.create("s", one)
			set := w.propose("s", "c", "Parameters: {P: {Type: String, NoEcho: true, Default: hush}}\n"+two)
			if len(set.Parameters) != 1 || *set.Parameters[0].ParameterValue != "****" {
				t.Errorf("shows %v", set.Parameters)
			}
		},
		"096 replacing is denied by its own name": func(t *testing.T, w *world) {
			w.create("s", prop("one"))
			if _, err := w.cfn.SetStackPolicy(t.Context(), &cloudformation.SetStackPolicyInput{StackName: new("s"), StackPolicyBody: new(
				`{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"},{"Effect":"Deny","Action":"Update:Replace","Principal":"*","Resource":"*"}]}`)}); err != nil {
				t.Fatal(err)
			}
			if s, err := w.update("s", prop("two")); err != nil || s.StackStatus != types.StackStatusUpdateComplete {
				t.Errorf("in place: %v %s", err, s.StackStatus)
			}
			if s, err := w.update("s", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {FifoTopic: 'true'}}}"); err != nil || s.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("replaced: %v %s", err, s.StackStatus)
			}
			w.happened("s", "Action denied by stack policy: Statement [#2] does not allow [Update:Replace] for resource [LogicalResourceId/A];")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, awssim.Config{}))
		})
	}
}
