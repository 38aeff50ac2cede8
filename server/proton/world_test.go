package proton_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"baryon/server/proton"
	"baryon/server/proton/model"
	"baryon/state"
)

// A world is a store and the API on it. No loop runs: tests that want one use
// the real binary.
type world struct {
	*httptest.Server

	store *state.Store
	model *model.Model
}

func newWorld(t *testing.T, change ...func(*proton.Config)) *world {
	t.Helper()
	store, err := state.Open(t.Context(), state.Config{DSN: filepath.Join(t.TempDir(), "baryon.db")})
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
	cfg := proton.Config{Store: store, Wake: func() {}}
	for _, fn := range change {
		fn(&cfg)
	}
	h, err := proton.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: store, model: m, Server: httptest.NewServer(h)}
	t.Cleanup(w.Close)
	return w
}

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
