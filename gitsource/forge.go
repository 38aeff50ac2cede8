package gitsource

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
	"go.uber.org/zap"
)

// ForgeConfig is what a Reporter and Pulls need; the zero value serves github.com.
type ForgeConfig struct {
	// APIs maps the host of a Git URL to the base of its REST API, for GitHub
	// Enterprise: "git.acme.com" to "https://git.acme.com/api/v3/". github.com is
	// known, and Repo.API goes before it.
	APIs map[string]string
	// Timeout bounds one report or question, 15 s by default.
	Timeout time.Duration
	Log     *zap.Logger
}

// forge speaks to the REST APIs of hosts.
type forge struct {
	cfg  ForgeConfig
	http *http.Client

	mu      sync.Mutex
	clients map[[32]byte]*github.Client // by base and token
}

func newForge(cfg ForgeConfig) (*forge, error) {
	setDuration(&cfg.Timeout, 15*time.Second)
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	apis := map[string]string{"github.com": "https://api.github.com/", "ssh.github.com": "https://api.github.com/"}
	for host, base := range cfg.APIs {
		at, err := apiBase(base)
		if err != nil {
			return nil, fmt.Errorf("gitsource: the API of %s must be an https URL without user information", host)
		}
		apis[strings.ToLower(host)] = at
	}
	cfg.APIs = apis
	return &forge{cfg: cfg, clients: map[[32]byte]*github.Client{}, http: &http.Client{
		CheckRedirect: sameOriginOnly,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute},
	}}, nil
}

// apiBase is the base of an API with the slash that it has to end in.
func apiBase(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))) {
		return "", &fault{kind: KindInvalid, text: "the base of the API is no https URL without user information", next: "write it as https://git.acme.com/api/v3/"}
	}
	return strings.TrimSuffix(raw, "/") + "/", nil
}

// CheckAPI reports what keeps a Repo.API from being used, in words without it;
// empty when nothing does.
func CheckAPI(raw string) string {
	if _, err := apiBase(raw); err != nil {
		return err.Error()
	}
	return ""
}

// KnowsAPI reports whether the API of an address is known without being told.
func KnowsAPI(raw string) bool {
	a, err := parseAddress(raw, true)
	return err == nil && a.scheme != local && (strings.EqualFold(a.url.Hostname(), "github.com") || strings.EqualFold(a.url.Hostname(), "ssh.github.com"))
}

// sameOriginOnly lets a renamed repository be found and a token never leave its
// host.
func sameOriginOnly(req *http.Request, via []*http.Request) error {
	from, to := via[0].URL, req.URL
	if len(via) > 5 || from.Scheme != to.Scheme || !strings.EqualFold(from.Host, to.Host) {
		return http.ErrUseLastResponse
	}
	return nil
}

// Close frees the connections.
func (r *forge) Close() { r.http.CloseIdleConnections() }

// place finds the API and the name of a repository.
func (r *forge) place(repo Repo) (base, owner, name string, ok bool, err error) {
	a, bad := parseAddress(repo.URL, true)
	if bad != nil || a.scheme == local {
		return "", "", "", false, nil
	}
	base, ok = r.cfg.APIs[strings.ToLower(a.url.Host)]
	if !ok {
		base, ok = r.cfg.APIs[strings.ToLower(a.url.Hostname())]
	}
	if repo.API != "" {
		if base, err = apiBase(repo.API); err != nil {
			return "", "", "", false, err
		}
	} else if !ok {
		return "", "", "", false, nil
	}
	path := a.url.Path
	if a.scheme == shell {
		path = a.path
	}
	owner, name, ok = strings.Cut(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
	return base, owner, name, ok && owner != "" && name != "" && !strings.Contains(name, "/"), nil
}

// client keeps one client for each token: go-github remembers in it how long the
// API asked to wait.
func (r *forge) client(base, token string) (*github.Client, error) {
	key := sha256.Sum256([]byte(base + "\x00" + token))
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.clients[key]; ok {
		return c, nil
	}
	if len(r.clients) >= 100 {
		clear(r.clients) // tokens that rotate leave clients behind
	}
	c := github.NewClient(r.http).WithAuthToken(token)
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	c.BaseURL = u
	r.clients[key] = c
	return c, nil
}

// forgeFault says what the API refused. Nothing it sent is repeated but its short
// message, and that without the token.
func forgeFault(res *github.Response, err error, token, may string) error {
	f := &fault{kind: KindUnreachable}
	if limit, ok := errors.AsType[*github.RateLimitError](err); ok {
		f.kind, f.wait = KindRateLimited, max(0, time.Until(limit.Rate.Reset.Time))
		f.text = "the API's hourly limit is used up"
		return f
	}
	if limit, ok := errors.AsType[*github.AbuseRateLimitError](err); ok {
		f.kind, f.wait, f.text = KindRateLimited, limit.GetRetryAfter(), "the API asks to slow down"
		return f
	}
	refused, ok := errors.AsType[*github.ErrorResponse](err)
	if !ok || res == nil {
		return unreachable(err)
	}
	f.text = fmt.Sprintf("the API answers %d: %s", res.StatusCode, scrub(printable(refused.Message), token))
	switch {
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		f.kind, f.next = KindDenied, "give the token the permission to "+may
	case res.StatusCode == http.StatusNotFound:
		f.kind, f.next = KindNotFound, "check the URL, and that the token may "+may
	case res.StatusCode == http.StatusUnprocessableEntity:
		f.kind = KindNoCommit
	case res.StatusCode < 500:
		f.kind = KindCorrupt
	}
	return f
}
