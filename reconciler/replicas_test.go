package reconciler

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"baryon/gitsource"
	"baryon/provisioner"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
	"baryon/state/pgtest"
)

// A moving source is a folder whose commits are numbered.
type moving struct {
	folderSource

	mu     sync.Mutex
	tree   declare.Tree
	commit int
}

func (m *moving) push(files fstest.MapFS) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tree, m.commit = gitsource.NewFolder(maps.Clone(files)), m.commit+1
}

func (m *moving) Head(context.Context, gitsource.Repo) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprint("commit ", m.commit), nil
}

func (m *moving) Tree(context.Context, gitsource.Repo, string) (declare.Tree, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tree, nil
}

// A census engine ends each job at its third call, and counts those between
// their first call and their end.
type censusEngine struct {
	mu    sync.Mutex
	calls map[string]int
	most  int
}

func (e *censusEngine) Apply(_ context.Context, job provisioner.Job) (provisioner.Progress, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls[job.ID]++
	open := 0
	for _, n := range e.calls {
		if n < 3 {
			open++
		}
	}
	e.most = max(e.most, open)
	if e.calls[job.ID] < 3 {
		return provisioner.Progress{State: provisioner.Running, Again: time.Millisecond}, nil
	}
	return provisioner.Progress{State: provisioner.Succeeded}, nil
}

func (e *censusEngine) Cancel(context.Context, provisioner.Job) error { return nil }

// TestReplicasTogether runs two loops on one PostgreSQL. Together they keep the
// limit on work at once, go back to a past deployment, and follow an ops file.
func TestReplicasTogether(t *testing.T) {
	dsn := pgtest.Start(t)
	w := &world{t: t, files: fstest.MapFS{}}
	w.writeNet()
	w.write("web/v1/schema/schema.yaml", `schema:
  format: {openapi: "3.0.0"}
  service_input_type: In
  types: {In: {type: object, properties: {count: {type: integer, default: 1}}}}
`)
	w.write("web/v1/instance_infrastructure/manifest.yaml", "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: [\"echo {{ service_instance.inputs.count }}\"], deprovision: [echo]}\n")
	w.write("web/v1/.compatible-envs", "net:1\n")
	const limit, environments = 2, 8
	refs := make([]state.Ref, environments)
	all := func(size string) {
		for i := range refs {
			refs[i] = w.environment(fmt.Sprint("e", i), "", size)
		}
	}
	all("small")
	source, engine := &moving{}, &censusEngine{calls: map[string]int{}}
	source.push(w.files)
	ctx, stop := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	defer ended.Wait()
	defer stop()
	loops := make([]*Reconciler, 2)
	for i := range loops {
		store, err := state.Open(t.Context(), state.Config{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		w.store = store
		loops[i], err = New(Config{
			Store: store, Source: source, Host: fmt.Sprint("host", i), Engines: map[renderer.Engine]Engine{renderer.EngineCodeBuild: engine},
			Settings: Settings{
				Workers: 4, Limits: Limits{Engines: map[string]int{"codebuild": limit}}, Resync: time.Second,
				Repositories: []Repository{{Repo: gitsource.Repo{Name: "main", Branch: "main"}, Publish: PublishAuto, Interval: time.Second}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ended.Go(func() {
			if err := loops[i].Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	until := func(what string, ref state.Ref, ok func(state.Target) bool) state.Target {
		t.Helper()
		poll := time.NewTicker(10 * time.Millisecond)
		defer poll.Stop()
		for deadline := time.Now().Add(2 * time.Minute); ; <-poll.C {
			got, err := w.store.Target(t.Context(), ref)
			if err == nil && ok(got) {
				return got
			}
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %s: %+v, %v", what, got, err)
			}
		}
	}
	generation := func(n int64) func(state.Target) bool {
		return func(got state.Target) bool { return got.Status == state.Succeeded && got.Deployed.Generation == n }
	}
	for _, ref := range refs {
		until("a first deployment", ref, generation(1))
	}
	first, err := w.store.LastDeployment(t.Context(), refs[0])
	if err != nil {
		t.Fatal(err)
	}
	all("big")
	w.write("shop.yaml", "proton: ServiceSpec\nbaryon: {service: shop, template: web, version: \"1\"}\ninstances: []\n")
	w.write("spec.yaml", "proton: ServiceSpec\ninstances:\n  - {name: eu, environment: e1, spec: {count: 7}}\n")
	w.write("proton-ops.yaml", "sync:\n  services:\n    shop:\n      eu: {branch: main, spec: spec.yaml}\n")
	source.push(w.files)
	for _, ref := range refs {
		until("a second deployment", ref, generation(2))
	}
	until("the instance of the ops file", state.InstanceRef("shop", "eu"), generation(1))
	w.do(w.store.Rollback(t.Context(), "ada", refs[0], first.ID, "too big"))
	if got := until("the rollback", refs[0], generation(3)); got.Deployed.Output != first.Output || got.Desired.Held == nil {
		t.Errorf("rolled back to %+v, held by %+v; want the output of %+v", got.Deployed, got.Desired.Held, first)
	}
	engine.mu.Lock()
	defer engine.mu.Unlock()
	if want := 2*environments + 2; len(engine.calls) != want || engine.most > limit {
		t.Errorf("%d jobs, at most %d at once; want %d, and no more than %d at once", len(engine.calls), engine.most, want, limit)
	}
}
