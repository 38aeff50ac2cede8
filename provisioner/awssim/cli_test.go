package awssim_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"baryon/provisioner/awssim"
)

// TestCLI drives all services with the real AWS CLI.
func TestCLI(t *testing.T) {
	t.Parallel()
	cli, err := exec.LookPath("aws")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "awscli") {
			t.Fatal("BARYON_REQUIRE asks for awscli, and there is no aws on PATH")
		}
		t.Skip("there is no aws on PATH")
	}
	w := newWorld(t, awssim.Config{})
	file := filepath.Join(t.TempDir(), "t.yaml")
	template := "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /p}}\n" +
		"Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${P} {{resolve:secretsmanager:k:SecretString:v}}'}}}\n"
	if err := os.WriteFile(file, []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(line, want string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), cli, strings.Fields(line)...)
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+w.url, "AWS_ACCESS_KEY_ID=111111111111", "AWS_SECRET_ACCESS_KEY=s", "AWS_REGION=eu-west-1",
			"AWS_DEFAULT_REGION=eu-west-1", "NO_PROXY=127.0.0.1", "AWS_CONFIG_FILE=/dev/null", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=")
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), want) {
			t.Errorf("aws %s: %v\n%s\nwant %s", line, err, out, want)
		}
	}
	run("sts get-caller-identity", `"Account": "111111111111"`)
	run("ssm put-parameter --name /p --type String --value stored", `"Version": 1`)
	run(`secretsmanager create-secret --name k --secret-string {"v":"hush"}`, "arn:aws:secretsmanager:eu-west-1:111111111111:secret:k")
	w.Bucket("111111111111", "eu-west-1", "templates")
	run("s3 cp "+file+" s3://templates/t.yaml", "upload:")
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
