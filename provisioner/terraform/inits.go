package terraform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// initsDir, in the engine's folder, holds what init came to, so that the next
// job for which it comes to the same does without. Init depends on the providers
// and modules that the code asks for, the lock file of providers, the program and
// its settings; what it leaves behind are links to providers and a note of the
// backend. Providers are held to their checksums by plan and apply, whoever made
// the links, and where a state wants more of them than the code, plan says so.
const initsDir = "inits"

// mostInits is how many are kept.
const mostInits = 256

// dataDir is what the program makes in its folder.
const dataDir = ".terraform"

// backendNote, in dataDir, is where the program notes what backend it was set up for.
const backendNote = "terraform.tfstate"

const initLeftOut = "Init is left out: what it comes to is known for these providers and this program."

// A keptInit is what init came to.
type keptInit struct {
	Backend   json.RawMessage   `json:"backend"`   // backendNote
	Providers map[string]string `json:"providers"` // links in dataDir, and where to
}

// initOf names what init would do in a folder. The place of a state that is a
// file of this machine is left out: it is all that differs between the stacks of
// one bundle.
func (t *tool) initOf() (string, error) {
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	sum, asked := sha256.New(), map[string]bool{}
	fmt.Fprintf(sum, "%q\n", t.cfg.Program)
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		base := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && base == dataDir:
			return fs.SkipDir
		case !entry.Type().IsRegular(), base == backendFile && t.cfg.LocalState, !isCode(base) && !strings.HasSuffix(base, ".json") && base != lockFile, base == valuesFile:
			return nil
		}
		text, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		text = ownText(text)
		if isCode(base) && asks(text, name, asked) {
			return nil
		}
		fmt.Fprintf(sum, "%q %d\n%s\n", name, len(text), text)
		return nil
	})
	for _, what := range slices.Sorted(maps.Keys(asked)) {
		fmt.Fprintf(sum, "asks %q\n", what)
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}

// asks collects what init reads of a file of code: settings of the program, and
// all that makes it want a provider. It reports whether that is all there is to
// know of it, which it is not of code that calls modules.
func asks(text []byte, name string, asked map[string]bool) bool {
	body, diagnostics := Parse(text, name)
	return !diagnostics.HasErrors() && asksIn(body, text, asked)
}

func asksIn(body *hclsyntax.Body, text []byte, asked map[string]bool) bool {
	written := func(r hcl.Range) string { return string(text[r.Start.Byte:r.End.Byte]) }
	for _, b := range body.Blocks {
		switch b.Type {
		case "module":
			return false
		case "variable", "locals", "output", "moved":
		case "resource", "data", "ephemeral", "action", "list", "provider":
			of, which := "provider", ""
			if b.Type == "provider" {
				of = "version"
			}
			if attribute := b.Body.Attributes[of]; attribute != nil {
				which = written(attribute.Expr.Range())
			}
			asked[b.Type+" "+strings.Join(b.Labels[:min(1, len(b.Labels))], "")+" "+which] = true
		case "check":
			if !asksIn(b.Body, text, asked) {
				return false
			}
		default: // terraform, import, removed, and what is not known yet
			asked[written(b.Range())] = true
		}
	}
	return true
}

// initialise does what init would, where it is known what that comes to, and
// reports whether it is.
func (t *tool) initialise() (bool, error) {
	id, err := t.initOf()
	if err != nil {
		return false, err
	}
	name := filepath.Join(t.cfg.Inits, id+".json")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	var kept keptInit
	if err != nil || json.Unmarshal(text, &kept) != nil {
		return false, err // one that was not written whole is written again
	}
	for _, to := range kept.Providers {
		if _, err := os.Stat(to); err != nil {
			return false, nil // somebody removed it: init brings it back
		}
	}
	if t.cfg.LocalState {
		if kept.Backend, err = moved(kept.Backend, filepath.Join(t.cfg.Stack, stateFile)); err != nil {
			return false, err
		}
	}
	now := time.Now()
	if err := os.Chtimes(name, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	t.reused = name
	return true, t.restore(kept)
}

// moved is a backend's note for another state file.
func moved(note json.RawMessage, state string) (json.RawMessage, error) {
	var whole map[string]any
	if err := json.Unmarshal(note, &whole); err != nil {
		return nil, err
	}
	backend, _ := whole["backend"].(map[string]any)
	config, _ := backend["config"].(map[string]any)
	if config == nil {
		return nil, errors.New("the note of a local backend has no config")
	}
	config["path"] = state
	return json.Marshal(whole)
}

func (t *tool) restore(kept keptInit) error {
	for link, to := range kept.Providers {
		link = filepath.Join(t.dir, dataDir, filepath.FromSlash(link))
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(to, link); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(t.dir, dataDir), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(t.dir, dataDir, backendNote), kept.Backend, 0o600)
}

// keepInit keeps what init came to. What holds downloaded modules is not kept:
// only init finds out whether they are still what their address means.
func (t *tool) keepInit() error {
	kept, err := t.readInit()
	if kept == nil {
		return err
	}
	id, err := t.initOf() // with the lock file that init left
	if err != nil {
		return err
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.cfg.Inits, 0o700); err != nil {
		return err
	}
	draft := filepath.Join(t.cfg.Inits, id+"."+filepath.Base(filepath.Dir(t.dir))+".draft")
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(draft, filepath.Join(t.cfg.Inits, id+".json")); err != nil {
		return err
	}
	return thin(t.cfg.Inits, mostInits)
}

// readInit reads what init left behind; nil where that is more than can be kept.
func (t *tool) readInit() (*keptInit, error) {
	root, err := os.OpenRoot(filepath.Join(t.dir, dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	kept, whole := keptInit{Providers: map[string]string{}}, true
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
		case name == backendNote:
			kept.Backend, err = root.ReadFile(name)
		case entry.Type()&fs.ModeSymlink != 0 && strings.HasPrefix(name, "providers/"):
			kept.Providers[name], err = root.Readlink(name)
		default:
			whole = false
		}
		return err
	})
	if err != nil || !whole || !json.Valid(kept.Backend) {
		return nil, err
	}
	return &kept, nil
}

// thin removes the files of a folder that were not used for longest.
func thin(dir string, most int) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= most {
		return err
	}
	used := map[string]time.Time{}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			used[entry.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return used[a.Name()].Compare(used[b.Name()]) })
	for _, entry := range entries[:len(entries)-most] {
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// wantsInit is what the program says when it finds that init has work to do.
var wantsInit = regexp.MustCompile(`(?i)\b(terraform|tofu) init\b|plugins are not installed|inconsistent dependency lock file|module not installed|initialization required`)

// doubt takes an error for what it may be where init was left out: it is
// forgotten what it came to, and the job is tried again, with init.
func (t *tool) doubt(said string) {
	if t.reused == "" || t.step == stepApply || !wantsInit.MatchString(said) {
		return
	}
	if err := os.Remove(t.reused); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.brief, t.reused = true, ""
	}
}
