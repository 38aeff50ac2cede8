package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"baryon/gitsource"
	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A draft is a template with a spec, without a daemon: what the loop would make
// of them if both were pushed into an empty world.
type draft struct {
	bundle *renderer.Bundle
	dir    string // of the template, as it was named
	files  fs.FS  // of the template

	spec     string // a file; "" for a spec that leaves everything out
	name     string // of the environment or service, for a spec without a header
	given    reconciler.Given
	plain    map[string]string // outputs that were given without saying whose
	instance string
	pipeline bool
	account  string
	region   string

	added int          // lines of the header that was put before the spec
	cut   *declare.Cut // where the spec stands in its file, when its own header was changed
}

// flags are those of every command that takes a spec.
func (d *draft) flags(cmd *cobra.Command, outputs *string) {
	f := cmd.Flags()
	f.StringVar(outputs, "outputs", "", "YAML or JSON file with outputs of what the target needs, as REF: {NAME: VALUE} or {NAME: VALUE}")
	f.StringVar(&d.name, "name", "", "name of the environment, service or component, for a spec without the key baryon (default: the spec's file name)")
	f.StringVar(&d.instance, "instance", "", "the instance of a service (default: the only one)")
	f.BoolVar(&d.pipeline, "pipeline", false, "the pipeline of a service")
	f.StringVar(&d.account, "account", "", "account of the daemon (default 000000000000)")
	f.StringVar(&d.region, "region", "", "region of the daemon (default us-east-1)")
}

// openTemplate opens the template in a folder: a bundle, a folder that holds
// majors of one, of which the highest counts, or the files of a component.
func openTemplate(name string) (*renderer.Bundle, string, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", fmt.Errorf("%s does not exist; name the folder of a template, such as templates/web-env/v1", name)
	case err != nil:
		return nil, "", err
	case !info.IsDir():
		return nil, "", fmt.Errorf("%s is a file; name the folder of a template, such as templates/web-env/v1", name)
	}
	dir := name
	if !isBundle(dir) && !isComponent(dir) {
		if majors := majorsIn(dir); len(majors) > 0 {
			dir = filepath.Join(dir, majors[len(majors)-1])
		}
	}
	shown := strings.TrimPrefix(filepath.ToSlash(filepath.Clean(dir)), "./")
	if shown == "." {
		shown = ""
	}
	if isComponent(dir) {
		b, err := renderer.OpenComponent(os.DirFS(dir), shown, renderer.Options{Commands: true})
		return b, dir, err
	}
	b, err := renderer.Open(os.DirFS(dir), shown, renderer.Options{})
	return b, dir, err
}

// majorsIn lists the folders of majors, the highest last.
func majorsIn(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && majorRule.MatchString(e.Name()) && isBundle(filepath.Join(dir, e.Name())) {
			out = append(out, e.Name())
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return out
}

// isComponent tells a folder that holds the files of a component: a manifest
// and no bundle.
func isComponent(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "manifest.yaml"))
	return err == nil && info.Mode().IsRegular() && !isBundle(dir)
}

// wordRule finds what is no part of a name.
var wordRule = regexp.MustCompile(`[^0-9A-Za-z_-]+`)

// nameFrom makes a name of a file's or folder's.
func nameFrom(file string) string {
	name := strings.TrimLeft(wordRule.ReplaceAllString(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), "-"), "-_")
	return orDefault(name, "sample")
}

// templateName is the name and major that the folders around a bundle give it.
func templateName(dir string) (string, string) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "template", "v1"
	}
	if base := filepath.Base(full); majorRule.MatchString(base) {
		return nameFrom(filepath.Dir(full)), base
	}
	return nameFrom(full), "v1"
}

// outlines gathers what the targets of the spec are rendered from, and lends out
// the Reconciler that renders them as the loop does.
func (d *draft) outlines(ctx context.Context, use func(*reconciler.Reconciler, []reconciler.Outline) error) error {
	docs, tree, err := d.world()
	if err != nil {
		return err
	}
	given := d.given
	if d.plain != nil {
		given = maps.Clone(given)
		if given == nil {
			given = reconciler.Given{}
		}
	}
	for _, doc := range docs {
		d.spread(given, doc)
	}
	cfg := reconciler.PreviewConfig{Repository: offline, Given: given, Settings: reconciler.Settings{
		Account: d.account, Region: d.region,
		Repositories: []reconciler.Repository{{Repo: gitsource.Repo{Name: offline}, Publish: reconciler.PublishAuto}},
	}}
	return reconciler.InFolder(ctx, tree, cfg, func(r *reconciler.Reconciler, found renderer.Problems) error {
		if problems := d.aboutSpec(found, docs); problems.Failed() {
			return problems.Err()
		}
		var out []reconciler.Outline
		for _, doc := range docs {
			refs, err := d.refs(doc)
			if err != nil {
				return err
			}
			for _, ref := range refs {
				o, err := r.Outline(ctx, ref, "", given)
				if err != nil {
					return err
				}
				o.Bundle = d.bundle // the same, with the places of its files as they were named
				out = append(out, o)
			}
		}
		return use(r, out)
	})
}

// spread gives outputs that do not say whose they are to all that the targets
// of a document need.
func (d *draft) spread(given reconciler.Given, doc declare.Document) {
	if d.plain == nil {
		return
	}
	note := func(ref state.Ref) {
		if _, ok := given[ref]; !ok {
			given[ref] = d.plain
		}
	}
	for _, i := range doc.Instances {
		note(state.EnvironmentRef(i.Environment))
		if doc.Ref.Kind == state.KindService && d.pipeline {
			note(state.InstanceRef(doc.Ref.Name, i.Name))
		}
	}
	if e := doc.Header.Environment; e != "" {
		note(state.EnvironmentRef(e))
	}
}

