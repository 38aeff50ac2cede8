// Package archive reads and writes bundles as AWS Proton took them: tar archives
// compressed with gzip. It knows what such an archive may hold and how large it
// may become; it refuses to know what the files mean.
//
// Nothing is ever written to a disk: the files of an archive are an fs.FS in
// memory, bounded before it is filled.
package archive

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of an archive: that of AWS Proton, and of what comes out of it.
const (
	MaxSize  = 10 << 20 // bytes as sent
	maxBytes = 32 << 20 // bytes of all files together
	maxFiles = 10000
	maxName  = 1000
)

// An Error says why an archive is refused. Whoever made it has to make another.
type Error struct{ Why string }

func (e *Error) Error() string { return e.Why }

func refuse(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Open reads an archive. A folder that holds everything, such as v1/, is left
// out of the names: the root of what comes back holds schema/ and the parts. The
// error is an *Error when the archive is refused.
func Open(data []byte) (fs.FS, error) {
	if len(data) > MaxSize {
		return nil, refuse("the archive has %d bytes; at most %d are taken", len(data), MaxSize)
	}
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, refuse("the archive is not compressed with gzip (%v); make it with: tar -czf bundle.tar.gz -C FOLDER .", err)
	}
	r := &reader{tar: tar.NewReader(packed), kinds: map[string]bool{}}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for {
		more, err := r.next(z)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	files, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		return nil, err
	}
	return root(files)
}

// reader carries one Open.
type reader struct {
	tar   *tar.Reader
	kinds map[string]bool // names so far; true for folders
	files int
	bytes int64
}

// next takes one entry over; false at the end.
func (r *reader) next(z *zip.Writer) (bool, error) {
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, refuse("the archive cannot be read after %d files: %v", r.files, err)
	}
	name, err := cleanName(h.Name)
	if err != nil {
		return false, err
	}
	switch {
	case h.Typeflag == tar.TypeXGlobalHeader, name == ".":
		return true, nil
	case strings.HasPrefix(path.Base(name), "._"): // macOS keeps attributes of files so
		return true, nil
	case h.Typeflag == tar.TypeDir:
		return true, r.folder(name)
	case h.Typeflag == tar.TypeSymlink, h.Typeflag == tar.TypeLink:
		return false, refuse("%q in the archive is a link to %q; a bundle holds files and folders alone", name, h.Linkname)
	case h.Typeflag != tar.TypeReg:
		return false, refuse("%q in the archive is no file (type %q); a bundle holds files and folders alone", name, h.Typeflag)
	}
	return true, r.file(z, name, h)
}

// cleanName is the name of an entry, which must stay inside of the archive.
func cleanName(text string) (string, error) {
	name := path.Clean(strings.TrimPrefix(text, "./"))
	switch {
	case !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\\"):
		return "", refuse("the name %q in the archive is not allowed: UTF-8 without backslashes is", text)
	case len(text) > maxName:
		return "", refuse("a name in the archive has %d bytes; at most %d are taken", len(text), maxName)
	case path.IsAbs(text) || name == ".." || strings.HasPrefix(name, "../") || slices.Contains(strings.Split(text, "/"), ".."):
		return "", refuse("the name %q leaves the archive; names are relative and have no ..", text)
	}
	return name, nil
}

// folder notes a folder and those above it.
func (r *reader) folder(name string) error {
	for ; name != "."; name = path.Dir(name) {
		if isFolder, known := r.kinds[name]; known {
			if !isFolder {
				return refuse("%q in the archive is a file and a folder", name)
			}
			return nil
		}
		if r.kinds[name] = true; len(r.kinds) > maxFiles {
			return refuse("the archive holds more than %d files and folders", maxFiles)
		}
	}
	return nil
}

func (r *reader) file(z *zip.Writer, name string, h *tar.Header) error {
	if _, known := r.kinds[name]; known {
		return refuse("%q is in the archive twice", name)
	}
	if err := r.folder(path.Dir(name)); err != nil {
		return err
	}
	if r.kinds[name] = false; len(r.kinds) > maxFiles {
		return refuse("the archive holds more than %d files and folders", maxFiles)
	}
	r.files++
	left := maxBytes - r.bytes
	if h.Size > left {
		return refuse("the files in the archive have more than %d bytes together", maxBytes)
	}
	header := &zip.FileHeader{Name: name, Method: zip.Store}
	header.SetMode(fs.FileMode(h.Mode) & fs.ModePerm)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r.tar, left+1))
	if r.bytes += n; r.bytes > maxBytes {
		return refuse("the files in the archive have more than %d bytes together", maxBytes)
	}
	if err != nil {
		return refuse("%q in the archive cannot be read: %v", name, err)
	}
	return nil
}

// root goes down into folders that hold nothing but another one.
func root(files fs.FS) (fs.FS, error) {
	for {
		entries, err := fs.ReadDir(files, ".")
		if err != nil {
			return nil, err
		}
		switch {
		case len(entries) == 0:
			return nil, refuse("the archive is empty")
		case len(entries) > 1 || !entries[0].IsDir() || entries[0].Name() == "schema":
			return files, nil
		}
		if files, err = fs.Sub(files, entries[0].Name()); err != nil {
			return nil, err
		}
	}
}

// Pack makes an archive of files, the same for the same files and modes. What is
// neither file nor folder is an *Error.
func Pack(files fs.FS) ([]byte, error) {
	var buf bytes.Buffer
	packed := gzip.NewWriter(&buf)
	t := tar.NewWriter(packed)
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case e.IsDir() && e.Name() == ".git":
			return fs.SkipDir
		case e.IsDir():
			return nil
		case !e.Type().IsRegular():
			return refuse("%s is neither a file nor a folder; a bundle holds those alone", name)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		mode := int64(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = t.Write(data)
		return err
	})
	if err == nil {
		err = errors.Join(t.Close(), packed.Close())
	}
	return buf.Bytes(), err
}
