package reconciler

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"baryon/state"
)

// stepBack is how far a clock may fall behind between two passes without anything
// being done about it: the next pass comes later than that anyway.
const stepBack = 2 * time.Second

// heedClock makes everything due when the clock of the machine was set back since the
// pass before: by the clock now, what was due in a minute could be due in a day.
// wall is the time that went by on that clock, elapsed the time that really did.
func (r *Reconciler) heedClock(ctx context.Context, wall, elapsed time.Duration) error {
	back := elapsed - wall
	if back < stepBack {
		return nil
	}
	r.log.Warn("the clock was set back, looking at everything", zap.Duration("by", back.Round(time.Millisecond)))
	if err := r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error { return tx.WakeAll() }); err != nil {
		return fmt.Errorf("wake everything after the clock was set back: %w", err)
	}
	return nil
}
