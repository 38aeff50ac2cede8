package declare_test

import (
	"context"
	"testing"

	"baryon/reconciler/declare"
	"baryon/renderer"
)

func read(t *testing.T, files map[string]string, known map[string]declare.File, o declare.Options) *declare.Declaration {
	t.Helper()
	d, err := declare.Read(context.Background(), newTree(files), known, o)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return d
}

func TestReadGivesBundlesAndDocuments(t *testing.T) {
	t.Parallel()
	d := read(t, map[string]string{
		"web-env/v1/schema/schema.yaml":           "schema: {}\n",
		"web-env/v1/infrastructure/manifest.yaml": "infrastructure: {}\n",
		"environments/prod.yaml":                  "proton: EnvironmentSpec\nbaryon: {environment: prod, template: web-env, version: 1.10}\nspec: {}\n",
	}, nil, declare.Options{})
	if err := d.Problems.Err(); err != nil {
		t.Fatalf("problems: %v", err)
	}
	if len(d.Bundles) != 1 || d.Bundles[0].Dir != "web-env/v1" || d.Bundles[0].Template != "web-env" || d.Bundles[0].Major != 1 {
		t.Errorf("bundles = %+v", d.Bundles)
	}
	if len(d.Documents) != 1 {
		t.Fatalf("documents = %+v, want one", d.Documents)
	}
	got := d.Documents[0]
	if got.Ref.String() != "environment/prod" || got.Header.Version != "1.10" || got.Spec != "proton: EnvironmentSpec\nspec: {}\n" {
		t.Errorf("document = %+v", got)
	}
	where := got.Locate(renderer.Problems{{Line: 2, Column: 1}})[0]
	if where.File != "environments/prod.yaml" || where.Line != 3 || where.Column != 1 {
		t.Errorf("line 2 of the spec is found at %s:%d:%d, want line 3", where.File, where.Line, where.Column)
	}
}
