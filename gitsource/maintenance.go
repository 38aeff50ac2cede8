package gitsource

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"go.uber.org/zap"
)

// Maintain repacks every mirror that has more packs than Config.RepackAfter: each
// fetch adds one, and reading slows down with them. Call it now and then; a mirror
// with twice as many is repacked by the fetch that finds it so. Trees stay valid.
func (c *Client) Maintain(ctx context.Context) error {
	c.mu.Lock()
	var due []*mirror
	for _, m := range c.mirrors {
		if m.packs() > c.cfg.RepackAfter {
			due = append(due, m)
		}
	}
	c.mu.Unlock()
	var errs []error
	for _, m := range due {
		if err := m.lock(ctx); err != nil {
			return err
		}
		err := c.repack(ctx, m)
		m.unlock()
		errs = append(errs, failure("repack", m.owner().repo, err))
	}
	return errors.Join(errs...)
}

// packs counts the packs of a mirror.
func (m *mirror) packs() int {
	names, _ := filepath.Glob(filepath.Join(m.dir, "objects", "pack", "pack-*.pack")) // the pattern is valid
	return len(names)
}

// repack makes one pack of many: by git when it is there, else by fetching
// everything anew. The caller holds the mirror's turn.
func (c *Client) repack(ctx context.Context, m *mirror) error {
	before, begin := m.packs(), time.Now()
	name, err := exec.LookPath("git")
	if err == nil {
		err = repackBy(ctx, name, m)
	} else {
		err = c.renew(ctx, m)
	}
	if err != nil {
		return err
	}
	c.cfg.Log.Info("repacked a mirror", zap.String("repo", m.owner().repo.Name),
		zap.Int("packs", before), zap.Int("left", m.packs()), zap.Duration("took", time.Since(begin)))
	return nil
}

// repackBy keeps what no branch reaches any more (-k): a deployment may still be
// at a commit that was force-pushed away.
func repackBy(ctx context.Context, git string, m *mirror) error {
	cmd := exec.CommandContext(ctx, git, "repack", "-a", "-d", "-k", "-q")
	cmd.Dir, cmd.WaitDelay = m.dir, 5*time.Second
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, "LC_ALL=C", "GIT_DIR=" + m.dir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
	}
	ownGroup(cmd)
	said := &tail{}
	cmd.Stderr = said
	err := cmd.Run()
	m.reset()
	if err != nil {
		return fmt.Errorf("git repack: %w: %s", err, said)
	}
	return nil
}

// renew fetches every kept branch into a fresh mirror beside the old one and puts
// it in its place.
func (c *Client) renew(ctx context.Context, m *mirror) error {
	owner := m.owner()
	next := filepath.Join(c.cfg.Dir, "renew-"+filepath.Base(m.dir))
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	defer os.RemoveAll(next)
	if err := create(next, redact(owner.repo.URL)); err != nil {
		return err
	}
	own := newPool(1)
	defer own.close()
	fresh := &mirror{store: own.store(next, next, true), dir: next, limits: m.limits}
	refs, err := m.kept()
	if err != nil {
		return err
	}
	for ref := range refs {
		l, err := c.transport(owner).list(ctx, owner, ref)
		if err != nil {
			return err
		}
		if l.hash == "" {
			continue
		}
		if err := c.transport(owner).fetch(ctx, owner, fresh, ref, l.hash); err != nil {
			return err
		}
	}
	own.close()
	return m.replace(next)
}

// replace puts another folder in the place of the mirror's. Nobody reads
// meanwhile; whoever reads next opens the new one.
func (m *mirror) replace(next string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closeLocked()
	old := m.dir + ".old"
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(m.dir, old); err != nil {
		return err
	}
	if err := os.Rename(next, m.dir); err != nil {
		return errors.Join(err, os.Rename(old, m.dir))
	}
	return os.RemoveAll(old)
}

// kept lists the refs that are kept for branches, with their tips.
func (m *mirror) kept() (map[string]string, error) {
	out := map[string]string{}
	err := m.use(func(st *filesystem.Storage) error {
		clear(out)
		refs, err := st.IterReferences()
		if err != nil {
			return err
		}
		defer refs.Close()
		return refs.ForEach(func(r *plumbing.Reference) error {
			name, err := url.PathUnescape(r.Name().Short())
			if err != nil || r.Type() != plumbing.HashReference {
				return nil // not one of ours
			}
			if name != "HEAD" && !strings.HasPrefix(name, "refs/") {
				name = "refs/heads/" + name
			}
			out[name] = r.Hash().String()
			return nil
		})
	})
	return out, err
}
