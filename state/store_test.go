package state

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"baryon/state/pgtest"
)

func TestOneProcessHoldsTheFile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "new folder", "baryon?#%.db")
	first, err := Open(ctx, Config{DSN: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Wake(ctx, EnvironmentRef("prod")); err != nil {
		t.Fatal(err)
	}
	second, err := Open(ctx, Config{DSN: path})
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("a second Open gave %v, err %v, want a LockedError", second, err)
	}
	if want := fmt.Sprintf("process %d", os.Getpid()); locked.Path != path || locked.By != want {
		t.Errorf("locked %q by %q, want %q by %q", locked.Path, locked.By, path, want)
	}
	if err := first.Ping(ctx); err != nil {
		t.Errorf("the first after the second was refused: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third := open(t, path)
	if claim := claimOne(t, third, "a"); claim.Ref != EnvironmentRef("prod") {
		t.Errorf("after opening again: %v, want what was written", claim.Ref)
	}
	if third.Shared() {
		t.Error("an SQLite file says that it is shared")
	}
}

func TestNewerDatabaseIsLeftAlone(t *testing.T) {
	dsns := map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "baryon.db") },
		"postgres": func(t *testing.T) string { t.Helper(); return pgtest.Start(t) },
	}
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			cfg := Config{DSN: dsn(t)}
			s, err := Open(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			var known int64
			if err := s.read.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version").Scan(&known); err != nil {
				t.Fatal(err)
			}
			if _, err := s.write.ExecContext(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)", known+1, true); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // a refusal must not keep the file locked
				_, err = Open(ctx, cfg)
				var newer *NewerError
				if !errors.As(err, &newer) || newer.Found != known+1 || newer.Known != known {
					t.Fatalf("err = %v, want a NewerError of %d over %d", err, known+1, known)
				}
			}
		})
	}
}

func TestOpeningAgainKeepsEverything(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dsn := pgtest.Start(t)
	first, second := open(t, dsn), open(t, dsn)
	if err := first.Wake(ctx, EnvironmentRef("prod")); err != nil {
		t.Fatal(err)
	}
	if claim := claimOne(t, second, "b"); claim.Ref != EnvironmentRef("prod") {
		t.Errorf("the second daemon sees %v", claim.Ref)
	}
	if !second.Shared() {
		t.Error("a PostgreSQL database says that it is not shared")
	}
}

// TestErrorsNeverShowThePassword listens where a server would be and hangs up,
// and gives addresses that cannot be read at all.
func TestErrorsNeverShowThePassword(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	at := l.Addr().String()
	for name, dsn := range map[string]string{
		"a server that hangs up":         "postgres://ada:hunter2secret@" + at + "/baryon",
		"a password in the query":        "postgres://ada@" + at + "/baryon?password=hunter2secret",
		"a password with escapes":        "postgres://ada:hunter2secret%20x%2B%25y@" + at + "/baryon",
		"an unknown sslmode":             "postgres://ada:hunter2secret@" + at + "/baryon?sslmode=bogus",
		"an unknown sslmode, in a query": "postgres://ada@" + at + "/baryon?sslmode=bogus&password=hunter2secret",
		"a bad port":                     "postgres://ada:hunter2secret@127.0.0.1:port/baryon",
		"a bad escape":                   "postgres://ada:hunter2secret%zz@127.0.0.1/baryon",
		"no host that answers":           "postgresql://ada:hunter2secret@127.0.0.1:1/baryon",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(context.Background(), Config{DSN: dsn})
			if err == nil {
				t.Fatalf("Open = %v, want an error", s)
			}
			if strings.Contains(err.Error(), "hunter2secret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// TestWrongPassword asks a server that refuses the password, and is so careless
// as to repeat it.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- refusePassword(l) }()
	_, err = Open(context.Background(), Config{DSN: "postgres://ada:hunter2secret@" + l.Addr().String() + "/baryon?sslmode=disable"})
	if err == nil || !strings.Contains(err.Error(), "password authentication failed") {
		t.Errorf("err = %v, want what the server says", err)
	} else if strings.Contains(err.Error(), "hunter2secret") {
		t.Errorf("the error shows the password: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// refusePassword asks everyone who connects for a password and refuses it,
// until the listener is closed.
func refusePassword(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		server := pgproto3.NewBackend(conn, conn)
		if _, err := server.ReceiveStartupMessage(); err != nil {
			return err
		}
		server.Send(&pgproto3.AuthenticationCleartextPassword{})
		if err := errors.Join(server.Flush(), server.SetAuthType(pgproto3.AuthTypeCleartextPassword)); err != nil {
			return err
		}
		said, err := server.Receive()
		if err != nil {
			return err
		}
		password, ok := said.(*pgproto3.PasswordMessage)
		if !ok {
			return fmt.Errorf("got %T, want a password", said)
		}
		server.Send(&pgproto3.ErrorResponse{
			Severity: "FATAL", Code: "28P01", Message: "password authentication failed with " + password.Password,
		})
		if err := errors.Join(server.Flush(), conn.Close()); err != nil {
			return err
		}
	}
}
