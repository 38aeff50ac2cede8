package state

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestEventsTellEachMove writes what moves, and reads what is told of it.
func TestEventsTellEachMove(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		ref, version := EnvironmentRef("prod"), Version{Major: 1}
		move := func(status Status, change func(*Target)) {
			update(t, s, func(tx *Tx) error {
				return tx.Change(ref, func(t *Target) error {
					t.Status = status
					if change != nil {
						change(t)
					}
					return nil
				})
			})
		}
		update(t, s, func(tx *Tx) error { return tx.PutTemplate(Template{Kind: KindEnvironment, Name: "net"}) })
		update(t, s, func(tx *Tx) error {
			return tx.PutTemplate(Template{Kind: KindEnvironment, Name: "net", Description: "again"})
		})
		update(t, s, func(tx *Tx) error {
			return tx.PutTemplateVersion(TemplateVersion{Kind: KindEnvironment, Name: "net", Version: version, Status: Draft})
		})
		if err := s.Publish(ctx, "ada", KindEnvironment, "net", version); err != nil {
			t.Fatal(err)
		}
		update(t, s, func(tx *Tx) error { return tx.PutTarget(Target{Ref: ref, Generation: 1}) })
		move(InProgress, func(t *Target) { t.LastAttempted = "d" })
		move(InProgress, func(t *Target) { t.Message = "still" })
		move(InProgress, func(t *Target) { t.Asked.Cancel.Deployment = "d" })
		move(Cancelled, nil)
		update(t, s, func(tx *Tx) error { // read as a list, as services are
			return tx.PutTarget(Target{Ref: InstanceRef("shop", "eu"), Generation: 1, Status: Failed})
		})
		update(t, s, func(tx *Tx) error { return tx.PutService(Service{Name: "shop", Status: ServiceCreateInProgress}) })
		update(t, s, func(tx *Tx) error { return tx.PutService(Service{Name: "shop", Status: ServiceActive}) })
		update(t, s, func(tx *Tx) error {
			if err := tx.RemoveTarget(Target{Ref: ref}); err != nil {
				return err
			}
			return tx.RemoveService("shop")
		})
		if err := s.RemoveVersion(ctx, "ada", KindEnvironment, "net", version); err != nil {
			t.Fatal(err)
		}
		if err := s.RemoveTemplate(ctx, "ada", KindEnvironment, "net"); err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{
			"environment-template/net":         {"→ACTIVE", "ACTIVE→DELETED"},
			"environment-template/net:1.0":     {"→DRAFT", "DRAFT→PUBLISHED", "PUBLISHED→DELETED"},
			"environment/prod":                 {"→IN_PROGRESS", "IN_PROGRESS→CANCELLING", "CANCELLING→CANCELLED", "CANCELLED→DELETED"},
			"service/shop":                     {"→CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS→ACTIVE", "ACTIVE→DELETED"},
			"service/shop/service-instance/eu": {"→FAILED"},
		}
		got := map[string][]string{}
		for _, e := range allEvents(t, s) {
			got[e.Ref] = append(got[e.Ref], e.Previous+"→"+e.Status)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if err := s.Update(ctx, Fence{}, func(tx *Tx) error {
			if err := tx.PutTarget(Target{Ref: ref, Status: Failed}); err != nil {
				return err
			}
			return context.Canceled
		}); err == nil || len(allEvents(t, s)) != 13 {
			t.Errorf("a change that was undone told %d events, want 13; err %v", len(allEvents(t, s)), err)
		}
	})
}

// allEvents reads all events in pages of two, oldest first.
func allEvents(t *testing.T, s *Store) []Event {
	t.Helper()
	var all []Event
	for before := (*Event)(nil); ; {
		page, err := s.Events(context.Background(), "", before, 2)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < 2 {
			slices.Reverse(all)
			return all
		}
		before = &page[1]
	}
}

// TestDeliveries claims events in the order of each thing, one at a time, until
// they were taken or have expired.
func TestDeliveries(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		if err := s.SetDestinations(ctx, []string{"chat", "bus"}); err != nil {
			t.Fatal(err)
		}
		emit := func(ref, previous, status string) {
			update(t, s, func(tx *Tx) error {
				return tx.Emit(Event{Ref: ref, What: "Environment", Status: status, Previous: previous})
			})
		}
		emit("environment/a", "", "1")
		emit("environment/a", "1", "2")
		emit("environment/a", "2", "2") // no change
		emit("environment/b", "", "1")
		claim := func(destination string) (list []Delivery, names []string) {
			list, err := s.ClaimDeliveries(ctx, destination, time.Now().Add(time.Minute), 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range list {
				names = append(names, d.Event.Ref+" "+d.Event.Status)
			}
			slices.Sort(names)
			return list, names
		}
		heads, names := claim("chat")
		if diff := cmp.Diff([]string{"environment/a 1", "environment/b 1"}, names); diff != "" {
			t.Errorf("claimed first (-want +got):\n%s", diff)
		}
		if _, names := claim("chat"); names != nil {
			t.Errorf("claimed twice: %v", names)
		}
		var done []Delivered
		for _, d := range heads {
			one := Delivered{Delivery: d}
			if d.Event.Ref == "environment/b" {
				one.Error, one.Again = "it answered 500", time.Now().Add(time.Hour)
			}
			done = append(done, one)
		}
		if err := s.FinishDeliveries(ctx, done); err != nil {
			t.Fatal(err)
		}
		if _, names := claim("chat"); !slices.Equal(names, []string{"environment/a 2"}) {
			t.Errorf("after the first was taken: %v", names)
		}
		late, err := s.Backlogs(ctx)
		if err != nil || len(late) != 2 || late[0].Destination != "bus" || late[0].Pending != 3 || late[1].Pending != 2 {
			t.Errorf("backlogs: %+v, %v", late, err)
		}
		if err := s.ReleaseDeliveries(ctx); err != nil { // after a kill
			t.Fatal(err)
		}
		if list, names := claim("chat"); len(names) != 2 || list[0].Attempts < 2 {
			t.Errorf("after a restart: %v", names)
		}
		if n, err := s.ExpireEvents(ctx, time.Now().Add(time.Minute)); n != 5 || err != nil || len(allEvents(t, s)) != 0 {
			t.Errorf("expired %d deliveries, %v; want 5 and no event left", n, err)
		}
	})
}
