package jinja_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"baryon/renderer/jinja"
)

func protonContext() *jinja.Dict {
	dict := func(pairs ...any) *jinja.Dict {
		d := jinja.NewDict()
		for i := 0; i < len(pairs); i += 2 {
			d.Set(pairs[i].(string), pairs[i+1])
		}
		return d
	}
	return dict(
		"out", dict("Bucket", "my-bucket", "Arn", "arn:aws:iam::123456789012:policy/p-1", "Url", "https://x.org/a?b=c"),
		"nothing", dict(),
		"odd", dict("colon", "a: b", "hash", "a #b", "star", "*x", "amp", "&x", "bang", "!Ref x", "at", "@x", "tick", "`x", "brace", "{a}", "bracket", "[a]",
			"quote", "it's", "double", `say "hi"`, "lines", "a\nb", "tab", "a\tb", "empty", "", "blank", " ", "lead", " a", "trail", "a ",
			"dash", "- a", "question", "? a", "pipe", "|", "greater", ">x", "percent", "%a", "comma", "a, b", "backslash", `a\b`, "bell", "a\ab", "accent", "žluť", "emoji", "a😀"),
		"words", dict("yes", "yes", "no", "No", "on", "on", "y", "y", "null", "null", "tilde", "~", "true", "true", "int", "0123", "plain", "12", "float", "1.10", "exp", "1e3",
			"date", "2020-01-01", "time", "12:30:45", "hex", "0x1f", "nan", ".nan", "merge", "<<", "equals", "=", "minus", "-"),
		"typed", dict("i", int64(5), "f", 1.5, "t", true, "n", nil),
		"keys", dict("a b", "1", "x: y", "2", "true", "3"),
		"nested", dict("m", dict("a", "b")),
		"policies", dict("A", "arn:aws:iam::123456789012:policy/a", "B", "nope", "C", "arn:aws-cn:iam::123456789012:policy/path/c", "D", "arn:aws:iam::12:policy/short", "E", "arn:aws:s3:::b"),
		"text", "name_1-x", "arn", "arn:aws:sns:eu-west-1:123456789012:topic", "bad", "a b;c", "num", int64(7),
	)
}

