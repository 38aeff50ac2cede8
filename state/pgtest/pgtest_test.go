package pgtest_test

import (
	"database/sql"
	"testing"

	"baryon/state/pgtest"
)

func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", pgtest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestEachCallGivesAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	first, second := open(t), open(t)
	for _, db := range []*sql.DB{first, second} {
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE thing (n BIGINT)"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := first.ExecContext(t.Context(), "INSERT INTO thing VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := second.QueryRowContext(t.Context(), "SELECT count(*) FROM thing").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("rows written in the first database and seen in the second: got %d, want 0", n)
	}
}

func TestADatabaseEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("inner", func(t *testing.T) {
		dsn = pgtest.Start(t)
		db, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		// Left open on purpose: a forgotten connection must not keep the
		// database alive, nor fail the test that forgot it.
		if err := db.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("the database of a finished test still answers")
	}
}
