package provisioner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Forget removes the work folder of a job that has ended, or never began. The
// caller has recorded how it ended: without the folder the ID is free, and only
// a Handle would keep Apply from starting it again. A job that still runs is an
// error. Forgetting what is not there does nothing.
func (c *Command) Forget(ctx context.Context, id string) error {
	f, err := c.folder(id)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !f.exists() {
		return nil
	}
	rec, err := f.records()
	if err != nil {
		return fmt.Errorf("forget job %s: %w", id, err)
	}
	if rec.exit == nil {
		lock, err := f.tryLock()
		if err != nil {
			return fmt.Errorf("forget job %s: %w", id, err)
		}
		if lock == nil {
			return fmt.Errorf("forget job %s: it is running; cancel it first", id)
		}
		defer lock.Close()
	}
	c.reapChildren()
	// It leaves its name in one step: nobody finds half a folder.
	gone := filepath.Join(c.cfg.Dir, ".gone-"+rand.Text())
	if err := os.Rename(f.dir, gone); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("forget job %s: %w", id, err)
	}
	c.step("folder gone")
	if err := removeTree(gone); err != nil {
		return fmt.Errorf("forget job %s: %w", id, err)
	}
	return nil
}

// Sweep removes the work folders of ended jobs that the caller does not know,
// and what crashes left half made or half removed. It returns the IDs it
// removed. An unknown job that still runs is left alone and logged.
func (c *Command) Sweep(ctx context.Context, known func(id string) bool) (removed []string, err error) {
	entries, err := os.ReadDir(c.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	var failed []error
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return removed, errors.Join(append(failed, err)...)
		}
		name := entry.Name()
		switch {
		case strings.HasPrefix(name, ".gone-"):
			failed = append(failed, removeTree(filepath.Join(c.cfg.Dir, name)))
		case strings.HasPrefix(name, ".new-"):
			failed = append(failed, c.sweepDraft(filepath.Join(c.cfg.Dir, name)))
		case !entry.IsDir() || !idRule.MatchString(name) || known(name):
		default:
			if err := c.Forget(ctx, name); err != nil {
				c.cfg.Kept(name, err)
				continue
			}
			removed = append(removed, name)
		}
	}
	return removed, errors.Join(failed...)
}

// sweepDraft removes a folder whose making was interrupted. The maker of a live
// one holds its lock.
func (c *Command) sweepDraft(dir string) error {
	draft := folder{dir}
	if info, err := os.Lstat(dir); err != nil || time.Since(info.ModTime()) < time.Minute {
		return nil // it may be about to be locked
	}
	lock, err := draft.tryLock()
	if err != nil || lock == nil {
		return err
	}
	defer lock.Close()
	return removeTree(dir)
}
