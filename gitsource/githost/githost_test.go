package githost_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"baryon/gitsource"
	"baryon/gitsource/githost"
	"baryon/gitsource/gittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a host with one repository and what was told of pushes.
type world struct {
	host *githost.Host
	url  string
	dir  string

	mu     sync.Mutex
	pushes []string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	var err error
	w.host, err = githost.New(githost.Config{Dir: w.dir, OnPush: func(name string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.pushes = append(w.pushes, name)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.host.Create("platform"); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(w.host)
	t.Cleanup(s.Close)
	w.url = s.URL + "/platform.git"
	return w
}

func (w *world) told() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pushes)
}

func (w *world) commit(t testing.TB, message string, files map[string]string) string {
	t.Helper()
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	hash, err := w.host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: message, Files: m})
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func (w *world) clone(t testing.TB, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "work")
	gittest.Git(t, "", append(append([]string{"clone", "--quiet"}, args...), w.url, dir)...)
	return dir
}

// bare is the repository on disk, for looking at it with git.
func (w *world) bare() string { return filepath.Join(w.dir, "platform.git") }

func (w *world) check(t testing.TB) {
	t.Helper()
	gittest.Git(t, w.bare(), "fsck", "--full", "--strict")
	left, err := filepath.Glob(filepath.Join(w.bare(), "objects", "pack", "tmp_*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestCloneAndPush is what a reader of the demo does.
func TestCloneAndPush(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	for _, protocol := range []string{"0", "1", "2"} {
		t.Run("protocol "+protocol, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.commit(t, "first", map[string]string{"a/b.txt": "1", "c": "2"})
			work := w.clone(t, "-c", "protocol.version="+protocol)
			if head := gittest.Git(t, work, "rev-parse", "HEAD"); head != first {
				t.Errorf("cloned %s, want %s", head, first)
			}
			if branch := gittest.Git(t, work, "branch", "--show-current"); branch != "main" {
				t.Errorf("cloned branch %q", branch)
			}
			pushed := gittest.Push(t, work, "small", map[string]string{"a/b.txt": "one"})
			if got := gittest.Git(t, w.bare(), "rev-parse", "main"); got != pushed {
				t.Errorf("main is %s, want %s", got, pushed)
			}
			many := map[string]string{}
			for i := range 500 {
				many[fmt.Sprintf("d%d/f%d", i%20, i)] = fmt.Sprint("content ", i, strings.Repeat("x", i))
			}
			gittest.Push(t, work, "many", many)
			if n := w.told(); n != 3 {
				t.Errorf("told of %d pushes, want 3", n)
			}

			second := w.commit(t, "ours", map[string]string{"ours": "1"})
			if out, err := gittest.TryGit(work, "push", "origin", "HEAD~1:main"); err == nil || !strings.Contains(out, "rejected") {
				t.Errorf("a push of old history: %v\n%s", err, out)
			}
			gittest.Git(t, work, "fetch", "--quiet", "origin")
			gittest.Git(t, work, "rebase", "--quiet", "origin/main")
			if got := gittest.Git(t, work, "rev-parse", "HEAD"); got != second {
				t.Errorf("fetched %s, want %s", got, second)
			}
			w.check(t)
		})
	}
}

// TestBranches makes, moves and deletes branches and tags.
func TestBranches(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	w := newWorld(t)
	work := w.clone(t)
	gittest.Git(t, work, "checkout", "--quiet", "-b", "main")
	gittest.Push(t, work, "first push into an empty repository", map[string]string{"a": "1"})
	first := gittest.Git(t, work, "rev-parse", "HEAD")
	gittest.Push(t, work, "second", map[string]string{"a": "2"})

	gittest.Git(t, work, "push", "--quiet", "origin", "HEAD:refs/heads/topic/one", "HEAD~1:refs/heads/old")
	gittest.Git(t, work, "tag", "-a", "-m", "release", "v1")
	gittest.Git(t, work, "push", "--quiet", "origin", "v1")
	if got := gittest.Git(t, work, "ls-remote", "origin", "refs/tags/v1^{}"); !strings.HasPrefix(got, gittest.Git(t, work, "rev-parse", "HEAD")) {
		t.Errorf("the peeled tag is %q", got)
	}
	gittest.Git(t, work, "push", "--quiet", "origin", "--delete", "topic/one")
	gittest.Git(t, work, "push", "--quiet", "origin", "HEAD:topic")

	gittest.Git(t, work, "reset", "--quiet", "--hard", first)
	if _, err := gittest.TryGit(work, "push", "--quiet", "origin", "main"); err == nil {
		t.Error("history was rewound without force")
	}
	gittest.Git(t, work, "push", "--quiet", "--force", "origin", "main")
	if got := gittest.Git(t, w.bare(), "rev-parse", "main"); got != first {
		t.Errorf("main is %s after the force push, want %s", got, first)
	}
	for _, tt := range []struct{ refspec, says string }{
		{":main", "deletion of the current branch prohibited"}, {"HEAD:refs/weird/x", "funny refname"},
		{"HEAD:refs/heads/topic/sub", "failed to update ref"}, {"HEAD^{tree}:refs/heads/tree", "must point at a commit"},
	} {
		if out, err := gittest.TryGit(work, "push", "--force", "origin", tt.refspec); err == nil || !strings.Contains(out, tt.says) {
			t.Errorf("push %s: %v, want %q\n%s", tt.refspec, err, tt.says, out)
		}
	}
	out, err := gittest.TryGit(work, "push", "origin", "HEAD:good", "HEAD:refs/weird/x")
	if err == nil || !strings.Contains(out, "[new branch]") || !strings.Contains(out, "funny refname") {
		t.Errorf("a push of a good and a bad ref: %v\n%s", err, out)
	}
	w.check(t)
}

// TestLargePush pushes a pack that git sends in chunks.
func TestLargePush(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	w := newWorld(t)
	work := w.clone(t)
	gittest.Git(t, work, "checkout", "--quiet", "-b", "main")
	noise := make([]byte, 12<<20)
	source := rand.NewChaCha8([32]byte{1})
	if _, err := io.ReadFull(source, noise); err != nil {
		t.Fatal(err)
	}
	gittest.Push(t, work, "large", map[string]string{"noise": string(noise), "text": strings.Repeat("all work and no play\n", 100_000)})
	again := w.clone(t)
	got, err := os.ReadFile(filepath.Join(again, "noise"))
	if err != nil || !bytes.Equal(got, noise) {
		t.Errorf("the clone holds something else: %v", err)
	}
	w.check(t)
}

func TestShallowCloneSaysWhy(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	w := newWorld(t)
	w.commit(t, "first", map[string]string{"a": "1"})
	out, err := gittest.TryGit("", "clone", "--depth=1", w.url, filepath.Join(t.TempDir(), "work"))
	if err == nil || !strings.Contains(out, "shallow") {
		t.Errorf("a shallow clone: %v\n%s", err, out)
	}
}

// TestManyAtOnce clones, fetches and pushes at the same time.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	w := newWorld(t)
	w.commit(t, "first", map[string]string{"a": "1"})
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			work := filepath.Join(t.TempDir(), fmt.Sprint(i))
			for _, args := range [][]string{
				{"clone", "--quiet", w.url, work},
				{"-C", work, "commit", "--quiet", "--allow-empty", "-m", fmt.Sprint("from ", i)},
				{"-C", work, "push", "--quiet", "origin", fmt.Sprintf("HEAD:refs/heads/b%d", i)},
				{"-C", work, "fetch", "--quiet", "origin"},
			} {
				if out, err := gittest.TryGit("", args...); err != nil {
					t.Errorf("git %v: %v\n%s", args, err, out)
					return
				}
			}
		})
	}
	all.Go(func() {
		for i := range 5 {
			w.commit(t, fmt.Sprint("ours ", i), map[string]string{"n": fmt.Sprint(i)})
		}
	})
	all.Wait()
	if got := strings.Count(gittest.Git(t, w.bare(), "for-each-ref"), "\n"); got != 6 {
		t.Errorf("%d refs, want 7", got+1)
	}
	if n := w.told(); n != 12 {
		t.Errorf("told of %d pushes, want 12", n)
	}
	w.check(t)
}

