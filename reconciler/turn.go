package reconciler

import (
	"context"
	"fmt"
	"time"

	"baryon/state"
)

// firstRead is for how long a repository that was never read is waited for when
// it cannot be read: somebody who starts with a wrong address should see what
// the other repositories come to.
const firstRead = 2 * time.Minute

// turn finds the repository whose first reading another one waits for before its
// own: of two that claim one name on a fresh start, the one configured first has
// it, whichever is read faster. Empty when nothing is waited for.
func (r *Reconciler) turn(ctx context.Context, repo Repository, prior state.Sync) (string, error) {
	if prior.Commit != "" || repo.Sync != nil { // a sync configuration claims names that are there
		return "", nil
	}
	for _, before := range r.current().Repositories {
		if before.Name == repo.Name {
			break
		}
		s, err := r.cfg.Store.Sync(ctx, before.Name)
		if err != nil && !isMissing(err) {
			return "", err
		}
		if s.Commit != "" || s.Error != "" && r.cfg.Now().Sub(s.FailedAt) > firstRead {
			continue
		}
		return before.Name, nil
	}
	return "", nil
}

// awaitTurn says on the repository itself why it is not read, where it will take
// more than a moment, and looks again soon.
func (r *Reconciler) awaitTurn(ctx context.Context, c state.Claim, repo Repository, prior state.Sync, before string) (next, error) {
	soon := next{at: time.Now().Add(jitter(time.Second))}
	s, err := r.cfg.Store.Sync(ctx, before)
	if isMissing(err) || err == nil && s.Error == "" {
		return soon, nil
	}
	if err != nil {
		return next{}, err
	}
	why := fmt.Sprintf("not read yet: the repository %s, which is configured before this one and may claim the same names, cannot be read; it is waited for until %s",
		before, s.FailedAt.Add(firstRead).UTC().Format(time.RFC3339))
	if prior.Error == why {
		return soon, nil
	}
	prior.URL, prior.Branch, prior.Path = repo.URL, repo.Branch, repo.Path
	prior.Error, prior.FailedAt = why, s.FailedAt
	return soon, r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error { return tx.PutSync(prior) })
}
