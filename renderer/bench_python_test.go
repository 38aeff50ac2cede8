package renderer

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"baryon/renderer/jinja"
)

// pythonTimes compiles and renders a template again and again, then only
// renders it, and prints the best seconds for each.
const pythonTimes = `
import json, sys, timeit
import jinja2
env = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
for name in ["ecs_task_definition_formatted_env_vars", "lambda_function_formatted_env_vars", "iam_policy_arns", "sanitize"]:
    env.filters["proton_cfn_" + name] = lambda value, raw=True: json.dumps(value)
job = json.load(sys.stdin)
job["context"]["service_instance"]["components"].setdefault("default", {"outputs": {}})
template = env.from_string(job["template"])
assert template.render(job["context"]) == job["want"] or "proton_cfn_" in job["template"], "another result"
def best(f, number):
    return min(timeit.repeat(f, number=number, repeat=7)) / number
print(best(lambda: env.from_string(job["template"]).render(job["context"]), 20), best(lambda: template.render(job["context"]), 500))
`

// BenchmarkAgainstPython renders what real bundles have with Jinja2, where it
// is installed, and here, in one run. The targets: cold, which is checking the
// spec, parsing and rendering, at most a tenth of Jinja2's compiling and
// rendering; warm at most once Jinja2's rendering of a compiled template.
func BenchmarkAgainstPython(b *testing.B) {
	bundle := fleetBundle(b)
	m := bundle.Parts[PartInstance]
	source := string(bundle.files[partDir(PartInstance)+"/"+m.Template].Data)
	r := New(Config{})
	in := fleetInputs(b, bundle, 1)
	vars := in.Namespace(PartInstance)
	out, err := r.Render(b.Context(), bundle, PartInstance, in, Provision)
	if err != nil {
		b.Fatal(err)
	}
	want, _ := out.Files.Get(m.Template)
	cold, warm := pythonSeconds(b, source, vars, string(want.Data))
	report := func(b *testing.B, python float64) {
		ours := b.Elapsed().Seconds() / float64(b.N)
		b.ReportMetric(python*1e9, "python-ns/op")
		b.ReportMetric(ours/python, "×python")
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			instance(b, New(Config{}), bundle, 1)
		}
		report(b, cold)
	})
	t, err := jinja.Parse("t", source, r.jinja)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("cold, template alone", func(b *testing.B) {
		for b.Loop() {
			t, err := jinja.Parse("t", source, r.jinja)
			if err == nil {
				_, err = t.Render(context.Background(), vars)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		report(b, cold)
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			if _, err := t.Render(context.Background(), vars); err != nil {
				b.Fatal(err)
			}
		}
		report(b, warm)
	})
	b.Run("warm, with its spec and its checks", func(b *testing.B) {
		for b.Loop() {
			instance(b, r, bundle, 1)
		}
		report(b, warm)
	})
}

// BenchmarkTrace is rendering with the origin of every byte, beside rendering
// without: blame is paid for by those who ask.
func BenchmarkTrace(b *testing.B) {
	bundle := fleetBundle(b)
	m := bundle.Parts[PartInstance]
	vars := fleetInputs(b, bundle, 1).Namespace(PartInstance)
	t, err := jinja.Parse("t", string(bundle.files[partDir(PartInstance)+"/"+m.Template].Data), New(Config{}).jinja)
	if err != nil {
		b.Fatal(err)
	}
	for name, run := range map[string]func() error{
		"without": func() error { _, err := t.Render(context.Background(), vars); return err },
		"with":    func() error { _, err := t.Trace(context.Background(), vars); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func pythonSeconds(b *testing.B, template string, vars *jinja.Dict, want string) (cold, warm float64) {
	b.Helper()
	job, err := json.Marshal(map[string]any{"template": template, "context": vars, "want": want})
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		cmd := exec.CommandContext(b.Context(), name, "-W", "ignore", "-c", pythonTimes)
		cmd.Stdin = strings.NewReader(string(job))
		out, err := cmd.Output()
		if err != nil {
			continue
		}
		fields := strings.Fields(string(out))
		if len(fields) != 2 || json.Unmarshal([]byte(fields[0]), &cold) != nil || json.Unmarshal([]byte(fields[1]), &warm) != nil {
			b.Fatalf("Python says %q", out)
		}
		return cold, warm
	}
	b.Skip("no python3 with Jinja2")
	return 0, 0
}
