package reconciler

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
	"baryon/reconciler/declare"
	"baryon/state"
	"baryon/state/pgtest"
)

// A dying process does a number of calls to what is outside of it, and dies: the
// last one is done and its answer never heard, or not even done. From then on
// nothing of it happens any more.
type dying struct {
	source Source
	writer Writer
	pulls  Pulls

	left int  // calls until it dies
	done bool // whether the last one is done
	dead bool
	what string // the call that it died of
}

var errUnheard = &gitsource.Error{Op: "any", Kind: gitsource.KindUnreachable, Err: errors.New("killed")}

// call does one call, or dies.
func (m *dying) call(what string, do func() error) error {
	if m.dead {
		return errUnheard
	}
	if m.left--; m.left != 0 {
		return do()
	}
	m.dead, m.what = true, what
	if m.done {
		_ = do() // nobody hears of it
	}
	return errUnheard
}

func (m *dying) Head(ctx context.Context, repo gitsource.Repo) (head string, err error) {
	err = m.call("head", func() (err error) { head, err = m.source.Head(ctx, repo); return err })
	return head, err
}

func (m *dying) Tree(ctx context.Context, repo gitsource.Repo, commit string) (tree declare.Tree, err error) {
	err = m.call("tree", func() (err error) { tree, err = m.source.Tree(ctx, repo, commit); return err })
	return tree, err
}

func (m *dying) Commit(ctx context.Context, repo gitsource.Repo, commit string) (gitsource.Commit, error) {
	return m.source.Commit(ctx, repo, commit)
}

func (m *dying) Descends(ctx context.Context, repo gitsource.Repo, older, newer string) (bool, error) {
	return m.source.Descends(ctx, repo, older, newer)
}

func (m *dying) Differences(ctx context.Context, repo gitsource.Repo, before, after string, most int) ([]gitsource.Difference, bool, error) {
	return m.source.Differences(ctx, repo, before, after, most)
}

func (m *dying) Push(ctx context.Context, repo gitsource.Repo, c gitsource.Change) (commit string, err error) {
	err = m.call("push", func() (err error) { commit, err = m.writer.Push(ctx, repo, c); return err })
	return commit, err
}

func (m *dying) Pull(ctx context.Context, repo gitsource.Repo, number int) (p gitsource.Pull, err error) {
	err = m.call("pull", func() (err error) { p, err = m.pulls.Pull(ctx, repo, number); return err })
	return p, err
}

func (m *dying) PutPull(ctx context.Context, repo gitsource.Repo, text gitsource.PullText) (p gitsource.Pull, err error) {
	err = m.call("put", func() (err error) { p, err = m.pulls.PutPull(ctx, repo, text); return err })
	return p, err
}

func (m *dying) ClosePull(ctx context.Context, repo gitsource.Repo, text gitsource.PullText) (p gitsource.Pull, err error) {
	err = m.call("close", func() (err error) { p, err = m.pulls.ClosePull(ctx, repo, text); return err })
	return p, err
}

type realTrees struct{ *gitsource.Client }

func (g realTrees) Tree(ctx context.Context, repo gitsource.Repo, commit string) (declare.Tree, error) {
	return g.Client.Tree(ctx, repo, commit)
}

