package cloudformation_test

import (
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
)

const deployer = "arn:aws:iam::222222222222:role/deploy"

// TestAccounts deploys to the account and region that a job says, in its role, and
// nowhere else.
func TestAccounts(t *testing.T) {
	credentials(t)
	known := func(c *awssim.Config) { c.Roles = map[string]awssim.Role{deployer: {ExternalID: "shown"}} }
	for name, test := range map[string]func(*testing.T, *sim){
		"a role wants its external ID": func(t *testing.T, s *sim) {
			j := job("d1", "web", "one")
			j.Role = deployer
			p, _ := end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "not authorized to perform: sts:AssumeRole on resource: "+deployer)
			j.ID, j.ExternalID = "d2", "another"
			p, _ = end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "sts:AssumeRole")
			j.ID, j.ExternalID = "d3", "shown"
			p, _ = end(t, s.engine(t), j)
			want(t, p, provisioner.Succeeded, "")
			j.ID, j.ExternalID = "d4", ""
			p, _ = end(t, s.engine(t, func(c *cloudformation.Config) { c.ExternalID = "shown" }), j)
			want(t, p, provisioner.Succeeded, "")
			if s.Stacks("222222222222", "eu-west-1")["web"] == "" || s.Stacks("123456789012", "eu-west-1")["web"] != "" {
				t.Error("the stack is in the wrong account")
			}
			if p.Place != "222222222222/eu-west-1" {
				t.Errorf("place %q", p.Place)
			}
			if !strings.HasPrefix(p.Identifier, "arn:aws:cloudformation:eu-west-1:222222222222:stack/web/") {
				t.Errorf("identifier %q", p.Identifier)
			}
		},
		"a job has a region of its own": func(t *testing.T, s *sim) {
			e := s.engine(t)
			for _, region := range []string{"", "us-west-2"} {
				j := job("d"+region, "web", "one")
				j.Region = region
				p, _ := end(t, e, j)
				want(t, p, provisioner.Succeeded, "")
			}
			if s.Stacks("123456789012", "eu-west-1")["web"] == "" || s.Stacks("123456789012", "us-west-2")["web"] == "" {
				t.Errorf("stacks %v %v", s.Stacks("123456789012", "eu-west-1"), s.Stacks("123456789012", "us-west-2"))
			}
		},
		"the account that is declared is the one": func(t *testing.T, s *sim) {
			j := job("d1", "web", "one")
			j.Account = "333333333333"
			p, _ := end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "wrong account: the credentials are of 123456789012, and 333333333333 is meant")
			j.ID, j.Role, j.ExternalID = "d2", deployer, "shown"
			p, _ = end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "is of another account than 333333333333")
			j.ID, j.Account = "d3", "222222222222"
			p, _ = end(t, s.engine(t), j)
			want(t, p, provisioner.Succeeded, "")
		},
		"what was deployed stays where it is": func(t *testing.T, s *sim) {
			e := s.engine(t)
			p, _ := end(t, e, job("d1", "web", "one"))
			j := job("d2", "web", "two")
			j.Place, j.Region = p.Place, "us-west-2"
			p, _ = end(t, e, j)
			want(t, p, provisioner.Failed, "it was deployed to 123456789012/eu-west-1, and this leads to 123456789012/us-west-2")
			other := j
			other.ID, other.Role, other.ExternalID, other.Region = "d3", deployer, "shown", ""
			p, _ = end(t, e, other)
			want(t, p, provisioner.Failed, "wrong place")
			gone := j
			gone.ID, gone.Action = "d4", provisioner.Deprovision
			p, _ = end(t, e, gone) // it is removed where it is
			want(t, p, provisioner.Succeeded, "")
			if left := s.Stacks("123456789012", "eu-west-1"); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			j.ID, j.Force = "d5", true
			p, _ = end(t, e, j)
			want(t, p, provisioner.Succeeded, "")
			if p.Place != "123456789012/us-west-2" {
				t.Errorf("place %q", p.Place)
			}
		},
		"the bucket is that of the account and region": func(t *testing.T, s *sim) {
			s.Bucket("222222222222", "us-west-2", "templates-222222222222-us-west-2")
			j := job("d1", "web", "one")
			j.Files = files(topic + strings.Repeat("# filled up\n", 6000))
			j.Role, j.ExternalID, j.Region = deployer, "shown", "us-west-2"
			p, _ := end(t, s.engine(t, func(c *cloudformation.Config) { c.Bucket = "templates-{account}-{region}" }), j)
			want(t, p, provisioner.Succeeded, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newSim(t, known))
		})
	}
}

// TestKeysLast takes new credentials of a role before something is begun with old
// ones: CloudFormation goes on with those.
func TestKeysLast(t *testing.T) {
	credentials(t)
	s := newSim(t, func(c *awssim.Config) {
		c.Now = func() time.Time { return time.Now().Add(-30 * time.Minute) } // sessions end in half an hour
	})
	j := job("d1", "web", "one")
	j.Role = "arn:aws:iam::123456789012:role/deploy"
	p, _ := end(t, s.engine(t), j)
	want(t, p, provisioner.Succeeded, "")
	if n := s.Calls()["sts:AssumeRole"]; n < 2 {
		t.Errorf("credentials that end soon were used to begin something: %d were taken", n)
	}
}
