package cloudformation_test

import (
	"strings"
	"testing"
	"testing/fstest"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner"
)

const oldName = "AWSProton-shop-dev-cloudformation--ABCDEFGHIJKLMNO"

// running makes a stack as AWS Proton did, or somebody by hand.
func (s *sim) running(t *testing.T, name, body string, tags ...types.Tag) {
	t.Helper()
	_, err := s.client(t).CreateStack(t.Context(), &sdk.CreateStackInput{StackName: &name, TemplateBody: &body, Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
}

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

// protons are the tags that AWS Proton gave the instance of the jobs here, in
// another account than they name.
func protons() []types.Tag {
	const arn = "arn:aws:proton:us-east-1:210987654321:"
	return []types.Tag{
		tag("proton:account", "210987654321"), tag("proton:template", arn+"service-template/web"), tag("proton:service", arn+"service/shop"),
		tag("proton:service-instance", arn+"service/shop/service-instance/dev"), tag("cost-center", "7"),
	}
}

// TestAdopt takes over what runs, unchanged or not at all.
func TestAdopt(t *testing.T) {
	credentials(t)
	body := func(name string) string { return strings.ReplaceAll(topic, "NAME", name) }
	adoption := func(id, name, stack string) provisioner.Job {
		j := job(id, "service-shop-instance-dev", name)
		j.Adopt = stack
		return j
	}
	for name, test := range map[string]func(*testing.T, *sim){
		"by tags": func(t *testing.T, s *sim) {
			s.running(t, oldName, body("one"), protons()...)
			s.running(t, "other", body("one"), tag("proton:service", "arn:aws:proton:us-east-1:210987654321:service/shop"))
			before := s.Mutations("")
			p, _ := end(t, s.engine(t), adoption("d1", "one", provisioner.AdoptByTags))
			want(t, p, provisioner.Succeeded, "took over the stack "+oldName)
			if p.Stack != oldName || p.Outputs["name"] != "one" || s.Mutations("") != before {
				t.Errorf("stack %s, outputs %v, %d operations", p.Stack, p.Outputs, s.Mutations("")-before)
			}
			// From now on it is changed under its own name, and keeps the tags of others.
			j := job("d2", "service-shop-instance-dev", "two")
			j.Stack = p.Stack
			j.Tags = map[string]string{"team": "web"}
			p, _ = end(t, s.engine(t), j)
			want(t, p, provisioner.Succeeded, "")
			j.ID, j.Tags, j.Untag = "d3", nil, []string{"team"}
			p, _ = end(t, s.engine(t), j)
			want(t, p, provisioner.Succeeded, "")
			out, err := s.client(t).DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: new(oldName)})
			if err != nil {
				t.Fatal(err)
			}
			tags := map[string]string{}
			for _, tag := range out.Stacks[0].Tags {
				tags[*tag.Key] = *tag.Value
			}
			if tags["cost-center"] != "7" || tags["team"] != "" || tags["proton:template"] == "" || !strings.Contains(tags["proton:service-instance"], "123456789012") {
				t.Errorf("tags %v", tags)
			}
		},
		"by name, what differs is shown": func(t *testing.T, s *sim) {
			s.running(t, "by-hand", body("theirs"))
			before := s.Mutations("")
			p, _ := end(t, s.engine(t), adoption("d1", "ours", "by-hand"))
			want(t, p, provisioner.Failed, `DisplayName: "theirs" → "ours"`)
			out, err := s.client(t).ListChangeSets(t.Context(), &sdk.ListChangeSetsInput{StackName: new("by-hand")})
			if err != nil || len(out.Summaries) != 0 || s.Mutations("") != before {
				t.Errorf("left behind: %v, %v", out.Summaries, err)
			}
			p, _ = end(t, s.engine(t), adoption("d2", "theirs", "by-hand"))
			want(t, p, provisioner.Succeeded, "")
		},
		"what is not there, or does not work": func(t *testing.T, s *sim) {
			p, _ := end(t, s.engine(t), adoption("d1", "one", "nothing"))
			want(t, p, provisioner.Failed, "there is no stack nothing")
			p, _ = end(t, s.engine(t), adoption("d2", "one", provisioner.AdoptByTags))
			want(t, p, provisioner.Failed, "no stack in account 123456789012")
			s.running(t, "one", body("one"), protons()...)
			s.running(t, "two", body("one"), protons()...)
			p, _ = end(t, s.engine(t), adoption("d3", "one", provisioner.AdoptByTags))
			want(t, p, provisioner.Failed, "several stacks carry its tags: one, two")
		},
		"no second stack is made beside it": func(t *testing.T, s *sim) {
			s.running(t, oldName, body("one"), protons()...)
			p, _ := end(t, s.engine(t), job("d1", "service-shop-instance-dev", "one"))
			want(t, p, provisioner.Failed, "the running stack "+oldName+" carries the tags of this")
			if p := foresee(t, s.engine(t), job("p1", "service-shop-instance-dev", "one")); p.State != provisioner.Failed {
				t.Errorf("planned all the same: %+v", p)
			}
		},
		"a template that cannot be read": func(t *testing.T, s *sim) {
			s.running(t, "by-hand", body("one"))
			j := adoption("d1", "one", "by-hand")
			j.Files = fstest.MapFS{"cloudformation.yaml": {Data: []byte("Resources: 7")}}
			p, _ := end(t, s.engine(t), j)
			want(t, p, provisioner.Failed, "AWS refuses")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newSim(t))
		})
	}
}
