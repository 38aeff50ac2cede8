package proton

import (
	"context"
	"time"

	"baryon/state"
)

// A request remembers what was done for a client token.
type request struct {
	Input string    `json:"input"` // its digest
	Made  string    `json:"made"`  // the name of what was made
	At    time.Time `json:"at"`
}

// tokensLast is how long a client token is good for.
const tokensLast = 8 * time.Hour

// once makes a request with a client token count once: it gives the name that
// the first request with this token and these members was given, and fresh to
// the first. Another request with the same token is refused.
func (h *Handler) once(ctx context.Context, operation, token string, in any, fresh string) (string, error) {
	if token == "" {
		return fresh, nil
	}
	made := fresh
	err := h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		var err error
		made, err = onceIn(tx, operation, token, in, func() (string, error) { return fresh, nil })
		return err
	})
	return made, err
}

// onceIn is once within a transaction that also makes what the request asks for.
func onceIn(tx *state.Tx, operation, token string, in any, do func() (string, error)) (string, error) {
	if token == "" {
		return do()
	}
	digest := digestOf(in)
	key := operation + " " + token
	r, err := tx.Record(requestRecords, key)
	if err != nil && !isMissing(err) {
		return "", err
	}
	if err == nil {
		var was request
		if err := r.Into(&was); err != nil {
			return "", err
		}
		if tx.Now().Sub(was.At) < tokensLast {
			if was.Input != digest {
				return "", invalid("IdempotentParameterMismatch: the client token was used for a request with other members; use a new one")
			}
			return was.Made, nil
		}
	}
	made, err := do()
	if err != nil {
		return "", err
	}
	return made, tx.PutRecord(requestRecords, key, request{Input: digest, Made: made, At: tx.Now()})
}
