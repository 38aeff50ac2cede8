package declare_test

import (
	"strings"
	"testing"

	"baryon/reconciler/declare"
	"baryon/state"
)

func TestOwnerOfAName(t *testing.T) {
	t.Parallel()
	plain := prod
	adopts := strings.Replace(prod, `"1"`, `"1", adopt: true`, 1)
	broken := strings.Replace(prod, `, version: "1"`, "", 1)
	for name, tt := range map[string]struct {
		a, b  string
		owner string
		want  string // the file whose document is in force
	}{
		"the first by path":                                    {plain, plain, "", "a.yaml"},
		"the one that owned it":                                {plain, plain, "b.yaml", "b.yaml"},
		"the one that owned it is gone":                        {plain, plain, "z.yaml", "a.yaml"},
		"the one that adopts":                                  {plain, adopts, "", "b.yaml"},
		"the one that adopts, from its owner":                  {plain, adopts, "a.yaml", "b.yaml"},
		"the owner, once it has adopted":                       {plain, adopts, "b.yaml", "b.yaml"},
		"the owner, when both say adopt":                       {adopts, adopts, "b.yaml", "b.yaml"},
		"the first, when both say adopt":                       {adopts, adopts, "", "a.yaml"},
		"the owner, though it is broken: its last state stays": {plain, broken, "b.yaml", ""},
		"the one that adopts from a broken owner":              {broken, adopts, "a.yaml", "b.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := state.EnvironmentRef("prod")
			o := declare.Options{}
			if tt.owner != "" {
				o.Owners = map[state.Ref]string{ref: tt.owner}
			}
			d := read(t, map[string]string{"a.yaml": tt.a, "b.yaml": tt.b}, nil, o)
			got := ""
			for _, doc := range d.Documents {
				got += doc.Path
			}
			if got != tt.want {
				t.Errorf("in force is %q, want %q\n%s", got, tt.want, d.Problems)
			}
			if !strings.Contains(d.Problems.Error(), "environment/prod is declared already, at ") {
				t.Errorf("the second claim is not reported:\n%s", d.Problems)
			}
			if tt.want == "" && !d.Keeper()(ref, "b.yaml") {
				t.Errorf("%s is not kept", ref)
			}
		})
	}
}

func TestAConflictEndsWithItsCause(t *testing.T) {
	t.Parallel()
	two := map[string]string{"a.yaml": prod, "b.yaml": prod}
	first := read(t, two, nil, declare.Options{})
	if got := first.Files[1].Verdict; got != declare.VerdictRefused {
		t.Fatalf("the second claim is %s, want %s", got, declare.VerdictRefused)
	}
	delete(two, "a.yaml")
	second := read(t, two, kept(t, first), declare.Options{})
	if f := second.Files[0]; f.Verdict != declare.VerdictDocument || len(second.Documents) != 1 || len(second.Problems) != 0 {
		t.Errorf("verdict = %s, documents = %d, problems = %s; want the document in force", f.Verdict, len(second.Documents), second.Problems)
	}
}
