package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/server/proton/events"
)

// TestEventsSurviveKill kills the daemon while its receiver takes nothing, and
// starts it again: the receiver is told everything, in order.
func TestEventsSurviveKill(t *testing.T) {
	t.Parallel()
	var (
		mu    sync.Mutex
		open  bool
		moves []string
		ids   []string
		done  = make(chan struct{})
	)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !open {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var e events.Event
		var d struct{ Status string }
		if json.NewDecoder(r.Body).Decode(&e) != nil || json.Unmarshal(e.Detail, &d) != nil {
			t.Error("this is no event")
		}
		if strings.HasSuffix(e.Resources[0], ":environment/prod") && !slices.Contains(ids, e.ID) {
			ids, moves = append(ids, e.ID), append(moves, d.Status)
			if d.Status == "SUCCEEDED" {
				close(done)
			}
		}
	}))
	defer receiver.Close()
	w := newCrashWorld(t)
	config, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	hooks := "events:\n  webhooks:\n    - {name: test, url: \"" + receiver.URL + "\", secret_env: PATH}\n"
	if err := os.WriteFile(w.config, append(config, hooks...), 0o600); err != nil {
		t.Fatal(err)
	}
	w.killAfter(t, "work started")
	mu.Lock()
	open = true
	mu.Unlock()
	cmd, log := w.start(t)
	go func() {
		for log.Scan() {
		}
	}()
	<-done
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // how daemons end is for other tests
	if diff := cmp.Diff([]string{"IN_PROGRESS", "SUCCEEDED"}, moves); diff != "" {
		t.Errorf("told of environment/prod (-want +got):\n%s", diff)
	}
}
