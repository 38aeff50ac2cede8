package awssim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"baryon/provisioner/awssim"
)

// json posts a call of a service that speaks JSON, and returns its answer with
// the status.
func (w *world) json(target, body string) (answer map[string]any, status int) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	service := map[string]string{"AmazonSSM": "ssm", "secretsmanager": "secretsmanager"}[strings.Split(target, ".")[0]]
	req.Header.Set("X-Amz-Target", target)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20261123/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		w.t.Fatal(err)
	}
	return answer, resp.StatusCode
}

// must posts such a call that has to be done.
func (w *world) must(target, body string) map[string]any {
	w.t.Helper()
	answer, status := w.json(target, body)
	if status != http.StatusOK {
		w.t.Fatalf("%s %s: %d %v", target, body, status, answer)
	}
	return answer
}

// TestDynamicReferences resolves references to the parameter store and to
// secrets. Source: UG dynamic-references-ssm, -secretsmanager.
func TestDynamicReferences(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ value, want, late string }{
		"the latest value":              {value: "{{resolve:ssm:/p}}", want: "two"},
		"a version":                     {value: "{{resolve:ssm:/p:1}}", want: "one"},
		"two in a text":                 {value: "{{resolve:ssm:/p:1}}-{{resolve:ssm:/p:2}}", want: "one-two"},
		"a version that is none":        {value: "{{resolve:ssm:/p:3}}", late: "Unable to fetch parameters [/p:3] from parameter store for this account."},
		"a secure one":                  {value: "{{resolve:ssm:/hidden}}", late: "are of type SecureString"},
		"a secret":                      {value: "{{resolve:secretsmanager:db}}", want: `{"user":"b","port":2}`},
		"a key of it":                   {value: "{{resolve:secretsmanager:db:SecretString:user}}", want: "b"},
		"a number in it":                {value: "{{resolve:secretsmanager:db:SecretString:port}}", want: "2"},
		"a stage of it":                 {value: "{{resolve:secretsmanager:db:SecretString:user:AWSPREVIOUS}}", want: "a"},
		"a key that it has not":         {value: "{{resolve:secretsmanager:db:SecretString:none}}", late: "Could not find a value associated with JSONKey in SecretString"},
		"a stage that it has not":       {value: "{{resolve:secretsmanager:db:SecretString:user:NONE}}", late: "can't find the specified secret value"},
		"bytes":                         {value: "{{resolve:secretsmanager:db:SecretBinary:user}}", late: "can only retrieve SecretString"},
		"a secret that is none":         {value: "{{resolve:secretsmanager:none:SecretString:user}}", late: "can't find the specified secret"},
		"a secret that is to go":        {value: "{{resolve:secretsmanager:gone}}", late: "can't find the specified secret"},
		"a name that begins as another": {value: "{{resolve:secretsmanager:db-two:SecretString:user}}", want: "c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, awssim.Config{})
			w.must("AmazonSSM.PutParameter", `{"Name": "/p", "Type": "String", "Value": "one"}`)
			w.must("AmazonSSM.PutParameter", `{"Name": "/p", "Value": "two", "Overwrite": true}`)
			w.must("AmazonSSM.PutParameter", `{"Name": "/hidden", "Type": "SecureString", "Value": "x"}`)
			w.must("secretsmanager.CreateSecret", `{"Name": "db", "SecretString": "{\"user\":\"a\"}"}`)
			w.must("secretsmanager.PutSecretValue", `{"SecretId": "db", "SecretString": "{\"user\":\"b\",\"port\":2}"}`)
			w.must("secretsmanager.CreateSecret", `{"Name": "db-two", "SecretString": "{\"user\":\"c\"}"}`)
			w.must("secretsmanager.CreateSecret", `{"Name": "gone", "SecretString": "x"}`)
			w.must("secretsmanager.DeleteSecret", `{"SecretId": "gone"}`)
			s := w.create("s", prop("'"+tt.value+"'"))
			if tt.late != "" {
				if e := strings.Join(w.events("s"), "\n"); s.StackStatus != types.StackStatusRollbackComplete || !strings.Contains(e, tt.late) {
					t.Errorf("%s %s", s.StackStatus, e)
				}
				return
			}
			if s.StackStatus != types.StackStatusCreateComplete {
				t.Fatalf("%s %q", s.StackStatus, w.events("s"))
			}
			w.live("s", "A", func(thing *awssim.Thing) {
				if got := thing.Properties["DisplayName"]; got != tt.want {
					t.Errorf("got %v, want %s", got, tt.want)
				}
			})
		})
	}
}

