package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/provisioner/provisionertest"
)

// TestWaysOut has a deployment fail in every way that docs/cloudformation.md tells
// and that other tests do not, reads why, and takes the way out.
func TestWaysOut(t *testing.T) {
	credentials(t)
	large := func(j provisioner.Job) provisioner.Job {
		j.Files = files(strings.ReplaceAll(topic, "NAME", "one") + strings.Repeat("# filled up\n", 6000))
		return j
	}
	bucket := func(c *cloudformation.Config) { c.Bucket = "templates" }
	const role = "arn:aws:iam::123456789012:role/stack"
	for name, row := range map[string]struct {
		sim    func(*awssim.Config)
		engine func(*cloudformation.Config)
		before func(*testing.T, *sim)
		job    func(provisioner.Job) provisioner.Job
		says   []string // of the failure
		way    func(*testing.T, *sim)
	}{
		"the quota of stacks is reached": {
			sim:    func(c *awssim.Config) { c.MaxStacks = 1 },
			before: func(t *testing.T, s *sim) { t.Helper(); s.running(t, "other", topic); s.settled(t, "other") },
			says:   []string{"AWS refuses: LimitExceededException: Limit for stack has been exceeded", "A quota is reached", "baryon retry NAME"},
			way: func(t *testing.T, s *sim) {
				t.Helper()
				if _, err := s.client(t).DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: new("other")}); err != nil {
					t.Fatal(err)
				}
				s.settled(t, "other")
			},
		},
		"a key may not be used by a resource": {
			before: func(_ *testing.T, s *sim) {
				s.Inject(awssim.Fault{Do: "create", Times: 1, Reason: `Resource handler returned message: "User: X is not authorized to perform: kms:Decrypt" (HandlerErrorCode: AccessDenied)`})
			},
			says: []string{"A (AWS::SNS::Topic) failed: Resource handler returned message: \"User: X is not authorized to perform: kms:Decrypt\"", "the stack web is in ROLLBACK_COMPLETE"},
		},
		"a key may not be used for the bucket": {
			engine: bucket, job: large,
			before: func(_ *testing.T, s *sim) {
				s.Bucket("123456789012", "eu-west-1", "templates")
				s.InjectWire(denied("s3", "PUT", 1))
			},
			says: []string{"cannot be put into s3://templates: AWS refuses: AccessDenied", "baryon iam-policy", "baryon retry NAME"},
		},
		"the bucket is gone": {
			engine: bucket, job: large,
			says: []string{"cannot be put into s3://templates: AWS refuses: NoSuchBucket: The specified bucket does not exist", "correct aws_bucket", "baryon retry NAME"},
			way:  func(_ *testing.T, s *sim) { s.Bucket("123456789012", "eu-west-1", "templates") },
		},
		"the service role of the stack is gone": {
			before: func(t *testing.T, s *sim) {
				t.Helper()
				_, err := s.client(t).CreateStack(t.Context(), &sdk.CreateStackInput{StackName: new("web"), TemplateBody: new(topic), RoleARN: new(role)})
				if err != nil {
					t.Fatal(err)
				}
				s.settled(t, "web")
				s.BreakRole(role, true)
			},
			says: []string{"Role ARN is invalid or cannot be assumed", "service role of its own", "baryon retry NAME"},
			way:  func(_ *testing.T, s *sim) { s.BreakRole(role, false) },
		},
		"nobody may make change sets": {
			before: func(_ *testing.T, s *sim) { s.InjectWire(denied("", "CreateChangeSet", 1)) },
			says:   []string{"AWS refuses: AccessDenied: User: X is not authorized to perform: CreateChangeSet", "baryon iam-policy"},
		},
		"a name is taken outside of stacks": {
			before: func(_ *testing.T, s *sim) {
				s.Make("123456789012", "eu-west-1", "AWS::SQS::Queue", map[string]any{"QueueName": "orders"})
			},
			job: func(j provisioner.Job) provisioner.Job {
				if j.ID == "d1" {
					j.Files = files("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}}}")
				}
				return j
			},
			says: []string{"the change set failed", "already exists"},
		},
		"a parameter is not in the store": {
			job: func(j provisioner.Job) provisioner.Job {
				if j.ID == "d1" {
					j.Files = files("Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: '{{resolve:ssm:/not/there}}'}}}")
				}
				return j
			},
			says: []string{"/not/there"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSim(t)
			if row.sim != nil {
				s = newSim(t, row.sim)
			}
			if row.before != nil {
				row.before(t, s)
			}
			e := s.engine(t)
			if row.engine != nil {
				e = s.engine(t, row.engine)
			}
			made := func(id string) provisioner.Job {
				if row.job == nil {
					return job(id, "web", "one")
				}
				return row.job(job(id, "web", "one"))
			}
			p, _ := end(t, e, made("d1"))
			for _, says := range row.says {
				want(t, p, provisioner.Failed, says)
			}
			if row.way != nil {
				row.way(t, s)
			}
			p, _ = end(t, e, made("d2"))
			want(t, p, provisioner.Succeeded, "")
		})
	}
}

