package renderer

import (
	"os"
	"path/filepath"
	"testing"
)

func BenchmarkWellFormed(b *testing.B) {
	text, err := os.ReadFile(filepath.Join(corpus(b), "cloudformation/service-templates/load-balanced-fargate-svc/v1/pipeline_infrastructure/cloudformation.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		wellFormed(string(text))
	}
}

func BenchmarkCheck(b *testing.B) {
	s := mustCompile(b, house)
	const spec = "zone: eu\nport: 8080\nsubnets: [aa, bb]\ndb: {name: x, replicas: [{}, {zone: b, next: {}}]}\nlabels: {x: 1}\n"
	b.ReportAllocs()
	for b.Loop() {
		n, _ := ParseOne("p.yaml", []byte(spec), Limits{})
		if _, problems := s.Environment.Check(n, CheckOptions{}); problems.Failed() {
			b.Fatal(problems)
		}
	}
}
