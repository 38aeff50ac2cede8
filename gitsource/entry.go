package gitsource

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// entry is one line of a Git tree.
type entry struct {
	name string
	mode entryMode
	hash string
	rule string // what its name breaks; such an entry is not handed out
}

// entryMode is the kind of a tree entry, as Git writes it.
type entryMode uint32

const (
	modeFile    entryMode = 0o100000
	modeLink    entryMode = 0o120000
	modeModule  entryMode = 0o160000
	modeFolder  entryMode = 0o040000
	modeTypes   entryMode = 0o170000
	modeExecute entryMode = 0o111
)

// mode is how an entry appears in an fs.FS. Nothing is writable.
func (e entry) fileMode() fs.FileMode {
	switch e.mode & modeTypes {
	case modeFolder:
		return fs.ModeDir | 0o555
	case modeFile:
		if e.mode&modeExecute != 0 {
			return 0o555
		}
		return 0o444
	case modeLink:
		return fs.ModeSymlink | 0o444
	}
	return fs.ModeIrregular | 0o444
}

func (e entry) folder() bool { return e.mode&modeTypes == modeFolder }

// EntryError is a tree entry that exists and is not handed out.
type EntryError struct {
	Path string // from the root of the Tree; see Shown
	Rule string // what a repository may not hold
	Next string // what the author can do about it
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("%s: %s; %s", e.Shown(), e.Rule, e.Next)
}

// Shown is the path for people: in quotes when it is not printable.
func (e *EntryError) Shown() string { return quoted(e.Path) }

func quoted(path string) string {
	if utf8.ValidString(path) && !strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return path
	}
	return strconv.Quote(path)
}

const maxTree = 64 << 20

// parseTree reads the raw form of a tree: mode, space, name, NUL, hash. The
// entries come back sorted by name; of several with one name only the first is
// handed out.
func parseTree(data []byte) ([]entry, error) {
	var entries []entry
	for len(data) > 0 {
		mode, rest, ok := bytes.Cut(data, []byte{' '})
		name, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok || !ok2 || len(rest) < 20 {
			return nil, &fault{kind: KindCorrupt, text: "a tree object is cut short"}
		}
		m, err := strconv.ParseUint(string(mode), 8, 32)
		if err != nil {
			return nil, &fault{kind: KindCorrupt, text: fmt.Sprintf("a tree entry has mode %q", printable(string(mode)))}
		}
		var h plumbing.Hash
		copy(h[:], rest)
		entries = append(entries, entry{name: string(name), mode: entryMode(m), hash: h.String(), rule: hostile(string(name))})
		data = rest[20:]
	}
	slices.SortStableFunc(entries, byName)
	for i := 1; i < len(entries); i++ {
		if entries[i].name == entries[i-1].name && entries[i].rule == "" {
			entries[i].rule = "a folder may not hold two entries of one name"
		}
	}
	return entries, nil
}

func byName(a, b entry) int { return strings.Compare(a.name, b.name) }

// hostile names the rule that an entry's name breaks, or "". Git refuses to write
// most of these into a work tree; we have none, but whoever copies the files out
// does.
func hostile(name string) string {
	switch {
	case name == "" || name == "." || name == "..":
		return "an entry may not be called " + strconv.Quote(name)
	case strings.ContainsAny(name, "/\\\x00"):
		return "the name of an entry may not hold a slash, a backslash or a NUL"
	case len(name) > 255:
		return "the name of an entry may not be longer than 255 bytes"
	case !utf8.ValidString(name):
		return "the name of an entry must be valid UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "the name of an entry may not hold a control character"
	case isDotGit(name):
		return "an entry may not be called .git, nor what a file system could take for it"
	}
	return ""
}

// isDotGit recognises ".git" and its disguises: any case, trailing dots and
// spaces, streams and short names of Windows, characters that macOS ignores.
func isDotGit(name string) bool {
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRight(name, ". ")
	return name == ".git" || name == "git~1"
}

// closed tells why an entry that is neither a file nor a folder cannot be opened.
func (e entry) closed(path string) error {
	switch e.mode & modeTypes {
	case modeLink:
		return &EntryError{path, "symbolic links are not followed", "commit the file itself instead of a link to it"}
	case modeModule:
		return &EntryError{path, "submodules are not entered", "commit the files themselves, or configure the other repository too"}
	}
	return &EntryError{path, fmt.Sprintf("mode %o is neither a file nor a folder", e.mode), "commit it as a regular file"}
}