// TestEightCallsASecond makes stacks where AWS answers eight calls a second and
// throttles all others: nothing fails of that, and nothing is begun twice.
func TestEightCallsASecond(t *testing.T) {
	credentials(t)
	s := newSim(t)
	s.SetRate(8)
	e := s.engine(t)
	for i := range 4 {
		id := fmt.Sprintf("d%d", i)
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			p, _ := end(t, e, job(id, "web"+id, "one"))
			want(t, p, provisioner.Succeeded, "")
			if n := s.Mutations("baryon-" + id); n != 1 {
				t.Errorf("begun %d times", n)
			}
		})
	}
}

// TestOddEnds are ends that are neither a plain success nor a plain failure.
func TestOddEnds(t *testing.T) {
	credentials(t)
	for name, test := range map[string]func(*testing.T, *sim){
		"a change set that is deleted by hand is made anew": func(t *testing.T, s *sim) {
			e := s.engine(t)
			end(t, e, job("d1", "web", "one"))
			c := provisionertest.Caller{Job: job("d2", "web", "two")}
			c.Until(t, e, func(p provisioner.Progress) bool { return p.Message == "a change set is worked out" })
			if _, err := s.client(t).DeleteChangeSet(t.Context(), &sdk.DeleteChangeSetInput{StackName: new("web"), ChangeSetName: new("baryon-d2-1")}); err != nil {
				t.Fatal(err)
			}
			p := c.End(t, e)
			want(t, p, provisioner.Succeeded, "")
			if n := s.Mutations("baryon-d2"); n != 1 || p.Outputs["name"] != "two" {
				t.Errorf("begun %d times, outputs %v", n, p.Outputs)
			}
		},
		"what an update cannot remove is told": func(t *testing.T, s *sim) {
			e := s.engine(t)
			j := job("d1", "web", "one")
			j.Files = files("Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic}}")
			end(t, e, j)
			s.Inject(awssim.Fault{Logical: "B", Do: "cleanup", Reason: "in use"})
			j = job("d2", "web", "one")
			p, _ := end(t, e, j)
			want(t, p, provisioner.Succeeded, "One or more resources could not be deleted")
		},
		"an export that is in use keeps its stack": func(t *testing.T, s *sim) {
			e := s.engine(t)
			j := job("d1", "web", "one")
			j.Files = files("Resources: {A: {Type: AWS::SNS::Topic}}\nOutputs: {a: {Value: x, Export: {Name: shared}}}")
			end(t, e, j)
			s.running(t, "other", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue shared}}}")
			s.settled(t, "other")
			j.ID, j.Action = "d2", provisioner.Deprovision
			p, _ := end(t, e, j)
			want(t, p, provisioner.Failed, "Cannot delete export shared as it is in use by other. See to that, and then: baryon retry NAME")
			if _, err := s.client(t).DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: new("other")}); err != nil {
				t.Fatal(err)
			}
			s.settled(t, "other")
			j.ID = "d3"
			p, _ = end(t, e, j)
			want(t, p, provisioner.Succeeded, "")
		},
		"outputs that are not there are none": func(t *testing.T, s *sim) {
			j := job("d1", "web", "one")
			j.Files = files("Resources: {A: {Type: AWS::SNS::Topic}}")
			p, _ := end(t, s.engine(t), j)
			want(t, p, provisioner.Succeeded, "")
			if p.Outputs == nil || len(p.Outputs) > 0 {
				t.Errorf("outputs %v", p.Outputs)
			}
		},
		"a first creation that is cancelled is deleted": func(t *testing.T, s *sim) {
			e := s.engine(t)
			s.Inject(awssim.Fault{Stack: "web", Do: "create", Hold: true})
			c := provisionertest.Caller{Job: job("d1", "web", "one")}
			c.Until(t, e, func(provisioner.Progress) bool { return s.Mutations("baryon-d1") > 0 })
			if err := e.Cancel(t.Context(), c.Job); err != nil {
				t.Fatal(err)
			}
			c.Until(t, e, func(p provisioner.Progress) bool { return strings.HasPrefix(p.Message, "cancelled") })
			s.Release()
			want(t, c.End(t, e), provisioner.Cancelled, "the stack is ")
			if left := s.Stacks("123456789012", "eu-west-1"); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		},
		"answers that name no account are not believed": func(t *testing.T, s *sim) {
			e := s.engine(t, func(c *cloudformation.Config) { c.Account = "123456789012" })
			s.InjectWire(awssim.WireFault{Service: "sts", Action: "GetCallerIdentity", Kind: awssim.Truncate, Times: 2})
			p, _ := end(t, e, job("d1", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newSim(t))
		})
	}
}
