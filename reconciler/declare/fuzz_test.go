package declare_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/reconciler/declare"
	"baryon/renderer"
)

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		prod, "---\n" + prod + "---\n{baryon: {service: s}}\n", "\ufeff%YAML 1.1\n---\n  " + prod,
		"baryon: {component: c, service: s, instance: i, files: .}\nproton: ServiceSpec\ninstances: [{name: i, environment: e}]\n",
		"sync: {services: {s: {i: {branch: main, spec: a.yaml}}}}\n",
		"{'proton': EnvironmentSpec, \"baryon\": {environment: 'it''s', template: \"a\\\"}\", version: 1.10}, spec: {a: b'c}}",
		"proton: EnvironmentSpec\nbaryon: &h {environment: e,\n template: t} # }\nspec: *h\n", "a: |\n  ---\n...\n? baryon\n: x\r\u0085\u2028baryon:\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := declare.Read(t.Context(), newTree(map[string]string{"x.yaml": text}), nil, declare.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Files) != 1 || d.Files[0].Verdict == "" || d.Files[0].Reason == "" {
			t.Fatalf("files = %+v, want one with a verdict and a reason", d.Files)
		}
		if refused := d.Files[0].Verdict == declare.VerdictRefused; refused != d.Problems.Failed() {
			t.Errorf("verdict = %s with problems %v", d.Files[0].Verdict, d.Problems)
		}
		for _, p := range d.Problems {
			if p.File != "x.yaml" || p.Rule == "" || p.Line < 1 || p.Column < 1 {
				t.Errorf("a problem without a place or a rule: %+v", p)
			}
		}
		for _, doc := range d.Documents {
			checkDocument(t, doc)
		}
		data, err := json.Marshal(d.Files[0])
		if err != nil {
			t.Fatal(err)
		}
		var back declare.File
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		again, err := declare.Read(t.Context(), newTree(map[string]string{"x.yaml": text}), map[string]declare.File{"x.yaml": back}, declare.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(describe(d), describe(again)); diff != "" && strings.ToValidUTF8(text, "") == text {
			t.Errorf("a second reading differs (-first +second):\n%s", diff)
		}
	})
}

// checkDocument holds a document to what its fields promise.
func checkDocument(t *testing.T, d declare.Document) {
	t.Helper()
	if len(d.Spec) > declare.MaxSpec {
		t.Errorf("the spec of %s has %d bytes", d.Ref, len(d.Spec))
	}
	if d.Spec == "" {
		return
	}
	root, problems := renderer.ParseOne("spec", []byte(d.Spec), renderer.Limits{})
	if problems.Failed() || root.Get("baryon") != nil || root.Get("proton") == nil {
		t.Errorf("the spec of %s is no document of Proton: %v\n%s", d.Ref, problems, d.Spec)
	}
	// A document that begins with an anchor, a tag or a question mark has no top
	// to put a key on; Import says so.
	odd := strings.ContainsAny(d.Spec, "&!*?")
	if _, err := declare.Import(d.Path, d.Spec, d.Ref, d.Header); err != nil && !odd {
		t.Errorf("%s cannot be put together again: %v\n%s", d.Ref, err, d.Spec)
	}
}
