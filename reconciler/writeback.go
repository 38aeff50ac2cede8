package reconciler

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"regexp"

	"go.yaml.in/yaml/v3"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/reconciler/yamledit"
	"baryon/renderer"
	"baryon/state"
)

// A Writer adds commits to repositories.
type Writer interface {
	Push(ctx context.Context, repo gitsource.Repo, change gitsource.Change) (commit string, err error)
}

// An Amendment is what a call of the API changes about one environment, instance
// or pipeline that a repository declares, to be written into that repository.
type Amendment struct {
	Ref   state.Ref
	Actor state.Actor
	Call  string // the operation, for the message of the commit
	// Spec is a whole document, of which only what it says of Ref counts; nil
	// leaves the spec as it is.
	Spec *string
	// Version is the one that the call leads to, nil where it stays. It is written
	// only where what the document says does not come to it already.
	Version *state.Version
	Header  map[string]string // other keys of the header and their values; empty ones are taken away
	// Repository is where pull requests go from now on; nil for where they go now.
	Repository *state.Repository
	Check      func(*state.Tx) error // before anything is written, and again with the result
	Also       func(*state.Tx) error // in the transaction that takes the commit over
}

// WritesBack reports whether changes of what a repository declares become commits
// to it.
func (r *Reconciler) WritesBack(ctx context.Context, repository string) (bool, error) {
	repo, configured, err := r.repository(ctx, repository)
	return configured && repo.OwnerConflict == ConflictWriteBack, err
}

// WriteBack commits an Amendment to the branch that is followed and takes the one
// target over from that commit; the rest of it is for the next look at the
// repository, which is woken. Somebody else's push in between makes it begin again,
// once. What cannot be written exactly is a *state.ConflictError.
func (r *Reconciler) WriteBack(ctx context.Context, a Amendment) (renderer.Problems, error) {
	t, err := r.cfg.Store.Target(ctx, a.Ref)
	if err != nil {
		return nil, err
	}
	repo, configured, err := r.repository(ctx, t.Owner.Repository)
	switch {
	case err != nil:
		return nil, err
	case !configured || r.cfg.Writer == nil:
		return nil, &state.ConflictError{What: a.Ref.String(), Why: "is declared in " + t.Owner.String() + ", which cannot be written to", Next: "change it there"}
	case t.Synced():
		return nil, &state.ConflictError{What: a.Ref.String(), Why: "is declared by an ops file, " + t.Owner.String() + ", which is not written back to", Next: "change it there"}
	}
	// What is bound to fail leaves no commit behind.
	err = r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if blocker, err := tx.Blocked(a.Ref); err != nil || blocker != nil {
			if err == nil {
				err = &state.ConflictError{What: a.Ref.String(), Why: "is protected by a blocker from what Git says", Next: "resolve it first: baryon unblock " + a.Ref.String()}
			}
			return err
		}
		return a.Check(tx)
	})
	if err != nil {
		return nil, err
	}
	w := &writeBack{r: r, Amendment: a, repo: repo, path: t.Owner.Path}
	problems, err := w.commit(ctx)
	if gitsource.KindOf(err) == gitsource.KindMoved {
		problems, err = w.commit(ctx)
	}
	if kind := gitsource.KindOf(err); kind != "" && kind != gitsource.KindStopped {
		return nil, &state.ConflictError{What: a.Ref.String(), Why: "could not be written to its repository: " + err.Error(), Next: "nothing was changed; try again, or change it in Git"}
	}
	if err != nil || problems.Failed() {
		return problems, err
	}
	if err := w.takeOver(ctx); err != nil {
		return nil, errors.Join(r.cfg.Store.Wake(ctx, state.RepositoryRef(repo.Name)), &state.ConflictError{
			What: a.Ref.String(), Why: "was written as commit " + short(w.head) + " and not taken over yet: " + err.Error(),
			Next: "the next look at the repository does it",
		})
	}
	return problems, nil
}

