package renderer

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// inside fails unless every position lies in the text or just behind it.
func inside(t *testing.T, text string, problems Problems) {
	t.Helper()
	rows := strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
	for _, p := range problems {
		if p.File == "" || p.Rule == "" {
			t.Fatalf("a problem without file or rule: %+v", p)
		}
		if p.Line < 0 || p.Line > len(rows)+strings.Count(text, "\u0085")+strings.Count(text, "\u2028")+strings.Count(text, "\u2029") {
			t.Fatalf("a problem outside of the text: %s", p)
		}
		if len(p.Rule) > 2000 || len(p.Got) > 2000 {
			t.Fatalf("a problem that repeats the text: %d, %d bytes", len(p.Rule), len(p.Got))
		}
	}
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{"", "a: 1\n", "a: &a [*a]", "<<: *a", "a: {<<: [*b]}", bomb(), "\xef\xbb\xbfa: 1", "a:\n\tb: 1", "? [a]\n: b", "--- a\n--- b\n...\n",
		"a: !!str 1", "%YAML 1.2\n---\na", "a: |\n  b\n c", "- - - a", "{{ x }}", "\"\\x41\": 'b'", "a: *b", "&a a: *a", "a: 1e400", "!!map {a: b}", "a: \"\n\n\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		docs, problems := ParseYAML("f.yaml", []byte(text), Limits{Size: 4096, Nodes: 2000})
		inside(t, text, problems)
		if problems.Failed() {
			return
		}
		if !utf8.ValidString(text) {
			t.Fatal("accepted a text that is not UTF-8")
		}
		for _, doc := range docs {
			v, problems := Values(doc)
			if problems.Failed() {
				continue
			}
			if out := prettyJSON(v); !json.Valid(out) {
				t.Fatalf("no JSON: %s", out)
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	for _, s := range []string{
		"infrastructure: {templates: [{file: a.yaml, rendering_engine: jinja, template_language: cloudformation}]}",
		"infrastructure: {templates: [{file: '*', rendering_engine: hcl, template_language: terraform}]}",
		"infrastructure: {templates: [{rendering_engine: codebuild, settings: {image: x, runtimes: {nodejs: 16}, env: {variables: {A: b}, secrets_manager: {T: x}}, provision: [a], deprovision: [b], project_properties: {A: [1]}, timeout: 5m, rerun: safe}}]}",
		"infrastructure: {templates: [{rendering_engine: codebuild, codebuild: {provision: [a], deprovisioning: [b]}}]}",
		"infrastructure: {templates: [{engine: jinja}]}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, problems := ParseManifest("m.yaml", []byte(text), Limits{Size: 4096})
		inside(t, text, problems)
		if problems.Failed() {
			return
		}
		if m.Engine == EngineCodeBuild && len(m.CodeBuild.Provision) == 0 || m.Engine == EngineCloudFormation && m.Template == "" || m.Engine == "" {
			t.Fatalf("accepted a manifest that says nothing: %+v", m)
		}
	})
}

func FuzzSchema(f *testing.F) {
	const head = "schema:\n  format: {openapi: \"3.0.0\"}\n  environment_input_type: In\n  types:\n"
	f.Add(head + "    " + strings.ReplaceAll(strings.TrimSpace(house), "\n", "\n    "))
	for _, s := range []string{
		"In: {type: object, allOf: [{$ref: '#/B'}]}\n    B: {anyOf: [{$ref: '#/In'}]}",
		"In: {type: object, properties: {a: {type: string, pattern: '(?=x)'}}}",
		"In: {type: object, default: {}, properties: {a: {$ref: '#/In'}}}",
		"In: {type: object, required: [a], additionalProperties: {type: integer, enum: [1, 2]}}",
		"In: {type: object, properties: {n: {type: number, multipleOf: 0.01, exclusiveMinimum: true, minimum: 1, nullable: true}}}",
	} {
		f.Add(head + "    " + s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, problems := CompileSchema("s.yaml", []byte(text), Limits{Size: 8192})
		inside(t, text, problems)
		if problems.Failed() || s.Environment == nil {
			return
		}
		if broken := Compare(s, s); len(broken) > 0 {
			t.Fatalf("a schema breaks with itself: %s", broken)
		}
		s.Environment.Inputs()
		if out, err := s.SpecJSONSchema(EnvironmentTemplate).MarshalJSON(); err != nil || !json.Valid(out) {
			t.Fatalf("JSON Schema: %v: %s", err, out)
		}
		s.Environment.Check(nil, CheckOptions{})
	})
}

// What Check returns must be good input again, and come back unchanged.
func FuzzSpec(f *testing.F) {
	s := mustCompile(f, house)
	for _, spec := range []string{"", "zone: eu", "zone: eu\nport: 80.0\nsubnets: [aa]\ndb: {name: x, replicas: [{next: {}}]}\nlabels: {a: 1}\nfree: {x: [1, yes]}\nany: [~]\nmaybe: null\nday: 2020-01-01\nratio: 1.5\nbig: 1e3\ndebug: true"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, text string) {
		docs, problems := ParseYAML("p.yaml", []byte(text), Limits{Size: 4096, Nodes: 2000})
		if problems.Failed() || len(docs) == 0 {
			return
		}
		values, problems := s.Environment.Check(docs[0], CheckOptions{})
		inside(t, text, Problems{})
		if problems.Failed() {
			return
		}
		once, err := values.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, problems := ParseOne("again.json", once, Limits{})
		if problems.Failed() {
			t.Fatalf("%s\n%s", once, problems)
		}
		values, problems = s.Environment.Check(again, CheckOptions{Strict: true})
		if problems.Failed() {
			t.Fatalf("%s\n%s", once, problems)
		}
		twice, err := values.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if string(once) != string(twice) {
			t.Fatalf("once  %s\ntwice %s", once, twice)
		}
	})
}
