package state

import (
	"context"
	"errors"
	"testing"
)

func TestEnrolGivesNumbers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		enrol := func(major int64) (Version, error) {
			var v TemplateVersion
			err := s.Update(ctx, Fence{}, func(tx *Tx) error {
				var err error
				v, err = tx.Enrol(TemplateVersion{Kind: KindService, Name: "web", Version: Version{Major: major}, Source: Source{Bucket: "b", Key: "k"}})
				return err
			})
			return v.Version, err
		}
		if _, err := enrol(0); !errors.As(err, new(*NotFoundError)) {
			t.Fatalf("without a template: %v", err)
		}
		update(t, s, func(tx *Tx) error { return tx.PutTemplate(Template{Kind: KindService, Name: "web"}) })
		if _, err := enrol(1); !errors.As(err, new(*NotFoundError)) {
			t.Errorf("a minor of a major that is not there: %v", err)
		}
		for i, step := range []struct {
			major int64
			want  Version
		}{{0, Version{1, 0}}, {1, Version{1, 1}}, {0, Version{2, 0}}, {1, Version{1, 2}}, {2, Version{2, 1}}} {
			if got, err := enrol(step.major); err != nil || got != step.want {
				t.Errorf("%d: %v, %v, want %v", i, got, err, step.want)
			}
		}
		claims, err := s.Claim(ctx, "a", 10)
		if err != nil || len(claims) != 5 {
			t.Fatalf("claims %v, %v; every version is to be looked at", claims, err)
		}
		if kind, name, v, ok := claims[0].Ref.Version(); kind != KindService || name != "web" || v == (Version{}) || !ok {
			t.Errorf("the first claim is %v", claims[0].Ref)
		}

		// A failed version keeps its number when it was enrolled, and gives it back
		// when a repository brought it.
		fail := func(v *TemplateVersion) { v.Status = RegistrationFailed }
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.Enrolled(KindService, "web", Version{1, 2}, fail), tx.Enrolled(KindService, "web", Version{9, 9}, fail))
		})
		register := func(status VersionStatus) Version {
			var v TemplateVersion
			update(t, s, func(tx *Tx) error {
				var err error
				v, err = tx.Register(TemplateVersion{Kind: KindService, Name: "web", Version: Version{Major: 1}, Status: status, Origin: Origin{Repository: "main"}})
				return err
			})
			return v.Version
		}
		for _, want := range []struct {
			status  VersionStatus
			version Version
		}{{RegistrationFailed, Version{1, 3}}, {RegistrationFailed, Version{1, 3}}, {Draft, Version{1, 3}}, {Draft, Version{1, 4}}} {
			if got := register(want.status); got != want.version {
				t.Errorf("a repository's %s is %v, want %v", want.status, got, want.version)
			}
		}

		// What is not in progress any more is not written over.
		update(t, s, func(tx *Tx) error {
			return tx.Enrolled(KindService, "web", Version{1, 2}, func(v *TemplateVersion) { v.Status = Published })
		})
		if v, err := s.TemplateVersion(ctx, KindService, "web", Version{1, 2}); err != nil || v.Status != RegistrationFailed {
			t.Errorf("1.2 is %s, %v", v.Status, err)
		}
	})
}
