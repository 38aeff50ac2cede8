package shim_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// driver runs the AWS CLI in one process, a command line for each line it reads.
const driver = `
import contextlib, io, json, sys
import awscli
from awscli import clidriver
print(json.dumps(awscli.__version__), flush=True)
for line in sys.stdin:
    args = json.loads(line)
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["aws"] + args
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = clidriver.create_clidriver().main(args)
        except SystemExit as e:
            code = e.code
    print(json.dumps({"Code": code, "Stdout": out.getvalue(), "Stderr": err.getvalue()}), flush=True)
`

// A realCLI is version 2 of the AWS CLI.
type realCLI struct {
	in  io.Writer
	out *json.Decoder
}

// said is what a command line came to.
type said struct {
	Code           int
	Stdout, Stderr string
}

// startCLI finds version 2 of the AWS CLI as a program of Python.
func startCLI(t *testing.T) *realCLI {
	t.Helper()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		file, err := os.Open(filepath.Join(dir, "aws"))
		if err != nil {
			continue
		}
		line, _ := bufio.NewReader(file).ReadString('\n')
		_ = file.Close()
		interpreter := strings.TrimSpace(strings.TrimPrefix(line, "#!"))
		if !strings.Contains(interpreter, "python") || strings.Contains(interpreter, " ") {
			continue
		}
		cmd := exec.CommandContext(t.Context(), interpreter, "-c", driver)
		home := t.TempDir()
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_DEFAULT_OUTPUT=json",
			"TZ=UTC", "HOME="+home, "PYTHONPATH=")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			continue
		}
		t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
		cli := &realCLI{in: in, out: json.NewDecoder(out)}
		version := ""
		if err := cli.out.Decode(&version); err == nil && strings.HasPrefix(version, "2.") {
			return cli
		}
	}
	if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "awscli") {
		t.Fatal("version 2 of the AWS CLI is required here and is not on PATH")
	}
	t.Skip("version 2 of the AWS CLI is not on PATH as a program of Python")
	return nil
}

