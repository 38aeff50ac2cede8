package gitsource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"
)

// A Pull is a pull request as its host has it.
type Pull struct {
	Number int
	URL    string // for people
	Open   bool
	Merged bool
	Commit string // that merged it, once it is merged
	By     string // who merged it, where the host says so
	Clash  bool   // it cannot be merged as it is
}

// A PullText is what a pull request says. Number is 0 for one that may have to be
// opened.
type PullText struct {
	Number      int
	Branch      string
	Title, Body string
}

// Pulls opens pull requests on hosts with GitHub's API.
type Pulls struct{ *forge }

// NewPulls returns a Pulls.
func NewPulls(cfg ForgeConfig) (*Pulls, error) {
	f, err := newForge(cfg)
	return &Pulls{f}, err
}

const mayPull = "write pull requests and contents of the repository"

// asked is one repository, to be asked of.
type asked struct {
	*github.Client
	owner, name, token string
}

// ask does something with a repository, within the time for it.
func (p *Pulls) ask(ctx context.Context, repo Repo, what string, do func(context.Context, asked) (*github.Response, error)) error {
	return failure(what, repo, func() error {
		base, owner, name, ok, err := p.place(repo)
		if err != nil {
			return err
		}
		if !ok {
			return &fault{kind: KindInvalid, text: "nothing says where the API of its host is", next: "name it in the configuration of the repository: api"}
		}
		_, token, ok, err := repo.Auth.basic()
		if err != nil {
			return err
		}
		if !ok {
			return &fault{kind: KindInvalid, text: "there is no token for the API of its host", next: "name one in the configuration of the repository: token_file or token_env"}
		}
		client, err := p.client(base, token)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeoutCause(ctx, p.cfg.Timeout, timedOut("the API", p.cfg.Timeout))
		defer cancel()
		res, err := do(ctx, asked{client, owner, name, token})
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, ours := errors.AsType[*fault](err); ours {
			return err
		}
		return pullFault(res, err, token)
	}())
}

// pullFault says what the API refused. What cannot be processed says why in parts.
func pullFault(res *github.Response, err error, token string) error {
	f, _ := errors.AsType[*fault](forgeFault(res, err, token, mayPull))
	refused, ok := errors.AsType[*github.ErrorResponse](err)
	if f == nil || !ok || res == nil || res.StatusCode != http.StatusUnprocessableEntity {
		return forgeFault(res, err, token, mayPull)
	}
	f.kind, f.next = KindInvalid, "see what the host says; the branch is pushed, so the pull request can be opened by hand"
	if said := reasons(refused); said != "" {
		f.text += ": " + scrub(printable(said), token)
	}
	return f
}

