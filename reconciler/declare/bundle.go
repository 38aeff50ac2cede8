package declare

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// A Bundle is a folder TEMPLATE/vMAJOR that holds one template bundle. What is
// in it is for the renderer to judge.
type Bundle struct {
	Dir      string     `json:"dir"`
	Template string     `json:"template"`
	Major    int64      `json:"major"`
	Hash     string     `json:"hash"` // of the folder
	Kind     state.Kind `json:"kind"` // KindEnvironment or KindService, by its folders
}

// Version is the major with a v, as the folder is named.
func (b Bundle) version() string { return "v" + strconv.FormatInt(b.Major, 10) }

var (
	majorFolder   = regexp.MustCompile(`^v[1-9][0-9]{0,17}$`)
	versionFolder = regexp.MustCompile(`^[vV]?[0-9]+(\.[0-9]+)*$`)
)

// parts are the folders whose manifests make a bundle.
var parts = []string{"infrastructure", "instance_infrastructure", "pipeline_infrastructure"}

func bundlePart(name string) bool {
	return name == "schema" || name == parts[0] || name == parts[1] || name == parts[2]
}

// bundle reports whether a folder is a template bundle, which is not looked
// into any further, and records it. Its sign is schema/schema.yaml, or the
// manifest of a part beside a schema folder.
func (r *reader) bundle(dir string, entries []fs.DirEntry) (bool, error) {
	has := map[string]fs.DirEntry{}
	for _, e := range entries {
		if bundlePart(e.Name()) {
			has[e.Name()] = e
		}
	}
	if len(has) == 0 {
		return false, nil
	}
	schema, err := r.holds(dir, has["schema"], "schema.yaml")
	if err != nil {
		return false, err
	}
	manifest := false
	for _, part := range parts {
		found, err := r.holds(dir, has[part], componentManifest)
		if err != nil {
			return false, err
		}
		manifest = manifest || found
	}
	name := path.Base(dir)
	switch {
	case !schema && !(manifest && (has["schema"] != nil || has["instance_infrastructure"] != nil)):
		return false, nil
	case !versionFolder.MatchString(name):
		if schema && manifest {
			r.add(renderer.Problem{File: dir, Rule: "this looks like a template bundle and is left out", Got: "the folder " + strconv.Quote(name),
				Want: "TEMPLATE/vMAJOR", Next: "move it to " + path.Join(dir, "v1"), Warning: true})
		}
		return false, nil
	}
	if missing, err := r.unnamedBelow(dir); err != nil || missing > 0 {
		return true, err // what is missing is listed by itself
	}
	if err := r.record(dir, name, has); err != nil {
		return true, err
	}
	return true, r.inside(dir, dir, entries)
}

// holds reports whether a folder of a bundle has an entry of the given name. A
// symbolic link in place of the folder may have it; opening the bundle tells
// what is wrong.
func (r *reader) holds(dir string, folder fs.DirEntry, name string) (bool, error) {
	if folder == nil || folder.Type().IsRegular() {
		return false, nil
	}
	if !folder.IsDir() {
		return true, nil
	}
	p := path.Join(dir, folder.Name())
	entries, err := fs.ReadDir(r.tree, p)
	if err != nil {
		return false, fmt.Errorf("folder %s: %w", p, err)
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name }), nil
}

// record adds a bundle, or says why its folder makes none.
func (r *reader) record(dir, name string, has map[string]fs.DirEntry) error {
	template := path.Base(path.Dir(dir))
	switch {
	case !majorFolder.MatchString(name):
		r.add(renderer.Problem{File: dir, Rule: "the folder of a bundle is named after its major version", Got: strconv.Quote(name),
			Want: "v1, v2 and so on", Next: majorHint(name)})
		return nil
	case path.Dir(dir) == ".":
		r.add(renderer.Problem{File: dir, Rule: "the bundle has no template name", Want: "TEMPLATE/" + name,
			Next: "move it into a folder named after the template, or set the path of the repository one folder higher"})
		return nil
	case !namePattern.MatchString(template):
		r.add(renderer.Problem{File: dir, Rule: "the folder above a bundle gives its template name, which has a form that is not allowed",
			Got: strconv.Quote(template), Want: nameForm, Next: "rename the folder"})
		return nil
	}
	hash, err := r.tree.Hash(dir)
	if err != nil {
		return fmt.Errorf("folder %s: %w", dir, err)
	}
	major, err := strconv.ParseInt(name[1:], 10, 64)
	if err != nil {
		return fmt.Errorf("folder %s: %w", dir, err)
	}
	kind := state.KindEnvironment
	if has["instance_infrastructure"] != nil || has["pipeline_infrastructure"] != nil {
		kind = state.KindService
	}
	r.out.Bundles = append(r.out.Bundles, Bundle{Dir: dir, Template: template, Major: major, Hash: hash, Kind: kind})
	return nil
}

// majorHint suggests a name for a folder such as v01, V1 or v1.0.
func majorHint(name string) string {
	major, _, _ := strings.Cut(strings.TrimLeft(name, "vV0"), ".")
	if major == "" {
		return "majors begin with v1"
	}
	return "rename it to v" + major
}

// settleBundles refuses bundles that claim one major of one template: nobody
// could say which of them it is.
func (r *reader) settleBundles() {
	type key struct {
		kind     state.Kind
		template string
		major    int64
	}
	first := map[key][]int{}
	for i, b := range r.out.Bundles {
		k := key{b.Kind, b.Template, b.Major}
		first[k] = append(first[k], i)
	}
	kept := r.out.Bundles[:0:0]
	for _, b := range r.out.Bundles {
		same := first[key{b.Kind, b.Template, b.Major}]
		if len(same) == 1 {
			kept = append(kept, b)
			continue
		}
		other := r.out.Bundles[same[0]]
		if other.Dir == b.Dir {
			other = r.out.Bundles[same[1]]
		}
		r.add(renderer.Problem{File: b.Dir, Rule: fmt.Sprintf("the template %s has its %s twice", b.Template, b.version()),
			Got: "another at " + other.Dir, Next: "remove one of the two, or list it in " + IgnoreFile})
	}
	r.out.Bundles = kept
}
