package awssim_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"baryon/provisioner/awssim"
)

// TestProperties holds properties to the schemas that AWS publishes, at any
// depth. The form of the texts: UG resource-type-schemas, issues; row 61.
func TestProperties(t *testing.T) {
	t.Parallel()
	bucket := func(p string) string {
		return "Resources: {A: {Type: AWS::S3::Bucket, Properties: " + p + "}}"
	}
	for name, tt := range map[string]struct{ template, want string }{
		"a key left out below a list": {
			bucket("{BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {KMSMasterKeyID: k}}]}}"),
			"#/BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault: required key [SSEAlgorithm] not found",
		},
		"a key that is none":        {bucket("{VersioningConfiguration: {State: Enabled}}"), "#/VersioningConfiguration: extraneous key [State] is not permitted"},
		"a word that is none":       {bucket("{VersioningConfiguration: {Status: Yes}}"), "#/VersioningConfiguration/Status: failed validation constraint for keyword [enum]"},
		"a map where text belongs":  {bucket("{Tags: [{Key: a, Value: {b: c}}]}"), "#/Tags/0/Value: expected type: String, found: JSONObject"},
		"text where a list belongs": {bucket("{Tags: a}"), "#/Tags: expected type: JSONArray, found: String"},
		"a name out of its pattern": {bucket("{BucketName: My_Bucket}"), "#/BucketName: failed validation constraint for keyword [pattern]"},
		"a number too large": {
			"Resources: {A: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209601}}}",
			"#/MessageRetentionPeriod: failed validation constraint for keyword [maximum]",
		},
		"a number with a fraction": {
			"Resources: {A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1.5}}}",
			"#/DelaySeconds: expected type: Integer, found: Double",
		},
		"text too long": {
			"Resources: {A: {Type: AWS::SNS::Topic, Properties: {Tags: [{Key: a, Value: " + strings.Repeat("x", 257) + "}]}}}",
			"#/Tags/0/Value: failed validation constraint for keyword [maxLength]",
		},
		"an item twice": {
			"Resources: {A: {Type: AWS::Lambda::Function, Properties: {Role: 'arn:aws:iam::111111111111:role/r', Code: {ZipFile: x}, Architectures: [arm64, arm64]}}}",
			"#/Architectures: array items are not unique",
		},
		"too few items": {
			"Resources: {A: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: [{AttributeName: a, KeyType: HASH}], GlobalSecondaryIndexes: [{IndexName: i, Projection: {}, KeySchema: []}]}}}",
			"#/GlobalSecondaryIndexes/0/KeySchema: failed validation constraint for keyword [minItems]",
		},
		"a key by what it looks like": {
			"Resources: {A: {Type: AWS::ECS::TaskDefinition, Properties: {ContainerDefinitions: [{Name: a, Image: b, DockerLabels: {x: [y]}}]}}}",
			"#/ContainerDefinitions/0/DockerLabels/x: expected type: String, found: JSONArray",
		},
		"none of what excludes each other": {
			"Resources: {A: {Type: AWS::EC2::VPC, Properties: {EnableDnsSupport: true}}}",
			"#: 0 subschemas matched instead of one",
		},
		"an attribute that is set": {
			"Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicArn: a}}}",
			"#: extraneous key [TopicArn] is not permitted",
		},
		"a type of which no sample is made": {
			"Resources: {A: {Type: AWS::Batch::JobQueue, Properties: {Priority: 1, ComputeEnvironmentOrder: [{Order: 1}]}}}",
			"#/ComputeEnvironmentOrder/0: required key [ComputeEnvironment] not found",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, awssim.Config{})
			if s := w.create("s", tt.template); s.StackStatus != types.StackStatusRollbackComplete {
				t.Errorf("status = %s", s.StackStatus)
			}
			if got := strings.Join(w.events("s"), "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("events:\n%s\nwant %s", got, tt.want)
			}
		})
	}
}

