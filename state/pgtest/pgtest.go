// Package pgtest gives tests a real PostgreSQL server.
//
// It knows how to find the server's programs, how to start one server for a
// test binary in a temporary folder, and how to hand each caller a database of
// its own. It refuses to know any schema or query of ours, and it is imported
// by tests only.
//
// The server listens on a socket inside its temporary folder and nowhere else,
// so tests need no free port and nobody outside can reach it. It does not
// outlive the test binary, however that binary ends: a small shell waits for
// the end of a pipe which only the binary holds open, then stops the server
// and removes the folder. No TestMain is needed for that.
package pgtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the admin connection
)

// startLimit bounds initdb and the start of the server together. Both take
// about a second; the rest is for a machine that is busy with other tests.
const startLimit = 2 * time.Minute

// errMissing says that this machine has no PostgreSQL server to start.
var errMissing = errors.New("no PostgreSQL server found: initdb and pg_ctl are neither on PATH nor in " +
	"/usr/lib/postgresql/*/bin (on Debian: apt-get install postgresql)")

// shared is the one server of this test binary, started by the first caller.
var shared = sync.OnceValues(start)

// Start returns the URL of a fresh, empty database on a real PostgreSQL
// server; the database is dropped when the test ends. The first call of a test
// binary starts the server. Without PostgreSQL on the machine the test is
// skipped, or fails when BARYON_REQUIRE names postgres. It is safe to call
// from parallel tests.
func Start(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if errors.Is(err, errMissing) && !required("postgres") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	// The name is unique, not merely fresh: a test that fails to close its
	// connections must not hand them to the next one.
	name := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := s.admin(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// FORCE ends connections a test left open. t.Context is done by now.
		if err := s.admin(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

// required reports whether BARYON_REQUIRE, a comma list, names tool.
func required(tool string) bool {
	return slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), tool)
}

// A server is a running PostgreSQL server with a folder of its own.
type server struct {
	bin  string              // folder of initdb and pg_ctl
	dir  string              // holds data, socket and log; owned by the account below
	cred *syscall.Credential // account the server runs as; nil for our own
	hold *os.File            // the pipe whose end tells the guard that we are gone
}

// start makes a folder, a cluster in it and a server on that, in the order
// which lets the guard clean up after whatever point we are killed at.
func start() (*server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	cred, err := account()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	s := &server{bin: bin, dir: dir, cred: cred}
	if cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, err
		}
	}
	if err := s.guard(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	data := filepath.Join(dir, "data")
	if err := s.run(ctx, "initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--no-locale", "--no-sync"); err != nil {
		return nil, err
	}
	// Nothing here has to survive a power cut, so nothing is flushed.
	options := "-c listen_addresses='' -c unix_socket_directories='" + dir + "' -c max_connections=300" +
		" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
	if err := s.run(ctx, "pg_ctl", "start", "--wait", "--pgdata", data,
		"--log", filepath.Join(dir, "log"), "--options", options); err != nil {
		text, _ := os.ReadFile(filepath.Join(dir, "log")) // absent when pg_ctl never got that far
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return s, nil
}

// guard starts the shell that stops the server and removes its folder as soon
// as this process is gone, be it by exit, panic or SIGKILL.
func (s *server) guard() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	s.hold = w // kept: a collected file would be closed
	cmd := s.command(context.Background(), "/bin/sh", "-c",
		`cat; "$1"/pg_ctl stop --mode immediate --pgdata "$2"/data; rm -rf "$2"`, "sh", s.bin, s.dir)
	cmd.Stdin = r
	// A session of its own, so that an interrupt typed at the terminal ends
	// the tests and leaves the cleaning to be done.
	cmd.SysProcAttr.Setsid = true
	return cmd.Start()
}

// run executes one of PostgreSQL's programs to its end. Its output goes
// through a file: the server inherits it, so a pipe would never reach its end.
func (s *server) run(ctx context.Context, program string, args ...string) error {
	out, err := os.CreateTemp("", "pgtest-output")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := s.command(ctx, filepath.Join(s.bin, program), args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name()) // the error of the program matters more
		return fmt.Errorf("%s: %w\n%s", program, err, bytes.TrimSpace(text))
	}
	return nil
}

// command prepares a program to run in the server's folder, under its account
// and without the variables by which PostgreSQL's programs could be led to
// another server.
func (s *server) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	return cmd
}

// admin runs one statement as the superuser, outside any test's database.
func (s *server) admin(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// url is the address of one database of this server. The host is the folder
// of the socket and stands in the query, where it may hold any character.
func (s *server) url(database string) string {
	q := url.Values{"host": {s.dir}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + q.Encode()
}

// programs finds the folder of initdb and pg_ctl. Debian keeps them off PATH,
// one folder for each version; the newest wins.
func programs() (string, error) {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(debian, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range append(dirs, debian...) {
		// LookPath on a path with a slash checks that path alone.
		_, errInit := exec.LookPath(filepath.Join(dir, "initdb"))
		_, errCtl := exec.LookPath(filepath.Join(dir, "pg_ctl"))
		if filepath.IsAbs(dir) && errInit == nil && errCtl == nil {
			return dir, nil
		}
	}
	return "", errMissing
}

// version is the major version in a path like /usr/lib/postgresql/15/bin.
func version(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // a folder without a number sorts last
	return n
}

// account is the one to run the server as: our own, except that PostgreSQL
// refuses to run as root.
func account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other account: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", u.Username, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
