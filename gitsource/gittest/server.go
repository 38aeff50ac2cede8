package gittest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// Server is a Git server over HTTP on loopback: git http-backend, the program a
// web server would run.
type Server struct {
	*httptest.Server
	// Dir holds the repositories.
	Dir string
}

// Options of NewServer.
type Options struct {
	// Username and Password, when set, are asked for by basic authentication.
	Username, Password string
	// Wrap, when set, stands before the server, after nothing and before
	// authentication.
	Wrap func(http.Handler) http.Handler
}

// NewServer starts a server that ends with the test.
func NewServer(t testing.TB, o Options) *Server {
	t.Helper()
	RequireGit(t)
	s := &Server{Dir: t.TempDir()}
	var h http.Handler = Backend(t, s.Dir)
	if o.Password != "" {
		h = basicAuth(h, o.Username, o.Password)
	}
	if o.Wrap != nil {
		h = o.Wrap(h)
	}
	s.Server = httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// Backend is git http-backend for the repositories below dir.
func Backend(t testing.TB, dir string) http.Handler {
	t.Helper()
	return &cgi.Handler{
		Path: filepath.Join(Git(t, "", "--exec-path"), "git-http-backend"),
		Env:  append(Env(), "GIT_PROJECT_ROOT="+dir, "GIT_HTTP_EXPORT_ALL=1"),
		// What git complains about is seen in the client's error.
		Stderr: discard{},
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func basicAuth(next http.Handler, user, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, ok := r.BasicAuth()
		if !ok || p != password || (user != "" && u != user) {
			w.Header().Set("WWW-Authenticate", `Basic realm="gittest"`)
			// A server may well repeat what it was sent; no error of ours may.
			http.Error(w, "refused: "+u+":"+p+" "+r.Header.Get("Authorization"), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Create makes an empty repository that the server serves.
func (s *Server) Create(t testing.TB, name string) *Repo {
	t.Helper()
	r := NewRepo(t, filepath.Join(s.Dir, name+".git"))
	r.URL = s.URL + "/" + name + ".git"
	return r
}

// SendPush posts to url what GitHub posts after a push to a branch, signed with
// the secret, and returns the status of the answer.
func SendPush(t testing.TB, url, secret, cloneURL, branch, commit string) int {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"ref": "refs/heads/" + branch, "after": commit, "forced": false,
		"repository":  map[string]any{"full_name": "acme/platform", "clone_url": cloneURL, "default_branch": "main"},
		"head_commit": map[string]any{"id": commit, "message": "change"},
		"pusher":      map[string]any{"name": "ada"},
	})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	req.Header.Set("X-Hub-Signature-256", Sign(secret, body))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// Sign is the value of X-Hub-Signature-256 for a body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// SecretFile writes a secret to a file of the test and returns its path.
func SecretFile(t testing.TB, secret string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
