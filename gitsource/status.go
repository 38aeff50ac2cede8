package gitsource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"
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

// ErrNotReported says that a repository's host takes no commit statuses, or that
// no token is configured to set one with. Nothing was sent.
var ErrNotReported = errors.New("commit statuses are not supported for this repository")

// Reporter puts statuses on commits.
type Reporter struct{ *forge }

// NewReporter returns a Reporter.
func NewReporter(cfg ForgeConfig) (*Reporter, error) {
	f, err := newForge(cfg)
	return &Reporter{f}, err
}

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
	base, owner, name, ok, err := r.place(repo)
	if err != nil {
		return err
	}
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
		return forgeFault(res, err, token, "write commit statuses")
	}
	return nil
}

// cut shortens a text to n characters.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "?")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
