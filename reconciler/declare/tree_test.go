package declare_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"baryon/reconciler/declare"
	"baryon/renderer"
)

// tree is a Tree in memory.
type tree struct {
	*renderer.Files

	reads map[string]int // how often each file was opened
}

func newTree(files map[string]string) *tree {
	all := make(map[string]renderer.File, len(files))
	for name, text := range files {
		all[name] = renderer.File{Data: []byte(text)}
	}
	return &tree{Files: renderer.NewFiles(all), reads: map[string]int{}}
}

func (t *tree) ReadFile(name string) ([]byte, error) {
	t.reads[name]++
	return t.Files.ReadFile(name)
}

func (t *tree) Hash(name string) (string, error) {
	if f, ok := t.Get(name); ok {
		sum := sha256.Sum256(f.Data)
		return hex.EncodeToString(sum[:]), nil
	}
	h := sha256.New()
	err := fs.WalkDir(t.Files, name, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		f, _ := t.Get(p)
		fmt.Fprintf(h, "%s %d\n%s", p, len(f.Data), f.Data)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

func fromArchive(a *txtar.Archive) map[string]string {
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return files
}

// kept sends the files of a reading through JSON, as a caller that stores them does.
func kept(t testing.TB, d *declare.Declaration) map[string]declare.File {
	t.Helper()
	known := make(map[string]declare.File, len(d.Files))
	for _, f := range d.Files {
		data, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back declare.File
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		known[f.Path] = back
	}
	return known
}
