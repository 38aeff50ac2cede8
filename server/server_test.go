package server

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	v1 "baryon/server/v1"
	"baryon/state"
)

// Whoever starts a goroutine waits for it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(t *testing.T) *state.Store {
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
	return store
}

func newServer(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	cfg := Config{Store: openStore(t), Wake: func() {}, Setup: func() v1.Setup { return v1.Setup{Version: "test"} }}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func withToken(c *Config) { c.Token = func() (string, error) { return "right-token", nil } }

// ask makes one request of a handler.
func ask(t *testing.T, h http.Handler, method, target string, header map[string]string, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for name, value := range header {
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	const here, page, asJSON = "http://127.0.0.1:8080", "text/html", "application/json"
	for name, tt := range map[string]struct {
		token        bool
		method, path string
		header       map[string]string
		status       int
		want         string
	}{
		"open: the API":                      {false, "GET", "/v1/status", nil, 200, `"counts"`},
		"open: the page":                     {false, "GET", "/", nil, 200, "<h1>Overview"},
		"open: figures":                      {false, "GET", "/metrics", nil, 200, "baryon_deployments_open"},
		"open: localhost":                    {false, "GET", "/v1/status", map[string]string{"Host": "localhost:8080"}, 200, ""},
		"open: IPv6":                         {false, "GET", "/v1/status", map[string]string{"Host": "[::1]:8080"}, 200, ""},
		"open: a name that was bound to us":  {false, "GET", "/v1/status", map[string]string{"Host": "evil.example:8080"}, 403, "evil.example"},
		"open: a name that looks like ours":  {false, "GET", "/", map[string]string{"Host": "127.0.0.1.evil.example"}, 403, "token_file"},
		"open: a name that begins like ours": {false, "GET", "/", map[string]string{"Host": "localhost.evil.example:80"}, 403, ""},
		"open: no host at all":               {false, "GET", "/", map[string]string{"Host": ""}, 403, ""},
		"open: a write by another page": {
			false, "POST", "/v1/sync",
			map[string]string{"Origin": "http://evil.example", "Content-Type": asJSON}, 403, "another site",
		},
		"open: a write by another port's page": {
			false, "POST", "/v1/sync",
			map[string]string{"Origin": "http://127.0.0.1:3000", "Content-Type": asJSON}, 403, "another site",
		},
		"open: a write by a program":     {false, "POST", "/v1/sync", map[string]string{"Content-Type": asJSON}, 202, ""},
		"open: health by any name":       {false, "GET", "/healthz", map[string]string{"Host": "probe"}, 200, "ok"},
		"open: there is no login":        {false, "GET", "/login", nil, 404, ""},
		"token: the API":                 {true, "GET", "/v1/status", nil, 401, "BARYON_TOKEN"},
		"token: the wrong one":           {true, "GET", "/v1/status", map[string]string{"Authorization": "Bearer wrong"}, 401, "unauthenticated"},
		"token: a longer one":            {true, "GET", "/v1/status", map[string]string{"Authorization": "Bearer right-token2"}, 401, ""},
		"token: an empty one":            {true, "GET", "/v1/status", map[string]string{"Authorization": "Bearer "}, 401, ""},
		"token: another scheme":          {true, "GET", "/v1/status", map[string]string{"Authorization": "Basic right-token"}, 401, ""},
		"token: the right one":           {true, "GET", "/v1/status", map[string]string{"Authorization": "Bearer right-token"}, 200, ""},
		"token: by any name":             {true, "GET", "/v1/status", map[string]string{"Authorization": "Bearer right-token", "Host": "baryon.acme.com"}, 200, ""},
		"token: figures":                 {true, "GET", "/metrics", map[string]string{"Accept": page}, 401, ""},
		"token: the page for a browser":  {true, "GET", "/deployments?after=x", map[string]string{"Accept": page}, 303, ""},
		"token: the page for a program":  {true, "GET", "/", nil, 401, ""},
		"token: changes for a page":      {true, "GET", "/events", nil, 401, ""},
		"token: health":                  {true, "GET", "/healthz", nil, 200, "ok"},
		"token: ready":                   {true, "GET", "/readyz", nil, 200, "ok"},
		"token: the login":               {true, "GET", "/login", nil, 200, "<form"},
		"token: the style of the login":  {true, "GET", "/static/style.css", nil, 200, "--text"},
		"nothing is listed":              {false, "GET", "/static/", nil, 404, ""},
		"nothing beside static":          {false, "GET", "/static/../html/home.html", nil, 307, ""},
		"POST / is free for another API": {false, "POST", "/", nil, 405, ""},
		"no hook":                        {false, "POST", "/hooks/github", nil, 404, "hooks.github.secret_file"},
		"an unknown page":                {false, "GET", "/nothing", nil, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := func(*Config) {}
			if tt.token {
				change = withToken
			}
			w := ask(t, newServer(t, change).Handler(), tt.method, here+tt.path, tt.header, "")
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("got %d %s, want %d with %q", w.Code, w.Body, tt.status, tt.want)
			}
			for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": policy, "X-Frame-Options": "DENY"} {
				if got := w.Header().Get(header); got != want {
					t.Errorf("%s = %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	token, now := "right-token", time.Now()
	s := newServer(t, func(c *Config) { c.Token = func() (string, error) { return token, nil } })
	s.session.now = func() time.Time { return now }
	h := s.Handler()
	post := func(values url.Values, header map[string]string) *httptest.ResponseRecorder {
		all := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
		maps.Copy(all, header)
		return ask(t, h, http.MethodPost, "/login", all, values.Encode())
	}
	if w := post(url.Values{"token": {"wrong"}}, nil); w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) != 0 {
		t.Errorf("the wrong token: %d, cookies %v", w.Code, w.Result().Cookies())
	}
	if w := post(url.Values{"token": {token}}, map[string]string{"Origin": "http://evil.example"}); w.Code != http.StatusForbidden {
		t.Errorf("a login sent by another page: %d", w.Code)
	}
	for to, want := range map[string]string{
		"/sources": "/sources", "//evil.example": "/", "/\\evil.example": "/", "https://evil.example": "/", "": "/",
	} {
		if w := post(url.Values{"token": {token}, "to": {to}}, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("login to %q leads to %d %q, want %q", to, w.Code, w.Header().Get("Location"), want)
		}
	}
	w := post(url.Values{"token": {token}}, map[string]string{"X-Forwarded-Proto": "https"})
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteStrictMode || strings.Contains(cookie.Value, token) {
		t.Errorf("cookie %v", cookie)
	}
	with := func(method, path, value string) int {
		return ask(t, h, method, path, map[string]string{"Cookie": cookieName + "=" + value, "Content-Type": "application/json"}, "").Code
	}
	for name, got := range map[string]struct{ got, want int }{
		"the page is open":             {with("GET", "/", cookie.Value), 200},
		"so is the API, for reading":   {with("GET", "/v1/status", cookie.Value), 200},
		"writing takes the token":      {with("POST", "/v1/sync", cookie.Value), 401},
		"another cookie is none":       {with("GET", "/", "9999999999.00"), 401},
		"a moved end is no longer one": {with("GET", "/", "9"+cookie.Value), 401},
	} {
		if got.got != got.want {
			t.Errorf("%s: %d, want %d", name, got.got, got.want)
		}
	}
	now = now.Add(sessionFor + time.Second)
	if code := with("GET", "/", cookie.Value); code != http.StatusUnauthorized {
		t.Errorf("an old cookie: %d", code)
	}
	now = now.Add(-time.Hour)
	token = "another"
	if code := with("GET", "/", cookie.Value); code != http.StatusUnauthorized {
		t.Errorf("the cookie of an old token: %d", code)
	}
	if w := ask(t, h, http.MethodPost, "/logout", nil, ""); w.Result().Cookies()[0].MaxAge >= 0 {
		t.Error("logging out leaves the cookie")
	}
}

func TestATokenThatCannotBeReadLetsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newServer(t, func(c *Config) { c.Token = func() (string, error) { return "", errors.New("gone") } }).Handler()
	for _, header := range []map[string]string{nil, {"Authorization": "Bearer "}, {"Cookie": cookieName + "=1.1"}} {
		if w := ask(t, h, http.MethodGet, "/v1/status", header, ""); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%v: %d", header, w.Code)
		}
	}
}

func TestOneRequestThatPanicsIsOne(t *testing.T) {
	t.Parallel()
	h := newServer(t, func(c *Config) {
		c.Hooks = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("poison") })
	}).Handler()
	if w := ask(t, h, http.MethodPost, "/hooks/github", nil, ""); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "poison") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, h, http.MethodGet, "/healthz", nil, ""); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestTheSecondListenerServesHooksAlone(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) {
		withToken(c)
		c.Hooks = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	})
	for path, want := range map[string]int{"/hooks/github": 204, "/hooks/gitlab": 404, "/": 404, "/v1/sync": 404, "/healthz": 404, "/login": 404} {
		if w := ask(t, s.HooksHandler(), http.MethodPost, path, nil, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	err := s.cfg.Store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		for name, status := range map[string]state.Status{"a": state.Succeeded, "b": state.InProgress, "c": state.InProgress, "d": ""} {
			if err := tx.PutTarget(state.Target{Ref: state.EnvironmentRef(name), Status: status}); err != nil {
				return err
			}
		}
		if err := tx.Wake(state.EnvironmentRef("a")); err != nil {
			return err
		}
		return tx.PutSync(state.Sync{Name: "platform", Error: "gone", Problems: 2})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Metrics().Visit(state.KindEnvironment, 10*time.Millisecond, true)
	text := ask(t, s.Handler(), http.MethodGet, "http://localhost/metrics", nil, "").Body.String()
	for _, want := range []string{
		`baryon_targets{kind="environment",status="SUCCEEDED"} 1`,
		`baryon_targets{kind="environment",status="IN_PROGRESS"} 2`,
		`baryon_targets{kind="environment",status="NONE"} 1`,
		`baryon_deployments_open{kind="environment"} 2`,
		`baryon_deployments_open{kind="component"} 0`,
		"baryon_deployments_checking 0",
		`baryon_repository_failed{repository="platform"} 1`,
		`baryon_repository_problems{repository="platform"} 2`,
		`baryon_visit_seconds_count{failed="true",kind="environment"} 1`,
		`baryon_build_info{commit="",go="",version="test"} 1`,
		"baryon_work_overdue_seconds ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q", want)
		}
	}
}

// A stream that would go on for ever ends with the daemon, and at once.
func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	ref := state.EnvironmentRef("prod")
	err := s.cfg.Store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		return tx.AddDeployment(state.Deployment{ID: "one", Ref: ref, Status: state.InProgress})
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, nil) }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/events", "/v1/deployments/one/log?follow=1"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		defer func() {
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Errorf("%s broke: %v", path, err)
			}
		}()
	}
	began := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > endWithin {
		t.Errorf("the end took %s: streams were waited for", took)
	}
}
