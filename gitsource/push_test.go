package gitsource_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

func TestPush(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *gitsource.Client, remote *gittest.Repo, r gitsource.Repo) {
		first := remote.CommitFiles(t, "main", "one", gittest.File{Path: "dir/a.txt", Content: "1", Mode: "100755"}, gittest.File{Path: "dir/b.txt", Content: "b"},
			gittest.File{Path: "dir.txt", Content: "c"})
		r.Path = "dir"
		change := gitsource.Change{
			Parent: first, Files: []gitsource.Replacement{{Path: "a.txt", Data: []byte("2")}}, Author: "ann <x>", Email: "ann@example.com", Message: "Write two\n",
			When: time.Unix(1_800_000_000, 0).UTC(),
		}
		pushed, err := c.Push(t.Context(), r, change)
		if err != nil {
			t.Fatal(err)
		}
		if head := remote.Head(t, "main"); head != pushed {
			t.Errorf("the branch stands at %s, want %s", head, pushed)
		}
		const said = "ann x <ann@example.com> Baryon Write two"
		if got := gittest.Git(t, remote.Dir, "log", "-1", "--format=%an <%ae> %cn %s", "main"); got != said {
			t.Errorf("the commit is %q, want %q", got, said)
		}
		if got := gittest.Git(t, remote.Dir, "diff", "--raw", "--abbrev=4", "--no-renames", "--name-status", first, pushed); got != "M\tdir/a.txt" {
			t.Errorf("changed is %q", got)
		}
		if got := gittest.Git(t, remote.Dir, "ls-tree", pushed, "dir/a.txt"); got[:6] != "100755" {
			t.Errorf("the file is %q", got)
		}
		gittest.Git(t, remote.Dir, "fsck", "--strict")
		if head, err := c.Head(t.Context(), r); err != nil || head != pushed {
			t.Errorf("Head = %q, %v", head, err)
		}
		if _, err := c.Tree(t.Context(), r, pushed); err != nil {
			t.Error(err)
		}

		// Nothing is forced.
		_, err = c.Push(t.Context(), r, change)
		wantKind(t, err, gitsource.KindMoved)
		if head := remote.Head(t, "main"); head != pushed {
			t.Errorf("the branch stands at %s, want %s", head, pushed)
		}
		change.Parent, change.Files = pushed, []gitsource.Replacement{{Path: "none.txt"}}
		_, err = c.Push(t.Context(), r, change)
		wantKind(t, err, gitsource.KindNoPath)

		// Several files at once, on a branch of their own; a folder goes with its last file.
		change.Files = []gitsource.Replacement{{Path: "sub/deep/x", Gone: true}, {Path: "b.txt", Data: []byte("B")}, {Path: "a.txt", Gone: true}}
		change.Branch, change.New, change.Parent = "proposals/one", true, remote.CommitFiles(t, "main", "three", gittest.File{Path: "dir/sub/deep/x"})
		pushed, err = c.Push(t.Context(), r, change)
		if err != nil {
			t.Fatal(err)
		}
		if got := gittest.Git(t, remote.Dir, "ls-tree", "-r", "--name-only", "proposals/one"); got != "dir.txt\ndir/b.txt" {
			t.Errorf("the new branch holds %q", got)
		}
		gittest.Git(t, remote.Dir, "fsck", "--strict")
		_, err = c.Push(t.Context(), r, change)
		wantKind(t, err, gitsource.KindMoved) // it is there by now
		change.Parent, change.New, change.Files = pushed, false, []gitsource.Replacement{{Path: "b.txt", Data: []byte("C")}}
		if pushed, err = c.Push(t.Context(), r, change); err != nil || remote.Head(t, "proposals/one") != pushed || remote.Head(t, "main") == pushed {
			t.Errorf("the new branch moved on to %s, %v", pushed, err)
		}
		other := remote.CommitFiles(t, "main", "four", gittest.File{Path: "dir/b.txt", Content: "main"}, gittest.File{Path: "dir/new.txt", Content: "n"})
		if _, err := c.Tree(t.Context(), r, other); err != nil {
			t.Fatal(err)
		}
		change.Parent, change.Merge, change.Files = pushed, other, []gitsource.Replacement{{Path: "b.txt", Data: []byte("both")}}
		if pushed, err = c.Push(t.Context(), r, change); err != nil {
			t.Fatal(err)
		}
		if got := gittest.Git(t, remote.Dir, "log", "-1", "--format=%P", pushed); got != change.Parent+" "+other {
			t.Errorf("the merge has the parents %s", got)
		}
		if got := gittest.Git(t, remote.Dir, "diff", "--name-only", other, pushed); got != "dir/b.txt" {
			t.Errorf("the merge differs from what was merged in %q", got)
		}
	})
}

