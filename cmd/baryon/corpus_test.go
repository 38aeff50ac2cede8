package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"baryon/renderer"
)

// command runs the command line in this process.
func command(ctx context.Context, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err = cmd.ExecuteContext(ctx)
	return out.String(), errs.String(), err
}

// otherSpecs are the specs of bundles that do not lie in spec/spec.yaml beside
// them.
var otherSpecs = map[string]string{
	"cloudformation/loadbalanced-fargate-svc/loadbalanced-fargate-env":                              "cloudformation/loadbalanced-fargate-svc/specs/env-spec.yaml",
	"cloudformation/loadbalanced-fargate-svc/loadbalanced-fargate-svc":                              "cloudformation/loadbalanced-fargate-svc/specs/svc-spec.yaml",
	"cloudformation/public-private-fargate-microservices/microservices-env":                         "cloudformation/public-private-fargate-microservices/specs/env-spec.yaml",
	"cloudformation/public-private-fargate-microservices/microservices-svc/loadbalanced-public-svc": "cloudformation/public-private-fargate-microservices/specs/svc-public-spec.yaml",
	"cloudformation/public-private-fargate-microservices/microservices-svc/private-fargate-svc":     "cloudformation/public-private-fargate-microservices/specs/svc-private-spec.yaml",
	"cloudformation/lambda-multi-svc/lambda-env":                                                    "cloudformation/lambda-multi-svc/specs/env-spec.yaml",
	"cloudformation/lambda-multi-svc/service-crud":                                                  "cloudformation/lambda-multi-svc/specs/svc-spec.yaml",
	"terraform/lambda-vpc/sample-vpc-environment-template":                                          "terraform/specs/env-spec.yml",
}

// corpusOutputs writes a file with every output that a bundle reads.
func corpusOutputs(t *testing.T, dir string) string {
	t.Helper()
	b, _, err := openTemplate(dir)
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]string{"LambdaRuntime": "go1.x", "unused": "x"}
	for _, p := range []renderer.Part{renderer.PartInstance, renderer.PartPipeline, renderer.PartComponent} {
		if b.Parts[p] == nil {
			continue
		}
		for _, name := range b.OutputNames(p) {
			if outputs[name] == "" {
				outputs[name] = "sample"
			}
		}
	}
	data, err := json.Marshal(outputs)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "outputs.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The tools for authors work on every public bundle.
func TestToolsOnCorpus(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the whole corpus is left out of short runs")
	}
	dir := os.Getenv("BARYON_CORPUS")
	if dir == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	for _, name := range []string{"cloudformation", "terraform"} {
		if out, _, err := command(t.Context(), "validate", filepath.Join(dir, name)); err != nil {
			t.Errorf("validate %s: %v\n%s", name, err, out)
		}
	}
	var bundles []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, "/schema/schema.yaml") {
			bundles = append(bundles, path.Dir(path.Dir(name)))
		}
		return err
	})
	if err != nil || len(bundles) != 40 {
		t.Fatal(len(bundles), err)
	}
	for _, name := range append(bundles, "cloudformation/component-templates/s3-bucket-component") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := filepath.Join(dir, name)
			component := strings.Contains(name, "component")
			service := strings.Contains(name, "service-") || strings.Contains(name, "-svc") || strings.Contains(name, "function")
			var spec []string
			for _, file := range []string{path.Join(path.Dir(name), "spec/spec.yaml"), otherSpecs[path.Dir(name)]} {
				if info, err := os.Stat(filepath.Join(dir, file)); err == nil && !info.IsDir() {
					spec = []string{"--spec", filepath.Join(dir, file)}
				}
			}
			spec = append(spec, "--outputs", corpusOutputs(t, at))
			runs := [][]string{{"render", at}, {"diff", at, at}, {"test", at}}
			if !component {
				runs = append(runs, []string{"schema", at}, []string{"schema", at, "--json-schema"})
			}
			if service && !strings.Contains(name, "function") {
				runs = append(runs, []string{"render", at, "--pipeline"})
			}
			for _, args := range runs {
				if args[0] == "render" || args[0] == "diff" {
					args = append(args, spec...)
				}
				out, _, err := command(t.Context(), args...)
				if several, ok := errors.AsType[*severalInstancesError](err); ok {
					args = append(args, "--instance", several.names[0])
					out, _, err = command(t.Context(), args...)
				}
				if err != nil {
					t.Errorf("%v: %v\n%s", args, err, out)
					continue
				}
				if args[0] == "render" && strings.Contains(name, "cloudformation") && !strings.Contains(out, "Resources") {
					t.Errorf("%v printed no template:\n%s", args, out)
				}
			}
			where := "environment.name"
			switch {
			case strings.HasPrefix(name, "cloudformation"):
				where = "Resources"
			case service:
				where = "service_instance.name"
			}
			args := append([]string{"blame", at, where}, spec...)
			_, _, err := command(t.Context(), args...)
			if several, ok := errors.AsType[*severalInstancesError](err); ok {
				_, _, err = command(t.Context(), append(args, "--instance", several.names[0])...)
			}
			if err != nil {
				t.Errorf("%v: %v", args, err)
			}
		})
	}
}
