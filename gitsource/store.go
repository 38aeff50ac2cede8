package gitsource

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"

	"baryon/gitsource/disk"
)

// objectCacheSize bounds what one open repository keeps of its objects. Trees
// and commits are small; a larger blob is simply read again.
const objectCacheSize = 8 * cache.MiByte

// store gives access to the objects and refs of one repository on disk. Opening
// one means reading its pack indexes, so the handle is kept until the pool needs
// the room; a repository that was repacked behind our back is opened again.
//
// go-git's storage is not safe for concurrent use: mu serialises everything.
type store struct {
	pool           *pool
	gitDir, common string // equal but for a linked work tree
	own            bool   // a mirror: what is new there was put there by us

	mu      sync.Mutex
	main    *filesystem.Storage
	borrows []*filesystem.Storage // alternates
	used    uint64                // guarded by pool.mu
}

// pool bounds how many repositories are open at a time.
type pool struct {
	limit int

	mu     sync.Mutex
	stores map[string]*store
	open   map[*store]bool
	clock  uint64
}

func newPool(limit int) *pool {
	return &pool{limit: limit, stores: map[string]*store{}, open: map[*store]bool{}}
}

// store returns the one store of a Git directory. own says that it is a mirror.
func (p *pool) store(gitDir, common string, own bool) *store {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.stores[gitDir]
	if !ok {
		s = &store{pool: p, gitDir: gitDir, common: common, own: own}
		p.stores[gitDir] = s
	}
	return s
}

// touch notes that s is in use and closes the repositories unused for longest.
// A repository that is being read right now is passed over.
func (p *pool) touch(s *store) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock++
	s.used, p.open[s] = p.clock, true
	for len(p.open) > p.limit {
		var oldest *store
		for o := range p.open {
			if o != s && (oldest == nil || o.used < oldest.used) {
				oldest = o
			}
		}
		if oldest == nil {
			return
		}
		delete(p.open, oldest)
		if oldest.mu.TryLock() {
			oldest.closeLocked()
			oldest.mu.Unlock()
		}
	}
}

func (p *pool) close() {
	p.mu.Lock()
	open := p.open
	p.open = map[*store]bool{}
	p.mu.Unlock()
	for s := range open {
		s.reset()
	}
}

// reset makes the next use open the repository again.
func (s *store) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked()
}

func (s *store) closeLocked() {
	for _, st := range append(s.borrows, s.main) {
		if st != nil {
			// Nothing was written through these handles: there is nothing to lose.
			_ = st.Close()
		}
	}
	s.main, s.borrows = nil, nil
}

// use calls f with the storage of the repository. When f misses an object,
// somebody may just have repacked the repository: it is opened again, once.
func (s *store) use(f func(*filesystem.Storage) error) error { return s.try(f, true) }

func (s *store) try(f func(*filesystem.Storage) error, again bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pool.touch(s)
	if s.main == nil {
		if err := s.openLocked(); err != nil {
			return err
		}
	}
	err := f(s.main)
	if err == nil || !again || !missing(err) {
		return err
	}
	s.closeLocked()
	if err := s.openLocked(); err != nil {
		return err
	}
	return f(s.main)
}

func missing(err error) bool {
	return errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, dotgit.ErrPackfileNotFound) ||
		errors.Is(err, dotgit.ErrIdxNotFound) || errors.Is(err, fs.ErrNotExist)
}

func (s *store) openLocked() error {
	var files billy.Filesystem = disk.Open(s.gitDir)
	if s.common != s.gitDir {
		files = dotgit.NewRepositoryFilesystem(files, disk.Open(s.common))
	}
	s.main = filesystem.NewStorage(files, cache.NewObjectLRU(objectCacheSize))
	if err := readable(s.main); err != nil {
		s.closeLocked()
		return err
	}
	dirs, err := alternates(filepath.Join(s.common, "objects"), 0)
	if err != nil {
		s.closeLocked()
		return err
	}
	for _, dir := range dirs {
		s.borrows = append(s.borrows, filesystem.NewStorage(disk.Open(filepath.Dir(dir)), cache.NewObjectLRU(objectCacheSize)))
	}
	return nil
}

