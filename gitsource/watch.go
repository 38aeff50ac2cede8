package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Events come in bursts: a push writes objects, a lock and a ref. Watch waits for
// a moment of silence, but never longer than maxSettle.
const (
	settle    = 50 * time.Millisecond
	maxSettle = time.Second
)

// Watch calls wake soon after something changed at one of the paths, until ctx
// ends; it returns nil then. A path is a local repository, bare or not, whose refs
// are watched; or a file, which may be written in place, replaced by a rename, or
// be a link that is turned around. wake carries nothing, is never called twice at
// a time, and may be called for nothing: events are a hint beside polling, which
// also covers what a watch cannot see. For a repository it is called once when the
// watch has begun, as a push from before is no event.
//
// The error is about beginning: a path that does not exist, or too few watches.
func Watch(ctx context.Context, paths []string, wake func()) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer notify.Close()
	w := &watch{notify: notify, files: map[string]fileState{}}
	for _, path := range paths {
		if err := w.add(path); err != nil {
			return fmt.Errorf("watch %s: %w", path, err)
		}
	}
	w.run(ctx, wake)
	return nil
}

type watch struct {
	notify *fsnotify.Watcher
	roots  []string             // Git directories: HEAD and packed-refs count
	refs   []string             // refs folders: everything below counts
	files  map[string]fileState // watched files, as last seen
}

// fileState tells one content of a file from another without reading it.
type fileState struct {
	size int64
	when time.Time
	id   any
}

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info.Size(), info.ModTime(), fileID(info)}
}

func (w *watch) add(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return w.addRepository(path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// A file is watched through its folder: an editor that replaces it would take
	// the watch away with the old one. The folder of what it links to counts too.
	w.files[path] = stateOf(path)
	if err := w.notify.Add(filepath.Dir(path)); err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil && filepath.Dir(real) != filepath.Dir(path) {
		return w.notify.Add(filepath.Dir(real))
	}
	return nil
}

func (w *watch) addRepository(path string) error {
	dir, common, err := gitDir(path)
	if err != nil {
		return err
	}
	w.roots = append(w.roots, dir, common)
	w.refs = append(w.refs, filepath.Join(common, "refs"))
	for _, d := range []string{dir, common} {
		if err := w.notify.Add(d); err != nil {
			return err
		}
	}
	return w.addFolders(filepath.Join(common, "refs"))
}

// addFolders watches a folder of refs and all below it.
func (w *watch) addFolders(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // gone again already
		case err != nil:
			return err
		case d.IsDir():
			if err := w.notify.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}

// run gathers events until ctx ends.
func (w *watch) run(ctx context.Context, wake func()) {
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	var since time.Time // of the first event not told yet
	hint := func() {
		now := time.Now()
		if since.IsZero() {
			since = now
		}
		quiet.Reset(min(settle, max(0, maxSettle-now.Sub(since))))
	}
	if len(w.roots) > 0 {
		hint()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case event, ok := <-w.notify.Events:
			if !ok {
				return
			}
			if w.concerns(event) {
				hint()
			}
		case _, ok := <-w.notify.Errors:
			if !ok {
				return
			}
			hint() // events were lost: anything may have changed
		case <-quiet.C:
			since = time.Time{}
			wake()
		}
	}
}

// concerns tells whether an event is about something we watch.
func (w *watch) concerns(event fsnotify.Event) bool {
	changed := false
	for file, before := range w.files {
		if now := stateOf(file); now != before {
			w.files[file], changed = now, true
		}
	}
	if event.Op == fsnotify.Chmod || strings.HasSuffix(event.Name, ".lock") {
		return changed
	}
	if _, ok := w.files[event.Name]; ok {
		return true
	}
	dir, base := filepath.Split(event.Name)
	for _, root := range w.roots {
		if filepath.Clean(dir) == root && (base == "HEAD" || base == "packed-refs") {
			return true
		}
	}
	for _, refs := range w.refs {
		if event.Name == refs || strings.HasPrefix(event.Name, refs+string(filepath.Separator)) {
			if event.Has(fsnotify.Create) {
				// A branch "a/b" brings a folder with it. One that cannot be watched
				// is left to polling.
				_ = w.addFolders(event.Name)
			}
			return true
		}
	}
	return changed
}