func (c *realCLI) run(t *testing.T, server string, args ...string) (s said) {
	t.Helper()
	text, err := json.Marshal(append([]string{"--endpoint-url", server}, args...))
	if err == nil {
		_, err = c.in.Write(append(text, '\n'))
	}
	if err == nil {
		err = c.out.Decode(&s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	serviceAnswer = `{"service":{"arn":"arn:aws:proton:us-east-1:000000000000:service/shop","name":"shop","unknown":1,"status":"CREATE_FAILED","templateName":"web",
		"createdAt":1606602687.766,"lastModifiedAt":1606602687,"statusMessage":"it's «x»: a \"quote\", a tab\t, and é","description":"",
		"spec":"proton: ServiceSpec\ninstances:\n  - name: eu\n    environment: prod\n    spec: {note: a rather long line of text that goes on and on past all the eighty columns of a line}\n",
		"pipeline":{"arn":"p","deploymentStatus":"FAILED","templateName":"t","createdAt":0.001,"templateMajorVersion":"1","templateMinorVersion":"10"}}}`
	summaryAnswer = `{"counts":{"services":{"total":5,"failed":0},"environments":{"total":12}}}`
	instances     = `{"serviceInstances":[{"name":"eu","serviceName":"shop","createdAt":1606602687.5},{"name":"us","serviceName":"shop","deploymentStatus":"FAILED"}]}`
	deployments   = `{"deployments":[{"id":"a","initialState":{"environment":{"spec":"x"}}},{"id":"b","completedAt":1606602687,"initialState":{"component":{"serviceName":"s"}}}]}`
	notThere      = `{"__type":"ResourceNotFoundException","message":"service/shop does not exist"}`
)

// An exchange is a command line with what it came to and what it sent.
type exchange struct {
	Line   string
	Code   int
	Stdout string `json:",omitempty"`
	Stderr string `json:",omitempty"`
	Sent   any    `json:",omitempty"`
}

var update = flag.Bool("update", false, "record anew what the AWS CLI does")

// TestAsTheAWSCLI holds what is printed, to the byte, and what is sent against
// what the AWS CLI was recorded to do. Where that is installed, the record itself
// is held against it, in part: it is slow.
func TestAsTheAWSCLI(t *testing.T) { //nolint:paralleltest // sets the time zone
	t.Setenv("TZ", "UTC")
	const file = "testdata/awscli.json"
	if *update {
		var all []exchange
		cli := startCLI(t)
		for _, line := range commandLines() {
			all = append(all, exchanged(t, line, cli.run))
		}
		text, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(text, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var recorded []exchange
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	if len(recorded) != len(commandLines()) {
		t.Fatalf("%d command lines are recorded and there are %d; record them with -update", len(recorded), len(commandLines()))
	}
	for _, want := range recorded {
		got := exchanged(t, want.Line, func(t *testing.T, server string, args ...string) (s said) {
			t.Helper()
			s.Code, s.Stdout, s.Stderr = runOn(t, server, args...)
			return s
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-the AWS CLI +here):\n%s", want.Line, diff)
		}
	}
	t.Run("record", func(t *testing.T) {
		cli := startCLI(t)
		for i := 0; i < len(recorded); i += 25 {
			if diff := cmp.Diff(exchanged(t, recorded[i].Line, cli.run), recorded[i]); diff != "" {
				t.Errorf("%s (-the AWS CLI +recorded):\n%s", recorded[i].Line, diff)
			}
		}
	})
}

// exchanged says a command line to a daemon that gives fixed answers.
func exchanged(t *testing.T, line string, run func(t *testing.T, server string, args ...string) said) exchange {
	t.Helper()
	a := newAnswers(t, map[string][]string{
		"ListServices": {
			`{"services":[{"name":"a"},{"name":"b"}],"nextToken":"one"}`, `{"services":[{"name":"c"},{"name":"d"}],"nextToken":"two"}`, `{"services":[{"name":"e"}]}`,
		},
		"GetService": {serviceAnswer}, "ListServiceInstances": {instances}, "ListDeployments": {deployments}, "DeleteService": {"{}"}, "GetEnvironment": {notThere},
		"GetAccountSettings": {`{"accountSettings":{}}`}, "ListServiceTemplates": {`{"templates":[]}`}, "GetServiceInstance": {`{"serviceInstance":{"name":"eu"}}`},
		"TagResource": {"{}"}, "UntagResource": {"{}"}, "UpdateAccountSettings": {"{}"}, "NotifyResourceDeploymentStatusChange": {"{}"},
		"CreateEnvironmentTemplateVersion": {"{}"}, "CreateEnvironmentAccountConnection": {"{}"}, "GetEnvironmentTemplateVersion": {`{"environmentTemplateVersion":{"status":"DRAFT"}}`},
		"CreateServiceTemplateVersion": {"{}"}, "UpdateService": {"{}"}, "CancelEnvironmentDeployment": {`{"__type":"ValidationException","message":"1 validation error detected: <x> & \"y\""}`},
	})
	args := strings.Split(strings.ReplaceAll(line, "DIR", "testdata/input"), " | ")
	s := run(t, a.URL, append([]string{"proton"}, args...)...)
	sent, err := json.Marshal(withoutTokens(a.bodies))
	if err != nil {
		t.Fatal(err)
	}
	e := exchange{Line: line, Code: s.Code, Stdout: s.Stdout, Stderr: s.Stderr}
	if err := json.Unmarshal(sent, &e.Sent); err != nil {
		t.Fatal(err)
	}
	if len(a.bodies) == 0 {
		e.Sent = nil
	}
	return e
}

// withoutTokens leaves out what is made up anew by each.
func withoutTokens(sent map[string][]any) map[string][]any {
	for _, bodies := range sent {
		for _, body := range bodies {
			if members, ok := body.(map[string]any); ok && members["clientToken"] != nil {
				members["clientToken"] = "made up"
			}
		}
	}
	return sent
}

// commandLines are what is said after "aws proton", the arguments between bars.
func commandLines() []string {
	lines := []string{
		// What is printed of nothing, of refusals, and of what a query finds.
		"delete-service | --name | x", "delete-service | --name | x | --output | text", "delete-service | --name | x | --output | yaml", "delete-service | --name | x | --output | table",
		"get-environment | --name | x", "cancel-environment-deployment | --environment-name | x",
		"get-account-settings | --output | table", "list-service-templates | --output | table", "list-service-templates | --output | text", "list-service-templates | --output | yaml", "list-service-templates",
		"get-service | --name | shop | --query | service.{Status:status,Arn:arn}", "get-service | --name | shop | --query | [service.status, service.nothing]",
		"get-service | --name | shop | --query | service.spec | --output | text", "get-service | --name | shop | --query | service.spec | --output | yaml", "get-service | --name | shop | --query | service.spec | --output | table",
		"get-service | --name | shop | --query | service.nothing | --output | text", "get-service | --name | shop | --query | service.nothing", "get-service | --name | shop | --query | length(service.spec)",
		"list-service-instances | --query | serviceInstances[].[name,deploymentStatus] | --output | text", "list-service-instances | --query | serviceInstances[].[name,deploymentStatus] | --output | table",
		"list-service-instances | --query | serviceInstances[].name | --output | table", "list-service-instances | --query | serviceInstances[].name | --output | text", "list-service-instances | --query | serviceInstances[?name=='us'].deploymentStatus | [0]",
		"list-service-instances | --query | length(serviceInstances) | --output | yaml", "list-service-instances | --query | serviceInstances[].{N:name,A:serviceName} | --output | table",
		// Lists.
		"list-service-instances | --max-items | 1", "list-service-instances | --max-items | 0", "list-service-instances | --max-items | 1 | --output | text", "list-service-instances | --max-items | 1 | --output | table", "list-service-instances | --max-items | 2", "list-service-instances | --no-paginate", "list-service-instances | --page-size | 7",
		"list-service-instances | --starting-token | t", "list-service-instances | --next-token | t", "list-service-instances | --max-results | 3", "list-service-instances | --no-paginate | --max-items | 1",
		"list-service-instances | --max-items | none", "list-service-instances | --page-size | x",
		"list-services", "list-services | --output | text", "list-services | --output | yaml-stream", "list-services | --query | services[].name | --output | text", "list-services | --query | services[0].name | --output | text", "list-services | --query | length(services)", "list-services | --max-items | 3", "list-services | --max-items | 2",
		"list-services | --max-items | 3 | --output | text", "list-services | --max-items | 5", "list-services | --max-items | 9", "list-services | --max-items | 1 | --starting-token | eyJuZXh0VG9rZW4iOiBudWxsLCAiYm90b190cnVuY2F0ZV9hbW91bnQiOiAxfQ==", "list-services | --no-paginate | --output | text", "list-services | --page-size | 1 | --max-items | 4",
		// Arguments.
		"get-service-instance | --cli-input-json | file://DIR/in.json", "get-service-instance | --cli-input-yaml | file://DIR/in.yaml", "get-service-instance | --cli-input-yaml | file://DIR/in.yaml | --name | us",
		"get-service-instance | --cli-input-json | {\"name\":\"eu\"}", "get-service-instance | --cli-input-json | file://DIR/bad.json", "get-service-instance | --cli-input-yaml | file://DIR/list.yaml", "get-service-instance | --cli-input-yaml | a: [",
		"get-service-instance | --cli-input-yaml | name: x | --cli-input-json | {}", "get-service-instance | --cli-input-json | {\"name\":1,\"serviceName\":[\"a\"],\"x\":true}", "get-service-instance | --cli-input-json | file://DIR/none.json",
		"get-service | --name", "get-service", "get-service-instance", "get-service | --name | a | --nick | b", "get-service | --name | a | b", "get-service | --name | ", "get-service | --name=shop | --query | service.name", "get-service | --nick | x",
		"get-service | --name | x | --query | a[", "get-service | --name | x | --output | xml", "list-service-instances | --max-results | ten",
		"tag-resource | --resource-arn | a | --tags | key=a,value=b | key=c,value=d=e", "tag-resource | --resource-arn | a | --tags | [{\"key\":\"a\",\"value\":\"b\"}]", "tag-resource | --resource-arn | a | --tags | key='a b',value=\"it's\"", "tag-resource | --resource-arn | a | --tags | key=a\\,b,value=c",
		"tag-resource | --resource-arn | a | --tags | key=a,val=b", "tag-resource | --resource-arn | a | --tags | key=a,key=b", "tag-resource | --resource-arn | a | --tags | key", "tag-resource | --resource-arn | a | --tags | key='a", "tag-resource | --resource-arn | a | --tags | {\"key\":\"a\",\"value\":\"b\"} | {\"key\":\"c\",\"value\":\"d\"}",
		"tag-resource | --resource-arn | a | --tags", "untag-resource | --resource-arn | a | --tag-keys | a | b,c", "tag-resource | --resource-arn | a | --tags | key=a,value=", "tag-resource | --resource-arn | a | --tags | key= a , value = b c ",
		"update-account-settings | --delete-pipeline-provisioning-repository", "update-account-settings | --no-delete-pipeline-provisioning-repository | --pipeline-service-role-arn | ", "update-account-settings | --delete-pipeline-provisioning-repository | foo",
		"create-environment-template-version | --template-name | net | --source | s3={bucket=bbb,key=k/x.tar.gz}", "create-environment-template-version | --template-name | net | --source | s3={bucket=a}", "create-environment-template-version | --template-name | net | --source | s3={bucket=a,key=b", "create-environment-template-version | --template-name | net | --source | x",
		"create-service-template-version | --template-name | web | --source | {\"s3\":{\"bucket\":\"bbb\",\"key\":\"k\"}} | --compatible-environment-templates | templateName=net,majorVersion=1 | templateName=next,majorVersion=2 | --supported-component-sources | DIRECTLY_DEFINED",
		"notify-resource-deployment-status-change | --resource-arn | arn | --status | IN_PROGRESS | --outputs | key=Url,valueString=http://x/?a=b&c=d | key=B,valueString={x}", "notify-resource-deployment-status-change | --resource-arn | arn | --outputs | []",
		"update-service | --name | shop | --spec | file://DIR/text", "update-service | --name | shop | --spec | file://DIR/nothing", "update-service | --name | shop | --description | -x", "update-service | --name | shop | --description | -1",
		"list-service-instances | --filters | key=name", "create-environment-account-connection | --environment-name | e | --management-account-id | 1 | --role-arn | r",
		// Samples.
		"create-service | --generate-cli-skeleton", "get-service | --generate-cli-skeleton | input", "create-environment-template-version | --generate-cli-skeleton", "get-service-template | --name | x | --generate-cli-skeleton | output", "list-services | --generate-cli-skeleton | output",
		"list-services | --generate-cli-skeleton | output | --output | table", "list-services | --generate-cli-skeleton | output | --output | text", "list-services | --generate-cli-skeleton | output | --output | yaml", "get-service | --generate-cli-skeleton | output", "get-service | --generate-cli-skeleton | foo",
		// Waits.
		"wait | service-created | --name | x", "wait | service-created | --name | x | --query | a", "wait | environment-deployed | --name | x", "wait | environment-template-version-registered | --template-name | net | --major-version | 1 | --minor-version | 0", "wait | nothing", "wait", "wait | service-created",
	}
	for _, output := range []string{"json", "text", "table", "yaml", "yaml-stream"} {
		lines = append(lines, "get-service | --name | shop | --output | "+output, "list-service-instances | --output | "+output)
	}
	return lines
}
