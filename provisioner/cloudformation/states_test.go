package cloudformation_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/provisionertest"
)

// put has a stack be in a state, as if an operation of others had left it there, or
// were under way for ever.
func (s *sim) put(t *testing.T, stack string, status types.StackStatus) {
	t.Helper()
	var saved bytes.Buffer
	if err := s.Save(&saved); err != nil {
		t.Fatal(err)
	}
	var world map[string]any
	if err := json.Unmarshal(saved.Bytes(), &world); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, region := range world["Regions"].(map[string]any) {
		for _, one := range region.(map[string]any)["Stacks"].([]any) {
			if one, ok := one.(map[string]any); ok && one["Name"] == stack {
				one["Status"], found = string(status), true
			}
		}
	}
	text, err := json.Marshal(world)
	if err != nil || !found {
		t.Fatalf("no stack %s in %s: %v", stack, saved.String(), err)
	}
	if err := s.Load(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

func (s *sim) status(t *testing.T, stack string) types.StackStatus {
	t.Helper()
	out, err := s.client(t).DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: &stack})
	if err != nil {
		return types.StackStatusDeleteComplete
	}
	return out.Stacks[0].StackStatus
}

// settled waits until nothing is done to a stack any more.
func (s *sim) settled(t *testing.T, stack string) {
	t.Helper()
	for strings.HasSuffix(string(s.status(t, stack)), "_IN_PROGRESS") {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
	}
}

// A stateRow is a state in which a deployment, or a deletion, may find a stack.
type stateRow struct {
	made    func(*testing.T, *sim) // how it comes to be; nil is put there
	says    string                 // the deployment, in its message while it waits or fails, or in its log
	wayOut  func(*provisioner.Job) // what a person says after it failed; nil is that it does not fail
	gone    string                 // the deletion says, where it does not just delete
	waiting bool                   // until what others do has ended
}

func byForce(j *provisioner.Job) { j.Force = true }

// foundIn are all states of stacks. cloudformation.md has the same table for people.
func foundIn() map[types.StackStatus]stateRow {
	fail := func(s *sim, do string) { s.Inject(awssim.Fault{Do: do, Times: 1, Reason: "no such luck"}) }
	create := func(t *testing.T, s *sim, in sdk.CreateStackInput) {
		t.Helper()
		in.StackName, in.TemplateBody = new("web"), new(strings.ReplaceAll(topic, "NAME", "theirs"))
		if _, err := s.client(t).CreateStack(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
		s.settled(t, "web")
	}
	update := func(t *testing.T, s *sim, stop bool) {
		t.Helper()
		body := strings.ReplaceAll(topic, "NAME", "others")
		if _, err := s.client(t).UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: new("web"), TemplateBody: &body, DisableRollback: &stop}); err != nil {
			t.Fatal(err)
		}
		s.settled(t, "web")
	}
	const anew = "which only deletion leads out of: it is deleted and made anew."
	rows := map[types.StackStatus]stateRow{
		types.StackStatusReviewInProgress: {says: "+   A AWS::SNS::Topic", made: func(t *testing.T, s *sim) {
			t.Helper()
			_, err := s.client(t).CreateChangeSet(t.Context(), &sdk.CreateChangeSetInput{
				StackName: new("web"), ChangeSetName: new("theirs"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: new(topic),
			})
			if err != nil {
				t.Fatal(err)
			}
		}},
		types.StackStatusCreateFailed: {says: "The stack is in CREATE_FAILED, " + anew, made: func(t *testing.T, s *sim) {
			t.Helper()
			fail(s, "create")
			create(t, s, sdk.CreateStackInput{OnFailure: types.OnFailureDoNothing})
		}},
		types.StackStatusRollbackComplete: {says: "The stack is in ROLLBACK_COMPLETE, " + anew, made: func(t *testing.T, s *sim) {
			t.Helper()
			fail(s, "create")
			create(t, s, sdk.CreateStackInput{})
		}},
		types.StackStatusRollbackFailed: {says: "The stack is in ROLLBACK_FAILED, " + anew, made: func(t *testing.T, s *sim) {
			t.Helper()
			fail(s, "create")
			fail(s, "delete")
			create(t, s, sdk.CreateStackInput{})
		}},
		types.StackStatusDeleteComplete: {says: "+   A AWS::SNS::Topic", gone: "there is no stack web", made: func(t *testing.T, s *sim) {
			t.Helper()
			create(t, s, sdk.CreateStackInput{})
			s.remove(t)
		}},
		types.StackStatusDeleteFailed: {
			says: "is in DELETE_FAILED: it was being deleted, and what is left of it may hold data.", wayOut: byForce,
			made: func(t *testing.T, s *sim) {
				t.Helper()
				create(t, s, sdk.CreateStackInput{})
				fail(s, "delete")
				s.remove(t)
			},
		},
		types.StackStatusUpdateFailed: {says: "An earlier update stopped half way: it is rolled back.", made: func(t *testing.T, s *sim) {
			t.Helper()
			create(t, s, sdk.CreateStackInput{})
			fail(s, "update")
			update(t, s, true)
		}},
		types.StackStatusUpdateRollbackFailed: {says: "An earlier update could not be rolled back: the rollback is continued.", made: func(t *testing.T, s *sim) {
			t.Helper()
			create(t, s, sdk.CreateStackInput{})
			fail(s, "update")
			fail(s, "rollback")
			update(t, s, false)
		}},
		types.StackStatusImportRollbackFailed: {says: "is in IMPORT_ROLLBACK_FAILED, which only deletion leads out of, and it may hold data.", wayOut: byForce},
	}
	for _, status := range types.StackStatus("").Values() {
		_, is := rows[status]
		switch {
		case is:
		case status == types.StackStatusDeleteInProgress:
			rows[status] = stateRow{says: "waits: the stack web is in DELETE_IN_PROGRESS, by another operation", waiting: true}
		case strings.HasSuffix(string(status), "_IN_PROGRESS"):
			rows[status] = stateRow{
				says: fmt.Sprintf("waits: the stack web is in %s, by another operation", status),
				gone: fmt.Sprintf("waits: the stack web is in %s", status), waiting: true,
			}
		case strings.HasSuffix(string(status), "_COMPLETE"):
			rows[status] = stateRow{says: `DisplayName: "theirs" → "ours"`}
		}
	}
	return rows
}

