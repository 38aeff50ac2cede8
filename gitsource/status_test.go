package gitsource_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// newReporter returns a Reporter for repositories on git.acme.test, whose API is
// the handler.
func newReporter(t *testing.T, api http.HandlerFunc) (*gitsource.Reporter, gitsource.Repo) {
	t.Helper()
	s := httptest.NewServer(api)
	t.Cleanup(s.Close)
	r, err := gitsource.NewReporter(gitsource.ForgeConfig{APIs: map[string]string{"git.acme.test": s.URL + "/api/v3"}, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, gitsource.Repo{Name: "platform", URL: "https://git.acme.test/acme/platform.git", Auth: gitsource.Auth{TokenFile: gittest.SecretFile(t, "ghp_canary")}}
}

func TestReports(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("ab", 20)
	var got map[string]string
	var path, auth string
	r, repo := newReporter(t, func(w http.ResponseWriter, req *http.Request) {
		path, auth, got = req.Method+" "+req.URL.Path, req.Header.Get("Authorization"), nil
		if err := json.NewDecoder(req.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "{}")
	})
	for _, url := range []string{repo.URL, "git@git.acme.test:acme/platform.git", "ssh://git@git.acme.test:2222/acme/platform"} {
		repo.URL = url
		s := gitsource.Status{Commit: commit, State: "success", Context: "baryon/prod", Description: strings.Repeat("ü", 200), TargetURL: "http://127.0.0.1/x"}
		if err := r.Report(t.Context(), repo, s); err != nil {
			t.Fatal(err)
		}
		if want := "POST /api/v3/repos/acme/platform/statuses/" + commit; path != want {
			t.Errorf("asked %s, want %s", path, want)
		}
		if auth != "Bearer ghp_canary" {
			t.Errorf("Authorization is %q", auth)
		}
		if n := utf8.RuneCountInString(got["description"]); n != 140 || !strings.HasSuffix(got["description"], "…") {
			t.Errorf("description has %d characters: %q", n, got["description"])
		}
		if got["state"] != "success" || got["context"] != "baryon/prod" || got["target_url"] != "http://127.0.0.1/x" {
			t.Errorf("sent %v", got)
		}
	}
	if err := r.Report(t.Context(), repo, gitsource.Status{Commit: commit, State: "pending", TargetURL: "javascript:alert(1)"}); err != nil || got["target_url"] != "" {
		t.Errorf("a link that is none was sent: %v, %v", got, err)
	}
}

func TestReportsNothingElsewhere(t *testing.T) {
	t.Parallel()
	r, repo := newReporter(t, func(http.ResponseWriter, *http.Request) { t.Error("the API was asked") })
	s := gitsource.Status{Commit: strings.Repeat("ab", 20), State: "success"}
	for _, url := range []string{"https://gitlab.com/acme/x", "/srv/x.git", "https://git.acme.test/x", "https://git.acme.test/a/b/c", "ext::x"} {
		other := repo
		other.URL = url
		if err := r.Report(t.Context(), other, s); !errors.Is(err, gitsource.ErrNotReported) {
			t.Errorf("%s: %v, want ErrNotReported", url, err)
		}
	}
	repo.Auth = gitsource.Auth{}
	if err := r.Report(t.Context(), repo, s); !errors.Is(err, gitsource.ErrNotReported) {
		t.Errorf("without a token: %v", err)
	}
	repo.Auth.TokenFile = "/nonexistent"
	wantKind(t, r.Report(t.Context(), repo, s), gitsource.KindInvalid)
	repo.Auth = gitsource.Auth{TokenFile: gittest.SecretFile(t, "x")}
	s.State = "great"
	wantKind(t, r.Report(t.Context(), repo, s), gitsource.KindInvalid)
	for _, api := range []string{"http://git.acme.com/api/v3", "https://user:pw@git.acme.com/", "nonsense"} {
		if _, err := gitsource.NewReporter(gitsource.ForgeConfig{APIs: map[string]string{"git.acme.com": api}}); err == nil {
			t.Errorf("an API at %s was accepted", api)
		}
	}
}

func TestReportFailures(t *testing.T) {
	t.Parallel()
	reset := time.Now().Add(10 * time.Minute)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the token reached another host: %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	say := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"message":%q}`, text)
		}
	}
	for name, tt := range map[string]struct {
		api  http.HandlerFunc
		kind gitsource.Kind
		wait time.Duration
	}{
		"not modified":     {say(304, ""), "", 0},
		"wrong token":      {say(401, "Bad credentials ghp_canary"), gitsource.KindDenied, 0},
		"not allowed":      {say(403, "Resource not accessible"), gitsource.KindDenied, 0},
		"not found":        {say(404, "Not Found"), gitsource.KindNotFound, 0},
		"unknown commit":   {say(422, "No commit found for SHA"), gitsource.KindNoCommit, 0},
		"in trouble":       {say(502, "Bad Gateway"), gitsource.KindUnreachable, 0},
		"another redirect": {redirect(func(*http.Request) string { return elsewhere.URL }), gitsource.KindCorrupt, 0},
		"hourly limit": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-RateLimit-Limit", "5000")
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
			say(403, "API rate limit exceeded")(w, r)
		}, gitsource.KindRateLimited, 10 * time.Minute},
		"secondary limit": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"slow down","documentation_url":"https://docs.github.com/#secondary-rate-limits"}`)
		}, gitsource.KindRateLimited, time.Minute},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, gitsource.KindUnreachable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, repo := newReporter(t, tt.api)
			err := r.Report(t.Context(), repo, gitsource.Status{Commit: strings.Repeat("ab", 20), State: "success"})
			wantKind(t, err, tt.kind)
			if strings.Contains(fmt.Sprint(err), "ghp_canary") {
				t.Errorf("the error holds the token: %v", err)
			}
			e, ok := errors.AsType[*gitsource.Error](err)
			if tt.wait > 0 && (!ok || !e.Transient() || e.Wait < tt.wait/2 || e.Wait > tt.wait) {
				t.Errorf("wait is %v, want %v", e.Wait, tt.wait)
			}
		})
	}
}
