package gitsource_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// TestFolderHashesAsGitDoes compares the names of every file and folder of a
// work tree with those that Git gives them.
func TestFolderHashesAsGitDoes(t *testing.T) {
	gittest.RequireGit(t)
	dir := t.TempDir()
	gittest.Write(t, dir, map[string]string{
		"net/v1/schema/schema.yaml": "a", "net/v1/x": "b", "net.yaml": "c", "net-2/f": "d", ".gitignore": "*.log\n/cache/\n",
		"run.log": "ignored", "cache/deep/f": "ignored", "net/cache/f": "kept", "empty.yaml": "",
	})
	for _, empty := range []string{"empty/below", "net/v1/nothing"} { // Git knows none of them
		if err := os.MkdirAll(filepath.Join(dir, empty), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "net-2/f"), 0o755); err != nil {
		t.Fatal(err)
	}
	gittest.Git(t, dir, "init", "-q")
	gittest.Git(t, dir, "add", "-A")
	tree := strings.TrimSpace(gittest.Git(t, dir, "write-tree"))

	folder, err := gitsource.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := folder.Hash("."); err != nil || got != tree {
		t.Errorf("hash of the root: %s, %v; git says %s", got, err, tree)
	}
	for line := range strings.Lines(gittest.Git(t, dir, "ls-tree", "-r", "-t", tree)) {
		fields := strings.Fields(line)
		if got, err := folder.Hash(fields[3]); err != nil || got != fields[2] {
			t.Errorf("hash of %s: %s, %v; git says %s", fields[3], got, err, fields[2])
		}
	}
	var names []string
	err = fs.WalkDir(folder, ".", func(p string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			names = append(names, p)
		}
		return err
	})
	if got, want := strings.Join(names, " "), ".gitignore empty.yaml net/cache/f net/v1/schema/schema.yaml net/v1/x net-2/f net.yaml"; err != nil || len(strings.Fields(got)) != len(strings.Fields(want)) {
		t.Errorf("files: %s, %v; want %s", got, err, want)
	}
}
