package proton_test

import (
	"errors"
	"strings"
	"testing"

	"baryon/server/proton"
	"baryon/state"
)

func TestProtocol(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const get = "AwsProton20200720.GetEnvironment"
	for name, tt := range map[string]struct {
		target, body string
		headers      []string
		status       int
		exception    string
		message      string
	}{
		"no target":                {"", `{}`, nil, 400, "MissingAction", "X-Amz-Target is missing"},
		"another service":          {"DynamoDB_20120810.GetItem", `{}`, nil, 400, "UnknownOperationException", "AwsProton20200720.NAME"},
		"no such operation":        {"AwsProton20200720.Get", `{}`, nil, 400, "UnknownOperationException", "no operation Get"},
		"a media type in capitals": {get, `{"name":"a"}`, []string{"Content-Type", "Application/X-AMZ-json-1.0; charset=utf-8"}, 400, "ResourceNotFoundException", "environment/a"},
		"another media type":       {get, `{}`, []string{"Content-Type", "application/json"}, 415, "UnsupportedMediaTypeException", "application/x-amz-json-1.0"},
		"no JSON":                  {get, `{"name":`, nil, 400, "SerializationException", "at byte 8"},
		"a list":                   {get, `[]`, nil, 400, "SerializationException", "no JSON object"},
		"two objects":              {get, `{} {}`, nil, 400, "SerializationException", "text follows"},
		"a member twice":           {get, `{"name":"a","name":"b"}`, nil, 400, "SerializationException", `"name" is given twice`},
		"too deep":                 {get, `{"name":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, nil, 400, "SerializationException", "deeper than 16"},
		"not UTF-8":                {get, "{\"name\":\"\xff\"}", nil, 400, "SerializationException", "UTF-8"},
		"too large":                {get, `{"name":"` + strings.Repeat("a", 1<<20) + `"}`, nil, 413, "RequestEntityTooLargeException", "1048576 bytes"},
		"a missing member":         {get, `{}`, nil, 400, "ValidationException", "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		"a member too many":        {get, `{"name":"a","nick":"b"}`, nil, 400, "ValidationException", "'nick' is no member here; want name"},
		"a wrong type":             {get, `{"name":1}`, nil, 400, "SerializationException", "'name' is a number; want a string"},
		"null is not given":        {get, `{"name":null}`, nil, 400, "ValidationException", "Value null at 'name'"},
		"a pattern":                {get, `{"name":"a b"}`, nil, 400, "ValidationException", "Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9A-Za-z]+"},
		"a length":                 {get, `{"name":"` + strings.Repeat("a", 101) + `"}`, nil, 400, "ValidationException", "length less than or equal to 100"},
		"a secret is not said": {"AwsProton20200720.CreateEnvironment", `{"name":"a","templateName":"t","templateMajorVersion":"1","spec":""}`, nil, 400, "ValidationException",
			"Value '***Sensitive Data Redacted***' at 'spec'"},
		"a number out of range": {"AwsProton20200720.ListServices", `{"maxResults":101}`, nil, 400, "ValidationException", "value less than or equal to 100"},
		"an enum":               {"AwsProton20200720.ListServiceInstances", `{"sortOrder":"UP"}`, nil, 400, "ValidationException", "[ASCENDING, DESCENDING]"},
		"a union": {"AwsProton20200720.CreateEnvironmentTemplateVersion", `{"templateName":"t","source":{}}`, nil, 400, "ValidationException",
			"'source' has 0 members; want exactly one of s3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.post(t, tt.target, tt.body, tt.headers...)
			if got.Status != tt.status || got.Type != tt.exception || !strings.Contains(got.Message, tt.message) {
				t.Errorf("answered %d %s %q, want %d %s %q", got.Status, got.Type, got.Message, tt.status, tt.exception, tt.message)
			}
		})
	}
}

// TestCallers lets the holder of the token do everything, and the commands of
// a deployment read and report on it.
func TestCallers(t *testing.T) {
	t.Parallel()
	secret := []byte("a secret of the daemons")
	w := newWorld(t, func(c *proton.Config) {
		c.Token, c.Secret = func() (string, error) { return "the-token", nil }, secret
	})
	open, closed := deployment(t, w.store, "prod", state.InProgress), deployment(t, w.store, "old", state.Failed)
	const notify, publish = "AwsProton20200720.NotifyResourceDeploymentStatusChange", "AwsProton20200720.UpdateEnvironmentTemplateVersion"
	prod, old := `{"resourceArn":"arn:aws:proton:us-east-1:000000000000:environment/prod"}`, `{"resourceArn":"arn:aws:proton:us-east-1:000000000000:environment/old"}`
	for name, tt := range map[string]struct {
		authorization, target, body string
		exception                   string
	}{
		"nobody":                          {"", notify, prod, "MissingAuthenticationTokenException"},
		"a wrong token":                   {"Bearer wrong", notify, prod, "UnrecognizedClientException"},
		"a signature":                     {"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/proton/aws4_request, SignedHeaders=host, Signature=00", notify, prod, "IncompleteSignatureException"},
		"the token":                       {"Bearer the-token", notify, prod, ""},
		"the deployment itself":           {"Bearer " + proton.DeploymentToken(secret, open), notify, prod, ""},
		"the deployment of another":       {"Bearer " + proton.DeploymentToken(secret, open), notify, old, "ResourceNotFoundException"},
		"the deployment, named another":   {"Bearer " + proton.DeploymentToken(secret, open), notify, prod[:len(prod)-1] + `,"deploymentId":"` + closed + `"}`, "AccessDeniedException"},
		"the deployment, not reporting":   {"Bearer " + proton.DeploymentToken(secret, open), publish, `{"templateName":"t","majorVersion":"1","minorVersion":"0"}`, "AccessDeniedException"},
		"a deployment that has ended":     {"Bearer " + proton.DeploymentToken(secret, closed), notify, old, "UnrecognizedClientException"},
		"a deployment that never was":     {"Bearer " + proton.DeploymentToken(secret, state.NewID()), notify, prod, "UnrecognizedClientException"},
		"a deployment with another proof": {"Bearer " + proton.DeploymentToken([]byte("guessed"), open), notify, prod, "UnrecognizedClientException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := w.post(t, tt.target, tt.body, "Authorization", tt.authorization); got.Type != tt.exception {
				t.Errorf("answered %d %s %q, want %q", got.Status, got.Type, got.Message, tt.exception)
			}
		})
	}
}

func TestTokenThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *proton.Config) { c.Token = func() (string, error) { return "", errors.New("gone") } })
	if got := w.post(t, "AwsProton20200720.GetService", `{"name":"x"}`, "Authorization", "Bearer "); got.Status != 503 {
		t.Errorf("answered %d %s, want 503", got.Status, got.Type)
	}
}

// deployment makes an environment with one deployment.
func deployment(t *testing.T, store *state.Store, name string, status state.Status) string {
	t.Helper()
	d := state.Deployment{ID: state.NewID(), Ref: state.EnvironmentRef(name), Action: state.Create, Status: status, Generation: 1}
	err := store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		if err := tx.PutTarget(state.Target{Ref: d.Ref, Generation: 1, Status: status, LastAttempted: d.ID}); err != nil {
			return err
		}
		return tx.AddDeployment(d)
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.ID
}
