package renderer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// TemplateKind says what a bundle is a template of.
type TemplateKind string

// The kinds of bundle. A component has no schema and no directory layout: it is
// one manifest and one file, see OpenComponent.
const (
	EnvironmentTemplate TemplateKind = "environment"
	ServiceTemplate     TemplateKind = "service"
	ComponentTemplate   TemplateKind = "component"
)

// Part is one of the things a bundle renders to. Its text is the word AWS
// Proton puts into generated file names.
type Part string

// The parts of bundles.
const (
	PartEnvironment Part = "environment"
	PartInstance    Part = "service_instance"
	PartPipeline    Part = "pipeline"
	PartComponent   Part = "component"
)

// dirs are the directories of the parts, in the order in which they are read.
var dirs = []struct {
	part Part
	dir  string
	kind TemplateKind
}{
	{PartEnvironment, "infrastructure", EnvironmentTemplate},
	{PartInstance, "instance_infrastructure", ServiceTemplate},
	{PartPipeline, "pipeline_infrastructure", ServiceTemplate},
}

// Management says who provides what a template's main optional part would: the
// infrastructure of an environment, the pipeline of a service.
type Management string

// How a template is managed. With ManagementDetected the layout decides.
const (
	ManagementDetected Management = ""
	ManagementOurs     Management = "managed"
	ManagementCustomer Management = "customer"
)

// Options say what the caller knows about a bundle before it is read.
type Options struct {
	Kind       TemplateKind // "" to detect it
	Management Management
	Commands   bool // a component may run commands, which Proton's never did
	Quotas     Quotas
}

// Quotas bound a bundle; a zero field stands for AWS Proton's default.
type Quotas struct {
	Bundle         int // bytes of all files that are read; 10 MiB
	Manifest       int // bytes; 2 MB
	Schema         int // bytes; 2 MB
	Template       int // bytes of one template file; 2 MB
	CodeBuildFiles int // files of a bundle that runs commands; 500
}

func (q Quotas) withDefaults() Quotas {
	for _, f := range []struct {
		field *int
		value int
	}{{&q.Bundle, 10 << 20}, {&q.Manifest, 2 << 20}, {&q.Schema, 2 << 20}, {&q.Template, 2 << 20}, {&q.CodeBuildFiles, 500}} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return q
}

// A Bundle is a template that passed every check of registration. It holds the
// content of its files, never changes, and may be used concurrently.
type Bundle struct {
	Dir             string // where it was found, the prefix of file names in problems
	Kind            TemplateKind
	CustomerManaged bool    // environment: nothing is rendered, the spec's values are the outputs
	Schema          *Schema // nil for components
	Parts           map[Part]*Manifest
	Compatible      []Compatible // service: what .template-registration.yaml or .compatible-envs say; may be empty
	Sources         []string     // service: supported component sources
	Digest          string       // sha256, in hex, over path, mode and content of every file that counts
	Warnings        Problems

	files  map[string]File // by path below Dir
	health map[Part]healthPart
}

// HasPipeline reports whether a service template brings a pipeline.
func (b *Bundle) HasPipeline() bool { return b.Parts[PartPipeline] != nil }

// File returns the content of a file that counts, by its path in the bundle.
func (b *Bundle) File(name string) (File, bool) {
	f, ok := b.files[name]
	return f, ok
}

// Open reads and checks the bundle at the root of files. dir is where that root
// lies in the repository; it only makes problems readable. The error, if any,
// is a Problems with everything found; warnings of a good bundle are in
// Bundle.Warnings. Errors of the file system itself are returned as they are.
func Open(files fs.FS, dir string, o Options) (*Bundle, error) {
	r := &reader{fsys: files, dir: dir, quotas: o.Quotas.withDefaults(), options: o,
		bundle: &Bundle{Dir: dir, Parts: map[Part]*Manifest{}, files: map[string]File{}}}
	if err := r.read(); err != nil {
		return nil, err
	}
	if err := r.problems.Err(); err != nil {
		return nil, err
	}
	r.problems.Sort()
	r.bundle.Warnings = r.problems
	r.bundle.Digest = digest(r.bundle.files)
	return r.bundle, nil
}

