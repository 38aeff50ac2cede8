package gitsource_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveVariable); dir != "" {
		serveForBench(dir)
	}
	goleak.VerifyTestMain(m)
}

func newClient(t testing.TB, cfg gitsource.Config) *gitsource.Client {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	c, err := gitsource.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A way is one manner of reaching a repository.
type way struct {
	name string
	mode gitsource.Mode
	make func(t *testing.T) (*gittest.Repo, gitsource.Repo)
}

// ways lists every manner; a test that holds for one holds for all.
func ways() []way {
	overHTTP := func(t *testing.T) (*gittest.Repo, gitsource.Repo) {
		r := gittest.NewServer(t, gittest.Options{}).Create(t, "platform")
		return r, gitsource.Repo{Name: "platform", URL: r.URL, Branch: "main"}
	}
	oldHTTP := func(t *testing.T) (*gittest.Repo, gitsource.Repo) {
		r := gittest.NewServer(t, gittest.Options{Wrap: beforeV2}).Create(t, "platform")
		return r, gitsource.Repo{Name: "platform", URL: r.URL, Branch: "main"}
	}
	overSSH := func(v2 bool) func(*testing.T) (*gittest.Repo, gitsource.Repo) {
		return func(t *testing.T) (*gittest.Repo, gitsource.Repo) {
			s := gittest.NewSSHServer(t, v2)
			r := s.Create(t, "platform")
			auth := gitsource.Auth{SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHosts}
			return r, gitsource.Repo{Name: "platform", URL: r.URL, Branch: "main", Auth: auth}
		}
	}
	onDisk := func(t *testing.T) (*gittest.Repo, gitsource.Repo) {
		r := gittest.NewRepo(t, filepath.Join(t.TempDir(), "local.git"))
		return r, gitsource.Repo{Name: "platform", URL: r.Dir, Branch: "main"}
	}
	return []way{
		{"http", gitsource.ModeGoGit, overHTTP},
		{"http before v2", gitsource.ModeGoGit, oldHTTP},
		{"http by git", gitsource.ModeGit, overHTTP},
		{"ssh", gitsource.ModeGoGit, overSSH(true)},
		{"ssh before v2", gitsource.ModeGoGit, overSSH(false)},
		{"ssh by git", gitsource.ModeGit, overSSH(true)},
		{"disk", gitsource.ModeAuto, onDisk},
	}
}

// beforeV2 makes a server deaf to protocol v2, as old ones are.
func beforeV2(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Git-Protocol")
		next.ServeHTTP(w, r)
	})
}

func each(t *testing.T, f func(*testing.T, *gitsource.Client, *gittest.Repo, gitsource.Repo)) {
	t.Helper()
	gittest.RequireGit(t)
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			remote, r := w.make(t)
			f(t, newClient(t, gitsource.Config{Transport: w.mode}), remote, r)
		})
	}
}

// read returns one file of what the branch stands at.
func read(t *testing.T, c *gitsource.Client, r gitsource.Repo, name string) string {
	t.Helper()
	head, err := c.Head(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := c.Tree(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func wantKind(t *testing.T, err error, kind gitsource.Kind) {
	t.Helper()
	if gitsource.KindOf(err) != kind {
		t.Errorf("error is %q (%v), want kind %q", gitsource.KindOf(err), err, kind)
	}
}

func TestFollowsPushes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *gitsource.Client, remote *gittest.Repo, r gitsource.Repo) {
		for _, want := range []string{"one", "two", "three"} {
			pushed := remote.Commit(t, "main", "say "+want, map[string]string{"dir/a.txt": want})
			if head, err := c.Head(t.Context(), r); err != nil || head != pushed {
				t.Fatalf("Head = %q, %v; want %q", head, err, pushed)
			}
			if got := read(t, c, r, "dir/a.txt"); got != want {
				t.Errorf("dir/a.txt = %q, want %q", got, want)
			}
		}
	})
}

