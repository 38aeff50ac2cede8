package declare

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"baryon/gitsource"
	"baryon/renderer"
)

// IgnoreFile is the name of the files that say what declares nothing.
const IgnoreFile = ".baryonignore"

// folder reads one folder and all below it. rules are those of the folders above.
func (r *reader) folder(dir string, rules *ignoreRules) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(r.tree, dir)
	if err != nil {
		return fmt.Errorf("folder %s: %w", dir, err)
	}
	for _, e := range entries {
		if e.Name() == IgnoreFile && e.Type().IsRegular() {
			if rules, err = r.ignoreRules(dir, rules); err != nil {
				return err
			}
		}
	}
	if found, err := r.bundle(dir, entries); err != nil || found {
		return err
	}
	if _, err := r.unnamed(dir, func(p string) bool {
		return rules.reason(p, false) != "" || path.Ext(p) != "" && !YAMLName(p)
	}); err != nil {
		return err
	}
	for _, e := range entries {
		if err := r.entry(path.Join(dir, e.Name()), e, rules); err != nil {
			return err
		}
	}
	return nil
}

// A refuser is a Tree that leaves out entries because of their names.
type refuser interface {
	Refused(dir string) ([]*gitsource.EntryError, error)
}

// unnamed lists what the tree leaves out of a folder because of its name. What
// may declare something is a problem, since the names that it declares would
// be missed, and their absence would be taken for a deletion.
func (r *reader) unnamed(dir string, harmless func(path string) bool) (int, error) {
	tree, ok := r.tree.(refuser)
	if !ok {
		return 0, nil
	}
	entries, err := tree.Refused(dir)
	if err != nil {
		return 0, fmt.Errorf("folder %s: %w", dir, err)
	}
	for _, e := range entries {
		shown := e.Shown()
		if harmless(e.Path) {
			r.leaveOut(shown, e.Rule)
			continue
		}
		r.out.Files = append(r.out.Files, File{
			Path: shown, Unread: true,
			Problems: renderer.Problems{{File: shown, Rule: e.Rule, Next: e.Next}},
		})
	}
	return len(entries), nil
}

// unnamedBelow is unnamed for a bundle, of which nothing may be missing.
func (r *reader) unnamedBelow(dir string) (int, error) {
	found, err := r.unnamed(dir, func(string) bool { return false })
	if err != nil {
		return 0, err
	}
	entries, err := fs.ReadDir(r.tree, dir)
	if err != nil {
		return 0, fmt.Errorf("folder %s: %w", dir, err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		n, err := r.unnamedBelow(path.Join(dir, e.Name()))
		if err != nil {
			return 0, err
		}
		found += n
	}
	return found, nil
}

func (r *reader) entry(p string, e fs.DirEntry, rules *ignoreRules) error {
	isYAML := YAMLName(e.Name())
	switch reason := rules.reason(p, e.IsDir()); {
	case reason != "" && e.IsDir():
		r.leaveOut(p+"/", reason)
	case e.IsDir():
		return r.folder(p, rules)
	case !e.Type().IsRegular():
		r.leaveOut(p, "a symbolic link or submodule is not followed")
	case !isYAML:
		r.out.Others = append(r.out.Others, p)
	case reason != "":
		r.leaveOut(p, reason)
	default:
		return r.file(p, e)
	}
	return nil
}

// inside lists the YAML files that lie in a bundle beside its own parts, where
// somebody may have thought to declare something.
func (r *reader) inside(bundle, dir string, entries []fs.DirEntry) error {
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch {
		case dir == bundle && bundlePart(e.Name()):
		case e.IsDir():
			below, err := fs.ReadDir(r.tree, p)
			if err != nil {
				return fmt.Errorf("folder %s: %w", p, err)
			}
			if err := r.inside(bundle, p, below); err != nil {
				return err
			}
		case YAMLName(e.Name()) && e.Name() != ".template-registration.yaml":
			r.leaveOut(p, "inside the bundle "+bundle)
		}
	}
	return nil
}

// YAMLName tells that a file of this name may declare something.
func YAMLName(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}

// file reads one YAML file, or takes over what is known of it.
func (r *reader) file(p string, e fs.DirEntry) error {
	hash, err := r.tree.Hash(p)
	if err != nil {
		return fmt.Errorf("file %s: %w", p, err)
	}
	if f, ok := r.known[p]; ok && hash != "" && f.Hash == hash && f.Rules == Rules {
		f.Conflicts, f.Held = nil, nil
		r.out.Files = append(r.out.Files, f)
		return nil
	}
	info, err := e.Info()
	if err != nil {
		return fmt.Errorf("file %s: %w", p, err)
	}
	var f File
	if info.Size() > int64(r.options.MaxFile) {
		f, err = r.tooLarge(p, info.Size())
	} else {
		var data []byte
		if data, err = fs.ReadFile(r.tree, p); err == nil {
			f = readFile(p, data, r.options)
		}
	}
	if err != nil {
		return fmt.Errorf("file %s: %w", p, err)
	}
	f.Path, f.Hash, f.Rules = p, hash, Rules
	r.out.Files = append(r.out.Files, f)
	return nil
}
