package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"baryon/state/db"
)

// Lease is how long a replica that says nothing is taken for alive. It is the
// backstop: a replica that dies is noticed at once by its advisory lock.
const Lease = 15 * time.Second

const (
	scanEvery = 500 * time.Millisecond
	lockClass = 0x6261727 // the first key of the advisory locks: "bary" in hex digits
)

// ErrMembershipLost says that this replica may have been taken for dead: it
// must stop its work and join again.
var ErrMembershipLost = errors.New("the connection that kept this replica's lease was lost")

// A Replica is this process as one of those that share the work.
type Replica struct {
	ID string // the owner of its claims

	s      *Store
	conn   *pgx.Conn // PostgreSQL: holds the advisory lock for as long as it lives
	number int64
}

// Join makes this process a replica. On SQLite it is the only one, so work that
// an earlier process had claimed is released at once.
func (s *Store) Join(ctx context.Context, host string) (*Replica, error) {
	r := &Replica{ID: NewID(), s: s}
	if !s.postgres {
		err := s.Update(ctx, Fence{}, func(tx *Tx) error {
			_, err := tx.q.ReleaseAll(ctx, tx.now)
			return err
		})
		return r, err
	}
	random := uuid.New()
	r.number = int64(random[0])<<24 | int64(random[1])<<16 | int64(random[2])<<8 | int64(random[3])
	r.number &= 1<<31 - 1
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return nil, redact(err, s.dsn)
	}
	r.conn = conn
	var locked bool
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockClass, r.number).Scan(&locked)
	if err == nil && !locked {
		err = errors.New("another replica has the same random number; start again")
	}
	if err == nil {
		err = r.renew(ctx, host)
	}
	if err == nil {
		_, err = conn.Exec(ctx, "LISTEN "+channel)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("join the replicas: %w", err), conn.Close(ctx))
	}
	return r, nil
}

// renew moves the lease on, by the database's clock.
func (r *Replica) renew(ctx context.Context, host string) error {
	now, err := r.clock(ctx)
	if err != nil {
		return err
	}
	return r.s.queries().PutReplica(ctx, db.PutReplicaParams{
		ID: r.ID, Number: r.number, Host: host, LeaseUntil: now + Lease.Microseconds(), StartedAt: now,
	})
}

func (r *Replica) clock(ctx context.Context) (int64, error) {
	var now int64
	err := r.conn.QueryRow(ctx, "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)").Scan(&now)
	return now, err
}

// Run keeps the lease, takes over the work of replicas that are gone, and calls
// wake when another replica says that there is work. It returns nil when ctx
// ends and ErrMembershipLost when the lease may have run out. On SQLite there
// is nothing to do.
func (r *Replica) Run(ctx context.Context, host string, wake func()) error {
	if r.conn == nil {
		<-ctx.Done()
		return nil
	}
	defer r.leave()
	renewed := time.Now()
	for ctx.Err() == nil {
		err := r.scan(ctx, wake)
		if err == nil && time.Since(renewed) > Lease/4 {
			if err = r.renew(ctx, host); err == nil {
				renewed = time.Now()
			}
		}
		if err == nil {
			err = r.listen(ctx, wake)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", ErrMembershipLost, err)
		}
	}
	return nil
}

// listen waits for a notification, but no longer than until the next scan.
func (r *Replica) listen(ctx context.Context, wake func()) error {
	short, cancel := context.WithTimeout(ctx, scanEvery)
	defer cancel()
	_, err := r.conn.WaitForNotification(short)
	if err == nil {
		wake()
		return nil
	}
	if errors.Is(short.Err(), context.DeadlineExceeded) && !r.conn.IsClosed() {
		return nil
	}
	return err
}

// scan releases the work of every replica whose lock can be had or whose lease
// has run out.
func (r *Replica) scan(ctx context.Context, wake func()) error {
	others, err := r.s.queries().Replicas(ctx)
	if err != nil {
		return err
	}
	now, err := r.clock(ctx)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.ID == r.ID {
			continue
		}
		var locked bool
		if err := r.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockClass, other.Number).Scan(&locked); err != nil {
			return err
		}
		if !locked && other.LeaseUntil > now {
			continue
		}
		err := r.release(ctx, other.ID)
		if locked {
			_, unlockErr := r.conn.Exec(ctx, "SELECT pg_advisory_unlock($1, $2)", lockClass, other.Number)
			err = errors.Join(err, unlockErr)
		}
		if err != nil {
			return err
		}
		wake()
	}
	return nil
}

// release frees all that a replica had claimed, and forgets it.
func (r *Replica) release(ctx context.Context, id string) error {
	return r.s.Update(ctx, Fence{}, func(tx *Tx) error {
		if _, err := tx.q.Release(ctx, db.ReleaseParams{Owner: id, Now: tx.now}); err != nil {
			return err
		}
		return tx.q.DeleteReplica(ctx, id)
	})
}

// leave gives up all claims, so that others need not wait for them.
func (r *Replica) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = r.release(ctx, r.ID)
	_ = r.conn.Close(ctx)
}