// OpenComponent reads and checks the files of a component: a manifest and, beside
// it, the one file that it names. dir is where they lie, as for Open. Proton's
// components never run commands; those of a manifest with rendering_engine
// codebuild are refused unless the options say that they may.
func OpenComponent(files fs.FS, dir string, o Options) (*Bundle, error) {
	r := &reader{fsys: files, dir: dir, quotas: o.Quotas.withDefaults(), options: o,
		bundle: &Bundle{Dir: dir, Kind: ComponentTemplate, Parts: map[Part]*Manifest{}, files: map[string]File{}}}
	if err := r.part(PartComponent, "."); err != nil {
		return nil, err
	}
	if m := r.bundle.Parts[PartComponent]; m != nil {
		switch {
		case m.Engine == EngineCodeBuild && !o.Commands:
			r.add(m.at.Problem("this component may not run commands", "rendering_engine codebuild", "jinja or hcl", ""))
		case m.Template == "*":
			r.add(m.at.Problem("the manifest of a component names one file", quote("*"), "its name", ""))
		}
	}
	if err := r.problems.Err(); err != nil {
		return nil, err
	}
	r.problems.Sort()
	r.bundle.Warnings = r.problems
	r.bundle.Digest = digest(r.bundle.files)
	return r.bundle, nil
}

