package terraform_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"
)

// TestStatesInS3 keeps states in a bucket: two stacks apart from each other,
// locked while one is applied, and nothing of them on this machine.
func TestStatesInS3(t *testing.T) {
	for name, file := range programs(t) {
		t.Run(name, func(t *testing.T) { statesInS3(t, place{t.TempDir(), file}) })
	}
}

func statesInS3(t *testing.T, p place) {
	t.Helper()
	server := httptest.NewServer(awssim.New(awssim.Config{}))
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/states", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=000000000000/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "000000000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-canary")
	free := filepath.Join(t.TempDir(), "free")
	inS3 := func(c *terraform.Config) {
		allowExec(c)
		c.LockWait = 1
		c.Env = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
		c.State = terraform.StateIn{Bucket: "states", Prefix: "baryon/", Region: "eu-west-1", Endpoint: server.URL}
	}
	e := p.engine(t, inS3)
	other := job("other", `resource "terraform_data" "other" {}`)
	other.Stack = "environment-other"
	if got, log := end(t, e, other); got.State != provisioner.Succeeded || strings.Contains(log, "canary") {
		t.Fatalf("%s\n%s", got.Message, log)
	}
	c := provisionertest.Caller{Job: blocking("one", free)}
	c.Until(t, e, func(provisioner.Progress) bool { return exists(free + ".begun") })
	second := provisionertest.Caller{Job: job("two", `resource "terraform_data" "first" { input = "made" }`)}
	second.Until(t, e, func(got provisioner.Progress) bool {
		return strings.Contains(got.Message, "Error acquiring the state lock")
	})
	if err := os.WriteFile(free, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.End(t, e); got.State != provisioner.Succeeded {
		t.Fatalf("%s\n%s", got.Message, c.Log)
	}
	if got := second.End(t, e); got.State != provisioner.Succeeded || !strings.Contains(string(second.Log), "0 added, 0 changed, 1 destroyed") {
		t.Errorf("%s\n%s", got.Message, second.Log)
	}
	cfg := terraform.Config{Dir: filepath.Join(p.dir, "terraform"), Binary: p.program}
	inS3(&cfg)
	states, err := terraform.NewStates(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := states.Pull(t.Context(), "environment-dev"); err != nil || !slices.Equal(resourcesOf(t, text), []string{"terraform_data.first"}) {
		t.Errorf("the state in the bucket is %s (%v)", text, err)
	}
	if exists(filepath.Join(p.dir, "terraform", "stacks", "environment-dev", "terraform.tfstate")) {
		t.Error("a state is on this machine")
	}
}
