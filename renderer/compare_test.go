package renderer

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	const wrap = "In: {type: object, properties: {%}}"
	for name, tt := range map[string]struct{ older, newer, want string }{
		"an optional input added":            {"a: {type: string}", "a: {type: string}, b: {type: string}", ""},
		"a text described better":            {"a: {type: string}", "a: {type: string, description: x, title: y}", ""},
		"wider bounds":                       {"a: {type: number, minimum: 1, maximum: 5}", "a: {type: number, minimum: 0, maximum: 9}", ""},
		"a longer enum":                      {"a: {type: string, enum: [x]}", "a: {type: string, enum: [y, x]}", ""},
		"a default added":                    {"a: {type: string}", "a: {type: string, default: x}", ""},
		"an integer becomes a number":        {"a: {type: integer}", "a: {type: number}", ""},
		"an enum of the same numbers":        {"a: {type: number, enum: [1, 2]}", "a: {type: number, enum: [2.0, 1.0]}", ""},
		"a finer multipleOf":                 {"a: {type: number, multipleOf: 4}", "a: {type: number, multipleOf: 2}", ""},
		"a coarser multipleOf":               {"a: {type: number, multipleOf: 2}", "a: {type: number, multipleOf: 4}", "a has another multipleOf, got 4, want 2"},
		"an input removed":                   {"a: {type: string}, b: {type: string}", "a: {type: string}", `the input "b" was removed`},
		"a type changed":                     {"a: {type: string}", "a: {type: number}", "a changed its type, got number, want string"},
		"a number becomes an integer":        {"a: {type: number}", "a: {type: integer}", "a changed its type, got integer, want number"},
		"a shorter enum":                     {"a: {type: string, enum: [x, y]}", "a: {type: string, enum: [x]}", `a no longer takes "y"`},
		"an enum added":                      {"a: {type: string}", "a: {type: string, enum: [x]}", "a now takes a list of values only"},
		"a tighter maximum":                  {"a: {type: number, maximum: 10}", "a: {type: number, maximum: 9}", "a has a tighter maximum, got 9, want 10"},
		"a tighter minLength":                {"a: {type: string, minLength: 1}", "a: {type: string, minLength: 2}", "a has a tighter minLength, got 2, want 1"},
		"a new maxItems":                     {"a: {type: array, items: {type: string}}", "a: {type: array, items: {type: string}, maxItems: 2}", "a has a new maxItems, got 2, want none"},
		"a pattern changed":                  {"a: {type: string, pattern: x}", "a: {type: string, pattern: y}", "a has another pattern, got y, want x"},
		"a pattern removed":                  {"a: {type: string, pattern: x}", "a: {type: string}", ""},
		"a default removed":                  {"a: {type: string, default: x}", "a: {type: string}", "a lost its default, want default: x"},
		"a default changed":                  {"a: {type: string, default: x}", "a: {type: string, default: y}", "warning: a has another default"},
		"no longer null":                     {"a: {type: string, nullable: true}", "a: {type: string}", "a may no longer be null"},
		"a bound becomes exclusive":          {"a: {type: number, minimum: 1}", "a: {type: number, minimum: 1, exclusiveMinimum: true}", "a has a new exclusiveMinimum"},
		"items changed":                      {"a: {type: array, items: {type: string}}", "a: {type: array, items: {type: number}}", "a[] changed its type"},
		"a nested input removed":             {"a: {type: object, properties: {b: {type: string}}}", "a: {type: object, properties: {c: {type: string}}}", `the input "a.b" was removed`},
		"unknown keys refused":               {"a: {type: object, properties: {b: {type: string}}}", "a: {type: object, additionalProperties: false, properties: {b: {type: string}}}", "a no longer takes unknown keys"},
		"free keys no longer":                {"a: {type: object}", "a: {type: object, properties: {b: {type: string}}}", "a no longer takes any key"},
		"a combination added":                {"a: {type: string}", "a: {type: string, anyOf: [{minLength: 2}]}", "a has another anyOf"},
		"a required nested input":            {"a: {type: object, properties: {}}", "a: {type: object, required: [b], properties: {b: {type: string}}}", `the required input "a.b" was added without a default`},
		"a required nested input, defaulted": {"a: {type: object, properties: {}}", "a: {type: object, required: [b], properties: {b: {type: string, default: x}}}", ""},
		"now required":                       {"a: {type: object, properties: {b: {type: string}}}", "a: {type: object, required: [b], properties: {b: {type: string}}}", `the input "a.b" became required without a default`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			older := mustCompile(t, strings.Replace(wrap, "%", tt.older, 1))
			newer := mustCompile(t, strings.Replace(wrap, "%", tt.newer, 1))
			got := Compare(older, newer)
			if tt.want == "" {
				if len(got) > 0 {
					t.Errorf("got %s, want nothing", lines(got))
				}
				return
			}
			if len(got) != 1 || !strings.Contains(got[0].String(), tt.want) || got[0].Line == 0 {
				t.Errorf("got %s, want %s", lines(got), tt.want)
			}
			if same := Compare(newer, newer); len(same) > 0 {
				t.Errorf("a schema breaks with itself: %s", lines(same))
			}
		})
	}
}

func TestCompareTypes(t *testing.T) {
	t.Parallel()
	const head = "schema:\n  format: {openapi: \"3.0.0\"}\n  service_input_type: In\n"
	const types = "  types:\n    In: {type: object, properties: {kid: {$ref: '#/In'}}}\n    Pipe: {type: object, required: [x], properties: {x: {type: string}}}\n"
	without, problems := CompileSchema("s.yaml", []byte(head+types), Limits{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	with, problems := CompileSchema("s.yaml", []byte(head+"  pipeline_input_type: Pipe\n"+types), Limits{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	if got := Compare(without, with); !strings.Contains(lines(got), `pipeline_input_type is new and requires "x"`) {
		t.Errorf("got %s", lines(got))
	}
	if got := Compare(with, without); !strings.Contains(lines(got), "pipeline_input_type was removed") {
		t.Errorf("got %s", lines(got))
	}
}
