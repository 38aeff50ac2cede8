package reconciler

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/reconciler/yamledit"
	"baryon/renderer"
	"baryon/state"
)

// An Amendment is what a call of the API changes about a document that a
// repository declares, to be written into that repository. It is plain data.
type Amendment struct {
	// Ref is an environment, instance, pipeline or component; or a service, for
	// what concerns all of its document.
	Ref   state.Ref   `json:"ref"`
	Actor state.Actor `json:"actor"`
	Call  string      `json:"call"`            // the operation, for people
	Token string      `json:"token,omitempty"` // by which the caller knows it
	// Spec is a whole document, of which only what it says of Ref counts, and of a
	// service what it says of Instances. Nil leaves the spec as it is; of a
	// component, an empty one takes it away.
	Spec *string `json:"spec,omitempty"`
	// Instances are those of a service that are to be as Spec has them, or to go
	// where it does not have them.
	Instances []string `json:"instances,omitempty"`
	// Version is the one that the call leads to, nil where it stays. It is written
	// only where what the document says does not come to it already.
	Version *state.Version    `json:"version,omitempty"`
	Header  map[string]string `json:"header,omitempty"` // other keys of the header and their values; empty ones are taken away
	// Repository is where pull requests go from now on; nil for where they go now.
	Repository *state.Repository `json:"repository,omitempty"`
	Template   *string           `json:"template,omitempty"` // the file of a component beside its manifest
	Gone       bool              `json:"gone,omitempty"`     // the whole document is taken out
}

// document is what declares Ref.
func (a Amendment) document() state.Ref {
	if a.Ref.Service != "" {
		return state.ServiceRef(a.Ref.Service)
	}
	return a.Ref
}

// amending makes an Amendment in the files of a commit.
type amending struct {
	Amendment

	r    *Reconciler
	repo Repository
	path string
	tree declare.Tree

	// What comes of it: the files that change, none where everything is said
	// already, and the document as it is then.
	files []gitsource.Replacement
	doc   declare.Document
}

// make finds out what changes, and checks the result as if it had been pushed.
func (m *amending) make(ctx context.Context) (renderer.Problems, error) {
	m.files = nil
	data, err := fs.ReadFile(m.tree, m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, m.inexact(m.path + " is no longer on the branch")
	}
	if err != nil {
		return nil, err
	}
	if m.doc, err = m.find(data); err != nil {
		return nil, err
	}
	if m.Gone {
		return nil, m.remove(data)
	}
	edits, problems, err := m.edits(ctx)
	if err != nil || problems.Failed() {
		return problems, err
	}
	after, err := yamledit.Apply(m.path, data, m.doc.Line, edits...)
	if err != nil {
		return nil, m.inexact(err.Error())
	}
	if m.doc, err = m.find(after); err != nil {
		return nil, err
	}
	m.put(m.path, string(data), string(after))
	if m.Template != nil {
		if err := m.template(*m.Template); err != nil {
			return nil, err
		}
	}
	return m.check(ctx)
}

// place finds the file that declares what is amended.
func (m *amending) place(ctx context.Context) error {
	owner, exists, err := m.r.owner(ctx, m.document())
	if err == nil && !exists {
		err = m.inexact(m.document().String() + " is not declared any more")
	}
	m.path = owner.Path
	return err
}

// put notes the new content of a file, if it is new.
func (m *amending) put(name, before, after string) {
	if before != after {
		m.files = append(m.files, gitsource.Replacement{Path: name, Data: []byte(after)})
	}
}

// check holds the document as it becomes against everything that holds for one
// that is pushed.
func (m *amending) check(ctx context.Context) (renderer.Problems, error) {
	s := &takeover{
		r: m.r, repo: m.repo, tree: overlay{m.tree, m.files}, decl: &declare.Declaration{Documents: []declare.Document{m.doc}},
		before: map[string]bool{}, environments: environmentsAmong([]declare.Document{m.doc}),
	}
	doc, problems, err := s.objections(ctx, m.doc)
	m.doc = doc
	return problems, err
}

