package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/provisioner/provisionertest"
	"baryon/renderer"
)

// A rehearsal is a simulated account, and the engine that deploys into it what
// the product's own renderer makes of templates and specs.
type rehearsal struct {
	t      *testing.T
	sim    *awssim.Sim
	engine *cloudformation.Engine
	jobs   int
	url    string
}

// rehearse wants the credentials that rehearsalKeys sets.
func rehearse(t *testing.T) *rehearsal {
	t.Helper()
	sim := awssim.New(awssim.Config{})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	engine, err := cloudformation.New(cloudformation.Config{
		Dir: filepath.Join(t.TempDir(), "records"), Region: "eu-west-1", Endpoint: server.URL, Bucket: "templates", Rate: 10_000, Poll: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	sim.Bucket(rehearsalAccount, "eu-west-1", "templates")
	return &rehearsal{t: t, sim: sim, engine: engine, url: server.URL}
}

const rehearsalAccount = "123456789012"

// rehearsalKeys lets the SDK find keys of the simulated account, and no others.
func rehearsalKeys(t *testing.T) {
	t.Helper()
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": rehearsalAccount, "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(k, v)
	}
}

// A sample is a target: a template, a spec, and what the target needs.
type sample struct {
	template string // folder
	spec     string // the text of a document
	instance string
	pipeline bool
	outputs  map[string]string
}

// render renders a sample as the loop would.
func (r *rehearsal) render(s sample) *renderer.Files {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "spec.yaml")
	if err := os.WriteFile(file, []byte(s.spec), 0o600); err != nil {
		r.t.Fatal(err)
	}
	d := draft{spec: file, name: nameFrom(filepath.Dir(s.template)), instance: s.instance, pipeline: s.pipeline, account: rehearsalAccount, region: "eu-west-1"}
	if s.spec == "" {
		d.spec = ""
	}
	if err := d.open(s.template, ""); err != nil {
		r.t.Fatal(err)
	}
	d.plain = s.outputs
	all, err := d.render(r.t.Context())
	if err != nil || len(all) != 1 {
		r.t.Fatalf("%s: %d renderings, %v", s.template, len(all), err)
	}
	return all[0].files
}

// apply deploys or deletes a stack and returns how the job ended, and its log.
func (r *rehearsal) apply(action provisioner.Action, stack string, files *renderer.Files) (provisioner.Progress, string) {
	r.t.Helper()
	r.jobs++
	c := provisionertest.Caller{Job: provisioner.Job{ID: fmt.Sprintf("job-%d", r.jobs), Stack: stack, Action: action, Files: files}}
	p := c.End(r.t, r.engine)
	return p, string(c.Log)
}

// deploy deploys a stack, which has to succeed and to show want in its log.
func (r *rehearsal) deploy(stack string, files *renderer.Files, want string) map[string]string {
	r.t.Helper()
	p, log := r.apply(provisioner.Provision, stack, files)
	if p.State != provisioner.Succeeded || !strings.Contains(log, want) {
		r.t.Fatalf("%s %s: %s, want %s in the log:\n%s", stack, p.State, p.Message, want, log)
	}
	return p.Outputs
}

// remove deletes a stack.
func (r *rehearsal) remove(stack string, files *renderer.Files) {
	r.t.Helper()
	if p, log := r.apply(provisioner.Deprovision, stack, files); p.State != provisioner.Succeeded || !strings.Contains(log, "DELETE_COMPLETE") {
		r.t.Fatalf("deleting %s: %s: %s\n%s", stack, p.State, p.Message, log)
	}
}
