package gitsource_test

import (
	"strings"
	"testing"

	"baryon/gitsource"
	"baryon/gitsource/gittest"

	"github.com/google/go-cmp/cmp"
)

// TestDifferences compares commits, each with what `git diff` would list.
func TestDifferences(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *gitsource.Client, remote *gittest.Repo, r gitsource.Repo) {
		first := remote.Commit(t, "main", "one", map[string]string{"a/x.yaml": "1", "a/y.yaml": "1", "b/z.yaml": "1", "top": "1"})
		second := remote.Commit(t, "main", "two", map[string]string{"a/x.yaml": "2", "b/new/n.yaml": "1"})
		gittest.Git(t, remote.Dir, "update-ref", "refs/heads/odd", second)
		third := remote.CommitFiles(t, "odd", "three", gittest.File{Path: "a/y.yaml", Mode: "120000", Content: "x.yaml"}, gittest.File{Path: "top/in", Content: "1"})
		gittest.Git(t, remote.Dir, "update-ref", "refs/heads/main", third)
		shape := func(older, newer, path string, most int) []string {
			t.Helper()
			r := r
			r.Path = path
			found, whole, err := c.Differences(t.Context(), r, older, newer, most)
			if err != nil {
				t.Fatal(err)
			}
			if !whole {
				return []string{"not whole"}
			}
			var out []string
			for _, d := range found {
				kind := "M"
				switch {
				case d.Odd:
					kind = "O"
				case d.Before == "":
					kind = "A"
				case d.After == "":
					kind = "D"
				case d.Before == d.After:
					t.Errorf("%s did not change", d.Path)
				}
				out = append(out, kind+" "+d.Path)
			}
			return out
		}
		for _, tt := range []struct {
			name, older, newer, path string
			most                     int
			want                     []string
		}{
			{"the same", first, first, ".", 9, nil},
			{"written and added", first, second, ".", 9, []string{"M a/x.yaml", "A b/new/n.yaml"}},
			{"backwards", second, first, ".", 9, []string{"M a/x.yaml", "D b/new/n.yaml"}},
			{"below a path", first, second, "a/", 9, []string{"M x.yaml"}},
			{"a link, and a file that became a folder", second, third, ".", 9, []string{"O a/y.yaml", "D top", "A top/in"}},
			{"as many as are wanted", first, second, ".", 2, []string{"M a/x.yaml", "A b/new/n.yaml"}},
			{"more than are wanted", first, second, ".", 1, []string{"not whole"}},
			{"a path that is not in both", first, second, "b/new", 9, []string{"not whole"}},
			{"an older commit that is not there", strings.Repeat("ab", 20), second, ".", 9, []string{"not whole"}},
			{"no commit at all", "uncommitted", second, ".", 9, []string{"not whole"}},
		} {
			if diff := cmp.Diff(tt.want, shape(tt.older, tt.newer, tt.path, tt.most)); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
			}
		}
	})
}
