package main

import (
	"os"
	"path/filepath"
	"testing"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
)

// TestCorpusAdoption takes over stacks that were made by hand from the public
// environment bundles: by change sets that come to nothing. One with another spec
// is left alone.
func TestCorpusAdoption(t *testing.T) {
	if testing.Short() {
		t.Skip("many stacks are left out of short runs")
	}
	dir := os.Getenv("BARYON_CORPUS")
	if dir == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	rehearsalKeys(t)
	for _, world := range corpusWorlds {
		t.Run(world.environment, func(t *testing.T) {
			t.Parallel()
			r := rehearse(t)
			folder := filepath.Join(dir, "cloudformation", world.environment)
			env := sample{template: filepath.Join(folder, "v1"), spec: read(t, filepath.Join(folder, world.spec))}
			files := r.render(env)
			body, ok := files.Get("cloudformation.yaml")
			if !ok {
				t.Fatal("no template")
			}
			c, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion("eu-west-1"), awsconfig.WithBaseEndpoint(r.url))
			if err != nil {
				t.Fatal(err)
			}
			const name = "AWSProton-env-cloudformation--ABCDEFGHIJKLMNO"
			_, err = cloudformation.NewFromConfig(c).CreateStack(t.Context(), &cloudformation.CreateStackInput{
				StackName: new(name), TemplateBody: new(string(body.Data)),
				Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
				Tags:         []types.Tag{{Key: new("proton:environment"), Value: new("arn:aws:proton:us-east-1:111111111111:environment/prod")}},
			})
			if err != nil {
				t.Fatal(err)
			}
			job := provisioner.Job{
				ID: "adopt", Stack: "environment-prod", Action: provisioner.Provision, Files: files, Adopt: provisioner.AdoptByTags,
				Env: map[string]string{"RESOURCE_ARN": "arn:aws:proton:eu-west-1:123456789012:environment/prod"},
			}
			other := job
			env.spec = changed(env.spec, world.change)
			other.ID, other.Files = "other", r.render(env)
			before := r.sim.Mutations("")
			caller := provisionertest.Caller{Job: other}
			if p := caller.End(t, r.engine); p.State != provisioner.Failed || len(p.Changes) == 0 {
				t.Errorf("%s: %s, %d changes", p.State, p.Message, len(p.Changes))
			}
			caller = provisionertest.Caller{Job: job}
			if p := caller.End(t, r.engine); p.State != provisioner.Succeeded || p.Stack != name {
				t.Errorf("%s: %s", p.State, p.Message)
			}
			if n := r.sim.Mutations("") - before; n != 0 {
				t.Errorf("%d operations were begun", n)
			}
		})
	}
}
