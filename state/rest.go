package state

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"baryon/state/db"
)

// A Stamp stands for the state of all that the decision about a target was made
// from. Zero is none.
type Stamp int64

// revisions are drawn from so many numbers: large enough that no two are the
// same, and small enough that a sum of them fits.
const revisions = 1 << 40

func newRevision() int64 { return rand.Int64N(revisions) + 1 }

// Stamp is what the decision about a target would be made from now. It is read
// before the rest is, so that what changes meanwhile makes it outdated. There
// is none for what must always be looked at.
func (s *Store) Stamp(ctx context.Context, ref Ref, settings Stamp) (Stamp, error) {
	sum, err := s.queries().Stamp(ctx, ref.String())
	if errors.Is(err, sql.ErrNoRows) || err == nil && sum == 0 {
		return 0, nil
	}
	return settings + Stamp(sum), err
}

// Rest looks at targets that are due and had nothing to do when they were
// visited last, up to limit of them, and puts off until later those whose stamp
// is what it was then: all that their visit would read is as it was. The others
// stay due, for a visit. It returns how many it looked at.
func (s *Store) Rest(ctx context.Context, settings Stamp, later time.Time, limit int) (int, error) {
	now := s.micros()
	if due, err := s.queries().RestingDue(ctx, now); err != nil || !due {
		return 0, err
	}
	var held int64
	err := s.Update(ctx, Fence{}, func(tx *Tx) error {
		token := "resting " + uuid.NewString()
		var err error
		if held, err = tx.q.HoldResting(ctx, db.HoldRestingParams{Token: token, Now: now, Most: int32(limit)}); err != nil || held == 0 {
			return err
		}
		rested, err := tx.q.Rest(ctx, db.RestParams{Token: token, Now: now, Later: micros(later), Settings: int64(settings)})
		if err != nil || rested == held {
			return err
		}
		return tx.q.Disturb(ctx, token)
	})
	return int(held), err
}

// WakeAll makes everything due now.
func (tx *Tx) WakeAll() error {
	tx.woken = true
	return tx.q.WakeAll(tx.ctx, tx.now)
}
