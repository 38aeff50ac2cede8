package renderer

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"baryon/renderer/jinja"
)

var update = flag.Bool("update", false, "write what tests got into their golden files")

// A world is a txtar file. Its comment holds "key: value" lines (part, action,
// kind, management, strict, mode of executable files); its files are a bundle
// below bundle/, the values of a spec in spec.yaml, further inputs in
// context.json, and below want/ everything that comes of it.
type world struct {
	settings map[string]string
	archive  *txtar.Archive
	got      map[string][]byte
}

func readWorld(t *testing.T, file string) *world {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{settings: map[string]string{}, archive: archive, got: map[string][]byte{}}
	for line := range strings.SplitSeq(string(archive.Comment), "\n") {
		if k, v, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, "#") {
			w.settings[k] = strings.TrimSpace(v)
		}
	}
	return w
}

func (w *world) file(name string) []byte {
	for _, f := range w.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func (w *world) bundle() fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, f := range w.archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "bundle/"); ok {
			file := &fstest.MapFile{Data: f.Data, Mode: 0o644}
			if strings.HasSuffix(name, ".sh") {
				file.Mode = 0o755
			}
			fsys[name] = file
		}
	}
	return fsys
}

func (w *world) say(name string, v any) {
	switch v := v.(type) {
	case Problems:
		if len(v) > 0 {
			w.got[name] = []byte(v.Error() + "\n")
		}
	case []string:
		if len(v) > 0 {
			w.got[name] = []byte(strings.Join(v, "\n") + "\n")
		}
	case []byte:
		w.got[name] = append(bytes.TrimSuffix(v, []byte("\n")), '\n')
	}
}

// context.json fills Inputs; the inputs of the part come from spec.yaml.
func (w *world) inputs(t *testing.T, p Part, values *jinja.Dict) Inputs {
	t.Helper()
	var in Inputs
	if data := w.file("context.json"); data != nil {
		if err := json.Unmarshal(data, &in); err != nil {
			t.Fatal(err)
		}
	}
	switch p {
	case PartEnvironment:
		in.Environment.Inputs = values
	case PartInstance:
		in.ServiceInstance.Inputs = values
	case PartPipeline:
		in.Pipeline.Inputs = values
	}
	return in
}

func (w *world) run(t *testing.T) {
	t.Helper()
	open := func() (*Bundle, error) {
		return Open(w.bundle(), "tpl/v1", Options{Kind: TemplateKind(w.settings["kind"]), Management: Management(w.settings["management"])})
	}
	if w.settings["part"] == string(PartComponent) {
		open = func() (*Bundle, error) { return OpenComponent(w.bundle(), "components/c", Options{}) }
	}
	b, err := open()
	if err != nil {
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatal(err)
		}
		w.say("want/open", problems)
		return
	}
	w.say("want/open", b.Warnings)
	var spec *Node
	part := Part(w.settings["part"])
	if part == "" {
		return
	}
	values := jinja.NewDict()
	if typ := b.Schema.Part(part); typ != nil {
		docs, problems := ParseYAML("spec.yaml", w.file("spec.yaml"), Limits{})
		if !problems.Failed() {
			var n *Node
			if len(docs) > 0 {
				n = docs[0]
			}
			spec = n
			values, problems = typ.Check(n, CheckOptions{Strict: w.settings["strict"] == "true"})
		}
		w.say("want/check", problems)
		if problems.Failed() {
			return
		}
	}
	action := Action(w.settings["action"])
	if action == "" {
		action = Provision
	}
	out, err := New(Config{}).Render(t.Context(), b, part, w.inputs(t, part, values), action)
	if problems, ok := errors.AsType[Problems](err); ok {
		w.say("want/render", problems)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	w.rendered(t, out)
	w.blame(t, b, part, w.inputs(t, part, values), Written{Spec: spec, Instances: w.instances()})
}

