package awssim_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// TestExistence is about stacks, their names and what of them is told apart.
func TestExistence(t *testing.T) {
	t.Parallel()
	const exports = "Resources: {A: {Type: AWS::SNS::Topic}}\nOutputs: {O: {Value: x, Export: {Name: shared}}}\n"
	for name, test := range map[string]func(*testing.T, *world){
		"011 exports and quotas are an account's and a region's": func(t *testing.T, w *world) {
			clients := []*cloudformation.Client{w.cfn, w.client("222222222222", "eu-west-1"), w.client("111111111111", "us-east-1")}
			for i, c := range clients {
				if _, err := c.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(exports)}); err != nil {
					t.Fatalf("client %d: %v", i, err)
				}
				_, err := c.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("another"), TemplateBody: new(one)})
				says(t, err, "LimitExceededException", "Limit for stack has been exceeded")
			}
			w.rest("s")
			for i, c := range clients {
				out, err := c.ListExports(t.Context(), &cloudformation.ListExportsInput{})
				if err != nil || len(out.Exports) != 1 {
					t.Errorf("client %d has the exports %v, %v", i, out, err)
				}
			}
		},
		"012 values over their length": func(t *testing.T, w *world) {
			_, err := w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new(strings.Repeat("a", 129)), TemplateBody: new(one)})
			says(t, err, "ValidationError", "at 'stackName' failed to satisfy constraint: Member must have length less than or equal to 128")
			_, err = w.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new("#" + strings.Repeat("a", 51_200) + "\n" + one)})
			says(t, err, "ValidationError", "at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200")
		},
		"015 two deleted stacks of one name": func(t *testing.T, w *world) {
			ids := []string{}
			for range 2 {
				ids = append(ids, *w.create("s", one).StackId)
				w.remove("s")
			}
			for _, id := range ids {
				if s := w.rest(id); *s.StackId != id || s.StackStatus != types.StackStatusDeleteComplete {
					t.Errorf("%s is told as %s %s", id, *s.StackId, s.StackStatus)
				}
			}
		},
		"026 the events of a creation by a change set": func(t *testing.T, w *world) {
			w.propose("s", "c", one, func(in *cloudformation.CreateChangeSetInput) { in.ChangeSetType = types.ChangeSetTypeCreate })
			if err := w.execute("s", "c"); err != nil {
				t.Fatal(err)
			}
			w.rest("s")
			want := []string{"s REVIEW_IN_PROGRESS User Initiated", "s CREATE_IN_PROGRESS User Initiated", "A CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS Resource creation Initiated", "A CREATE_COMPLETE", "s CREATE_COMPLETE"}
			if got := w.events("s"); !slices.Equal(got, want) {
				t.Errorf("events %q, want %q", got, want)
			}
		},
		"027 a stack in review is created as it is": func(t *testing.T, w *world) {
			set := w.propose("s", "c", two, func(in *cloudformation.CreateChangeSetInput) { in.ChangeSetType = types.ChangeSetTypeCreate })
			if s := w.create("s", one); *s.StackId != *set.StackId {
				t.Errorf("%s, want that of the review, %s", *s.StackId, *set.StackId)
			}
			if got := w.proposed("s", "c", false); got.ExecutionStatus != types.ExecutionStatusObsolete {
				t.Errorf("the set of the review is %s", got.ExecutionStatus)
			}
		},
		"034 no change set for what was rolled back": func(t *testing.T, w *world) {
			w.Inject(awssim.Fault{Logical: "A", Do: "create"})
			w.create("s", one)
			_, err := w.cfn.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), ChangeSetType: types.ChangeSetTypeUpdate, TemplateBody: new(two)})
			says(t, err, "ValidationError", "is in ROLLBACK_COMPLETE state and can not be updated.")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := awssim.Config{}
			if strings.HasPrefix(name, "011") {
				cfg.MaxStacks = 1
			}
			test(t, newWorld(t, cfg))
		})
	}
}
