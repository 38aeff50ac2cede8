package gitsource

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// mirror is the bare copy of one remote repository: full history of the branches
// that were asked for, never shallow.
type mirror struct {
	*store
	dir    string
	limits limits
	turn   chan struct{} // holds one token: one fetch at a time

	who struct {
		sync.Mutex
		target target
	}
}

// serve notes for which repository the mirror was last asked: maintenance may
// have to fetch with its credentials.
func (m *mirror) serve(t target) {
	m.who.Lock()
	defer m.who.Unlock()
	m.who.target = t
}

func (m *mirror) owner() target {
	m.who.Lock()
	defer m.who.Unlock()
	return m.who.target
}

// limits bound what a server can make us keep.
type limits struct {
	pack     int64 // bytes of one pack as sent
	unpacked int64 // bytes of its objects, inflated
	object   int64 // bytes of one of them
}

// mirrorName is a readable folder name that is unique for a repository.
func mirrorName(a address) string {
	sum := sha256.Sum256([]byte(a.key()))
	slug := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, a.url.Hostname()+"/"+strings.TrimSuffix(strings.Trim(a.url.Path+a.path, "/"), ".git"))
	if len(slug) > 80 {
		slug = slug[len(slug)-80:]
	}
	return strings.Trim(slug, "-.") + "-" + hex.EncodeToString(sum[:8]) + ".git"
}

// create makes an empty bare repository at dir unless one is there. It appears
// under its name only when it is complete.
func create(dir, origin string) error {
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := initBare(tmp, origin); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

func initBare(dir, origin string) error {
	for _, d := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/main\n"), 0o600); err != nil {
		return err
	}
	cfg := config.NewConfig()
	cfg.Core.IsBare = true
	cfg.Raw.Section("core").SetOption("repositoryformatversion", "0")
	cfg.Raw.Section("gc").SetOption("auto", "0")
	// For people who look: nothing here is read back.
	cfg.Raw.Section("baryon").SetOption("mirrorof", origin)
	data, err := cfg.Marshal()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config"), data, 0o600)
}

// lock waits for this mirror's turn to fetch.
func (m *mirror) lock(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *mirror) unlock() { <-m.turn }

// keepName is the ref that keeps what was fetched for a branch. The name is flat:
// a branch "a" that gives way to "a/b" never stands in its own way.
func keepName(ref string) plumbing.ReferenceName {
	return plumbing.NewBranchReferenceName(url.PathEscape(strings.TrimPrefix(ref, "refs/heads/")))
}

const maxHaves = 64

// haves are the commits to tell a server about: every tip we keep and, so that a
// force-pushed branch finds common ground, recent history below them.
func (m *mirror) haves() []string {
	var out []string
	err := m.use(func(st *filesystem.Storage) error {
		out = nil
		refs, err := st.IterReferences()
		if err != nil {
			return err
		}
		defer refs.Close()
		seen := map[plumbing.Hash]bool{}
		return refs.ForEach(func(r *plumbing.Reference) error {
			if r.Type() != plumbing.HashReference || len(out) >= 4*maxHaves {
				return nil
			}
			tip, err := object.GetCommit(st, r.Hash())
			if err != nil {
				return nil // a broken ref is no have; the fetch mends it
			}
			n := 0
			return object.NewCommitIterCTime(tip, seen, nil).ForEach(func(c *object.Commit) error {
				seen[c.Hash] = true
				out = append(out, c.Hash.String())
				if n++; n >= maxHaves {
					return storer.ErrStop
				}
				return nil
			})
		})
	})
	if err != nil {
		return nil // without haves the server sends everything
	}
	return out
}

// receive takes a pack into the mirror and lets the kept ref of a branch point at
// tip. The pack is complete, checked and within the limits before any of it is
// visible.
func (m *mirror) receive(ctx context.Context, pack io.Reader, ref, tip string) error {
	f, err := os.CreateTemp(m.dir, "incoming-*.pack")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	n, err := io.Copy(f, io.LimitReader(pack, m.limits.pack+1))
	if err != nil {
		return wrapRead(ctx, err)
	}
	if n > m.limits.pack {
		return tooLarge("the pack is larger than %d bytes", m.limits.pack)
	}
	if err := checkPack(ctx, f, n, m.limits); err != nil {
		return err
	}
	if err := m.index(f, n); err != nil {
		return &fault{kind: KindCorrupt, text: "the pack cannot be indexed", err: err}
	}
	ok, err := m.has(tip)
	if err != nil {
		return err
	}
	if !ok {
		return &fault{kind: KindCorrupt, text: "the server sent a pack without the commit " + tip}
	}
	return m.keep(ref, tip)
}

