package renderer

import "testing"

func TestQuickTemplate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want bool
	}{
		"blocks and lists":             {"# c\nA: 1\nResources:\n  X:\n    L:\n    - a\n    - b: 1\n      c: 2\n    - - d\n      - e\n    K: v # c\n  Y:\n    - 1\nZ: x\n", true},
		"short forms":                  {"Resources:\n  A: !Ref B\n  C: !Sub \"${x}\"\n  D: !If [a, !Ref b, {Ref: 'AWS::NoValue'}]\n  E: !Join\n    - ''\n    - - a\n      - b\n", true},
		"block scalars":                {"Resources:\n  A: |\n    x: y: z\n      - {\n\n    b\n  B: !Sub >-\n    c\n  L:\n    - |\n      d\n    - e\n", true},
		"resources in one line":        {"Resources: {A: {B: [c, 'd']}}\n", true},
		"empty values":                 {"Resources:\n  A:\n  B:\n    -\n    - x\nO:\n", true},
		"no resources":                 {"A: 1\n", false},
		"resources that are a list":    {"Resources:\n  - a\n", false},
		"resources that are a text":    {"Resources: a\n", false},
		"resources that are nothing":   {"Resources:\nA: 1\n", false},
		"a second colon":               {"Resources:\n  A: b: c\n", false},
		"a deeper line behind a value": {"Resources:\n  A: b\n    C: d\n", false},
		"a line between two columns":   {"Resources:\n    A: b\n  C: d\n", false},
		"an open quote":                {"Resources:\n  A: \"b\n", false},
		"an open bracket":              {"Resources:\n  A: [b\n", false},
		"a tab":                        {"Resources:\n\tA: b\n", false},
		"an anchor":                    {"Resources:\n  A: &b c\n", false},
		"a list in a mapping":          {"Resources:\n  A: b\n  - c\n", false},
		"a key in a list":              {"Resources:\n  A:\n    - b\n    c: d\n", false},
		"values on the next lines":     {"Resources:\n  A:\n    b\n  C: d\n    e\n\n    f\n  G:\n    'h'\n", true},
		"two values for one key":       {"Resources:\n  A:\n    'b'\n    'c'\n", false},
		"a comment inside of a text":   {"Resources:\n  A: b\n  # c\n    d\n", false},
		"two documents":                {"Resources:\n  A: b\n---\nc: d\n", false},
		"nothing":                      {"", false},
	} {
		if got := quickTemplate(tt.text); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
		if tt.want && parsedTemplate(tt.text).Failed() {
			t.Errorf("%s: the parser refuses it: %s", name, parsedTemplate(tt.text))
		}
	}
}

// What the scan is sure of, the parser must agree with.
func FuzzQuickTemplate(f *testing.F) {
	for _, s := range []string{
		"Resources:\n  A: !Ref B\n  C: !Sub \"${x}\"\n  D: !If [a, !Ref b, {Ref: 'AWS::NoValue'}]\n  E: !Join\n    - ''\n    - - a\n      - b\n",
		"# c\nA: 1\nResources:\n  X:\n    L:\n    - a\n    - b: 1\n      c: 2\n    K: v # c\n  Y:\n    - 1\nZ: x\n",
		"Resources:\n  A: |\n    x: y: z\n\n    b\n  B: !Sub >-\n    c\n  L:\n    - |\n      d\n", "Resources: {A: {B: [c, 'd']}}\n", "'Resources':\n  a/b: c\n  Fn::X: - d",
		"Resources:\n  A:\n  -\n  - - x\n    - y:\n      - z\n  B: -1\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, text := range []string{text, "Resources:\n  A:\n" + text, "Resources:\n  A: " + text} {
			if quickTemplate(text) {
				if problems := parsedTemplate(text); problems.Failed() {
					t.Fatalf("%q: %s", text, problems)
				}
			}
		}
	})
}

// Most rendered templates of the corpus are simple enough for the scan.
func TestCorpusQuickTemplate(t *testing.T) {
	sure, all := 0, 0
	for _, render := range corpusRenders(t) {
		if render.Want.Out == "" || parsedTemplate(render.Want.Out).Failed() {
			continue
		}
		if all++; quickTemplate(render.Want.Out) {
			sure++
		}
	}
	if sure*2 < all {
		t.Errorf("the scan is sure of %d of %d templates, want most", sure, all)
	}
	t.Logf("the scan is sure of %d of %d templates", sure, all)
}
