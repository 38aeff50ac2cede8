package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Tree is one commit of a repository as a read-only file system, rooted at
// Repo.Path. It implements fs.FS, fs.ReadFileFS, fs.ReadDirFS, fs.StatFS and
// fs.SubFS.
//
// It reads Git objects and nothing else: there is no work tree, no symbolic link
// is followed and no submodule is entered. Both are listed, as fs.ModeSymlink and
// fs.ModeIrregular, and opening one is an *EntryError. Entries with names that
// could mean something to a file system (see Refused) are not listed at all.
//
// A Tree may be used by any number of goroutines and stays valid as long as the
// mirror keeps the commit, across fetches and maintenance.
type Tree struct {
	store  *store
	commit string
	when   time.Time
	limit  int64
	prefix string // of the root, for messages
	root   entry

	cache *treeCache
}

// treeCache keeps the folders of one commit that were read.
type treeCache struct {
	mu      sync.Mutex
	folders map[string][]entry // by tree hash
}

// Tree returns the files of a commit, fetching it when the mirror does not have
// it.
func (c *Client) Tree(ctx context.Context, r Repo, commit string) (*Tree, error) {
	s, err := c.at(ctx, r, commit)
	if err != nil {
		return nil, failure("fetch", r, err)
	}
	t, err := openTree(s, commit, c.cfg.MaxFile)
	if err != nil {
		return nil, failure("read", r, err)
	}
	root := path.Clean(strings.Trim(r.Path, "/"))
	if root == "." {
		return t, nil
	}
	sub, err := t.sub(root)
	if err != nil {
		return nil, failure("read", r, pathFault(r.Path, commit, err))
	}
	return sub, nil
}

func pathFault(name, commit string, err error) error {
	f := &fault{kind: KindNoPath, text: fmt.Sprintf("commit %s has no folder %q", commit, name), next: "correct the path of the repository"}
	if e, ok := errors.AsType[*EntryError](err); ok {
		f.err = e
	}
	if errors.Is(err, fs.ErrInvalid) {
		f.kind, f.text = KindInvalid, fmt.Sprintf("%q is no folder inside the repository", name)
	}
	return f
}

func openTree(s *store, commit string, limit int64) (*Tree, error) {
	c, err := s.commit(commit)
	if err != nil {
		return nil, err
	}
	return &Tree{
		store: s, commit: commit, when: c.Committer.When.UTC(), limit: limit, prefix: ".",
		root:  entry{name: ".", mode: modeFolder, hash: c.TreeHash.String()},
		cache: &treeCache{folders: map[string][]entry{}},
	}, nil
}

// Commit is the hash of the commit the files are from.
func (t *Tree) Commit() string { return t.commit }

// Hash returns the Git object name of a file or folder. Two equal hashes mean
// equal content, names and modes below a folder included, whatever else changed
// in the repository.
func (t *Tree) Hash(name string) (string, error) {
	e, err := t.find("hash", name)
	if err != nil {
		return "", err
	}
	return e.hash, nil
}

// Sub returns the Tree below a folder. It is a *Tree.
func (t *Tree) Sub(dir string) (fs.FS, error) { return t.sub(dir) }

func (t *Tree) sub(dir string) (*Tree, error) {
	e, err := t.find("sub", dir)
	if err != nil {
		return nil, err
	}
	if !e.folder() {
		if e.mode&modeTypes != modeFile {
			return nil, &fs.PathError{Op: "sub", Path: dir, Err: e.closed(dir)}
		}
		return nil, &fs.PathError{Op: "sub", Path: dir, Err: errNoFolder}
	}
	sub := *t
	sub.root, sub.prefix = e, path.Join(t.prefix, dir)
	sub.root.name = "."
	return &sub, nil
}

var errNoFolder = errors.New("not a folder")

// Stat describes a file, a folder, or a link or submodule itself.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	e, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return t.info(e)
}

// ReadFile returns the content of a file of at most Config.MaxFile bytes.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	data, err := t.content(e, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return data, nil
}

