package renderer

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/renderer/jinja"
)

// A corpusRender is what Python's Jinja2 makes of one file of the corpus. Its
// Proton filters are plain ones that print JSON.
type corpusRender struct {
	File, Kind string
	Context    *jinja.Dict
	Want       struct{ Out, Err string }
}

func corpusRenders(t *testing.T) []corpusRender {
	t.Helper()
	file, err := os.Open(filepath.Join(corpus(t), "jinja", "renders.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []corpusRender
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r corpusRender
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// inputs takes a context of the corpus apart.
func (r corpusRender) inputs() Inputs {
	in := Inputs{
		Environment: environmentOf(at(r.Context, "environment")),
		Service: Service{Name: text(r.Context, "service", "name"), RepositoryID: text(r.Context, "service", "repository_id"),
			RepositoryConnectionARN: text(r.Context, "service", "repository_connection_arn"), BranchName: text(r.Context, "service", "branch_name")},
		ServiceInstance: ServiceInstance{Name: text(r.Context, "service_instance", "name"), Inputs: at(r.Context, "service_instance", "inputs")},
		Pipeline:        Pipeline{Inputs: at(r.Context, "pipeline", "inputs")},
	}
	if c := at(r.Context, "service_instance", "components", "default"); c != nil {
		in.ServiceInstance.Component = &AttachedComponent{Name: text(c, "name"), Outputs: OutputsOf(at(c, "outputs"))}
	}
	list, _ := r.Context.Get("service_instances")
	items, _ := list.([]any)
	for _, item := range items {
		d, _ := item.(*jinja.Dict)
		in.Instances = append(in.Instances, PipelineInstance{Name: text(d, "name"), Inputs: at(d, "inputs"),
			Outputs: OutputsOf(at(d, "outputs")), Environment: environmentOf(at(d, "environment"))})
	}
	return in
}

func environmentOf(d *jinja.Dict) Environment {
	return Environment{Name: text(d, "name"), AccountID: text(d, "account_id"), Inputs: at(d, "inputs"), Outputs: OutputsOf(at(d, "outputs"))}
}

func at(d *jinja.Dict, keys ...string) *jinja.Dict {
	for _, k := range keys {
		if d == nil {
			return nil
		}
		v, _ := d.Get(k)
		d, _ = v.(*jinja.Dict)
	}
	return d
}

func text(d *jinja.Dict, keys ...string) string {
	last := len(keys) - 1
	if d = at(d, keys[:last]...); d == nil {
		return ""
	}
	v, _ := d.Get(keys[last])
	s, _ := v.(string)
	return s
}

// Whole bundles of the corpus render as Python renders their files, byte for
// byte where no Proton filter is used.
func TestCorpusRenders(t *testing.T) {
	root := filepath.Join(corpus(t), "cloudformation")
	r := New(Config{})
	bundles := map[string]*Bundle{}
	parts := map[string]Part{"environment": PartEnvironment, "instance": PartInstance, "pipeline": PartPipeline}
	for _, render := range corpusRenders(t) {
		part, ok := parts[render.Kind]
		if !ok {
			continue // a component has no bundle
		}
		dir := path.Dir(path.Dir(render.File))
		if bundles[dir] == nil {
			b, err := Open(os.DirFS(filepath.Join(root, dir)), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			bundles[dir] = b
		}
		source, _ := bundles[dir].File(strings.TrimPrefix(render.File, dir+"/"))
		filters := strings.Contains(string(source.Data), "proton_cfn_")
		out, err := r.Render(t.Context(), bundles[dir], part, render.inputs(), Provision)
		switch {
		case err != nil && render.Want.Err == "":
			t.Errorf("%s: %v", render.File, err)
		case err == nil && render.Want.Err != "" && !strings.Contains(render.Want.Err, "'default'"):
			// Python has no components.default while nothing is attached; here it is an empty map.
			t.Errorf("%s: rendered, want %s", render.File, render.Want.Err)
		case err == nil && render.Want.Err == "" && !filters:
			f, _ := out.Files.Get(out.Template)
			if diff := cmp.Diff(render.Want.Out, string(f.Data)); diff != "" {
				t.Errorf("%s: %s", render.File, diff)
			}
		}
	}
}
