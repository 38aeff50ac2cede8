package renderer

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// corpus gives the folder of public bundles, which lie outside the project.
func corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("BARYON_CORPUS")
	if dir == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	return dir
}

// bundles lists the bundle directories below a root of the corpus.
func bundles(t testing.TB, root string) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, "/schema/schema.yaml") {
			out = append(out, path.Dir(path.Dir(name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCorpusOpens(t *testing.T) {
	dir := corpus(t)
	for root, want := range map[string]int{"cloudformation": 23, "terraform": 17} {
		found := bundles(t, filepath.Join(dir, root))
		if len(found) != want {
			t.Errorf("%s: %d bundles, want %d", root, len(found), want)
		}
		for _, name := range found {
			b, err := Open(os.DirFS(filepath.Join(dir, root, name)), name, Options{})
			if err != nil {
				t.Errorf("%s/%s:\n%v", root, name, err)
				continue
			}
			for _, w := range b.Warnings {
				if !strings.Contains(w.Rule, "ends in .tf") {
					t.Log(w)
				}
			}
		}
	}
}
