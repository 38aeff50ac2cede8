package reconciler

import (
	"context"
	"strings"
	"testing"
	"time"

	"baryon/gitsource"
	"baryon/state"
)

func TestLinked(t *testing.T) {
	t.Parallel()
	s := Settings{
		Links: []Link{{Provider: "GITHUB_ENTERPRISE", Name: "acme/inner", Repository: Repository{Repo: gitsource.Repo{URL: "ssh://git@git.acme.example/acme/inner"}}}},
		Repositories: []Repository{
			{Repo: gitsource.Repo{URL: "https://github.com/acme/platform.git", Auth: gitsource.Auth{TokenEnv: "T"}}},
			{Repo: gitsource.Repo{URL: "git@github.com:acme/other.git"}}, {Repo: gitsource.Repo{URL: "/srv/git/acme/local.git"}},
			{Repo: gitsource.Repo{URL: "https://evil.example/acme/spoof"}},
		},
	}
	for name, tt := range map[string]struct{ provider, name, want string }{
		"named in links":           {"GITHUB_ENTERPRISE", "Acme/Inner", "ssh://git@git.acme.example/acme/inner"},
		"a configured repository":  {"GITHUB", "acme/platform", "https://github.com/acme/platform.git"},
		"of Git's short form":      {"GITHUB", "acme/other", "git@github.com:acme/other.git"},
		"a local copy":             {"BITBUCKET", "acme/local", "/srv/git/acme/local.git"},
		"on the provider's host":   {"BITBUCKET", "acme/x", "https://bitbucket.org/acme/x.git"},
		"not the one of elsewhere": {"GITHUB", "acme/spoof", "https://github.com/acme/spoof.git"},
		"of an unknown server":     {"GITHUB_ENTERPRISE", "acme/nowhere", ""},
	} {
		if got, err := s.Linked(tt.provider, tt.name); got.URL != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: %q, %v, want %q", name, got.URL, err, tt.want)
		}
	}
}

// commitOf is a folder that is called a commit.
type commitOf struct {
	folderSource
	commit string
}

func (c commitOf) Head(context.Context, gitsource.Repo) (string, error) { return c.commit, nil }

// configure writes or takes away a sync configuration and follows it.
func (w *world) configure(c state.SyncConfig, gone bool) {
	w.t.Helper()
	c.Provider, c.Link = "GITHUB", "acme/platform"
	w.do(w.store.Update(w.t.Context(), state.Fence{}, func(tx *state.Tx) error { return tx.PutSyncConfig(c, gone) }))
	w.now = w.now.Add(time.Hour)
	w.loop.cfg.Source = commitOf{folderSource{gitsource.NewFolder(w.files)}, w.now.String()}
	w.pass()
}

func (w *world) lastAttempt(subject string) state.SyncAttempt {
	w.t.Helper()
	found, err := w.store.SyncAttempts(w.t.Context(), subject, "", 1)
	w.do(err)
	if len(found) == 0 {
		w.t.Fatalf("nothing was tried for %s", subject)
	}
	return found[0]
}

func TestTemplateSyncConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	for from, file := range map[string]string{"net/v1/schema/schema.yaml": "a/box/v1/schema/schema.yaml", "net/v1/infrastructure/manifest.yaml": "a/box/v1/infrastructure/manifest.yaml"} {
		w.write(file, string(w.files[from].Data))
	}
	w.write("env.yaml", "proton: EnvironmentSpec\nbaryon: {environment: e, template: box, version: \"1\"}\nspec: {}\n")
	w.do(w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		return tx.PutTemplate(state.Template{Kind: state.KindEnvironment, Name: "box", DisplayName: "Box"})
	}))
	c := state.SyncConfig{Kind: state.KindEnvironment, Name: "box", Branch: "main"}
	w.configure(c, false)
	v, err := w.store.TemplateVersion(t.Context(), state.KindEnvironment, "box", state.Version{Major: 1})
	if err != nil || v.Status != state.Draft || v.Origin.Repository != "sync:environment-template:box" {
		t.Fatalf("%+v, %v", v, err)
	}
	if a := w.lastAttempt(state.MajorSubject(state.KindEnvironment, "box", 1)); a.Status != state.SyncSucceeded {
		t.Errorf("%+v", a)
	}
	if _, err := w.store.Target(t.Context(), state.EnvironmentRef("e")); !isMissing(err) {
		t.Errorf("a template sync declares an environment: %v", err)
	}

	// A bundle that is broken is told, and the version before stays.
	w.write("a/box/v1/infrastructure/manifest.yaml", "nonsense: 1\n")
	w.configure(c, false)
	if a := w.lastAttempt(state.MajorSubject(state.KindEnvironment, "box", 1)); a.Status != state.SyncFailed || !strings.Contains(a.Events[0].Text, "nonsense") {
		t.Errorf("%+v", a)
	}

	// One that is not there is told for the repository.
	c.Name = "nosuch"
	w.configure(c, false)
	if a := w.lastAttempt("repository/" + c.Repository()); a.Status != state.SyncFailed || !strings.Contains(a.Events[0].Text, "there is no folder nosuch/vMAJOR") {
		t.Errorf("%+v", a)
	}
}

func TestServiceSyncConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	w.write("web/v1/schema/schema.yaml", strings.Replace(string(w.files["net/v1/schema/schema.yaml"].Data), "environment_input_type", "service_input_type", 1))
	w.write("web/v1/instance_infrastructure/manifest.yaml", strings.Replace(string(w.files["net/v1/infrastructure/manifest.yaml"].Data), "environment.inputs.size", "service_instance.name", 1))
	w.write("web/v1/.template-registration.yaml", "compatible_environments: [\"net:1\"]\n")
	w.environment("dev", "", "big")
	w.push()
	w.do(w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		return tx.PutService(state.Service{Name: "shop", Template: "web", Follow: "1"})
	}))
	w.write("ops.yaml", "sync: {services: {shop: {one: {branch: main, spec: shop.spec}}, other: {x: {branch: main, spec: x}}}}\n")
	w.write("shop.spec", "proton: ServiceSpec\ninstances: [{name: one, environment: dev, spec: {size: a}}, {name: two, environment: dev, spec: {}}]\n")
	c := state.SyncConfig{Kind: state.KindInstance, Name: "shop", Branch: "main", Path: "ops.yaml"}
	w.configure(c, false)
	one := state.InstanceRef("shop", "one")
	if got := w.target(one); got.Owner.Repository != "sync:service:shop" || got.Status != state.Succeeded {
		t.Fatalf("%+v", got)
	}
	if _, err := w.store.Target(t.Context(), state.InstanceRef("shop", "two")); !isMissing(err) {
		t.Errorf("an instance that the ops file does not name: %v", err)
	}
	w.configure(c, true)
	if got := w.target(one); got.Desired.Orphaned == "" || got.Desired.Deleted {
		t.Errorf("without the configuration: %+v", got.Desired)
	}
	c.Path = "nosuch.yaml"
	w.configure(c, false)
	if a := w.lastAttempt("repository/" + c.Repository()); a.Status != state.SyncFailed || !strings.Contains(a.Events[0].Text, "there is no YAML file nosuch.yaml") {
		t.Errorf("%+v", a)
	}
}
