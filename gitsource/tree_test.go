package gitsource_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// local makes a repository on disk.
func local(t testing.TB) (*gittest.Repo, gitsource.Repo) {
	t.Helper()
	r := gittest.NewRepo(t, filepath.Join(t.TempDir(), "local.git"))
	return r, gitsource.Repo{Name: "platform", URL: r.Dir, Branch: "main"}
}

func open(t testing.TB, cfg gitsource.Config, r gitsource.Repo, commit string) *gitsource.Tree {
	t.Helper()
	tree, err := newClient(t, cfg).Tree(t.Context(), r, commit)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestTreeIsAFileSystem(t *testing.T) {
	t.Parallel()
	repo, r := local(t)
	commit := repo.CommitFiles(t, "main", "one",
		gittest.File{Path: "a.txt", Content: "a"}, gittest.File{Path: "a/b.txt", Content: "b"}, gittest.File{Path: "a-b", Content: ""},
		gittest.File{Path: "run.sh", Content: "#!/bin/sh\n", Mode: "100755"}, gittest.File{Path: "deep/er/x", Content: strings.Repeat("x", 100_000)},
		gittest.File{Path: "Case", Content: "1"}, gittest.File{Path: "case", Content: "2"}, gittest.File{Path: "größe", Content: "3"})
	tree := open(t, gitsource.Config{}, r, commit)
	if err := fstest.TestFS(tree, "a.txt", "a/b.txt", "a-b", "run.sh", "deep/er/x", "Case", "case", "größe"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]fs.FileMode{"a.txt": 0o444, "run.sh": 0o555, "a": fs.ModeDir | 0o555, ".": fs.ModeDir | 0o555} {
		info, err := fs.Stat(tree, name)
		if err != nil || info.Mode() != want {
			t.Errorf("mode of %s = %v, %v; want %v", name, info, err, want)
		}
	}
	r.Path = "/deep/"
	scoped := open(t, gitsource.Config{}, r, commit)
	if err := fstest.TestFS(scoped, "er/x"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(scoped, "a.txt"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file outside of the path: %v", err)
	}
}

// TestHashFollowsContent changes one folder and looks at the hash of another.
func TestHashFollowsContent(t *testing.T) {
	t.Parallel()
	repo, r := local(t)
	hashes := func(commit string) map[string]string {
		tree := open(t, gitsource.Config{}, r, commit)
		sub, err := fs.Sub(tree, "env")
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, name := range []string{".", "env", "env/v1", "env/v1/a", "other"} {
			if out[name], err = tree.Hash(name); err != nil {
				t.Fatal(err)
			}
		}
		if below, err := sub.(*gitsource.Tree).Hash("v1"); err != nil || below != out["env/v1"] {
			t.Errorf("hash through Sub = %q, %v; want %q", below, err, out["env/v1"])
		}
		return out
	}
	first := hashes(repo.Commit(t, "main", "one", map[string]string{"env/v1/a": "1", "other/b": "1"}))
	second := hashes(repo.Commit(t, "main", "two", map[string]string{"other/b": "2"}))
	third := hashes(repo.CommitFiles(t, "main", "three", gittest.File{Path: "env/v1/a", Content: "1", Mode: "100755"}))
	for _, tt := range []struct {
		name                  string
		changedTwo, changedSh bool
	}{
		{".", true, true}, {"other", true, false}, {"env", false, true}, {"env/v1", false, true}, {"env/v1/a", false, false},
	} {
		if got := first[tt.name] != second[tt.name]; got != tt.changedTwo {
			t.Errorf("hash of %s changed with other/b: %v", tt.name, got)
		}
		if got := second[tt.name] != third[tt.name]; got != tt.changedSh {
			t.Errorf("hash of %s changed with the mode of env/v1/a: %v", tt.name, got)
		}
	}
	if want := gittest.Git(t, repo.Dir, "rev-parse", "main:env/v1"); third["env/v1"] != want {
		t.Errorf("hash of env/v1 = %s, git says %s", third["env/v1"], want)
	}
}

// TestLinksAndSubmodules lists what is there and opens none of it.
func TestLinksAndSubmodules(t *testing.T) {
	t.Parallel()
	repo, r := local(t)
	commit := repo.CommitFiles(t, "main", "one",
		gittest.File{Path: "real/secret", Content: "x"},
		gittest.File{Path: "bundle/schema.yaml", Content: "../real/secret", Mode: "120000"},
		gittest.File{Path: "bundle/abs", Content: "/etc/passwd", Mode: "120000"},
		gittest.File{Path: "bundle/loop", Content: "loop", Mode: "120000"},
		gittest.File{Path: "dir", Content: "real", Mode: "120000"},
		gittest.File{Path: "module", Content: strings.Repeat("ab", 20), Mode: "160000"})
	tree := open(t, gitsource.Config{}, r, commit)
	for name, rule := range map[string]string{
		"bundle/schema.yaml": "symbolic links", "bundle/abs": "symbolic links", "bundle/loop": "symbolic links", "dir": "symbolic links",
		"dir/secret": "symbolic links", "module": "submodules", "module/x": "submodules",
	} {
		_, readErr := fs.ReadFile(tree, name)
		_, openErr := tree.Open(name)
		_, dirErr := fs.ReadDir(tree, name)
		_, subErr := fs.Sub(tree, name)
		for _, err := range []error{readErr, openErr, dirErr, subErr} {
			e, ok := errors.AsType[*gitsource.EntryError](err)
			if !ok || !strings.Contains(e.Rule, rule) || e.Next == "" {
				t.Errorf("%s: error is %v, want the rule about %s", name, err, rule)
			}
		}
	}
	for name, want := range map[string]fs.FileMode{"dir": fs.ModeSymlink, "bundle/abs": fs.ModeSymlink, "module": fs.ModeIrregular} {
		info, err := fs.Stat(tree, name)
		if err != nil || info.Mode().Type() != want {
			t.Errorf("Stat(%s) = %v, %v; want type %v", name, info, err, want)
		}
	}
	seen := map[string]fs.FileMode{}
	err := fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			seen[p] = d.Type()
		}
		return err
	})
	want := map[string]fs.FileMode{
		"real/secret": 0, "bundle/schema.yaml": fs.ModeSymlink, "bundle/abs": fs.ModeSymlink, "bundle/loop": fs.ModeSymlink,
		"dir": fs.ModeSymlink, "module": fs.ModeIrregular,
	}
	if diff := cmp.Diff(want, seen); err != nil || diff != "" {
		t.Errorf("walk: %v\n%s", err, diff)
	}
	r.Path = "dir"
	_, err = newClient(t, gitsource.Config{}).Tree(t.Context(), r, commit)
	wantKind(t, err, gitsource.KindNoPath)
	if !strings.Contains(fmt.Sprint(err), "symbolic links are not followed") {
		t.Errorf("the error does not name the rule: %v", err)
	}
}

