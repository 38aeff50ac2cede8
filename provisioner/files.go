package provisioner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A refusedFileError names a file of a job that no work folder may hold.
type refusedFileError struct{ name, got string }

func (e *refusedFileError) Error() string {
	return fmt.Sprintf("%q: %s; only regular files and folders with plain names can be provisioned, remove it", e.name, e.got)
}

// copyFiles writes files below dir. Nothing is written outside, whatever the
// names are: the root refuses to leave itself.
func copyFiles(dir string, files fs.FS) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if local, err := filepath.Localize(name); err != nil || local != name || name != "." && strings.ContainsAny(entry.Name(), "/\\\x00") {
			return &refusedFileError{name, "the name is not a plain path"}
		}
		switch {
		case name == ".":
			return nil
		case entry.IsDir():
			return root.Mkdir(name, 0o755)
		case !entry.Type().IsRegular():
			return &refusedFileError{name, "it is a " + kindOf(entry.Type())}
		}
		return copyFile(root, name, files)
	})
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeDevice != 0:
		return "device"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "special file"
}

func copyFile(root *os.Root, name string, files fs.FS) error {
	from, err := files.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	to, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// writeFile makes the file name durable in one step: after a crash it is there
// with all of data, or as it was before. An exclusive write gives fs.ErrExist
// when the file is there already.
func writeFile(name string, data []byte, exclusive bool) error {
	dir := filepath.Dir(name)
	draft, err := os.CreateTemp(dir, ".draft-")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(data)
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if exclusive {
		err = os.Link(draft.Name(), name)
	} else {
		err = os.Rename(draft.Name(), name)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func writeJSON(name string, v any, exclusive bool) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(name, append(text, '\n'), exclusive)
}

func readJSON(name string, v any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// removeTree removes everything below and at name.
func removeTree(name string) error {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer root.Close()
	return removeIn(root, filepath.Base(name))
}

// removeIn removes everything below and at name, also folders that were made
// read-only, as module caches are.
func removeIn(root *os.Root, name string) error {
	err := root.RemoveAll(name)
	if err == nil || !errors.Is(err, syscall.EACCES) {
		return err
	}
	_ = fs.WalkDir(root.FS(), name, func(path string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() {
			_ = root.Chmod(path, 0o700)
		}
		return nil // what still cannot be removed is reported below
	})
	return root.RemoveAll(name)
}