// digest hashes path, executable bit and content of every file, sorted by path
// and each preceded by its length, so that no two bundles share a stream.
func digest(files map[string]File) string {
	h := sha256.New()
	f := NewFiles(files)
	for _, name := range f.Names() {
		file := files[name]
		var head []byte
		head = binary.AppendUvarint(head, uint64(len(name)))
		head = append(head, name...)
		if file.Exec {
			head = append(head, 1)
		} else {
			head = append(head, 0)
		}
		head = binary.AppendUvarint(head, uint64(len(file.Data)))
		h.Write(head)
		h.Write(file.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// reader collects a bundle and every problem on the way.
type reader struct {
	fsys     fs.FS
	dir      string
	options  Options
	quotas   Quotas
	bundle   *Bundle
	problems Problems
	bytes    int
}

func (r *reader) add(p Problem) { r.problems = append(r.problems, p) }

func (r *reader) name(p string) string { return path.Join(r.dir, p) }

func (r *reader) tooLarge(name string, size, limit int) {
	r.add(Problem{File: r.name(name), Rule: "the file is larger than the quota", Got: sizeText(size), Want: "at most " + sizeText(limit)})
}

func (r *reader) read() error {
	entries, err := fs.ReadDir(r.fsys, ".")
	if err != nil {
		return fmt.Errorf("bundle %s: %w", r.dir, err)
	}
	has := map[string]bool{}
	for _, e := range entries {
		has[e.Name()] = e.IsDir()
		if Counts(e.Name()) {
			r.plain(e.Name(), e)
		}
	}
	if r.problems.Failed() {
		return nil // what is refused is not opened
	}
	if err := r.schema(has); err != nil {
		return err
	}
	r.detect(has)
	if r.problems.Failed() && r.bundle.Kind == "" {
		return nil
	}
	for _, d := range dirs {
		if d.kind == r.bundle.Kind && has[d.dir] {
			if err := r.part(d.part, d.dir); err != nil {
				return err
			}
		}
	}
	if r.bundle.Kind == ServiceTemplate {
		if err := r.registration(); err != nil {
			return err
		}
	}
	r.crossCheck(has)
	return r.health()
}

// Counts tells whether an entry of a bundle's root is part of it; READMEs,
// specs, tests and examples beside it are not.
func Counts(name string) bool {
	return name == "schema" || name == registrationFile || name == legacyFile || name == HealthFile ||
		name == "infrastructure" || name == "instance_infrastructure" || name == "pipeline_infrastructure"
}

// plain reports an entry that is neither a directory nor an ordinary file.
func (r *reader) plain(name string, e fs.DirEntry) bool {
	switch {
	case e.Type()&fs.ModeSymlink != 0 || e.Type()&fs.ModeIrregular != 0:
		r.add(Problem{File: r.name(name), Rule: "a bundle may not hold symbolic links or submodules", Got: linkText(e), Want: "ordinary files and directories",
			Next: "replace it by a copy of what it points to"})
		return false
	case !e.IsDir() && !e.Type().IsRegular():
		r.add(Problem{File: r.name(name), Rule: "a bundle may hold ordinary files and directories only", Got: e.Type().String()})
		return false
	}
	return true
}

func linkText(e fs.DirEntry) string {
	if e.Type()&fs.ModeSymlink != 0 {
		return "a symbolic link"
	}
	return "an entry that is no ordinary file"
}

// load reads one file that counts. It returns nil when there is none or when it
// is refused; only errors of the file system are errors.
func (r *reader) load(name string, limit int) (*File, error) {
	info, err := fs.Stat(r.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", r.dir, err)
	}
	if info.IsDir() {
		r.add(Problem{File: r.name(name), Rule: "this must be a file", Got: "a directory"})
		return nil, nil
	}
	if info.Size() > int64(limit) {
		r.tooLarge(name, int(info.Size()), limit)
		return nil, nil
	}
	if r.bytes += int(info.Size()); r.bytes > r.quotas.Bundle {
		if r.bytes-int(info.Size()) <= r.quotas.Bundle {
			r.add(Problem{File: r.name(name), Rule: "the bundle is larger than the quota", Want: "at most " + sizeText(r.quotas.Bundle),
				Next: "keep build output and downloads out of the bundle"})
		}
		return nil, nil
	}
	data, err := fs.ReadFile(r.fsys, name)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", r.dir, err)
	}
	f := File{Data: data, Exec: info.Mode()&0o111 != 0}
	r.bundle.files[name] = f
	return &f, nil
}

// junk tells the entries that operating systems and editors leave behind.
func junk(name string) bool {
	return name == ".DS_Store" || name == "__MACOSX" || name == "Thumbs.db" || name == "desktop.ini" || strings.HasPrefix(name, "._")
}

// registration reads what stands beside a service bundle; the YAML file wins
// over the older form.
func (r *reader) registration() error {
	f, err := r.load(registrationFile, r.quotas.Manifest)
	if err != nil {
		return err
	}
	if f != nil {
		got, problems := parseRegistration(r.name(registrationFile), f.Data, Limits{Size: r.quotas.Manifest})
		r.problems = append(r.problems, problems...)
		r.bundle.Compatible, r.bundle.Sources = got.compatible, got.sources
		return nil
	}
	if f, err = r.load(legacyFile, r.quotas.Manifest); err != nil || f == nil {
		return err
	}
	got, problems := parseLegacy(r.name(legacyFile), f.Data)
	r.problems = append(r.problems, problems...)
	r.bundle.Compatible = got.compatible
	return nil
}

func (r *reader) manifest(name string, data []byte) *Manifest {
	if len(data) > r.quotas.Manifest {
		r.tooLarge(name, len(data), r.quotas.Manifest)
		return nil
	}
	m, problems := ParseManifest(r.name(name), data, Limits{Size: r.quotas.Manifest})
	r.problems = append(r.problems, problems...)
	return m
}

// part reads the manifest of one part and the files it takes.
func (r *reader) part(p Part, dir string) error {
	name := path.Join(dir, "manifest.yaml")
	f, names, err := r.lookup(name, r.quotas.Manifest)
	if err != nil {
		return err
	}
	if f == nil {
		if names != nil {
			r.add(Problem{File: r.name(name), Rule: "the file is missing", Want: "a manifest.yaml in " + dir + "/", Next: didYouMean("manifest.yaml", names)})
		}
		return nil
	}
	m := r.manifest(name, f.Data)
	if m == nil {
		return nil
	}
	r.bundle.Parts[p] = m
	switch m.Engine {
	case EngineCloudFormation:
		return r.single(dir, m)
	case EngineTerraform:
		if m.Template != "*" {
			return r.single(dir, m)
		}
		return r.terraform(dir, m)
	case EngineCodeBuild:
		return r.everything(dir)
	}
	return nil
}
