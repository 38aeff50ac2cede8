package gitsource_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

const hookSecret = "it's a secret"

// A bell counts how often it rings, and for what.
type bell struct {
	mu    sync.Mutex
	rings []string
}

func (b *bell) ring(url string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rings = append(b.rings, url)
}

func (b *bell) rung() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.rings...)
}

func newHook(t testing.TB, wake func(string)) *gitsource.Webhook {
	t.Helper()
	h, err := gitsource.NewWebhook(gitsource.WebhookConfig{SecretFile: gittest.SecretFile(t, hookSecret), Wake: wake})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	push := `{"ref":"refs/heads/main","repository":{"clone_url":"https://github.com/acme/platform.git"}}`
	form := "payload=" + url.QueryEscape(push)
	huge := `{"ref":"` + strings.Repeat("x", 6<<20) + `"}`
	for name, tt := range map[string]struct {
		method, kind, event, body string
		header                    map[string]string
		want                      int
		wakes                     string
	}{
		"a push":                     {body: push, want: 202, wakes: "https://github.com/acme/platform.git"},
		"with a charset":             {kind: "application/json; charset=utf-8", body: push, want: 202, wakes: "https://github.com/acme/platform.git"},
		"as a form":                  {kind: "application/x-www-form-urlencoded", body: form, want: 202, wakes: "https://github.com/acme/platform.git"},
		"without a repository":       {body: `{}`, want: 202, wakes: "-"},
		"with null fields":           {body: `{"ref":null,"repository":null,"commits":null,"pusher":null}`, want: 202, wakes: "-"},
		"with no commits":            {body: `{"commits":[],"repository":{"clone_url":""}}`, want: 202, wakes: "-"},
		"a pull request":             {event: "pull_request", body: `{"action":"closed","number":7,"repository":{"clone_url":"https://github.com/acme/x.git"}}`, want: 202, wakes: "https://github.com/acme/x.git"},
		"a pull request of no shape": {event: "pull_request", body: `{"number":"7"}`, want: 400},
		"a ping":                     {event: "ping", body: `{"zen":"x"}`, want: 200},
		"an event nobody knows":      {event: "quantum_leap", body: `{}`, want: 200},
		"no event":                   {event: "-", body: `{}`, want: 200},
		"by GET":                     {method: "GET", want: 405},
		"plain text":                 {kind: "text/plain", body: push, want: 415},
		"no content type":            {kind: "-", body: push, want: 415},
		"compressed":                 {body: push, header: map[string]string{"Content-Encoding": "gzip"}, want: 415},
		"too large":                  {body: huge, want: 413},
		"a wrong signature":          {body: push, header: map[string]string{"X-Hub-Signature-256": gittest.Sign("wrong", []byte(push))}, want: 401},
		"another body's signature":   {body: push, header: map[string]string{"X-Hub-Signature-256": gittest.Sign(hookSecret, []byte("{}"))}, want: 401},
		"no signature":               {body: push, header: map[string]string{"X-Hub-Signature-256": ""}, want: 401},
		"SHA-1 alone":                {body: push, header: map[string]string{"X-Hub-Signature-256": "", "X-Hub-Signature": "sha1=0"}, want: 401},
		"SHA-1 in the other's place": {body: push, header: map[string]string{"X-Hub-Signature-256": "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709"}, want: 401},
		"a signature of no hex":      {body: push, header: map[string]string{"X-Hub-Signature-256": "sha256=zz"}, want: 401},
		"an empty signature":         {body: push, header: map[string]string{"X-Hub-Signature-256": "sha256="}, want: 401},
		"no JSON":                    {body: `hello`, want: 400},
		"empty":                      {body: ``, want: 400},
		"wrong types":                {body: `{"ref":1,"repository":[]}`, want: 400},
		"a form without a payload":   {kind: "application/x-www-form-urlencoded", body: "x=1", want: 400},
		"a form that is none":        {kind: "application/x-www-form-urlencoded", body: "%zz", want: 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bell
			req := httptest.NewRequest(or(tt.method, http.MethodPost), "/hooks/github", strings.NewReader(tt.body))
			for header, value := range map[string]string{
				"Content-Type": or(tt.kind, "application/json"), "X-GitHub-Event": or(tt.event, "push"), "X-Hub-Signature-256": gittest.Sign(hookSecret, []byte(tt.body)),
			} {
				if given, ok := tt.header[header]; ok {
					value = given
				}
				if value != "" && value != "-" {
					req.Header.Set(header, value)
				}
			}
			for header, value := range tt.header {
				if header != "X-Hub-Signature-256" {
					req.Header.Set(header, value)
				}
			}
			res := httptest.NewRecorder()
			newHook(t, b.ring).ServeHTTP(res, req)
			if res.Code != tt.want {
				t.Errorf("status %d, want %d: %s", res.Code, tt.want, res.Body)
			}
			got := "no"
			if rings := b.rung(); len(rings) == 1 {
				got = or(rings[0], "-")
			}
			if got != or(tt.wakes, "no") {
				t.Errorf("woke for %q, want %q", got, or(tt.wakes, "no"))
			}
		})
	}
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func TestWebhookNeedsASecret(t *testing.T) {
	t.Setenv("BARYON_TEST_EMPTY", " \n")
	for name, cfg := range map[string]gitsource.WebhookConfig{
		"none": {}, "an empty variable": {SecretEnv: "BARYON_TEST_EMPTY"}, "an empty file": {SecretFile: gittest.SecretFile(t, "")},
		"a file that is not there": {SecretFile: "/nonexistent"}, "no variable": {SecretEnv: "BARYON_TEST_NOT_SET"},
	} {
		cfg.Wake = func(string) {}
		_, err := gitsource.NewWebhook(cfg)
		if gitsource.KindOf(err) != gitsource.KindInvalid {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if _, err := gitsource.NewWebhook(gitsource.WebhookConfig{SecretFile: gittest.SecretFile(t, "x")}); err == nil {
		t.Error("a hook that can wake nobody")
	}
}

// TestWebhookLosesNoPush posts while Wake is busy: what comes then is told
// afterwards, once for each repository.
func TestWebhookLosesNoPush(t *testing.T) {
	t.Parallel()
	var b bell
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	var once sync.Once
	hook := newHook(t, func(url string) {
		entered <- struct{}{}
		once.Do(func() { <-leave })
		b.ring(url)
	})
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close)
	// The answer comes although Wake hangs.
	if status := gittest.SendPush(t, server.URL, hookSecret, "https://github.com/acme/first", "main", ""); status != http.StatusAccepted {
		t.Errorf("status %d", status)
	}
	<-entered
	for range 20 {
		for _, repo := range []string{"first", "second"} {
			body := `{"repository":{"clone_url":"https://github.com/acme/` + repo + `"}}`
			hook.ServeHTTP(httptest.NewRecorder(), signedPush(body))
		}
	}
	close(leave)
	<-entered
	<-entered
	server.Close() // waits for the handler that wakes
	rings := b.rung()
	if len(rings) != 3 || rings[0] != "https://github.com/acme/first" {
		t.Errorf("woke for %v, want first, then first and second once each", rings)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func signedPush(body string) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/hooks/github", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-Hub-Signature-256", gittest.Sign(hookSecret, []byte(body)))
	return req
}

func TestWebhookSurvivesAPanickingWake(t *testing.T) {
	t.Parallel()
	n := 0
	h := newHook(t, func(string) {
		if n++; n == 1 {
			panic("first")
		}
	})
	for range 2 {
		func() {
			defer func() { _ = recover() }() // as net/http does
			h.ServeHTTP(httptest.NewRecorder(), signedPush("{}"))
		}()
	}
	if n != 2 {
		t.Errorf("woke %d times, want 2: a panic must not silence the hook", n)
	}
}

func TestWebhookReadsItsSecretEachTime(t *testing.T) {
	t.Parallel()
	file := gittest.SecretFile(t, "old")
	var b bell
	h, err := gitsource.NewWebhook(gitsource.WebhookConfig{SecretFile: file, Wake: b.ring})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	send := func(secret string) int {
		return gittest.SendPush(t, server.URL, secret, "https://github.com/acme/x", "main", "")
	}
	if got := send("new"); got != http.StatusUnauthorized {
		t.Errorf("status %d before the change", got)
	}
	if err := os.WriteFile(file, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := send("new"); got != http.StatusAccepted {
		t.Errorf("status %d after the change", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := send(""); got != http.StatusInternalServerError {
		t.Errorf("status %d without a secret", got)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestSameRepository(t *testing.T) {
	t.Parallel()
	const clone = "https://github.com/acme/platform.git"
	for url, want := range map[string]bool{
		clone: true, "https://github.com/acme/platform": true, "https://GitHub.com/Acme/Platform/": true, "git@github.com:acme/platform.git": true,
		"ssh://git@github.com:22/acme/platform": true, "https://github.com/acme/platform2": false, "https://gitlab.com/acme/platform.git": false,
		"": false, "ext::x": false, "/srv/platform.git": false,
	} {
		if got := gitsource.SameRepository(clone, url); got != want {
			t.Errorf("SameRepository(%q) = %v, want %v", url, got, want)
		}
	}
	if gitsource.SameRepository("", "") {
		t.Error("two addresses that are none are the same")
	}
}

// FuzzWebhook signs anything: the handler answers and never panics.
func FuzzWebhook(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", `{"repository":null}`, `{"ref":1}`, `{"repository":{"clone_url":null}}`, `{"commits":[null],"head_commit":null}`,
		`{"repository":{"owner":{"name":null},"created_at":"x"}}`, `payload=%7B%7D`, `payload=null`, strings.Repeat("[", 10_000),
	} {
		f.Add(body, "push", true)
		f.Add(body, "pull_request", false)
	}
	var b bell
	h := newHook(f, b.ring)
	f.Fuzz(func(t *testing.T, body, event string, json bool) {
		req := httptest.NewRequest(http.MethodPost, "/hooks/github", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if json {
			req.Header.Set("Content-Type", "application/json")
		}
		req.Header.Set("X-GitHub-Event", event)
		req.Header.Set("X-Hub-Signature-256", gittest.Sign(hookSecret, []byte(body)))
		before := len(b.rung())
		res := httptest.NewRecorder()
		h.ServeHTTP(res, req)
		if woke := len(b.rung()) - before; (res.Code == http.StatusAccepted) != (woke == 1) {
			t.Errorf("status %d and %d wakes", res.Code, woke)
		}
		if res.Code >= 500 {
			text, _ := io.ReadAll(res.Body)
			t.Errorf("status %d: %s", res.Code, text)
		}
	})
}