// pullWorld is a world whose repository is on a forge, where changes are written
// back as pull requests.
func pullWorld(t *testing.T, dsn string) (*world, *gittest.Forge) {
	t.Helper()
	gittest.RequireGit(t)
	w := newWorld(t, Settings{})
	if dsn != "" {
		store, err := state.Open(t.Context(), state.Config{DSN: dsn, Now: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		w.store = store
	}
	w.environment("dev", "", "small")
	forge, err := gittest.NewForge(t.TempDir(), "ghp_canary")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(forge)
	t.Cleanup(server.Close)
	forge.Base = server.URL
	gittest.NewRepo(t, filepath.Join(forge.Dir, "acme", "platform.git")).Commit(t, "main", "All of it", texts(w.files))
	client, err := gitsource.New(gitsource.Config{Dir: filepath.Join(t.TempDir(), "mirrors")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	pulls, err := gitsource.NewPulls(gitsource.ForgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pulls.Close)
	w.loop = w.newLoop(Settings{})
	repo := &w.loop.settings.Repositories[0]
	repo.Repo = gitsource.Repo{Name: "main", URL: server.URL + "/acme/platform.git", API: server.URL + "/api/v3", Branch: "main", Auth: gitsource.Auth{TokenFile: gittest.SecretFile(t, forge.Token)}}
	repo.OwnerConflict, repo.WriteBack = ConflictWriteBack, WriteBackPull
	w.loop.cfg.Source, w.loop.cfg.Writer, w.loop.cfg.Pulls = realTrees{client}, client, pulls
	w.do(w.store.Wake(t.Context(), state.RepositoryRef("main")))
	w.pass()
	return w, forge
}

// looks has the repository looked at, a few times.
func (w *world) looks() {
	w.t.Helper()
	for range 2 {
		w.now = w.now.Add(time.Hour)
		w.do(w.store.Wake(w.t.Context(), state.RepositoryRef("main")))
		w.pass()
	}
}

// TestPullRequestsOfKilledDaemons kills the daemon at each of its calls, with the
// call done and not done. The next one goes on, whether its caller asks again or
// not, and there is one pull request, with one commit, in the end.
func TestPullRequestsOfKilledDaemons(t *testing.T) {
	t.Parallel()
	dev, spec := state.EnvironmentRef("dev"), "proton: EnvironmentSpec\nspec: {size: wide}\n"
	a := Amendment{Ref: dev, Actor: "ann", Call: "UpdateEnvironment", Spec: &spec}
	w, forge := pullWorld(t, "")
	alive := w.loop.cfg
	what := ""
	for at, again := 1, true; again; at++ {
		for _, done := range []bool{true, false} {
			if !done && what != "push" && what != "put" {
				continue // it only reads
			}
			name := fmt.Sprintf("call %d, done %v", at, done)
			m := &dying{source: alive.Source, writer: alive.Writer, pulls: alive.Pulls, left: at, done: done}
			w.loop.cfg.Source, w.loop.cfg.Writer, w.loop.cfg.Pulls = m, m, m
			before := forge.Count("acme/platform")
			size := fmt.Sprintf("s%d%v", at, done)
			spec = "proton: EnvironmentSpec\nspec: {size: " + size + "}\n"
			_, err := w.loop.WriteBack(t.Context(), a, Terms{})
			again, what = m.dead, m.what
			if kept, readErr := w.store.OpenPullRequests(t.Context(), "main"); readErr != nil || len(kept) == 0 && err == nil {
				t.Errorf("%s: it was answered, and nothing is kept", name)
			}
			w.loop.cfg.Source, w.loop.cfg.Writer, w.loop.cfg.Pulls = alive.Source, alive.Writer, alive.Pulls
			if err != nil || done { // its caller asks again
				problems, err := w.loop.WriteBack(t.Context(), a, Terms{})
				w.do(errors.Join(problems.Err(), err))
			}
			w.looks()
			number := forge.Count("acme/platform")
			if number != before+1 {
				t.Fatalf("%s: %d pull requests were opened, want 1", name, number-before)
			}
			branch := forge.Branch("acme/platform", number)
			log := gittest.Git(t, filepath.Join(forge.Dir, "acme", "platform.git"), "log", "--format=%an", "main.."+branch)
			if _, _, state, _ := forge.Look("acme/platform", number); state != "open" || log != "ann" {
				t.Errorf("%s: it is %s, with commits of %q", name, state, log)
			}
			w.do(forge.Merge("acme/platform", number, number%2 == 0))
			w.looks()
			if got := w.target(dev); !strings.Contains(got.Deployed.Spec, size) || got.Asked.Pull.Status != state.PullMerged {
				t.Errorf("%s: in the end %q is deployed, and its pull request is %+v", name, got.Deployed.Spec, got.Asked.Pull)
			}
		}
		if at > 30 {
			t.Fatal("it never ends")
		}
	}
	t.Logf("%d pull requests", forge.Count("acme/platform"))
}

// pullStub is a host that answers what it is told to.
type pullStub struct {
	err   error
	calls int
}

func (p *pullStub) Pull(context.Context, gitsource.Repo, int) (gitsource.Pull, error) {
	p.calls++
	return gitsource.Pull{Number: 1, Open: true}, p.err
}

func (p *pullStub) PutPull(context.Context, gitsource.Repo, gitsource.PullText) (gitsource.Pull, error) {
	p.calls++
	return gitsource.Pull{Number: 1, Open: true}, p.err
}

func (p *pullStub) ClosePull(context.Context, gitsource.Repo, gitsource.PullText) (gitsource.Pull, error) {
	return gitsource.Pull{}, p.err
}

// A host that asks to be left alone is.
func TestPullRequestsHeedLimits(t *testing.T) {
	t.Parallel()
	w, _ := pullWorld(t, "")
	spec := "proton: EnvironmentSpec\nspec: {size: wide}\n"
	stub := &pullStub{err: &gitsource.Error{Op: "pull request", Kind: gitsource.KindRateLimited, Wait: 10 * time.Minute}}
	w.loop.cfg.Pulls = stub
	_, err := w.loop.WriteBack(t.Context(), Amendment{Ref: state.EnvironmentRef("dev"), Actor: "ann", Call: "UpdateEnvironment", Spec: &spec}, Terms{})
	w.do(err)
	look := func(after time.Duration) int {
		w.now, stub.calls = w.now.Add(after), 0
		w.do(w.store.Wake(t.Context(), state.RepositoryRef("main")))
		w.pass()
		return stub.calls
	}
	if n := look(time.Second); n != 1 {
		t.Errorf("the first look asked %d times", n)
	}
	if n := look(5 * time.Minute); n != 0 {
		t.Errorf("it was asked %d times although it said ten minutes", n)
	}
	if status, why := w.target(state.EnvironmentRef("dev")).Shown(); status != state.InProgress || !strings.Contains(why, "rate limited") {
		t.Errorf("meanwhile it shows %s %q", status, why)
	}
	stub.err = nil
	if n := look(6 * time.Minute); n != 2 {
		t.Errorf("after ten minutes it was asked %d times", n)
	}
}

// Two daemons that are asked for the same at once keep one pull request.
func TestPullRequestsOfReplicas(t *testing.T) {
	t.Parallel()
	w, forge := pullWorld(t, pgtest.Start(t))
	other := w.newLoop(Settings{})
	other.settings, other.cfg = w.loop.settings, w.loop.cfg
	ended := make(chan error)
	for i, r := range []*Reconciler{w.loop, other, w.loop, other} {
		spec := fmt.Sprintf("proton: EnvironmentSpec\nspec: {size: s%d}\n", i/2)
		go func() {
			problems, err := r.WriteBack(t.Context(), Amendment{Ref: state.EnvironmentRef("dev"), Actor: "ann", Call: "UpdateEnvironment", Spec: &spec}, Terms{})
			ended <- errors.Join(problems.Err(), err)
		}()
	}
	for range 4 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	w.looks()
	all, err := w.store.PullRequests(t.Context(), true, 10)
	if err != nil || len(all) != 1 || forge.Count("acme/platform") != 1 || all[0].Pushed != len(all[0].Changes) {
		t.Errorf("%d pull requests, kept are %+v, %v", forge.Count("acme/platform"), all, err)
	}
}
