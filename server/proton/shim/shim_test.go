package shim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/server/proton/shim"
)

// answers is a daemon that gives one answer to each operation, and keeps what
// it was asked.
type answers struct {
	*httptest.Server

	bodies map[string][]any // of each target, what was sent
	give   map[string][]string
}

func newAnswers(t *testing.T, give map[string][]string) *answers {
	t.Helper()
	a := &answers{bodies: map[string][]any{}, give: give}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AwsProton20200720.")
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var body any
		if err := json.Unmarshal(text, &body); err != nil {
			t.Errorf("%s: body %q: %v", name, text, err)
		}
		a.bodies[name] = append(a.bodies[name], body)
		answer := a.give[name][min(len(a.bodies[name]), len(a.give[name]))-1]
		if strings.Contains(answer, "__type") {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(a.Close)
	return a
}

// run is one call of the command line.
func (a *answers) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = shim.Run(t.Context(), shim.Config{
		Args: args, Getenv: func(string) string { return "" }, Server: a.URL, Stdout: &out, Stderr: &errOut,
		Exec: func(path string, args []string) error { t.Errorf("became %s %v", path, args); return nil },
	})
	return code, out.String(), errOut.String()
}

func TestArguments(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "outputs.json")
	if err := os.WriteFile(file, []byte(`[{"key": "A", "valueString": "1"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	outputs := func(pairs ...string) any {
		var list []any
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, map[string]any{"key": pairs[i], "valueString": pairs[i+1]})
		}
		return map[string]any{"resourceArn": "arn", "outputs": list}
	}
	notify := []string{"proton", "notify-resource-deployment-status-change", "--resource-arn", "arn"}
	for name, tt := range map[string]struct {
		args []string
		op   string
		want any
	}{
		"a list from a file":      {append(slices.Clip(notify), "--outputs", "file://"+file), "NotifyResourceDeploymentStatusChange", outputs("A", "1")},
		"a list in JSON":          {append(slices.Clip(notify), "--outputs", `[{"key":"A","valueString":"1"}]`), "NotifyResourceDeploymentStatusChange", outputs("A", "1")},
		"elements in JSON":        {append(slices.Clip(notify), "--outputs", `{"key":"A","valueString":"1"}`, "key=B,valueString=2"), "NotifyResourceDeploymentStatusChange", outputs("A", "1", "B", "2")},
		"elements in short form":  {append(slices.Clip(notify), "--outputs", "key=A,valueString=1", "valueString=x=y,key=B"), "NotifyResourceDeploymentStatusChange", outputs("A", "1", "B", "x=y")},
		"quotes and backslashes":  {append(slices.Clip(notify), "--outputs", `key='a,b',valueString="it's"`, `key=c\,d,valueString=e`), "NotifyResourceDeploymentStatusChange", outputs("a,b", "it's", "c,d", "e")},
		"options that are joined": {[]string{"proton", "get-service", "--name=shop"}, "GetService", map[string]any{"name": "shop"}},
		"options of every command": {[]string{"--region", "eu-west-1", "proton", "get-service", "--name", "shop", "--no-cli-pager", "--profile=x"}, "GetService",
			map[string]any{"name": "shop"}},
		"a flag and its opposite": {[]string{"proton", "update-account-settings", "--no-delete-pipeline-provisioning-repository"}, "UpdateAccountSettings",
			map[string]any{"deletePipelineProvisioningRepository": false}},
		"a nested structure": {[]string{"proton", "create-environment-template-version", "--template-name", "net", "--source", "s3={bucket=b,key=k/x.tar.gz}"},
			"CreateEnvironmentTemplateVersion", map[string]any{"templateName": "net", "source": map[string]any{"s3": map[string]any{"bucket": "b", "key": "k/x.tar.gz"}}}},
		"a list of texts": {[]string{"proton", "untag-resource", "--resource-arn", "arn", "--tag-keys", "a", "b"}, "UntagResource",
			map[string]any{"resourceArn": "arn", "tagKeys": []any{"a", "b"}}},
		"a whole body, and what overrides it": {[]string{"proton", "get-service-instance", "--cli-input-json", `{"name":"x","serviceName":"shop"}`, "--name", "eu"},
			"GetServiceInstance", map[string]any{"name": "eu", "serviceName": "shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAnswers(t, map[string][]string{tt.op: {"{}"}})
			code, _, stderr := a.run(t, tt.args...)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			if diff := cmp.Diff([]any{tt.want}, a.bodies[tt.op]); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"needs --name":                        {"proton", "get-service"},
		"has no option --nick; it takes":      {"proton", "get-service", "--nick", "x"},
		"--generate-cli-skeleton is not":      {"proton", "get-service", "--generate-cli-skeleton"},
		"--output table is not answered here": {"proton", "list-services", "--output", "table"},
		"want a number above 0":               {"proton", "list-services", "--max-items", "none"},
		"is not one of key, valueString":      {"proton", "notify-resource-deployment-status-change", "--resource-arn", "a", "--outputs", "name=x"},
		"the closing ' is missing":            {"proton", "notify-resource-deployment-status-change", "--resource-arn", "a", "--outputs", "key='x"},
		"no such file":                        {"proton", "create-service", "--name", "x", "--template-name", "t", "--spec", "file://nosuch.yaml"},
		"has no waiter":                       {"proton", "wait", "forever"},
		"want a whole number":                 {"proton", "list-services", "--max-results", "ten"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := newAnswers(t, nil).run(t, args...)
			if code != 252 || !strings.Contains(stderr, want) || stdout != "" {
				t.Errorf("exit code %d, printed %q, complained %q; want 252 and %q", code, stdout, stderr, want)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	instances := `{"serviceInstances": [{"name": "a", "n": 1}, {"name": "b", "ok": true}]}`
	for name, tt := range map[string]struct {
		answer string
		args   []string
		want   string
	}{
		"JSON in the order of the daemon": {`{"b":1,"a":"<x>"}`, nil, "{\n    \"b\": 1,\n    \"a\": \"<x>\"\n}\n"},
		"nothing":                         {`{}`, nil, "{}\n"},
		"a query of one text":             {`{"service":{"spec":"a\nb"}}`, []string{"--query", "service.spec", "--output", "text"}, "a\nb\n"},
		"a query of nothing":              {`{}`, []string{"--query", "service.spec", "--output", "text"}, "None\n"},
		"a query in JSON":                 {`{"service":{"spec":"a<b"}}`, []string{"--query", "service.spec"}, "\"a<b\"\n"},
		"a list of texts":                 {instances, []string{"--query", "serviceInstances[].name", "--output", "text"}, "a\tb\n"},
		"YAML":                            {`{"b":[{"n":1,"t":"1"}],"a":"x\ny","yes":"it is"}`, []string{"--output", "yaml"}, "b:\n- n: 1\n  t: \"1\"\na: |-\n  x\n  y\nyes: it is\n"},
		"a table":                         {instances, []string{"--output", "text"}, "SERVICEINSTANCES\t1\ta\t\nSERVICEINSTANCES\t\tb\tTrue\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAnswers(t, map[string][]string{"GetAccountSettings": {tt.answer}})
			code, stdout, stderr := a.run(t, append([]string{"proton", "get-account-settings"}, tt.args...)...)
			if code != 0 || stdout != tt.want {
				t.Errorf("exit code %d, printed %q, want %q; %s", code, stdout, tt.want, stderr)
			}
		})
	}
}

// TestPages merges the pages of a list unless it is told not to.
func TestPages(t *testing.T) {
	t.Parallel()
	give := map[string][]string{"ListServices": {`{"services":[{"name":"a"}],"nextToken":"t"}`, `{"services":[{"name":"b"}]}`}}
	query := []string{"proton", "list-services", "--query", "services[].name", "--output", "text"}
	a := newAnswers(t, give)
	if code, stdout, _ := a.run(t, query...); code != 0 || stdout != "a\tb\n" {
		t.Errorf("exit code %d, printed %q", code, stdout)
	}
	if diff := cmp.Diff([]any{map[string]any{}, map[string]any{"nextToken": "t"}}, a.bodies["ListServices"]); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if code, stdout, _ := newAnswers(t, give).run(t, append(query, "--no-paginate")...); code != 0 || stdout != "a\n" {
		t.Errorf("with --no-paginate: exit code %d, printed %q", code, stdout)
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	a := newAnswers(t, map[string][]string{"GetService": {`{"__type":"ResourceNotFoundException","message":"service/x does not exist"}`}})
	code, stdout, stderr := a.run(t, "proton", "get-service", "--name", "x")
	want := "\nAn error occurred (ResourceNotFoundException) when calling the GetService operation: service/x does not exist\n"
	if code != 254 || stdout != "" || stderr != want {
		t.Errorf("exit code %d, printed %q, complained %q; want 254 and %q", code, stdout, stderr, want)
	}
	if code, _, _ := a.run(t, "proton", "wait", "service-deleted", "--name", "x"); code != 0 {
		t.Errorf("waiting for the deletion of what is gone: exit code %d, want 0", code)
	}
	failed := newAnswers(t, map[string][]string{"GetService": {`{"service":{"status":"CREATE_FAILED"}}`}})
	code, _, stderr = failed.run(t, "proton", "wait", "service-created", "--name", "x")
	if code != 255 || !strings.Contains(stderr, "terminal failure state") {
		t.Errorf("waiting for what failed: exit code %d, complained %q; want 255", code, stderr)
	}
}

// TestHandOver becomes the real aws for everything that is not Proton's.
func TestHandOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real := filepath.Join(dir, "aws")
	if err := os.WriteFile(real, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first := t.TempDir()
	if err := os.Symlink(self, filepath.Join(first, "aws")); err != nil {
		t.Fatal(err)
	}
	run := func(path string) (code int, became []string, stderr string) {
		var errOut bytes.Buffer
		code = shim.Run(t.Context(), shim.Config{
			Args: []string{"s3", "ls", "--region", "x"}, Stdout: io.Discard, Stderr: &errOut,
			Getenv: func(name string) string { return map[string]string{"PATH": path}[name] },
			Exec: func(path string, args []string) error {
				became = append([]string{path}, args...)
				return nil
			},
		})
		return code, became, errOut.String()
	}
	if code, became, _ := run(first + ":" + dir); code != 0 || !cmp.Equal(became, []string{real, "s3", "ls", "--region", "x"}) {
		t.Errorf("exit code %d, became %v", code, became)
	}
	if code, became, stderr := run(first); code != 127 || became != nil || !strings.Contains(stderr, "the AWS CLI is not installed") {
		t.Errorf("without one: exit code %d, became %v, complained %q", code, became, stderr)
	}
}
