package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// An Inspection is what can be seen of a database without changing it.
type Inspection struct {
	Found int64 // the version of its schema; 0 for a database that is not there yet or empty
	Known int64 // the version that Open would bring it to
	Held  bool  // another process has the SQLite file open
}

// Inspect looks at a database and changes nothing, neither schema nor lock. It
// is for diagnosis; Open is what a daemon calls.
func Inspect(ctx context.Context, cfg Config) (Inspection, error) {
	var in Inspection
	var err error
	if in.Known, err = knownVersion(); err != nil {
		return in, err
	}
	if strings.HasPrefix(cfg.DSN, "postgres://") || strings.HasPrefix(cfg.DSN, "postgresql://") {
		in.Found, err = foundVersion(ctx, "pgx", cfg.DSN, "SELECT to_regclass('goose_db_version') IS NOT NULL")
		if err != nil {
			err = redact(err, cfg.DSN)
		}
		return in, err
	}
	if _, err := os.Stat(cfg.DSN); errors.Is(err, fs.ErrNotExist) {
		return in, nil
	}
	lock, err := lockFile(cfg.DSN + ".lock")
	switch _, held := errors.AsType[*LockedError](err); {
	case held:
		in.Held = true
	case err != nil:
		return in, err
	default:
		defer lock.Close()
	}
	dsn := "file:" + (&url.URL{Path: cfg.DSN}).EscapedPath() + "?_pragma=query_only(1)&_pragma=busy_timeout(2000)"
	in.Found, err = foundVersion(ctx, "sqlite", dsn, "SELECT count(*) > 0 FROM sqlite_master WHERE name = 'goose_db_version'")
	if err != nil {
		err = fmt.Errorf("%s: %w", cfg.DSN, err)
	}
	return in, err
}

// knownVersion is the number of the last schema file.
func knownVersion() (int64, error) {
	files, err := fs.Glob(schema, "schema/*.sql")
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, errors.New("the program holds no schema"))
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(files[len(files)-1], "schema/"), "_")
	return strconv.ParseInt(number, 10, 64)
}

func foundVersion(ctx context.Context, driver, dsn, hasVersions string) (version int64, err error) {
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	var has bool
	if err := pool.QueryRowContext(ctx, hasVersions).Scan(&has); err != nil || !has {
		return 0, err
	}
	err = pool.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	return version, err
}
