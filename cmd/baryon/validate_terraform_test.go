package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestValidateTerraform says before a deployment what the daemon would refuse, and
// what of a bundle it would never take.
func TestValidateTerraform(t *testing.T) {
	t.Parallel()
	const (
		in     = "net/v1/infrastructure/"
		hosted = "proton: EnvironmentSpec\nbaryon: {environment: dev, template: net, version: \"1\"}\nspec: {size: small}\n"
		pulled = "proton: EnvironmentSpec\nbaryon: {environment: dev, template: net, version: \"1\", repository: {name: acme/infra, branch: main}}\nspec: {size: small}\n"
		runs   = "data \"external\" \"x\" {\n  program = [var.environment.inputs.size]\n}\n"
		not    = in + "main.tf:1:1: external is not allowed, got data \"external\""
		next   = "(leave it out, or let the operator add external to terraform.allow)"
	)
	for name, tt := range map[string]struct {
		files map[string]string
		fails bool
		want  []string
	}{
		"a program":                {map[string]string{"main.tf": runs}, true, []string{not, next}},
		"by a pull request":        {map[string]string{"main.tf": runs, "../../../dev.yaml": pulled}, false, []string{"warning: external is not allowed"}},
		"allowed by configuration": {map[string]string{"main.tf": runs, "../../../baryon.yaml": "terraform: {allow: [external]}\n"}, false, []string{"no problems in 1 template"}},
		"an override file":         {map[string]string{"override.tf": ""}, true, []string{in + "override.tf:1:1: override is not allowed"}},
		"a module of another place": {map[string]string{"main.tf": "module \"m\" {\n  source = \"git::https://evil.example/x\"\n}\n"}, true,
			[]string{in + "main.tf:2:12: modules come from allowed sources, got \"git::https://evil.example/x\""}},
		"too deep": {map[string]string{"main.tf": "locals {\n  x = " + strings.Repeat("(", 1_900_000)}, true,
			[]string{in + "main.tf:2:1: not valid HCL: this is nested or chained too deeply to be read"}},
		"not taken": {map[string]string{
			".terraformrc": "", "terraform.rc": "", "a.tofu": "", "a.tf.json": "", "terraform.tfvars": "", "b.auto.tfvars": "", "terraform.tfstate": "", ".terraform/x": "", ".terraform.lock.hcl": "",
		}, false, []string{
			in + ".terraform:1:1: warning: this is not taken, got a folder of terraform init, want code in .tf files of infrastructure/", in + ".terraformrc:1:1: warning", in + "terraform.rc:1:1: warning",
			in + "a.tofu:1:1: warning: this is not taken, got code that only OpenTofu reads", in + "a.tf.json:1:1: warning", in + "terraform.tfvars:1:1: warning", in + "b.auto.tfvars:1:1: warning",
			in + "terraform.tfstate:1:1: warning: this is not taken, got a state, which Baryon keeps", in + ".terraform.lock.hcl:1:1: warning", "(remove it",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			files := map[string]string{
				in + "manifest.yaml": terraformManifest, "net/v1/schema/schema.yaml": plainSchema, "dev.yaml": hosted,
				in + "used.tf": "locals {\n  size = var.environment.inputs.size\n}\n",
			}
			for name, text := range tt.files {
				files[filepath.Join(in, name)] = text
			}
			for name, text := range files {
				name = filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, _, err := command(t.Context(), "validate", dir)
			out = strings.ReplaceAll(out, dir+"/", "")
			if (err != nil) != tt.fails {
				t.Errorf("ended with %v\n%.2000s", err, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in\n%.4000s", want, out)
				}
			}
			if _, _, err := command(t.Context(), "schema", filepath.Join(dir, "net", "v1")); err != nil {
				t.Errorf("baryon schema: %v", err)
			}
		})
	}
}
