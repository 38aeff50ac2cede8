package gitsource_test

import (
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
			Parent: first, Path: "a.txt", Data: []byte("2"), Author: "ann <x>", Email: "ann@example.com", Message: "Write two\n",
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
		change.Parent, change.Path = pushed, "none.txt"
		_, err = c.Push(t.Context(), r, change)
		wantKind(t, err, gitsource.KindNoPath)
	})
}

func TestPushIsRefused(t *testing.T) {
	t.Parallel()
	server := gittest.NewServer(t, gittest.Options{})
	remote := server.Create(t, "platform")
	first := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	c := newClient(t, gitsource.Config{})
	change := gitsource.Change{Parent: first, Path: "a", Data: []byte("2"), Author: "ann", Email: "ann@example.com", Message: "two", When: time.Unix(1, 0)}

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
