package state

import (
	"context"
	"encoding/json"
	"time"

	"baryon/state/db"
)

// An AuditEntry tells who did what.
type AuditEntry struct {
	ID     string          `json:"id"`
	At     time.Time       `json:"at"`
	Actor  Actor           `json:"actor"`
	Verb   string          `json:"verb"`
	Ref    string          `json:"ref"`
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Audit lists entries, newest first: about one thing, or with an empty ref about all.
// Before is the id of the last entry of the page before, or empty.
func (s *Store) Audit(ctx context.Context, ref, before string, limit int) ([]AuditEntry, error) {
	rows, err := s.queries().Audit(ctx, db.AuditParams{Ref: ref, Before: before, Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(r db.Audit) (AuditEntry, error) {
		e := AuditEntry{ID: r.ID, At: fromMicros(r.At), Actor: Actor(r.Actor), Verb: r.Verb, Ref: r.Ref}
		if r.Detail != "" {
			e.Detail = json.RawMessage(r.Detail)
		}
		return e, nil
	})
}
