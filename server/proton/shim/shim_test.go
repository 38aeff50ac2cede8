package shim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
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
	return runOn(t, a.URL, args...)
}

func runOn(t *testing.T, server string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = shim.Run(t.Context(), shim.Config{
		Args: args, Getenv: func(string) string { return "" }, Server: server, Stdout: &out, Stderr: &errOut,
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
		"options of every command": {[]string{"--region", "eu-west-1", "proton", "get-service", "--name", "shop", "--no-cli-pager", "--ca-bundle=x"}, "GetService",
			map[string]any{"name": "shop"}},
		"a flag and its opposite": {[]string{"proton", "update-account-settings", "--no-delete-pipeline-provisioning-repository"}, "UpdateAccountSettings",
			map[string]any{"deletePipelineProvisioningRepository": false}},
		"a nested structure": {[]string{"proton", "create-environment-template-version", "--template-name", "net", "--source", "s3={bucket=bkt,key=k/x.tar.gz}", "--client-token", "t"},
			"CreateEnvironmentTemplateVersion", map[string]any{"templateName": "net", "clientToken": "t", "source": map[string]any{"s3": map[string]any{"bucket": "bkt", "key": "k/x.tar.gz"}}}},
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

// TestQueriesAreReadFirst changes nothing for a command line that is wrong.
func TestQueriesAreReadFirst(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"Bad value for --query a[": {"proton", "delete-service", "--name", "x", "--query", "a["},
		"Invalid choice":           {"proton", "delete-service", "--name", "x", "--output", "xml"},
		"Unknown options: --force": {"proton", "delete-service", "--name", "x", "--force"},
	} {
		a := newAnswers(t, map[string][]string{"DeleteService": {"{}"}})
		code, stdout, stderr := a.run(t, args...)
		if code != 252 || !strings.Contains(stderr, want) || stdout != "" || len(a.bodies) > 0 {
			t.Errorf("%v: exit code %d, printed %q, complained %q, sent %v; want 252 and %q", args, code, stdout, stderr, a.bodies, want)
		}
	}
}

// TestProfiles reads keys, output and region where the AWS CLI has them.
func TestProfiles(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for name, text := range map[string]string{
		"config":      "[default]\noutput = text\nregion = eu-west-1\n[profile prod]\noutput=yaml\nregion=us-west-2\ns3 =\n  output = json\ncli_timestamp_format = wire\n",
		"credentials": "# keys\n[prod]\naws_access_key_id = AKIAPROD\naws_secret_access_key = secret\n[sso]\naws_access_key_id = ASIA\naws_secret_access_key = s\naws_session_token = t\n",
	} {
		path := filepath.Join(home, ".aws", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var authorization string
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{"service":{"name":"shop","createdAt":1606602687}}`)
	}))
	t.Cleanup(daemon.Close)
	for name, tt := range map[string]struct {
		args   []string
		env    map[string]string
		token  string
		code   int
		stdout string
		signed string // what Authorization begins with
	}{
		"the default":          {nil, nil, "", 0, "SERVICE\t2020-11-28T22:31:27+00:00\tshop\n", ""},
		"a profile":            {[]string{"--profile", "prod"}, nil, "", 0, "service:\n  createdAt: 1606602687\n  name: shop\n", "AWS4-HMAC-SHA256 Credential=AKIAPROD/"},
		"one of a variable":    {[]string{"--output", "text"}, map[string]string{"AWS_PROFILE": "prod"}, "", 0, "SERVICE\t1606602687\tshop\n", "AWS4-HMAC-SHA256 Credential=AKIAPROD/"},
		"no such profile":      {[]string{"--profile", "x"}, nil, "", 255, "", ""},
		"a token goes first":   {[]string{"--profile", "x", "--output", "text"}, nil, "t", 0, "SERVICE\t2020-11-28T22:31:27+00:00\tshop\n", "Bearer t"},
		"keys in variables":    {nil, map[string]string{"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s"}, "", 0, "SERVICE\t2020-11-28T22:31:27+00:00\tshop\n", "AWS4-HMAC-SHA256 Credential=AKIAENV/"},
		"not signed":           {[]string{"--profile", "prod", "--no-sign-request", "--output", "text"}, nil, "", 0, "SERVICE\t1606602687\tshop\n", ""},
		"keys for one session": {[]string{"--profile", "sso", "--output", "text"}, nil, "", 0, "SERVICE\t2020-11-28T22:31:27+00:00\tshop\n", ""},
	} {
		authorization = ""
		env := map[string]string{"HOME": home}
		maps.Copy(env, tt.env)
		var out, errOut bytes.Buffer
		code := shim.Run(t.Context(), shim.Config{
			Args: append([]string{"proton", "get-service", "--name", "shop"}, tt.args...), Token: tt.token, Server: daemon.URL,
			Getenv: func(name string) string { return env[name] }, Stdout: &out, Stderr: &errOut,
		})
		stdout := regexp.MustCompile(`2020-11-2[789]T[0-9:+.-]+`).ReplaceAllString(out.String(), "2020-11-28T22:31:27+00:00") // wherever this runs
		if code != tt.code || stdout != tt.stdout || !strings.HasPrefix(authorization, tt.signed) || tt.signed == "" && authorization != "" {
			t.Errorf("%s: exit code %d, printed %q, signed %q; %s", name, code, stdout, authorization, errOut.String())
		}
	}
}

// TestPages merges the pages of a list unless it is told not to.
func TestPages(t *testing.T) {
	t.Parallel()
	give := map[string][]string{"ListServices": {`{"services":[{"name":"a"}],"nextToken":"t"}`, `{"services":[{"name":"b"}]}`}}
	query := []string{"proton", "list-services", "--query", "services[].name", "--output", "text"}
	a := newAnswers(t, give)
	if code, stdout, _ := a.run(t, query...); code != 0 || stdout != "a\nb\n" { // the AWS CLI queries page by page
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
