package state

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"strings"
	"time"
)

// A Key lets its holder sign calls of the Proton API. Signatures are proved with
// the secret itself, so it is kept as it is: whoever reads the database can sign.
type Key struct {
	ID        string    `json:"-"` // in the form of AWS access key ids
	Secret    string    `json:"secret,omitempty"`
	Role      string    `json:"role,omitempty"`     // what its holder may do: a role,
	Policies  []string  `json:"policies,omitempty"` // and policies of the configuration
	By        Actor     `json:"by"`
	Why       string    `json:"why,omitempty"`
	CreatedAt time.Time `json:"-"`
	RevokedAt time.Time `json:"revokedAt,omitzero"`
	RevokedBy Actor     `json:"revokedBy,omitempty"`
}

const keyRecords RecordKind = "key"

// keyRef stands for a key in the audit log.
func keyRef(id string) Ref { return Ref{Kind: Kind(keyRecords), Name: id} }

// Actor is the holder of the key in the audit log.
func (k Key) Actor() Actor { return Actor(strings.TrimSpace("key " + k.ID + " " + k.Why)) }

// CreateKey issues a key for what k says it is good for. Its secret is told here
// and nowhere else.
func (s *Store) CreateKey(ctx context.Context, actor Actor, k Key) (Key, error) {
	random := make([]byte, 40)
	if _, err := rand.Read(random); err != nil {
		return Key{}, err
	}
	k.ID, k.By = "AKIA"+base32.StdEncoding.EncodeToString(random[:10]), actor
	k.Secret = base64.RawURLEncoding.EncodeToString(random[10:])
	err := s.Update(ctx, Fence{}, func(tx *Tx) error {
		k.CreatedAt = tx.Now()
		if err := tx.PutRecord(keyRecords, k.ID, k); err != nil {
			return err
		}
		return tx.Audit(actor, "create-key", keyRef(k.ID), map[string]string{"why": k.Why, "role": k.Role, "policies": strings.Join(k.Policies, " ")})
	})
	return k, err
}

// Key reads a key with its secret. A *NotFoundError when none of that id was issued.
func (s *Store) Key(ctx context.Context, id string) (Key, error) {
	r, err := s.Record(ctx, keyRecords, id)
	if err != nil {
		return Key{}, err
	}
	return keyOf(r)
}

// Keys lists all keys that were ever issued, without their secrets.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	records, err := s.Records(ctx, keyRecords, "", 0)
	if err != nil {
		return nil, err
	}
	return mapRows(records, func(r Record) (Key, error) {
		k, err := keyOf(r)
		k.Secret = ""
		return k, err
	})
}

// RevokeKey ends a key for good. Revoking it again does nothing.
func (s *Store) RevokeKey(ctx context.Context, actor Actor, id string) (Key, error) {
	var k Key
	err := s.Update(ctx, Fence{}, func(tx *Tx) error {
		r, err := tx.Record(keyRecords, id)
		if err != nil {
			return err
		}
		if k, err = keyOf(r); err != nil || !k.RevokedAt.IsZero() {
			return err
		}
		k.RevokedAt, k.RevokedBy, k.Secret = tx.Now(), actor, ""
		if err := tx.PutRecord(keyRecords, id, k); err != nil {
			return err
		}
		return tx.Audit(actor, "revoke-key", keyRef(id), nil)
	})
	k.Secret = ""
	return k, err
}

func keyOf(r Record) (Key, error) {
	k := Key{}
	err := r.Into(&k)
	k.ID, k.CreatedAt = r.Key, r.CreatedAt
	return k, err
}
