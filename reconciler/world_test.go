package reconciler

import (
	"context"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"baryon/gitsource"
	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"
)

// A world is a repository, a store with a clock, an engine that ends what it is
// told to, and the loop over them, driven pass by pass.
type world struct {
	t     *testing.T
	files fstest.MapFS
	now   time.Time
	store *state.Store
	loop  *Reconciler

	mu      sync.Mutex
	running map[string]bool   // jobs that go on until they are ended
	hold    bool              // whether new jobs go on
	outputs map[string]string // of every job that succeeds
	applied []string          // job ids in the order they were first seen
}

// Apply is the engine of the world.
func (w *world) Apply(_ context.Context, job provisioner.Job) (provisioner.Progress, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.running[job.ID]; !known {
		w.running[job.ID] = w.hold
		w.applied = append(w.applied, job.ID)
	}
	if w.running[job.ID] {
		return provisioner.Progress{State: provisioner.Running, Again: time.Hour}, nil
	}
	return provisioner.Progress{State: provisioner.Succeeded, Outputs: maps.Clone(w.outputs)}, nil
}

// Cancel is never needed here.
func (w *world) Cancel(context.Context, provisioner.Job) error { return nil }

const worldStart = "2026-11-02T09:00:00Z"

// newWorld is a world whose template net has an environment_input_type with a
// size, and runs one command.
func newWorld(t *testing.T, s Settings) *world {
	t.Helper()
	start, err := time.Parse(time.RFC3339, worldStart)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: start, running: map[string]bool{}, files: fstest.MapFS{}}
	w.writeNet()
	if w.store, err = state.Open(t.Context(), state.Config{DSN: filepath.Join(t.TempDir(), "baryon.db"), Now: w.clock, Scratch: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.loop = w.newLoop(s)
	return w
}

// writeNet writes the template net.
func (w *world) writeNet() {
	w.write("net/v1/schema/schema.yaml", `schema:
  format: {openapi: "3.0.0"}
  environment_input_type: In
  types:
    In: {type: object, properties: {size: {type: string, default: small}}}
`)
	w.write("net/v1/infrastructure/manifest.yaml", `infrastructure:
  templates:
    - rendering_engine: codebuild
      settings: {provision: ["echo {{ environment.inputs.size }}"], deprovision: [echo gone]}
`)
}

func (w *world) clock() time.Time { return w.now }

func (w *world) newLoop(s Settings) *Reconciler {
	w.t.Helper()
	s.Repositories = []Repository{{Repo: gitsource.Repo{Name: "main"}, Publish: PublishAuto}}
	r, err := New(Config{
		Store: w.store, Source: folderSource{gitsource.NewFolder(w.files)}, Settings: s, Now: w.clock,
		Engines: map[renderer.Engine]Engine{renderer.EngineCodeBuild: w},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) write(path, text string) { w.files[path] = &fstest.MapFile{Data: []byte(text)} }

// environment declares an environment.
func (w *world) environment(name, header, size string) state.Ref {
	w.write(name+".yaml", "proton: EnvironmentSpec\nbaryon: {environment: "+name+", template: net, version: \"1\""+header+"}\nspec: {size: "+size+"}\n")
	return state.EnvironmentRef(name)
}

// push takes over what the files are now.
func (w *world) push() {
	w.t.Helper()
	w.loop.cfg.Source = folderSource{gitsource.NewFolder(w.files)} // hashes are kept by each
	repo, _ := w.loop.settings.repository("main")
	prior, err := w.store.Sync(w.t.Context(), "main")
	if err != nil {
		prior = state.Sync{Name: "main"}
	}
	prior.Branch, prior.URL, prior.Path = repo.Branch, repo.URL, repo.Path
	if err := w.loop.sync(w.t.Context(), state.Fence{}, repo, prior, "commit"); err != nil {
		w.t.Fatal(err)
	}
}

// pass visits everything that is due, until nothing is.
func (w *world) pass(loops ...*Reconciler) {
	w.t.Helper()
	if len(loops) == 0 {
		loops = []*Reconciler{w.loop}
	}
	for visits := 0; ; {
		idle := true
		for _, r := range loops {
			if _, err := w.store.Rest(w.t.Context(), r.stamp(), w.now.Add(time.Minute), 1000); err != nil {
				w.t.Fatal(err)
			}
			claims, err := w.store.Claim(w.t.Context(), r.cfg.Host, 1)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, c := range claims {
				idle = false
				f := r.visit(w.t.Context(), c, r.cfg.Host)
				if err := w.store.Finish(w.t.Context(), []state.Finish{w.later(f)}); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		if idle {
			return
		}
		if visits++; visits > 500 {
			w.t.Fatal("500 passes and something is still due")
		}
	}
}

// later puts the next visit by itself on the clock of the world: what is to be
// looked at at once is, what waits for a time is looked at in the next pass.
func (w *world) later(f state.Finish) state.Finish {
	if wait := time.Until(f.Due); wait > 10*time.Millisecond {
		f.Due = w.now.Add(time.Minute)
	} else {
		f.Due = w.now
	}
	return f
}

func (w *world) target(ref state.Ref) state.Target {
	w.t.Helper()
	t, err := w.store.Target(w.t.Context(), ref)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

// do fails the test when what a person asked for was refused.
func (w *world) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// end lets all jobs under way succeed.
func (w *world) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.running {
		w.running[id] = false
	}
	w.now = w.now.Add(2 * time.Minute)
}
