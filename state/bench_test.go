package state

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"baryon/state/pgtest"
)

// BenchmarkClaimFinish measures the two statements around every batch of
// visits, with a thousand things to visit of which all are due.
func BenchmarkClaimFinish(b *testing.B) {
	for name, dsn := range map[string]func(b *testing.B) string{
		"sqlite":   func(b *testing.B) string { b.Helper(); return filepath.Join(b.TempDir(), "baryon.db") },
		"postgres": func(b *testing.B) string { b.Helper(); return pgtest.Start(b) },
	} {
		for _, batch := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/batch=%d", name, batch), func(b *testing.B) {
				ctx := context.Background()
				s, err := Open(ctx, Config{DSN: dsn(b)})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				refs := make([]Ref, 1000)
				for i := range refs {
					refs[i] = EnvironmentRef(fmt.Sprintf("e%d", i))
				}
				if err := s.Wake(ctx, refs...); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					claims, err := s.Claim(ctx, "bench", batch)
					if err != nil || len(claims) != batch {
						b.Fatalf("%d claims, err %v, want %d", len(claims), err, batch)
					}
					done := make([]Finish, 0, batch)
					for _, c := range claims {
						done = append(done, Finish{Claim: c, Due: s.now()})
					}
					if err := s.Finish(ctx, done); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "µs/visit")
			})
		}
	}
}