// hashObject stores an object without any of git's checks.
func hashObject(t *testing.T, dir, kind string, content []byte) string {
	t.Helper()
	cmd := exec.Command("git", "hash-object", "-t", kind, "-w", "--stdin", "--literally")
	cmd.Dir, cmd.Env, cmd.Stdin = dir, gittest.Env(), bytes.NewReader(content)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git hash-object: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func rawEntry(t *testing.T, mode, name, hash string) []byte {
	t.Helper()
	h, err := hex.DecodeString(hash)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(mode+" "+name+"\x00"), h...)
}

// TestRefusesHostileNames lists a folder whose tree git itself would not write.
func TestRefusesHostileNames(t *testing.T) {
	t.Parallel()
	repo, r := local(t)
	blob := hashObject(t, repo.Dir, "blob", []byte("x"))
	inner := hashObject(t, repo.Dir, "tree", rawEntry(t, "100644", "pwn", blob))
	hostile := []string{
		".", "..", ".git", ".GIT", ".gIt", "git~1", "GIT~1", ".git.", ".git ", ".git::$INDEX_ALLOCATION", ".g\u200cit", "a/../b", "/etc", "a\\b",
		"latin\xe9", "esc\x1b[31m", "new\nline", strings.Repeat("n", 4096), "twice",
	}
	fine := []string{"CON", "aux.txt", "git~2", ".gitignore", ".github", "twice"}
	var tree []byte
	for _, name := range append(slices.Clone(fine), hostile...) {
		if strings.HasPrefix(strings.ToLower(name), ".git") {
			tree = append(tree, rawEntry(t, "40000", name, inner)...)
		} else {
			tree = append(tree, rawEntry(t, "100644", name, blob)...)
		}
	}
	root := hashObject(t, repo.Dir, "tree", rawEntry(t, "40000", "bundle", hashObject(t, repo.Dir, "tree", tree)))
	commit := gittest.Git(t, repo.Dir, "commit-tree", "-m", "hostile", root)
	gittest.Git(t, repo.Dir, "update-ref", "refs/heads/main", commit)

	files := open(t, gitsource.Config{}, r, commit)
	list, err := fs.ReadDir(files, "bundle")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	slices.Sort(fine)
	if diff := cmp.Diff(fine, names); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	refused, err := files.Refused("bundle")
	if err != nil || len(refused) != len(hostile) {
		t.Errorf("%d entries refused, %v; want %d", len(refused), err, len(hostile))
	}
	for _, e := range refused {
		if e.Rule == "" || strings.ContainsAny(e.Error(), "\x1b\n\x00") {
			t.Errorf("refusal %q", e.Error())
		}
	}
	for _, name := range []string{"bundle/.git", "bundle/.GIT/pwn", "bundle/git~1"} {
		_, err := fs.ReadFile(files, name)
		if _, ok := errors.AsType[*gitsource.EntryError](err); !ok {
			t.Errorf("ReadFile(%s) = %v, want a refusal", name, err)
		}
	}
	if _, err := fs.ReadFile(files, "bundle/../bundle"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a path with ..: %v", err)
	}
	if err := fstest.TestFS(files, "bundle/CON"); err != nil {
		t.Error(err)
	}
}

