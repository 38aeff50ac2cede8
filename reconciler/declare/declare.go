package declare

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// A Tree is the content of one commit below the path of a repository.
type Tree interface {
	fs.FS
	// Hash names the content of a file or folder: equal hashes, equal content.
	Hash(path string) (string, error)
}

// Options bound and steer a Read. The zero value stands for the defaults.
type Options struct {
	MaxInstances int                  // of one service; 20, as AWS Proton had it
	MaxFile      int                  // bytes of a YAML file that declares something; 1 MiB
	Owners       map[state.Ref]string // the path that declares a name so far: a second claim does not move it
}

const (
	defaultInstances = 20
	defaultFile      = 1 << 20
)

func (o Options) withDefaults() Options {
	if o.MaxInstances <= 0 {
		o.MaxInstances = defaultInstances
	}
	if o.MaxFile <= 0 {
		o.MaxFile = defaultFile
	}
	return o
}

// A Declaration is everything that one tree declares.
type Declaration struct {
	Bundles   []Bundle                          // those that may be registered, by folder
	Documents []Document                        // those in force, by path and line: not refused, and the one claim to their name
	Ops       map[string]map[string]OpsInstance // service, instance: what the ops files say
	Files     []File                            // every YAML file, and every folder that was left out, by path
	Others    []string                          // the files whose names do not end in .yaml or .yml
	Problems  renderer.Problems                 // everything found, those of Files included, sorted
}

// Read finds out what a tree declares. known are files of an earlier reading by
// their paths, with the same Options but for Owners: a file whose hash is still
// the same is not read again. known is not changed, and what it holds may be
// shared with the result.
//
// The error is one of the tree or of ctx. What people wrote never fails a Read:
// it is in the Problems, and what is refused leaves everything else as it is.
func Read(ctx context.Context, tree Tree, known map[string]File, o Options) (*Declaration, error) {
	r := &reader{ctx: ctx, tree: tree, known: known, options: o.withDefaults(), out: &Declaration{Files: make([]File, 0, len(known))}}
	if err := r.folder(".", nil); err != nil {
		return nil, err
	}
	d := r.out
	slices.SortFunc(d.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	slices.Sort(d.Others)
	r.settleBundles()
	if err := r.settleDocuments(); err != nil {
		return nil, err
	}
	r.settleOps()
	for i := range d.Files {
		f := &d.Files[i]
		f.settle()
		d.Problems = append(append(d.Problems, f.Problems...), f.Conflicts...)
	}
	d.Problems.Sort()
	return d, nil
}

// reader carries one Read.
type reader struct {
	ctx     context.Context //nolint:containedctx // of the one call that this reader serves
	tree    Tree
	known   map[string]File
	options Options
	out     *Declaration
}

func (r *reader) add(p renderer.Problem) { r.out.Problems = append(r.out.Problems, p) }

// leaveOut records a place that is not read.
func (r *reader) leaveOut(path, reason string) {
	r.out.Files = append(r.out.Files, File{Path: path, Verdict: VerdictIgnored, Reason: reason})
}

// ReadFile reads one file by itself. The error is a renderer.Problems when the
// file declares nothing because of mistakes.
func ReadFile(path string, data []byte) (File, error) {
	f := readFile(path, data, Options{}.withDefaults())
	if len(f.Documents) == 0 && f.Ops == nil {
		return f, f.Problems.Err()
	}
	return f, nil
}

// ReadOne reads one YAML file of a tree, as Read does, without what the other files
// make of it.
func ReadOne(ctx context.Context, tree Tree, name string, o Options) (File, error) {
	r := &reader{ctx: ctx, tree: tree, options: o.withDefaults(), out: &Declaration{}}
	info, err := fs.Stat(tree, name)
	if err != nil {
		return File{}, err
	}
	if err := r.file(name, fs.FileInfoToDirEntry(info)); err != nil {
		return File{}, err
	}
	f := r.out.Files[0]
	f.settle()
	return f, nil
}

// StandsAlone reports whether a file of a tree, were it new there, is read for what it
// declares and for nothing else: nothing leaves it out, and it makes no bundle of a
// folder.
func StandsAlone(ctx context.Context, tree Tree, file string) (bool, error) {
	r := &reader{ctx: ctx, tree: tree, out: &Declaration{}}
	var rules *ignoreRules
	at := "."
	for part := range strings.SplitSeq(file, "/") {
		info, err := fs.Stat(tree, path.Join(at, IgnoreFile))
		if err == nil && info.Mode().IsRegular() {
			rules, err = r.ignoreRules(at, rules)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		at = path.Join(at, part)
		if bundlePart(part) || rules.reason(at, at != file) != "" {
			return false, nil
		}
	}
	return true, nil
}
