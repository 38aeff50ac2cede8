package proton

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	text, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	made := fresh
	err = h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		key := operation + " " + token
		r, err := tx.Record(requestRecords, key)
		if err != nil && !isMissing(err) {
			return err
		}
		var was request
		if err == nil {
			if err := r.Into(&was); err != nil {
				return err
			}
		}
		if err == nil && tx.Now().Sub(was.At) < tokensLast {
			if was.Input != digest {
				return invalid("IdempotentParameterMismatch: the client token was used for a request with other members; use a new one")
			}
			made = was.Made
			return nil
		}
		return tx.PutRecord(requestRecords, key, request{Input: digest, Made: fresh, At: tx.Now()})
	})
	return made, err
}
