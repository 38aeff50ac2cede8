package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "baryon/server/v1"
	"baryon/state"
)

// hostile is what nobody should be able to make a page do.
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>` + "\x1b]8;;javascript:alert(3)\x1b\\click\x1b]8;;\x1b\\\x1b[31m"

type world struct {
	store *state.Store
	mux   *http.ServeMux
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store, err := state.Open(context.Background(), state.Config{DSN: filepath.Join(t.TempDir(), "baryon.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := New(Config{Store: store, View: v1.NewView(store, nil), Setup: func() v1.Setup {
		return v1.Setup{Version: hostile, Configuration: &v1.Configuration{File: "baryon.yaml", LoadedAt: time.Now(), Problems: []string{hostile}, Pending: []string{hostile}}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: store, mux: http.NewServeMux()}
	d.Register(w.mux)
	return w
}

func (w *world) write(t *testing.T, fn func(*state.Tx) error) {
	t.Helper()
	if err := w.store.Update(context.Background(), state.Fence{}, fn); err != nil {
		t.Fatal(err)
	}
}

func (w *world) get(t *testing.T, path string) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	w.mux.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return answer.Code, answer.Body.String()
}

// fill puts one of everything into the store, with hostile text wherever
// somebody else decides about the text.
func (w *world) fill(t *testing.T) (deployment string) {
	t.Helper()
	deployment = state.NewID()
	origin := state.Origin{Repository: "platform", Commit: "0123456789abcdef", Path: hostile, Author: hostile, Subject: hostile}
	problem, err := json.Marshal(map[string]any{"reason": hostile, "problems": []map[string]any{{"file": hostile, "line": 1, "rule": hostile}}})
	if err != nil {
		t.Fatal(err)
	}
	prod := state.Target{
		Ref: state.EnvironmentRef("prod"), Generation: 2, Status: state.Failed, Message: hostile, LastAttempted: deployment,
		Waiting: state.Waiting{Reason: state.WaitRetry, Why: hostile, Next: hostile},
		Desired: state.Desired{Template: "web-env", Follow: "1", Version: state.Version{Major: 1, Minor: 1}, Spec: hostile, Origin: origin, Protected: true},
		Deployed: state.Deployed{Generation: 1, Version: state.Version{Major: 1}, Deployment: "x", At: time.Now(),
			Outputs: map[string]string{hostile: "javascript:alert(4)", "Url": "https://prod.example/" + hostile}},
		Asked: state.Asked{Suspended: &state.Suspension{By: hostile, Why: hostile}},
		Owner: state.Owner{Repository: "platform", Path: hostile},
	}
	w.write(t, func(tx *state.Tx) error {
		for _, target := range []state.Target{
			prod,
			{Ref: state.InstanceRef("shop", "eu"), Desired: state.Desired{Template: "web-svc", Environment: "prod"}},
			{Ref: state.PipelineRef("shop"), Desired: state.Desired{Template: "web-svc"}},
			{Ref: state.ComponentRef("bucket"), Desired: state.Desired{Environment: "prod", Service: "shop", Instance: "eu"}},
		} {
			if err := tx.PutTarget(target); err != nil {
				return err
			}
		}
		if err := tx.PutService(state.Service{Name: "shop", Template: "web-svc", Status: state.ServiceActive, Message: hostile, Spec: hostile}); err != nil {
			return err
		}
		for minor, status := range []state.VersionStatus{state.Published, state.Published, state.Draft, state.RegistrationFailed} {
			v := state.TemplateVersion{
				Kind: state.KindEnvironment, Name: "web-env", Version: state.Version{Major: 1, Minor: int64(minor)}, Status: status, Message: hostile,
				Bundle: "sha256:" + strconv.Itoa(minor), Origin: origin,
			}
			if err := tx.PutTemplateVersion(v); err != nil {
				return err
			}
		}
		if err := tx.PutTemplate(state.Template{Kind: state.KindEnvironment, Name: "web-env", Description: hostile}); err != nil {
			return err
		}
		if err := tx.PutSync(state.Sync{Name: "platform", URL: "https://git.example/platform.git", Commit: "0123456789abcdef", Subject: hostile, Author: hostile, Error: hostile, Degraded: hostile}); err != nil {
			return err
		}
		if err := tx.PutSourceFile(state.SourceFile{Repository: "platform", Path: hostile, Verdict: "refused", Doc: problem}); err != nil {
			return err
		}
		err := tx.AddDeployment(state.Deployment{
			ID: deployment, Ref: prod.Ref, Action: state.Update, Status: state.Failed, Message: hostile, Reason: hostile, By: hostile,
			Desired: prod.Desired, Outputs: prod.Deployed.Outputs, Before: prod.Deployed,
			Health: &state.Health{Ended: state.Unhealthy, Checks: []state.HealthCheck{{What: hostile, Need: 3, Looks: 7, Said: hostile}}},
		})
		if err != nil {
			return err
		}
		return tx.AppendLog(deployment, 0, []byte("a line\n"+hostile+"\n"))
	})
	return deployment
}

func TestPagesEscapeWhatOthersWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.fill(t)
	for _, path := range []string{
		"/", "/environments/prod", "/services/shop", "/services/shop/instances/eu", "/services/shop/pipeline", "/components/bucket",
		"/templates/environment/web-env", "/deployments", "/deployments/" + id, "/sources", "/sources?repository=platform",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			status, text := w.get(t, path)
			if status != http.StatusOK {
				t.Fatalf("%d %s", status, text)
			}
			for _, bad := range []string{"<script>alert", "<img src=x", "\x1b", `href="javascript:`, "<style", " onclick="} {
				if strings.Contains(text, bad) {
					t.Errorf("the page holds %q", bad)
				}
			}
			if !strings.Contains(text, "&lt;script&gt;alert(1)") {
				t.Error("what was written is not shown at all: this test would prove nothing")
			}
			if !strings.Contains(text, `<html lang="en">`) || strings.Count(text, "<h1>") != 1 {
				t.Error("a page has a language and one heading")
			}
		})
	}
}

