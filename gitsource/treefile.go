package gitsource

import (
	"bytes"
	"io"
	"io/fs"
	"time"
)

// fileInfo describes an entry; its time is the commit's.
type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
	when time.Time
}

func (i *fileInfo) Name() string       { return i.name }
func (i *fileInfo) Size() int64        { return i.size }
func (i *fileInfo) Mode() fs.FileMode  { return i.mode }
func (i *fileInfo) ModTime() time.Time { return i.when }
func (i *fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i *fileInfo) Sys() any           { return nil }
func (i *fileInfo) String() string     { return fs.FormatFileInfo(i) }

// dirEntry is an entry in a listing; its size is looked up only when asked for.
type dirEntry struct {
	tree *Tree
	e    entry
}

func (d *dirEntry) Name() string               { return d.e.name }
func (d *dirEntry) IsDir() bool                { return d.e.folder() }
func (d *dirEntry) Type() fs.FileMode          { return d.e.fileMode().Type() }
func (d *dirEntry) Info() (fs.FileInfo, error) { return d.tree.info(d.e) }
func (d *dirEntry) String() string             { return fs.FormatDirEntry(d) }

// openFile is a file that was read as a whole.
type openFile struct {
	bytes.Reader
	info fs.FileInfo
}

func newOpenFile(info fs.FileInfo, data []byte) *openFile {
	f := &openFile{info: info}
	f.Reset(data)
	return f
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

// openFolder is a folder that is being listed.
type openFolder struct {
	info fs.FileInfo
	name string
	list []fs.DirEntry
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFolder) Close() error               { return nil }

func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.name, Err: fs.ErrInvalid}
}

func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		list := f.list
		f.list = nil
		return list, nil
	}
	if len(f.list) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.list))
	list := f.list[:n]
	f.list = f.list[n:]
	return list, nil
}
