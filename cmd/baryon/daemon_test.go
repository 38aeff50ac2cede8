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

// TestDemo tells the demo's stories in this process and leaves no goroutine behind.
func TestDemo(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	tellDemo(t, func(s *story) { s.chapters = s.shell() },
		"environment/dev is up on web-env 1.0", "environment/dev followed to web-env 1.1", "environment/prod is pinned and stays on web-env 1.0",
		"refused: environments/dev.yaml:", "environment/staging, of the same push, is up", "all as told")
}

// The same story, by stacks in a simulated account.
func TestDemoOnAWS(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	tellDemo(t, func(s *story) { s.chapters = s.shell(); s.withAWS() },
		"the account is simulated", "environment/dev followed to web-env 1.1",
		"service/shop/service-instance/canary failed: Processes (AWS::SSM::Parameter) failed: Resource handler returned message:",
		"the stack service-shop-instance-canary is gone", "all as told")
}

func TestDemoWithTerraform(t *testing.T) { demoWith(t, "terraform") }

func TestDemoWithTofu(t *testing.T) { demoWith(t, "tofu") }

func demoWith(t *testing.T, name string) {
	t.Helper()
	file := program(t, name)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	tellDemo(t, func(s *story) {
		if err := s.withTerraform(t.Context(), file); err != nil {
			t.Fatal(err)
		}
	}, name+" ", "environment/dev is up on net-env 1.0: Cidr=10.0.0.0/16", "the plan: 5 to create", "replaced terraform_data.network because of triggers_replace",
		"correcting drift: terraform_data.network", "the plan: 0 to create, 0 to update, 0 to replace, 1 to delete",
		"service/shop/service-instance/prod is gone", "all as told")
}

func tellDemo(t *testing.T, choose func(*story), lines ...string) {
	t.Helper()
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s := &story{out: &out, began: time.Now()}
	choose(s)
	if err := demo(ctx, t.TempDir(), "127.0.0.1:0", true, s); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, line := range lines {
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
