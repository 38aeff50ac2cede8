package gitsource_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// watching starts a Watch and returns how to wait for a wake.
func watching(t *testing.T, paths ...string) (woken func(what string), quiet func(what string)) {
	t.Helper()
	wakes := make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- gitsource.Watch(ctx, paths, func() { wakes <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch = %v", err)
		}
	})
	drain := func() {
		for {
			select {
			case <-wakes:
			case <-time.After(150 * time.Millisecond):
				return
			}
		}
	}
	woken = func(what string) {
		t.Helper()
		select {
		case <-wakes:
		case <-time.After(10 * time.Second):
			t.Fatalf("not woken by %s", what)
		}
		drain()
	}
	quiet = func(what string) {
		t.Helper()
		select {
		case <-wakes:
			t.Errorf("woken by %s", what)
		case <-time.After(300 * time.Millisecond):
		}
	}
	// The watch is on when something wakes it; touching until then is the only way
	// to know from outside.
	file := paths[len(paths)-1]
	for _, head := range []string{"HEAD", ".git/HEAD"} {
		if name := filepath.Join(file, head); exists(name) {
			file = name
			break
		}
	}
	for begin := time.Now(); ; {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		select {
		case <-wakes:
			drain()
			return woken, quiet
		case <-time.After(100 * time.Millisecond):
		}
		if time.Since(begin) > 10*time.Second {
			t.Fatal("the watch never began")
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func TestWatchesARepository(t *testing.T) {
	t.Parallel()
	repo, _ := local(t)
	repo.Commit(t, "main", "one", map[string]string{"a": "1"})
	woken, _ := watching(t, repo.Dir)
	repo.Commit(t, "main", "two", map[string]string{"a": "2"})
	woken("a commit")
	repo.Commit(t, "deep/er/topic", "three", map[string]string{"a": "3"})
	woken("a nested branch")
	repo.Commit(t, "deep/er/topic", "four", map[string]string{"a": "4"})
	woken("a commit to a nested branch")
	gittest.Git(t, repo.Dir, "pack-refs", "--all")
	woken("packing the refs")
	gittest.Git(t, repo.Dir, "update-ref", "refs/heads/main", "refs/heads/deep/er/topic")
	woken("a ref that was packed")
	gittest.Git(t, repo.Dir, "symbolic-ref", "HEAD", "refs/heads/deep/er/topic")
	woken("another default branch")
	gittest.Git(t, repo.Dir, "update-ref", "-d", "refs/heads/deep/er/topic")
	woken("a deletion")
}

// TestWatchTellsOfWhatWasBefore shows that what is pushed while one watch ends and
// the next begins is not left to polling.
func TestWatchTellsOfWhatWasBefore(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	dir := t.TempDir()
	gittest.Git(t, dir, "init", "--quiet", "--bare")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	woken := false
	if err := gitsource.Watch(ctx, []string{dir}, func() { woken = true; cancel() }); err != nil || !woken {
		t.Errorf("woken = %v, %v", woken, err)
	}
}

func TestWatchesWorkTrees(t *testing.T) {
	t.Parallel()
	repo, _ := local(t)
	repo.Commit(t, "main", "one", map[string]string{"a": "1"})
	work := repo.Clone(t)
	linked := filepath.Join(t.TempDir(), "linked")
	gittest.Git(t, work, "worktree", "add", "--quiet", "-b", "topic", linked)
	woken, quiet := watching(t, work)
	inLinked, _ := watching(t, linked, filepath.Join(work, ".git", "description"))
	gittest.Write(t, work, map[string]string{"b": "2"})
	quiet("a file that is not committed")
	gittest.Git(t, work, "add", "b")
	gittest.Git(t, work, "commit", "--quiet", "-m", "two")
	woken("a commit")
	inLinked("a commit beside it")
	gittest.Git(t, linked, "commit", "--quiet", "--allow-empty", "-m", "three")
	inLinked("a commit in it")
}

func TestWatchesAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "baryon.yaml")
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("baryon.yaml", "a")
	woken, quiet := watching(t, file)
	write("baryon.yaml", "b")
	woken("a write")
	for i := range 3 {
		write(".baryon.yaml.swp", fmt.Sprint(i))
		if err := os.Rename(filepath.Join(dir, ".baryon.yaml.swp"), file); err != nil {
			t.Fatal(err)
		}
		woken(fmt.Sprintf("replacement %d", i))
	}
	write("other.yaml", "x")
	quiet("another file")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	woken("its removal")
	write("baryon.yaml", "again")
	woken("its return")
}

// TestWatchesAConfigMap turns links around as Kubernetes does.
func TestWatchesAConfigMap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gittest.Write(t, dir, map[string]string{"v1/baryon.yaml": "1", "v2/baryon.yaml": "2"})
	link := func(target, name string) {
		t.Helper()
		tmp := filepath.Join(dir, "tmp")
		if err := os.Symlink(target, tmp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("v1", "..data")
	link("..data/baryon.yaml", "baryon.yaml")
	woken, _ := watching(t, filepath.Join(dir, "baryon.yaml"))
	link("v2", "..data")
	woken("the link turned around")
}

// TestWatchWakesDuringAStorm changes a file without a pause.
func TestWatchWakesDuringAStorm(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "baryon.yaml")
	gittest.Write(t, filepath.Dir(file), map[string]string{"baryon.yaml": ""})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wakes := make(chan struct{}, 1000)
	done := make(chan error, 1)
	go func() { done <- gitsource.Watch(ctx, []string{file}, func() { wakes <- struct{}{} }) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	n := 0
	for woken := false; !woken; {
		select {
		case <-tick.C:
			n++
			if err := os.WriteFile(file, []byte(fmt.Sprint(n)), 0o600); err != nil {
				t.Fatal(err)
			}
		case <-wakes:
			woken = true
		case <-deadline:
			t.Fatal("never woken while events kept coming")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWatchSaysWhatItCannotWatch(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"a folder that is no repository": t.TempDir(), "a file in a folder that is not there": "/nonexistent/baryon.yaml"} {
		if err := gitsource.Watch(t.Context(), []string{path}, func() {}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
