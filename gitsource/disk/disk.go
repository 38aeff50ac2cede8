// Package disk opens the folder of a repository for go-git. It knows that others
// write there at the same time; it refuses to know what they write.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
)

// Open returns the folder as a file system whose listings are steady. billy's own
// fails when a file disappears between the listing and the look at it, as git's
// locks and temporary packs do all day, and go-git takes that failure for a
// folder that is not there: for a moment the repository has no packs, or no
// branches.
func Open(dir string) billy.Filesystem { return folder{osfs.New(dir), dir} }

type folder struct {
	billy.Filesystem

	dir string
}

// ReadDir lists what is there and leaves out what has just gone.
func (f folder) ReadDir(path string) ([]os.FileInfo, error) {
	entries, err := os.ReadDir(filepath.Join(f.dir, filepath.Join(string(filepath.Separator), path)))
	if err != nil {
		return nil, err
	}
	infos := make([]os.FileInfo, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}
