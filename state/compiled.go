package state

import (
	"context"
	"database/sql"
	"strings"
	"sync"

	"baryon/state/db"
)

// compiled keeps the statements of one SQLite pool compiled. Parsing its SQL is
// half of what a small query costs there; for PostgreSQL, the driver does this.
type compiled struct {
	pool *sql.DB

	mu         sync.Mutex
	statements map[string]statement
}

// A statement is a query to be run with arguments: a *sql.Stmt, or plain text.
type statement interface {
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, args ...any) *sql.Row
}

// text is a statement that is not compiled.
type text struct {
	on    db.DBTX
	query string
}

func (t text) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return t.on.ExecContext(ctx, t.query, args...)
}

func (t text) QueryContext(ctx context.Context, args ...any) (*sql.Rows, error) {
	return t.on.QueryContext(ctx, t.query, args...)
}

func (t text) QueryRowContext(ctx context.Context, args ...any) *sql.Row {
	return t.on.QueryRowContext(ctx, t.query, args...)
}

func compile(pool *sql.DB) *compiled {
	return &compiled{pool: pool, statements: map[string]statement{}}
}

func (c *compiled) known(query string) statement {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.statements[query]
}

// compile gives the compiled form of a query. It may take a connection of the
// pool, so nobody may call it who holds the only one.
func (c *compiled) compile(ctx context.Context, query string) statement {
	if s := c.known(query); s != nil {
		return s
	}
	s, err := c.pool.PrepareContext(ctx, withoutRowLocks(query))
	if err != nil {
		return text{c.pool, withoutRowLocks(query)} // which tells the error to whoever runs it
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.statements[query]; other != nil {
		defer s.Close()
		return other
	}
	c.statements[query] = s
	return s
}

// sqlite runs queries on an SQLite pool. It leaves out the row locks, which
// SQLite neither has nor needs: its write transactions run one at a time.
type sqlite struct{ *compiled }

var _ db.DBTX = sqlite{}

func (c sqlite) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.compile(ctx, query).ExecContext(ctx, args...)
}

func (c sqlite) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.pool.PrepareContext(ctx, withoutRowLocks(query))
}

func (c sqlite) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.compile(ctx, query).QueryContext(ctx, args...)
}

func (c sqlite) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.compile(ctx, query).QueryRowContext(ctx, args...)
}

// sqliteTx is the same within a transaction. What is not compiled yet is run as
// it is and noted, to be compiled when the transaction has given its connection back.
type sqliteTx struct {
	*compiled
	tx     *sql.Tx
	missed []string
}

var _ db.DBTX = &sqliteTx{}

func (c *sqliteTx) find(ctx context.Context, query string) statement {
	if s, ok := c.known(query).(*sql.Stmt); ok {
		return c.tx.StmtContext(ctx, s)
	}
	c.missed = append(c.missed, query)
	return text{c.tx, withoutRowLocks(query)}
}

// end compiles what was missed, for the next transaction.
func (c *sqliteTx) end(ctx context.Context) {
	for _, query := range c.missed {
		c.compile(ctx, query)
	}
}

func (c *sqliteTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.find(ctx, query).ExecContext(ctx, args...)
}

func (c *sqliteTx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.tx.PrepareContext(ctx, withoutRowLocks(query))
}

func (c *sqliteTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.find(ctx, query).QueryContext(ctx, args...)
}

func (c *sqliteTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.find(ctx, query).QueryRowContext(ctx, args...)
}

func withoutRowLocks(query string) string {
	query = strings.Replace(query, "FOR UPDATE SKIP LOCKED", "", 1)
	return strings.Replace(query, "FOR UPDATE", "", 1)
}
