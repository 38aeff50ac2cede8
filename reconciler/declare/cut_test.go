package declare_test

import (
	"strings"
	"testing"

	"baryon/reconciler/declare"
)

// TestHeaderIsTakenOut cuts the header H out of texts; an empty want stands for
// a document that is refused because nothing could be cut.
func TestHeaderIsTakenOut(t *testing.T) {
	t.Parallel()
	const flow = `{environment: e, template: t, version: "1"}`
	for name, tt := range map[string]struct{ text, want string }{
		"first":                             {"baryon: H\nproton: EnvironmentSpec\nspec: {a: 1}\n", "proton: EnvironmentSpec\nspec: {a: 1}\n"},
		"last without an end":               {"proton: EnvironmentSpec\nbaryon: H", "proton: EnvironmentSpec\n"},
		"spaces before the colon":           {"proton: EnvironmentSpec\nbaryon \t: H\n", "proton: EnvironmentSpec\n"},
		"a comment behind it":               {"baryon: H # mine }\nproton: EnvironmentSpec\n", "proton: EnvironmentSpec\n"},
		"an anchor":                         {"baryon: &x H\nproton: EnvironmentSpec\n", "proton: EnvironmentSpec\n"},
		"a tag":                             {"baryon: !!map H\nproton: EnvironmentSpec\n", "proton: EnvironmentSpec\n"},
		"braces over lines":                 {"baryon: {environment: e,\n# }\n  description: 't}', template: t, version: \"1\"\n  }\nproton: EnvironmentSpec\n", "proton: EnvironmentSpec\n"},
		"braces that close at the margin":   {"baryon: {environment: e, # }\ntemplate: t, description: 'a}''b', version: \"1\",\n}\nproton: EnvironmentSpec\n", "proton: EnvironmentSpec\n"},
		"a value on the next line":          {"baryon:\n  H\nproton: EnvironmentSpec\n", "proton: EnvironmentSpec\n"},
		"comments around it":                {"# one\nbaryon: H\n# two\n\n# three\nproton: EnvironmentSpec\n", "# one\n# two\n\n# three\nproton: EnvironmentSpec\n"},
		"comments deeper in":                {"baryon:\n  environment: e\n  # in\n  template: t\n\n  version: 1\n  # still in\n# out\nproton: EnvironmentSpec\n", "# out\nproton: EnvironmentSpec\n"},
		"a merge key":                       {"baryon: H\nproton: EnvironmentSpec\nspec:\n  <<: {a: 1}\n  b: 2\n", "proton: EnvironmentSpec\nspec:\n  <<: {a: 1}\n  b: 2\n"},
		"an alias that the header uses":     {"proton: EnvironmentSpec\nspec: {a: &t t}\nbaryon: {environment: e, template: *t, version: \"1\"}\n", "proton: EnvironmentSpec\nspec: {a: &t t}\n"},
		"an anchor that the spec uses":      {"baryon: {environment: e, template: &t t, version: \"1\"}\nproton: EnvironmentSpec\nspec: {a: *t}\n", ""},
		"letters of other scripts before":   {"{proton: EnvironmentSpec, spec: {é: 'ß', 🙂: 1}, baryon: H, }\n", "{proton: EnvironmentSpec, spec: {é: 'ß', 🙂: 1}, }\n"},
		"flow, first":                       {"{baryon: H, proton: EnvironmentSpec}\n", "{proton: EnvironmentSpec}\n"},
		"flow, last":                        {"{proton: EnvironmentSpec,   baryon: H  }\n", "{proton: EnvironmentSpec  }\n"},
		"flow, with escapes":                {`{"proton": "EnvironmentSpec", "baryon": {"environment": "e", "template": "t", "version": "1", "description": "a\"}\\"}, "spec": {}}`, `{"proton": "EnvironmentSpec", "spec": {}}`},
		"flow, with quotes inside of words": {`{proton: EnvironmentSpec, baryon: {environment: e, template: t, version: 1, description: it's "so"}, spec: {a: b"c}}`, `{proton: EnvironmentSpec, spec: {a: b"c}}`},
		"flow, with lists":                  {"{proton: EnvironmentSpec, baryon: {environment: e, template: t, version: 1, labels: {a: b}}, spec: {a: [1, {b: 2}]}}", "{proton: EnvironmentSpec, spec: {a: [1, {b: 2}]}}"},
		"flow, on lines of its own":         {"{\n  proton: EnvironmentSpec,\n  baryon: H,\n  spec: {}\n}\n", "{\n  proton: EnvironmentSpec,\n  spec: {}\n}\n"},
		"flow, last on a line of its own":   {"{\n  proton: EnvironmentSpec,\n  baryon: H\n}\n", "{\n  proton: EnvironmentSpec\n}\n"},
		"flow behind a marker":              {"--- {proton: EnvironmentSpec, baryon: H}\n", "--- {proton: EnvironmentSpec}\n"},
		"an explicit key":                   {"? baryon\n: H\n? proton\n: EnvironmentSpec\n", ""},
		"old Macintosh lines":               {"proton: EnvironmentSpec\rbaryon: H\rspec:\r  a: 1\r", "proton: EnvironmentSpec\rspec:\r  a: 1\r"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := read(t, map[string]string{"x.yaml": strings.ReplaceAll(tt.text, "H", flow)}, nil, declare.Options{})
			if tt.want == "" {
				if !strings.Contains(d.Problems.Error(), "the key baryon cannot be taken out") {
					t.Errorf("problems = %s, want that nothing can be cut", d.Problems)
				}
				return
			}
			if len(d.Documents) != 1 {
				t.Fatalf("problems = %s", d.Problems)
			}
			if got := d.Documents[0].Spec; got != tt.want {
				t.Errorf("left = %q, want %q", got, tt.want)
			}
		})
	}
}
