// Package looptest gives tests of other packages a loop that runs: over a real
// repository, with engines that have done everything as soon as they are asked
// to. It is imported by tests alone.
package looptest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"baryon/gitsource"
	"baryon/provisioner"
	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A Loop runs until the test ends.
type Loop struct {
	*reconciler.Reconciler

	store *state.Store
	head  func() string
}

type gitTrees struct{ *gitsource.Client }

func (g gitTrees) Tree(ctx context.Context, repo gitsource.Repo, commit string) (declare.Tree, error) {
	return g.Client.Tree(ctx, repo, commit)
}

// promptly is an engine that never takes time.
type promptly struct{}

func (promptly) Apply(context.Context, provisioner.Job) (provisioner.Progress, error) {
	return provisioner.Progress{State: provisioner.Succeeded}, nil
}

func (promptly) Cancel(context.Context, provisioner.Job) error { return nil }

// Start runs a loop that follows the branch main of a repository, which it calls
// main. head tells where that branch is.
func Start(t *testing.T, store *state.Store, repo reconciler.Repository, head func() string) *Loop {
	t.Helper()
	client, err := gitsource.New(gitsource.Config{Dir: filepath.Join(t.TempDir(), "mirrors")})
	if err != nil {
		t.Fatal(err)
	}
	repo.Name, repo.Branch, repo.Publish = "main", "main", reconciler.PublishAuto
	pulls, err := gitsource.NewPulls(gitsource.ForgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pulls.Close)
	r, err := reconciler.New(reconciler.Config{
		Store: store, Source: gitTrees{client}, Writer: client, Pulls: pulls, Host: "here",
		Settings: reconciler.Settings{Repositories: []reconciler.Repository{repo}, Deletions: 100},
		Engines:  map[renderer.Engine]reconciler.Engine{renderer.EngineCodeBuild: promptly{}, renderer.EngineCloudFormation: promptly{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.Run(ctx) })
	t.Cleanup(func() {
		stop()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		client.Close()
	})
	return &Loop{Reconciler: r, store: store, head: head}
}

// Settle waits until the branch is taken over and everything is deployed that
// waits for no person.
func (l *Loop) Settle(t *testing.T) {
	t.Helper()
	var why string
	Until(t, func() bool {
		why = l.unsettled(t)
		return why == ""
	}, func() string { return why })
}

func (l *Loop) unsettled(t *testing.T) string {
	t.Helper()
	sync, err := l.store.Sync(t.Context(), "main")
	if head := l.head(); err != nil || sync.Seen != head || sync.Recheck && sync.Problems == 0 {
		if err := l.store.Wake(t.Context(), state.RepositoryRef("main")); err != nil {
			t.Fatal(err)
		}
		l.Wake()
		return "the repository is at " + sync.Seen + " and not at " + head + " " + sync.Error
	}
	targets, err := l.store.Targets(t.Context(), state.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range targets {
		asked := x.Asked.Redeploy.Generation == x.Generation
		if x.Desired.Deleted && x.Waiting.Reason != state.WaitGuard || x.Deployed.Generation != x.Generation || x.Status != state.Succeeded || asked {
			return x.Ref.String() + " is " + string(x.Status) + " " + x.Message + " and waits: " + x.Waiting.Why
		}
	}
	return ""
}

// Until waits for a condition; why says what is missing when it takes too long.
func Until(t *testing.T, done func() bool, why func() string) {
	t.Helper()
	end := time.Now().Add(2 * time.Minute)
	for !done() {
		if time.Now().After(end) {
			t.Fatalf("it takes too long: %s", why())
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the test has ended")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
