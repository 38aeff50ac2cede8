package githost

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Change is what a commit changes.
type Change struct {
	// Branch is main when empty; it is created when it does not exist.
	Branch string
	// Author and Email sign the commit; Message describes it.
	Author, Email, Message string
	// When is the time of the commit; now when zero.
	When time.Time
	// Files are written over those of the branch. The executable bit is kept.
	Files fs.FS
	// Remove lists files and folders that go, before Files are written.
	Remove []string
	// Replace lets the commit hold Files and nothing else.
	Replace bool
}

// Commit adds a commit to a branch without a work tree and returns its hash, as if
// it had been pushed.
func (h *Host) Commit(name string, c Change) (string, error) {
	st, err := h.open(name)
	if err != nil {
		return "", fmt.Errorf("commit to %s: %w", name, err)
	}
	defer st.Close()
	l := h.of(name)
	l.write.Lock()
	hash, err := commit(st, l, c)
	l.write.Unlock()
	if err != nil {
		return "", fmt.Errorf("commit to %s: %w", name, err)
	}
	h.cfg.OnPush(strings.TrimSuffix(name, ".git"))
	return hash.String(), nil
}

func commit(st *filesystem.Storage, l *locks, c Change) (plumbing.Hash, error) {
	if c.Branch == "" {
		c.Branch = "main"
	}
	if c.When.IsZero() {
		c.When = time.Now()
	}
	ref := plumbing.NewBranchReferenceName(c.Branch)
	if err := ref.Validate(); err != nil {
		return plumbing.ZeroHash, err
	}
	files := listing{}
	var parents []plumbing.Hash
	tip, err := st.Reference(ref)
	if err == nil {
		parents = append(parents, tip.Hash())
		if !c.Replace {
			if err := files.load(st, tip.Hash()); err != nil {
				return plumbing.ZeroHash, err
			}
		}
	} else if !errors.Is(err, plumbing.ErrReferenceNotFound) {
		return plumbing.ZeroHash, err
	}
	for _, p := range c.Remove {
		files.remove(path.Clean(p))
	}
	if c.Files != nil {
		if err := files.write(st, c.Files); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	tree, err := files.store(st)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	who := object.Signature{Name: c.Author, Email: c.Email, When: c.When}
	hash, err := save(st, &object.Commit{Author: who, Committer: who, Message: c.Message, TreeHash: tree, ParentHashes: parents})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return hash, l.set(st, ref, hash)
}

// listing is every file of a commit by its path.
type listing map[string]object.TreeEntry

func (l listing) load(st *filesystem.Storage, tip plumbing.Hash) error {
	c, err := object.GetCommit(st, tip)
	if err != nil {
		return err
	}
	tree, err := c.Tree()
	if err != nil {
		return err
	}
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for {
		name, entry, err := walker.Next()
		if err != nil {
			return ignoreEOF(err)
		}
		if entry.Mode != filemode.Dir {
			l[name] = entry
		}
	}
}

// remove takes a file or a folder out.
func (l listing) remove(name string) {
	for p := range l {
		if p == name || strings.HasPrefix(p, name+"/") {
			delete(l, p)
		}
	}
}

// write puts the files of a file system in. A file takes the place of a folder of
// its name, and a folder that of a file.
func (l listing) write(st *filesystem.Storage, files fs.FS) error {
	return fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s: only regular files can be committed", p)
		}
		data, err := fs.ReadFile(files, p)
		if err != nil {
			return err
		}
		blob := &plumbing.MemoryObject{}
		blob.SetType(plumbing.BlobObject)
		if _, err := blob.Write(data); err != nil {
			return err
		}
		hash, err := st.SetEncodedObject(blob)
		if err != nil {
			return err
		}
		mode := filemode.Regular
		if info.Mode()&0o111 != 0 {
			mode = filemode.Executable
		}
		l.remove(p)
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			delete(l, dir)
		}
		l[p] = object.TreeEntry{Mode: mode, Hash: hash}
		return nil
	})
}

// store writes the trees and returns the root.
func (l listing) store(st *filesystem.Storage) (plumbing.Hash, error) {
	folders := map[string]listing{}
	var tree object.Tree
	for p, entry := range l {
		dir, rest, nested := strings.Cut(p, "/")
		if !nested {
			entry.Name = p
			tree.Entries = append(tree.Entries, entry)
			continue
		}
		if folders[dir] == nil {
			folders[dir] = listing{}
		}
		folders[dir][rest] = entry
	}
	for dir, below := range folders {
		hash, err := below.store(st)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		tree.Entries = append(tree.Entries, object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: hash})
	}
	slices.SortFunc(tree.Entries, func(a, b object.TreeEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	return save(st, &tree)
}

// sortName is what Git orders the entries of a tree by.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func save(st *filesystem.Storage, o interface {
	Encode(raw plumbing.EncodedObject) error
}) (plumbing.Hash, error) {
	raw := st.NewEncodedObject()
	if err := o.Encode(raw); err != nil {
		return plumbing.ZeroHash, err
	}
	return st.SetEncodedObject(raw)
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
