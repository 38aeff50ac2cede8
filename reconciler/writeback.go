package reconciler

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"sync"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A Writer adds commits to repositories.
type Writer interface {
	Push(ctx context.Context, repo gitsource.Repo, change gitsource.Change) (commit string, err error)
}

// Terms are the rest of a call of the API that is written back: what has to hold
// when it is, and what it wants besides. Both may be nil.
type Terms struct {
	Check func(*state.Tx) error // before anything is written, and again with the result
	Also  func(*state.Tx) error // in the transaction that takes the commit over
}

func run(fn func(*state.Tx) error, tx *state.Tx) error {
	if fn == nil {
		return nil
	}
	return fn(tx)
}

// WriteBack commits an Amendment to the branch that is followed and takes what it
// is about over from that commit; the rest of it is for the next look at the
// repository, which is woken. Somebody else's push in between makes it begin
// again, a few times. What cannot be written exactly is a *state.ConflictError.
func (r *Reconciler) WriteBack(ctx context.Context, a Amendment, call Terms) (renderer.Problems, error) {
	owner, exists, err := r.owner(ctx, a.document())
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, &state.NotFoundError{What: a.document().String()}
	}
	repo, configured, err := r.repository(ctx, owner.Repository)
	switch {
	case err != nil:
		return nil, err
	case !configured || r.cfg.Writer == nil:
		return nil, &state.ConflictError{What: a.Ref.String(), Why: "is declared in " + owner.String() + ", which cannot be written to", Next: "change it there"}
	}
	done, err := r.writes.take(ctx, repo.Name)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := r.mayWriteBack(ctx, a, call); err != nil {
		return nil, err
	}
	w := &writeBack{Terms: call, amending: amending{r: r, Amendment: a, repo: repo, path: owner.Path}}
	if repo.WriteBack == WriteBackPull || repo.WriteBack == WriteBackBranch {
		return w.request(ctx)
	}
	problems, err := w.commit(ctx)
	for again := 0; gitsource.KindOf(err) == gitsource.KindMoved && again < pushesAgain; again++ {
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

// turns let one after the other write to a repository: of several that push at the
// same time all but one would have to begin again.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{}
}

// take waits for the turn; done gives it back.
func (t *turns) take(ctx context.Context, name string) (done func(), err error) {
	t.mu.Lock()
	if t.taken == nil {
		t.taken = map[string]chan struct{}{}
	}
	turn := t.taken[name]
	if turn == nil {
		turn = make(chan struct{}, 1)
		t.taken[name] = turn
	}
	t.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pushesAgain is how often a change is made once more from where somebody else
// has pushed the branch to.
const pushesAgain = 3

// mayWriteBack refuses what is bound to fail, so that it leaves no commit behind.
func (r *Reconciler) mayWriteBack(ctx context.Context, a Amendment, call Terms) error {
	return r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		t, err := tx.Target(a.Ref)
		switch {
		case isMissing(err): // it is a service, or the call makes it
		case err != nil:
			return err
		case t.Synced():
			return &state.ConflictError{What: a.Ref.String(), Why: "is declared by an ops file, " + t.Owner.String() + ", which is not written back to", Next: "change it there"}
		}
		refs, err := a.refs(tx)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			blocker, err := tx.Blocked(ref)
			if err != nil {
				return err
			}
			if blocker != nil {
				return &state.ConflictError{What: ref.String(), Why: "is protected by a blocker from what Git says", Next: "resolve it first: baryon unblock " + blocker.ID}
			}
		}
		return run(call.Check, tx)
	})
}

// refs are what the amendment changes.
func (a Amendment) refs(tx *state.Tx) ([]state.Ref, error) {
	refs := []state.Ref{a.Ref}
	for _, name := range a.Instances {
		refs = append(refs, state.InstanceRef(a.Ref.Name, name))
	}
	if a.Gone && a.Ref.Kind == state.KindService {
		members, err := tx.TargetsOfService(a.Ref.Name)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			refs = append(refs, m.Ref)
		}
	}
	return refs, nil
}

// mailbox is what cannot stand in the address of an author, who has none.
var mailbox = regexp.MustCompile(`[^0-9A-Za-z._-]+`)

// writeBack carries one Amendment.
type writeBack struct {
	Terms
	amending

	head, author, subject string // of the commit that says so
}

