package state

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"baryon/state/db"
)

// A RecordKind is a sort of small thing that is kept by name. Whoever keeps
// records of a kind decides what is in them.
type RecordKind string

// secretRecords are random bytes that the daemons of one database share.
const secretRecords RecordKind = "secret"

// AccountSettings are the records of AWS Proton's account settings; there is one,
// named TheAccount.
const (
	AccountSettings RecordKind = "account-settings"
	TheAccount      string     = "account"
)

// PipelineRole is the role for pipelines in AWS Proton's account settings; empty
// when there is none.
func (s *Store) PipelineRole(ctx context.Context) (string, error) {
	r, err := s.Record(ctx, AccountSettings, TheAccount)
	if _, missing := errors.AsType[*NotFoundError](err); missing {
		return "", nil
	}
	var v struct {
		ServiceRole string `json:"serviceRole"`
	}
	if err == nil {
		err = r.Into(&v)
	}
	return v.ServiceRole, err
}

// A Record is one such thing: Doc is JSON.
type Record struct {
	Key        string
	Doc        string
	CreatedAt  time.Time
	ModifiedAt time.Time
}

// Into decodes the record.
func (r Record) Into(v any) error { return decode(r.Doc, v) }

// PutRecord writes a record.
func (tx *Tx) PutRecord(kind RecordKind, key string, v any) error {
	doc, err := encode(v)
	if err != nil {
		return err
	}
	return tx.q.PutRecord(tx.ctx, db.PutRecordParams{Kind: string(kind), Key: key, Doc: doc, Now: tx.now})
}

// AddRecord writes a record unless there is one of that key; it reports whether it did.
func (tx *Tx) AddRecord(kind RecordKind, key string, v any) (bool, error) {
	doc, err := encode(v)
	if err != nil {
		return false, err
	}
	n, err := tx.q.AddRecord(tx.ctx, db.AddRecordParams{Kind: string(kind), Key: key, Doc: doc, Now: tx.now})
	return n > 0, err
}

// Record reads a record and keeps others from changing it until the
// transaction ends. A *NotFoundError when there is none.
func (tx *Tx) Record(kind RecordKind, key string) (Record, error) {
	row, err := tx.q.RecordForUpdate(tx.ctx, db.RecordForUpdateParams{Kind: string(kind), Key: key})
	return recordOf(row), notFound(err, string(kind)+" "+key)
}

// RemoveRecord forgets a record; it reports whether there was one.
func (tx *Tx) RemoveRecord(kind RecordKind, key string) (bool, error) {
	n, err := tx.q.DeleteRecord(tx.ctx, db.DeleteRecordParams{Kind: string(kind), Key: key})
	return n > 0, err
}

// Record reads a record. A *NotFoundError when there is none.
func (s *Store) Record(ctx context.Context, kind RecordKind, key string) (Record, error) {
	row, err := s.queries().Record(ctx, db.RecordParams{Kind: string(kind), Key: key})
	return recordOf(row), notFound(err, string(kind)+" "+key)
}

// Records lists the records of a kind by key, from after a key on.
func (s *Store) Records(ctx context.Context, kind RecordKind, after string, limit int) ([]Record, error) {
	if limit <= 0 {
		limit = defaultPage
	}
	rows, err := s.queries().Records(ctx, db.RecordsParams{Kind: string(kind), After: after, Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(r db.Record) (Record, error) { return recordOf(r), nil })
}

func recordOf(row db.Record) Record {
	return Record{Key: row.Key, Doc: row.Doc, CreatedAt: fromMicros(row.CreatedAt), ModifiedAt: fromMicros(row.ModifiedAt)}
}

// Secret is a secret of 32 bytes that all daemons of this database share, made
// when it is first asked for.
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	var secret []byte
	err := s.Update(ctx, Fence{}, func(tx *Tx) error {
		fresh := make([]byte, 32)
		if _, err := rand.Read(fresh); err != nil {
			return err
		}
		if _, err := tx.AddRecord(secretRecords, name, fresh); err != nil {
			return err
		}
		r, err := tx.Record(secretRecords, name)
		if err != nil {
			return err
		}
		return r.Into(&secret)
	})
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	return secret, nil
}
