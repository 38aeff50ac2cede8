package declare_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"baryon/reconciler/declare"
	"baryon/state"
)

func TestImport(t *testing.T) {
	t.Parallel()
	simple := declare.Header{Template: "web-env", Version: "1"}
	full := declare.Header{
		Template: "yes", Version: "1.10", Labels: map[string]string{"stage": "on", "it's \"so\"": "\x7f\u2028é"}, Protected: true, Approval: true,
		Adopt: true, Description: "two\nlines", Role: "arn:aws:iam::000000000042:role/x", CodebuildRole: "b", ComponentRole: "c",
		ExternalID: "a:b", Region: "eu-west-1", Account: "000000000042", RerunSafe: true, Repository: state.Repository{ID: "acme/infra", Branch: "main"},
		Imports: map[string]string{"Bucket": "on", "Route": `{"CidrBlock":"10.0.0.0/8","RouteTableId":"rtb-1"}`},
	}
	spec := "proton: EnvironmentSpec\nspec: {}\n"
	service := "proton: ServiceSpec\ninstances:\n" + strings.Repeat("  - {name: x, environment: e}\n", 1)
	for name, tt := range map[string]struct {
		ref    state.Ref
		header declare.Header
		spec   string
		want   string
	}{
		"an environment": {
			state.EnvironmentRef("prod"), simple, "# mine\n" + spec,
			"baryon:\n  environment: prod\n  template: web-env\n  version: \"1\"\n# mine\n" + spec,
		},
		"everything that a header can say": {
			state.EnvironmentRef("123"), full, spec,
			`baryon:
  environment: "123"
  template: "yes"
  version: "1.10"
  description: "two\nlines"
  labels: {"it's \"so\"": "\x7f\u2028\u00e9", stage: "on"}
  imports: {Bucket: "on", Route: {CidrBlock: "10.0.0.0/8", RouteTableId: "rtb-1"}}
  protected: true
  approval: required
  adopt: true
  role: "arn:aws:iam::000000000042:role/x"
  codebuildRole: b
  componentRole: c
  externalId: "a:b"
  account: "000000000042"
  region: eu-west-1
  rerun: safe
  repository: {name: acme/infra, branch: main}
` + spec,
		},
		"a service": {
			state.ServiceRef("shop"), declare.Header{Template: "t", Version: "2", Pins: map[string]state.Follow{"x": "2.1"},
				InstanceImports: map[string]map[string]string{"x": {"*": ""}}, PipelineImports: map[string]string{"A": "b"},
				Repository: state.Repository{ID: "acme/shop", Branch: "main", Connection: "arn:x"}}, service,
			"baryon:\n  service: shop\n  template: t\n  version: \"2\"\n  pins: {x: \"2.1\"}\n  imports: {x: existing}\n  pipelineImports: {A: \"b\"}\n  repository: {id: acme/shop, branch: main, connection: \"arn:x\"}\n" + service,
		},
		"a component that is attached": {
			state.ComponentRef("c"), declare.Header{Service: "shop", Instance: "x", Files: "files/c"}, service,
			"baryon:\n  component: c\n  service: shop\n  instance: x\n  files: ../files/c\n" + service,
		},
		"a component without a spec": {
			state.ComponentRef("c"), declare.Header{Environment: "prod", Files: "made/c"}, "",
			"baryon:\n  component: c\n  environment: prod\n  files: ./c\n",
		},
		"a marker": {
			state.EnvironmentRef("prod"), simple, "---\n" + spec,
			"---\nbaryon:\n  environment: prod\n  template: web-env\n  version: \"1\"\n" + spec,
		},
		"a directive, a comment and an end": {
			state.EnvironmentRef("prod"), simple, "# top\n%YAML 1.1\n---\n" + spec + "...\n",
			"# top\n%YAML 1.1\n---\nbaryon:\n  environment: prod\n  template: web-env\n  version: \"1\"\n" + spec + "...\n",
		},
		"a byte order mark and lines of Windows": {
			state.EnvironmentRef("prod"), simple, "\ufeffproton: EnvironmentSpec\r\nspec: {}",
			"\ufeffbaryon:\r\n  environment: prod\r\n  template: web-env\r\n  version: \"1\"\r\nproton: EnvironmentSpec\r\nspec: {}",
		},
		"an indented spec": {
			state.EnvironmentRef("prod"), simple, "  proton: EnvironmentSpec\n  spec: {}\n",
			"  baryon:\n    environment: prod\n    template: web-env\n    version: \"1\"\n  proton: EnvironmentSpec\n  spec: {}\n",
		},
		"JSON": {
			state.EnvironmentRef("prod"), simple, "{\n  \"proton\": \"EnvironmentSpec\"\n}\n",
			"{\"baryon\": {\"environment\": prod, \"template\": web-env, \"version\": \"1\"}, \n  \"proton\": \"EnvironmentSpec\"\n}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := declare.Import("made/x.yaml", tt.spec, tt.ref, tt.header)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			files := map[string]string{"made/x.yaml": got, "files/c/manifest.yaml": "", "made/c/manifest.yaml": ""}
			d := read(t, files, nil, declare.Options{})
			if len(d.Documents) != 1 || d.Documents[0].Ref != tt.ref {
				t.Fatalf("it declares %+v, %s", d.Documents, d.Problems)
			}
			if diff := cmp.Diff(tt.header, d.Documents[0].Header, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	simple := declare.Header{Template: "t", Version: "1"}
	for name, tt := range map[string]struct {
		ref    state.Ref
		header declare.Header
		spec   string
		want   string
	}{
		"two documents":               {state.EnvironmentRef("e"), simple, "a: 1\n---\nb: 1\n", "x.yaml:3:1: the spec holds more than one document, got 2 documents, want one"},
		"a document of ours":          {state.EnvironmentRef("e"), simple, "---\n" + prod, "x.yaml:3:1: the spec has the key baryon already"},
		"a mistake, at its line":      {state.EnvironmentRef("e"), simple, "proton: EnvironmentSpec\nspec: []\n", "x.yaml:2:7: spec must be a mapping"},
		"no YAML":                     {state.EnvironmentRef("e"), simple, "# c\n---\na: [\n", "x.yaml:3:"},
		"a name that is not allowed":  {state.EnvironmentRef("a b"), simple, "proton: EnvironmentSpec\n", "x.yaml: the name of an environment has a form that is not allowed"},
		"another kind of spec":        {state.ServiceRef("s"), simple, "proton: EnvironmentSpec\n", "proton is of another kind"},
		"a key of another kind":       {state.ServiceRef("s"), declare.Header{Template: "t", Version: "1", Role: "r"}, "proton: ServiceSpec\ninstances: []\n", `the header of a service has no key "role"`},
		"a mapping beside the marker": {state.EnvironmentRef("e"), simple, "--- proton: EnvironmentSpec\nspec: {}\n", "x.yaml"},
		"a list":                      {state.EnvironmentRef("e"), simple, "- proton\n", "x.yaml"},
		"a text":                      {state.EnvironmentRef("e"), simple, "proton\n", "x.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := declare.Import("x.yaml", tt.spec, tt.ref, tt.header)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q\n%s", err, tt.want, got)
			}
		})
	}
}

// TestImportUndoesReading takes every document of the worlds apart and puts it
// together again.
func TestImportUndoesReading(t *testing.T) {
	t.Parallel()
	worlds, err := filepath.Glob("testdata/worlds/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, name := range worlds {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := fromArchive(archive)
		delete(files, expectation)
		for _, d := range read(t, files, nil, declare.Options{}).Documents {
			text, err := declare.Import(d.Path, d.Spec, d.Ref, d.Header)
			if err != nil {
				t.Errorf("%s: %s: %v\n%s", name, d.Ref, err, d.Spec)
			}
			again := read(t, map[string]string{d.Path: text}, nil, declare.Options{}).Documents
			if d.Header.Health != nil && (len(again) != 1 || !cmp.Equal(d.Header.Health, again[0].Header.Health)) {
				t.Errorf("%s: %s: read again, its health is %s", name, d.Ref, text)
			}
			count++
		}
	}
	if count < 15 {
		t.Errorf("only %d documents were tried", count)
	}
}
