package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"baryon/examples"
	"baryon/reconciler/declare"
	"baryon/renderer"
)

// A world is example folders laid over one another, as pushes lay them.
type world struct{ fstest.MapFS }

func newWorld(t *testing.T, folders ...string) world {
	t.Helper()
	w := world{fstest.MapFS{}}
	for _, folder := range folders {
		err := fs.WalkDir(examples.Files, folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := fs.ReadFile(examples.Files, name)
			w.MapFS[strings.TrimPrefix(name, folder+"/")] = &fstest.MapFile{Data: text, Mode: 0o644}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// Hash names the content of a file or of everything below a folder.
func (w world) Hash(name string) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(w, name, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(w, name)
		sum.Write([]byte(name + "\x00"))
		sum.Write(text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

func TestExamplesDeclare(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		folders   []string
		bundles   []string
		documents []string
	}{
		"the demo begins": {
			[]string{"demo"},
			[]string{"web-env/v1"},
			[]string{"environment/dev", "environment/prod"},
		},
		"a mistake in a spec is not one in the declaration": {
			[]string{"demo", "demo-fix", "demo-broken"},
			[]string{"web-env/v1"},
			[]string{"environment/dev", "environment/prod", "environment/staging"},
		},
		"a service comes": {
			[]string{"demo", "demo-services"},
			[]string{"web-env/v1", "web-svc/v1"},
			[]string{"component/search", "environment/dev", "environment/prod", "service/shop"},
		},
		"the service changes": {
			[]string{"demo", "demo-services", "demo-fix", "demo-failing", "demo-recovery", "demo-removal"},
			[]string{"web-env/v1", "web-svc/v1"},
			[]string{"component/search", "environment/dev", "environment/prod", "service/shop"},
		},
		"a platform of Terraform code": {
			[]string{"terraform", "terraform-change", "terraform-removal"},
			[]string{"app-svc/v1", "net-env/v1"},
			[]string{"environment/dev", "environment/prod", "service/shop"},
		},
		"platforms on AWS": {
			[]string{"aws"},
			[]string{"api-svc/v1", "fargate-env/v1", "fargate-svc/v1", "serverless-env/v1", "site-svc/v1", "vpc-env/v1", "worker-svc/v1"},
			[]string{
				"environment/dev", "environment/prod", "environment/serverless-dev", "environment/serverless-prod", "environment/serverless-test",
				"environment/staging", "environment/test", "service/docs", "service/hello", "service/mailer", "service/shop",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := declare.Read(t.Context(), newWorld(t, tt.folders...), nil, declare.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Problems) > 0 {
				t.Errorf("problems:\n%v", d.Problems)
			}
			var bundles, documents []string
			for _, b := range d.Bundles {
				bundles = append(bundles, b.Dir)
			}
			for _, doc := range d.Documents {
				documents = append(documents, doc.Ref.String())
			}
			if diff := cmp.Diff(tt.bundles, bundles); diff != "" {
				t.Errorf("bundles (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.documents, documents); diff != "" {
				t.Errorf("documents (-want +got):\n%s", diff)
			}
		})
	}
}

// openExample opens a bundle that ships with the program.
func openExample(t *testing.T, dir string) *renderer.Bundle {
	t.Helper()
	files, err := fs.Sub(examples.Files, dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := renderer.Open(files, dir, renderer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Warnings) > 0 {
		t.Errorf("warnings about %s:\n%v", dir, b.Warnings)
	}
	return b
}

// exampleDocument reads the one document of an example file.
func exampleDocument(t *testing.T, name string) *renderer.Node {
	t.Helper()
	text, err := fs.ReadFile(examples.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	doc, problems := renderer.ParseOne(name, text, renderer.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return doc
}

// The broken document promises three findings in one go.
func TestBrokenExampleIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	b := openExample(t, "demo/web-env/v1")
	doc := exampleDocument(t, "demo-broken/environments/dev.yaml")
	_, problems := b.Schema.Environment.Check(doc.Get("spec"), renderer.CheckOptions{Strict: true})
	var broken renderer.Problems
	if err := problems.Err(); !errors.As(err, &broken) {
		t.Fatalf("the broken document was accepted: %v", err)
	}
	var got []int
	for _, p := range broken {
		got = append(got, p.Line)
	}
	// The missing domain is reported where the spec begins.
	if diff := cmp.Diff([]int{10, 10, 11}, got); diff != "" {
		t.Errorf("lines with a finding (-want +got):\n%s\n%v", diff, broken)
	}
}