// TestFetchIsIncremental fetches one commit into a clone and counts objects.
func TestFetchIsIncremental(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	w := newWorld(t)
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("d/f%d", i)] = fmt.Sprint(i)
	}
	w.commit(t, "first", files)
	work := w.clone(t)
	w.commit(t, "second", map[string]string{"d/f7": "changed"})
	before := gittest.Git(t, work, "count-objects")
	gittest.Git(t, work, "-c", "fetch.unpackLimit=1000", "fetch", "--quiet", "origin")
	after := gittest.Git(t, work, "count-objects")
	var had, has int
	if _, err := fmt.Sscan(before, &had); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(after, &has); err != nil || has-had != 4 {
		t.Errorf("%d objects came, %v; want a commit, two trees and a blob", has-had, err)
	}
}

// TestClientReadsHost lets our own client follow our own server.
func TestClientReadsHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := gitsource.New(gitsource.Config{Dir: t.TempDir(), Transport: gitsource.ModeGoGit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	r := gitsource.Repo{Name: "platform", URL: w.url, Branch: "main"}
	if _, err := c.Head(t.Context(), r); gitsource.KindOf(err) != gitsource.KindEmpty {
		t.Errorf("Head of the empty repository: %v", err)
	}
	for _, want := range []string{"1", "2", "3"} {
		hash := w.commit(t, want, map[string]string{"a": want})
		head, err := c.Head(t.Context(), r)
		if err != nil || head != hash {
			t.Fatalf("Head = %q, %v; want %q", head, err, hash)
		}
		tree, err := c.Tree(t.Context(), r, head)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fs.ReadFile(tree, "a"); err != nil || string(got) != want {
			t.Errorf("a = %q, %v; want %q", got, err, want)
		}
	}
}

// TestCommit builds commits of every shape and lets git check them.
func TestCommit(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	w := newWorld(t)
	when := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	step := func(c githost.Change) string {
		c.Author, c.Email, c.When = "Ada", "ada@example.com", when
		if _, err := w.host.Commit("platform", c); err != nil {
			t.Fatal(err)
		}
		branch := c.Branch
		if branch == "" {
			branch = "main"
		}
		return gittest.Git(t, w.bare(), "ls-tree", "-r", "--format=%(objectmode) %(path)", branch)
	}
	for _, tt := range []struct {
		change githost.Change
		want   string
	}{
		{githost.Change{Message: "one", Files: fstest.MapFS{
			"a-b": {}, "a/b": {}, "a.c": {}, "run": {Mode: 0o755}, "deep/er/x": {}}}, "100644 a-b\n100644 a.c\n100644 a/b\n100644 deep/er/x\n100755 run"},
		{githost.Change{Message: "a file becomes a folder, a folder a file", Files: fstest.MapFS{"a-b/c": {}, "deep": {}}}, "100644 a-b/c\n100644 a.c\n100644 a/b\n100644 deep\n100755 run"},
		{githost.Change{Message: "remove", Remove: []string{"a", "run", "none"}}, "100644 a-b/c\n100644 a.c\n100644 deep"},
		{githost.Change{Message: "replace", Files: fstest.MapFS{"only": {}}, Replace: true}, "100644 only"},
		{githost.Change{Message: "another branch", Branch: "topic", Files: fstest.MapFS{"x": {}}}, "100644 x"},
	} {
		if got := step(tt.change); got != tt.want {
			t.Errorf("%s: tree is\n%s\nwant\n%s", tt.change.Message, got, tt.want)
		}
	}
	if got := gittest.Git(t, w.bare(), "log", "-1", "--format=%an <%ae> %at %s", "main"); got != "Ada <ada@example.com> 1795435200 replace" {
		t.Errorf("log says %s", got)
	}
	if got := gittest.Git(t, w.bare(), "rev-list", "--count", "main"); got != "4" {
		t.Errorf("%s commits, want 4", got)
	}
	w.check(t)
}

// TestRefusesWhatIsNotForIt sends requests that no git client sends.
func TestRefusesWhatIsNotForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.MkdirAll(filepath.Join(w.dir, "not-git.git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(w.bare(), filepath.Join(w.dir, "link.git")); err != nil {
		t.Fatal(err)
	}
	base := strings.TrimSuffix(w.url, "/platform.git")
	const push, fetch = "application/x-git-receive-pack-request", "application/x-git-upload-pack-request"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(make([]byte, 20<<20)); err != nil || z.Close() != nil {
		t.Fatal("gzip")
	}
	for name, tt := range map[string]struct {
		method, path, host, kind, body string
		want                           int
	}{
		"as it should be":            {"GET", "/platform.git/info/refs?service=git-upload-pack", "", "", "", 200},
		"without .git":               {"GET", "/platform/info/refs?service=git-upload-pack", "", "", "", 200},
		"by another name":            {"GET", "/platform.git/info/refs?service=git-upload-pack", "rebound.example.com", "", "", 403},
		"by localhost":               {"GET", "/platform.git/info/refs?service=git-upload-pack", "localhost:80", "", "", 200},
		"dumb":                       {"GET", "/platform.git/info/refs", "", "", "", 403},
		"another service":            {"GET", "/platform.git/info/refs?service=git-shell", "", "", "", 403},
		"refs by POST":               {"POST", "/platform.git/info/refs?service=git-upload-pack", "", "", "", 405},
		"a file":                     {"GET", "/platform.git/HEAD", "", "", "", 404},
		"a path":                     {"GET", "/../platform.git/info/refs?service=git-upload-pack", "", "", "", 404},
		"an encoded path":            {"GET", "/%2e%2e/platform.git/info/refs?service=git-upload-pack", "", "", "", 404},
		"a hidden folder":            {"GET", "/.git/info/refs?service=git-upload-pack", "", "", "", 404},
		"a folder that is none":      {"GET", "/not-git.git/info/refs?service=git-upload-pack", "", "", "", 404},
		"a link":                     {"GET", "/link.git/info/refs?service=git-upload-pack", "", "", "", 404},
		"no repository":              {"GET", "/info/refs?service=git-upload-pack", "", "", "", 404},
		"a form":                     {"POST", "/platform.git/git-receive-pack", "", "application/x-www-form-urlencoded", "0000", 415},
		"plain text":                 {"POST", "/platform.git/git-receive-pack", "", "text/plain", "0000", 415},
		"push by GET":                {"GET", "/platform.git/git-receive-pack", "", push, "", 405},
		"a probe":                    {"POST", "/platform.git/git-receive-pack", "", push, "0000", 200},
		"garbage for a push":         {"POST", "/platform.git/git-receive-pack", "", push, "hello", 400},
		"a push cut short":           {"POST", "/platform.git/git-receive-pack", "", push, "", 400},
		"garbage for a fetch":        {"POST", "/platform.git/git-upload-pack", "", fetch, "000ahello\n", 400},
		"a fetch of protocol v2":     {"POST", "/platform.git/git-upload-pack", "", fetch, "0014command=ls-refs\n0000", 400},
		"a fetch of nothing there":   {"POST", "/platform.git/git-upload-pack", "", fetch, "0032want " + strings.Repeat("ab", 20) + "\n00000009done\n", 200},
		"a request beyond the limit": {"POST", "/platform.git/git-upload-pack", "", fetch, strings.Repeat("0032have "+strings.Repeat("ab", 20)+"\n", 300_000), 400},
		"gzip that is none":          {"POST", "/platform.git/git-upload-pack", "", fetch + "|gzip", "hello", 400},
		"a gzip bomb":                {"POST", "/platform.git/git-upload-pack", "", fetch + "|gzip", zipped.String(), 400},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, base+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			kind, encoding, _ := strings.Cut(tt.kind, "|")
			req.Header.Set("Content-Type", kind)
			req.Header.Set("Content-Encoding", encoding)
			if tt.host != "" {
				req.Host = tt.host
			}
			res, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != tt.want {
				text, _ := io.ReadAll(io.LimitReader(res.Body, 200))
				t.Errorf("status %d, want %d: %s", res.StatusCode, tt.want, text)
			}
		})
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if w.told() != 0 {
		t.Error("a refused request counted as a push")
	}
}

