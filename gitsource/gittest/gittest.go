// Package gittest gives tests a real Git server: bare repositories on disk behind
// git http-backend or an ssh server, and the push hook a forge would send. It
// knows how to run the git program; it is imported by tests alone.
package gittest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// RequireGit skips the test when there is no git program; it fails it when the
// environment variable BARYON_REQUIRE lists git.
func RequireGit(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("git"); err == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "git") {
		t.Fatal("git is not installed, and BARYON_REQUIRE names it")
	}
	t.Skip("git is not installed")
}

// Env is the environment git runs in: no configuration of the machine or the
// user, a fixed author and clock, no prompts.
func Env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	}
}

// Git runs git in dir, fails the test when it fails, and returns what it printed
// without the last newline.
func Git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := TryGit(dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TryGit is Git for commands that may fail; it returns everything git printed.
func TryGit(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, Env()
	out, err := cmd.CombinedOutput()
	return strings.TrimSuffix(string(out), "\n"), err
}

// Repo is a bare repository on disk.
type Repo struct {
	Dir string
	// URL is where a server serves it; empty when none does.
	URL string
}

// NewRepo makes an empty bare repository whose default branch is main. Pushing to
// it over HTTP is allowed.
func NewRepo(t testing.TB, dir string) *Repo {
	t.Helper()
	RequireGit(t)
	Git(t, "", "init", "--quiet", "--bare", "--initial-branch=main", dir)
	Git(t, dir, "config", "http.receivepack", "true")
	return &Repo{Dir: dir}
}

// File is one file of a commit.
type File struct {
	Path, Content string
	// Mode is Git's: 100644 when empty, 100755, 120000 for a link whose target is
	// Content, 160000 for a submodule at the commit named by Content.
	Mode   string
	Delete bool
}

// Commit adds a commit to a branch, made by git itself without a work tree, and
// returns its hash. The files are written over those of the branch.
func (r *Repo) Commit(t testing.TB, branch, message string, files map[string]string) string {
	t.Helper()
	var list []File
	for path, content := range files {
		list = append(list, File{Path: path, Content: content})
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return r.CommitFiles(t, branch, message, list...)
}

// CommitFiles is Commit with modes and deletions.
func (r *Repo) CommitFiles(t testing.TB, branch, message string, files ...File) string {
	t.Helper()
	var b strings.Builder
	ref := "refs/heads/" + branch
	fmt.Fprintf(&b, "commit %s\ncommitter Ada <ada@example.com> %d +0000\ndata %d\n%s\n", ref, r.clock(t, ref), len(message), message)
	if _, err := TryGit(r.Dir, "rev-parse", "--verify", "--quiet", ref); err == nil {
		fmt.Fprintf(&b, "from %s^0\n", ref)
	}
	for _, f := range files {
		mode := f.Mode
		if mode == "" {
			mode = "100644"
		}
		switch {
		case f.Delete:
			fmt.Fprintf(&b, "D %s\n", f.Path)
		case mode == "160000":
			fmt.Fprintf(&b, "M %s %s %s\n", mode, f.Content, f.Path)
		default:
			fmt.Fprintf(&b, "M %s inline %s\ndata %d\n%s\n", mode, f.Path, len(f.Content), f.Content)
		}
	}
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Env, cmd.Stdin = r.Dir, Env(), strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	return r.Head(t, branch)
}

// clock gives each commit of a branch a later second than the one before.
func (r *Repo) clock(t testing.TB, ref string) int64 {
	t.Helper()
	const begin = 1_700_000_000
	out, err := TryGit(r.Dir, "rev-list", "--count", ref)
	if err != nil {
		return begin
	}
	var n int64
	if _, err := fmt.Sscan(out, &n); err != nil {
		t.Fatal(err)
	}
	return begin + n
}

// Head returns where a branch stands.
func (r *Repo) Head(t testing.TB, branch string) string {
	t.Helper()
	return Git(t, r.Dir, "rev-parse", "refs/heads/"+branch)
}

// Clone makes a work tree of the repository, from its URL when it has one, and
// returns its folder.
func (r *Repo) Clone(t testing.TB) string {
	t.Helper()
	from := r.URL
	if from == "" {
		from = r.Dir
	}
	dir := filepath.Join(t.TempDir(), "work")
	Git(t, "", "clone", "--quiet", from, dir)
	return dir
}

// Write puts files into a folder, making the folders they need.
func Write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for path, content := range files {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Push writes files into a work tree, commits them and pushes the branch it is
// on; it returns the commit.
func Push(t testing.TB, work, message string, files map[string]string, args ...string) string {
	t.Helper()
	Write(t, work, files)
	Git(t, work, "add", "--all")
	Git(t, work, "commit", "--quiet", "--allow-empty", "-m", message)
	Git(t, work, append([]string{"push", "--quiet", "origin", "HEAD"}, args...)...)
	return Git(t, work, "rev-parse", "HEAD")
}
