package awssim_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baryon/provisioner/awssim"
	"baryon/provisioner/provisionertest"
)

// A cli is the real AWS CLI, before a simulated account.
type cli struct {
	*provisionertest.AWSCLI

	t   *testing.T
	url string
}

func newCLI(t *testing.T, url string) *cli {
	t.Helper()
	return &cli{
		AWSCLI: provisionertest.StartAWSCLI(t, provisionertest.PythonOfAWS(t), "", "AWS_ACCESS_KEY_ID=111111111111", "AWS_SECRET_ACCESS_KEY=s",
			"AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1"),
		t: t, url: url,
	}
}

// run runs a command, which has to say something, or to succeed where nothing is
// wanted; the last argument may hold spaces.
func (c *cli) run(line, want string, last ...string) string {
	c.t.Helper()
	answer, err := c.Run(append(append([]string{"--endpoint-url", c.url}, strings.Fields(line)...), last...)...)
	if err != nil {
		c.t.Fatalf("aws %s: %v", line, err)
	}
	said := answer.Out + answer.Err
	if !strings.Contains(said, want) || want == "" && answer.Code != 0 {
		c.t.Errorf("aws %s: exit %d\n%s\nwant %s", line, answer.Code, said, want)
	}
	return said
}

// TestCLI drives all services with the real AWS CLI.
func TestCLI(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the AWS CLI is left out of short runs")
	}
	w := newWorld(t, awssim.Config{})
	run := newCLI(t, w.url).run
	file := filepath.Join(t.TempDir(), "t.yaml")
	template := "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /p}}\n" +
		"Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${P} {{resolve:secretsmanager:k:SecretString:v}}'}}}\n"
	if err := os.WriteFile(file, []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	run("sts get-caller-identity", `"Account": "111111111111"`)
	run("ssm put-parameter --name /p --type String --value stored", `"Version": 1`)
	run(`secretsmanager create-secret --name k --secret-string {"v":"hush"}`, "arn:aws:secretsmanager:eu-west-1:111111111111:secret:k")
	w.Bucket("111111111111", "eu-west-1", "templates")
	run("s3 cp "+file+" s3://templates/t.yaml", "upload:")
	run("s3api put-object-tagging --bucket templates --key t.yaml --tagging TagSet=[{Key=a,Value=b}]", "the simulated S3 has no ?tagging")
	run("s3 cp s3://templates/t.yaml -", "Resources:") // and the object is what it was
	run("s3api list-object-versions --bucket templates --query Versions[0].[Key,VersionId] --output text", "t.yaml\tnull")
	run("s3api create-multipart-upload --bucket templates --key big", "UploadId")
	run("s3api list-multipart-uploads --bucket templates --query Uploads[0].Key --output text", "big")
	run("ssm add-tags-to-resource --resource-type Parameter --resource-id /p --tags Key=a,Value=b", "")
	run("ssm list-tags-for-resource --resource-type Parameter --resource-id /p --query TagList[0].Value --output text", "b")
	run("secretsmanager tag-resource --secret-id k --tags Key=a,Value=b", "")
	run("secretsmanager describe-secret --secret-id k --query Tags[0].Value --output text", "b")
	run("ec2 describe-vpcs", "the service ec2 is not simulated")
	run("lambda list-functions", "the service lambda is not simulated")
	run("logs describe-log-groups", "the service logs is not simulated")
	run("sqs list-queues", "the service sqs is not simulated")
	run("cloudformation create-stack --stack-name s --template-url "+w.url+"/templates/t.yaml", "arn:aws:cloudformation:eu-west-1:111111111111:stack/s/")
	w.rest("s")
	run("cloudformation create-stack --stack-name s --template-body file://"+file, "(AlreadyExistsException)")
	w.Edit("s", "A", func(thing *awssim.Thing) bool {
		if thing.Properties["DisplayName"] != "stored hush" {
			t.Errorf("DisplayName = %v", thing.Properties["DisplayName"])
		}
		return false
	})
}

// TestCLILife takes a stack through its whole life with the real AWS CLI, which
// reads every answer more strictly than the SDK.
func TestCLILife(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the AWS CLI is left out of short runs")
	}
	sim := awssim.New(awssim.Config{})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	run := newCLI(t, server.URL).run
	file := filepath.Join(t.TempDir(), "t.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stack := func(rest string) string { return "cloudformation " + rest + " --stack-name s" }
	set := "cloudformation create-change-set --stack-name s --template-body file://" + file + " --change-set-name "
	template := "Parameters: {Name: {Type: String, Default: one}}\nResources:\n  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}\n"
	write(template)
	// The CLI names a change set by the second: within the same one it has to try
	// again.
	again := func(line, want string) {
		t.Helper()
		for {
			out := run(line, "s")
			if taken := strings.Contains(out, "AlreadyExistsException"); !taken && !strings.Contains(out, want) {
				t.Errorf("%s: %s\nwant %s", line, out, want)
			} else if taken && t.Context().Err() == nil {
				continue
			}
			return
		}
	}
	deploy := stack("deploy --template-file " + file)
	run(deploy, "Successfully created/updated stack - s")
	again(deploy, "No changes to deploy. Stack s is up to date")
	again(deploy+" --tags team=web --parameter-overrides Name=two", "Successfully created/updated stack - s")
	run(stack("describe-stacks")+" --query Stacks[0].[StackStatus,Tags[0].Value,Parameters[0].ParameterValue] --output text", "UPDATE_COMPLETE\tweb\ttwo")

	// Without the value the default counts again; a resource is added.
	write(template + "  B: {Type: AWS::SNS::Topic}\n")
	run(set+"c1", "arn:aws:cloudformation:eu-west-1:111111111111:changeSet/c1/")
	run(stack("describe-change-set --change-set-name c1 --query Changes[].ResourceChange.[Action,LogicalResourceId,Replacement] --output text"), "Modify\tA\tFalse\nAdd\tB\t")
	run(stack("execute-change-set --change-set-name c1"), "")
	run(stack("wait stack-update-complete"), "")

	// Somebody changes the topic by hand.
	sim.Edit("s", "A", func(thing *awssim.Thing) bool { thing.Properties["DisplayName"] = "by hand"; return false })
	run(stack("detect-stack-drift"), "StackDriftDetectionId")
	run(stack("describe-stack-resource-drifts --query StackResourceDrifts[0].PropertyDifferences[0].[PropertyPath,ExpectedValue,ActualValue] --output text"), "/DisplayName\tone\tby hand")

	// A bucket that nobody's stack knows is taken over.
	sim.Make("111111111111", "eu-west-1", "AWS::S3::Bucket", map[string]any{"BucketName": "bkt"})
	write(template + "  B: {Type: AWS::SNS::Topic}\n  Old: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: bkt}}\n")
	run(set+"c3 --change-set-type IMPORT --resources-to-import", "changeSet/c3/", `[{"ResourceType": "AWS::S3::Bucket", "LogicalResourceId": "Old", "ResourceIdentifier": {"BucketName": "bkt"}}]`)
	run(stack("execute-change-set --change-set-name c3"), "")
	run(stack("wait stack-import-complete"), "")

	// The calls whose answers hold nothing.
	run("cloudformation set-stack-policy --stack-name s --stack-policy-body", "", `{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}`)
	run(stack("signal-resource --logical-resource-id A --unique-id u --status SUCCESS"), "state and can not be signaled")
	run(stack("delete-stack"), "")
	run(stack("wait stack-delete-complete"), "")
	run(stack("describe-stacks"), "Stack with id s does not exist")
}