func TestPagesShowWhatMatters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.fill(t)
	for path, wants := range map[string][]string{
		"/": {
			"Needs a person", `<a href="/environments/prod">prod</a>`, "web-env</a> 1.0", "1.1 available", "failed", `href="/deployments/` + id,
			"shop/eu", "in prod", "pipeline", "1.2 is a draft", "1.3 failed to register", "01234567", `http-equiv="refresh"`, "/static/live.js",
			"The configuration file was ignored",
		},
		"/environments/prod":             {"Why it is failed", "web-env</a> 1.0", "2 wanted, 1 deployed", "never deleted without a person"},
		"/templates/environment/web-env": {"recommended", "baryon publish web-env 1.2"},
		"/deployments/" + id:             {"a line\n", "update", "1.0 → 1.1", "/v1/deployments/" + id + "/log", "Health: unhealthy", "0 of 3", "<td>7</td>"},
		"/sources":                       {"refused"},
	} {
		_, text := w.get(t, path)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not show %q", path, want)
			}
		}
	}
	if _, text := w.get(t, "/deployments/"+id); strings.Contains(text, "refresh") || strings.Contains(text, "data-grows") {
		t.Error("the page of a deployment that has ended loads itself again")
	}
	if _, text := w.get(t, "/?refresh=off"); strings.Contains(text, "http-equiv") {
		t.Error("refresh=off does not stop the refreshing")
	}
}

func TestWhatDoesNotExistIsAPageToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{
		"/environments/none": "environment/none does not exist", "/deployments/none": "deployment none does not exist",
		"/services/none": "service/none does not exist", "/templates/environment/none": "none does not exist",
		"/deployments?after=none": "does not exist",
	} {
		status, text := w.get(t, path)
		if status != http.StatusNotFound || !strings.Contains(text, want) || !strings.Contains(text, "Back to the overview") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, text := w.get(t, "/"); status != http.StatusOK || !strings.Contains(text, "None yet. Push a document") {
		t.Errorf("an empty world: %d %s", status, text)
	}
}

func TestLogEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.fill(t)
	line := strings.Repeat("x", 99) + "\n"
	at := int64(len("a line\n" + hostile + "\n"))
	w.write(t, func(tx *state.Tx) error {
		for range 100 {
			chunk := []byte(strings.Repeat(line, 40))
			if err := tx.AppendLog(id, at, chunk); err != nil {
				return err
			}
			at += int64(len(chunk))
		}
		return tx.AppendLog(id, at, []byte("last\xc3"))
	})
	d := &Dashboard{cfg: Config{Store: w.store}}
	got, err := d.logEnd(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Cut || !strings.HasPrefix(got.Text, line) || !strings.HasSuffix(got.Text, "\nlast") || len(got.Text) > logShown {
		t.Errorf("cut %t, %d characters, ends %q", got.Cut, len(got.Text), got.Text[len(got.Text)-20:])
	}
	if got.Next != at+4 {
		t.Errorf("next = %d, want %d: the beginning of a character is not shown yet", got.Next, at+4)
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	d := &Dashboard{now: func() time.Time { return now }}
	for span, want := range map[time.Duration]string{
		time.Second: "now", 59 * time.Second: "59 s ago", 5 * time.Minute: "5 min ago", 3 * time.Hour: "3 h ago",
		72 * time.Hour: "3 days ago", -5 * time.Minute: "5 min from now",
	} {
		if got := d.ago(now.Add(-span)); got != want {
			t.Errorf("%s: %q, want %q", span, got, want)
		}
	}
}
