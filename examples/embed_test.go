package examples_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"baryon/examples"
)

// Embedding leaves out names that begin with a dot unless told otherwise; the
// registration of the service template is one of these.
func TestDotFilesAreEmbedded(t *testing.T) {
	t.Parallel()
	const name = "demo-services/web-svc/v1/.template-registration.yaml"
	if _, err := fs.Stat(examples.Files, name); err != nil {
		t.Error(err)
	}
}

func TestEveryYAMLFileIsYAML(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(examples.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		// cloudformation.yaml is YAML only once it is rendered.
		if err != nil || filepath.Ext(name) != ".yaml" || entry.Name() == "cloudformation.yaml" {
			return err
		}
		text, err := fs.ReadFile(examples.Files, name)
		if err != nil {
			return err
		}
		var document map[string]any
		if err := yaml.Unmarshal(text, &document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A newcomer is told that the fix is one line in one file.
func TestTheFixChangesTheScriptAlone(t *testing.T) {
	t.Parallel()
	var changed []string
	err := fs.WalkDir(examples.Files, "demo-fix", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		after, err := fs.ReadFile(examples.Files, name)
		if err != nil {
			return err
		}
		before, err := fs.ReadFile(examples.Files, "demo"+strings.TrimPrefix(name, "demo-fix"))
		if err != nil {
			return err
		}
		if !bytes.Equal(before, after) {
			changed = append(changed, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"demo-fix/web-env/v1/infrastructure/apply.sh"}, changed); diff != "" {
		t.Errorf("files that the fix changes (-want +got):\n%s", diff)
	}
}

// output is one element of proton-outputs.json.
type output struct {
	Key         string `json:"key"`
	ValueString string `json:"valueString"`
}

func TestScriptsHandOutputsBack(t *testing.T) {
	t.Parallel()
	environment := []string{"NAME=dev", "DOMAIN=dev.web.test", "CIDR=10.0.0.0/16", "SIZE=medium", "PORT=8080"}
	for name, tt := range map[string]struct {
		script string
		env    []string
		want   []output
	}{
		"version 1.0 forgets the port": {
			script: "demo/web-env/v1/infrastructure/apply.sh",
			env:    environment,
			want: []output{
				{"NetworkId", "net-99349"}, {"Nodes", "3"}, {"Endpoint", "http://dev.web.test"},
			},
		},
		"version 1.1 names it": {
			script: "demo-fix/web-env/v1/infrastructure/apply.sh",
			env:    environment,
			want: []output{
				{"NetworkId", "net-99349"}, {"Nodes", "3"}, {"Endpoint", "http://dev.web.test:8080"},
			},
		},
		"an instance says where it answers": {
			script: "demo-services/web-svc/v1/instance_infrastructure/apply.sh",
			env:    []string{"INSTANCE=shop-dev", "COUNT=2", "NODES=1", "URL=http://dev.web.test:8080/shop"},
			want:   []output{{"Url", "http://dev.web.test:8080/shop"}, {"Running", "2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script, err := fs.ReadFile(examples.Files, tt.script)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), "sh", "-s")
			cmd.Dir, cmd.Stdin = dir, bytes.NewReader(script)
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, tt.env...)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			text, err := os.ReadFile(filepath.Join(dir, "proton-outputs.json"))
			if err != nil {
				t.Fatal(err)
			}
			var got []output
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}
