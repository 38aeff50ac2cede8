package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"baryon/gitsource"
	"baryon/gitsource/githost"
	"baryon/reconciler"
	"baryon/state"
)

func mapFiles(files map[string]string) fs.FS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return m
}

// TestDemo tells the demo's story in this process and leaves no goroutine behind.
func TestDemo(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := demo(ctx, t.TempDir(), "127.0.0.1:0", true, format{}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, line := range []string{
		"environment/dev is up on web-env 1.0", "environment/dev followed to web-env 1.1", "environment/prod is pinned and stays on web-env 1.0",
		"refused: environments/dev.yaml:", "environment/staging, of the same push, is up", "all as told",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("the demo did not tell %q:\n%s", line, out.String())
		}
	}
}

// TestCorpusEnvironmentsRegister pushes each root of the public sample bundles,
// one at a time, and looks at what became of every environment template.
func TestCorpusEnvironmentsRegister(t *testing.T) {
	corpus := os.Getenv("BARYON_CORPUS")
	if corpus == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	for _, root := range []string{"cloudformation", "terraform"} {
		t.Run(root, func(t *testing.T) {
			store := synced(t, os.DirFS(filepath.Join(corpus, root)))
			ctx := context.Background()
			templates, err := store.Templates(ctx, state.KindEnvironment)
			if err != nil || len(templates) == 0 {
				t.Fatalf("%d environment templates, err %v", len(templates), err)
			}
			for _, template := range templates {
				versions, err := store.TemplateVersions(ctx, state.KindEnvironment, template.Name)
				if err != nil {
					t.Fatal(err)
				}
				registered := slices.ContainsFunc(versions, func(v state.TemplateVersion) bool { return v.Status == state.Draft })
				if !registered {
					t.Errorf("%s: %+v", template.Name, versions)
				}
			}
			t.Logf("%d environment templates", len(templates))
		})
	}
}

// synced runs a daemon on a repository until it has taken it over once.
func synced(t *testing.T, files fs.FS) *state.Store {
	t.Helper()
	dir := t.TempDir()
	host, err := githost.New(githost.Config{Dir: filepath.Join(dir, "git")})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Create("samples"); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Commit("samples", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "samples", Files: files}); err != nil {
		t.Fatal(err)
	}
	cfg := defaultConfig()
	cfg.Listen, cfg.Data = "127.0.0.1:0", filepath.Join(dir, "data")
	cfg.Settings.Repositories = []reconciler.Repository{{Repo: gitsource.Repo{Name: "samples", URL: filepath.Join(dir, "git", "samples.git"), Path: "."}}}
	d := startDaemon(t, cfg)
	waitSync(t, d, func(v state.Sync) bool { return v.Commit != "" })
	return d.store
}
