package gitsource

import (
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// change puts the objects of a commit into to. Files are named from a folder of
// the repository.
func (s *store) change(to *memory.Storage, folder string, c Change) (plumbing.Hash, error) {
	parent, err := s.commit(c.Parent)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	w := treeWriter{s: s, to: to}
	tree, parents := parent.TreeHash, []plumbing.Hash{parent.Hash}
	if c.Merge != "" {
		other, err := s.commit(c.Merge)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		tree, parents = other.TreeHash, append(parents, other.Hash)
	}
	for _, f := range c.Files {
		name := path.Join(folder, f.Path)
		if tree, err = w.replaced(tree, strings.Split(name, "/"), f); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	return save(to, &object.Commit{
		Author:    object.Signature{Name: signable(c.Author), Email: signable(c.Email), When: c.When},
		Committer: object.Signature{Name: committer, Email: committerEmail, When: c.When},
		Message:   c.Message, TreeHash: tree, ParentHashes: parents,
	})
}

// signable is a name without what would end the line or the name of a commit.
func signable(name string) string {
	return strings.NewReplacer("<", "", ">", "").Replace(printable(name))
}

// A treeWriter makes trees out of those of a store.
type treeWriter struct {
	s  *store
	to *memory.Storage
}

// read reads a tree that the store has, or one that was made before.
func (w treeWriter) read(hash plumbing.Hash) (*object.Tree, error) {
	var t object.Tree
	if o, err := w.to.EncodedObject(plumbing.TreeObject, hash); err == nil {
		return &t, t.Decode(o)
	}
	return &t, w.s.use(func(*filesystem.Storage) error {
		o, err := w.s.findLocked(plumbing.TreeObject, hash, maxTree)
		if err != nil {
			return err
		}
		return t.Decode(o)
	})
}

// replaced is a tree in which one file has other content and the same mode, or
// is gone. A folder without files goes with the last of them.
func (w treeWriter) replaced(tree plumbing.Hash, name []string, f Replacement) (plumbing.Hash, error) {
	t, err := w.read(tree)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	gone := &fault{kind: KindNoPath, text: "the commit has no file " + printable(f.Path)}
	at := slices.IndexFunc(t.Entries, func(e object.TreeEntry) bool { return e.Name == name[0] })
	if at < 0 {
		return plumbing.ZeroHash, gone
	}
	mode := t.Entries[at].Mode
	var hash plumbing.Hash
	switch {
	case len(name) > 1 && mode == filemode.Dir:
		hash, err = w.replaced(t.Entries[at].Hash, name[1:], f)
	case len(name) > 1 || !mode.IsRegular() && mode != filemode.Executable:
		err = gone
	case !f.Gone:
		hash, err = w.blob(f.Data)
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if t.Entries[at].Hash = hash; hash.IsZero() || hash.String() == emptyTree {
		t.Entries = slices.Delete(t.Entries, at, at+1)
	}
	return save(w.to, t)
}

func (w treeWriter) blob(data []byte) (plumbing.Hash, error) {
	o := w.to.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	out, err := o.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	_, err = out.Write(data)
	if err = errors.Join(err, out.Close()); err != nil {
		return plumbing.ZeroHash, err
	}
	return w.to.SetEncodedObject(o)
}

func save(to *memory.Storage, o interface {
	Encode(raw plumbing.EncodedObject) error
}) (plumbing.Hash, error) {
	raw := to.NewEncodedObject()
	if err := o.Encode(raw); err != nil {
		return plumbing.ZeroHash, err
	}
	return to.SetEncodedObject(raw)
}