// What is known only later is not held to anything before.
func TestPropertiesOfLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	template := "Resources:\n  K: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {}}}\n" +
		"  L: {Type: AWS::Logs::LogGroup, Properties: {KmsKeyId: !GetAtt K.Arn, LogGroupName: !Sub '/a/${K}'}}\n"
	if c := w.propose("s", "c", template, creating); c.Status != types.ChangeSetStatusCreateComplete {
		t.Errorf("%s %s", c.Status, *c.StatusReason)
	}
}

// TestReplacement is about which changes need a new resource. Sources: the
// createOnly and conditionalCreateOnly properties of the schemas, and "Update
// requires" of TR for what depends.
func TestReplacement(t *testing.T) {
	t.Parallel()
	resource := func(typ, p string) string { return "Resources: {A: {Type: " + typ + ", Properties: " + p + "}}" }
	for name, tt := range map[string]struct {
		typ, before, after string
		want               string // replacement, and each detail with values
		replaced           bool
	}{
		"a value below a property": {
			"AWS::S3::Bucket", "{Tags: [{Key: a, Value: b}, {Key: c, Value: d}]}", "{Tags: [{Key: a, Value: b}, {Key: c, Value: e}]}",
			"False /Properties/Tags/1/Value Never Modify", false,
		},
		"a value below that must not change": {
			"AWS::ECS::CapacityProvider", "{AutoScalingGroupProvider: {AutoScalingGroupArn: a}}", "{AutoScalingGroupProvider: {AutoScalingGroupArn: b}}",
			"True /Properties/AutoScalingGroupProvider/AutoScalingGroupArn Always Modify", true,
		},
		"its neighbour, that may": {
			"AWS::ECS::CapacityProvider", "{AutoScalingGroupProvider: {AutoScalingGroupArn: a}}", "{AutoScalingGroupProvider: {AutoScalingGroupArn: a, ManagedDraining: ENABLED}}",
			"False /Properties/AutoScalingGroupProvider/ManagedDraining Never Add", false,
		},
		"a property that the page says replaces": {
			"AWS::DynamoDB::Table", "{BillingMode: PAY_PER_REQUEST, KeySchema: [{AttributeName: a, KeyType: HASH}]}", "{BillingMode: PAY_PER_REQUEST, KeySchema: [{AttributeName: b, KeyType: HASH}]}",
			"Conditional /Properties/KeySchema/0/AttributeName Conditionally Modify", true,
		},
		"one that is changed in place": {
			"AWS::EC2::VPC", "{CidrBlock: 10.0.0.0/16, InstanceTenancy: dedicated}", "{CidrBlock: 10.0.0.0/16, InstanceTenancy: default}",
			"Conditional /Properties/InstanceTenancy Conditionally Modify", false,
		},
		"and the other way not": {
			"AWS::EC2::VPC", "{CidrBlock: 10.0.0.0/16, InstanceTenancy: default}", "{CidrBlock: 10.0.0.0/16, InstanceTenancy: dedicated}",
			"Conditional /Properties/InstanceTenancy Conditionally Modify", true,
		},
		"a tag and a name": {
			"AWS::SQS::Queue", "{QueueName: a}", "{QueueName: b, Tags: [{Key: a, Value: b}]}",
			"True /Properties/QueueName Always Modify /Properties/Tags Never Add", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, awssim.Config{})
			w.create("s", resource(tt.typ, tt.before))
			before := w.physical("s", "A")
			w.propose("s", "c", resource(tt.typ, tt.after))
			c := w.proposed("s", "c", true)
			if len(c.Changes) != 1 {
				t.Fatalf("%d changes", len(c.Changes))
			}
			got := string(c.Changes[0].ResourceChange.Replacement)
			for _, d := range c.Changes[0].ResourceChange.Details {
				got += " " + *d.Target.Path + " " + string(d.Target.RequiresRecreation) + " " + string(d.Target.AttributeChangeType)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("change (-want +got):\n%s", diff)
			}
			if _, err := w.cfn.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{StackName: new("s"), ChangeSetName: new("c")}); err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusUpdateComplete {
				t.Fatalf("%s %q", s.StackStatus, w.events("s"))
			}
			if after := w.physical("s", "A"); (after != before) != tt.replaced {
				t.Errorf("%s became %s", before, after)
			}
		})
	}
}
