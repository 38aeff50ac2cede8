package gittest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Forge is a host with the part of GitHub's API that pull requests need, below
// /api/v3/, and the repositories OWNER/NAME.git in a folder, over HTTP. Merging is
// done by git itself. Everything asks for the token, as a password or a bearer's.
type Forge struct {
	Dir, Token string
	// Base is where it is reached, for the addresses that it hands out.
	Base string

	git http.Handler

	mu    sync.Mutex
	pulls map[string][]*pull // by OWNER/NAME
	calls []string
	fail  func(method, path string) (status int, body string)
	lose  func(method, path string) bool
}

type pull struct {
	Number    int            `json:"number"`
	State     string         `json:"state"`
	Title     string         `json:"title"`
	Body      string         `json:"body"`
	HTMLURL   string         `json:"html_url"`
	Merged    bool           `json:"merged"`
	Mergeable bool           `json:"mergeable"`
	Commit    string         `json:"merge_commit_sha,omitempty"`
	MergedBy  map[string]any `json:"merged_by,omitempty"`
	Head      map[string]any `json:"head"`
	Base      map[string]any `json:"base"`
	Comments  []string       `json:"-"`

	branch, into string
}

// NewForge serves the repositories of a folder.
func NewForge(dir, token string) (*Forge, error) {
	path, err := TryGit("", "--exec-path")
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	return &Forge{Dir: dir, Token: token, pulls: map[string][]*pull{}, git: &cgi.Handler{
		Path: filepath.Join(path, "git-http-backend"), Env: append(Env(), "GIT_PROJECT_ROOT="+dir, "GIT_HTTP_EXPORT_ALL=1"), Stderr: discard{},
	}}, nil
}

// Fail has calls answered with a status and a body, as long as fn gives a status.
func (f *Forge) Fail(fn func(method, path string) (status int, body string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fn
}

// Lose has answers lost of which fn says so: what was asked for is done all the same.
// Paths are those of the API, and of git as they are.
func (f *Forge) Lose(fn func(method, path string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lose = fn
}

func (f *Forge) lost(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lose != nil && f.lose(r.Method, strings.TrimPrefix(r.URL.Path, apiRoot))
}

const apiRoot = "/api/v3/repos/"

// Calls are the calls of the API that change something, oldest first.
func (f *Forge) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// ServeHTTP answers for git and for the API.
func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, password, _ := r.BasicAuth()
	if password != f.Token && r.Header.Get("Authorization") != "Bearer "+f.Token {
		w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		answer(w, http.StatusUnauthorized, map[string]string{"message": "Bad credentials " + r.Header.Get("Authorization")})
		return
	}
	if f.lost(r) {
		defer func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }(w)
		w = httptest.NewRecorder()
	}
	path, api := strings.CutPrefix(r.URL.Path, apiRoot)
	if !api {
		f.git.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		if status, body := f.fail(r.Method, path); status != 0 {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return
		}
	}
	parts := strings.SplitN(path, "/", 3)
	if len(parts) < 2 || f.head(parts[0]+"/"+parts[1], "main") == "" {
		answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
		return
	}
	if r.Method != http.MethodGet {
		f.calls = append(f.calls, r.Method+" "+path)
	}
	f.api(w, r, parts[0]+"/"+parts[1], strings.Join(parts[2:], ""))
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // what is answered is plain data
	}
	_, _ = w.Write(text) // a client that has gone is no affair of ours
}

func invalid(w http.ResponseWriter, why string) {
	answer(w, http.StatusUnprocessableEntity, map[string]any{"message": "Validation Failed", "errors": []any{map[string]string{"resource": "PullRequest", "message": why}}})
}

