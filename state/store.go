// Package state knows what is wanted, what is deployed, and where both are
// kept: the nouns of Baryon, the rules that each obeys on its own, and the
// rows of one database, SQLite or PostgreSQL. It is the only memory there is.
//
// It refuses to know Git, templates' contents, engines and HTTP; what should
// happen next is decided elsewhere, from what is read here.
package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"baryon/state/db"

	// The two database drivers, by their names "pgx" and "sqlite".
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite"
)

//go:embed schema/*.sql
var schema embed.FS

// Config says where a Store is.
type Config struct {
	DSN string           // a PostgreSQL URL (postgres://…), or the path of an SQLite file
	Now func() time.Time // the clock of everything but leases; nil for time.Now

	Scratch bool // an SQLite file that is thrown away: nothing waits for the disk
}

// A Store is the database. It is safe for use by many goroutines.
type Store struct {
	dsn      string
	postgres bool
	write    *sql.DB // SQLite: one connection, so that writers queue here and not in the engine
	read     *sql.DB
	now      func() time.Time
	lock     *os.File

	writes, reads *compiled // SQLite: the statements of the two

	synchronous string // SQLite: whether commits wait for the disk

	bundles bundleCache
	changed broadcast

	destinations atomic.Pointer[[]string] // of events
}

// Open opens the database, creates what is missing and brings an older schema
// up to date. An SQLite file is held exclusively until Close: a second process
// gets a *LockedError. A database of a newer Baryon gives a *NewerError.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{dsn: cfg.DSN, now: cfg.Now, synchronous: "synchronous(FULL)"}
	if cfg.Scratch {
		s.synchronous = "synchronous(OFF)"
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.postgres = strings.HasPrefix(cfg.DSN, "postgres://") || strings.HasPrefix(cfg.DSN, "postgresql://")
	var err error
	if s.postgres {
		err = s.openPostgres(ctx)
	} else {
		err = s.openSQLite(ctx)
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openPostgres(ctx context.Context) error {
	pool, err := sql.Open("pgx", s.dsn)
	if err != nil {
		return fmt.Errorf("PostgreSQL address: %w", redact(err, s.dsn))
	}
	pool.SetMaxOpenConns(24)
	pool.SetMaxIdleConns(12)
	s.write, s.read = pool, pool
	if err := pool.PingContext(ctx); err != nil {
		return fmt.Errorf("PostgreSQL: %w", redact(err, s.dsn))
	}
	return nil
}

func (s *Store) openSQLite(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(s.dsn), 0o700); err != nil {
		return err
	}
	held, err := lockFile(s.dsn + ".lock")
	if err != nil {
		return err
	}
	s.lock = held
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", s.synchronous, "cache_size(-32000)",
	}}
	dsn := "file:" + (&url.URL{Path: s.dsn}).EscapedPath() + "?" + q.Encode()
	if s.write, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if err := s.write.PingContext(ctx); err != nil {
		return fmt.Errorf("%s: %w", s.dsn, err)
	}
	if s.read, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(8)
	s.read.SetMaxIdleConns(8)
	s.writes, s.reads = compile(s.write), compile(s.read)
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, s.write, files, options...)
	if err != nil {
		return err
	}
	found, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	sources := provider.ListSources()
	if known := sources[len(sources)-1].Version; found > known {
		return &NewerError{Found: found, Known: known}
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	return nil
}

// Close ends all use of the database and gives up its lock.
func (s *Store) Close() error {
	var errs []error
	if s.read != nil && s.read != s.write {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Shared reports whether other daemons may use this database at the same time.
func (s *Store) Shared() bool { return s.postgres }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.read.PingContext(ctx) }

// queries reads outside any transaction.
func (s *Store) queries() *db.Queries {
	if s.postgres {
		return db.New(s.read)
	}
	return db.New(sqlite{s.reads})
}

// single runs single statements that write.
func (s *Store) single() *db.Queries {
	if s.postgres {
		return db.New(s.write)
	}
	return db.New(sqlite{s.writes})
}

func (s *Store) micros() int64 { return s.now().UnixMicro() }

// notFound turns the absence of a row into a *NotFoundError.
func notFound(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return &NotFoundError{What: what}
	}
	return err
}

// redact keeps the password of a PostgreSQL address out of an error.
func redact(err error, dsn string) error {
	u, parseErr := url.Parse(dsn)
	if parseErr != nil {
		return errors.New("the address is not a URL")
	}
	secret, set := u.User.Password()
	if !set || secret == "" {
		return err
	}
	return errors.New(strings.ReplaceAll(strings.ReplaceAll(err.Error(), secret, "****"), url.QueryEscape(secret), "****"))
}

// broadcast wakes whoever waits for a change in this process. It is a hint:
// other replicas' changes reach a reader only by its own polling.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// Changed returns a channel that is closed at the next write of this process.
func (s *Store) Changed() <-chan struct{} { return s.changed.wait() }
