package terraform_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baryon/provisioner/terraform"
)

// TestAdoptWrong keeps the state that is there, whatever is to be put in its place.
func TestAdoptWrong(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		states, err := terraform.NewStates(terraform.Config{Dir: filepath.Join(p.dir, "terraform"), Binary: p.program, Path: os.Getenv("PATH")})
		if err != nil {
			t.Fatal(err)
		}
		end(t, p.engine(t, nil), job("one", twoResources))
		file := filepath.Join(p.dir, "terraform", "stacks", "environment-dev", "terraform.tfstate")
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		with := func(from, to string) string { return strings.Replace(string(before), from, to, 1) }
		serial := `"serial": ` + between(string(before), `"serial": `, ",")
		for name, tt := range map[string]struct {
			state, want string
			kept        bool
		}{
			"empty":           {"", "this is no state file of Terraform", false},
			"cut":             {string(before[:100]), "this is no state file of Terraform", false},
			"another version": {with(`"version": 4`, `"version": 5`), "this is no state file of Terraform", false},
			"older":           {with(serial, `"serial": 0`), "cannot import state with serial 0 over newer state", true},
			"another lineage": {with(between(string(before), `"lineage": "`, `"`), "11111111-2222-3333-4444-555555555555"), "cannot import state with lineage", true},
			"no resources":    {with(`"resources": [`, `"resources": [{"x": 1},`), "", false},
		} {
			_, err := states.Adopt(t.Context(), "environment-dev", []byte(tt.state))
			if _, kept := errors.AsType[*terraform.KeptError](err); err == nil || !strings.Contains(err.Error(), tt.want) || kept != tt.kept {
				t.Errorf("%s: %v, want %q", name, err, tt.want)
			}
			if now, err := os.ReadFile(file); err != nil || string(now) != string(before) {
				t.Errorf("%s: the state was changed (%v)\n%s", name, err, now)
			}
		}
		newer := with(`"terraform_version": "`+between(string(before), `"terraform_version": "`, `"`), `"terraform_version": "99.0.0`)
		note, err := states.Adopt(t.Context(), "environment-new", []byte(newer))
		if err != nil || !strings.Contains(note, "written by version 99.0.0") {
			t.Errorf("of a newer program: %q, %v", note, err)
		}
		if err := os.WriteFile(file, before[:100], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := states.Pull(t.Context(), "environment-dev"); err == nil || !strings.Contains(err.Error(), file+" is damaged") {
			t.Errorf("a damaged state: %v", err)
		}
	})
}

// between is the text after one text and before another.
func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}
