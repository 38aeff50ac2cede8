package awssim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// What is not to be echoed is nowhere to be read. Source: UG
// parameters-section-structure.
func TestNoEcho(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	text := "Parameters: {P: {Type: String, NoEcho: true}}\nResources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub 'x ${P}'}}}"
	secret := func(v string) []types.Parameter {
		return []types.Parameter{{ParameterKey: new("P"), ParameterValue: &v}}
	}
	w.create("s", text, func(in *cloudformation.CreateStackInput) { in.Parameters = secret("first-hush") })
	w.live("s", "A", func(thing *awssim.Thing) {
		if thing.Properties["DisplayName"] != "x first-hush" {
			t.Errorf("the topic has %v", thing.Properties)
		}
	})
	w.propose("s", "c", text, func(in *cloudformation.CreateChangeSetInput) { in.Parameters = secret("second-hush") })
	set := w.proposed("s", "c", true)
	if len(set.Changes) != 1 {
		t.Fatalf("%d changes", len(set.Changes))
	}
	if err := w.execute("s", "c"); err != nil {
		t.Fatal(err)
	}
	w.rest("s")
	for action, extra := range map[string][]string{
		"DescribeStacks": nil, "DescribeStackEvents": nil, "DescribeChangeSet": {"ChangeSetName", "c", "IncludePropertyValues", "true"}, "DescribeEvents": nil,
	} {
		body, status := w.call(action, append([]string{"StackName", "s"}, extra...)...)
		if status != 200 || strings.Contains(body, "hush") || action != "DescribeEvents" && !strings.Contains(body, "****") {
			t.Errorf("%s: %d %s", action, status, body)
		}
	}
}

// TestAttributes is about what GetAtt and Ref give. Source: TR, return values of
// each type.
func TestAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	s := w.create("s", "Resources:\n  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n"+
		"  C: {Type: AWS::ECS::Cluster}\n  E: {Type: AWS::ECS::Service, Properties: {Cluster: !Ref C, ServiceName: web, TaskDefinition: t}}\n"+
		"  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: a}}\n  R: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: p}}\n"+
		"  D: {Type: AWS::RDS::DBInstance, Properties: {DBInstanceClass: db.t3.micro, Engine: postgres}}\n"+
		"Outputs:\n  Association: {Value: !Select [0, !GetAtt V.CidrBlockAssociations]}\n  Group: {Value: !GetAtt V.DefaultSecurityGroup}\n  Cidr: {Value: !GetAtt V.CidrBlock}\n"+
		"  Service: {Value: !Ref E}\n  Resource: {Value: !Ref R}\n  Same: {Value: !GetAtt R.ResourceId}\n  Port: {Value: !GetAtt D.Endpoint.Port}\n  Cluster: {Value: !Ref C}\n")
	if s.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("%s %q", s.StackStatus, w.events("s"))
	}
	got := map[string]string{}
	for _, o := range s.Outputs {
		got[*o.OutputKey] = *o.OutputValue
	}
	if !strings.HasPrefix(got["Association"], "vpc-cidr-assoc-") || !strings.HasPrefix(got["Group"], "sg-") || got["Cidr"] != "10.0.0.0/16" {
		t.Errorf("VPC: %v", got)
	}
	if want := "arn:aws:ecs:eu-west-1:111111111111:service/" + got["Cluster"] + "/web"; got["Service"] != want {
		t.Errorf("service %s, want %s", got["Service"], want)
	}
	if got["Resource"] == "" || got["Resource"] != got["Same"] || got["Port"] != "5432" {
		t.Errorf("%v", got)
	}
}

// Regions of other partitions have names of their own.
func TestPartitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.cfn = w.client("111111111111", "cn-north-1")
	s := w.create("s", one+"Outputs: {P: {Value: !Sub '${AWS::Partition} ${AWS::URLSuffix}'}, A: {Value: !Ref A}}")
	if !strings.HasPrefix(*s.StackId, "arn:aws-cn:cloudformation:cn-north-1:") {
		t.Errorf("stack %s", *s.StackId)
	}
	for _, o := range s.Outputs {
		if v := aws.ToString(o.OutputValue); v != "aws-cn amazonaws.com.cn" && !strings.HasPrefix(v, "arn:aws-cn:sns:") {
			t.Errorf("%s = %s", *o.OutputKey, v)
		}
	}
}

// A stuck rollback can be forced on, with nobody saying where it is stuck.
func TestForceRollback(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.stuckRollback()
	if body, status := w.call("ContinueUpdateRollback", "StackName", "s", "ForceRollback", "true", "ResourcesToSkip.member.1", "A"); status != 400 || !strings.Contains(body, "both ForceRollback and ResourcesToSkip") {
		t.Errorf("%d %s", status, body)
	}
	if body, status := w.call("ContinueUpdateRollback", "StackName", "s", "ForceRollback", "true"); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("%s %q", s.StackStatus, w.events("s"))
	}
}

// A rate below one call a second is one, too.
func TestSlowRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{Rate: 0.5})
	list := func() error {
		_, err := w.cfn.ListStacks(t.Context(), &cloudformation.ListStacksInput{})
		return err
	}
	if err := list(); err != nil {
		t.Error(err)
	}
	says(t, list(), "Throttling", "Rate exceeded")
	w.clock.pass(2 * time.Second)
	if err := list(); err != nil {
		t.Error(err)
	}
}
