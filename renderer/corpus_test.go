package renderer

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// corpus gives the folder of public bundles, which lie outside the project.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("BARYON_CORPUS")
	if dir == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	return dir
}

// bundles lists the bundle directories below a root of the corpus.
func bundles(t testing.TB, root string) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, "/schema/schema.yaml") {
			out = append(out, path.Dir(path.Dir(name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCorpusOpens(t *testing.T) {
	dir := corpus(t)
	for root, want := range map[string]int{"cloudformation": 23, "terraform": 17} {
		found := bundles(t, filepath.Join(dir, root))
		if len(found) != want {
			t.Errorf("%s: %d bundles, want %d", root, len(found), want)
		}
		for _, name := range found {
			b, err := Open(os.DirFS(filepath.Join(dir, root, name)), name, Options{})
			if err != nil {
				t.Errorf("%s/%s:\n%v", root, name, err)
				continue
			}
			for _, w := range b.Warnings {
				if !strings.Contains(w.Rule, "ends in .tf") {
					t.Log(w)
				}
			}
		}
	}
}

// specs pairs the spec files of the corpus with the bundles they are for.
func specs(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*/*/spec/spec.yaml"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range found {
			out[spec] = filepath.Join(filepath.Dir(filepath.Dir(spec)), "v1")
		}
	}
	for spec, bundle := range map[string]string{
		"loadbalanced-fargate-svc/specs/env-spec.yaml":                     "loadbalanced-fargate-svc/loadbalanced-fargate-env",
		"loadbalanced-fargate-svc/specs/svc-spec.yaml":                     "loadbalanced-fargate-svc/loadbalanced-fargate-svc",
		"public-private-fargate-microservices/specs/env-spec.yaml":         "public-private-fargate-microservices/microservices-env",
		"public-private-fargate-microservices/specs/svc-public-spec.yaml":  "public-private-fargate-microservices/microservices-svc/loadbalanced-public-svc",
		"public-private-fargate-microservices/specs/svc-private-spec.yaml": "public-private-fargate-microservices/microservices-svc/private-fargate-svc",
		"lambda-multi-svc/specs/env-spec.yaml":                             "lambda-multi-svc/lambda-env",
		"lambda-multi-svc/specs/svc-spec.yaml":                             "lambda-multi-svc/service-crud",
		"specs/env-spec.yml":                                               "lambda-vpc/sample-vpc-environment-template",
	} {
		if file := filepath.Join(root, spec); exists(file) {
			out[file] = filepath.Join(root, bundle, "v1")
		}
	}
	return out
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// Every type is checked against an empty spec, and every part of every spec
// against its type. Of the four types with a required input, three have no
// default for it and refuse an empty spec.
func TestCorpusSpecs(t *testing.T) {
	dir := corpus(t)
	checks := 0
	var refused []string
	for _, root := range []string{filepath.Join(dir, "cloudformation"), filepath.Join(dir, "terraform")} {
		for _, name := range bundles(t, root) {
			b, err := Open(os.DirFS(filepath.Join(root, name)), name, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, typ := range b.Schema.types {
				checks++
				if _, problems := typ.Check(nil, CheckOptions{Strict: true}); problems.Failed() {
					refused = append(refused, name+" "+typ.Name)
				}
			}
		}
		for spec, bundle := range specs(t, root) {
			b, err := Open(os.DirFS(bundle), bundle, Options{})
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(spec)
			if err != nil {
				t.Fatal(err)
			}
			doc, problems := ParseOne(spec, data, Limits{})
			if problems.Failed() {
				t.Fatal(problems)
			}
			check := func(typ *Type, n *Node) {
				checks++
				if _, problems := typ.Check(n, CheckOptions{}); problems.Failed() {
					refused = append(refused, spec+": "+problems.Error())
				}
			}
			if b.Kind == EnvironmentTemplate {
				check(b.Schema.Environment, doc.Get("spec"))
				continue
			}
			check(b.Schema.Pipeline, doc.Get("pipeline"))
			for _, instance := range doc.Get("instances").Items {
				check(b.Schema.Service, instance.Get("spec"))
			}
		}
	}
	if checks < 132 || len(refused) != 3 {
		t.Errorf("%d checks, want 132 or more; %d refused, want 3:\n%s", checks, len(refused), strings.Join(refused, "\n"))
	}
}
