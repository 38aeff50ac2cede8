package terraform_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"baryon/provisioner"
	"baryon/provisioner/terraform"

	"github.com/google/go-cmp/cmp"
)

const header = "/*\nThis file is managed by AWS Proton. Any changes.\n\nTo manage\n*/\n\n"

// TestPolicy lists what code may not do by itself, and where that is said.
func TestPolicy(t *testing.T) {
	t.Parallel()
	const lift = "; leave it out, or let the operator add "
	for _, tt := range []struct{ name, file, code, want, allow string }{
		{"plain code", "main.tf", `resource "terraform_data" "a" { input = file("${path.module}/a.txt") }`, "", ""},
		{"external", "main.tf", header + "\ndata \"external\" \"x\" { program = [\"id\"] }\n",
			`main.tf:2:1: external is not allowed, got data "external": it runs programs on this machine, even while it is planned` + lift + "external to terraform.allow", "external"},
		{"external within a check", "main.tf", "check \"c\" {\n  data \"external\" \"x\" {}\n}\n", `main.tf:2:3: external is not allowed`, "external"},
		{"external by another name", "v.tf", "terraform {\n  required_providers {\n    foo = { source = \"hashicorp/external\" }\n  }\n}\n", `v.tf:3:22: external is not allowed, got the provider hashicorp/external`, "external"},
		{"a command as data", "main.tf", `data "local_command" "x" { command = "id" }`, `main.tf:1:1: external is not allowed, got data "local_command"`, "external"},
		{"a command as action", "main.tf", "action \"local_command\" \"x\" {\n  config {\n    command = \"id\"\n  }\n}\n", `main.tf:1:1: local-exec is not allowed, got action "local_command"`, "local-exec"},
		{"a resource that runs programs", "main.tf", `resource "external_x" "x" {}`, `main.tf:1:1: external is not allowed`, "external"},
		{"an override file of OpenTofu", "override.tofu", "", `override.tofu: override is not allowed`, "override"},
		{"code of OpenTofu", "main.tofu", `data "external" "x" {}`, `main.tofu:1:1: external is not allowed`, "external"},
		{"http", "main.tf", `data "http" "meta" { url = "http://169.254.169.254/" }`, `main.tf:1:1: http is not allowed`, "http"},
		{"local-exec", "main.tf", "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"id\"\n  }\n}\n",
			`main.tf:2:3: local-exec is not allowed, got provisioner "local-exec"`, "local-exec"},
		{"remote-exec", "main.tf", "resource \"terraform_data\" \"a\" {\n  provisioner \"remote-exec\" {}\n}\n", `main.tf:2:3: remote-exec is not allowed`, "remote-exec"},
		{"a provisioner nobody knows", "main.tf", "resource \"terraform_data\" \"a\" {\n  provisioner \"chef\" {}\n}\n", `main.tf:2:3: local-exec is not allowed, got provisioner "chef"`, "local-exec"},
		{"copied file", "main.tf", "resource \"terraform_data\" \"a\" {\n  provisioner \"file\" {}\n}\n", `main.tf:2:3: file is not allowed`, "file"},
		{"the state of others", "main.tf", `data "terraform_remote_state" "x" { backend = "local" }`, `main.tf:1:1: remote-state is not allowed`, "remote-state"},
		{"a file by absolute path", "main.tf", `locals { x = file("/etc/passwd") }`, `main.tf:1:14: files is not allowed, got file of a path that may leave the bundle`, "files"},
		{"a file that climbs", "main.tf", `locals { x = file("${path.module}/../x") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file the spec names", "main.tf", `locals { x = file(var.environment.inputs.x) }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file the spec names in part", "main.tf", `locals { x = templatefile("a/${var.x}", {}) }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file by a function of the core", "main.tf", `locals { x = core::file("/etc/passwd") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file by a data source", "main.tf", `data "local_file" "x" { filename = "/etc/passwd" }`, `main.tf:1:25: files is not allowed`, "files"},
		{"an odd registry", "main.tf", "terraform {\n  required_providers {\n    x = { source = \"evil.example/a/x\", version = \"1\" }\n  }\n}\n",
			`main.tf:3:20: providers come from known registries, got "evil.example/a/x" of evil.example, want one of registry.terraform.io, registry.opentofu.org, terraform.io; use another, or let the operator add evil.example to terraform.registries`, ""},
		{"a module from anywhere", "main.tf", "module \"m\" {\n  source = \"git::https://evil.example/x.git\"\n}\n",
			`main.tf:2:12: modules come from allowed sources, got "git::https://evil.example/x.git", want none, as nothing is allowed`, ""},
		{"a module of the machine", "main.tf", "module \"m\" {\n  source = \"/root/x\"\n}\n", `main.tf:2:12: modules come from allowed sources`, ""},
		{"a module that climbs", "main.tf", "module \"m\" {\n  source = \"./../x\"\n}\n", `main.tf:2:12: a module is in the bundle or comes from an allowed source`, ""},
		{"a module in a folder that is not applied", "main.tf", "module \"m\" {\n  source = \"./modules/m\"\n}\n", `main.tf:2:12: the folder of this module is not applied, got "./modules/m"`, ""},
		{"a module of an expression", "main.tf", "module \"m\" {\n  source = var.x\n}\n", `main.tf:2:12: the source of a module must be a plain text`, ""},
		{"cloud", "main.tf", "terraform {\n  cloud {}\n}\n", `main.tf:2:3: the state is kept by Baryon, got a cloud block`, ""},
		{"a module that calls itself", "main.tf", "module \"m\" {\n  source = \"./.\"\n}\n", `main.tf:2:12: a module cannot call itself, got "./."`, ""},
		{"a module of the folder above", "main.tf", "module \"m\" {\n  source = \"..\"\n}\n", `main.tf:2:12: modules come from allowed sources`, ""},
		{"a module by http", "main.tf", "module \"m\" {\n  source = \"http://127.0.0.1/m.zip\"\n}\n", `main.tf:2:12: modules come from allowed sources`, ""},
		{"external in other letters", "v.tf", "terraform {\n  required_providers {\n    foo = { source = \"HashiCorp/External\" }\n  }\n}\n", `v.tf:3:22: external is not allowed`, "external"},
		{"a provisioner of what is removed", "main.tf", "removed {\n  from = terraform_data.a\n  provisioner \"local-exec\" {\n    when = destroy\n    command = \"id\"\n  }\n}\n", `main.tf:3:3: local-exec is not allowed`, "local-exec"},
		{"an ephemeral program", "main.tf", `ephemeral "external" "x" {}`, `main.tf:1:1: external is not allowed`, "external"},
		{"a provider whose program is made by a dynamic block", "main.tf", "provider \"kubernetes\" {\n  dynamic \"exec\" {\n    for_each = [1]\n    content {}\n  }\n}\n", `main.tf:2:3: exec is not allowed`, "exec"},
		{"a file whose path is a heredoc", "main.tf", "locals {\n  x = file(<<E\n/etc/passwd\nE\n  )\n}\n", `main.tf:2:7: files is not allowed`, "files"},
		{"a file whose path is escaped", "main.tf", `locals { x = file("\u002e\u002e/x") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file by a choice", "main.tf", `locals { x = file(true ? "/etc/passwd" : "x") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file behind a nested text", "main.tf", `locals { x = file("${path.module}${"/../x"}") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file by path.cwd", "main.tf", `locals { x = file("${path.cwd}/x") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file of the home", "main.tf", `locals { x = file("~/.aws/credentials") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"files listed", "main.tf", `locals { x = fileset("/", "etc/*") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file in a condition", "main.tf", "variable \"x\" {\n  validation {\n    condition = fileexists(\"/root/x\")\n    error_message = \"no\"\n  }\n}\n", `main.tf:3:17: files is not allowed`, "files"},
		{"a file in the id of an import", "main.tf", "import {\n  to = terraform_data.a\n  id = file(\"/etc/passwd\")\n}\n", `main.tf:3:8: files is not allowed`, "files"},
		{"settings of a provider for a module", "main.tf", "terraform {\n  provider_meta \"aws\" {\n    x = \"y\"\n  }\n}\n", "", ""},
		{"an override file", "override.tf", "", `override.tf: override is not allowed, got the file override.tf`, "override"},
		{"another override file", "x_override.tf", "", `x_override.tf: override is not allowed`, "override"},
		{"JSON", "x.tf.json", "{}", `x.tf.json: code is written in the language of Terraform, got JSON`, ""},
		{"JSON that overrides", "x_override.tf.json", "{}", `x_override.tf.json: override is not allowed`, ""},
		{"settings", ".terraformrc", "", `.terraformrc: the settings of terraform are the operator's`, ""},
		{"values", "x.auto.tfvars", "", `x.auto.tfvars: the values of variables come from the spec`, ""},
		{"a state", "terraform.tfstate", "", `terraform.tfstate: the state is kept by Baryon, got a state file`, ""},
		{"downloads", ".terraform/providers/x", "", `.terraform: downloaded code and settings come from init alone`, ""},
		{"a file of the working folder", "main.tf", `resource "local_file" "x" { filename = "${path.module}/x" }`, "", ""},
		{"a written file", "main.tf", `resource "local_file" "x" { filename = "/etc/x" }`, `main.tf:1:29: write-files is not allowed, got resource "local_file" with filename, a path that may leave the bundle: it may write files of this machine`, "write-files"},
		{"a written file that climbs", "main.tf", `resource "local_sensitive_file" "x" { filename = "${path.module}/../../baryon.db" }`, `main.tf:1:39: write-files is not allowed`, "write-files"},
		{"a written file that climbs by a dot", "main.tf", `resource "local_file" "x" { filename = "${path.module}./x" }`, `main.tf:1:29: write-files is not allowed`, "write-files"},
		{"a written file the spec names", "main.tf", `resource "local_file" "x" { filename = var.environment.inputs.x }`, `main.tf:1:29: write-files is not allowed`, "write-files"},
		{"a written file by another provider name", "main.tf", "terraform {\n  required_providers {\n    foo = { source = \"hashicorp/local\" }\n  }\n}\nresource \"local_file\" \"x\" {\n  provider = foo\n  filename = abspath(\"x\")\n}\n", `main.tf:8:3: write-files is not allowed`, "write-files"},
		{"an archive elsewhere", "main.tf", `data "archive_file" "x" { output_path = "/tmp/x.zip" }`, `main.tf:1:27: write-files is not allowed`, "write-files"},
		{"an archive of this machine", "main.tf", `data "archive_file" "x" { source_dir = "/root" }`, `main.tf:1:27: files is not allowed`, "files"},
		{"a copy of this machine's files", "main.tf", `resource "local_file" "x" { source = "/etc/shadow" }`, `main.tf:1:29: files is not allowed`, "files"},
		{"an upload of this machine's files", "main.tf", `resource "aws_s3_object" "x" { source = pathexpand("~/.aws/credentials") }`, `main.tf:1:32: files is not allowed`, "files"},
		{"a file one level up", "main.tf", `locals { x = file("${path.module}./job.json") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a file by parts that climb", "main.tf", `locals { x = file("a/.${"./../x"}") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a text that is a template", "main.tf", `locals { x = templatestring(local.y, {}) }`, `main.tf:1:14: files is not allowed, got templatestring`, "files"},
		{"code that is a template with a call in a comment", "main.tf", "# ${file(\"/etc/passwd\")}\nlocals { x = templatefile(\"${path.module}/main.tf\", {}) }", `main.tf:1:5: files is not allowed, got file of a path`, "files"},
		{"values that are a template", "main.tf", `locals { x = templatefile("./proton.auto.tfvars.json", {}) }`, "", ""},
		{"a function of a provider that reads", "main.tf", `locals { x = provider::local::direxists("/root") }`, `main.tf:1:14: files is not allowed`, "files"},
		{"a template by a data source", "main.tf", `data "template_file" "x" { template = "$${file(\"/etc/passwd\")}" }`, `main.tf:1:1: files is not allowed`, "files"},
		{"a provider that runs programs", "main.tf", "provider \"kubernetes\" {\n  exec {\n    command = \"id\"\n  }\n}\n", `main.tf:2:3: exec is not allowed, got provider "kubernetes" with exec: it runs programs that its configuration names`, "exec"},
		{"a provider that runs programs, deeper", "main.tf", "provider \"helm\" {\n  kubernetes {\n    dynamic \"exec\" {\n      for_each = [1]\n      content {}\n    }\n  }\n}\n", `main.tf:3:5: exec is not allowed`, "exec"},
		{"a provider that runs programs, as an object", "main.tf", "provider \"helm\" {\n  kubernetes = { exec = { command = \"id\" } }\n}\n", `main.tf:2:18: exec is not allowed`, "exec"},
		{"a provider that may run programs", "main.tf", "provider \"helm\" {\n  kubernetes = local.x\n}\n", `main.tf:2:3: exec is not allowed, got provider "helm" with kubernetes, which is not written out`, "exec"},
		{"a configuration that may name programs", "main.tf", "provider \"aws\" {\n  shared_config_files = [\"${path.module}/x.tf\"]\n}\n", `main.tf:2:3: exec is not allowed, got provider "aws" with shared_config_files`, "exec"},
		{"a removed block that runs programs", "main.tf", "removed {\n  from = terraform_data.x\n  provisioner \"local-exec\" {\n    when = destroy\n    command = \"id\"\n  }\n}\n", `main.tf:3:3: local-exec is not allowed`, "local-exec"},
		{"what is there already", "main.tf", "import {\n  to = terraform_data.x\n  id = \"x\"\n}\nresource \"terraform_data\" \"x\" {}\n", "", ""},
		{"an encrypted state", "main.tf", "terraform {\n  encryption {\n    key_provider \"external\" \"x\" {\n      command = [\"id\"]\n    }\n  }\n}\n", `main.tf:2:3: the state is kept by Baryon, got an encryption block`, ""},
		{"a provider of no plain address", "main.tf", "terraform {\n  required_providers {\n    x = { source = var.x }\n  }\n}\n", `main.tf:3:20: the source of a provider must be a plain text`, ""},
		{"an odd registry in disguise", "main.tf", "terraform {\n  required_providers {\n    local = { \"source\" = \"evil.example/hashicorp/local\" }\n  }\n}\n", `main.tf:3:26: providers come from known registries`, ""},
		{"a comment that is not Proton's", "main.tf", "/*\nThis file is managed by AWS Proton. */\ndata \"external\" \"x\" {}\n/*\n*/\n\nlocals {}\n", `main.tf:3:1: external is not allowed`, "external"},
		{"no code", "main.tf", "resource {\n  = \n", `main.tf:2:3: `, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{tt.file: {Data: []byte(tt.code)}}
			problems, _ := terraform.Policy{}.Check(files)
			var lines []string
			for _, p := range problems {
				lines = append(lines, p.String())
			}
			got := strings.Join(lines, "\n")
			if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
				t.Errorf("said %q, want %q", got, tt.want)
			}
			if tt.allow == "" {
				return
			}
			if problems, _ := (terraform.Policy{Allow: []string{tt.allow}}).Check(files); len(problems) > 0 {
				t.Errorf("with %s allowed: %q", tt.allow, problems)
			}
		})
	}
}

