package jinja_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/renderer/jinja"
)

// A feature is one case of the table in testdata: three lines with its name,
// a template behind | and its result behind =, or behind ! the error. A text
// in double quotes right behind the sign is a Go string, for line breaks and
// space at the ends.
type feature struct {
	Name, Topic, Template, Want string
	Fails                       bool
}

func features(t *testing.T) []feature {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no features: %v", err)
	}
	var out []feature
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		topic := strings.TrimSuffix(filepath.Base(file), ".txt")
		for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
			lines := strings.Split(block, "\n")
			if len(lines) != 3 || lines[1][0] != '|' || lines[2][0] != '=' && lines[2][0] != '!' {
				t.Fatalf("%s: not a name, a template and a result:\n%s", file, block)
			}
			out = append(out, feature{lines[0], topic, behindSign(t, lines[1]), behindSign(t, lines[2]), lines[2][0] == '!'})
		}
	}
	return out
}

func behindSign(t *testing.T, line string) string {
	t.Helper()
	if !strings.HasPrefix(line[1:], `"`) {
		return strings.TrimPrefix(line[1:], " ")
	}
	s, err := strconv.Unquote(line[1:])
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return s
}

func featureContext(t *testing.T) *jinja.Dict {
	t.Helper()
	data, err := os.ReadFile("testdata/context.json")
	if err != nil {
		t.Fatal(err)
	}
	context := jinja.NewDict()
	if err := json.Unmarshal(data, context); err != nil {
		t.Fatal(err)
	}
	return context
}

// render gives what a template makes, or its error as Python words it.
func render(t *testing.T, source string, context *jinja.Dict) (string, string) {
	t.Helper()
	tpl, err := jinja.Parse("t", source, jinja.Config{})
	var out string
	if err == nil {
		out, err = tpl.Render(t.Context(), context)
	}
	if err == nil {
		return out, ""
	}
	var e *jinja.Error
	if !errors.As(err, &e) {
		t.Fatalf("err = %v, want an *Error", err)
	}
	if e.Line == 0 || e.Column == 0 {
		t.Errorf("%v has no place", e)
	}
	return "", string(e.Kind) + ": " + e.Msg
}

func TestFeatures(t *testing.T) {
	t.Parallel()
	context := featureContext(t)
	for _, f := range features(t) {
		t.Run(f.Topic+"/"+f.Name, func(t *testing.T) {
			t.Parallel()
			got, failed := render(t, f.Template, context)
			switch {
			case f.Fails && !strings.HasPrefix(failed, f.Want):
				t.Errorf("%q: got %q %s, want error %s", f.Template, got, failed, f.Want)
			case !f.Fails && failed != "":
				t.Errorf("%q: got error %s, want %q", f.Template, failed, f.Want)
			case !f.Fails && got != f.Want:
				t.Errorf("%q:\n%s", f.Template, cmp.Diff(f.Want, got))
			}
		})
	}
}

// python renders every template of the table with Jinja2 and prints what came
// of it as a list of [result, error].
const python = `
import json, sys, warnings
warnings.simplefilter("ignore")
import jinja2
env = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
job = json.load(sys.stdin)
out = []
for template in job["templates"]:
    try:
        out.append([env.from_string(template).render(json.loads(job["context"])), ""])
    except Exception as e:
        out.append(["", type(e).__name__])
json.dump(out, sys.stdout)
`

// The table says what Python does, where Python is there to ask.
func TestFeaturesAgainstPython(t *testing.T) {
	t.Parallel()
	interpreter := pythonJinja(t)
	list := features(t)
	templates := make([]string, len(list))
	for i, f := range list {
		templates[i] = f.Template
	}
	context, err := os.ReadFile("testdata/context.json")
	if err != nil {
		t.Fatal(err)
	}
	job, err := json.Marshal(map[string]any{"templates": templates, "context": string(context)})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter, "-c", python)
	cmd.Stdin = strings.NewReader(string(job))
	answer, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var results [][2]string
	if err := json.Unmarshal(answer, &results); err != nil {
		t.Fatal(err)
	}
	for i, f := range list {
		kind, _, _ := strings.Cut(f.Want, ":")
		switch got, failed := results[i][0], results[i][1]; {
		case f.Fails && failed != kind:
			t.Errorf("%s/%s: Python gives %q, error %q; the table wants error %s", f.Topic, f.Name, got, failed, f.Want)
		case !f.Fails && (failed != "" || got != f.Want):
			t.Errorf("%s/%s: Python gives %q, error %q; the table wants %q", f.Topic, f.Name, got, failed, f.Want)
		}
	}
}

// pythonJinja finds a Python with the Jinja2 the table was checked with.
func pythonJinja(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.Command(name, "-W", "ignore", "-c", "import jinja2; print(jinja2.__version__)").Output()
		if err == nil && strings.HasPrefix(string(out), "3.1.") {
			return name
		}
	}
	t.Skip("no python3 with Jinja2 3.1")
	return ""
}

// The corpus holds what Python makes of templates that try one feature each.
func TestCorpusFeatures(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("BARYON_CORPUS")
	if dir == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	data, err := os.ReadFile(filepath.Join(dir, "jinja", "features.json"))
	if err != nil {
		t.Fatal(err)
	}
	var corpus struct {
		Context *jinja.Dict
		Cases   []struct {
			ID, Template string
			Want         struct{ Out, Err string }
		}
	}
	if err := json.Unmarshal(data, &corpus); err != nil {
		t.Fatal(err)
	}
	if len(corpus.Cases) == 0 {
		t.Fatal("the corpus has no features")
	}
	for _, c := range corpus.Cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			got, failed := render(t, c.Template, corpus.Context)
			if (failed != "") != (c.Want.Err != "") || got != c.Want.Out {
				t.Error(fmt.Sprintf("%q: got %q %s, want %q %s", c.Template, got, failed, c.Want.Out, c.Want.Err))
			}
		})
	}
}
