package gitsource_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// packs counts the packs of the one mirror below a folder.
func packs(t *testing.T, dir string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", "objects", "pack", "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestMaintain grows a mirror by many fetches and tidies it, with git and without.
func TestMaintain(t *testing.T) {
	for name, path := range map[string]string{"by git": "", "without git": "/nonexistent"} {
		t.Run(name, func(t *testing.T) {
			remote := gittest.NewServer(t, gittest.Options{Password: "right"}).Create(t, "platform")
			dir := t.TempDir()
			c := newClient(t, gitsource.Config{Dir: dir, RepackAfter: 5})
			r := gitsource.Repo{Name: "platform", URL: remote.URL, Auth: gitsource.Auth{TokenFile: gittest.SecretFile(t, "right")}}
			var tree *gitsource.Tree
			for i := range 8 {
				// A branch "topic" gives way to "topic/a": names never clash in a mirror.
				r.Branch = []string{"main", "topic", "topic/a"}[min(i/2, 2)]
				if r.Branch == "topic/a" {
					gittest.TryGit(remote.Dir, "update-ref", "-d", "refs/heads/topic")
				}
				commit := remote.Commit(t, r.Branch, fmt.Sprint(i), map[string]string{"a": fmt.Sprint(i), "b": fmt.Sprint("b", i)})
				files, err := c.Tree(t.Context(), r, commit)
				if err != nil {
					t.Fatal(err)
				}
				if i == 1 {
					tree = files
				}
			}
			if n := packs(t, dir); n != 8 {
				t.Fatalf("%d packs after 8 fetches", n)
			}
			if path != "" {
				t.Setenv("PATH", path)
			}
			if err := c.Maintain(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := packs(t, dir); n > 2 {
				t.Errorf("%d packs after maintenance", n)
			}
			if got, err := fs.ReadFile(tree, "a"); err != nil || string(got) != "1" {
				t.Errorf("a Tree from before reads %q, %v", got, err)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(left) != 1 {
				t.Errorf("left behind: %v", left)
			}
			if got := read(t, c, r, "a"); got != "7" {
				t.Errorf("a = %q", got)
			}
		})
	}
}

// TestRepacksUnasked fetches until the mirror tidies itself.
func TestRepacksUnasked(t *testing.T) {
	t.Parallel()
	remote := gittest.NewServer(t, gittest.Options{}).Create(t, "platform")
	dir := t.TempDir()
	c := newClient(t, gitsource.Config{Dir: dir, RepackAfter: 2})
	r := gitsource.Repo{Name: "platform", URL: remote.URL, Branch: "main"}
	for i := range 12 {
		remote.Commit(t, "main", fmt.Sprint(i), map[string]string{"a": fmt.Sprint(i)})
		if got := read(t, c, r, "a"); got != fmt.Sprint(i) {
			t.Errorf("a = %q, want %d", got, i)
		}
		if n := packs(t, dir); n > 4 {
			t.Fatalf("%d packs", n)
		}
	}
}

// TestKeepsAMirror starts again over the mirrors of an earlier run, one of them
// damaged in the way a crash leaves it.
func TestKeepsAMirror(t *testing.T) {
	t.Parallel()
	remote := gittest.NewServer(t, gittest.Options{}).Create(t, "platform")
	remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	dir := t.TempDir()
	r := gitsource.Repo{Name: "platform", URL: remote.URL, Branch: "main"}
	if got := read(t, newClient(t, gitsource.Config{Dir: dir}), r, "a"); got != "1" {
		t.Fatalf("a = %q", got)
	}
	mirrors, err := filepath.Glob(filepath.Join(dir, "127.0.0.1-platform-*.git"))
	if err != nil || len(mirrors) != 1 {
		t.Fatalf("mirrors: %v, %v", mirrors, err)
	}
	if config := everyFile(t, mirrors[0]); !strings.Contains(config, "bare = true") {
		t.Error("the mirror is not bare")
	}
	gittest.Git(t, mirrors[0], "fsck", "--full", "--strict")
	gittest.Write(t, mirrors[0], map[string]string{"objects/pack/tmp_pack_123": "half", "incoming-1.pack": "half"})
	again := newClient(t, gitsource.Config{Dir: dir})
	remote.Commit(t, "main", "two", map[string]string{"a": "2"})
	if got := read(t, again, r, "a"); got != "2" {
		t.Errorf("a = %q", got)
	}
	if n := packs(t, dir); n != 2 {
		t.Errorf("%d packs: the second run should only fetch what is new", n)
	}
	left, err := filepath.Glob(filepath.Join(mirrors[0], "objects", "pack", "tmp_*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
