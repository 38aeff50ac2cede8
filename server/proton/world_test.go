package proton_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap/zaptest"

	"baryon/reconciler"
	"baryon/server/proton"
	"baryon/server/proton/model"
	"baryon/state"
	"baryon/state/pgtest"
)

// A world is a store and the API on it. No loop runs: tests that want one use
// the real binary.
type world struct {
	*httptest.Server

	store   *state.Store
	model   *model.Model
	handler http.Handler
}

func newWorld(t *testing.T, change ...func(*proton.Config)) *world {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "baryon.db")
	if os.Getenv("BARYON_TEST_STORE") == "postgres" {
		dsn = pgtest.Start(t)
	}
	store, err := state.Open(t.Context(), state.Config{DSN: dsn, Scratch: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	m, err := model.Load()
	if err != nil {
		t.Fatal(err)
	}
	loop, err := reconciler.New(reconciler.Config{Store: store, Source: nowhere{}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := proton.Config{Store: store, Wake: func() {}, Loop: loop, Log: zaptest.NewLogger(t)}
	for _, fn := range change {
		fn(&cfg)
	}
	h, err := proton.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: store, model: m, handler: h, Server: httptest.NewServer(h)}
	t.Cleanup(w.Close)
	return w
}

// nowhere is a source without repositories.
type nowhere struct{ reconciler.Source }

// An answer is a response: Type and Message of the exception, or the body.
type answer struct {
	Status  int
	Type    string
	Message string
	Body    map[string]any
}

// post sends a raw body.
func (w *world) post(t *testing.T, target, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", target)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, Body: map[string]any{}}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&a.Body); err != nil {
		t.Fatalf("%s answered %q: %v", target, text, err)
	}
	if a.Status != http.StatusOK {
		a.Type, _ = a.Body["__type"].(string)
		a.Message, _ = a.Body["message"].(string)
	}
	return a
}

// do calls an operation with members as JSON, and holds what comes back
// against the published shape of the output.
func (w *world) do(t *testing.T, name, body string) answer {
	t.Helper()
	a := w.post(t, w.model.Target+"."+name, body)
	if a.Status != http.StatusOK {
		return a
	}
	for _, problem := range w.model.Check(w.model.Operations[name].Output, a.Body).All() {
		t.Errorf("%s %s answered what is not Proton's shape: %s", name, body, problem)
	}
	return a
}

// must is do for what has to succeed.
func (w *world) must(t *testing.T, name, body string) map[string]any {
	t.Helper()
	a := w.do(t, name, body)
	if a.Status != http.StatusOK {
		t.Fatalf("%s %s answered %d %s: %s", name, body, a.Status, a.Type, a.Message)
	}
	return a.Body
}

// refused is do for what must not succeed.
func (w *world) refused(t *testing.T, name, body, exception, message string) {
	t.Helper()
	a := w.do(t, name, body)
	if a.Type != exception || !strings.Contains(a.Message, message) {
		t.Errorf("%s %s answered %d %s %q, want %s %q", name, body, a.Status, a.Type, a.Message, exception, message)
	}
}

// at walks into a body: members by name, elements of lists by #N.
func at(t *testing.T, body any, path ...string) any {
	t.Helper()
	for _, step := range path {
		switch v := body.(type) {
		case map[string]any:
			body = v[step]
		case []any:
			i, err := strconv.Atoi(strings.TrimPrefix(step, "#"))
			if err != nil || i >= len(v) {
				t.Fatalf("no element %s in %v", step, v)
			}
			body = v[i]
		default:
			t.Fatalf("nothing at %v: %v", path, body)
		}
	}
	return body
}
