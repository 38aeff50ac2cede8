package lint_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"baryon/renderer"
	"baryon/renderer/lint"
)

// The public bundles deploy, so nothing may be found in them but warnings.
func TestCorpusIsFoundGood(t *testing.T) {
	dir := os.Getenv("BARYON_CORPUS")
	if dir == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	l := &lint.Linter{Parse: parse, Renderer: renderer.New(renderer.Config{}), Environments: map[string]lint.Outputs{}}
	var bundles []*renderer.Bundle
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "/schema/schema.yaml") {
			return err
		}
		at := path.Dir(path.Dir(name))
		b, err := renderer.Open(os.DirFS(filepath.Join(dir, at)), at, renderer.Options{})
		if err != nil {
			return err
		}
		bundles = append(bundles, b)
		if b.Kind == renderer.EnvironmentTemplate && strings.HasPrefix(at, "cloudformation/") {
			l.Environments[path.Base(path.Dir(at))+":1"], err = l.Outputs(t.Context(), b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(bundles) != 40 {
		t.Errorf("%d bundles, want 40", len(bundles))
	}
	for _, b := range bundles {
		problems, err := l.Bundle(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if !p.Warning {
				t.Error(p)
			} else {
				t.Log(p)
			}
		}
	}
}
