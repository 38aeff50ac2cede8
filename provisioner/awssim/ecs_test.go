package awssim_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"

	"baryon/provisioner/awssim"
)

func (w *world) ecs() *ecs.Client {
	return ecs.New(ecs.Options{
		BaseEndpoint: &w.url, Region: "eu-west-1", Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "111111111111", SecretAccessKey: "s"}, nil
		}),
	})
}

// DescribeServices shows the services that stacks made, under the names that their
// stacks hand out, until they are deleted.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
func TestECSServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	s := w.create("web", `
Resources:
  Cluster: {Type: AWS::ECS::Cluster}
  Task: {Type: AWS::ECS::TaskDefinition, Properties: {ContainerDefinitions: [{Name: a, Image: b}]}}
  One: {Type: AWS::ECS::Service, Properties: {Cluster: !Ref Cluster, ServiceName: one, DesiredCount: 3, TaskDefinition: !Ref Task}}
  Two: {Type: AWS::ECS::Service, Properties: {Cluster: !GetAtt Cluster.Arn, TaskDefinition: !Ref Task}}
Outputs:
  Cluster: {Value: !Ref Cluster}
  One: {Value: !GetAtt One.Name}
  Two: {Value: !Ref Two}
`)
	outputs := map[string]string{}
	for _, o := range s.Outputs {
		outputs[*o.OutputKey] = *o.OutputValue
	}
	if outputs["One"] != "one" {
		t.Errorf("Fn::GetAtt Name of a service that was named is %q", outputs["One"])
	}
	describe := func() *ecs.DescribeServicesOutput {
		t.Helper()
		out, err := w.ecs().DescribeServices(t.Context(), &ecs.DescribeServicesInput{
			Cluster: aws.String(outputs["Cluster"]), Services: []string{"one", outputs["Two"], "three"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := describe()
	if len(out.Services) != 2 || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" || out.Services[0].DesiredCount != 3 || out.Services[1].RunningCount != 1 {
		t.Fatalf("%d services, failures %+v", len(out.Services), out.Failures)
	}
	if d := out.Services[0].Deployments[0]; *d.Status != "PRIMARY" || d.RolloutState != "COMPLETED" || *out.Services[0].Status != "ACTIVE" {
		t.Errorf("a service that a stack made is %+v", d)
	}

	// How far it is can be set, and is kept with everything else.
	w.Roll(awssim.Rollout{Service: "one", State: "FAILED", Missing: 2})
	var saved bytes.Buffer
	if err := errors.Join(w.Save(&saved), w.Load(&saved)); err != nil {
		t.Fatal(err)
	}
	if got := describe().Services[0]; got.Deployments[0].RolloutState != "FAILED" || got.RunningCount != 1 || got.PendingCount != 2 {
		t.Errorf("set to FAILED it is %+v", got.Deployments[0])
	}
	w.Roll(awssim.Rollout{Service: "one", State: "FAILED", Answers: 2})
	for i, want := range []string{"FAILED", "FAILED", "COMPLETED"} {
		if got := describe().Services[0].Deployments[0].RolloutState; string(got) != want {
			t.Errorf("answer %d is %s, want %s", i+1, got, want)
		}
	}
}

func TestECSRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	c := w.ecs()
	for name, tt := range map[string]struct {
		do   func() error
		want string
	}{
		"a cluster that does not exist": {func() error {
			_, err := c.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("none"), Services: []string{"a"}})
			return err
		}, "ClusterNotFoundException"},
		"no services": {func() error {
			_, err := c.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Services: []string{}})
			return err
		}, "InvalidParameterException"},
		"more than ten": {func() error {
			_, err := c.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Services: slices.Repeat([]string{"a"}, 11)})
			return err
		}, "InvalidParameterException"},
		"anything else": {func() error { _, err := c.ListClusters(t.Context(), &ecs.ListClustersInput{}); return err }, "UnknownOperationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, ok := errors.AsType[smithy.APIError](tt.do())
			if !ok || api.ErrorCode() != tt.want {
				t.Errorf("refused with %v, want %s", api, tt.want)
			}
		})
	}
}