// TestRefusesBrokenPushes pushes packs that lie; no ref may move.
func TestRefusesBrokenPushes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.commit(t, "first", map[string]string{"a": "1"})
	zero, unknown := strings.Repeat("0", 40), strings.Repeat("ab", 20)
	empty := "PACK\x00\x00\x00\x02\x00\x00\x00\x00" + "\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e"
	for name, tt := range map[string]struct{ old, new, ref, pack, says string }{
		"an unknown commit":   {zero, unknown, "refs/heads/x", empty, "ng refs/heads/x a branch must point at a commit"},
		"a stale base":        {unknown, first, "refs/heads/main", empty, "ng refs/heads/main fetch first"},
		"no pack":             {zero, unknown, "refs/heads/x", "", "unpack the pack cannot be read"},
		"garbage":             {zero, unknown, "refs/heads/x", "PACK and more garbage than fits", "unpack the pack cannot be read"},
		"a name with dots":    {zero, first, "refs/heads/../../config", empty, "funny refname"},
		"HEAD itself":         {zero, first, "HEAD", empty, "funny refname"},
		"a delete of nothing": {unknown, zero, "refs/heads/x", "", "ng refs/heads/x fetch first"},
	} {
		t.Run(name, func(t *testing.T) {
			line := tt.old + " " + tt.new + " " + tt.ref + "\x00report-status"
			body := fmt.Sprintf("%04x%s0000%s", len(line)+4, line, tt.pack)
			res, err := http.Post(w.url+"/git-receive-pack", "application/x-git-receive-pack-request", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil || !strings.Contains(string(text), tt.says) {
				t.Errorf("answer %d %q, %v; want %q", res.StatusCode, text, err, tt.says)
			}
		})
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if got := w.told(); got != 1 {
		t.Errorf("told of %d pushes, want the one that made the repository", got)
	}
	if gittest.RequireGit(t); gittest.Git(t, w.bare(), "rev-parse", "main") != first {
		t.Error("main moved")
	}
	w.check(t)
}

func TestRefusesNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"", ".", "..", "../x", "a/../b", "/etc", "-x", ".hidden", "a/b/c", "a b", "a\\b", "a\x00", strings.Repeat("x", 300), "platform"} {
		if err := w.host.Create(name); err == nil {
			t.Errorf("Create(%q) made something", name)
		}
	}
	if err := w.host.Create("acme/platform.git"); err != nil {
		t.Error(err)
	}
	if _, err := w.host.Commit("missing", githost.Change{}); err == nil {
		t.Error("Commit to a repository that is not there")
	}
}
