package state

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// webVersion is a version of the service template "web".
func webVersion(major, minor int64, status VersionStatus) TemplateVersion {
	v := TemplateVersion{Kind: KindService, Name: "web", Version: Version{major, minor}, Status: status}
	if status != RegistrationFailed {
		v.Bundle = "sha256:" + v.Version.String()
	}
	return v
}

func putVersions(t *testing.T, s *Store, versions ...TemplateVersion) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		for _, v := range versions {
			if err := tx.PutTemplateVersion(v); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestTemplateIsReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		want := Template{
			Kind: KindService, Name: "web", DisplayName: "Web", Description: "a web service", Repository: "main", NoPipeline: true,
		}
		other := Template{Kind: KindEnvironment, Name: "web", CustomerManaged: true}
		last := Template{Kind: KindService, Name: "worker"}
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.PutTemplate(last), tx.PutTemplate(other), tx.PutTemplate(Template{Kind: KindService, Name: "web"}), tx.PutTemplate(want))
		})
		times := cmpopts.IgnoreFields(Template{}, "CreatedAt", "ModifiedAt")
		got, err := s.Template(ctx, KindService, "web")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, times); diff != "" {
			t.Errorf("template (-want +got):\n%s", diff)
		}
		if got.CreatedAt.IsZero() || got.ModifiedAt.Before(got.CreatedAt) {
			t.Errorf("created %v, modified %v", got.CreatedAt, got.ModifiedAt)
		}
		list, err := s.Templates(ctx, KindService)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Template{want, last}, list, times); diff != "" {
			t.Errorf("service templates by name (-want +got):\n%s", diff)
		}
		wantMissing(t, "service template none", func() error { _, err := s.Template(ctx, KindService, "none"); return err })
	})
}

// wantMissing checks that reading something that is not there says so.
func wantMissing(t *testing.T, what string, read func() error) {
	t.Helper()
	var missing *NotFoundError
	if err := read(); !errors.As(err, &missing) || missing.What != what {
		t.Errorf("err = %v, want a NotFoundError of %q", err, what)
	}
}

// wantConflict checks that a change was refused because of the state things are in.
func wantConflict(t *testing.T, situation string, err error) {
	t.Helper()
	if _, ok := errors.AsType[*ConflictError](err); !ok {
		t.Errorf("%s: err = %v, want a ConflictError", situation, err)
	}
}

func TestVersionIsReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		want := webVersion(1, 10, Draft)
		want.Message, want.Tree, want.Description, want.Schema = "note", "abc", "ten", "schema: {}"
		want.Origin = Origin{Repository: "main", Commit: "c0ffee", Path: "web/v1", Line: 3}
		want.CompatibleEnvironments, want.ComponentSources = []string{"net:1"}, []string{"DIRECTLY_DEFINED"}
		putVersions(t, s, want, webVersion(1, 9, Draft), webVersion(2, 0, Draft))
		times := cmpopts.IgnoreFields(TemplateVersion{}, "CreatedAt", "ModifiedAt")
		got, err := s.TemplateVersion(ctx, KindService, "web", Version{1, 10})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, times); diff != "" {
			t.Errorf("version (-want +got):\n%s", diff)
		}
		list, err := s.TemplateVersions(ctx, KindService, "web")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]TemplateVersion{webVersion(1, 9, Draft), want, webVersion(2, 0, Draft)}, list, times); diff != "" {
			t.Errorf("versions by number (-want +got):\n%s", diff)
		}
		wantMissing(t, "service template web 1.11", func() error {
			_, err := s.TemplateVersion(ctx, KindService, "web", Version{1, 11})
			return err
		})
	})
}

func TestPublish(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		failed := webVersion(1, 1, RegistrationFailed)
		failed.Message = "schema.yaml: no such file"
		putVersions(t, s, webVersion(1, 0, Draft), failed)
		for range 2 { // the second time it is published already
			if err := s.Publish(ctx, "ada", KindService, "web", Version{1, 0}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.TemplateVersion(ctx, KindService, "web", Version{1, 0})
		if err != nil || got.Status != Published || got.Bundle != "sha256:1.0" {
			t.Errorf("after Publish: %+v, err %v", got, err)
		}
		wantConflict(t, "publishing a failed version", s.Publish(ctx, "ada", KindService, "web", Version{1, 1}))
		if got, err := s.TemplateVersion(ctx, KindService, "web", Version{1, 1}); err != nil || got.Status != RegistrationFailed {
			t.Errorf("a refused Publish left %s, err %v", got.Status, err)
		}
		wantMissing(t, "web 1.2", func() error { return s.Publish(ctx, "ada", KindService, "web", Version{1, 2}) })
		entries, err := s.Audit(ctx, "", "", 10)
		if err != nil || len(entries) != 1 {
			t.Fatalf("audit = %v, err %v, want the one publishing that did something", entries, err)
		}
		e := entries[0]
		if e.Actor != "ada" || e.Verb != "publish" || e.Ref != "service-template/web" || string(e.Detail) != `{"version":"1.0"}` {
			t.Errorf("audit entry %+v", e)
		}
	})
}

func TestRegisteredBundleNeverChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		for _, status := range []VersionStatus{Draft, Published} {
			putVersions(t, s, webVersion(1, 0, status))
			changed := webVersion(1, 0, status)
			changed.Bundle = "sha256:other"
			wantConflict(t, "another bundle for a version that is "+string(status),
				s.Update(ctx, Fence{}, func(tx *Tx) error { return tx.PutTemplateVersion(changed) }))
			got, err := s.TemplateVersion(ctx, KindService, "web", Version{1, 0})
			if err != nil || got.Bundle != "sha256:1.0" {
				t.Errorf("bundle is %q, err %v, want the first", got.Bundle, err)
			}
		}
		described := webVersion(1, 0, Published)
		described.Description = "said better"
		putVersions(t, s, described)
		if got, err := s.TemplateVersion(ctx, KindService, "web", Version{1, 0}); err != nil || got.Description != "said better" {
			t.Errorf("description is %q, err %v, want the new one", got.Description, err)
		}
	})
}

func TestNumberOfFailedRegistrationIsReused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		putVersions(t, s, webVersion(1, 0, RegistrationFailed))
		putVersions(t, s, webVersion(1, 0, Draft))
		list, err := s.TemplateVersions(ctx, KindService, "web")
		if err != nil || len(list) != 1 || list[0].Status != Draft || list[0].Bundle != "sha256:1.0" {
			t.Errorf("versions %+v, err %v, want one draft with its bundle", list, err)
		}
	})
}

func TestRecommended(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		putVersions(t, s,
			webVersion(1, 9, Published), webVersion(1, 10, Published), webVersion(1, 11, Draft), webVersion(1, 12, RegistrationFailed),
			webVersion(2, 0, Published), webVersion(10, 1, Published), webVersion(11, 0, Draft))
		for name, tt := range map[string]struct {
			template string
			major    int64
			want     Version
		}{
			"ten is more than nine":                  {"web", 1, Version{1, 10}},
			"one that stands alone":                  {"web", 2, Version{2, 0}},
			"no major asked for: the highest one":    {"web", 0, Version{10, 1}},
			"a major of drafts recommends nothing":   {"web", 11, Version{}},
			"a major that is not recommends nothing": {"web", 3, Version{}},
			"a template that is not":                 {"none", 0, Version{}},
		} {
			got, err := s.Recommended(ctx, KindService, tt.template, tt.major)
			if err != nil || got != tt.want {
				t.Errorf("%s: got %v, err %v, want %v", name, got, err, tt.want)
			}
		}
		if got, err := s.Recommended(ctx, KindEnvironment, "web", 1); err != nil || got != (Version{}) {
			t.Errorf("the environment template of the same name: got %v, err %v, want none", got, err)
		}
	})
}

// dueNow claims all that is due and gives it back for a later time.
func dueNow(t *testing.T, s *Store) []Ref {
	t.Helper()
	ctx := context.Background()
	claims, err := s.Claim(ctx, "test", 100)
	if err != nil {
		t.Fatal(err)
	}
	refs := make([]Ref, 0, len(claims))
	done := make([]Finish, 0, len(claims))
	for _, c := range claims {
		refs = append(refs, c.Ref)
		done = append(done, Finish{Claim: c, Due: s.now().Add(hour)})
	}
	if err := s.Finish(ctx, done); err != nil {
		t.Fatal(err)
	}
	return refs
}

// inAnyOrder compares lists of refs as sets.
var inAnyOrder = cmpopts.SortSlices(func(a, b Ref) bool { return a.String() < b.String() })

func TestNewVersionWakesItsFollowers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		add := func(ref Ref, template string, follow Follow) {
			update(t, s, func(tx *Tx) error {
				return tx.PutTarget(Target{Ref: ref, Generation: 1, Desired: Desired{Template: template, Follow: follow}})
			})
		}
		add(InstanceRef("a", "follows-1"), "web", "1")
		add(InstanceRef("a", "pinned-1.3"), "web", "1.3")
		add(InstanceRef("a", "follows-2"), "web", "2")
		add(InstanceRef("a", "any"), "web", "")
		add(PipelineRef("a"), "web", "1")
		add(InstanceRef("b", "follows-1"), "worker", "1")
		add(EnvironmentRef("e"), "web", "1")
		update(t, s, func(tx *Tx) error { // one that names no major, and has a version already
			return tx.PutTarget(Target{
				Ref: InstanceRef("a", "any-at-2"), Generation: 1, Desired: Desired{Template: "web", Version: Version{2, 0}},
			})
		})
		for _, tt := range []struct {
			version TemplateVersion
			want    []Ref
		}{
			{webVersion(1, 0, Draft), []Ref{
				InstanceRef("a", "follows-1"), InstanceRef("a", "pinned-1.3"), InstanceRef("a", "any"), InstanceRef("a", "any-at-2"), PipelineRef("a"),
			}},
			{webVersion(2, 0, Draft), []Ref{InstanceRef("a", "follows-2"), InstanceRef("a", "any"), InstanceRef("a", "any-at-2")}},
			{TemplateVersion{Kind: KindEnvironment, Name: "web", Version: Version{1, 0}, Status: Draft, Bundle: "sha256:e"}, []Ref{EnvironmentRef("e")}},
		} {
			putVersions(t, s, tt.version)
			if diff := cmp.Diff(tt.want, dueNow(t, s), inAnyOrder); diff != "" {
				t.Errorf("woken by %s template %s %s (-want +got):\n%s", tt.version.Kind, tt.version.Name, tt.version.Version, diff)
			}
		}
	})
}
