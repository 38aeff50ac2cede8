package gitsource_test

import (
	"io/fs"
	"testing"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

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

// TestReadsPushes follows one branch through pushes, over HTTP and on disk.
func TestReadsPushes(t *testing.T) {
	t.Parallel()
	server := gittest.NewServer(t, gittest.Options{})
	remote := server.Create(t, "platform")
	onDisk := gittest.NewRepo(t, t.TempDir()+"/local.git")
	for name, tt := range map[string]struct {
		repo *gittest.Repo
		url  string
	}{
		"http": {remote, remote.URL},
		"disk": {onDisk, onDisk.Dir},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, gitsource.Config{})
			r := gitsource.Repo{Name: "platform", URL: tt.url, Branch: "main"}
			for _, want := range []string{"one", "two", "three"} {
				pushed := tt.repo.Commit(t, "main", "say "+want, map[string]string{"dir/a.txt": want})
				head, err := c.Head(t.Context(), r)
				if err != nil || head != pushed {
					t.Fatalf("Head = %q, %v; want %q", head, err, pushed)
				}
				tree, err := c.Tree(t.Context(), r, head)
				if err != nil {
					t.Fatal(err)
				}
				got, err := fs.ReadFile(tree, "dir/a.txt")
				if err != nil || string(got) != want {
					t.Errorf("dir/a.txt = %q, %v; want %q", got, err, want)
				}
			}
		})
	}
}
