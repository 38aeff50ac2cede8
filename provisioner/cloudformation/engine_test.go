package cloudformation_test

import (
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/provisioner/provisionertest"
)

const topic = `Resources:
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: NAME}}
Outputs:
  name: {Value: NAME}
`

// A sim is a simulated AWS and engines for it.
type sim struct {
	*awssim.Sim

	url, dir string
}

func newSim(t *testing.T, edit ...func(*awssim.Config)) *sim {
	t.Helper()
	cfg := awssim.Config{}
	for _, e := range edit {
		e(&cfg)
	}
	s := &sim{Sim: awssim.New(cfg), dir: filepath.Join(t.TempDir(), "records")}
	server := httptest.NewServer(s.Sim)
	t.Cleanup(func() {
		server.Close()
		called.Lock()
		defer called.Unlock()
		for action, n := range s.Calls() {
			called.by[action] += n
		}
	})
	s.url = server.URL
	return s
}

func (s *sim) engine(t *testing.T, edit ...func(*cloudformation.Config)) *cloudformation.Engine {
	t.Helper()
	cfg := cloudformation.Config{Dir: s.dir, Region: "eu-west-1", Endpoint: s.url, Rate: 1000, Poll: 10 * time.Millisecond}
	for _, e := range edit {
		e(&cfg)
	}
	e, err := cloudformation.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func job(id, stack, name string) provisioner.Job {
	return provisioner.Job{
		ID: id, Stack: stack, Action: provisioner.Provision,
		Files: fstest.MapFS{"cloudformation.yaml": {Data: []byte(strings.ReplaceAll(topic, "NAME", name))}},
		Env:   map[string]string{"RESOURCE_ARN": "arn:aws:proton:eu-west-1:123456789012:service/shop/instance/" + strings.TrimPrefix(stack, "service-shop-instance-")},
	}
}

func credentials(t *testing.T) {
	t.Helper()
	for k, v := range map[string]string{"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"} {
		t.Setenv(k, v)
	}
}

// client is the SDK, for what others do to the account.
func (s *sim) client(t *testing.T) *sdk.Client {
	t.Helper()
	c, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("eu-west-1"), config.WithBaseEndpoint(s.url))
	if err != nil {
		t.Fatal(err)
	}
	return sdk.NewFromConfig(c)
}

