package reconciler_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"baryon/gitsource"
	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/state"
)

// memoryTree is a repository that was never committed.
type memoryTree struct{ fstest.MapFS }

func (m memoryTree) Hash(p string) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(m.MapFS, p, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(m.MapFS, at)
		sum.Write([]byte(at + "\x00"))
		sum.Write(data)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// take copies a folder of the corpus into the tree.
func (m memoryTree) take(t *testing.T, root fs.FS, dir string) {
	t.Helper()
	err := fs.WalkDir(root, dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, p)
		m.MapFS[p] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// corpusSpecs are the specs of bundles that do not have one beside them.
var corpusSpecs = map[string]string{
	"loadbalanced-fargate-svc/loadbalanced-fargate-svc":                              "loadbalanced-fargate-svc/specs/svc-spec.yaml",
	"public-private-fargate-microservices/microservices-svc/loadbalanced-public-svc": "public-private-fargate-microservices/specs/svc-public-spec.yaml",
	"public-private-fargate-microservices/microservices-svc/private-fargate-svc":     "public-private-fargate-microservices/specs/svc-private-spec.yaml",
	"lambda-multi-svc/service-crud":                                                  "lambda-multi-svc/specs/svc-spec.yaml",
}

// corpusWithoutSpec are the bundles of which the corpus has no spec that fits.
var corpusWithoutSpec = map[string]bool{
	"lambda-multi-svc/service-data-processing":   true,
	"lambda-vpc/sample-lambda-function-template": true,
}

func corpusRoots(t *testing.T) []string {
	t.Helper()
	if os.Getenv("BARYON_CORPUS") == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	return []string{"cloudformation", "terraform"}
}

// preview takes a tree over into an empty world and plans everything in it.
func preview(t *testing.T, tree declare.Tree, given reconciler.Given) reconciler.Preview {
	t.Helper()
	p, err := reconciler.TakeOverPreview(t.Context(), tree, reconciler.PreviewConfig{
		Given: given, Repository: "corpus", Settings: reconciler.Settings{Repositories: []reconciler.Repository{{
			Repo: gitsource.Repo{Name: "corpus", URL: "file:///corpus", Branch: "main", Path: "."}, Publish: reconciler.PublishAuto,
			Allow: reconciler.Allow{},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Problems.Failed() {
		t.Fatalf("problems:\n%s", p.Problems)
	}
	return p
}

// TestCorpusRegisters takes each root of the public samples over as it is.
func TestCorpusRegisters(t *testing.T) {
	t.Parallel()
	for _, root := range corpusRoots(t) {
		t.Run(root, func(t *testing.T) {
			t.Parallel()
			tree := memoryTree{fstest.MapFS{}}
			tree.take(t, os.DirFS(filepath.Join(os.Getenv("BARYON_CORPUS"), root)), ".")
			preview(t, tree, nil)
		})
	}
}

// TestCorpusPlans gives each service spec of the public samples a header,
// declares environments of the samples under the names it uses, and renders
// what would be deployed.
func TestCorpusPlans(t *testing.T) {
	t.Parallel()
	for _, root := range corpusRoots(t) {
		files := os.DirFS(filepath.Join(os.Getenv("BARYON_CORPUS"), root))
		bundles, err := fs.Glob(files, "*/*/v1/instance_infrastructure")
		if err != nil {
			t.Fatal(err)
		}
		deep, err := fs.Glob(files, "*/*/*/v1/instance_infrastructure")
		if err != nil || len(bundles) == 0 {
			t.Fatalf("%d bundles, %v", len(bundles), err)
		}
		for _, bundle := range append(bundles, deep...) {
			dir := path.Dir(path.Dir(bundle))
			if corpusWithoutSpec[dir] {
				continue
			}
			t.Run(root+"/"+dir, func(t *testing.T) {
				t.Parallel()
				spec := corpusSpecs[dir]
				if spec == "" {
					spec = dir + "/spec/spec.yaml"
				}
				planCorpus(t, files, dir, spec)
			})
		}
	}
}

var corpusEnvironment = regexp.MustCompile(`(?m)^\s*(?:- )?environment:\s*"?([A-Za-z0-9_-]+)"?`)

func planCorpus(t *testing.T, files fs.FS, dir, specFile string) {
	t.Helper()
	tree := memoryTree{fstest.MapFS{}}
	tree.take(t, files, dir+"/v1")
	compatible, err := fs.ReadFile(files, dir+"/v1/.compatible-envs")
	if err != nil {
		t.Fatal(err)
	}
	template, _, _ := strings.Cut(strings.Fields(string(compatible))[0], ":")
	envDir, envSpec := environmentOfCorpus(t, files, template)
	tree.take(t, files, envDir)
	spec, err := fs.ReadFile(files, specFile)
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string][2]state.Ref{}
	for _, m := range corpusEnvironment.FindAllStringSubmatch(string(spec), -1) {
		documents[m[1]] = [2]state.Ref{state.EnvironmentRef(m[1])}
	}
	if len(documents) == 0 {
		t.Fatalf("%s names no environment", specFile)
	}
	add := func(file, spec string, ref state.Ref, template string) {
		text, err := declare.Import(file, spec, ref, declare.Header{Template: template, Version: "1"})
		if err != nil {
			t.Fatal(err)
		}
		tree.MapFS[file] = &fstest.MapFile{Data: []byte(text)}
	}
	for name := range documents {
		add("environments/"+name+".yaml", envSpec, state.EnvironmentRef(name), template)
	}
	add("services/shop.yaml", string(spec), state.ServiceRef("shop"), path.Base(dir))
	planned := map[state.Kind]int{}
	for _, p := range preview(t, tree, lambdaOutputs(tree, dir, string(spec))).Proposals {
		planned[p.Target.Ref.Kind]++
		if p.Problem != "" || p.Engine == "" || len(p.Diffs) == 0 {
			t.Errorf("%s: engine %q, %d diffs, waits %q, problem: %s", p.Target.Ref, p.Engine, len(p.Diffs), p.Change.Waiting.Why, p.Problem)
		}
	}
	if planned[state.KindEnvironment] != len(documents) || planned[state.KindInstance] == 0 {
		t.Errorf("planned %v with %d environments", planned, len(documents))
	}
	if _, err := fs.Stat(files, dir+"/v1/pipeline_infrastructure"); err == nil && planned[state.KindPipeline] != 1 {
		t.Error("the pipeline was not planned")
	}
}

var corpusInstance = regexp.MustCompile(`(?m)^\s*- name:\s*"?([A-Za-z0-9_-]+)"?`)

// lambdaOutputs are the outputs of instances by which some pipelines choose from
// a map: a placeholder would be in none.
func lambdaOutputs(tree memoryTree, dir, spec string) reconciler.Given {
	pipeline := tree.MapFS[dir+"/v1/pipeline_infrastructure/cloudformation.yaml"]
	if pipeline == nil || !strings.Contains(string(pipeline.Data), "outputs.LambdaRuntime") {
		return nil
	}
	given := reconciler.Given{}
	for _, m := range corpusInstance.FindAllStringSubmatch(spec, -1) {
		given[state.InstanceRef("shop", m[1])] = map[string]string{"LambdaRuntime": "ruby2.7"}
	}
	return given
}

// environmentOfCorpus finds the bundle of an environment template, and a spec
// that comes with it.
func environmentOfCorpus(t *testing.T, files fs.FS, template string) (dir, spec string) {
	t.Helper()
	for _, pattern := range []string{"*/" + template + "/v1", "*/*/" + template + "/v1"} {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			dir = found[0]
		}
	}
	if dir == "" {
		t.Fatalf("the corpus has no environment template %s", template)
	}
	above := path.Dir(dir)
	for _, at := range []string{above + "/spec/spec.yaml", path.Dir(above) + "/specs/env-spec.yaml", path.Dir(path.Dir(above)) + "/specs/env-spec.yaml"} {
		if data, err := fs.ReadFile(files, at); err == nil {
			return dir, string(data)
		}
	}
	t.Fatalf("no spec for %s", dir)
	return "", ""
}
