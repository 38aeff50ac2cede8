package cloudformation_test

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/provisioner/provisionertest"
)

// left is what an account holds: stacks with their states, and change sets.
func (s *sim) left(t *testing.T) string {
	t.Helper()
	out, err := s.client(t).DescribeStacks(t.Context(), &sdk.DescribeStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, stack := range out.Stacks {
		all = append(all, *stack.StackName+" "+string(stack.StackStatus))
		sets, err := s.client(t).ListChangeSets(t.Context(), &sdk.ListChangeSetsInput{StackName: stack.StackId})
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range sets.Summaries {
			if set.ExecutionStatus != "EXECUTE_COMPLETE" {
				all = append(all, *set.ChangeSetName)
			}
		}
	}
	return strings.Join(all, ", ")
}

// TestDrop removes what plans leave that nobody applies.
func TestDrop(t *testing.T) {
	credentials(t)
	drop := func(t *testing.T, e *cloudformation.Engine, j provisioner.Job, handle string) {
		t.Helper()
		j.Handle = handle
		if err := e.Drop(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	theirs := func(t *testing.T, s *sim, kind string) {
		t.Helper()
		body := strings.ReplaceAll(topic, "NAME", "theirs")
		_, err := s.client(t).CreateChangeSet(t.Context(), &sdk.CreateChangeSetInput{StackName: new("web"), ChangeSetName: new("theirs"), ChangeSetType: "CREATE", TemplateBody: &body})
		if kind == "UPDATE" {
			_, err = s.client(t).CreateChangeSet(t.Context(), &sdk.CreateChangeSetInput{StackName: new("web"), ChangeSetName: new("theirs"), TemplateBody: &body})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]func(*testing.T, *sim, *cloudformation.Engine){
		"of a stack that is yet to be made": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			plan := foresee(t, e, job("p1", "web", "one"))
			drop(t, e, job("p1", "web", "one"), plan.Handle)
			drop(t, e, job("p1", "web", "one"), plan.Handle)
			if got := s.left(t); got != "" {
				t.Errorf("left: %s", got)
			}
		},
		"whose handle was lost": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			foresee(t, e, job("p1", "web", "one"))
			drop(t, e, job("p1", "web", "one"), "")
			if got := s.left(t); got != "" {
				t.Errorf("left: %s", got)
			}
		},
		"of a stack that runs": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			end(t, e, job("d1", "web", "one"))
			plan := foresee(t, e, job("p1", "web", "two"))
			drop(t, e, job("p1", "web", "two"), plan.Handle)
			if got := s.left(t); got != "web CREATE_COMPLETE" {
				t.Errorf("left: %s", got)
			}
		},
		"and nothing that is somebody else's": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			plan := foresee(t, e, job("p1", "web", "one"))
			theirs(t, s, "CREATE")
			drop(t, e, job("p1", "web", "one"), plan.Handle)
			if got := s.left(t); got != "web REVIEW_IN_PROGRESS, theirs" {
				t.Errorf("left: %s", got)
			}
		},
		"with an import": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			plan := foresee(t, e, s.importing("p1", byName))
			drop(t, e, s.importing("p1", byName), plan.Handle)
			if got := s.left(t); got != "" {
				t.Errorf("left: %s", got)
			}
		},
		"of a deletion, which left nothing": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			end(t, e, job("d1", "web", "one"))
			gone := job("p1", "web", "one")
			gone.Action = provisioner.Deprovision
			plan := foresee(t, e, gone)
			before := s.Calls()["cloudformation:DescribeStacks"]
			drop(t, e, gone, plan.Handle)
			if s.Calls()["cloudformation:DescribeStacks"] != before || s.left(t) != "web CREATE_COMPLETE" {
				t.Errorf("left: %s", s.left(t))
			}
		},
		"when the deployment is cancelled before it begins": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			plan := foresee(t, e, job("p1", "web", "one"))
			j := approved(job("p1", "web", "one"), "d1", plan)
			if err := e.Cancel(t.Context(), j); err != nil {
				t.Fatal(err)
			}
			p, _ := end(t, e, j)
			want(t, p, provisioner.Cancelled, "before anything was changed")
			if got := s.left(t); got != "" {
				t.Errorf("left: %s", got)
			}
		},
		"when a later plan is made": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			end(t, e, job("d1", "web", "one"))
			theirs(t, s, "UPDATE")
			foresee(t, e, job("p1", "web", "two"))
			foresee(t, e, job("p2", "web", "three"))
			if got := s.left(t); got != "web CREATE_COMPLETE, theirs, baryon-p2-1" && got != "web CREATE_COMPLETE, baryon-p2-1, theirs" {
				t.Errorf("left: %s", got)
			}
		},
		"but not while AWS does not answer": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			plan := foresee(t, e, job("p1", "web", "one"))
			s.InjectWire(awssim.WireFault{Action: "DeleteChangeSet", Kind: awssim.Throttle, Times: 1})
			j := job("p1", "web", "one")
			j.Handle = plan.Handle
			if err := e.Drop(t.Context(), j); err == nil {
				t.Error("nothing said")
			}
			drop(t, e, j, plan.Handle)
			if got := s.left(t); got != "" {
				t.Errorf("left: %s", got)
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

// TestBucketIsLeftEmpty removes templates from the bucket once CloudFormation has
// read them, whatever becomes of them.
func TestBucketIsLeftEmpty(t *testing.T) {
	credentials(t)
	large := func(id, text string) provisioner.Job {
		j := job(id, "web", "one")
		j.Files = files(text + strings.Repeat("# filled up\n", 6000))
		return j
	}
	s := newSim(t)
	s.Bucket("123456789012", "eu-west-1", "templates")
	e := s.engine(t, func(c *cloudformation.Config) { c.Bucket = "templates" })
	empty := func(after string) {
		t.Helper()
		if got := s.Objects("templates"); len(got) > 0 {
			t.Errorf("after %s: %v", after, got)
		}
	}
	one, two := strings.ReplaceAll(topic, "NAME", "one"), strings.ReplaceAll(topic, "NAME", "two")
	p, _ := end(t, e, large("d1", one))
	want(t, p, provisioner.Succeeded, "")
	empty("a creation")
	p, _ = end(t, e, large("d2", one))
	want(t, p, provisioner.Succeeded, "")
	empty("nothing to do")
	p, _ = end(t, e, large("d3", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {Nope: 1}}}\n"))
	want(t, p, provisioner.Failed, "Nope")
	empty("a change set that failed")
	p, _ = end(t, e, large("d4", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref X}}}\n"))
	want(t, p, provisioner.Failed, "Unresolved")
	empty("a refusal")
	want(t, foresee(t, e, large("p1", two)), provisioner.Succeeded, "")
	empty("a plan")
	c := provisionertest.Caller{Job: large("d5", two)}
	c.Until(t, e, func(p provisioner.Progress) bool { return strings.Contains(p.Handle, `"proposing"`) })
	if err := e.Cancel(t.Context(), c.Job); err != nil {
		t.Fatal(err)
	}
	want(t, c.End(t, e), provisioner.Cancelled, "")
	empty("a cancellation")
	s.InjectWire(denied("s3", "DELETE", 9))
	p, log := end(t, e, large("d6", two))
	want(t, p, provisioner.Succeeded, "")
	if !strings.Contains(log, "could not be removed from the bucket") {
		t.Errorf("log:\n%s", log)
	}
}