// mailbox is what cannot stand in the address of an author, who has none.
var mailbox = regexp.MustCompile(`[^0-9A-Za-z._-]+`)

// writeBack carries one Amendment.
type writeBack struct {
	Amendment

	r    *Reconciler
	repo Repository
	path string

	doc                   declare.Document // as it is after the change
	head, author, subject string           // of the commit that says so
}

// commit makes the change from where the branch is now.
func (w *writeBack) commit(ctx context.Context) (renderer.Problems, error) {
	head, err := w.r.cfg.Source.Head(ctx, w.repo.Repo)
	if err != nil {
		return nil, err
	}
	tree, err := w.r.cfg.Source.Tree(ctx, w.repo.Repo, head)
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(tree, w.path)
	if err != nil {
		return nil, w.inexact(w.path + " is no longer on the branch")
	}
	before, err := w.find(data)
	if err != nil {
		return nil, err
	}
	edits, problems, err := w.edits(ctx, before)
	if err != nil || problems.Failed() {
		return problems, err
	}
	after, err := yamledit.Apply(w.path, data, before.Line, edits...)
	if err != nil {
		return nil, w.inexact(err.Error())
	}
	doc, err := w.find(after)
	if err != nil {
		return nil, err
	}
	e := &examiner{r: w.r, ctx: ctx, documents: []declare.Document{doc}, declared: environmentsAmong([]declare.Document{doc})}
	doc, problems, err = e.examine(doc)
	if err != nil || problems.Failed() {
		return problems, err
	}
	if p, refused := (&takeover{r: w.r, repo: w.repo}).notAllowed(doc); refused {
		return append(problems, p), nil
	}
	w.doc, w.head, w.author, w.subject = doc, head, string(w.Actor), w.Call+" "+w.Ref.String()
	if string(after) == string(data) { // it says so already
		c, err := w.r.cfg.Source.Commit(ctx, w.repo.Repo, head)
		w.author, w.subject = c.Author, c.Subject
		return problems, err
	}
	w.head, err = w.r.cfg.Writer.Push(ctx, w.repo.Repo, gitsource.Change{
		Parent: head, Files: []gitsource.Replacement{{Path: w.path, Data: after}}, Author: w.author, Email: mailbox.ReplaceAllString(w.author, "-") + "@baryon.invalid",
		Message: w.subject + "\n\nWritten by Baryon for a call of the Proton API: " + w.Call + " of " + w.Ref.String() + ", by " + w.author + ".\n", When: w.r.cfg.Now(),
	})
	return problems, err
}

// inexact refuses a change that Git has to be given by hand.
func (w *writeBack) inexact(why string) error {
	return &state.ConflictError{What: w.Ref.String(), Why: "cannot be written back: " + why, Next: "change it in Git, in " + path.Join(w.repo.Path, w.path)}
}

// find is the document of the target in its file.
func (w *writeBack) find(data []byte) (declare.Document, error) {
	ref := w.Ref
	if ref.Service != "" {
		ref = state.ServiceRef(ref.Service)
	}
	file, err := declare.ReadFile(w.path, data)
	if err != nil {
		return declare.Document{}, w.inexact(err.Error())
	}
	for _, doc := range file.Documents {
		if doc.Ref == ref {
			return doc, nil
		}
	}
	if file.Problems.Failed() {
		return declare.Document{}, w.inexact(file.Problems.Error())
	}
	return declare.Document{}, w.inexact("no document of " + w.path + " declares " + ref.String() + " any more")
}

