package cloudformation_test

import (
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/provisioner/provisionertest"
)

// denied is AWS's answer to who may not do something.
func denied(service, action string, times int) awssim.WireFault {
	return awssim.WireFault{
		Service: service, Action: action, Kind: awssim.Refuse, Times: times,
		Status: 403, Code: "AccessDenied", Message: "User: X is not authorized to perform: " + action,
	}
}

// TestReasonIsNeverLost tells why something failed though AWS does not answer just
// when it is asked for the reason.
func TestReasonIsNeverLost(t *testing.T) {
	credentials(t)
	badly := func(s *sim, action string) {
		for _, kind := range []awssim.WireKind{awssim.Throttle, awssim.Unavailable, awssim.Truncate} {
			s.InjectWire(awssim.WireFault{Action: action, Kind: kind, Times: 2})
		}
	}
	for name, test := range map[string]func(*testing.T, *sim, *cloudformation.Engine){
		"of a creation": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			s.Inject(awssim.Fault{Do: "create", Reason: "no such luck"})
			badly(s, "DescribeStackEvents")
			p, log := end(t, e, job("d1", "web", "one"))
			want(t, p, provisioner.Failed, "A (AWS::SNS::Topic) failed: no such luck")
			cause, events := strings.Index(log, "A (AWS::SNS::Topic) failed: no such luck"), strings.Index(log, "CREATE_FAILED")
			if cause < 0 || events < cause {
				t.Errorf("the cause is not first in the log:\n%s", log)
			}
		},
		"of an update whose rollback fails, and of the rollback": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			end(t, e, job("d1", "web", "one"))
			s.Inject(awssim.Fault{Do: "update", Times: 1, Reason: "no"})
			s.Inject(awssim.Fault{Do: "rollback", Times: 2, Reason: "no way back"})
			badly(s, "DescribeStackEvents")
			p, _ := end(t, e, job("d2", "web", "two"))
			want(t, p, provisioner.Failed, "A (AWS::SNS::Topic) failed: no\nthe stack web is in UPDATE_ROLLBACK_FAILED")
			badly(s, "DescribeStackEvents")
			p, _ = end(t, e, job("d3", "web", "three"))
			want(t, p, provisioner.Failed, "A (AWS::SNS::Topic) failed: no way back")
		},
		"of a deletion": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			end(t, e, job("d1", "web", "one"))
			s.Inject(awssim.Fault{Do: "delete", Times: 1, Reason: "in use"})
			badly(s, "DescribeStackEvents")
			gone := job("d2", "web", "one")
			gone.Action = provisioner.Deprovision
			p, _ := end(t, e, gone)
			want(t, p, provisioner.Failed, "A (AWS::SNS::Topic) failed: in use")
		},
		"of a change set": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			badly(s, "DescribeEvents")
			j := job("d1", "web", "one")
			j.Files = files("Resources: {A: {Type: AWS::SNS::Topic, Properties: {Nope: 1}}}")
			p, _ := end(t, e, j)
			want(t, p, provisioner.Failed, "extraneous key [Nope] is not permitted")
		},
		"and where it may not be asked for, that is said": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			s.Inject(awssim.Fault{Do: "create", Reason: "no such luck"})
			s.InjectWire(denied("", "DescribeStackEvents", 100))
			p, _ := end(t, e, job("d1", "web", "one"))
			want(t, p, provisioner.Failed, "not authorized to perform: DescribeStackEvents")
		},
		"with somebody else's update begun meanwhile": func(t *testing.T, s *sim, e *cloudformation.Engine) {
			end(t, e, job("d1", "web", "one"))
			s.Inject(awssim.Fault{Do: "update", Times: 1, Reason: "no"})
			c := provisionertest.Caller{Job: job("d2", "web", "two")}
			c.Until(t, e, func(provisioner.Progress) bool { return s.Mutations("baryon-d2") > 0 })
			s.Calls() // time passes
			s.updated(t, "web", strings.ReplaceAll(topic, "NAME", "theirs"))
			want(t, c.End(t, e), provisioner.Failed, "A (AWS::SNS::Topic) failed: no")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSim(t)
			test(t, s, s.engine(t))
		})
	}
}

// TestBegunGoesOn waits for what was begun, though the daemon may not look at it
// any more: that says nothing about the stack.
func TestBegunGoesOn(t *testing.T) {
	credentials(t)
	for name, test := range map[string]func(*testing.T, *sim, *cloudformation.Engine, *provisionertest.Caller){
		"the role cannot be assumed any more": func(t *testing.T, s *sim, _ *cloudformation.Engine, c *provisionertest.Caller) {
			s.BreakRole(c.Job.Role, true)
			e := s.engine(t) // restarted: nothing is kept of the role
			c.Until(t, e, func(p provisioner.Progress) bool { return strings.Contains(p.Message, "sts:AssumeRole") })
			s.Release()
			s.BreakRole(c.Job.Role, false)
			want(t, c.End(t, e), provisioner.Succeeded, "")
		},
		"the credentials are of another account": func(t *testing.T, s *sim, _ *cloudformation.Engine, c *provisionertest.Caller) {
			role := c.Job.Role
			c.Job.Role = "arn:aws:iam::999999999999:role/deploy"
			before := s.Mutations("")
			c.Until(t, s.engine(t), func(p provisioner.Progress) bool {
				return strings.Contains(p.Message, "wrong account: the credentials are of 999999999999")
			})
			if s.Mutations("") != before {
				t.Error("something was changed in the wrong account")
			}
			c.Job.Role = role
			s.Release()
			want(t, c.End(t, s.engine(t)), provisioner.Succeeded, "")
		},
		"stacks may not be listed any more": func(t *testing.T, s *sim, e *cloudformation.Engine, c *provisionertest.Caller) {
			s.InjectWire(denied("", "DescribeStacks", 5))
			s.InjectWire(denied("", "ListStacks", 5))
			for range 3 {
				c.Call(t, e)
			}
			s.Release()
			want(t, c.End(t, e), provisioner.Succeeded, "")
		},
		"until the time is up": func(t *testing.T, s *sim, _ *cloudformation.Engine, c *provisionertest.Caller) {
			s.BreakRole(c.Job.Role, true)
			e := s.engine(t, func(c *cloudformation.Config) { c.Timeout = time.Nanosecond })
			want(t, c.End(t, e), provisioner.Failed, "it may still be under way: AWS refuses: AccessDenied")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSim(t)
			e := s.engine(t)
			s.Inject(awssim.Fault{Do: "create", Hold: true})
			c := &provisionertest.Caller{Job: job("d1", "web", "one")}
			c.Job.Role = "arn:aws:iam::123456789012:role/deploy"
			c.Until(t, e, func(p provisioner.Progress) bool { return strings.Contains(p.Handle, `"executing"`) })
			test(t, s, e, c)
		})
	}
}
