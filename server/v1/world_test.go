package v1

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"baryon/state"
)

// A world is a store with something in it, and the handler over it.
type world struct {
	store  *state.Store
	server *httptest.Server
	client *Client
	wakes  atomic.Int64
	done   chan struct{}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store, err := state.Open(context.Background(), state.Config{DSN: filepath.Join(t.TempDir(), "baryon.db")})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: store, done: make(chan struct{})}
	h, err := Handler(Config{Store: store, Wake: func() { w.wakes.Add(1) }, Done: w.done})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(h)
	if w.client, err = NewClient(w.server.URL, "", "ana@laptop"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) write(t *testing.T, fn func(*state.Tx) error) {
	t.Helper()
	if err := w.store.Update(context.Background(), state.Fence{}, fn); err != nil {
		t.Fatal(err)
	}
}

// environment makes an environment that was deployed once, on web-env 1.0.
func (w *world) environment(t *testing.T, name string, change func(*state.Target)) state.Ref {
	t.Helper()
	ref, v := state.EnvironmentRef(name), state.Version{Major: 1}
	id := state.NewID()
	target := state.Target{
		Ref: ref, Generation: 3, Status: state.Succeeded, LastAttempted: id, LastSucceeded: id,
		Desired: state.Desired{
			Template: "web-env", Follow: "1", Version: v, Spec: "proton: EnvironmentSpec\nspec: {}\n",
			Origin: state.Origin{Repository: "platform", Path: "environments/" + name + ".yaml", Line: 2, Commit: "0123456789abcdef", Subject: "Add " + name, Author: "Ana"},
		},
		Deployed: state.Deployed{Generation: 3, Version: v, Deployment: id, Outputs: map[string]string{"Url": "http://" + name}, At: time.Now()},
		Owner:    state.Owner{Repository: "platform", Path: "environments/" + name + ".yaml"},
	}
	if change != nil {
		change(&target)
	}
	w.write(t, func(tx *state.Tx) error {
		if err := tx.PutTarget(target); err != nil {
			return err
		}
		return tx.AddDeployment(state.Deployment{
			ID: id, Ref: ref, Action: state.Create, Status: state.Succeeded, Generation: 3, Desired: target.Desired,
			Outputs: target.Deployed.Outputs, Reason: "declared",
		})
	})
	return ref
}

// instance makes an instance of a service in an environment.
func (w *world) instance(t *testing.T, service, name, environment string) state.Ref {
	t.Helper()
	ref := state.InstanceRef(service, name)
	w.write(t, func(tx *state.Tx) error {
		err := tx.PutTarget(state.Target{Ref: ref, Generation: 1, Desired: state.Desired{Template: "web-svc", Follow: "1", Version: state.Version{Major: 1}, Environment: environment}})
		if err != nil {
			return err
		}
		if err := tx.SetNeeds(ref, []state.Ref{state.EnvironmentRef(environment)}); err != nil {
			return err
		}
		return tx.PutService(state.Service{Name: service, Template: "web-svc", Status: state.ServiceActive, Follow: "1"})
	})
	return ref
}

// version registers a version of a template.
func (w *world) version(t *testing.T, name string, v state.Version, status state.VersionStatus) {
	t.Helper()
	w.write(t, func(tx *state.Tx) error {
		if err := tx.PutTemplate(state.Template{Kind: state.KindEnvironment, Name: name, Repository: "platform"}); err != nil {
			return err
		}
		return tx.PutTemplateVersion(state.TemplateVersion{
			Kind: state.KindEnvironment, Name: name, Version: v, Status: status, Bundle: "sha256:" + v.String(), Schema: "schema: {}\n",
		})
	})
}

// running opens a deployment of a target.
func (w *world) running(t *testing.T, ref state.Ref) string {
	t.Helper()
	id := state.NewID()
	w.write(t, func(tx *state.Tx) error {
		return tx.AddDeployment(state.Deployment{ID: id, Ref: ref, Action: state.Update, Status: state.InProgress, Generation: 4})
	})
	return id
}

func (w *world) output(t *testing.T, id string, at int64, text string) {
	t.Helper()
	w.write(t, func(tx *state.Tx) error { return tx.AppendLog(id, at, []byte(text)) })
}

func (w *world) finish(t *testing.T, id string, status state.Status) {
	t.Helper()
	w.write(t, func(tx *state.Tx) error {
		d, err := tx.Deployment(id)
		if err != nil {
			return err
		}
		if err := d.Move(status, "it ended"); err != nil {
			return err
		}
		return tx.SaveDeployment(d)
	})
}

// get reads one address as text.
func (w *world) get(t *testing.T, method, path string, header http.Header, body string) (int, http.Header, string) {
	t.Helper()
	return request(t, w.server.URL+path, method, header, body)
}