// aboutSpec keeps the findings about the spec, in the lines of its file.
func (d *draft) aboutSpec(found renderer.Problems, docs []declare.Document) renderer.Problems {
	var out renderer.Problems
	for _, p := range found {
		if !slices.ContainsFunc(docs, func(doc declare.Document) bool { return doc.Path == p.File }) {
			continue
		}
		p.File = orDefault(d.spec, "(no spec)")
		p.Line, p.Column = d.place(p.Line, p.Column)
		out = append(out, p)
	}
	return out
}

// place turns a place in the document that was made of the spec into one in the
// spec's own file.
func (d *draft) place(line, column int) (int, int) {
	if line <= d.added {
		return line, column
	}
	at := declare.Position{Line: line - d.added, Column: max(1, column)}
	if d.cut != nil {
		at = d.cut.Locate(at)
	}
	return at.Line, at.Column
}

// refs are the targets of a document that were asked for.
func (d *draft) refs(doc declare.Document) ([]state.Ref, error) {
	if doc.Ref.Kind != state.KindService {
		return []state.Ref{doc.Ref}, nil
	}
	if d.pipeline {
		if !d.bundle.HasPipeline() {
			return nil, fmt.Errorf("the template %s has no pipeline", d.dir)
		}
		if doc.Pipeline == nil {
			return nil, fmt.Errorf("%s has no pipeline; add the key pipeline: {}", orDefault(d.spec, "the spec"))
		}
		return []state.Ref{state.PipelineRef(doc.Ref.Name)}, nil
	}
	var names []string
	for _, i := range doc.Instances {
		names = append(names, i.Name)
	}
	switch {
	case d.instance != "" && !slices.Contains(names, d.instance):
		return nil, fmt.Errorf("%s has no instance %s, only %s", d.spec, d.instance, orDefault(strings.Join(names, ", "), "none"))
	case d.instance != "":
		return []state.Ref{state.InstanceRef(doc.Ref.Name, d.instance)}, nil
	case len(names) == 0:
		return nil, fmt.Errorf("%s has no instances; --pipeline is for the pipeline", orDefault(d.spec, "the spec"))
	case len(names) > 1:
		return nil, &severalInstancesError{d.spec, names}
	}
	return []state.Ref{state.InstanceRef(doc.Ref.Name, names[0])}, nil
}

// severalInstancesError asks which of several instances is meant.
type severalInstancesError struct {
	spec  string
	names []string
}

func (e *severalInstancesError) Error() string {
	return fmt.Sprintf("%s has the instances %s; say which with --instance %s", e.spec, strings.Join(e.names, ", "), e.names[0])
}

// world lays the template and the spec out as a repository, and gives the
// documents of the spec.
func (d *draft) world() ([]declare.Document, *gitsource.Folder, error) {
	file, text, err := d.document()
	if err != nil {
		return nil, nil, err
	}
	read, err := declare.ReadFile(file, text)
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		return nil, nil, d.aboutSpec(problems, []declare.Document{{Path: file}}).Err()
	}
	if err != nil {
		return nil, nil, err
	}
	docs := d.fitting(read.Documents)
	if len(docs) == 0 {
		return nil, nil, fmt.Errorf("%s declares nothing that is made from a template of kind %s", d.spec, d.bundle.Kind)
	}
	all := map[string]renderer.File{file: {Data: text}}
	for _, doc := range docs {
		at := path.Join(doc.Header.Template, d.major(doc))
		if d.bundle.Kind == renderer.ComponentTemplate {
			at = doc.Header.Files
		}
		if err := d.copyTo(all, at); err != nil {
			return nil, nil, err
		}
	}
	return docs, gitsource.NewFolder(renderer.NewFiles(all)), nil
}

// major is the folder of the major that a document asks for.
func (d *draft) major(doc declare.Document) string {
	major, _, _ := strings.Cut(string(doc.Header.Version), ".")
	return "v" + major
}

// copyTo adds the files of the template to a tree.
func (d *draft) copyTo(all map[string]renderer.File, at string) error {
	return fs.WalkDir(d.files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if top, _, _ := strings.Cut(name, "/"); d.bundle.Kind != renderer.ComponentTemplate && !renderer.Counts(top) {
			return nil
		}
		data, err := fs.ReadFile(d.files, name)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		all[path.Join(at, name)] = renderer.File{Data: data, Exec: info.Mode()&0o111 != 0}
		return nil
	})
}

// fitting are the documents of the template's kind; of several templates, those
// that name this one.
func (d *draft) fitting(docs []declare.Document) []declare.Document {
	want := map[renderer.TemplateKind]state.Kind{
		renderer.EnvironmentTemplate: state.KindEnvironment, renderer.ServiceTemplate: state.KindService, renderer.ComponentTemplate: state.KindComponent,
	}[d.bundle.Kind]
	name, _ := templateName(d.dir)
	var kind, same []declare.Document
	for _, doc := range docs {
		if doc.Ref.Kind == want {
			kind = append(kind, doc)
			if doc.Header.Template == name {
				same = append(same, doc)
			}
		}
	}
	if len(same) > 0 {
		return same
	}
	return kind
}
