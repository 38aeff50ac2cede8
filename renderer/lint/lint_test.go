package lint_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/tools/txtar"

	"baryon/renderer"
	"baryon/renderer/lint"
)

var update = flag.Bool("update", false, "rewrite the expectations under testdata")

// TestWorlds finds in each bundle of testdata what its file "want" says.
// parse reads code that is well meant.
func parse(text []byte, name string) (*hclsyntax.Body, hcl.Diagnostics) {
	file, diagnostics := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		body = &hclsyntax.Body{}
	}
	return body, diagnostics
}

func TestWorlds(t *testing.T) {
	t.Parallel()
	worlds, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(worlds) == 0 {
		t.Fatal(worlds, err)
	}
	for _, name := range worlds {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := fstest.MapFS{}
			want, at := "", -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want, at = string(f.Data), i
					continue
				}
				files[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			b, err := renderer.Open(files, "", renderer.Options{})
			if err != nil {
				t.Fatal(err)
			}
			l := &lint.Linter{Parse: parse, Renderer: renderer.New(renderer.Config{}), Environments: map[string]lint.Outputs{"net:1": {Names: []string{"VpcId", "Subnet"}}}}
			problems, err := l.Bundle(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, p := range problems {
				got += p.String() + "\n"
			}
			if *update && at >= 0 {
				archive.Files[at].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
