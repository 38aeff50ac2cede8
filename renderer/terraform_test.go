package renderer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/renderer/jinja"
)

// everyInput fills what any part reads, with values that are hard to write.
func everyInput() Inputs {
	hard := dict("a", "q\"\\\n\t\x01 ${x} %{y} ü </x>", "n", int64(1), "f", 2.5, "t", true, "z", nil,
		"list", []any{"a", dict("k", []any{})}, "empty", jinja.NewDict(), "a-b", "c", "with space", "d")
	environment := Environment{Name: "prod", AccountID: "123456789012", Inputs: hard, Outputs: map[string]string{"B": "2", "A": "1"}}
	return Inputs{
		ARN: "arn:aws:proton:us-east-1:123456789012:x/y", Environment: environment,
		Service:         Service{Name: "shop", RepositoryID: "acme/shop", RepositoryConnectionARN: "arn:c", BranchName: "main"},
		ServiceInstance: ServiceInstance{Name: "eu", Inputs: hard, Component: &AttachedComponent{Name: "bucket", Outputs: map[string]string{"Arn": "arn:b"}}},
		Instances:       []PipelineInstance{{Name: "eu", Inputs: hard, Outputs: map[string]string{"U": "u"}, Environment: environment}, {Name: "us"}},
		Pipeline:        Pipeline{Inputs: hard}, Component: Component{Name: "bucket", Attached: true},
		Tags: []Setting{{"proton:account", "123456789012"}},
	}
}

func terraform(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("terraform")
	if err != nil {
		if strings.Contains(","+os.Getenv("BARYON_REQUIRE")+",", ",terraform,") {
			t.Fatal("terraform is not on PATH, and BARYON_REQUIRE names it")
		}
		t.Skip("terraform is not on PATH")
	}
	return path
}