// TestPolicyNotes shows what is tolerated and said.
func TestPolicyNotes(t *testing.T) {
	t.Parallel()
	problems, notes := terraform.Policy{}.Check(fstest.MapFS{"config.tf": {Data: []byte("terraform {\n  backend \"s3\" {}\n}\n")}})
	want := []string{`config.tf:2:3: the state is kept by Baryon: backend "s3" has no effect`}
	if diff := cmp.Diff(want, notes); diff != "" || len(problems) > 0 {
		t.Errorf("problems %q, notes (-want +got):\n%s", problems, diff)
	}
}

// TestModuleSources lists which addresses begin like an allowed one.
func TestModuleSources(t *testing.T) {
	t.Parallel()
	p := terraform.Policy{Modules: []string{"registry.terraform.io/acme/", "github.com/acme/net"}}
	for source, want := range map[string]bool{
		"acme/vpc/aws":                       true,
		"registry.terraform.io/acme/vpc/aws": true,
		"other/vpc/aws":                      false,
		"github.com/acme/net":                true,
		"github.com/acme/net.git":            true,
		"github.com/acme/net//sub?ref=v1":    true,
		"github.com/acme/network":            false,
		"github.com/acme/net/../../x":        false,
		"git::https://github.com/acme/net":   false,
	} {
		problems, _ := p.Check(fstest.MapFS{"main.tf": {Data: []byte("module \"m\" {\n  source = \"" + source + "\"\n}\n")}})
		if got := len(problems) == 0; got != want {
			t.Errorf("%s allowed: %t, want %t (%q)", source, got, want, problems)
		}
	}
}

