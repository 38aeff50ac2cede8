package state

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestServices(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		shop := Service{
			Name: "shop", Template: "web", Status: ServiceActive, Message: "fine", Owner: Owner{Repository: "main", Path: "shop.yaml"},
			Description: "sells", Follow: "1", Pins: map[string]Follow{"eu": "1.10"}, Spec: "a: 1\n",
			Repository: Repository{ID: "o/n", Branch: "main", Connection: "arn:x"}, Origin: Origin{Repository: "main", Path: "shop.yaml", Line: 2},
			Labels: map[string]string{"team": "x"}, CreatedAt: c.now(), ModifiedAt: c.now(),
		}
		api := Service{Name: "api", CreatedAt: c.now(), ModifiedAt: c.now()}
		zoo := Service{Name: "zoo", Owner: Owner{Repository: "other"}, CreatedAt: c.now(), ModifiedAt: c.now()}
		update(t, s, func(tx *Tx) error { return errors.Join(tx.PutService(zoo), tx.PutService(shop), tx.PutService(api)) })

		got, err := s.Service(ctx, "shop")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(shop, got); diff != "" {
			t.Errorf("as written (-want +got):\n%s", diff)
		}
		c.advance(time.Minute)
		update(t, s, func(tx *Tx) error {
			v, err := tx.Service("shop")
			if err != nil {
				return err
			}
			v.Deleted, v.Status = true, ServiceDeleteInProgress
			return tx.PutService(v)
		})
		shop.Deleted, shop.Status, shop.ModifiedAt = true, ServiceDeleteInProgress, c.now()
		for name, tt := range map[string]struct {
			list func() ([]Service, error)
			want []Service
		}{
			"all by name":           {func() ([]Service, error) { return s.Services(ctx, "", 0) }, []Service{api, shop, zoo}},
			"the first page":        {func() ([]Service, error) { return s.Services(ctx, "", 2) }, []Service{api, shop}},
			"the second page":       {func() ([]Service, error) { return s.Services(ctx, "shop", 2) }, []Service{zoo}},
			"of one repository":     {func() ([]Service, error) { return s.ServicesOfOwner(ctx, "main") }, []Service{shop}},
			"of no such repository": {func() ([]Service, error) { return s.ServicesOfOwner(ctx, "none") }, nil},
		} {
			got, err := tt.list()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		update(t, s, func(tx *Tx) error { return errors.Join(tx.Wake(ServiceRef("shop")), tx.RemoveService("shop")) })
		wantMissing(t, "service/shop", func() error { _, err := s.Service(ctx, "shop"); return err })
		if due := dueNow(t, s); len(due) != 0 {
			t.Errorf("a removed service is due: %v", due)
		}
	})
}

func TestSyncsAndSourceFiles(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		wantMissing(t, "repository/main", func() error { _, err := s.Sync(ctx, "main"); return err })
		at := time.Date(2026, 3, 1, 12, 0, 0, 123000, time.UTC)
		main := Sync{
			Name: "main", URL: "https://x/y", Branch: "b", Path: "deploy", Commit: "c1", Subject: "s", Author: "a", Seen: "c2",
			Error: "unreachable", Degraded: "d", Settings: "z", SyncedAt: at, FailedAt: at.Add(time.Second), Problems: 1, Documents: 2, Bundles: 3, Recheck: true,
		}
		gone := Sync{Name: "gone", Gone: true}
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.PutSync(Sync{Name: "main"}), tx.PutSync(main), tx.PutSync(gone))
		})
		got, err := s.Sync(ctx, "main")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(main, got); diff != "" {
			t.Errorf("sync (-want +got):\n%s", diff)
		}
		all, err := s.Syncs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Sync{gone, main}, all); diff != "" {
			t.Errorf("syncs by name (-want +got):\n%s", diff)
		}

		a := SourceFile{Repository: "main", Path: "a.yaml", Hash: "h1", Verdict: "ok", Doc: []byte(`{"n":1}`)}
		b := SourceFile{Repository: "main", Path: "b.yaml", Hash: "h2", Verdict: "bad", Doc: []byte(`[]`)}
		other := SourceFile{Repository: "other", Path: "a.yaml", Hash: "h1", Verdict: "ok", Doc: []byte(`{}`)}
		stale := a
		stale.Hash = "h0"
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.PutSourceFile(b), tx.PutSourceFile(stale), tx.PutSourceFile(other), tx.PutSourceFile(a))
		})
		check := func(situation, repository string, want ...SourceFile) {
			t.Helper()
			got, err := s.SourceFiles(ctx, repository)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", situation, diff)
			}
		}
		check("of one repository", "main", a, b)
		check("of all", "", a, b, other)
		check("of no such repository", "none")
		update(t, s, func(tx *Tx) error { return tx.RemoveSourceFile("main", "a.yaml") })
		check("after one is gone", "", b, other)
	})
}