// updated has somebody else update a stack.
func (s *sim) updated(t *testing.T, stack, body string) {
	t.Helper()
	_, err := s.client(t).UpdateStack(t.Context(), &sdk.UpdateStackInput{
		StackName: &stack, TemplateBody: &body,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func files(body string) fstest.MapFS {
	return fstest.MapFS{"cloudformation.yaml": {Data: []byte(body)}}
}

func (s *sim) protect(t *testing.T, stack string) {
	t.Helper()
	if _, err := s.client(t).UpdateTerminationProtection(t.Context(), &sdk.UpdateTerminationProtectionInput{StackName: &stack, EnableTerminationProtection: new(true)}); err != nil {
		t.Fatal(err)
	}
}

func (s *sim) deny(t *testing.T, stack string) {
	t.Helper()
	policy := `{"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}`
	if _, err := s.client(t).SetStackPolicy(t.Context(), &sdk.SetStackPolicyInput{StackName: &stack, StackPolicyBody: &policy}); err != nil {
		t.Fatal(err)
	}
}

// TestContract holds the engine to what every engine promises.
func TestContract(t *testing.T) {
	credentials(t)
	provisionertest.Run(t, func(t *testing.T) provisionertest.World {
		s := newSim(t)
		return provisionertest.World{
			Engine:  func(t *testing.T) provisionertest.Engine { return s.engine(t) },
			Starts:  func(_ *testing.T, id string) int { return s.Mutations("baryon-" + id) },
			Succeed: func(id string) provisioner.Job { return job(id, "stack-"+id, "one") },
			Outputs: map[string]string{"name": "one"},
			Fail: func(id string) provisioner.Job {
				s.Inject(awssim.Fault{Stack: "stack-" + id, Do: "create", Reason: "no such luck"})
				return job(id, "stack-"+id, "one")
			},
			FailMessage: "A (AWS::SNS::Topic) failed: no such luck",
			Block: func(_ *testing.T, id string) (provisioner.Job, func()) {
				s.Inject(awssim.Fault{Stack: "stack-" + id, Do: "create", Hold: true})
				return job(id, "stack-"+id, "one"), sync.OnceFunc(s.Release)
			},
		}
	})
}

// end takes a job to its end.
func end(t *testing.T, e *cloudformation.Engine, j provisioner.Job) (provisioner.Progress, string) {
	t.Helper()
	c := provisionertest.Caller{Job: j}
	p := c.End(t, e)
	return p, string(c.Log)
}

func want(t *testing.T, p provisioner.Progress, s provisioner.State, message string) {
	t.Helper()
	if p.State != s || !strings.Contains(p.Message, message) {
		t.Fatalf("%s: %s, want %s: %s", p.State, p.Message, s, message)
	}
}

// TestStates leads stacks out of every state that has a way out.
func TestStates(t *testing.T) {
	credentials(t)
	for name, test := range map[string]func(*testing.T, *sim){
		"create, nothing to do, update, delete": func(t *testing.T, s *sim) {
			p, log := end(t, s.engine(t), job("d1", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
			if !strings.Contains(log, "+   A AWS::SNS::Topic") || !strings.Contains(log, "CREATE_COMPLETE") {
				t.Errorf("log:\n%s", log)
			}
			before := s.Mutations("")
			p, log = end(t, s.engine(t), job("d2", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
			if s.Mutations("") != before || p.Outputs["name"] != "one" || !strings.Contains(log, "Nothing to do") {
				t.Errorf("%d operations more, outputs %v, log\n%s", s.Mutations("")-before, p.Outputs, log)
			}
			p, log = end(t, s.engine(t), job("d3", "web", "two"))
			want(t, p, provisioner.Succeeded, "")
			if p.Outputs["name"] != "two" || !strings.Contains(log, "~   A AWS::SNS::Topic: DisplayName") {
				t.Errorf("outputs %v, log\n%s", p.Outputs, log)
			}
			gone := job("d4", "web", "two")
			gone.Action = provisioner.Deprovision
			p, _ = end(t, s.engine(t), gone)
			want(t, p, provisioner.Succeeded, "")
		},
		"a failed creation is made anew": func(t *testing.T, s *sim) {
			s.Inject(awssim.Fault{Do: "create", Times: 1, Reason: "no"})
			p, _ := end(t, s.engine(t), job("d1", "web", "one"))
			want(t, p, provisioner.Failed, "A (AWS::SNS::Topic) failed: no")
			p, log := end(t, s.engine(t), job("d2", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
			if !strings.Contains(log, "The stack is in ROLLBACK_COMPLETE") {
				t.Errorf("log:\n%s", log)
			}
		},
		"a failed rollback is continued": func(t *testing.T, s *sim) {
			p, _ := end(t, s.engine(t), job("d1", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
			s.Inject(awssim.Fault{Do: "update", Times: 1, Reason: "no"})
			s.Inject(awssim.Fault{Do: "rollback", Times: 1, Reason: "no way back"})
			p, _ = end(t, s.engine(t), job("d2", "web", "two"))
			want(t, p, provisioner.Failed, "UPDATE_ROLLBACK_FAILED")
			p, _ = end(t, s.engine(t), job("d3", "web", "three"))
			want(t, p, provisioner.Succeeded, "")
			if p.Outputs["name"] != "three" {
				t.Errorf("outputs = %v", p.Outputs)
			}
		},
		"a resource is left out of a rollback": func(t *testing.T, s *sim) {
			end(t, s.engine(t), job("d1", "web", "one"))
			s.Inject(awssim.Fault{Do: "update", Times: 1, Reason: "no"})
			s.Inject(awssim.Fault{Do: "rollback", Times: 2, Reason: "no way back"})
			p, _ := end(t, s.engine(t), job("d2", "web", "two"))
			want(t, p, provisioner.Failed, "baryon skip NAME --resource ID")
			p, _ = end(t, s.engine(t), job("d3", "web", "three"))
			want(t, p, provisioner.Failed, "failed again")
			j := job("d4", "web", "three")
			j.Leave = []string{"A"}
			p, log := end(t, s.engine(t), j)
			want(t, p, provisioner.Succeeded, "")
			if !strings.Contains(log, "Skipped, and as they are from now on: A") {
				t.Errorf("log:\n%s", log)
			}
		},
		"a failed deletion is tried again, leaves what it must, or is forced": func(t *testing.T, s *sim) {
			for i, change := range []func(*provisioner.Job){
				func(*provisioner.Job) {},
				func(j *provisioner.Job) { j.Leave = []string{"A"} },
				func(j *provisioner.Job) { j.Force = true },
			} {
				stack := "web" + strconv.Itoa(i)
				end(t, s.engine(t), job("make"+stack, stack, "one"))
				times := 1
				if i == 2 {
					times = 2
				}
				s.Inject(awssim.Fault{Stack: stack, Do: "delete", Times: times, Reason: "in use"})
				j := job("fail"+stack, stack, "one")
				j.Action = provisioner.Deprovision
				p, _ := end(t, s.engine(t), j)
				want(t, p, provisioner.Failed, "baryon skip NAME --resource ID")
				j.ID = "again" + stack
				change(&j)
				p, _ = end(t, s.engine(t), j)
				want(t, p, provisioner.Succeeded, "")
			}
		},
		"what a failed deletion left is made anew when a person says so": func(t *testing.T, s *sim) {
			end(t, s.engine(t), job("d1", "web", "one"))
			s.Inject(awssim.Fault{Do: "delete", Times: 1, Reason: "in use"})
			j := job("d2", "web", "one")
			j.Action = provisioner.Deprovision
			end(t, s.engine(t), j)
			p, _ := end(t, s.engine(t), job("d3", "web", "one"))
			want(t, p, provisioner.Failed, "baryon force NAME")
			j = job("d4", "web", "one")
			j.Force = true
			p, _ = end(t, s.engine(t), j)
			want(t, p, provisioner.Succeeded, "")
		},
		"a protected stack is not deleted": func(t *testing.T, s *sim) {
			end(t, s.engine(t), job("d1", "web", "one"))
			s.protect(t, "web")
			j := job("d2", "web", "one")
			j.Action = provisioner.Deprovision
			p, _ := end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "protected against termination")
		},
		"a stack policy stands against an update": func(t *testing.T, s *sim) {
			end(t, s.engine(t), job("d1", "web", "one"))
			s.deny(t, "web")
			p, _ := end(t, s.engine(t), job("d2", "web", "two"))
			want(t, p, provisioner.Failed, "denied by stack policy")
		},
		"a stack that was deleted by hand is made anew": func(t *testing.T, s *sim) {
			end(t, s.engine(t), job("d1", "web", "one"))
			if _, err := s.client(t).DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: new("web")}); err != nil {
				t.Fatal(err)
			}
			p, _ := end(t, s.engine(t), job("d2", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
		},
		"an update is cancelled": func(t *testing.T, s *sim) {
			e := s.engine(t)
			end(t, e, job("d1", "web", "one"))
			s.Inject(awssim.Fault{Stack: "web", Do: "update", Hold: true})
			c := provisionertest.Caller{Job: job("d2", "web", "two")}
			c.Until(t, e, func(provisioner.Progress) bool { return s.Mutations("baryon-d2") > 0 })
			if err := e.Cancel(t.Context(), c.Job); err != nil {
				t.Fatal(err)
			}
			c.Until(t, e, func(p provisioner.Progress) bool { return strings.HasPrefix(p.Message, "cancelled") })
			s.Release()
			want(t, c.End(t, e), provisioner.Cancelled, "the stack is UPDATE_ROLLBACK_COMPLETE")
		},
		"an update that somebody left half way is rolled back": func(t *testing.T, s *sim) {
			e := s.engine(t)
			end(t, e, job("d1", "web", "one"))
			s.Inject(awssim.Fault{Stack: "web", Do: "update", Times: 1, Reason: "no"})
			_, err := s.client(t).UpdateStack(t.Context(), &sdk.UpdateStackInput{
				StackName: new("web"), TemplateBody: new(strings.ReplaceAll(topic, "NAME", "theirs")), DisableRollback: new(true),
			})
			if err != nil {
				t.Fatal(err)
			}
			p, _ := end(t, e, job("d2", "web", "two"))
			want(t, p, provisioner.Succeeded, "")
		},
		"somebody else's update goes first": func(t *testing.T, s *sim) {
			end(t, s.engine(t), job("d1", "web", "one"))
			s.Inject(awssim.Fault{Stack: "web", Do: "update", Hold: true})
			if _, err := s.client(t).UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: new("web"), TemplateBody: new(strings.ReplaceAll(topic, "NAME", "theirs"))}); err != nil {
				t.Fatal(err)
			}
			c := provisionertest.Caller{Job: job("d2", "web", "two")}
			e := s.engine(t)
			c.Until(t, e, func(p provisioner.Progress) bool { return strings.Contains(p.Message, "by another operation") })
			s.Release()
			p := c.End(t, e)
			want(t, p, provisioner.Succeeded, "")
			if p.Outputs["name"] != "two" {
				t.Errorf("outputs %v", p.Outputs)
			}
		},
		"the failing validation is told": func(t *testing.T, s *sim) {
			j := job("d1", "web", "one")
			j.Files = fstest.MapFS{"cloudformation.yaml": {Data: []byte("Resources: {A: {Type: AWS::SNS::Topic, Properties: {Nope: 1}}}")}}
			p, _ := end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "extraneous key [Nope] is not permitted")
			j.Files = fstest.MapFS{"cloudformation.yaml": {Data: []byte("Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref X}}}")}}
			j.ID = "d2"
			p, _ = end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "Unresolved resource dependencies [X]")
		},
		"the wrong account is refused": func(t *testing.T, s *sim) {
			e := s.engine(t, func(c *cloudformation.Config) { c.Account = "999999999999" })
			p, _ := end(t, e, job("d1", "web", "one"))
			want(t, p, provisioner.Failed, "wrong account: the credentials are of 123456789012")
		},
		"a role's account is the one": func(t *testing.T, s *sim) {
			j := job("d1", "web", "one")
			j.Role = "arn:aws:iam::222222222222:role/deploy"
			p, _ := end(t, s.engine(t), j)
			want(t, p, provisioner.Succeeded, "")
			if s.Calls()["sts:AssumeRole"] == 0 {
				t.Error("no role was assumed")
			}
		},
		"large templates go through the bucket": func(t *testing.T, s *sim) {
			j := job("d1", "web", "one")
			j.Files = fstest.MapFS{"cloudformation.yaml": {Data: []byte(topic + strings.Repeat("# filled up\n", 6000))}}
			p, _ := end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "aws_bucket")
			s.Bucket("123456789012", "eu-west-1", "templates")
			j.ID = "d2"
			p, _ = end(t, s.engine(t, func(c *cloudformation.Config) { c.Bucket = "templates" }), j)
			want(t, p, provisioner.Succeeded, "")
		},
		"throttling fails nothing": func(t *testing.T, s *sim) {
			for _, kind := range []awssim.WireKind{awssim.Throttle, awssim.Unavailable} {
				s.InjectWire(awssim.WireFault{Kind: kind, Times: 2})
			}
			p, _ := end(t, s.engine(t), job("d1", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
			if n := s.Mutations("baryon-d1"); n != 1 {
				t.Errorf("begun %d times", n)
			}
		},
		"a lost answer begins nothing twice": func(t *testing.T, s *sim) {
			for _, action := range []string{"CreateChangeSet", "ExecuteChangeSet"} {
				s.InjectWire(awssim.WireFault{Action: action, Kind: awssim.Lost, Times: 1})
			}
			p, _ := end(t, s.engine(t), job("d1", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
			if n := s.Mutations("baryon-d1"); n != 1 {
				t.Errorf("begun %d times", n)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newSim(t))
		})
	}
}

// TestHardAccount deploys where everything goes wrong that passes: AWS throttles
// and fails, reads lag, credentials run out on the way, and there are many other
// stacks.
func TestHardAccount(t *testing.T) {
	credentials(t)
	var mu sync.Mutex
	var ahead time.Duration
	s := newSim(t, func(c *awssim.Config) {
		c.Lag, c.PageSize = 2, 2
		c.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(ahead)
		}
	})
	for i := range 7 {
		s.running(t, "other"+strconv.Itoa(i), topic)
	}
	role := "arn:aws:iam::123456789012:role/deploy"
	e := s.engine(t)
	for i, name := range []string{"one", "two"} {
		for _, action := range []string{"CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStacks"} {
			s.InjectWire(awssim.WireFault{Action: action, Kind: awssim.Throttle, Times: 1})
			s.InjectWire(awssim.WireFault{Action: action, Kind: awssim.Unavailable, Times: 1})
			s.InjectWire(awssim.WireFault{Action: action, Kind: awssim.Truncate, Times: 1})
		}
		s.Inject(awssim.Fault{Stack: "web", Hold: true})
		c := provisionertest.Caller{Job: job("d"+strconv.Itoa(i), "web", name)}
		c.Job.Role = role
		c.Until(t, e, func(provisioner.Progress) bool { return s.Mutations("baryon-d"+strconv.Itoa(i)) > 0 })
		mu.Lock()
		ahead += 2 * time.Hour // the session has run out
		mu.Unlock()
		c.Call(t, e)
		s.Release()
		p := c.End(t, e)
		want(t, p, provisioner.Succeeded, "")
		if n := s.Mutations("baryon-d" + strconv.Itoa(i)); n != 1 || p.Outputs["name"] != name {
			t.Errorf("begun %d times, outputs %v", n, p.Outputs)
		}
	}
	if n := s.Calls()["sts:AssumeRole"]; n < 3 {
		t.Errorf("credentials were taken %d times, and ran out twice", n)
	}
}