// edits are what the amendment comes to in a document.
func (w *writeBack) edits(ctx context.Context, doc declare.Document) ([]yamledit.Edit, renderer.Problems, error) {
	var edits []yamledit.Edit
	if w.Version != nil {
		edit, err := w.version(ctx, doc)
		if err != nil {
			return nil, nil, err
		}
		edits = append(edits, edit...)
	}
	for _, key := range []string{"description", "role", "codebuildRole", "componentRole"} {
		if value, given := w.Header[key]; given {
			edit := yamledit.Edit{Path: header(key), Value: yamledit.Text(value)}
			if value == "" {
				edit.Value = nil
			}
			edits = append(edits, edit)
		}
	}
	if w.Repository != nil {
		edits = append(edits, yamledit.Edit{Path: header("repository", "name"), Value: yamledit.Text(w.Repository.ID)},
			yamledit.Edit{Path: header("repository", "branch"), Value: yamledit.Text(w.Repository.Branch)})
	}
	if w.Spec == nil {
		return edits, nil, nil
	}
	edit, problems, err := w.spec(doc)
	return append(edits, edit), problems, err
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
func (w *writeBack) version(ctx context.Context, doc declare.Document) ([]yamledit.Edit, error) {
	follow, at := doc.Header.Version, header("version")
	if w.Ref.Kind == state.KindInstance {
		if pin, ok := doc.Header.Pins[w.Ref.Name]; ok {
			follow = pin
		}
		at = header("pins", w.Ref.Name)
	}
	meant, _, err := w.r.version(ctx, state.Target{Ref: w.Ref, Desired: state.Desired{Template: doc.Header.Template, Follow: follow}})
	if err != nil || meant == *w.Version {
		return nil, err
	}
	if w.Ref.Kind == state.KindPipeline {
		return nil, w.inexact("the version of a pipeline is that of its service, which counts for instances too")
	}
	return []yamledit.Edit{{Path: at, Value: yamledit.Text(w.Version.String())}}, nil
}

// spec writes what a whole document says of the target.
func (w *writeBack) spec(doc declare.Document) (yamledit.Edit, renderer.Problems, error) {
	var edit yamledit.Edit
	text, problems := KeepCurrent("spec", *w.Spec, doc.Spec)
	if problems.Failed() {
		return edit, problems, nil
	}
	if _, problems := declare.FromSpec(doc.Ref, doc.Header, text); problems.Failed() {
		return edit, problems, nil
	}
	var file yaml.Node
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return edit, nil, w.inexact(err.Error())
	}
	root := file.Content[0]
	switch w.Ref.Kind {
	case state.KindInstance:
		edit.Path, edit.Value = []yamledit.Step{{Key: "instances"}, {Item: w.Ref.Name}}, instanceNamed(root, w.Ref.Name)
		if edit.Value == nil {
			problems = renderer.Problems{{File: "spec", Line: 1, Column: 1, Rule: "the spec has no instance named " + w.Ref.Name}}
		}
	case state.KindPipeline:
		edit.Path, edit.Value = []yamledit.Step{{Key: "pipeline"}}, child(root, "pipeline")
	default:
		edit.Path, edit.Value = []yamledit.Step{{Key: "spec"}}, child(root, "spec")
	}
	return edit, problems, nil
}

func child(mapping *yaml.Node, key string) *yaml.Node {
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

// takeOver brings the one target to what the commit says, so that the answer to
// the call shows the change under way.
func (w *writeBack) takeOver(ctx context.Context) error {
	err := w.r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if err := w.Check(tx); err != nil {
			return err
		}
		d := &declarer{
			r: w.r, tx: tx, repository: w.repo.Name, actor: w.Actor, commit: w.head, only: w.Ref,
			origin: func(doc declare.Document) state.Origin {
				return state.Origin{
					Repository: w.repo.Name, Commit: w.head, Path: doc.Path, Line: doc.Cut.Locate(declare.Position{Line: 1, Column: 1}).Line,
					Author: w.author, Subject: w.subject,
				}
			},
		}
		if err := d.declare(w.doc); err != nil {
			return err
		}
		if err := w.Also(tx); err != nil {
			return err
		}
		if err := tx.Audit(w.Actor, "write-back", w.Ref, map[string]string{"commit": w.head, "call": w.Call}); err != nil {
			return err
		}
		return tx.Recheck(w.repo.Name) // it may stand at a later commit by now
	})
	w.r.Wake()
	return err
}
