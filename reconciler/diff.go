package reconciler

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// A Diff is how one piece of what is applied differs from what was applied: a
// rendered file, or one of the pieces that pieceOf names.
type Diff struct {
	Path   string     `json:"path"`
	Change DiffChange `json:"change"`
	Text   string     `json:"diff,omitempty"` // unified; empty for what is not text
}

// A DiffChange says what became of a piece.
type DiffChange string

// The changes of a piece.
const (
	Added   DiffChange = "added"
	Removed DiffChange = "removed"
	Changed DiffChange = "changed"
)

// The pieces of what is applied that are no files. Their names hold a space or
// stand in brackets, as files of bundles that engines read do not.
const (
	pieceSpec        = "(spec)"
	pieceCommands    = "(commands)"
	pieceDeprovision = "(commands of deletion)"
	pieceVariables   = "(environment variables)"
	pieceOutputs     = "(outputs)"
	pieceSettings    = "(settings)"
	pieceHealth      = "(health)"
)

// maxDiffed bounds the texts that are compared line by line.
const maxDiffed = 1 << 20

// compare lists what differs between two artifacts, either of which may be nil,
// and the specs they were rendered from.
func compare(before *artifact, beforeSpec string, after *artifact, afterSpec string) []Diff {
	older, newer := before.pieces(beforeSpec), after.pieces(afterSpec)
	names := maps.Clone(older)
	maps.Copy(names, newer)
	out := []Diff{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, had := older[name]
		b, has := newer[name]
		d := Diff{Path: name, Change: Changed}
		switch {
		case had && has && bytes.Equal(a, b):
			continue
		case !had:
			d.Change = Added
		case !has:
			d.Change = Removed
		}
		d.Text = unified(name, a, had, b, has)
		out = append(out, d)
	}
	return out
}

// unified writes the difference as diff -u does.
func unified(name string, a []byte, had bool, b []byte, has bool) string {
	if len(a)+len(b) > maxDiffed || !utf8.Valid(a) || !utf8.Valid(b) || bytes.IndexByte(a, 0) >= 0 || bytes.IndexByte(b, 0) >= 0 {
		return ""
	}
	from, to := "deployed/"+name, "wanted/"+name
	if !had {
		from = "/dev/null"
	}
	if !has {
		to = "/dev/null"
	}
	text := diff.Diff(from, a, to, b)
	_, body, _ := bytes.Cut(text, []byte("\n")) // "diff OLD NEW", which diff -u does not write
	return string(body)
}

// pieces are what of an artifact people compare, by name.
func (a *artifact) pieces(spec string) map[string][]byte {
	out := map[string][]byte{}
	text := func(name, text string) {
		if text = strings.TrimRight(text, "\n"); text != "" {
			out[name] = []byte(text + "\n")
		}
	}
	text(pieceSpec, spec)
	if a == nil {
		return out
	}
	text(pieceCommands, strings.Join(a.Commands, "\n"))
	text(pieceDeprovision, strings.Join(a.Deprovision, "\n"))
	text(pieceVariables, assignments(a.Env))
	text(pieceOutputs, assignments(a.Outputs))
	text(pieceHealth, a.Health.String())
	if a.Timeout > 0 {
		text(pieceSettings, "timeout: "+a.Timeout.String())
	}
	_ = fs.WalkDir(a.files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == "proton-input.json" { // the same as proton-inputs.json
			return err
		}
		data, err := fs.ReadFile(a.files, path)
		if err == nil {
			out[path] = data
		}
		return err
	})
	return out
}

func assignments(m map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s=%s\n", name, m[name])
	}
	return b.String()
}