// TestRefusesBrokenTrees opens commits whose objects are damaged.
func TestRefusesBrokenTrees(t *testing.T) {
	t.Parallel()
	repo, r := local(t)
	for name, content := range map[string][]byte{
		"cut short": []byte("100644 a\x00abc"), "no name": []byte("100644"), "no mode": append([]byte("\x00"), make([]byte, 30)...),
		"a bad mode": append([]byte("9z a\x00"), make([]byte, 20)...),
	} {
		tree := hashObject(t, repo.Dir, "tree", content)
		commit := hashObject(t, repo.Dir, "commit", []byte("tree "+tree+"\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nx"))
		files, err := newClient(t, gitsource.Config{}).Tree(t.Context(), r, commit)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.ReadDir(files, "."); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := fs.ReadFile(files, "a"); err == nil {
			t.Errorf("%s: no error for a file", name)
		}
	}
}

func TestLimitsFiles(t *testing.T) {
	t.Parallel()
	repo, r := local(t)
	commit := repo.Commit(t, "main", "one", map[string]string{"small": strings.Repeat("x", 1000), "large": strings.Repeat("x", 1001)})
	gittest.Git(t, repo.Dir, "repack", "-a", "-d", "-q")
	tree := open(t, gitsource.Config{MaxFile: 1000}, r, commit)
	if _, err := fs.ReadFile(tree, "small"); err != nil {
		t.Error(err)
	}
	_, err := fs.ReadFile(tree, "large")
	if e, ok := errors.AsType[*gitsource.EntryError](err); !ok || !strings.Contains(e.Rule, "1001 bytes") {
		t.Errorf("error is %v, want the size named", err)
	}
	if info, err := fs.Stat(tree, "large"); err != nil || info.Size() != 1001 {
		t.Errorf("Stat = %v, %v", info, err)
	}
}

func TestRecognisesLFSPointers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n": 12345,
		"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n":             -1,
		"version https://git-lfs.github.com/spec/v1\nsize many\n":                   -1,
		"Resources: {}": -1, "": -1,
		"version https://git-lfs.github.com/spec/v1\nsize 1\n" + strings.Repeat("x", 1024): -1,
	} {
		got, ok := gitsource.LFSPointer([]byte(text))
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("LFSPointer(%.60q) = %d, %v; want %d", text, got, ok, want)
		}
	}
}