func TestPushIsRefused(t *testing.T) {
	t.Parallel()
	server := gittest.NewServer(t, gittest.Options{})
	remote := server.Create(t, "platform")
	first := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	c := newClient(t, gitsource.Config{})
	change := gitsource.Change{Parent: first, Files: []gitsource.Replacement{{Path: "a", Data: []byte("2")}}, Author: "ann", Email: "ann@example.com", Message: "two", When: time.Unix(1, 0)}

	gittest.Git(t, remote.Dir, "config", "http.receivepack", "false")
	_, err := c.Push(t.Context(), gitsource.Repo{URL: remote.URL, Branch: "main"}, change)
	wantKind(t, err, gitsource.KindDenied)

	work := remote.Clone(t)
	_, err = c.Push(t.Context(), gitsource.Repo{URL: work, Branch: "main"}, change)
	wantKind(t, err, gitsource.KindDenied) // it is checked out
	gittest.Git(t, work, "checkout", "--quiet", "-b", "other")
	gittest.Git(t, work, "pack-refs", "--all")
	pushed, err := c.Push(t.Context(), gitsource.Repo{URL: work, Branch: "main"}, change)
	if got := gittest.Git(t, work, "rev-parse", "main"); err != nil || got != pushed {
		t.Errorf("main is %s, want %s, %v", got, pushed, err)
	}

	gittest.Git(t, remote.Dir, "tag", "v1", first)
	_, err = c.Push(t.Context(), gitsource.Repo{URL: remote.Dir, Branch: "refs/tags/v1"}, change)
	wantKind(t, err, gitsource.KindInvalid)
}

// What a host says about a push that it refuses reaches whoever asked for it.
func TestPushRefusedByAHook(t *testing.T) {
	t.Parallel()
	server := gittest.NewServer(t, gittest.Options{})
	c := newClient(t, gitsource.Config{})
	for name, tt := range map[string]struct{ hook, says, next string }{
		"pre-receive": {"echo 'add a ticket number' >&2; exit 1", "pre-receive hook declined; it says: add a ticket number", "as the hook wants it"},
		"update":      {"echo 'GH006: Protected branch update failed' >&2; exit 1", "GH006: Protected branch update failed", "pull requests"},
		"post-update": {"exit 1", "", ""}, // it is too late then
	} {
		remote := server.Create(t, name)
		first := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
		gittest.Write(t, remote.Dir, map[string]string{"hooks/" + name: "#!/bin/sh\n" + tt.hook + "\n"})
		if err := os.Chmod(filepath.Join(remote.Dir, "hooks", name), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := c.Push(t.Context(), gitsource.Repo{URL: remote.URL, Branch: "main"}, gitsource.Change{
			Parent: first, Files: []gitsource.Replacement{{Path: "a", Data: []byte("2")}}, Author: "ann", Email: "ann@example.com", Message: "two", When: time.Unix(1, 0),
		})
		if tt.says == "" {
			if err != nil || remote.Head(t, "main") == first {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantKind(t, err, gitsource.KindDenied)
		if !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), tt.next) || remote.Head(t, "main") != first {
			t.Errorf("%s: %v", name, err)
		}
	}
}
