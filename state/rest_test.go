package state

import (
	"context"
	"testing"
	"time"
)

// TestRest puts a target to rest and changes, one after another, what its visit
// read: each change makes it due for a visit, and nothing else does.
func TestRest(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		dev, api, pipe := EnvironmentRef("dev"), InstanceRef("shop", "api"), PipelineRef("shop")
		version := TemplateVersion{Kind: KindService, Name: "web", Version: Version{Major: 1}, Status: Draft, Bundle: "b"}
		put := func(ref Ref, needs ...Ref) func(*Tx) error {
			return func(tx *Tx) error {
				target := Target{Ref: ref, Generation: 1, Desired: Desired{Template: "web"}}
				if err := tx.PutTarget(target); err != nil {
					return err
				}
				return tx.SetNeeds(ref, needs)
			}
		}
		for _, write := range []func(*Tx) error{
			func(tx *Tx) error { return tx.PutTemplate(Template{Kind: KindEnvironment, Name: "web"}) },
			func(tx *Tx) error { return tx.PutTemplate(Template{Kind: KindService, Name: "web"}) },
			func(tx *Tx) error { return tx.PutTemplateVersion(version) },
			put(dev), put(api, dev), put(pipe, dev),
		} {
			update(t, s, write)
		}
		const settings = Stamp(7)
		// visit claims what is due, tells what that is, and lets it rest.
		visit := func(until time.Time) map[Ref]bool {
			t.Helper()
			claims, err := s.Claim(ctx, "a", 100)
			if err != nil {
				t.Fatal(err)
			}
			visited := map[Ref]bool{}
			for _, claim := range claims {
				visited[claim.Ref] = true
				stamp, err := s.Stamp(ctx, claim.Ref, settings)
				if err != nil {
					t.Fatal(err)
				}
				finish(t, s, Finish{Claim: claim, Due: c.now().Add(hour), Rest: stamp, RestUntil: until})
			}
			return visited
		}
		wake := func() {
			t.Helper()
			if err := s.Wake(ctx, dev, api, pipe); err != nil {
				t.Fatal(err)
			}
		}
		rest := func(settings Stamp) {
			t.Helper()
			if _, err := s.Rest(ctx, settings, c.now().Add(hour), 100); err != nil {
				t.Fatal(err)
			}
		}
		wake()
		day := c.now().Add(24 * hour)
		visit(day)
		for _, tt := range []struct {
			name    string
			change  func(*Tx) error
			visited []Ref
		}{
			{"nothing", func(*Tx) error { return nil }, nil},
			{"the environment", put(dev), []Ref{dev, api, pipe}},
			{"the instance", put(api, dev), []Ref{api, pipe}},
			{"the pipeline", put(pipe, dev), []Ref{pipe}},
			{"another instance", put(InstanceRef("shop", "more"), dev), []Ref{pipe}},
			{"an instance of another service", put(InstanceRef("shed", "api"), dev), nil},
			{"a need", func(tx *Tx) error { return tx.AddNeed(api, ComponentRef("cache")) }, []Ref{api}},
			{"the needed thing appears", put(ComponentRef("cache")), []Ref{api}},
			{"a version", func(tx *Tx) error { version.Status = Published; return tx.PutTemplateVersion(version) }, []Ref{api, pipe}},
			{"the other template", func(tx *Tx) error { return tx.PutTemplate(Template{Kind: KindEnvironment, Name: "web"}) }, []Ref{dev}},
			{"the needed thing goes", func(tx *Tx) error { return tx.RemoveTarget(Target{Ref: ComponentRef("cache")}) }, []Ref{api}},
		} {
			update(t, s, tt.change)
			wake()
			rest(settings)
			visited := visit(day)
			for _, ref := range []Ref{dev, api, pipe} {
				want := false
				for _, v := range tt.visited {
					want = want || v == ref
				}
				if visited[ref] != want {
					t.Errorf("after a change of %s, %s is visited: %t, want %t", tt.name, ref, visited[ref], want)
				}
			}
		}
		wake()
		rest(settings + 1)
		if got := visit(c.now().Add(2 * hour)); len(got) != 3 {
			t.Errorf("with other settings %d targets are visited, want all 3", len(got))
		}
		wake()
		rest(settings)
		if due, err := s.Due(ctx, dev); err != nil || !due.Equal(c.now().Add(hour)) {
			t.Errorf("put off until %s, %v, want an hour from now, %s", due, err, c.now().Add(hour))
		}
		c.advance(90 * time.Minute)
		rest(settings)
		if due, err := s.Due(ctx, dev); err != nil || !due.Equal(c.now().Add(30*time.Minute)) {
			t.Errorf("put off until %s, %v, want the end of its rest", due, err)
		}
		c.advance(time.Hour)
		rest(settings)
		if got := visit(day); len(got) != 3 {
			t.Errorf("at the end of their rest %d targets are visited, want all 3", len(got))
		}
	})
}