// What stacks make is there for other services, and what these make for stacks.
func TestStoresOfStacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	template := "Resources:\n  P: {Type: AWS::SSM::Parameter, Properties: {Name: /app/url, Type: String, Value: VALUE}}\n" +
		"  S: {Type: AWS::SecretsManager::Secret, Properties: {Name: db, GenerateSecretString: {SecretStringTemplate: '{\"user\":\"app\"}', GenerateStringKey: password, PasswordLength: 12}}}\n" +
		"  B: {Type: AWS::S3::Bucket, Properties: {BucketName: files}}\n" +
		"  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '{{resolve:secretsmanager:${S}:SecretString:password}}'}}\n"
	if s := w.create("s", strings.Replace(template, "VALUE", "one", 1)); s.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("%s %q", s.StackStatus, w.events("s"))
	}
	read := func() map[string]any {
		p, _ := w.must("AmazonSSM.GetParameter", `{"Name": "/app/url"}`)["Parameter"].(map[string]any)
		return map[string]any{"Value": p["Value"], "Version": p["Version"]}
	}
	if diff := cmp.Diff(map[string]any{"Value": "one", "Version": 1.0}, read()); diff != "" {
		t.Error(diff)
	}
	if _, err := w.update("s", strings.Replace(template, "VALUE", "two", 1)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"Value": "two", "Version": 2.0}, read()); diff != "" {
		t.Error(diff)
	}
	text, _ := w.must("secretsmanager.GetSecretValue", `{"SecretId": "db"}`)["SecretString"].(string)
	var made struct{ User, Password string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.User != "app" || len(made.Password) != 12 {
		t.Fatalf("the secret is %q: %v", text, err)
	}
	w.live("s", "T", func(thing *awssim.Thing) {
		if thing.Properties["DisplayName"] != made.Password {
			t.Errorf("T has %v, want %s", thing.Properties["DisplayName"], made.Password)
		}
	})
	w.Put("files", "a", "x") // what holds objects stays
	id := *w.stack("s").StackId
	w.remove("s")
	if e := strings.Join(w.events(id), "\n"); !strings.Contains(e, "B DELETE_FAILED") || !strings.Contains(e, "The bucket you tried to delete is not empty") {
		t.Error(e)
	}
	if _, status := w.json("AmazonSSM.GetParameter", `{"Name": "/app/url"}`); status != http.StatusBadRequest {
		t.Errorf("the parameter of a deleted stack answers %d", status)
	}

	w.must("AmazonSSM.PutParameter", `{"Name": "/mine", "Type": "String", "Value": "x"}`)
	w.create("t", "Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Name: /mine, Type: String, Value: y}}}\n")
	if e := strings.Join(w.events("t"), "\n"); !strings.Contains(e, "Resource of type 'AWS::SSM::Parameter' with identifier '/mine' already exists.") {
		t.Error(e)
	}
}

// TestParameterStore and secrets: the refusals that operators meet. Sources: the
// API references of Systems Manager and Secrets Manager.
func TestStoreRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	w.must("AmazonSSM.PutParameter", `{"Name": "/p", "Type": "String", "Value": "one"}`)
	w.must("secretsmanager.CreateSecret", `{"Name": "k", "SecretString": "x"}`)
	w.must("secretsmanager.CreateSecret", `{"Name": "gone", "SecretString": "x"}`)
	w.must("secretsmanager.DeleteSecret", `{"SecretId": "gone", "RecoveryWindowInDays": 7}`)
	for _, tt := range []struct{ target, body, code string }{
		{"AmazonSSM.PutParameter", `{"Name": "/p", "Type": "String", "Value": "two"}`, "ParameterAlreadyExists"},
		{"AmazonSSM.PutParameter", `{"Name": "/q", "Value": "two"}`, "ValidationException"},
		{"AmazonSSM.PutParameter", `{"Name": "/aws/q", "Type": "String", "Value": "two"}`, "ValidationException"},
		{"AmazonSSM.PutParameter", `{"Name": "/q", "Type": "Text", "Value": "two"}`, "UnsupportedParameterType"},
		{"AmazonSSM.PutParameter", `{"Name": "/q", "Type": "String", "Value": ""}`, "ValidationException"},
		{"AmazonSSM.PutParameter", `{"Name": "/q", "Type": "String", "Value": "x", "AllowedPattern": "^[0-9]$"}`, "ParameterPatternMismatchException"},
		{"AmazonSSM.PutParameter", `{"Name": "/q", "Type": "String", "Value": "` + strings.Repeat("x", 4097) + `"}`, "ValidationException"},
		{"AmazonSSM.GetParameter", `{"Name": "/none"}`, "ParameterNotFound"},
		{"AmazonSSM.GetParameter", `{"Name": "/p:2"}`, "ParameterVersionNotFound"},
		{"AmazonSSM.DeleteParameter", `{"Name": "/none"}`, "ParameterNotFound"},
		{"AmazonSSM.StartSession", `{}`, "UnknownOperationException"},
		{"secretsmanager.CreateSecret", `{"Name": "k", "SecretString": "x"}`, "ResourceExistsException"},
		{"secretsmanager.CreateSecret", `{"Name": "gone", "SecretString": "x"}`, "InvalidRequestException"},
		{"secretsmanager.GetSecretValue", `{"SecretId": "none"}`, "ResourceNotFoundException"},
		{"secretsmanager.GetSecretValue", `{"SecretId": "gone"}`, "InvalidRequestException"},
		{"secretsmanager.GetSecretValue", `{"SecretId": "k", "VersionStage": "NONE"}`, "ResourceNotFoundException"},
		{"secretsmanager.DeleteSecret", `{"SecretId": "k", "RecoveryWindowInDays": 3}`, "InvalidParameterException"},
		{"secretsmanager.DeleteSecret", `{"SecretId": "k", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true}`, "InvalidParameterException"},
	} {
		if answer, status := w.json(tt.target, tt.body); status != http.StatusBadRequest || answer["__type"] != tt.code {
			t.Errorf("%s %.60s: %d %v, want %s", tt.target, tt.body, status, answer, tt.code)
		}
	}
}

