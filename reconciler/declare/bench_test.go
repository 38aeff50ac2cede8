package declare_test

import (
	"fmt"
	"strings"
	"testing"

	"baryon/reconciler/declare"
)

// thousands is a repository of many environments, services and other files.
func thousands() map[string]string {
	files := map[string]string{}
	for i := range 10_000 {
		switch name := fmt.Sprintf("n%05d", i); i % 4 {
		case 0:
			files[fmt.Sprintf("services/%02d/%s.yaml", i%100, name)] = "proton: ServiceSpec\nbaryon: {service: " + name + ", template: t, version: \"1\"}\n" +
				"pipeline: {}\ninstances:\n  - {name: dev, environment: dev, spec: {size: 1}}\n  - {name: prod, environment: prod, spec: {size: 2}}\n"
		case 1:
			files[fmt.Sprintf("charts/%02d/%s.yaml", i%100, name)] = "kind: Service\nname: {{ .Values.name }}\n"
		default:
			files[fmt.Sprintf("environments/%02d/%s.yaml", i%100, name)] = strings.ReplaceAll(prod, "prod", name) + "spec:\n  size: 1\n"
		}
	}
	return files
}

func BenchmarkReadUnchanged(b *testing.B) {
	t := hashed(b)
	d, err := declare.Read(b.Context(), t, nil, declare.Options{})
	if err != nil || len(d.Problems) > 0 || len(d.Documents) != 7500 {
		b.Fatalf("documents = %d, %v, %s", len(d.Documents), err, d.Problems)
	}
	known := kept(b, d)
	for b.Loop() {
		if _, err := declare.Read(b.Context(), t, known, declare.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadNew(b *testing.B) {
	t := hashed(b)
	for b.Loop() {
		if _, err := declare.Read(b.Context(), t, nil, declare.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// hashed is a tree that knows its hashes, as Git does.
func hashed(b *testing.B) precomputed {
	b.Helper()
	t := precomputed{newTree(thousands()), map[string]string{}}
	for _, name := range t.Names() {
		hash, err := t.tree.Hash(name)
		if err != nil {
			b.Fatal(err)
		}
		t.hashes[name] = hash
	}
	return t
}

type precomputed struct {
	*tree

	hashes map[string]string
}

func (p precomputed) Hash(name string) (string, error) { return p.hashes[name], nil }
