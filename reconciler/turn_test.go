package reconciler

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/state"
)

// manySources are repositories by name; one that is missing cannot be read.
type manySources map[string]folderSource

func (m manySources) Head(_ context.Context, repo gitsource.Repo) (string, error) {
	if _, ok := m[repo.Name]; !ok {
		return "", errors.New("no route to host")
	}
	return "commit of " + repo.Name, nil
}

func (m manySources) Tree(ctx context.Context, repo gitsource.Repo, commit string) (declare.Tree, error) {
	return m[repo.Name].Tree(ctx, repo, commit)
}

func (m manySources) Commit(context.Context, gitsource.Repo, string) (gitsource.Commit, error) {
	return gitsource.Commit{}, nil
}

func (m manySources) Descends(context.Context, gitsource.Repo, string, string) (bool, error) {
	return true, nil
}

func (m manySources) Differences(context.Context, gitsource.Repo, string, string, int) ([]gitsource.Difference, bool, error) {
	return nil, false, nil
}

// TestFirstClaims lets two repositories claim one environment and visits them in
// either order: the one that is configured first has it.
func TestFirstClaims(t *testing.T) {
	start := func(t *testing.T) (*world, manySources) {
		w := newWorld(t, Settings{})
		w.environment("dev", "", "one")
		one := folderSource{gitsource.NewFolder(maps.Clone(w.files))}
		w.environment("dev", "", "two")
		two := folderSource{gitsource.NewFolder(maps.Clone(w.files))}
		sources := manySources{"one": one, "two": two}
		w.loop.cfg.Source = sources
		s := w.loop.current()
		all := Allow{Kinds: []string{"*"}, Environments: []string{"*"}, Templates: []string{"*"}}
		s.Repositories = nil
		for _, name := range []string{"one", "two"} {
			s.Repositories = append(s.Repositories, Repository{Repo: gitsource.Repo{Name: name}, Publish: PublishAuto, Allow: all})
		}
		w.do(w.loop.Configure(t.Context(), s))
		return w, sources
	}
	visit := func(w *world, name string) {
		w.t.Helper()
		w.do(w.store.Wake(w.t.Context(), state.RepositoryRef(name)))
		for {
			claims, err := w.store.Claim(w.t.Context(), "me", 1)
			if err != nil || len(claims) == 0 {
				w.t.Fatalf("%s is not due: %v", name, err)
			}
			f := state.Finish{Claim: claims[0], Due: w.now.Add(time.Hour)}
			if claims[0].Ref == state.RepositoryRef(name) {
				f = w.loop.visit(w.t.Context(), claims[0], "me")
			}
			w.do(w.store.Finish(w.t.Context(), []state.Finish{f}))
			if claims[0].Ref == state.RepositoryRef(name) {
				return
			}
		}
	}
	dev := state.EnvironmentRef("dev")
	for name, order := range map[string][]string{"first one": {"one", "two"}, "first two": {"two", "two", "one", "two"}} {
		t.Run(name, func(t *testing.T) {
			w, _ := start(t)
			for _, repo := range order {
				visit(w, repo)
			}
			if got := w.target(dev).Owner; got.Repository != "one" {
				t.Errorf("dev belongs to %s", got)
			}
			two, err := w.store.Sync(t.Context(), "two")
			if err != nil || two.Problems != 2 || two.Error != "" {
				t.Errorf("the second claims, of the template and the environment, came to %+v, %v", two, err)
			}
		})
	}
	t.Run("one cannot be read", func(t *testing.T) {
		w, sources := start(t)
		delete(sources, "one")
		visit(w, "one")
		visit(w, "two")
		if _, err := w.store.Target(t.Context(), dev); !isMissing(err) {
			t.Errorf("dev was taken over before its time: %v", err)
		}
		if s, err := w.store.Sync(t.Context(), "two"); err != nil || s.Error == "" {
			t.Errorf("nothing says why two is not read: %+v, %v", s, err)
		}
		w.now = w.now.Add(firstRead + time.Second)
		visit(w, "two")
		if got := w.target(dev).Owner; got.Repository != "two" {
			t.Errorf("dev belongs to %s", got)
		}
		if s, err := w.store.Sync(t.Context(), "two"); err != nil || s.Error != "" {
			t.Errorf("two was read, and says %+v, %v", s, err)
		}
	})
}
