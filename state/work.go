package state

import (
	"context"
	"time"

	"baryon/state/db"
)

// A Claim is the right to work on one thing until it is finished. Every write
// made for it names its epoch, so a claim that was lost can write nothing.
type Claim struct {
	Ref      Ref
	Epoch    int64
	Failures int64 // passing faults in a row before this visit
}

// Fence is what a write that depends on the claim names.
func (c Claim) Fence() Fence { return Fence{Key: c.Ref.String(), Epoch: c.Epoch} }

// Claim takes up to limit things that are due, oldest first. A thing is given
// to one claimant at a time, over all replicas.
func (s *Store) Claim(ctx context.Context, owner string, limit int) ([]Claim, error) {
	rows, err := s.single().Claim(ctx, db.ClaimParams{Owner: owner, Now: s.micros(), Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(r db.Work) (Claim, error) {
		ref, err := ParseRef(r.Key)
		return Claim{Ref: ref, Epoch: r.Epoch, Failures: r.Failures}, err
	})
}

// A Finish gives a claim back.
type Finish struct {
	Claim    Claim
	Due      time.Time // when to look again by itself
	Failures int64     // passing faults in a row, this visit included
	Keep     string    // the owner that must make the next visit; empty for any

	// Rest is the stamp of a visit that found nothing to do, and that finds nothing
	// until RestUntil as long as the stamp is the same; zero for any other visit.
	Rest      Stamp
	RestUntil time.Time
}

// Finish gives claims back in one transaction. A thing that was woken during
// its visit is due again at once. Claims that were lost are left alone.
func (s *Store) Finish(ctx context.Context, done []Finish) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		for _, f := range done {
			if _, err := tx.q.Finish(ctx, db.FinishParams{
				Key: f.Claim.Ref.String(), Epoch: f.Claim.Epoch, Keep: f.Keep,
				Failures: f.Failures, DueAt: micros(f.Due), Now: tx.now, Rest: int64(f.Rest), RestUntil: micros(f.RestUntil),
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// NextDue is when the next thing is due; zero when nothing is.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	us, err := s.queries().NextDue(ctx)
	return fromMicros(us), err
}

// Due is when one thing is looked at next by itself.
func (s *Store) Due(ctx context.Context, ref Ref) (time.Time, error) {
	row, err := s.queries().Work(ctx, ref.String())
	return fromMicros(row.DueAt), notFound(err, "work for "+ref.String())
}
