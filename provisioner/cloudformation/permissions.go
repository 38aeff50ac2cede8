package cloudformation

import (
	"fmt"
	"strings"
)

// A Statement is one statement of an IAM policy.
type Statement struct {
	Sid       string
	Effect    string
	Principal map[string]string            `json:",omitempty"`
	Action    []string                     // sorted
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

// A PolicyDocument is an IAM policy.
type PolicyDocument struct {
	Version   string
	Statement []Statement
}

// onStacks are the operations that the engine asks for on single stacks, and
// onAll those that AWS grants for all of an account or not at all.
var (
	onStacks = []string{
		"CancelUpdateStack", "ContinueUpdateRollback", "CreateChangeSet", "DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeEvents",
		"DescribeStackEvents", "DescribeStackResourceDrifts", "DescribeStacks", "DetectStackDrift", "ExecuteChangeSet", "GetTemplate", "GetTemplateSummary",
		"ListChangeSets", "ListStackResources", "RollbackStack",
	}
	onAll = []string{"DescribeStackDriftDetectionStatus", "ListStacks"}
	// forDrift is what DetectStackDrift asks for in its turn.
	forDrift = []string{"DetectStackResourceDrift"}
)

// Operations are all calls of CloudFormation that the engine makes.
func Operations() []string { return append(append([]string{}, onStacks...), onAll...) }

// StackPolicy is what the engine needs to deploy stacks in an account: as a role,
// or with the daemon's own credentials. What the templates make is asked for by
// CloudFormation with the same credentials, and is not in it.
func StackPolicy(account, region, bucket string) PolicyDocument {
	stacks := fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/*", region, account)
	p := PolicyDocument{Version: "2012-10-17", Statement: []Statement{
		{
			Sid: "Stacks", Effect: "Allow", Action: named(append(append([]string{}, onStacks...), forDrift...)),
			Resource: []string{stacks, "arn:aws:cloudformation:" + region + ":aws:transform/*"},
		},
		{Sid: "AllStacks", Effect: "Allow", Action: named(append([]string{"DescribeStacks"}, onAll...)), Resource: []string{"*"}},
	}}
	if bucket != "" {
		p.Statement = append(p.Statement, Statement{
			Sid: "Templates", Effect: "Allow", Action: []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
			Resource: []string{"arn:aws:s3:::" + BucketOf(bucket, account, region) + "/baryon/*"},
		})
	}
	return p
}

// HealthPolicy is what asking Amazon ECS about the health of services takes.
func HealthPolicy(account, region string) PolicyDocument {
	return PolicyDocument{Version: "2012-10-17", Statement: []Statement{{
		Sid: "Health", Effect: "Allow", Action: []string{"ecs:DescribeServices"}, Resource: []string{"arn:aws:ecs:" + region + ":" + account + ":service/*"},
	}}}
}

// AssumePolicy is what the daemon needs to take on roles.
func AssumePolicy(roles []string) PolicyDocument {
	return PolicyDocument{Version: "2012-10-17", Statement: []Statement{{Sid: "Roles", Effect: "Allow", Action: []string{"sts:AssumeRole"}, Resource: roles}}}
}

// TrustPolicy lets an identity take on a role, when it shows the external ID.
func TrustPolicy(principal, externalID string) PolicyDocument {
	s := Statement{Sid: "Baryon", Effect: "Allow", Principal: map[string]string{"AWS": principal}, Action: []string{"sts:AssumeRole"}}
	if externalID != "" {
		s.Condition = map[string]map[string]string{"StringEquals": {"sts:ExternalId": externalID}}
	}
	return PolicyDocument{Version: "2012-10-17", Statement: []Statement{s}}
}

func named(operations []string) []string {
	out := make([]string, 0, len(operations))
	for _, o := range operations {
		out = append(out, "cloudformation:"+strings.TrimPrefix(o, "cloudformation:"))
	}
	return out
}