// s3 sends a request to the simulated S3.
func (w *world) s3(method, where, body string, header ...string) (answer string, status int, got http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+where, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20261123/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text), resp.StatusCode, resp.Header
}

// TestS3 lists, copies, cuts and puts together. Source: the API reference of S3.
func TestS3(t *testing.T) {
	t.Parallel()
	w := newWorld(t, awssim.Config{})
	do := func(method, where, body string, want int, header ...string) string {
		t.Helper()
		text, status, _ := w.s3(method, where, body, header...)
		if status != want {
			t.Errorf("%s %s: %d %s, want %d", method, where, status, text, want)
		}
		return text
	}
	do("PUT", "/files", "", 200)
	do("PUT", "/files", "", 409)
	do("PUT", "/My_Files", "", 400)
	for _, k := range []string{"a/1", "a/2", "b/1", "c"} {
		do("PUT", "/files/"+k, "of "+k, 200)
	}
	list := do("GET", "/files?list-type=2&delimiter=%2F", "", 200)
	for _, want := range []string{"<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>", "<Prefix>b/</Prefix>", "<Key>c</Key>", "<KeyCount>3</KeyCount>"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %s:\n%s", want, list)
		}
	}
	var walked []string
	for token, n := "", 0; n < 10; n++ {
		page := do("GET", "/files?list-type=2&max-keys=1&delimiter=%2F&continuation-token="+token, "", 200)
		for _, part := range strings.Split(page, "<Key>")[1:] {
			walked = append(walked, strings.Split(part, "<")[0])
		}
		for _, part := range strings.Split(page, "<CommonPrefixes><Prefix>")[1:] {
			walked = append(walked, strings.Split(part, "<")[0])
		}
		_, rest, more := strings.Cut(page, "<NextContinuationToken>")
		if token = strings.Split(rest, "<")[0]; !more {
			break
		}
	}
	if diff := cmp.Diff([]string{"a/", "b/", "c"}, walked); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if got := do("GET", "/files/c", "", 206, "Range", "bytes=3-3"); got != "c" {
		t.Errorf("a range is %q", got)
	}
	do("PUT", "/files/d", "", 200, "X-Amz-Copy-Source", "/files/a%2F1")
	if got := do("GET", "/files/d", "", 200); got != "of a/1" {
		t.Errorf("the copy is %q", got)
	}
	do("PUT", "/files/d", "", 404, "X-Amz-Copy-Source", "/files/none")
	begun := do("POST", "/files/big?uploads", "", 200)
	_, rest, _ := strings.Cut(begun, "<UploadId>")
	id, _, _ := strings.Cut(rest, "<")
	do("PUT", "/files/big?partNumber=2&uploadId="+id, "second", 200)
	do("PUT", "/files/big?partNumber=1&uploadId="+id, "first ", 200)
	do("POST", "/files/big?uploadId="+id, "<CompleteMultipartUpload/>", 200)
	do("PUT", "/files/big?partNumber=1&uploadId="+id, "x", 404)
	if got := do("GET", "/files/big", "", 200); got != "first second" {
		t.Errorf("the whole is %q", got)
	}
	if got := do("GET", "/files?location", "", 200); !strings.Contains(got, ">eu-west-1<") {
		t.Errorf("location: %s", got)
	}
	do("GET", "/files?policy", "", 404)
	do("PUT", "/files?policy", `{"Version": "2012-10-17"}`, 200)
	if got := do("GET", "/files?policy", "", 200); got != `{"Version": "2012-10-17"}` {
		t.Errorf("policy: %s", got)
	}
	do("DELETE", "/files", "", 409)
	do("POST", "/files?delete", "<Delete><Object><Key>a/1</Key></Object><Object><Key>c</Key></Object></Delete>", 200)
	do("GET", "/files/c", "", 404)
	do("PUT", "/files/e", "x", 412, "If-Match", `"0"`)
	do("GET", "/none/c", "", 404)
}