// instances are the documents of instances.yaml, for a pipeline.
func (w *world) instances() []*Node {
	docs, _ := ParseYAML("instances.yaml", w.file("instances.yaml"), Limits{})
	return docs
}

// blame asks every line of the file blame, "PATH" or "FILE PATH".
func (w *world) blame(t *testing.T, b *Bundle, p Part, in Inputs, from Written) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(string(w.file("blame"))) {
		line = strings.TrimSpace(line)
		file, where, both := strings.Cut(line, " ")
		if !both {
			file, where = "", line
		}
		lines = append(lines, "# "+line)
		blame, err := New(Config{}).Blame(t.Context(), b, p, in, from, file, where)
		if err != nil {
			lines = append(lines, err.Error())
			continue
		}
		lines = append(lines, fmt.Sprintf("%s:%d:%d %s = %q", blame.File, blame.Line, blame.Column, blame.Path, blame.Text))
		for _, p := range blame.Pieces {
			lines = append(lines, fmt.Sprintf("  %q %s:%d:%d literal=%v %v", p.Text, p.File, p.Line, p.Column, p.Literal, p.Inputs))
		}
		lines = append(lines, originLines("input", blame.Inputs)...)
		lines = append(lines, originLines("condition", blame.Conditions)...)
	}
	w.say("want/blame", lines)
}

func (w *world) rendered(t *testing.T, out *Rendered) {
	t.Helper()
	w.say("want/commands", out.Commands)
	w.say("want/deprovision", out.DeprovisionCommands)
	w.say("want/deprovision-problems", out.DeprovisionProblems)
	for _, name := range out.Files.Names() {
		f, _ := out.Files.Get(name)
		if name != inputsSingular {
			w.say("want/files/"+name, f.Data)
		}
	}
	var facts []string
	add := func(key string, v any) {
		if s := fmt.Sprint(v); s != "" && s != "false" && s != "0s" && s != "[]" {
			facts = append(facts, key+": "+s)
		}
	}
	add("engine", out.Engine)
	add("template", out.Template)
	for _, k := range slices.Sorted(maps.Keys(out.Env)) {
		add("env "+k, out.Env[k])
	}
	for _, k := range slices.Sorted(maps.Keys(out.Outputs)) {
		add("output "+k, out.Outputs[k])
	}
	for _, s := range out.Secrets {
		add("secret "+s.Name, string(s.Source)+" "+s.Reference)
	}
	add("image", out.Image)
	add("runtimes", out.Runtimes)
	if out.Properties != nil {
		text, err := out.Properties.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		add("properties", string(text))
	}
	add("rerun safe", out.RerunSafe)
	add("timeout", out.Timeout)
	w.say("want/facts", facts)
}

func originLines(what string, list []Origin) []string {
	var lines []string
	for _, o := range list {
		value := o.Value
		if d, ok := value.(*jinja.Dict); ok {
			text, _ := d.MarshalJSON()
			value = string(text)
		}
		line := fmt.Sprintf("  %s %s = %v: %s", what, o.Path, value, o.From)
		if o.File != "" {
			line += fmt.Sprintf(" %s:%d:%d", o.File, o.Line, o.Column)
		}
		if o.Part != "" {
			line += fmt.Sprintf(" %s/%s %s", o.Part, o.Name, o.Output)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

func TestWorlds(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			w := readWorld(t, file)
			w.run(t)
			want := map[string]string{}
			var kept []txtar.File
			for _, f := range w.archive.Files {
				if strings.HasPrefix(f.Name, "want/") {
					want[f.Name] = string(f.Data)
				} else {
					kept = append(kept, f)
				}
			}
			got := map[string]string{}
			for name, data := range w.got {
				got[name] = string(data)
			}
			if *update {
				for _, name := range slices.Sorted(maps.Keys(w.got)) {
					kept = append(kept, txtar.File{Name: name, Data: w.got[name]})
				}
				if err := os.WriteFile(file, txtar.Format(&txtar.Archive{Comment: w.archive.Comment, Files: kept}), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
