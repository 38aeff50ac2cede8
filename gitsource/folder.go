package gitsource

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// Folder is any file system as a tree that was not committed: a work tree, or
// an archive of one. Its hashes are those that Git would give the content, so
// what is unchanged since a commit is known by the same name.
//
// Names that Tree leaves out, .git among them, are left out here too. It may be
// used by any number of goroutines.
type Folder struct {
	files   fs.FS
	ignored gitignore.Matcher // nil when nothing is

	mu     sync.Mutex
	hashes map[string]string
}

// NewFolder returns a Folder of files that do not change while it is used.
func NewFolder(files fs.FS) *Folder {
	return &Folder{files: files, hashes: map[string]string{}}
}

// OpenFolder returns the Folder of a work tree on disk, without what its
// .gitignore files name.
func OpenFolder(dir string) (*Folder, error) {
	patterns, err := gitignore.ReadPatterns(osfs.New(dir), nil)
	if err != nil {
		return nil, fmt.Errorf("read .gitignore below %s: %w", dir, err)
	}
	f := NewFolder(os.DirFS(dir))
	f.ignored = gitignore.NewMatcher(patterns)
	return f, nil
}

// Open opens a file or a folder.
func (f *Folder) Open(name string) (fs.File, error) { return f.files.Open(name) }

// ReadDir lists a folder by name.
func (f *Folder) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := fs.ReadDir(f.files, name)
	return slices.DeleteFunc(list, func(e fs.DirEntry) bool {
		ignored := f.ignored != nil && f.ignored.Match(strings.Split(path.Join(name, e.Name()), "/"), e.IsDir())
		return ignored || hostile(e.Name()) != ""
	}), err
}

// Hash returns the name that Git gives the content of a file or folder.
func (f *Folder) Hash(name string) (string, error) {
	f.mu.Lock()
	known, ok := f.hashes[name]
	f.mu.Unlock()
	if ok {
		return known, nil
	}
	info, err := fs.Stat(f.files, name)
	if err != nil {
		return "", err
	}
	hash, err := f.hash(name, info)
	if err != nil {
		return "", fmt.Errorf("hash %s: %w", name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hashes[name] = hash.String()
	return hash.String(), nil
}

func (f *Folder) hash(name string, info fs.FileInfo) (plumbing.Hash, error) {
	if !info.IsDir() {
		data, err := fs.ReadFile(f.files, name)
		return plumbing.ComputeHash(plumbing.BlobObject, data), err
	}
	list, err := f.ReadDir(name)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	// Git sorts folders as if their names ended in a slash.
	sorted := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int {
		if sorted(a) < sorted(b) {
			return -1
		}
		return 1
	})
	var tree []byte
	for _, e := range list {
		mode, err := gitMode(e)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if mode == "" {
			continue
		}
		below, err := f.Hash(path.Join(name, e.Name()))
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if below == emptyTree { // Git knows no empty folders
			continue
		}
		id, err := hex.DecodeString(below)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		tree = append(append(tree, mode+" "+e.Name()+"\x00"...), id...)
	}
	return plumbing.ComputeHash(plumbing.TreeObject, tree), nil
}

const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// gitMode is how Git writes the mode of an entry; empty for what is neither a
// file nor a folder, which is never read here.
func gitMode(e fs.DirEntry) (string, error) {
	info, err := e.Info()
	switch {
	case err != nil:
		return "", err
	case info.IsDir():
		return "40000", nil
	case !info.Mode().IsRegular():
		return "", nil
	case info.Mode()&0o100 != 0:
		return "100755", nil
	default:
		return "100644", nil
	}
}