func TestSeesPackedAndTaggedRefs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *gitsource.Client, remote *gittest.Repo, r gitsource.Repo) {
		want := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
		gittest.Git(t, remote.Dir, "tag", "--annotate", "-m", "first", "v1", want)
		gittest.Git(t, remote.Dir, "pack-refs", "--all")
		for _, branch := range []string{"main", "", "refs/tags/v1", "refs/heads/main"} {
			r.Branch = branch
			if got, err := c.Head(t.Context(), r); err != nil || got != want {
				t.Errorf("Head of %q = %q, %v; want %q", branch, got, err, want)
			}
			if _, err := c.Tree(t.Context(), r, want); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *gitsource.Client, remote *gittest.Repo, r gitsource.Repo) {
		_, err := c.Head(t.Context(), r)
		wantKind(t, err, gitsource.KindEmpty)

		commit := remote.Commit(t, "main2", "one", map[string]string{"a/b": "1"})
		_, err = c.Head(t.Context(), r)
		wantKind(t, err, gitsource.KindNoBranch)
		unnamed := r
		unnamed.Branch = ""
		_, err = c.Head(t.Context(), unnamed)
		wantKind(t, err, gitsource.KindNoBranch)
		if !strings.Contains(fmt.Sprint(err), "its default branch") || strings.Contains(fmt.Sprint(err), `branch ""`) {
			t.Errorf("the error does not tell of the default branch: %v", err)
		}

		remote.Commit(t, "main", "one", map[string]string{"a/b": "1"})
		r.Branch = "mai"
		_, err = c.Head(t.Context(), r)
		wantKind(t, err, gitsource.KindNoBranch)
		if !strings.Contains(fmt.Sprint(err), `default branch is "main"`) && filepath.IsAbs(r.URL) == false {
			t.Errorf("the error does not name the default branch: %v", err)
		}

		r.Branch = "main2"
		for path, kind := range map[string]gitsource.Kind{
			"nowhere": gitsource.KindNoPath, "a/b": gitsource.KindNoPath, "../x": gitsource.KindInvalid, "a/..//x": gitsource.KindNoPath,
		} {
			r.Path = path
			_, err = c.Tree(t.Context(), r, commit)
			wantKind(t, err, kind)
		}
		r.Path = "."
		_, err = c.Tree(t.Context(), r, strings.Repeat("0123456789", 4))
		wantKind(t, err, gitsource.KindNoCommit)
		_, err = c.Tree(t.Context(), r, "main")
		wantKind(t, err, gitsource.KindInvalid)

		r.URL = strings.TrimSuffix(r.URL, ".git") + "-missing.git"
		_, err = c.Head(t.Context(), r)
		wantKind(t, err, gitsource.KindNotFound)
		var e *gitsource.Error
		if !errors.As(err, &e) || e.Repo != "platform" || e.Next == "" || e.Transient() {
			t.Errorf("error = %#v, want the name, a next step, and no hope in waiting", e)
		}
	})
}

func TestFollowsAForcePush(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *gitsource.Client, remote *gittest.Repo, r gitsource.Repo) {
		first := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
		var last string
		for i := range 4 {
			last = remote.Commit(t, "main", "more", map[string]string{"a": fmt.Sprint("more ", i)})
		}
		if got := read(t, c, r, "a"); got != "more 3" {
			t.Fatalf("a = %q", got)
		}
		gittest.Git(t, remote.Dir, "update-ref", "refs/heads/main", first)
		other := remote.Commit(t, "main", "other", map[string]string{"a": "other"})
		if got := read(t, c, r, "a"); got != "other" {
			t.Errorf("a = %q after the force push, want other", got)
		}
		for _, tt := range []struct {
			name, old, next string
			want            bool
		}{
			{"forward", first, last, true}, {"the same", other, other, true}, {"fresh start", first, other, true},
			{"rewound", last, first, false}, {"replaced", last, other, false},
			{"unknown", strings.Repeat("ab", 20), other, false},
		} {
			if got, err := c.Descends(t.Context(), r, tt.old, tt.next); err != nil || got != tt.want {
				t.Errorf("%s: Descends = %v, %v; want %v", tt.name, got, err, tt.want)
			}
		}
	})
}

