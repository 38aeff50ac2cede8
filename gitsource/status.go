package gitsource

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"
	"go.uber.org/zap"
)

// Status is what is shown beside a commit.
type Status struct {
	Commit string
	// State is pending, success, failure or error.
	State string
	// Context tells one status of a commit from another, such as "baryon/prod".
	Context string
	// Description is cut to the 140 characters that GitHub shows.
	Description string
	// TargetURL is an http or https address to read more at; it may be empty.
	TargetURL string
}

// ReporterConfig is what a Reporter needs; the zero value serves github.com.
type ReporterConfig struct {
	// APIs maps the host of a Git URL to the base of its REST API, for GitHub
	// Enterprise: "git.acme.com" to "https://git.acme.com/api/v3/". github.com is
	// known.
	APIs map[string]string
	// Timeout bounds one report, 15 s by default.
	Timeout time.Duration
	Log     *zap.Logger
}

// ErrNotReported says that a repository's host takes no commit statuses, or that
// no token is configured to set one with. Nothing was sent.
var ErrNotReported = errors.New("commit statuses are not supported for this repository")

// Reporter puts statuses on commits.
type Reporter struct {
	cfg  ReporterConfig
	http *http.Client

	mu      sync.Mutex
	clients map[[32]byte]*github.Client // by base and token
}

// NewReporter returns a Reporter.
func NewReporter(cfg ReporterConfig) (*Reporter, error) {
	setDuration(&cfg.Timeout, 15*time.Second)
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	apis := map[string]string{"github.com": "https://api.github.com/", "ssh.github.com": "https://api.github.com/"}
	for host, base := range cfg.APIs {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))) {
			return nil, fmt.Errorf("gitsource: the API of %s must be an https URL without user information", host)
		}
		apis[strings.ToLower(host)] = strings.TrimSuffix(base, "/") + "/"
	}
	cfg.APIs = apis
	return &Reporter{cfg: cfg, clients: map[[32]byte]*github.Client{}, http: &http.Client{
		CheckRedirect: sameOriginOnly,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute},
	}}, nil
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
func (r *Reporter) Close() { r.http.CloseIdleConnections() }

// Report sets a status. It returns ErrNotReported for hosts without statuses and
// repositories without a token; an *Error of KindRateLimited says how long to
// wait. Setting the same status again does no harm.
func (r *Reporter) Report(ctx context.Context, repo Repo, s Status) error {
	err := r.report(ctx, repo, s)
	if errors.Is(err, ErrNotReported) {
		return err
	}
	return failure("report", repo, err)
}

func (r *Reporter) report(ctx context.Context, repo Repo, s Status) error {
	base, owner, name, ok := r.place(repo)
	if !ok {
		return ErrNotReported
	}
	if !slices.Contains([]string{"pending", "success", "failure", "error"}, s.State) {
		return &fault{kind: KindInvalid, text: fmt.Sprintf("no state of a commit is called %q", s.State)}
	}
	_, token, ok, err := repo.Auth.basic()
	if err != nil {
		return err
	}
	if !ok {
		return ErrNotReported
	}
	client, err := r.client(base, token)
	if err != nil {
		return err
	}
	status := &github.RepoStatus{State: &s.State, Description: new(cut(s.Description, 140)), Context: &s.Context}
	if u, err := url.Parse(s.TargetURL); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		status.TargetURL = &s.TargetURL
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.cfg.Timeout, timedOut("the report", r.cfg.Timeout))
	defer cancel()
	_, res, err := client.Repositories.CreateStatus(ctx, owner, name, s.Commit, status)
	if res != nil && res.StatusCode == http.StatusNotModified {
		return nil // go-github makes an error of it
	}
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return reportFault(res, err, token)
	}
	return nil
}

// place finds the API and the name of a repository.
func (r *Reporter) place(repo Repo) (base, owner, name string, ok bool) {
	a, err := parseAddress(repo.URL, true)
	if err != nil || a.scheme == local {
		return "", "", "", false
	}
	host := strings.ToLower(a.url.Host)
	if base, ok = r.cfg.APIs[host]; !ok {
		if base, ok = r.cfg.APIs[strings.ToLower(a.url.Hostname())]; !ok {
			return "", "", "", false
		}
	}
	path := a.url.Path
	if a.scheme == shell {
		path = a.path
	}
	owner, name, ok = strings.Cut(strings.TrimSuffix(strings.Trim(path, "/"), ".git"), "/")
	return base, owner, name, ok && owner != "" && name != "" && !strings.Contains(name, "/")
}

// client keeps one client for each token: go-github remembers in it how long the
// API asked to wait.
func (r *Reporter) client(base, token string) (*github.Client, error) {
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

// reportFault says what the API refused. Nothing it sent is repeated but its short
// message, and that without the token.
func reportFault(res *github.Response, err error, token string) error {
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
		f.kind, f.next = KindDenied, "give the token the permission to write commit statuses"
	case res.StatusCode == http.StatusNotFound:
		f.kind, f.next = KindNotFound, "check the URL, and that the token may write commit statuses"
	case res.StatusCode == http.StatusUnprocessableEntity:
		f.kind = KindNoCommit
	case res.StatusCode < 500:
		f.kind = KindCorrupt
	}
	return f
}

// cut shortens a text to n characters.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "?")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
