package terraform

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// withFiles is a file system with some more files in its root.
func withFiles(base fs.FS, more map[string][]byte) fs.FS { return overlay{base, more} }

type overlay struct {
	base fs.FS
	more map[string][]byte
}

func (o overlay) Open(name string) (fs.File, error) {
	if data, ok := o.more[name]; ok {
		return &memFile{info: memInfo{name, int64(len(data))}, Reader: bytes.NewReader(data)}, nil
	}
	if o.base == nil && name == "." {
		return &memFile{info: memInfo{".", -1}, Reader: bytes.NewReader(nil)}, nil
	}
	if o.base == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return o.base.Open(name)
}

func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	var list []fs.DirEntry
	if o.base != nil {
		var err error
		if list, err = fs.ReadDir(o.base, name); err != nil {
			return nil, err
		}
	}
	if name != "." {
		return list, nil
	}
	list = slices.DeleteFunc(slices.Clone(list), func(e fs.DirEntry) bool { _, ours := o.more[e.Name()]; return ours })
	for name, data := range o.more {
		list = append(list, fs.FileInfoToDirEntry(memInfo{name, int64(len(data))}))
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

type memFile struct {
	info memInfo
	*bytes.Reader
}

func (f *memFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memFile) Close() error               { return nil }

var _ io.Reader = &memFile{}

// memInfo describes a file in memory, or the root where the size is negative.
type memInfo struct {
	name string
	size int64
}

func (i memInfo) Name() string       { return path.Base(i.name) }
func (i memInfo) Size() int64        { return max(i.size, 0) }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.size < 0 }
func (i memInfo) Sys() any           { return nil }
func (i memInfo) Mode() fs.FileMode {
	if i.IsDir() {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