func TestDescribesACommit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *gitsource.Client, remote *gittest.Repo, r gitsource.Repo) {
		hash := remote.Commit(t, "main", "Raise the limit\n\nbecause\x1b[31m", map[string]string{"a": "1"})
		got, err := c.Commit(t.Context(), r, hash)
		want := gitsource.Commit{Hash: hash, Author: "Ada", Email: "ada@example.com", Subject: "Raise the limit", Time: time.Unix(1_700_000_000, 0).UTC()}
		if err != nil || got != want {
			t.Errorf("Commit = %+v, %v; want %+v", got, err, want)
		}
	})
}

// TestReadsAtOnce lets many readers race for one commit: the mirror is fetched
// once, and nobody sees half of it.
func TestReadsAtOnce(t *testing.T) {
	t.Parallel()
	var packs atomic.Int32
	server := gittest.NewServer(t, gittest.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				packs.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}})
	remote := server.Create(t, "platform")
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("d%d/f", i)] = strings.Repeat("x", i)
	}
	commit := remote.Commit(t, "main", "one", files)
	c := newClient(t, gitsource.Config{})
	r := gitsource.Repo{Name: "platform", URL: remote.URL, Branch: "main"}
	if _, err := c.Head(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	packs.Store(0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			tree, err := c.Tree(t.Context(), r, commit)
			if err != nil {
				t.Error(err)
				return
			}
			n := 0
			if err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					n++
					_, err = fs.ReadFile(tree, p)
				}
				return err
			}); err != nil || n != 50 {
				t.Errorf("read %d files, %v", n, err)
			}
		})
	}
	all.Wait()
	if n := packs.Load(); n != 1 {
		t.Errorf("%d questions for 8 readers of one commit, want 1", n)
	}
}

// TestListsOneRefOfMany checks that listing does not read what it does not want.
func TestListsOneRefOfMany(t *testing.T) {
	t.Parallel()
	var questions atomic.Int32
	server := gittest.NewServer(t, gittest.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			questions.Add(1)
			next.ServeHTTP(&counting{w, t, 4096}, r)
		})
	}})
	remote := server.Create(t, "platform")
	commit := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	var refs strings.Builder
	for i := range 500 {
		fmt.Fprintf(&refs, "%s refs/heads/topic/%d\n", commit, i)
	}
	if err := os.WriteFile(filepath.Join(remote.Dir, "packed-refs"), []byte(refs.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, gitsource.Config{})
	r := gitsource.Repo{Name: "platform", URL: remote.URL, Branch: "main"}
	for _, branch := range []string{"main", "topic/499"} {
		r.Branch = branch
		if got, err := c.Head(t.Context(), r); err != nil || got != commit {
			t.Errorf("Head of %s = %q, %v", branch, got, err)
		}
	}
	if n := questions.Load(); n != 2 {
		t.Errorf("%d requests for two lists, want 2", n)
	}
}

// counting fails the test when an answer is longer than it has room for.
type counting struct {
	http.ResponseWriter
	t    *testing.T
	room int
}

func (c *counting) Write(p []byte) (int, error) {
	if c.room -= len(p); c.room < 0 {
		c.t.Error("the answer is as long as the list of all refs")
	}
	return c.ResponseWriter.Write(p)
}