// smallPack is how large a pack is indexed through the open handle, which keeps
// its other indexes; a larger one goes through a handle of its own, so that
// nobody who reads waits for it.
const smallPack = 4 << 20

func (m *mirror) index(f *os.File, size int64) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	write := func(st *filesystem.Storage) error { return packfile.WritePackfileToObjectStorage(st, f) }
	if size <= smallPack {
		err := m.use(write)
		if err != nil {
			m.reset()
			m.sweep()
		}
		return err
	}
	own := newPool(1).store(m.dir, m.dir, true)
	defer own.reset()
	err := own.use(write)
	if err != nil {
		m.sweep()
	}
	m.reset()
	return err
}

// keep lets the ref that stands for a branch point at a commit. go-git would write
// over the file that is there: a crash in between would leave a ref that nothing
// can read.
func (m *mirror) keep(ref, tip string) error {
	f, err := os.CreateTemp(m.dir, "incoming-*.ref")
	if err != nil {
		return err
	}
	_, err = f.WriteString(tip + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(m.dir, filepath.FromSlash(keepName(ref).String())))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// sweep removes what fetches that were cut short left behind.
func (m *mirror) sweep() {
	for _, pattern := range []string{"incoming-*", "objects/pack/tmp_*"} {
		names, _ := filepath.Glob(filepath.Join(m.dir, pattern)) // the patterns are valid
		for _, name := range names {
			os.Remove(name) // what stays is swept the next time
		}
	}
}

func wrapRead(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f, ok := errors.AsType[*fault](err); ok {
		return f
	}
	return err
}

func tooLarge(format string, args ...any) error {
	return &fault{kind: KindTooLarge, text: fmt.Sprintf(format, args...),
		next: "raise the limit if the repository is really that large"}
}

// checkPack reads a pack once, without keeping any of it, to see that it is whole
// and that its objects stay within the limits: a few kilobytes of deltas can stand
// for terabytes.
func checkPack(ctx context.Context, f *os.File, size int64, lim limits) error {
	corrupt := func(text string, err error) error { return &fault{kind: KindCorrupt, text: text, err: err} }
	if size < 32 {
		return corrupt("the server sent no pack", nil)
	}
	sum, want := sha1.New(), make([]byte, 20)
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, size-20)); err != nil {
		return err
	}
	if _, err := f.ReadAt(want, size-20); err != nil {
		return err
	}
	if string(sum.Sum(nil)) != string(want) {
		return corrupt("the pack's checksum is wrong, it was damaged on its way", nil)
	}
	s := packfile.NewScanner(io.NewSectionReader(f, 0, size-20))
	_, count, err := s.Header()
	if err != nil {
		return corrupt("the pack has no valid header", err)
	}
	var total int64
	for range count {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := s.NextObjectHeader()
		if err != nil {
			return corrupt("the pack is broken", err)
		}
		var head deltaHead
		if h.Length > lim.object {
			return tooLarge("an object of the pack has %d bytes, the limit is %d", h.Length, lim.object)
		}
		if _, _, err := s.NextObject(&head); err != nil {
			return corrupt("the pack is broken", err)
		}
		n := h.Length
		if h.Type.IsDelta() {
			if n, err = head.target(); err != nil {
				return corrupt("the pack holds a broken delta", err)
			}
		}
		if n > lim.object {
			return tooLarge("an object of the pack has %d bytes, the limit is %d", n, lim.object)
		}
		if total += n; total > lim.unpacked {
			return tooLarge("the objects of the pack have more than %d bytes", lim.unpacked)
		}
	}
	return nil
}

// deltaHead keeps the first bytes of a delta, where the sizes of its base and of
// its result stand.
type deltaHead struct{ head []byte }

func (d *deltaHead) Write(p []byte) (int, error) {
	if room := 20 - len(d.head); room > 0 {
		d.head = append(d.head, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (d *deltaHead) target() (int64, error) {
	var size uint64
	at := 0
	for range 2 {
		size = 0
		for shift := 0; ; shift += 7 {
			if at >= len(d.head) || shift > 56 {
				return 0, io.ErrUnexpectedEOF
			}
			b := d.head[at]
			at++
			size |= uint64(b&0x7f) << shift
			if b&0x80 == 0 {
				break
			}
		}
	}
	if size > 1<<62 {
		return 0, errors.New("the size of a delta's result overflows")
	}
	return int64(size), nil
}