// TestRefusedCode shows that nothing of refused code is run, and that files no
// folder may hold are refused as everywhere.
func TestRefusedCode(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		e := p.engine(t, nil)
		mark := filepath.Join(p.dir, "mark")
		progress, log := end(t, e, job("one", "data \"external\" \"x\" {\n  program = [\"touch\", \""+mark+"\"]\n}\n"))
		if progress.State != provisioner.Failed || !strings.HasPrefix(progress.Message, "main.tf:1:1: external is not allowed") || log != "" {
			t.Errorf("%s %q, log %q; want it refused", progress.State, progress.Message, log)
		}
		linked := job("two", "")
		linked.Files = fstest.MapFS{"main.tf": {Data: []byte("/etc/passwd"), Mode: fs.ModeSymlink}}
		if progress, _ := end(t, e, linked); progress.State != provisioner.Failed || !strings.Contains(progress.Message, "symbolic link") {
			t.Errorf("%s %q; want the link refused", progress.State, progress.Message)
		}
		if _, err := os.Stat(mark); err == nil {
			t.Error("refused code was run")
		}
	})
}

// TestArguments shows that no variable adds arguments or settings.
func TestArguments(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, here place) {
		j := job("one", `output "x" { value = "plain" }`)
		j.Env = map[string]string{
			"TF_CLI_ARGS": "-no-such-flag", "TF_CLI_ARGS_plan": "-destroy", "TF_CLI_CONFIG_FILE": "/nonexistent", "TF_WORKSPACE": "x", "TF_DATA_DIR": "/nonexistent/x",
		}
		p, log := end(t, here.engine(t, nil), j)
		if p.State != provisioner.Succeeded || p.Outputs["x"] != "plain" {
			t.Errorf("%s %s, outputs %v\n%s", p.State, p.Message, p.Outputs, log)
		}
	})
}

// TestModules shows that what init downloads is held to the policy too.
func TestModules(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		module := filepath.Join(p.dir, "modules", "m")
		if err := os.MkdirAll(module, 0o700); err != nil {
			t.Fatal(err)
		}
		code := "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"id\"\n  }\n}\n"
		if err := os.WriteFile(filepath.Join(module, "main.tf"), []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		use := "module \"m\" {\n  source = \"" + module + "\"\n}\n"
		allow := func(c *terraform.Config) { c.Policy.Modules = []string{filepath.Dir(module) + "/"} }
		progress, log := end(t, p.engine(t, allow), job("one", use))
		if progress.State != provisioner.Failed || !strings.Contains(progress.Message, ".terraform/modules/m/main.tf:2:3: local-exec is not allowed") || strings.Contains(log, "command 2") {
			t.Errorf("%s %q\n%s", progress.State, progress.Message, log)
		}
		both := func(c *terraform.Config) { allow(c); c.Policy.Allow = []string{"local-exec"} }
		if progress, log := end(t, p.engine(t, both), job("two", use)); progress.State != provisioner.Succeeded {
			t.Errorf("allowed: %s %q\n%s", progress.State, progress.Message, log)
		}
	})
}
