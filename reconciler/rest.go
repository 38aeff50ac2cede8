package reconciler

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"baryon/renderer"
	"baryon/state"
)

const (
	// restBatch bounds how many targets one transaction puts off.
	restBatch = 512
	// restMost is for how long a target rests without a visit, though nothing that
	// is known to matter has changed.
	restMost = 24 * time.Hour
)

// settingsRecords keep, at settingsKey, with which settings the targets were
// looked at.
const (
	settingsRecords = state.RecordKind("settings")
	settingsKey     = "targets"
)

// atRest says of a visit that it found nothing to do, and will find nothing
// before the time given, or for as long as restMost when none is, unless
// something of what it read changes.
func (n next) atRest(until time.Time) next {
	most := time.Now().Add(jitter(restMost))
	if until.IsZero() || most.Before(until) {
		until = most
	}
	n.restUntil = until
	return n
}

// stamp stands for the settings that decide what a target comes to. It is the
// same in every process that has the same settings.
func (r *Reconciler) stamp() state.Stamp {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settingsStamp
}

// stampOf computes it. What only says when and where something happens, and
// what repositories may declare, is none of them: a change of that wakes whom
// it concerns, or is looked at when it matters.
func (r *Reconciler) stampOf(s Settings) state.Stamp {
	s.Repositories, s.Workers, s.Deployments, s.Limits, s.Resync, s.Policies = nil, 0, 0, Limits{}, 0, nil
	engines := slices.Sorted(maps.Keys(r.cfg.Engines))
	data, err := json.Marshal(struct {
		Settings Settings
		Engines  []renderer.Engine
	}{s, engines})
	if err != nil {
		panic(err) // strings, numbers, and lists and maps of them
	}
	sum := sha256.Sum256(data)
	return state.Stamp(binary.BigEndian.Uint64(sum[:8]) >> 24)
}

// wakeForSettings wakes everything when the settings are not those that it was
// last looked at with.
func (r *Reconciler) wakeForSettings(ctx context.Context) error {
	now := r.stamp()
	return r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		var before state.Stamp
		old, err := tx.Record(settingsRecords, settingsKey)
		if err == nil {
			err = old.Into(&before)
		}
		if err != nil && !isMissing(err) || err == nil && before == now {
			return err
		}
		if err := tx.PutRecord(settingsRecords, settingsKey, now); err != nil {
			return err
		}
		return tx.WakeAll()
	})
}
