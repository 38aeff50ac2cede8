package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"baryon/state/db"
)

// A Fence is a claim that a write depends on. The zero Fence is for writes of
// people and of repositories' contents, which depend on none.
type Fence struct {
	Key   string
	Epoch int64
}

// A Tx is one transaction: its writes take effect together or not at all.
type Tx struct {
	ctx context.Context //nolint:containedctx // of the one Update that this serves
	q   *db.Queries
	s   *Store
	now int64

	woken  bool
	before map[Ref]Status // the statuses of targets as they were read
}

// Update runs fn in a transaction. With a fence it first makes sure that the
// claim is still held, and returns ErrLost without writing when it is not.
// PostgreSQL may end a transaction that waits for another one which waits for
// it; fn is then run again, so what it leaves outside has to be set anew by it.
func (s *Store) Update(ctx context.Context, fence Fence, fn func(*Tx) error) error {
	for again := deadlocks; ; again-- {
		err := s.update(ctx, fence, fn)
		if again == 0 || !deadlocked(err) {
			return err
		}
	}
}

// deadlocks is how often a transaction is run again.
const deadlocks = 5

// deadlocked reports whether PostgreSQL ended a transaction for the sake of another.
func deadlocked(err error) bool {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (fault.Code == "40P01" || fault.Code == "40001")
}

func (s *Store) update(ctx context.Context, fence Fence, fn func(*Tx) error) error {
	sqlTx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	conn := db.DBTX(sqlTx)
	if !s.postgres {
		lite := &sqliteTx{compiled: s.writes, tx: sqlTx}
		defer lite.end(ctx)
		conn = lite
	}
	defer sqlTx.Rollback() //nolint:errcheck // after a commit this reports that the transaction is over
	tx := &Tx{ctx: ctx, q: db.New(conn), s: s, now: s.micros()}
	if fence.Key != "" {
		held, err := tx.q.Holds(ctx, db.HoldsParams{Key: fence.Key, Epoch: fence.Epoch})
		if err != nil {
			return err
		}
		if held == 0 {
			return ErrLost
		}
	}
	if err := fn(tx); err != nil {
		return err
	}
	if tx.woken {
		if err := s.notify(ctx, sqlTx); err != nil {
			return err
		}
	}
	if err := sqlTx.Commit(); err != nil {
		return err
	}
	s.changed.send()
	return nil
}

// notify tells other replicas that there is work; it takes effect with the commit.
func (s *Store) notify(ctx context.Context, tx *sql.Tx) error {
	if !s.postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_notify('"+channel+"', '')")
	return err
}

// channel is the name under which replicas notify each other.
const channel = "baryon_work"

// Wake makes a target, service or repository due now. Waking twice is waking
// once; a wake during a visit makes it due again after that visit.
func (tx *Tx) Wake(refs ...Ref) error {
	for _, ref := range refs {
		tx.woken = true
		if err := tx.q.Wake(tx.ctx, db.WakeParams{Key: ref.String(), Now: tx.now}); err != nil {
			return fmt.Errorf("wake %s: %w", ref, err)
		}
	}
	return nil
}

// WakeDependents wakes all that read outputs of ref, or did when they were
// deployed last.
func (tx *Tx) WakeDependents(ref Ref) error {
	refs, err := tx.q.Dependents(tx.ctx, ref.String())
	if err != nil {
		return err
	}
	former, err := tx.q.FormerDependents(tx.ctx, ref.String())
	if err != nil {
		return err
	}
	return tx.wakeAll(append(refs, former...))
}

func (tx *Tx) wakeAll(refs []string) error {
	for _, text := range refs {
		ref, err := ParseRef(text)
		if err != nil {
			return err
		}
		if err := tx.Wake(ref); err != nil {
			return err
		}
	}
	return nil
}

// Wake makes things due now, in a transaction of its own.
func (s *Store) Wake(ctx context.Context, refs ...Ref) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error { return tx.Wake(refs...) })
}

// An Actor is who asked for a change: a user's name, or the part of Baryon that acts by itself.
type Actor string

// The parts of Baryon that act by themselves.
const (
	ActorGit  Actor = "git"  // the contents of a repository
	ActorLoop Actor = "loop" // the reconciler
)

// Audit records who did what, in the transaction that does it.
func (tx *Tx) Audit(actor Actor, verb string, ref Ref, detail any) error {
	text, err := encode(detail)
	if err != nil {
		return err
	}
	return tx.q.AddAudit(tx.ctx, db.AddAuditParams{
		ID: NewID(), At: tx.now, Actor: string(actor), Verb: verb, Ref: ref.String(), Detail: text,
	})
}

// NewID returns an identifier that sorts by the time it was made.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Begun is when an identifier was made; zero for what is none of NewID.
func Begun(id string) time.Time {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return time.Time{}
	}
	return time.Unix(u.Time().UnixTime()).UTC()
}

func encode(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	data, err := json.Marshal(v)
	return string(data), err
}

func decode(text string, v any) error {
	if text == "" || text == "{}" {
		return nil
	}
	return json.Unmarshal([]byte(text), v)
}

// Now is the time of the transaction.
func (tx *Tx) Now() time.Time { return fromMicros(tx.now) }