func (s *sim) remove(t *testing.T) {
	t.Helper()
	if _, err := s.client(t).DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: new("web")}); err != nil {
		t.Fatal(err)
	}
	s.settled(t, "web")
}

// TestEveryState deploys to, and deletes, a stack in every state that the service
// knows: each is gone on from by itself, waited in, or told with the way out.
func TestEveryState(t *testing.T) {
	credentials(t)
	rows := foundIn()
	for _, status := range types.StackStatus("").Values() {
		row, ok := rows[status]
		if !ok || row.says == "" {
			t.Errorf("nobody says what becomes of a stack in %s", status)
			continue
		}
		found := func(t *testing.T) *sim {
			t.Helper()
			s := newSim(t)
			if row.made != nil {
				row.made(t, s)
			} else {
				s.running(t, "web", strings.ReplaceAll(topic, "NAME", "theirs"))
				s.settled(t, "web")
				s.put(t, "web", status)
			}
			if is := s.status(t, "web"); is != status {
				t.Fatalf("the stack is in %s", is)
			}
			return s
		}
		// waits has a job wait for what others do, which then ends.
		waits := func(t *testing.T, s *sim, c *provisionertest.Caller, says string) {
			t.Helper()
			e, before := s.engine(t), s.Mutations("")
			c.Until(t, e, func(p provisioner.Progress) bool { return strings.Contains(p.Message, says) })
			if s.Mutations("") != before {
				t.Error("something was begun meanwhile")
			}
			s.put(t, "web", types.StackStatusUpdateComplete)
		}
		t.Run("deployed in "+string(status), func(t *testing.T) {
			t.Parallel()
			s := found(t)
			c := &provisionertest.Caller{Job: job("d1", "web", "ours")}
			if row.waiting {
				waits(t, s, c, row.says)
			}
			p := c.End(t, s.engine(t))
			if row.wayOut != nil {
				want(t, p, provisioner.Failed, row.says)
				want(t, p, provisioner.Failed, "baryon force NAME --why REASON")
				c = &provisionertest.Caller{Job: job("d2", "web", "ours")}
				row.wayOut(&c.Job)
				p = c.End(t, s.engine(t))
			}
			want(t, p, provisioner.Succeeded, "")
			if !row.waiting && row.wayOut == nil && !strings.Contains(string(c.Log), row.says) {
				t.Errorf("log, which wants %q:\n%s", row.says, c.Log)
			}
			if is := s.status(t, "web"); p.Outputs["name"] != "ours" || is != types.StackStatusCreateComplete && is != types.StackStatusUpdateComplete {
				t.Errorf("the stack is in %s, with outputs %v", is, p.Outputs)
			}
		})
		t.Run("deleted in "+string(status), func(t *testing.T) {
			t.Parallel()
			s := found(t)
			c := &provisionertest.Caller{Job: job("d1", "web", "ours")}
			c.Job.Action = provisioner.Deprovision
			if row.waiting && row.gone != "" {
				waits(t, s, c, row.gone)
			}
			if status == types.StackStatusDeleteInProgress { // which is joined
				s.put(t, "web", types.StackStatusUpdateComplete)
				s.Inject(awssim.Fault{Do: "delete", Hold: true})
				if _, err := s.client(t).DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: new("web")}); err != nil {
					t.Fatal(err)
				}
				c.Until(t, s.engine(t), func(p provisioner.Progress) bool { return p.Message == "the stack is deleted" })
				s.Release()
			}
			p := c.End(t, s.engine(t))
			want(t, p, provisioner.Succeeded, "")
			if !row.waiting && row.gone != "" {
				want(t, p, provisioner.Succeeded, row.gone)
			}
			if is := s.status(t, "web"); is != types.StackStatusDeleteComplete {
				t.Errorf("the stack is in %s", is)
			}
		})
	}
}

// TestDriftOfAState says of a stack that CloudFormation does not compare why not.
func TestDriftOfAState(t *testing.T) {
	credentials(t)
	s := newSim(t)
	foundIn()[types.StackStatusRollbackComplete].made(t, s)
	want(t, findDrift(t, s.engine(t), job("d1", "web", "ours")), provisioner.Failed, "Drift detection cannot be performed on stack")
}