// TestReadsEveryKindOfCheckout reads repositories as people have them.
func TestReadsEveryKindOfCheckout(t *testing.T) {
	t.Parallel()
	repo, _ := local(t)
	repo.Commit(t, "main", "one", map[string]string{"a": "1"})
	commit := repo.Commit(t, "main", "two", map[string]string{"a": "2"})
	first := gittest.Git(t, repo.Dir, "rev-parse", "main^")
	work := repo.Clone(t)
	linked := filepath.Join(t.TempDir(), "linked")
	gittest.Git(t, work, "worktree", "add", "--quiet", "-b", "topic", linked)
	shared := filepath.Join(t.TempDir(), "shared")
	gittest.Git(t, "", "clone", "--quiet", "--shared", repo.Dir, shared)
	twice := filepath.Join(t.TempDir(), "twice")
	gittest.Git(t, "", "clone", "--quiet", "--shared", shared, twice)
	if err := os.WriteFile(filepath.Join(twice, ".git", "objects", "info", "alternates"), []byte(relative(t, filepath.Join(twice, ".git", "objects"), filepath.Join(shared, ".git", "objects"))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shallow := filepath.Join(t.TempDir(), "shallow")
	gittest.Git(t, "", "clone", "--quiet", "--depth=1", "file://"+repo.Dir, shallow)
	for name, tt := range map[string]struct {
		url, branch string
		descends    bool
	}{
		"work tree": {work, "main", true}, "its .git": {filepath.Join(work, ".git"), "main", true}, "linked work tree": {linked, "topic", true},
		"the head of a linked one": {linked, "", true}, "file URL": {"file://" + repo.Dir, "main", true},
		"borrowed objects": {shared, "main", true}, "borrowed twice": {twice, "main", true}, "shallow": {shallow, "main", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, gitsource.Config{})
			r := gitsource.Repo{Name: "platform", URL: tt.url, Branch: tt.branch}
			if head, err := c.Head(t.Context(), r); err != nil || head != commit {
				t.Errorf("Head = %q, %v; want %q", head, err, commit)
			}
			if got := read(t, c, r, "a"); got != "2" {
				t.Errorf("a = %q", got)
			}
			if got, err := c.Descends(t.Context(), r, first, commit); err != nil || got != tt.descends {
				t.Errorf("Descends = %v, %v; want %v", got, err, tt.descends)
			}
		})
	}
}

func relative(t *testing.T, from, to string) string {
	t.Helper()
	rel, err := filepath.Rel(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

// TestSurvivesARepack keeps a Tree while git moves every object.
func TestSurvivesARepack(t *testing.T) {
	t.Parallel()
	repo, r := local(t)
	files := map[string]string{}
	for i := range 30 {
		files[fmt.Sprintf("d%d/f%d", i%3, i)] = strings.Repeat("x", i)
	}
	commit := repo.Commit(t, "main", "one", files)
	c := newClient(t, gitsource.Config{OpenRepos: 1})
	tree, err := c.Tree(t.Context(), r, commit)
	if err != nil {
		t.Fatal(err)
	}
	other, o := local(t)
	other.Commit(t, "main", "other", map[string]string{"a": "1"})
	n := 0
	err = fs.WalkDir(tree, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if n++; n%10 == 0 {
			repo.Commit(t, "main", "more", map[string]string{"more": fmt.Sprint(n)})
			gittest.Git(t, repo.Dir, "repack", "-a", "-d", "-q")
			gittest.Git(t, repo.Dir, "prune-packed")
			read(t, c, o, "a") // takes the one place in the pool
		}
		f, err := tree.Open(p)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(f)
		if string(data) != files[p] {
			t.Errorf("%s = %q", p, data)
		}
		return err
	})
	if err != nil || n != 30 {
		t.Errorf("read %d files, %v", n, err)
	}
}

// TestReadsWhileOthersWrite follows a repository that git commits to, packs and
// prunes all the time.
func TestReadsWhileOthersWrite(t *testing.T) {
	t.Parallel()
	repo, r := local(t)
	repo.Commit(t, "main", "one", map[string]string{"a": "1"})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 15 {
			repo.Commit(t, "main", "more", map[string]string{"a": fmt.Sprint(i)})
			if i%5 == 0 {
				gittest.Git(t, repo.Dir, "gc", "--quiet", "--prune=now")
			}
		}
	}()
	c := newClient(t, gitsource.Config{})
	for n := 0; ; n++ {
		select {
		case <-done:
			if n == 0 {
				t.Error("nothing was read")
			}
			return
		default:
		}
		read(t, c, r, "a")
		if _, err := newClient(t, gitsource.Config{}).Head(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}
