package declare_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"baryon/reconciler/declare"
	"baryon/state"
)

// TestCorpus reads each root of the public sample repositories alone: the names
// of their templates repeat from one to the other.
func TestCorpus(t *testing.T) {
	t.Parallel()
	corpus := os.Getenv("BARYON_CORPUS")
	if corpus == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	for _, root := range []string{"cloudformation", "terraform"} {
		t.Run(root, func(t *testing.T) {
			t.Parallel()
			files := os.DirFS(filepath.Join(corpus, root))
			schemas, specs := map[string]bool{}, 0
			err := fs.WalkDir(files, ".", func(p string, e fs.DirEntry, err error) error {
				if strings.HasSuffix(p, "/schema/schema.yaml") {
					schemas[path.Dir(path.Dir(p))] = true
				}
				return err
			})
			if err != nil || len(schemas) == 0 {
				t.Fatalf("schemas = %v, %v", schemas, err)
			}
			d, err := declare.Read(t.Context(), onDisk{files}, nil, declare.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Problems) > 0 || len(d.Documents) > 0 {
				t.Errorf("documents = %d, problems:\n%s", len(d.Documents), d.Problems)
			}
			for _, b := range d.Bundles {
				kind := state.KindEnvironment
				if _, err := fs.Stat(files, b.Dir+"/instance_infrastructure"); err == nil {
					kind = state.KindService
				}
				if !schemas[b.Dir] || b.Kind != kind || b.Template != path.Base(path.Dir(b.Dir)) {
					t.Errorf("bundle %+v, want kind %s", b, kind)
				}
				delete(schemas, b.Dir)
			}
			for dir := range schemas {
				t.Errorf("the bundle %s was not found", dir)
			}
			for _, f := range d.Files {
				if f.Verdict != declare.VerdictIgnored || f.Reason == "" {
					t.Errorf("%s is %s (%s), want it ignored with a reason", f.Path, f.Verdict, f.Reason)
				}
				if strings.Contains(f.Path, "spec") {
					specs++
					if f.Reason != "no document has the key baryon" {
						t.Errorf("%s is ignored for %q", f.Path, f.Reason)
					}
				}
			}
			if specs == 0 {
				t.Error("no spec was found")
			}
		})
	}
}
