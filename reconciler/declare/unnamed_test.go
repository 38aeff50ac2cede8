package declare_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/gitsource"
	"baryon/reconciler/declare"
)

// partial is a tree that leaves out entries because of their names.
type partial struct {
	*tree
	out map[string][]*gitsource.EntryError // by folder
}

func (p partial) Refused(dir string) ([]*gitsource.EntryError, error) { return p.out[dir], nil }

// TestReadUnnamed: what a tree leaves out because of its name is told, and is a
// problem where it may declare something or belongs to a bundle.
func TestReadUnnamed(t *testing.T) {
	t.Parallel()
	const rule = "the name of an entry must be valid UTF-8"
	out := map[string][]*gitsource.EntryError{}
	for dir, names := range map[string][]string{
		".": {"doc\xff.yaml", "photo\xff.jpg", "folder\xff"}, "net/v1/infrastructure/deep": {"script\xff.sh"},
	} {
		for _, name := range names {
			p := name
			if dir != "." {
				p = dir + "/" + name
			}
			out[dir] = append(out[dir], &gitsource.EntryError{Path: p, Rule: rule, Next: "rename it"})
		}
	}
	files := newTree(map[string]string{
		"a.yaml":                              "proton: EnvironmentSpec\nbaryon: {environment: a, template: net, version: \"1\"}\nspec: {}\n",
		"net/v1/schema/schema.yaml":           "schema: {}\n",
		"net/v1/infrastructure/manifest.yaml": "infrastructure: {}\n",
		"net/v1/infrastructure/deep/x":        "x\n",
	})
	got, err := declare.Read(t.Context(), partial{files, out}, nil, declare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range got.Files {
		lines = append(lines, string(f.Verdict)+" "+f.Path)
	}
	slices.Sort(lines)
	want := []string{"document a.yaml", `ignored "photo\xff.jpg"`, `refused "doc\xff.yaml"`, `refused "folder\xff"`, `refused "net/v1/infrastructure/deep/script\xff.sh"`}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(got.Bundles) != 0 {
		t.Errorf("a bundle of which something is missing was taken: %+v", got.Bundles)
	}
}