// TestKeepsTheTokenSecret fails in every way with a token and looks for it in
// errors, logs and files.
func TestKeepsTheTokenSecret(t *testing.T) {
	t.Parallel()
	const canary = "ghp_canary0123456789"
	server := gittest.NewServer(t, gittest.Options{Username: "bot", Password: "right"})
	remote := server.Create(t, "platform")
	commit := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	echoes := []string{echoServer(t, 0), echoServer(t, 290), echoServer(t, 330)}
	for _, mode := range []gitsource.Mode{gitsource.ModeGoGit, gitsource.ModeGit} {
		t.Run(string(mode), func(t *testing.T) {
			core, logs := observer.New(zap.DebugLevel)
			dir := t.TempDir()
			c := newClient(t, gitsource.Config{Dir: dir, Transport: mode, Log: zap.New(core)})
			r := gitsource.Repo{Name: "platform", URL: remote.URL, Branch: "main"}
			_, err := c.Head(t.Context(), r)
			wantKind(t, err, gitsource.KindDenied)

			r.Auth = gitsource.Auth{Username: "bot", TokenFile: gittest.SecretFile(t, canary)}
			_, err = c.Head(t.Context(), r)
			wantKind(t, err, gitsource.KindDenied)
			said := []string{fmt.Sprintf("%v %+v %#v", err, err, err)}
			_, err = c.Tree(t.Context(), r, commit)
			wantKind(t, err, gitsource.KindDenied)
			said = append(said, err.Error())
			for _, r.URL = range echoes {
				_, err = c.Head(t.Context(), r)
				if err == nil {
					t.Error("no error from a server that answers with what it was sent")
				}
				said = append(said, fmt.Sprint(err))
			}

			r.URL, r.Auth.TokenFile = remote.URL, gittest.SecretFile(t, "right")
			if got := read(t, c, r, "a"); got != "1" {
				t.Errorf("a = %q", got)
			}
			for _, e := range logs.All() {
				said = append(said, fmt.Sprint(e.Message, e.ContextMap()))
			}
			said = append(said, everyFile(t, dir))
			for _, text := range said {
				for _, secret := range []string{canary[:6], "cmlnaHQ", "Y2FuYXJ5", "Ym90Om"} {
					if strings.Contains(text, secret) {
						t.Errorf("a secret (%s) shows up in %.300q", secret, text)
					}
				}
			}
		})
	}
}

// everyFile is the text of all small files below a folder.
func everyFile(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s\n%s\n", path, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestReadsACredentialEachTime(t *testing.T) {
	server := gittest.NewServer(t, gittest.Options{Password: "second"})
	remote := server.Create(t, "platform")
	commit := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	c := newClient(t, gitsource.Config{})
	t.Setenv("BARYON_TEST_TOKEN", "first")
	r := gitsource.Repo{Name: "platform", URL: remote.URL, Branch: "main", Auth: gitsource.Auth{TokenEnv: "BARYON_TEST_TOKEN"}}
	_, err := c.Head(t.Context(), r)
	wantKind(t, err, gitsource.KindDenied)
	t.Setenv("BARYON_TEST_TOKEN", "second")
	if got, err := c.Head(t.Context(), r); err != nil || got != commit {
		t.Errorf("Head with the new token = %q, %v", got, err)
	}
	t.Setenv("BARYON_TEST_TOKEN", "")
	_, err = c.Head(t.Context(), r)
	wantKind(t, err, gitsource.KindInvalid)
}

func TestStopsWithItsContext(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	server := gittest.NewServer(t, gittest.Options{Wrap: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		})
	}})
	t.Cleanup(func() { close(hang) })
	for _, mode := range []gitsource.Mode{gitsource.ModeGoGit, gitsource.ModeGit} {
		t.Run(string(mode), func(t *testing.T) {
			r := gitsource.Repo{Name: "platform", URL: server.URL + "/platform.git", Branch: "main"}
			c := newClient(t, gitsource.Config{Transport: mode})
			ctx, cancel := context.WithCancel(t.Context())
			stop := time.AfterFunc(100*time.Millisecond, cancel)
			defer stop.Stop()
			if _, err := c.Head(ctx, r); !errors.Is(err, context.Canceled) {
				t.Errorf("Head = %v, want it to be cancelled", err)
			}
			c = newClient(t, gitsource.Config{Transport: mode, ListTimeout: 100 * time.Millisecond})
			_, err := c.Head(t.Context(), r)
			wantKind(t, err, gitsource.KindUnreachable)
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "100ms") {
				t.Errorf("Head = %v, want the time-out named", err)
			}
		})
	}
}