func reasons(r *github.ErrorResponse) string {
	var said []string
	for _, e := range r.Errors {
		text := e.Message
		if text == "" {
			text = strings.TrimSpace(e.Resource + " " + e.Field + " " + e.Code)
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}

// Pull reads one pull request.
func (p *Pulls) Pull(ctx context.Context, repo Repo, number int) (Pull, error) {
	var out Pull
	err := p.ask(ctx, repo, "pull request", func(ctx context.Context, a asked) (*github.Response, error) {
		pr, res, err := a.PullRequests.Get(ctx, a.owner, a.name, number)
		out = pullOf(pr)
		return res, err
	})
	return out, err
}

func pullOf(pr *github.PullRequest) Pull {
	if pr == nil {
		return Pull{}
	}
	return Pull{
		Number: pr.GetNumber(), URL: pr.GetHTMLURL(), Open: pr.GetState() == "open", Merged: pr.GetMerged() || !pr.GetMergedAt().IsZero(),
		Commit: pr.GetMergeCommitSHA(), By: pr.GetMergedBy().GetLogin(), Clash: pr.Mergeable != nil && !*pr.Mergeable,
	}
}

// PutPull opens the pull request of a branch, or brings the text of one that there
// is up to date. The one there may be closed by now: of a branch there is never
// more than one.
func (p *Pulls) PutPull(ctx context.Context, repo Repo, text PullText) (Pull, error) {
	var out Pull
	err := p.ask(ctx, repo, "pull request", func(ctx context.Context, a asked) (*github.Response, error) {
		if text.Number == 0 {
			found, res, err := a.find(ctx, text.Branch)
			if err != nil {
				return res, err
			}
			if found == nil {
				pr, res, err := a.open(ctx, repo, text)
				out = pullOf(pr)
				return res, err
			}
			if out = pullOf(found); found.GetTitle() == text.Title && found.GetBody() == text.Body || !out.Open {
				return res, nil
			}
			text.Number = out.Number
		}
		pr, res, err := a.PullRequests.Edit(ctx, a.owner, a.name, text.Number, &github.PullRequest{Title: &text.Title, Body: &text.Body})
		out = pullOf(pr)
		return res, err
	})
	return out, err
}

// find is the newest pull request of a branch, open ones first; nil for none.
func (a asked) find(ctx context.Context, branch string) (*github.PullRequest, *github.Response, error) {
	found, res, err := a.PullRequests.List(ctx, a.owner, a.name, &github.PullRequestListOptions{State: "all", Head: a.owner + ":" + branch})
	if err != nil || len(found) == 0 {
		return nil, res, err
	}
	for _, pr := range found {
		if pr.GetState() == "open" {
			return pr, res, nil
		}
	}
	return found[0], res, nil
}

// open opens one, and finds it when somebody else was first.
func (a asked) open(ctx context.Context, repo Repo, text PullText) (*github.PullRequest, *github.Response, error) {
	base, ok := cutBranch(repo.Branch)
	if !ok {
		base = repo.Branch
	}
	if base == "" {
		r, res, err := a.Repositories.Get(ctx, a.owner, a.name)
		if err != nil {
			return nil, res, err
		}
		base = r.GetDefaultBranch()
	}
	pr, res, err := a.PullRequests.Create(ctx, a.owner, a.name, &github.NewPullRequest{
		Title: &text.Title, Body: &text.Body, Head: &text.Branch, Base: &base, MaintainerCanModify: new(true),
	})
	refused, ok := errors.AsType[*github.ErrorResponse](err)
	if !ok || res == nil || res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(reasons(refused), "already exists") {
		return pr, res, err
	}
	there, res, findErr := a.find(ctx, text.Branch)
	if findErr != nil || there == nil {
		return nil, res, errors.Join(findErr, err)
	}
	return there, res, nil
}

// ClosePull closes a pull request with a word of why, and takes its branch away.
// One that is closed already is left alone, and merging it is reported.
func (p *Pulls) ClosePull(ctx context.Context, repo Repo, text PullText) (Pull, error) {
	var out Pull
	err := p.ask(ctx, repo, "pull request", func(ctx context.Context, a asked) (*github.Response, error) {
		pr, res, err := a.PullRequests.Get(ctx, a.owner, a.name, text.Number)
		if out = pullOf(pr); err != nil || !out.Open {
			return res, err
		}
		if _, res, err := a.Issues.CreateComment(ctx, a.owner, a.name, text.Number, &github.IssueComment{Body: &text.Body}); err != nil {
			return res, err
		}
		state := "closed"
		if pr, res, err = a.PullRequests.Edit(ctx, a.owner, a.name, text.Number, &github.PullRequest{State: &state}); err != nil {
			return res, err
		}
		out = pullOf(pr)
		res, err = a.Git.DeleteRef(ctx, a.owner, a.name, "heads/"+text.Branch)
		if res != nil && (res.StatusCode == http.StatusUnprocessableEntity || res.StatusCode == http.StatusNotFound) {
			return res, nil // it is gone already
		}
		return res, err
	})
	return out, err
}

// String names a pull request for people.
func (p Pull) String() string {
	if p.URL != "" {
		return p.URL
	}
	return fmt.Sprintf("#%d", p.Number)
}
