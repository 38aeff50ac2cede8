package proton

import (
	"context"
	"errors"

	"baryon/server/access"
	"baryon/state"
)

// The kinds of record that only this API knows.
const (
	settingsRecords                    = state.AccountSettings
	connectionRecords state.RecordKind = "environment-account-connection"
	linkRecords       state.RecordKind = "repository-link"
	tagRecords                         = access.TagRecords
	requestRecords    state.RecordKind = "client-request"
)

func isMissing(err error) bool {
	_, ok := errors.AsType[*state.NotFoundError](err)
	return ok
}

// read reads a record; the zero value when there is none.
func read[T any](ctx context.Context, h *Handler, kind state.RecordKind, key string) (T, bool, error) {
	var v T
	r, err := h.cfg.Store.Record(ctx, kind, key)
	if isMissing(err) {
		return v, false, nil
	}
	if err == nil {
		err = r.Into(&v)
	}
	return v, err == nil, err
}

// readAll reads all records of a kind.
func readAll[T any](ctx context.Context, h *Handler, kind state.RecordKind) ([]T, error) {
	var all []T
	const size = 1000
	for after := ""; ; {
		page, err := h.cfg.Store.Records(ctx, kind, after, size)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			var v T
			if err := r.Into(&v); err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		if len(page) < size {
			return all, nil
		}
		after = page[len(page)-1].Key
	}
}

// change lets fn change a record in a transaction with its audit entry. Found
// tells fn whether there is one; nil takes it away.
func change[T any](
	ctx context.Context, h *Handler, c caller, kind state.RecordKind, key, verb, tail string, fn func(v T, found bool) (*T, error),
) error {
	return h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		var v T
		r, err := tx.Record(kind, key)
		found := err == nil
		if err != nil && !isMissing(err) {
			return err
		}
		if found {
			if err := r.Into(&v); err != nil {
				return err
			}
		}
		next, err := fn(v, found)
		if err != nil {
			return err
		}
		if err := told(tx, key, v, next); err != nil {
			return err
		}
		if next == nil {
			if _, err := tx.RemoveRecord(kind, key); err != nil {
				return err
			}
		} else if err := tx.PutRecord(kind, key, next); err != nil {
			return err
		}
		return tx.Audit(c.actor, verb, tailRef(tail), nil)
	})
}

// audit notes what was done by other means.
func (h *Handler) audit(ctx context.Context, c caller, verb string, ref state.Ref, detail any) error {
	return h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error { return tx.Audit(c.actor, verb, ref, detail) })
}

// told writes the event of an account connection that has another status now.
// Other records have none.
func told[T any](tx *state.Tx, key string, before T, after *T) error {
	was, isConnection := any(before).(connection)
	if !isConnection {
		return nil
	}
	e := state.Event{Ref: "environment-account-connection/" + key, What: state.EventConnection, Holder: key, Previous: was.Status, Status: "DELETED"}
	if now, still := any(after).(*connection); still && now != nil {
		e.Status = now.Status
	}
	return tx.Emit(e)
}
