package declare_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func TestOnlyWhatChangedIsReadAgain(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		".baryonignore": "/old/\n", "old/x.yaml": prod, "README.md": "Hello.",
		"a.yaml": prod, "b.yaml": strings.ReplaceAll(prod, "prod", "dev"), "broken.yaml": "baryon:\n", "plain.yaml": "a: 1\n",
	}
	known := kept(t, read(t, files, nil, declare.Options{}))
	files["b.yaml"] = strings.ReplaceAll(prod, "prod", "staging")
	files["c.yaml"] = strings.ReplaceAll(prod, "prod", "new")
	delete(files, "plain.yaml")
	tree := newTree(files)
	got, err := declare.Read(t.Context(), tree, known, declare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"b.yaml": 1, "c.yaml": 1}, tree.reads); diff != "" {
		t.Errorf("files read (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(describe(read(t, files, nil, declare.Options{})), describe(got)); diff != "" {
		t.Errorf("with and without what is known (-without +with):\n%s", diff)
	}
	stale := known["a.yaml"]
	stale.Rules--
	known["a.yaml"] = stale
	tree = newTree(files)
	if _, err = declare.Read(t.Context(), tree, known, declare.Options{}); err != nil || tree.reads["a.yaml"] != 1 {
		t.Errorf("a file known by other rules was read %d times, %v; want once", tree.reads["a.yaml"], err)
	}
}

func TestLimitOfInstances(t *testing.T) {
	t.Parallel()
	text := "proton: ServiceSpec\nbaryon: {service: s, template: t, version: \"1\"}\ninstances:\n"
	for i := range 21 {
		text += fmt.Sprintf("  - {name: i%d, environment: e}\n", i)
	}
	files := map[string]string{"s.yaml": text}
	want := "s.yaml:24:5: the service has too many instances, got 21, want at most 20"
	if d := read(t, files, nil, declare.Options{}); !strings.Contains(d.Problems.Error(), want) {
		t.Errorf("problems = %q, want %q", d.Problems, want)
	}
	if d := read(t, files, nil, declare.Options{MaxInstances: 21}); len(d.Documents) != 1 || len(d.Documents[0].Instances) != 21 {
		t.Errorf("documents = %+v, %s; want all instances", d.Documents, d.Problems)
	}
}

func TestFindingsAboutASpecAreLocatedInItsFile(t *testing.T) {
	t.Parallel()
	d := read(t, map[string]string{"x.yaml": "a: 1\n---\n# c\nproton: EnvironmentSpec\nbaryon: {environment: e,\n  template: t, version: \"1\"}\nspec:\n  size: 1\n---\n" +
		"{proton: EnvironmentSpec, baryon: {environment: f, template: t, version: \"1\"}, spec: {size: 1}}\n"}, nil, declare.Options{})
	if len(d.Documents) != 2 {
		t.Fatalf("documents = %+v, %s", d.Documents, d.Problems)
	}
	for i, want := range []string{"x.yaml:8:9: rule", "x.yaml:10:93: rule"} {
		doc := d.Documents[i]
		root, problems := renderer.ParseOne("spec", []byte(doc.Spec), renderer.Limits{})
		if problems.Failed() {
			t.Fatal(problems)
		}
		at := root.Get("spec").Get("size").Problem("rule", "", "", "")
		if got := doc.Locate(renderer.Problems{at})[0].String(); got != want {
			t.Errorf("located %q, want %q", got, want)
		}
	}
	if got, want := d.Documents[0].Problem("template", "rule", "", "", "").String(), "x.yaml:6:13: rule"; got != want {
		t.Errorf("a finding about the template is at %q, want %q", got, want)
	}
	if got, want := d.Documents[0].Problem("role", "rule", "", "", "").String(), "x.yaml:5:1: rule"; got != want {
		t.Errorf("a finding about a key that is not there is at %q, want %q", got, want)
	}
}

// onDisk is a Tree over a folder, with symbolic links as they are.
type onDisk struct{ fs.FS }

func (onDisk) Hash(name string) (string, error) { return name, nil }

func TestLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		full := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		full := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.Symlink(to, full)); err != nil {
			t.Fatal(err)
		}
	}
	write("real.yaml", prod)
	write("bundle/v1/infrastructure/manifest.yaml", "")
	link("real.yaml", "copy.yaml")
	link("/etc/hostname", "host.yaml")
	link(".", "loop")
	link("/etc", "bundle/v1/schema")
	link("bundle/v1", "linked")
	link("../bundle/v1", "other/v1")
	link("/dev/null", "sub/.baryonignore")
	d, err := declare.Read(t.Context(), onDisk{os.DirFS(dir)}, nil, declare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := `bundle bundle/v1: environment template bundle, major 1
environment/prod at real.yaml:2:1: template t, version 1
  | proton: EnvironmentSpec
`
	for _, name := range []string{"copy.yaml", "host.yaml", "linked", "loop", "other/v1", "sub/.baryonignore"} {
		want += "ignored " + name + ": a symbolic link or submodule is not followed\n"
	}
	want = strings.Replace(want, "ignored sub/", "document real.yaml: environment/prod\nignored sub/", 1)
	if diff := cmp.Diff(want, describe(d)); diff != "" {
		t.Errorf("declared (-want +got):\n%s", diff)
	}
}

// failing is a Tree whose disk fails at one path.
type failing struct {
	*tree

	at string
}

var errDisk = errors.New("input/output error")

func (f failing) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == f.at {
		return nil, errDisk
	}
	return f.tree.ReadDir(name)
}

func (f failing) ReadFile(name string) ([]byte, error) {
	if name == f.at {
		return nil, errDisk
	}
	return f.tree.ReadFile(name)
}

func (f failing) Open(name string) (fs.File, error) {
	if name == f.at {
		return nil, errDisk
	}
	return f.tree.Open(name)
}

func (f failing) Hash(name string) (string, error) {
	if "hash "+name == f.at {
		return "", errDisk
	}
	return f.tree.Hash(name)
}

func TestAFailingTreeFailsTheReading(t *testing.T) {
	t.Parallel()
	for _, at := range []string{
		".", "env", "env/v1", "env/v1/schema", "env/v1/spec", "hash env/v1", "sub/a.yaml", "hash sub/a.yaml",
		"sub/.baryonignore", "sub/files", "large.yaml",
	} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			_, err := declare.Read(t.Context(), failing{newTree(map[string]string{
				"env/v1/schema/schema.yaml": "", "env/v1/spec/spec.yaml": "", "sub/a.yaml": "baryon: {component: c, environment: e, files: files}\n",
				"sub/.baryonignore": "", "sub/files/manifest.yaml": "", "large.yaml": strings.Repeat("a: 1\n", 300_000),
			}), at}, nil, declare.Options{})
			if !errors.Is(err, errDisk) {
				t.Errorf("err = %v, want %v", err, errDisk)
			}
			if err != nil && !strings.Contains(err.Error(), strings.TrimPrefix(at, "hash ")) {
				t.Errorf("err = %v, want it to name %s", err, at)
			}
		})
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := declare.Read(ctx, newTree(map[string]string{"a.yaml": prod}), nil, declare.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want %v", err, context.Canceled)
	}
}
