package gitsource_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// newForge is a host with the repository acme/platform, whose branch topic has a
// commit more than main.
func newForge(t *testing.T) (*gittest.Forge, *gitsource.Pulls, gitsource.Repo) {
	t.Helper()
	gittest.RequireGit(t)
	f, err := gittest.NewForge(t.TempDir(), "ghp_canary")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	f.Base = s.URL
	remote := gittest.NewRepo(t, filepath.Join(f.Dir, "acme", "platform.git"))
	remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	gittest.Git(t, remote.Dir, "branch", "topic", "main")
	remote.Commit(t, "topic", "two", map[string]string{"a": "2"})
	p, err := gitsource.NewPulls(gitsource.ForgeConfig{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return f, p, gitsource.Repo{
		Name: "platform", URL: s.URL + "/acme/platform.git", API: s.URL + "/api/v3", Auth: gitsource.Auth{TokenFile: gittest.SecretFile(t, f.Token)},
	}
}

func TestPulls(t *testing.T) {
	t.Parallel()
	f, p, repo := newForge(t)
	text := gitsource.PullText{Branch: "topic", Title: "Two", Body: "why"}
	var many errgroup.Group
	for range 4 { // all of them find none, and one is first
		many.Go(func() error {
			_, err := p.PutPull(t.Context(), repo, text)
			return err
		})
	}
	if err := many.Wait(); err != nil || f.Count("acme/platform") != 1 {
		t.Errorf("%d pull requests were opened at once, %v", f.Count("acme/platform"), err)
	}
	made, err := p.PutPull(t.Context(), repo, text)
	if err != nil || made.Number != 1 || !made.Open || made.URL != f.Base+"/acme/platform/pull/1" {
		t.Fatalf("opened is %+v, %v", made, err)
	}
	// Once more it is the same one, whether its number was kept or not.
	for _, number := range []int{0, 1} {
		text.Number, text.Title = number, fmt.Sprintf("Two, %d", number)
		if again, err := p.PutPull(t.Context(), repo, text); err != nil || again.Number != 1 {
			t.Errorf("again is %+v, %v", again, err)
		}
		if title, body, _, _ := f.Look("acme/platform", 1); title != text.Title || body != "why" {
			t.Errorf("it says %q, %q", title, body)
		}
	}
	if err := f.Merge("acme/platform", 1, false); err != nil {
		t.Fatal(err)
	}
	got, err := p.Pull(t.Context(), repo, 1)
	if err != nil || got.Open || !got.Merged || got.By != "ada" || got.Commit == "" {
		t.Errorf("merged is %+v, %v", got, err)
	}
	// What was merged is not opened anew, and not closed.
	text.Number = 0
	if again, err := p.PutPull(t.Context(), repo, text); err != nil || again.Number != 1 || !again.Merged {
		t.Errorf("after the merge it is %+v, %v", again, err)
	}
	text.Number = 1
	if again, err := p.ClosePull(t.Context(), repo, text); err != nil || !again.Merged {
		t.Errorf("closing what was merged gives %+v, %v", again, err)
	}

	text = gitsource.PullText{Branch: "other", Title: "Three", Body: "no"}
	gittest.Git(t, filepath.Join(f.Dir, "acme", "platform.git"), "branch", "other", "topic~0")
	if _, err := p.PutPull(t.Context(), repo, text); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		text.Number, text.Body = 2, "cancelled by ann"
		if got, err := p.ClosePull(t.Context(), repo, text); err != nil || got.Open || got.Merged {
			t.Errorf("closed is %+v, %v", got, err)
		}
	}
	if _, _, state, comments := f.Look("acme/platform", 2); state != "closed" || !slices.Equal(comments, []string{"cancelled by ann"}) {
		t.Errorf("it is %s, and says %q", state, comments)
	}
	if out, err := gittest.TryGit(filepath.Join(f.Dir, "acme", "platform.git"), "rev-parse", "refs/heads/other"); err == nil {
		t.Errorf("its branch is still there: %s", out)
	}
}

func TestPullFailures(t *testing.T) {
	t.Parallel()
	f, p, repo := newForge(t)
	put := func(repo gitsource.Repo, branch string) error {
		_, err := p.PutPull(t.Context(), repo, gitsource.PullText{Branch: branch, Title: "t"})
		return err
	}
	elsewhere, without := repo, repo
	elsewhere.API = ""
	without.Auth = gitsource.Auth{}
	wrong := repo
	wrong.Auth = gitsource.Auth{TokenFile: gittest.SecretFile(t, "ghp_wrong")}
	gone := repo
	gone.URL = strings.Replace(repo.URL, "platform", "nosuch", 1)
	odd := repo
	odd.API = "http://git.acme.example/api"
	say := func(status int, body string) func() {
		return func() {
			f.Fail(func(method, _ string) (int, string) {
				if method == http.MethodGet {
					return 0, ""
				}
				return status, body
			})
		}
	}
	for _, tt := range []struct {
		name   string
		repo   gitsource.Repo
		branch string
		before func()
		kind   gitsource.Kind
		says   string
	}{
		{"no API", elsewhere, "topic", nil, gitsource.KindInvalid, "name it in the configuration of the repository: api"},
		{"plain http", odd, "topic", nil, gitsource.KindInvalid, "no https URL"},
		{"no token", without, "topic", nil, gitsource.KindInvalid, "there is no token"},
		{"wrong token", wrong, "topic", nil, gitsource.KindDenied, "give the token the permission to write pull requests"},
		{"no repository", gone, "topic", nil, gitsource.KindNotFound, "may write pull requests and contents"},
		{"no branch", repo, "nosuch", nil, gitsource.KindInvalid, "head or base is no branch"},
		{"nothing to merge", repo, "main", nil, gitsource.KindInvalid, "No commits between"},
		{"may not", repo, "topic", say(403, `{"message":"Resource not accessible by integration"}`), gitsource.KindDenied, "not accessible by integration"},
		{"archived", repo, "topic", say(403, `{"message":"Repository was archived so is read-only."}`), gitsource.KindDenied, "archived"},
		{"slow down", repo, "topic", say(429, `{"message":"You have exceeded a secondary rate limit","documentation_url":"https://docs.github.com/#secondary-rate-limits"}`), "", ""},
		{"in trouble", repo, "topic", say(502, `Bad Gateway`), gitsource.KindUnreachable, "502"},
		{"nonsense", repo, "topic", say(201, `<html>`), gitsource.KindUnreachable, ""},
	} {
		f.Fail(nil)
		if tt.before != nil {
			tt.before()
		}
		err := put(tt.repo, tt.branch)
		if tt.kind == "" && (err == nil || gitsource.KindOf(err) == "") || tt.kind != "" && gitsource.KindOf(err) != tt.kind || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("%s: %v, want %s: %s", tt.name, err, tt.kind, tt.says)
		}
		if strings.Contains(fmt.Sprint(err), "ghp_") {
			t.Errorf("%s: the error holds a token: %v", tt.name, err)
		}
	}
	if f.Count("acme/platform") != 0 {
		t.Errorf("%d pull requests were opened", f.Count("acme/platform"))
	}
}
