package terraform_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"baryon/provisioner"
	"baryon/provisioner/terraform"
)

// inits tells whether init was run in a job that went well.
func inits(t *testing.T, e *terraform.Engine, j provisioner.Job) bool {
	t.Helper()
	p, log := end(t, e, j)
	if p.State != provisioner.Succeeded {
		t.Fatalf("%s: %s %s\n%s", j.ID, p.State, p.Message, log)
	}
	ran, out := strings.Contains(log, " init -input=false"), strings.Contains(log, "Init is left out")
	if ran == out {
		t.Errorf("%s: init was run: %v, said to be left out: %v\n%s", j.ID, ran, out, log)
	}
	return ran
}

// TestInitOnce runs init once for all stacks whose code asks for the same, and anew
// for what it depends on.
func TestInitOnce(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		e := p.engine(t, nil)
		of := func(id, stack, code, values string) provisioner.Job {
			j := job(id, code)
			j.Stack = stack
			j.Files.(fstest.MapFS)["proton.auto.tfvars.json"] = &fstest.MapFile{Data: []byte(values)}
			return j
		}
		const code = "variable \"size\" {}\nresource \"terraform_data\" \"a\" { input = var.size }\noutput \"size\" { value = terraform_data.a.output }\n"
		for i, tt := range []struct {
			what, stack, code, values string
			want                      bool
		}{
			{"the first time", "environment-dev", code, `{"size": "1"}`, true},
			{"other values", "environment-dev", code, `{"size": "2"}`, false},
			{"another stack", "environment-prod", code, `{"size": "3"}`, false},
			{"other code of the same providers", "environment-prod", code + "locals {}\nresource \"terraform_data\" \"b\" {}\n", `{"size": "3"}`, false},
			{"code that asks for more", "environment-prod", code + "terraform {\n  required_version = \"> 1\"\n}\n", `{"size": "3"}`, true},
			{"the first code again", "environment-prod", code, `{"size": "3"}`, false},
		} {
			if got := inits(t, e, of(fmt.Sprint("job-", i), tt.stack, tt.code, tt.values)); got != tt.want {
				t.Errorf("%s: init was run: %v, want %v", tt.what, got, tt.want)
			}
		}
		for _, stack := range []string{"environment-dev", "environment-prod"} {
			text, err := os.ReadFile(filepath.Join(p.dir, "terraform", "stacks", stack, "terraform.tfstate"))
			if want := map[string]string{"environment-dev": `"2"`, "environment-prod": `"3"`}[stack]; err != nil || !strings.Contains(string(text), want) {
				t.Errorf("%s has not its own state (%v):\n%s", stack, err, text)
			}
		}
		network := p.engine(t, func(c *terraform.Config) { c.Mirrors = []string{t.TempDir()} })
		if !inits(t, network, of("job-9", "environment-dev", code, `{"size": "2"}`)) {
			t.Error("other settings: init was left out")
		}
	})
}

// TestInitOfProviders leaves init out where the stack knows its providers, and
// runs it again where what it left behind is no longer so.
func TestInitOfProviders(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		mirror, _ := localProvider(t, p)
		e := p.engine(t, func(c *terraform.Config) { c.Mirrors = []string{mirror} })
		if !inits(t, e, job("one", usesLocal)) || inits(t, e, job("two", usesLocal)) {
			t.Error("want init once")
		}
		other := job("three", usesLocal)
		other.Stack = "environment-other"
		if !inits(t, e, other) {
			t.Error("a stack that chose no providers yet: init was left out")
		}
		cache := filepath.Join(p.dir, "terraform", "plugins")
		if err := os.RemoveAll(cache); err != nil {
			t.Fatal(err)
		}
		if !inits(t, e, job("four", usesLocal)) || inits(t, e, job("five", usesLocal)) {
			t.Error("an emptied cache: want init once")
		}
		// A state that was adopted wants a provider that the code does not ask for.
		const plain = "resource \"terraform_data\" \"a\" {}\n"
		known := job("plain", plain)
		known.Stack = "environment-plain"
		inits(t, e, known)
		adopted := filepath.Join(p.dir, "terraform", "stacks", "environment-adopted")
		state, err := os.ReadFile(filepath.Join(p.dir, "terraform", "stacks", "environment-other", "terraform.tfstate"))
		if err == nil {
			err = os.Mkdir(adopted, 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(adopted, "terraform.tfstate"), state, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		wants := job("wants", plain)
		wants.Stack = "environment-adopted"
		if got, log := end(t, e, wants); got.State != provisioner.Succeeded || !strings.Contains(log, "attempt 2") || !strings.Contains(log, "Apply complete! Resources: 1 added") {
			t.Errorf("an adopted state: %s %s; want init run after all\n%s", got.State, got.Message, log)
		}
		// Another program takes the place of one in the cache. Tofu then brings the
		// right one back; terraform wants a person to do so.
		var links []string
		err = filepath.WalkDir(cache, func(name string, entry os.DirEntry, err error) error {
			if err == nil && entry.Type()&os.ModeSymlink != 0 {
				links = append(links, name)
			}
			return err
		})
		if err != nil || len(links) != 1 {
			t.Fatalf("links %v in the cache, %v", links, err)
		}
		evil := filepath.Join(p.dir, "evil")
		if err := os.Mkdir(evil, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(evil, "terraform-provider-local_v1.4.0"), []byte("#!/bin/sh\ntouch "+p.dir+"/mark\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(links[0]); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(evil, links[0]); err != nil {
			t.Fatal(err)
		}
		got, log := end(t, e, job("six", usesLocal))
		if (got.State == provisioner.Succeeded) != p.tofu() || exists(filepath.Join(p.dir, "mark")) || !strings.Contains(log, "checksums") || !strings.Contains(log, "attempt 2") || !strings.Contains(log, " init -input=false") {
			t.Errorf("a program that was replaced: %s %s; want it noticed and init run\n%s", got.State, got.Message, log)
		}
	})
}