// The filters write block YAML whose further lines begin in the column of the
// first, in the order of the map.
func TestProtonFilters(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ template, want string }{
		"variables of a task, under their key": {
			"Environment:\n  {{ out | proton_cfn_ecs_task_definition_formatted_env_vars }}\nNext: 1\n",
			"Environment:\n  - Name: Bucket\n    Value: my-bucket\n  - Name: Arn\n    Value: arn:aws:iam::123456789012:policy/p-1\n  - Name: Url\n    Value: 'https://x.org/a?b=c'\nNext: 1\n",
		},
		"the pipe on the next line": {
			"E:\n      {{ out\n         | proton_cfn_ecs_task_definition_formatted_env_vars }}\n",
			"E:\n      - Name: Bucket\n        Value: my-bucket\n      - Name: Arn\n        Value: arn:aws:iam::123456789012:policy/p-1\n      - Name: Url\n        Value: 'https://x.org/a?b=c'\n",
		},
		"variables of a function": {
			"V:\n    {{ out | proton_cfn_lambda_function_formatted_env_vars }}",
			"V:\n    Bucket: my-bucket\n    Arn: arn:aws:iam::123456789012:policy/p-1\n    Url: 'https://x.org/a?b=c'",
		},
		"behind a list item that is there already": {
			"Arns:\n  - !Ref X\n  {{ policies | proton_cfn_iam_policy_arns }}\n",
			"Arns:\n  - !Ref X\n  - arn:aws:iam::123456789012:policy/a\n  - arn:aws-cn:iam::123456789012:policy/path/c\n",
		},
		"behind other text in the line, counted in characters": {
			"ž: {{ out | proton_cfn_lambda_function_formatted_env_vars }}",
			"ž: Bucket: my-bucket\n   Arn: arn:aws:iam::123456789012:policy/p-1\n   Url: 'https://x.org/a?b=c'",
		},
		"in a loop, each at its column": {
			"{% for i in [1, 2] %}{{ ' ' * i }}{{ {'a': 'x', 'b': 'z'} | proton_cfn_lambda_function_formatted_env_vars }}\n{% endfor %}",
			" a: x\n b: z\n  a: x\n  b: z\n",
		},
		"after space that a minus ate": {
			"E:\n  {{- missing | default('') }}\n  {{ {'a': 'x', 'b': 'z'} | proton_cfn_lambda_function_formatted_env_vars -}}   \n\nN: 1",
			"E:\n  a: x\n  b: zN: 1",
		},
		"nothing for an empty map": {
			"[{{ nothing | proton_cfn_ecs_task_definition_formatted_env_vars }}{{ nothing | proton_cfn_lambda_function_formatted_env_vars }}{{ nothing | proton_cfn_iam_policy_arns }}]",
			"[]",
		},
		"raw may be given in three ways": {
			"{{ {'a': 'x y'} | proton_cfn_lambda_function_formatted_env_vars(raw=True) }} {{ {'a': 'x y'} | proton_cfn_lambda_function_formatted_env_vars(true) }} {{ {'a': 'x-y'} | proton_cfn_lambda_function_formatted_env_vars(raw=False) }}",
			"a: x y a: x y a: x-y",
		},
		"numbers and booleans stay what they are": {
			"{{ typed | proton_cfn_lambda_function_formatted_env_vars }}",
			"i: 5\nf: 1.5\nt: true\n'n': null",
		},
		"sanitize gives back what is safe": {
			"{{ text | proton_cfn_sanitize }} {{ arn | proton_cfn_sanitize }} {{ num | proton_cfn_sanitize }} [{{ '' | proton_cfn_sanitize }}]",
			"name_1-x arn:aws:sns:eu-west-1:123456789012:topic 7 []",
		},
		"the result is a text like any other": {
			"{{ ({'a': 'x', 'b': 'z'} | proton_cfn_lambda_function_formatted_env_vars) | length }} {{ {'a': 'x'} | proton_cfn_lambda_function_formatted_env_vars | upper }} {% set e %}{{ {'a': 'x'} | proton_cfn_lambda_function_formatted_env_vars }}{% endset %}{{ e }}",
			"9 A: X a: x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tpl, err := jinja.Parse("t", tt.template, jinja.Config{Filters: jinja.ProtonFilters()})
			if err != nil {
				t.Fatal(err)
			}
			got, err := tpl.Render(t.Context(), protonContext())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever a value holds, YAML reads the text that was put in, in its place.
func TestProtonFiltersQuote(t *testing.T) {
	t.Parallel()
	const source = "lambda:\n  {{ v | proton_cfn_lambda_function_formatted_env_vars }}\necs:\n   {{ v | proton_cfn_ecs_task_definition_formatted_env_vars }}\nlast: 1\n"
	tpl, err := jinja.Parse("t", source, jinja.Config{Filters: jinja.ProtonFilters()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out", "odd", "words", "keys"} {
		values, _ := protonContext().Get(name)
		context := jinja.NewDict()
		context.Set("v", values)
		text, err := tpl.Render(t.Context(), context)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Lambda map[string]string
			ECS    []struct {
				Name  string `yaml:"Name"`
				Value string `yaml:"Value"`
			}
			Last int
		}
		// A text that is no string in YAML would not be decoded into one.
		var node yaml.Node
		if err := yaml.Unmarshal([]byte(text), &node); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if err := node.Decode(&got); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		want := map[string]string{}
		d := values.(*jinja.Dict)
		for _, k := range d.Keys() {
			v, _ := d.Get(k)
			want[k], _ = v.(string)
		}
		if diff := cmp.Diff(want, got.Lambda); diff != "" || got.Last != 1 {
			t.Errorf("%s: %s\n%s", name, diff, text)
		}
		order := []string{}
		for _, e := range got.ECS {
			order = append(order, e.Name)
			if e.Value != want[e.Name] {
				t.Errorf("%s: ECS gives %q, want %q", name, e.Value, want[e.Name])
			}
		}
		if !slices.Equal(order, d.Keys()) {
			t.Errorf("%s: order %v, want %v", name, order, d.Keys())
		}
		for _, pair := range node.Content[0].Content[1].Content {
			if pair.Tag != "!!str" {
				t.Errorf("%s: %q is read as %s", name, pair.Value, pair.Tag)
			}
		}
	}
}

func TestProtonFilterErrors(t *testing.T) {
	t.Parallel()
	const ecs, lambda, arns, sanitize = "proton_cfn_ecs_task_definition_formatted_env_vars", "proton_cfn_lambda_function_formatted_env_vars", "proton_cfn_iam_policy_arns", "proton_cfn_sanitize"
	cases := map[string]struct {
		template, want string
		fix            jinja.Fix
	}{
		"an illegal value of a task, where raw is false":     {"{{ {'a': 'x y'} | " + ecs + "(raw=False) }}", `Illegal character(s) detected in "x y". Must match regex ^[a-zA-Z0-9_-]*$`, jinja.FixSpec},
		"an illegal value of a function, where raw is false": {"{{ {'a': 'x.y'} | " + lambda + "(false) }}", `Illegal character(s) detected in "x.y". Must match regex ^[a-zA-Z0-9_-]*$`, jinja.FixSpec},
		"a text that is not safe":                            {"{{ bad | " + sanitize + " }}", `Illegal character(s) detected in "a b;c". Must match regex ^[a-zA-Z0-9_-]*$ or be a valid ARN`, jinja.FixSpec},
		"a text with a line break":                           {"{{ 'a\\n' | " + sanitize + " }}", "Illegal character(s) detected in \"a\n\". Must match regex ^[a-zA-Z0-9_-]*$ or be a valid ARN", jinja.FixSpec},
		"a text where a map is wanted":                       {"{{ text | " + ecs + " }}", ecs + " formats a map, got a value of type str", jinja.FixTemplate},
		"a list where a map is wanted":                       {"{{ [1] | " + arns + " }}", arns + " formats a map, got a value of type list", jinja.FixTemplate},
		"a map in the map":                                   {"{{ nested | " + lambda + " }}", lambda + " writes texts and numbers, but m is a value of type dict", jinja.FixSpec},
		"an argument that is not raw":                        {"{{ out | " + ecs + "(rav=True) }}", ecs + " takes no argument 'rav' here, only raw", jinja.FixTemplate},
		"raw that is no boolean":                             {"{{ out | " + ecs + "(1) }}", ecs + " takes one argument, raw, which is true or false", jinja.FixTemplate},
		"arguments where there are none":                     {"{{ text | " + sanitize + "(1) }}", sanitize + " takes no arguments", jinja.FixTemplate},
		"an undefined value":                                 {"{{ nope | " + lambda + " }}", "'nope' is undefined", jinja.FixTemplate},
		"a misspelt filter":                                  {"{{ out | proton_cfn_sanitise }}", "No filter named 'proton_cfn_sanitise'.", jinja.FixTemplate},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		tt := cases[name]
		tpl, err := jinja.Parse("t", "one\n  "+tt.template, jinja.Config{Filters: jinja.ProtonFilters()})
		if err == nil {
			_, err = tpl.Render(t.Context(), protonContext())
		}
		var e *jinja.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: err = %v, want an *Error", name, err)
			continue
		}
		if e.Msg != tt.want || e.Fix != tt.fix || e.Line != 2 || e.Column < 3 || e.Expr == "" {
			t.Errorf("%s: got %+v, want %q (change the %s) in line 2", name, e, tt.want, tt.fix)
		}
	}
}