// inexact refuses a change that Git has to be given by hand.
func (m *amending) inexact(why string) error {
	return &state.ConflictError{What: m.Ref.String(), Why: "cannot be written back: " + why, Next: "change it in Git, in " + path.Join(m.repo.Path, m.path)}
}

// find is the document in its file.
func (m *amending) find(data []byte) (declare.Document, error) {
	file, err := declare.ReadFile(m.path, data)
	if err != nil {
		return declare.Document{}, m.inexact(err.Error())
	}
	named := slices.DeleteFunc(slices.Clone(file.Documents), func(d declare.Document) bool { return d.Ref != m.document() })
	switch {
	case len(named) == 1:
		return named[0], nil
	case len(named) > 1:
		return declare.Document{}, m.inexact(m.path + " declares " + m.document().String() + " twice")
	}
	if file.Problems.Failed() {
		return declare.Document{}, m.inexact(file.Problems.Error())
	}
	return declare.Document{}, m.inexact("no document of " + m.path + " declares " + m.document().String() + " any more")
}

// remove takes the document out of its file, or the file with it.
func (m *amending) remove(data []byte) error {
	left, err := yamledit.Remove(m.path, data, m.doc.Line)
	if err != nil {
		return m.inexact(err.Error())
	}
	m.files = []gitsource.Replacement{{Path: m.path, Data: left, Gone: left == nil}}
	return nil
}

// template writes the file of a component that its manifest names.
func (m *amending) template(text string) error {
	dir := m.doc.Header.Files
	manifest, err := fs.ReadFile(m.tree, path.Join(dir, componentManifest))
	if err != nil {
		return m.inexact(err.Error())
	}
	parsed, problems := renderer.ParseManifest(path.Join(dir, componentManifest), manifest, renderer.Limits{})
	if problems.Failed() {
		return m.inexact(problems.Error())
	}
	if parsed.Template == "" {
		return m.inexact("its manifest names no template file")
	}
	name := path.Join(dir, parsed.Template)
	before, err := fs.ReadFile(m.tree, name)
	if err != nil {
		return m.inexact(err.Error())
	}
	m.put(name, string(before), text)
	return nil
}

// componentManifest is the file of a component that names the other one.
const componentManifest = "manifest.yaml"

// edits are what the amendment comes to in the document.
func (m *amending) edits(ctx context.Context) ([]yamledit.Edit, renderer.Problems, error) {
	var edits []yamledit.Edit
	if m.Version != nil {
		edit, err := m.version(ctx)
		if err != nil {
			return nil, nil, err
		}
		edits = append(edits, edit...)
	}
	for _, key := range []string{"description", "role", "codebuildRole", "componentRole", "environment", "service", "instance"} {
		if value, given := m.Header[key]; given {
			edit := yamledit.Edit{Path: header(key), Value: yamledit.Text(value)}
			if value == "" {
				edit.Value = nil
			}
			edits = append(edits, edit)
		}
	}
	if m.Repository != nil {
		edits = append(edits, yamledit.Edit{Path: header("repository", "name"), Value: yamledit.Text(m.Repository.ID)},
			yamledit.Edit{Path: header("repository", "branch"), Value: yamledit.Text(m.Repository.Branch)})
	}
	if m.Spec == nil {
		return edits, nil, nil
	}
	of, problems, err := m.spec()
	return append(edits, of...), problems, err
}

// header is the path to a key of the header.
func header(keys ...string) []yamledit.Step {
	steps := []yamledit.Step{{Key: "baryon"}}
	for _, key := range keys {
		steps = append(steps, yamledit.Step{Key: key})
	}
	return steps
}

// version writes the version of an environment, or pins an instance to it, unless
// what the document says comes to that version.
func (m *amending) version(ctx context.Context) ([]yamledit.Edit, error) {
	follow, at := m.doc.Header.Version, header("version")
	if m.Ref.Kind == state.KindInstance {
		if pin, ok := m.doc.Header.Pins[m.Ref.Name]; ok {
			follow = pin
		}
		at = header("pins", m.Ref.Name)
	}
	meant, _, err := m.r.version(ctx, state.Target{Ref: m.Ref, Desired: state.Desired{Template: m.doc.Header.Template, Follow: follow}})
	if err != nil || meant == *m.Version {
		return nil, err
	}
	if m.Ref.Kind == state.KindPipeline {
		return nil, m.inexact("the version of a pipeline is that of its service, which counts for instances too")
	}
	return []yamledit.Edit{{Path: at, Value: yamledit.Text(m.Version.String())}}, nil
}