// api answers one call about a repository.
func (f *Forge) api(w http.ResponseWriter, r *http.Request, repo, path string) {
	var in struct{ Title, Body, Head, Base, State string }
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
			return
		}
	}
	parts := strings.Split(path, "/")
	var one *pull
	if len(parts) > 1 && (parts[0] == "pulls" || parts[0] == "issues") {
		n, err := strconv.Atoi(parts[1])
		if err != nil || n < 1 || n > len(f.pulls[repo]) {
			answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
			return
		}
		one = f.pulls[repo][n-1]
	}
	switch {
	case path == "":
		answer(w, http.StatusOK, map[string]string{"default_branch": "main"})
	case path == "pulls" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, f.list(repo, r.URL.Query().Get("head"), r.URL.Query().Get("state")))
	case path == "pulls":
		f.open(w, repo, &pull{Title: in.Title, Body: in.Body, branch: in.Head, into: in.Base})
	case parts[0] == "pulls" && r.Method == http.MethodPatch:
		one.Title, one.Body, one.State = or(in.Title, one.Title), or(in.Body, one.Body), or(in.State, one.State)
		answer(w, http.StatusOK, one)
	case parts[0] == "pulls":
		if one.State == "open" {
			_, err := TryGit(f.dir(repo), "merge-tree", "--write-tree", f.head(repo, one.into), f.head(repo, one.branch))
			one.Mergeable = err == nil
		}
		answer(w, http.StatusOK, one)
	case parts[0] == "issues":
		one.Comments = append(one.Comments, in.Body)
		answer(w, http.StatusCreated, map[string]any{})
	case strings.HasPrefix(path, "git/refs/heads/") && r.Method == http.MethodDelete:
		if out, err := TryGit(f.dir(repo), "update-ref", "-d", strings.TrimPrefix(path, "git/")); err != nil {
			answer(w, http.StatusUnprocessableEntity, map[string]string{"message": out})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		answer(w, http.StatusNotFound, map[string]string{"message": "Not Found"})
	}
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func (f *Forge) dir(repo string) string { return filepath.Join(f.Dir, filepath.FromSlash(repo)+".git") }

// head is where a branch is, empty when there is none.
func (f *Forge) head(repo, branch string) string {
	out, err := TryGit(f.dir(repo), "rev-parse", "--verify", "--quiet", "refs/heads/"+branch)
	if err != nil {
		return ""
	}
	return out
}

func (f *Forge) list(repo, head, state string) []*pull {
	_, branch, _ := strings.Cut(head, ":")
	found := []*pull{}
	for _, p := range slices.Backward(f.pulls[repo]) {
		if (branch == "" || p.branch == branch) && (state == "all" || p.State == or(state, "open")) {
			found = append(found, p)
		}
	}
	return found
}

func (f *Forge) open(w http.ResponseWriter, repo string, p *pull) {
	owner, _, _ := strings.Cut(repo, "/")
	head, base := f.head(repo, p.branch), f.head(repo, p.into)
	switch {
	case head == "" || base == "":
		invalid(w, "head or base is no branch")
		return
	case len(f.list(repo, owner+":"+p.branch, "open")) > 0:
		invalid(w, "A pull request already exists for "+owner+":"+p.branch+".")
		return
	case head == base:
		invalid(w, "No commits between "+p.into+" and "+p.branch)
		return
	}
	p.Number, p.State = len(f.pulls[repo])+1, "open"
	p.HTMLURL = f.Base + "/" + repo + "/pull/" + strconv.Itoa(p.Number)
	p.Head, p.Base = map[string]any{"ref": p.branch}, map[string]any{"ref": p.into}
	f.pulls[repo] = append(f.pulls[repo], p)
	answer(w, http.StatusCreated, p)
}

// Look is what a pull request says, and how it is.
func (f *Forge) Look(repo string, number int) (title, body, state string, comments []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pulls[repo][number-1]
	return p.Title, p.Body, p.State, slices.Clone(p.Comments)
}

// Count is how many pull requests were opened.
func (f *Forge) Count(repo string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.pulls[repo])
}

// Branch is that of a pull request.
func (f *Forge) Branch(repo string, number int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pulls[repo][number-1].branch
}

// Merge merges a pull request, as a person called ada: by a commit with two
// parents, or with squash by one that has the same content and another parent.
func (f *Forge) Merge(repo string, number int, squash bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if number > len(f.pulls[repo]) {
		return fmt.Errorf("there is no pull request %d", number)
	}
	p := f.pulls[repo][number-1]
	dir, head, base := f.dir(repo), f.head(repo, p.branch), f.head(repo, p.into)
	if p.State != "open" {
		return errors.New("it is closed")
	}
	tree, err := TryGit(dir, "merge-tree", "--write-tree", base, head)
	if err != nil {
		return fmt.Errorf("it cannot be merged: %s", tree)
	}
	args := []string{"commit-tree", "-m", p.Title, "-p", base}
	if !squash {
		args = append(args, "-p", head)
	}
	commit, err := TryGit(dir, append(args, tree)...)
	if err == nil {
		_, err = TryGit(dir, "update-ref", "refs/heads/"+p.into, commit, base)
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, commit)
	}
	p.State, p.Merged, p.Commit, p.MergedBy = "closed", true, commit, map[string]any{"login": "ada"}
	return nil
}

// Reject closes a pull request without merging it.
func (f *Forge) Reject(repo string, number int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pulls[repo][number-1].State = "closed"
}
