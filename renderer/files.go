package renderer

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// A File is the content of one file and whether it may be executed.
type File struct {
	Data []byte
	Exec bool
}

// Files is a read-only file system in memory: the files of a bundle, or what a
// rendering made. It is safe for concurrent use. ReadFile returns a copy.
type Files struct {
	files map[string]File
	dirs  map[string][]fs.DirEntry
}

// NewFiles makes a file system of the given files. The names are slash-separated
// paths as fs.ValidPath has them; the map is copied, the contents are not.
func NewFiles(files map[string]File) *Files {
	f := &Files{files: maps.Clone(files), dirs: map[string][]fs.DirEntry{".": nil}}
	if f.files == nil {
		f.files = map[string]File{}
	}
	for _, name := range f.Names() {
		f.dirs[path.Dir(name)] = append(f.dirs[path.Dir(name)], fileInfo{name: path.Base(name), file: f.files[name]})
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := f.dirs[dir]; !ok {
				f.dirs[dir] = nil
			}
			parent, entry := path.Dir(dir), fileInfo{name: path.Base(dir), dir: true}
			if !slices.ContainsFunc(f.dirs[parent], func(e fs.DirEntry) bool { return e.Name() == entry.name }) {
				f.dirs[parent] = append(f.dirs[parent], entry)
			}
		}
	}
	for _, entries := range f.dirs {
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return f
}

// Names lists the paths of all files, sorted.
func (f *Files) Names() []string { return slices.Sorted(maps.Keys(f.files)) }

// Get returns one file; its content must not be changed.
func (f *Files) Get(name string) (File, bool) {
	file, ok := f.files[name]
	return file, ok
}

// Open opens a file or directory.
func (f *Files) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if file, ok := f.files[name]; ok {
		return &openFile{Reader: bytes.NewReader(file.Data), info: fileInfo{name: path.Base(name), file: file}}, nil
	}
	if entries, ok := f.dirs[name]; ok {
		return &openDir{info: fileInfo{name: path.Base(name), dir: true}, path: name, entries: entries}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadFile returns the content of a file.
func (f *Files) ReadFile(name string) ([]byte, error) {
	if file, ok := f.files[name]; ok {
		return slices.Clone(file.Data), nil
	}
	err := fs.ErrNotExist
	if _, ok := f.dirs[name]; ok {
		err = fs.ErrInvalid
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: err}
}

// ReadDir lists a directory, sorted by name.
func (f *Files) ReadDir(name string) ([]fs.DirEntry, error) {
	if entries, ok := f.dirs[name]; ok {
		return slices.Clone(entries), nil
	}
	return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
}

// Stat describes a file or directory.
func (f *Files) Stat(name string) (fs.FileInfo, error) {
	if file, ok := f.files[name]; ok {
		return fileInfo{name: path.Base(name), file: file}, nil
	}
	if _, ok := f.dirs[name]; ok {
		return fileInfo{name: path.Base(name), dir: true}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

type fileInfo struct {
	name string
	file File
	dir  bool
}

func (i fileInfo) Name() string               { return i.name }
func (i fileInfo) Size() int64                { return int64(len(i.file.Data)) }
func (i fileInfo) ModTime() time.Time         { return time.Time{} }
func (i fileInfo) IsDir() bool                { return i.dir }
func (i fileInfo) Sys() any                   { return nil }
func (i fileInfo) Type() fs.FileMode          { return i.Mode().Type() }
func (i fileInfo) Info() (fs.FileInfo, error) { return i, nil }

func (i fileInfo) Mode() fs.FileMode {
	switch {
	case i.dir:
		return fs.ModeDir | 0o755
	case i.file.Exec:
		return 0o755
	}
	return 0o644
}

type openFile struct {
	*bytes.Reader
	info fileInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info    fileInfo
	path    string
	entries []fs.DirEntry
	next    int
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: fs.ErrInvalid}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := d.entries[d.next:]
	switch {
	case n <= 0:
		d.next = len(d.entries)
		return slices.Clone(rest), nil
	case len(rest) == 0:
		return nil, io.EOF
	}
	rest = rest[:min(n, len(rest))]
	d.next += len(rest)
	return slices.Clone(rest), nil
}