// Generated files must pass terraform fmt -check, which automation on the
// users' side runs, and must be read back as they were meant.
func TestTerraformFormat(t *testing.T) {
	t.Parallel()
	bin := terraform(t)
	for _, p := range []Part{PartEnvironment, PartInstance, PartPipeline, PartComponent} {
		dir := t.TempDir()
		for name, data := range map[string][]byte{
			VariablesFile(p): []byte(declarations(p)),
			"inputs.tfvars":  hclVariables(everyInput().Namespace(p)),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.CommandContext(t.Context(), bin, "fmt", "-check", "-diff", dir).Output(); err != nil {
			t.Errorf("%s: terraform fmt: %v\n%s", p, err, out)
		}
	}
}

func TestTerraformReadsInputs(t *testing.T) {
	t.Parallel()
	bin := terraform(t)
	for name, vars := range map[string][]byte{
		"x.auto.tfvars": hclVariables(everyInput().Namespace(PartEnvironment)),
		VariablesJSON:   variableValues(PartEnvironment, everyInput()),
	} {
		dir := t.TempDir()
		files := map[string][]byte{
			name: vars, "v.tf": []byte(declarations(PartEnvironment)),
			"o.tf": []byte("output \"a\" {\n  value = var.environment.inputs.a\n}\noutput \"list\" {\n  value = jsonencode(var.environment.inputs.list)\n}\n"),
		}
		for file, data := range files {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		runTerraform(t, bin, dir, "init", "-input=false", "-backend=false")
		runTerraform(t, bin, dir, "apply", "-input=false", "-auto-approve", "-no-color")
		var got struct {
			A    struct{ Value string }
			List struct{ Value string }
		}
		if err := json.Unmarshal(runTerraform(t, bin, dir, "output", "-json"), &got); err != nil {
			t.Fatal(err)
		}
		if want := "q\"\\\n\t\x01 ${x} %{y} ü </x>"; got.A.Value != want {
			t.Errorf("%s: terraform reads %q, want %q", name, got.A.Value, want)
		}
		if want := `["a",{"k":[]}]`; got.List.Value != want {
			t.Errorf("%s: terraform reads %s, want %s", name, got.List.Value, want)
		}
	}
}

func runTerraform(t *testing.T, bin, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("terraform %v: %v\n%s%s", args, err, out, exit.Stderr)
	}
	return out
}

// The values of every part fit the variables that are declared for it.
func TestTerraformTakesEveryPart(t *testing.T) {
	t.Parallel()
	bin := terraform(t)
	in := everyInput()
	in.ServiceInstance.Inputs = dict("port", int64(80), "image", "x")
	for i := range in.Instances {
		in.Instances[i].Inputs = dict("image", fmt.Sprint(i), "port", int64(i))
	}
	for _, p := range []Part{PartInstance, PartPipeline, PartComponent} {
		dir := t.TempDir()
		b := &Bundle{Parts: map[Part]*Manifest{p: {Engine: EngineTerraform, Template: "*"}}, files: map[string]File{}}
		for name, f := range terraformFiles(b, p, in) {
			if err := os.WriteFile(filepath.Join(dir, name), f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		runTerraform(t, bin, dir, "init", "-input=false", "-backend=false")
		runTerraform(t, bin, dir, "plan", "-input=false", "-no-color")
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	m := Metadata{DeploymentID: "d-1", ResourceARN: "arn:r", TemplateARN: "arn:t", TemplateMajorVersion: "1", TemplateMinorVersion: "10", EnvironmentARN: "arn:e"}
	if diff := cmp.Diff(`{
  "deploymentId" : "d-1",
  "isResourceDeleted" : false,
  "resourceMetadata" : {
    "arn" : "arn:r",
    "templateArn" : "arn:t",
    "templateMajorVersion" : "1",
    "templateMinorVersion" : "10",
    "environmentArn" : "arn:e"
  }
}`, string(m.JSON(PartInstance))); diff != "" {
		t.Error(diff)
	}
	m.Deleted = true
	if got := string(m.JSON(PartEnvironment)); !strings.Contains(got, `"deploymentId" : "<proton-resource-deleted>",`) || !strings.Contains(got, `"isResourceDeleted" : true`) || strings.Contains(got, "environmentArn") {
		t.Errorf("deleted environment: %s", got)
	}
	if got := string(m.JSON(PartComponent)); !strings.Contains(got, `"componentMetadata" : {`) || !strings.Contains(got, `"componentType" : "default"`) {
		t.Errorf("component: %s", got)
	}
}

func TestMarkDeleted(t *testing.T) {
	t.Parallel()
	b := &Bundle{Parts: map[Part]*Manifest{PartEnvironment: {Engine: EngineTerraform, Template: "*"}},
		files: map[string]File{"infrastructure/main.tf": {Data: []byte("# code\n")}}}
	files := terraformFiles(b, PartEnvironment, Inputs{ARN: "arn:x*/ resource \"evil\" \"y\" {}"})
	if got := string(files["main.tf"].Data); strings.Count(got, "*/") != 1 {
		t.Errorf("an ARN ended the comment: %s", got)
	}
	files = terraformFiles(b, PartEnvironment, Inputs{ARN: "arn:x"})
	want := "/*\nThis file is no longer managed by AWS Proton. The associated resource has been deleted in Proton.\n*/\n\n# code\n"
	if got := string(MarkDeleted(files["main.tf"].Data)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := string(MarkDeleted([]byte("# mine\n"))); got != "# mine\n" {
		t.Errorf("another file was changed to %q", got)
	}
}

// The example values of the corpus are written as AWS Proton wrote them.
func TestCorpusVariables(t *testing.T) {
	root := filepath.Join(corpus(t), "terraform")
	for _, name := range []string{"fargate-env", "vpc-env"} {
		dir := filepath.Join(root, "environment-templates", name)
		b, err := Open(os.DirFS(filepath.Join(dir, "v1")), name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		spec, err := os.ReadFile(filepath.Join(dir, "spec", "spec.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		doc, problems := ParseOne("spec.yaml", spec, Limits{})
		if problems.Failed() {
			t.Fatal(problems)
		}
		values, problems := b.Schema.Environment.Check(doc.Get("spec"), CheckOptions{Strict: true})
		if problems.Failed() {
			t.Fatal(problems)
		}
		want, err := os.ReadFile(filepath.Join(dir, "dev-resources", VariablesJSON))
		if err != nil {
			t.Fatal(err)
		}
		got := prettyJSON(Inputs{Environment: Environment{Name: name, Inputs: values}}.Namespace(PartEnvironment))
		if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, part := range []string{"pipeline", "instance"} {
		want, err := os.ReadFile(filepath.Join(root, "service-templates", "scheduled-ecs-ec2-svc", "dev-resources", part, VariablesJSON))
		if err != nil {
			t.Fatal(err)
		}
		values := jinja.NewDict()
		if err := json.Unmarshal(want, values); err != nil {
			t.Fatal(err)
		}
		// The example writes one empty map without the space that all others have.
		text := strings.ReplaceAll(strings.TrimSpace(string(want)), "{}", "{ }")
		if diff := cmp.Diff(text, string(prettyJSON(values))); diff != "" {
			t.Errorf("%s: %s", part, diff)
		}
	}
}

// Everything that is generated, as the golden files have it, is in the layout of
// terraform fmt, header and all.
func TestGeneratedFilesAreFormatted(t *testing.T) {
	t.Parallel()
	bin := terraform(t)
	kinds := map[string]bool{}
	worlds, err := filepath.Glob("testdata/*terraform*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range worlds {
		dir := t.TempDir()
		for _, f := range readWorld(t, file).archive.Files {
			name, ok := strings.CutPrefix(f.Name, "want/files/")
			if !ok || !strings.HasSuffix(name, ".tf") {
				continue
			}
			if kind, ok := strings.CutSuffix(name, ".variables.tf"); ok {
				kinds[kind] = true
			}
			if err := os.WriteFile(filepath.Join(dir, name), f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.CommandContext(t.Context(), bin, "fmt", "-check", "-diff", dir).Output(); err != nil {
			t.Errorf("%s: terraform fmt: %v\n%s", file, err, out)
		}
	}
	for _, p := range []Part{PartEnvironment, PartInstance, PartPipeline, PartComponent} {
		if kind := "proton." + string(p); !kinds[kind] {
			t.Errorf("no golden file has %s.variables.tf", kind)
		}
	}
}