// readable refuses the repository formats go-git would misread.
func readable(s *filesystem.Storage) error {
	cfg, err := s.Config()
	if err != nil {
		return &fault{kind: KindCorrupt, text: "the repository's configuration cannot be read", err: err}
	}
	for _, o := range cfg.Raw.Section("extensions").Options {
		switch key, value := strings.ToLower(o.Key), strings.ToLower(o.Value); {
		case key == "objectformat" && value == "sha256":
			return errSHA256()
		case key == "refstorage" && value != "files":
			return &fault{kind: KindUnsupported, text: fmt.Sprintf("the repository keeps its refs as %q", printable(value)),
				next: "convert it with git refs migrate --ref-format=files"}
		}
	}
	return nil
}

// alternates lists the object directories that a repository borrows from, by
// Git's rules: relative paths start at the objects directory. go-git resolves
// them in its own way, so it is done here.
func alternates(objects string, depth int) ([]string, error) {
	f, err := os.Open(filepath.Join(objects, "info", "alternates"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &fault{kind: KindCorrupt, text: "the list of alternates cannot be read", err: err}
	}
	defer f.Close()
	if depth > 5 {
		return nil, &fault{kind: KindUnsupported, text: "alternates nest more than five deep"}
	}
	var dirs []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		dir := lines.Text()
		if dir == "" || strings.HasPrefix(dir, "#") {
			continue
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(objects, dir)
		}
		more, err := alternates(dir, depth+1)
		if err != nil {
			return nil, err
		}
		dirs = append(append(dirs, dir), more...)
	}
	return dirs, lines.Err()
}

// object returns the content of an object of one type. limit bounds its size;
// 0 means none.
func (s *store) object(kind plumbing.ObjectType, hash string, limit int64) ([]byte, error) {
	var data []byte
	err := s.use(func(*filesystem.Storage) error {
		o, err := s.findLocked(kind, plumbing.NewHash(hash), limit)
		if err != nil {
			return err
		}
		r, err := o.Reader()
		if err != nil {
			return err
		}
		defer r.Close()
		data = make([]byte, o.Size())
		_, err = io.ReadFull(r, data)
		return err
	})
	return data, err
}

// errTooLarge is an object over the limit it was read with.
type errTooLarge struct{ size, limit int64 }

func (e *errTooLarge) Error() string {
	return fmt.Sprintf("%d bytes, over the limit of %d", e.size, e.limit)
}

// findLocked looks for an object in the repository and in what it borrows from.
func (s *store) findLocked(kind plumbing.ObjectType, h plumbing.Hash, limit int64) (plumbing.EncodedObject, error) {
	var first error
	for _, st := range append([]*filesystem.Storage{s.main}, s.borrows...) {
		if limit > 0 {
			size, err := st.EncodedObjectSize(h)
			if err == nil && size > limit {
				return nil, &errTooLarge{size, limit}
			}
		}
		o, err := st.EncodedObject(kind, h)
		if err == nil {
			return o, nil
		}
		if first == nil {
			first = err
		}
		if !missing(err) {
			return nil, err
		}
	}
	return nil, first
}

// size returns the size of an object without reading it.
func (s *store) size(hash string) (int64, error) {
	var size int64
	err := s.use(func(*filesystem.Storage) error {
		var err error
		for _, st := range append([]*filesystem.Storage{s.main}, s.borrows...) {
			if size, err = st.EncodedObjectSize(plumbing.NewHash(hash)); err == nil {
				return nil
			}
		}
		return err
	})
	return size, err
}

// has tells whether the repository holds a commit. A mirror is not opened again to
// be sure: it misses every commit that is about to be fetched.
func (s *store) has(commit string) (bool, error) {
	err := s.try(func(*filesystem.Storage) error {
		_, err := s.findLocked(plumbing.CommitObject, plumbing.NewHash(commit), 0)
		return err
	}, !s.own)
	if missing(err) {
		return false, nil
	}
	return err == nil, err
}