func (t *Tree) content(e entry, name string) ([]byte, error) {
	switch {
	case e.folder():
		return nil, errors.New("is a folder")
	case e.mode&modeTypes != modeFile:
		return nil, e.closed(name)
	}
	data, err := t.store.object(plumbing.BlobObject, e.hash, t.limit)
	if large, ok := errors.AsType[*errTooLarge](err); ok {
		return nil, &EntryError{name, "the file has " + large.Error(), "keep large files out of the repository"}
	}
	return data, err
}

// ReadDir lists a folder by name. Entries that Refused reports are left out.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	list, err := t.list(e, name)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return list, nil
}

func (t *Tree) list(e entry, name string) ([]fs.DirEntry, error) {
	if !e.folder() {
		if e.mode&modeTypes != modeFile {
			return nil, e.closed(name)
		}
		return nil, errNoFolder
	}
	entries, err := t.folder(e.hash)
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, 0, len(entries))
	for _, e := range entries {
		if e.rule == "" {
			out = append(out, &dirEntry{t, e})
		}
	}
	return out, nil
}

// Refused lists the entries of one folder that are left out because of their
// names: "..", ".git" in any disguise, slashes, control characters, invalid
// UTF-8, more than 255 bytes.
func (t *Tree) Refused(dir string) ([]*EntryError, error) {
	e, err := t.find("readdir", dir)
	if err != nil {
		return nil, err
	}
	if !e.folder() {
		return nil, nil
	}
	entries, err := t.folder(e.hash)
	if err != nil {
		return nil, err
	}
	var out []*EntryError
	for _, e := range entries {
		if e.rule != "" {
			out = append(out, refused(dir, e.name, e.rule))
		}
	}
	return out, nil
}

func refused(dir, name, rule string) *EntryError {
	if dir != "." {
		name = dir + "/" + name
	}
	return &EntryError{name, rule, "rename it or remove it"}
}

// Open opens a file or a folder.
func (t *Tree) Open(name string) (fs.File, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	info, err := t.info(e)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if e.folder() {
		list, err := t.list(e, name)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &openFolder{info: info, name: name, list: list}, nil
	}
	data, err := t.content(e, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return newOpenFile(info, data), nil
}

// find walks from the root to name, through folders only.
func (t *Tree) find(op, name string) (entry, error) {
	if !fs.ValidPath(name) {
		return entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	e := t.root
	if name == "." {
		return e, nil
	}
	var walked string
	for part := range strings.SplitSeq(name, "/") {
		if !e.folder() {
			if e.mode&modeTypes != modeFile {
				return entry{}, &fs.PathError{Op: op, Path: name, Err: e.closed(walked)}
			}
			return entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		next, err := t.child(e, part, path.Join(".", walked))
		if err != nil {
			return entry{}, &fs.PathError{Op: op, Path: name, Err: err}
		}
		e, walked = next, path.Join(walked, part)
	}
	return e, nil
}

func (t *Tree) child(parent entry, name, dir string) (entry, error) {
	entries, err := t.folder(parent.hash)
	if err != nil {
		return entry{}, err
	}
	i, ok := slices.BinarySearchFunc(entries, entry{name: name}, byName)
	if !ok {
		return entry{}, fs.ErrNotExist
	}
	if e := entries[i]; e.rule != "" {
		return entry{}, refused(dir, name, e.rule)
	}
	return entries[i], nil
}

// folder reads a tree object once for each Tree.
func (t *Tree) folder(hash string) ([]entry, error) {
	t.cache.mu.Lock()
	entries, ok := t.cache.folders[hash]
	t.cache.mu.Unlock()
	if ok {
		return entries, nil
	}
	data, err := t.store.object(plumbing.TreeObject, hash, maxTree)
	if err != nil {
		return nil, err
	}
	if entries, err = parseTree(data); err != nil {
		return nil, err
	}
	t.cache.mu.Lock()
	t.cache.folders[hash] = entries
	t.cache.mu.Unlock()
	return entries, nil
}

func (t *Tree) info(e entry) (fs.FileInfo, error) {
	info := &fileInfo{name: e.name, mode: e.fileMode(), when: t.when}
	if e.mode&modeTypes == modeFile || e.mode&modeTypes == modeLink {
		size, err := t.store.size(e.hash)
		if err != nil {
			return nil, err
		}
		info.size = size
	}
	return info, nil
}
