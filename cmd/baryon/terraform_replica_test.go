package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"baryon/gitsource/githost"
	v1 "baryon/server/v1"
	"baryon/state"
)

// TestTerraformReplicas plans on two daemons of one database: each plan is
// applied by the daemon that made it, so that nobody is asked twice; when that
// one is dead the other makes a plan of its own and asks anew. No state is on
// either's disk.
func TestTerraformReplicas(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	w := newReplicaWorld(t)
	a, b := w.daemon(t, "a"), w.daemon(t, "b")
	names := []string{"one", "two", "three", "four", "last"}
	files := map[string]string{
		"net/v1/schema/schema.yaml": plainSchema, "net/v1/infrastructure/manifest.yaml": terraformManifest,
		"net/v1/infrastructure/main.tf": "resource \"terraform_data\" \"it\" {}\n",
	}
	for _, name := range names {
		files["environments/"+name+".yaml"] = "proton: EnvironmentSpec\nbaryon: {environment: " + name + ", template: net, version: \"1\", approval: true}\nspec: {}\n"
	}
	if _, err := w.host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "all", Files: mapFiles(files)}); err != nil {
		t.Fatal(err)
	}
	asked := func(d v1.Target) bool {
		if d.Why.Cause == string(state.WaitRetry) {
			t.Fatal(d.Why.Text)
		}
		return d.Why.Cause == string(state.WaitApproval)
	}
	approve := func(r *replica, name string) {
		t.Helper()
		w.until(t, r, name, asked)
		if _, err := r.client.Ask(t.Context(), state.EnvironmentRef(name), v1.Approve, v1.Request{Why: "yes"}); err != nil {
			t.Fatal(err)
		}
		w.until(t, r, name, succeeded)
	}
	for _, name := range names {
		w.until(t, a, name, asked)
	}
	planned := map[string]int{}
	for _, daemon := range []string{"a", "b"} {
		for _, name := range names {
			plans, err := filepath.Glob(filepath.Join(w.dir, daemon, "terraform", "stacks", "environment-"+name, "plans", "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			planned[name] += len(plans)
		}
	}
	for _, name := range names[:4] {
		approve(a, name)
		if planned[name] != 1 {
			t.Errorf("%d plans of %s, want one in both daemons", planned[name], name)
		}
	}
	var audit v1.Page[v1.AuditEntry]
	if err := a.client.Get(t.Context(), "audit", nil, &audit); err != nil {
		t.Fatal(err)
	}
	for _, entry := range audit.Items {
		if entry.Verb == "void approval" {
			t.Error("an approval was void, as the other daemon had the plan")
		}
	}
	a.kill(t)
	// It is planned by b, or anew, and asked about again where a's plan was
	// approved before b saw that it went with a.
	w.until(t, b, "last", func(d v1.Target) bool {
		if asked(d) { // a refusal says that it went on meanwhile
			_, _ = b.client.Ask(t.Context(), state.EnvironmentRef("last"), v1.Approve, v1.Request{Why: "yes"})
		}
		return succeeded(d)
	})
	err := filepath.WalkDir(w.dir, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.Name() == "terraform.tfstate" && !strings.Contains(name, ".terraform/") {
			t.Errorf("a state lies in %s", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