// commit makes the change from where the branch is now.
func (w *writeBack) commit(ctx context.Context) (renderer.Problems, error) {
	head, err := w.r.cfg.Source.Head(ctx, w.repo.Repo)
	if err != nil {
		return nil, err
	}
	if w.tree, err = w.r.cfg.Source.Tree(ctx, w.repo.Repo, head); err != nil {
		return nil, err
	}
	problems, err := w.make(ctx)
	if err != nil || problems.Failed() {
		return problems, err
	}
	w.head = head
	if len(w.files) == 0 { // it says so already
		c, err := w.r.cfg.Source.Commit(ctx, w.repo.Repo, head)
		w.author, w.subject = c.Author, c.Subject
		return problems, err
	}
	change := w.change(head, w.r)
	w.author, w.subject = change.Author, w.title()
	w.head, err = w.r.cfg.Writer.Push(ctx, w.repo.Repo, change)
	return problems, w.arrived(ctx, err)
}

// arrived finds out whether a push of which nothing more was heard came about.
func (w *writeBack) arrived(ctx context.Context, failed error) error {
	e, ok := errors.AsType[*gitsource.Error](failed)
	if !ok || !e.Transient() || e.Kind == gitsource.KindMoved || w.head == "" {
		return failed
	}
	head, err := w.r.cfg.Source.Head(ctx, w.repo.Repo)
	switch {
	case err != nil:
		return &state.ConflictError{What: w.Ref.String(), Why: "was pushed as commit " + short(w.head) + ", and nothing was heard of that: " + failed.Error(),
			Next: "look at the branch, or make the call again: what is there already is not written twice"}
	case head == w.head:
		return nil
	}
	return failed
}

// title is the first line of a commit.
func (a Amendment) title() string { return a.Call + " " + a.Ref.String() }

// change is the commit of the amendment, in the name of its caller.
func (m *amending) change(parent string, r *Reconciler) gitsource.Change {
	author := string(m.Actor)
	return gitsource.Change{
		Parent: parent, Files: m.files, Author: author, Email: mailbox.ReplaceAllString(author, "-") + "@baryon.invalid",
		Message: m.title() + "\n\nWritten by Baryon for a call of the Proton API: " + m.Call + " of " + m.Ref.String() + ", by " + author + ".\n", When: r.cfg.Now(),
	}
}

// takeOver brings what the call is about to what the commit says, so that the
// answer to the call shows the change under way.
func (w *writeBack) takeOver(ctx context.Context) error {
	if w.doc.Ref.Kind == state.KindComponent { // whose files are kept as well
		var err error
		if w.tree, err = w.r.cfg.Source.Tree(ctx, w.repo.Repo, w.head); err != nil {
			return err
		}
	}
	err := w.r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		if err := run(w.Check, tx); err != nil {
			return err
		}
		d := &declarer{
			r: w.r, tx: tx, repository: w.repo.Name, actor: w.Actor, commit: w.head,
			files: func(dir string) (fs.FS, error) { return fs.Sub(w.tree, dir) },
			origin: func(doc declare.Document) state.Origin {
				return state.Origin{
					Repository: w.repo.Name, Commit: w.head, Path: doc.Path, Line: doc.Cut.Locate(declare.Position{Line: 1, Column: 1}).Line,
					Author: w.author, Subject: w.subject,
				}
			},
		}
		if err := w.takeOverIn(tx, d); err != nil {
			return err
		}
		if err := run(w.Also, tx); err != nil {
			return err
		}
		if err := tx.Audit(w.Actor, "write-back", w.Ref, map[string]string{"commit": w.head, "call": w.Call}); err != nil {
			return err
		}
		return tx.WrittenBack(w.repo.Name, w.head) // it may stand at a later commit by now
	})
	w.r.Wake()
	return err
}

// takeOverIn takes over the one target that is there, else the whole document.
func (w *writeBack) takeOverIn(tx *state.Tx, d *declarer) error {
	prior, err := tx.Sync(w.repo.Name)
	if err != nil {
		return err
	}
	switch {
	case prior.Degraded != "":
		d.hold = prior.Degraded
	case prior.Problems > 0:
		d.keep = keptFor(w.repo.Name, prior.Problems)
	}
	if w.Gone {
		return d.gone(w.Ref)
	}
	if w.Ref.Kind != state.KindService {
		if _, err := tx.Target(w.Ref); err == nil {
			d.only, d.part = []state.Ref{w.Ref}, true
		} else if !isMissing(err) {
			return err
		}
	}
	return d.declare(w.doc)
}