// spec writes what a whole document says of the target.
func (m *amending) spec() ([]yamledit.Edit, renderer.Problems, error) {
	if m.Ref.Kind == state.KindComponent && *m.Spec == "" {
		return members(nil, "proton", "pipeline", "instances"), nil, nil
	}
	text, problems := KeepCurrent("spec", *m.Spec, m.doc.Spec)
	if problems.Failed() {
		return nil, problems, nil
	}
	of := m.doc.Header
	if m.Ref.Kind == state.KindComponent {
		if of.Instance = orElse(m.Header["instance"], of.Instance); of.Instance == "" {
			return nil, nil, m.inexact("a component that is not attached has no spec")
		}
	}
	if _, problems := declare.FromSpec(m.doc.Ref, of, text); problems.Failed() {
		return nil, problems, nil
	}
	var file yaml.Node
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return nil, nil, m.inexact(err.Error())
	}
	root := file.Content[0]
	switch m.Ref.Kind {
	case state.KindInstance:
		item := instanceNamed(root, m.Ref.Name)
		if item == nil {
			problems = renderer.Problems{{File: "spec", Line: 1, Column: 1, Rule: "the spec has no instance named " + m.Ref.Name}}
		}
		return []yamledit.Edit{{Path: instanceAt(m.Ref.Name), Value: item}}, problems, nil
	case state.KindService:
		return m.instances(root), nil, nil
	case state.KindPipeline:
		return members(root, "pipeline"), nil, nil
	case state.KindComponent:
		return members(root, "proton", "pipeline", "instances"), nil, nil
	default:
		return members(root, "spec"), nil, nil
	}
}

// instances writes those that the amendment is about. What goes takes what the
// header says of it along.
func (m *amending) instances(root *yaml.Node) []yamledit.Edit {
	var edits []yamledit.Edit
	var gone []string
	for _, name := range m.Instances {
		item := instanceNamed(root, name)
		if item == nil {
			gone = append(gone, name)
		}
		edits = append(edits, yamledit.Edit{Path: instanceAt(name), Value: item})
	}
	left := func(key string, names []string) {
		kept := len(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(gone, n) }))
		if kept == 0 && len(names) > 0 {
			edits = append(edits, yamledit.Edit{Path: header(key)})
			return
		}
		for _, name := range gone {
			edits = append(edits, yamledit.Edit{Path: header(key, name)})
		}
	}
	left("pins", keysOf(m.doc.Header.Pins))
	left("stacks", keysOf(m.doc.Header.Stacks))
	return edits
}

func keysOf[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

func instanceAt(name string) []yamledit.Step {
	return []yamledit.Step{{Key: "instances"}, {Item: name}}
}

// members are the edits that give a document the members of another one.
func members(root *yaml.Node, keys ...string) []yamledit.Edit {
	var edits []yamledit.Edit
	for _, key := range keys {
		edits = append(edits, yamledit.Edit{Path: []yamledit.Step{{Key: key}}, Value: child(root, key)})
	}
	return edits
}

func child(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func instanceNamed(root *yaml.Node, name string) *yaml.Node {
	if list := child(root, "instances"); list != nil {
		for _, item := range list.Content {
			if n := child(item, "name"); n != nil && n.Value == name {
				return item
			}
		}
	}
	return nil
}

// overlay is a tree in which some files are others.
type overlay struct {
	declare.Tree

	files []gitsource.Replacement
}

// Open opens a file as it becomes.
func (o overlay) Open(name string) (fs.File, error) {
	for _, f := range o.files {
		if f.Path == name && f.Gone {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		if f.Path == name {
			return renderer.NewFiles(map[string]renderer.File{name: {Data: f.Data}}).Open(name)
		}
	}
	return o.Tree.Open(name)
}
