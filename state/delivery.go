package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"baryon/state/db"
)

// A Delivery is an event on its way to one destination.
type Delivery struct {
	Destination string
	Event       Event
	Attempts    int64 // this one included
}

// ClaimDeliveries takes up to limit events that are due at a destination, at most
// the oldest of each ref: the next one of that is due when it was taken. Whoever
// claims them has until a time; after it they are due again.
func (s *Store) ClaimDeliveries(ctx context.Context, destination string, until time.Time, limit int) ([]Delivery, error) {
	q := s.single()
	rows, err := q.ClaimDeliveries(ctx, db.ClaimDeliveriesParams{Destination: destination, Now: s.micros(), Until: micros(until), Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	var out []Delivery
	for _, row := range rows {
		e, err := q.Event(ctx, row.Event)
		if errors.Is(err, sql.ErrNoRows) {
			continue // it has expired meanwhile
		}
		if err != nil {
			return nil, err
		}
		event, err := eventOf(e)
		if err != nil {
			return nil, err
		}
		out = append(out, Delivery{Destination: destination, Event: event, Attempts: row.Attempts})
	}
	return out, nil
}

// A Delivered is what came of one attempt: nothing more to do, or an error and
// when to try again.
type Delivered struct {
	Delivery Delivery
	Error    string
	Again    time.Time
}

// FinishDeliveries writes down what came of attempts.
func (s *Store) FinishDeliveries(ctx context.Context, done []Delivered) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		for _, d := range done {
			var err error
			if d.Error == "" {
				err = tx.q.DeliveredEvent(ctx, db.DeliveredEventParams{Destination: d.Delivery.Destination, Event: d.Delivery.Event.ID})
			} else {
				err = tx.q.PutOffDelivery(ctx, db.PutOffDeliveryParams{
					Destination: d.Delivery.Destination, Event: d.Delivery.Event.ID, DueAt: micros(d.Again), Error: d.Error,
				})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ReleaseDeliveries makes due what a daemon had claimed that is not there any
// more. It is for a database that no other daemon uses.
func (s *Store) ReleaseDeliveries(ctx context.Context) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error { return tx.q.ReleaseDeliveries(ctx, tx.now) })
}

// A Backlog is what a destination has not taken yet.
type Backlog struct {
	Destination string
	Pending     int64
	Oldest      time.Time // when the oldest of them happened
	Attempts    int64     // at the oldest that was tried
	Error       string    // why that was not taken
	Again       time.Time // when it is tried again
}

// Backlogs lists the destinations that have not taken everything.
func (s *Store) Backlogs(ctx context.Context) ([]Backlog, error) {
	q := s.queries()
	rows, err := q.CountDeliveries(ctx)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(r db.CountDeliveriesRow) (Backlog, error) {
		b := Backlog{Destination: r.Destination, Pending: r.Pending, Oldest: fromMicros(r.Oldest)}
		failed, err := q.FailedDelivery(ctx, r.Destination)
		if errors.Is(err, sql.ErrNoRows) {
			return b, nil
		}
		b.Attempts, b.Error, b.Again = failed.Attempts, failed.Error, fromMicros(failed.DueAt)
		return b, err
	})
}

// ExpireEvents forgets events from before a time, delivered or not; it tells how
// many deliveries were given up by that.
func (s *Store) ExpireEvents(ctx context.Context, before time.Time) (undelivered int64, err error) {
	err = s.Update(ctx, Fence{}, func(tx *Tx) error {
		if undelivered, err = tx.q.ExpireDeliveries(ctx, micros(before)); err != nil {
			return err
		}
		_, err = tx.q.ExpireEvents(ctx, micros(before))
		return err
	})
	return undelivered, err
}
