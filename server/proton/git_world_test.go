package proton_test

import (
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"baryon/gitsource/gittest"
	"baryon/reconciler"
	"baryon/reconciler/looptest"
	"baryon/server/proton"
	"baryon/state"
)

// A gitWorld is a world whose loop runs and follows a repository.
type gitWorld struct {
	*world

	git    *looptest.Loop
	remote *gittest.Repo
	forge  *gittest.Forge // of a world with pull requests
}

// platform is the repository of the worlds on a forge.
const platform = "acme/platform"

// newForgeWorld is a gitWorld whose repository is on a host with pull requests,
// where changes are written back in a way.
func newForgeWorld(t *testing.T, way string, files map[string]string) *gitWorld {
	t.Helper()
	gittest.RequireGit(t)
	forge, err := gittest.NewForge(t.TempDir(), "ghp_canary")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(forge)
	t.Cleanup(server.Close)
	forge.Base = server.URL
	repo := reconciler.Repository{OwnerConflict: reconciler.ConflictWriteBack, WriteBack: way, Interval: time.Second}
	repo.URL, repo.API, repo.Auth.TokenFile = server.URL+"/"+platform+".git", server.URL+"/api/v3", gittest.SecretFile(t, forge.Token)
	return startGitWorld(t, &gitWorld{remote: gittest.NewRepo(t, filepath.Join(forge.Dir, "acme", "platform.git")), forge: forge}, repo, files)
}

// newGitWorld is a world over a repository with the templates net and web and the
// given files, once all of it is deployed.
func newGitWorld(t *testing.T, repo reconciler.Repository, files map[string]string) *gitWorld {
	t.Helper()
	return startGitWorld(t, &gitWorld{remote: gittest.NewRepo(t, filepath.Join(t.TempDir(), "remote.git"))}, repo, files)
}

func startGitWorld(t *testing.T, w *gitWorld, repo reconciler.Repository, files map[string]string) *gitWorld {
	t.Helper()
	all := maps.Clone(gitTemplates)
	maps.Copy(all, files)
	w.remote.Commit(t, "main", "All of it", all)
	w.world = newWorld(t, func(cfg *proton.Config) {
		if repo.URL == "" {
			repo.URL = w.remote.Dir
		}
		w.git = looptest.Start(t, cfg.Store, repo, func() string { return w.remote.Head(t, "main") })
		cfg.Loop, cfg.Wake = w.git.Reconciler, w.git.Wake
	})
	w.settled(t)
	return w
}

// settled waits until the branch is taken over and everything is deployed.
func (w *gitWorld) settled(t *testing.T) {
	t.Helper()
	w.git.Settle(t)
}

// merge merges a pull request, and waits until that is known.
func (w *gitWorld) merge(t *testing.T, number int, squash bool) {
	t.Helper()
	if err := w.forge.Merge(platform, number, squash); err != nil {
		t.Fatal(err)
	}
	w.ended(t, number)
}

// reject closes a pull request without merging it, and waits until that is known.
func (w *gitWorld) reject(t *testing.T, number int) {
	t.Helper()
	w.forge.Reject(platform, number)
	w.ended(t, number)
}

// ended waits until pull requests of a number are known to be open no more; with 0
// all of them.
func (w *gitWorld) ended(t *testing.T, number int) {
	t.Helper()
	var open []state.PullRequest
	looptest.Until(t, func() bool {
		all, err := w.store.OpenPullRequests(t.Context(), "main")
		if err != nil {
			t.Fatal(err)
		}
		open = slices.DeleteFunc(all, func(p state.PullRequest) bool { return number != 0 && p.Number != number })
		if len(open) > 0 {
			w.look(t)
		}
		return len(open) == 0
	}, func() string { return open[0].Ref.String() + " " + open[0].Trouble })
	w.settled(t)
}

// look has the repository looked at, as a hook does.
func (w *gitWorld) look(t *testing.T) {
	t.Helper()
	if err := w.store.Wake(t.Context(), state.RepositoryRef("main")); err != nil {
		t.Fatal(err)
	}
	w.git.Wake()
}

// show is a file on the branch, empty when it is not there.
func (w *gitWorld) show(branch, path string) string {
	text, err := gittest.TryGit(w.remote.Dir, "show", branch+":"+path)
	if err != nil {
		return ""
	}
	return text
}

// blockers are what active blockers are on.
func (w *gitWorld) blockers(t *testing.T) []string {
	t.Helper()
	all, err := w.store.Blockers(t.Context(), "", "", state.BlockerActive, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var refs []string
	for _, b := range all {
		refs = append(refs, b.Ref().String())
	}
	slices.Sort(refs)
	return refs
}

const gitManifest = "infrastructure:\n  templates:\n    - {rendering_engine: codebuild, settings: {provision: [echo], deprovision: [echo]}}\n"

func gitSchema(inputs string) string {
	return "schema:\n  format: {openapi: \"3.0.0\"}\n" + inputs + "  types:\n    In: {type: object, properties: {size: {type: string, default: a}, note: {type: string}}}\n"
}

// gitTemplates are the environment template net and the service template web, which has a pipeline.
var gitTemplates = map[string]string{ //nolint:gochecknoglobals // a constant
	"net/v1/schema/schema.yaml":                    gitSchema("  environment_input_type: In\n"),
	"net/v1/infrastructure/manifest.yaml":          gitManifest,
	"web/v1/.template-registration.yaml":           "compatible_environments: [\"net:1\"]\nsupported_component_sources: [DIRECTLY_DEFINED]\n",
	"web/v1/schema/schema.yaml":                    gitSchema("  service_input_type: In\n  pipeline_input_type: In\n"),
	"web/v1/instance_infrastructure/manifest.yaml": gitManifest,
	"web/v1/pipeline_infrastructure/manifest.yaml": gitManifest,
}

// gitEnvironment and gitService are documents.
func gitEnvironment(name string) string {
	return "# Of " + name + ".\nproton: EnvironmentSpec\nbaryon: {environment: " + name + ", template: net, version: \"1\"} # ours\nspec: {size: a}\n"
}

func gitService(name string, instances ...string) string {
	var b strings.Builder
	b.WriteString("proton: ServiceSpec\nbaryon:\n  service: " + name + "\n  template: web\n  version: \"1\"\n  repository: {id: acme/" + name + ", branch: main}\n" +
		"pipeline: {size: a}\ninstances:\n")
	for _, i := range instances {
		b.WriteString("  - name: " + i + "   # in prod\n    environment: prod\n    spec: {size: a}\n")
	}
	return b.String()
}
