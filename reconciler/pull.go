package reconciler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"baryon/gitsource"
	"baryon/renderer"
	"baryon/state"
)

// Pulls opens pull requests where repositories are hosted.
type Pulls interface {
	Pull(ctx context.Context, repo gitsource.Repo, number int) (gitsource.Pull, error)
	PutPull(ctx context.Context, repo gitsource.Repo, text gitsource.PullText) (gitsource.Pull, error)
	ClosePull(ctx context.Context, repo gitsource.Repo, text gitsource.PullText) (gitsource.Pull, error)
}

// How a change is written back.
const (
	WriteBackCommit = "commit"
	WriteBackPull   = "pull-request"
	WriteBackBranch = "branch" // somebody merges it by other means than a pull request that we open
)

// request keeps an Amendment as a change that waits to be merged, and has it
// pushed. Whatever ends this process in between, the next look at the repository
// goes on. Where the branch says so already, that is taken over at once.
func (w *writeBack) request(ctx context.Context) (renderer.Problems, error) {
	p, open, err := w.opened(ctx)
	if err != nil {
		return nil, err
	}
	if open && p.Gone && w.Gone {
		return nil, nil // it is asked for already
	}
	problems, err := w.draft(ctx, p, open)
	if err != nil || problems.Failed() {
		return problems, err
	}
	if len(w.files) == 0 && !open {
		return problems, w.takeOverLater(ctx)
	}
	if len(w.files) > 0 || p.Pushed < len(p.Changes) {
		p, open, err = w.keep(ctx)
		if _, taken := errors.AsType[*state.ConflictError](err); taken { // another process was first
			p, open, err = w.keep(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	err = w.r.putPull(ctx, w.repo, p)
	w.r.Wake()
	if err == nil || !refusedForGood(err) {
		return problems, nil // the loop goes on where it is
	}
	if undone := w.undo(ctx, p, open); undone != nil {
		return nil, undone
	}
	return nil, &state.ConflictError{What: w.Ref.String(), Why: "could not be written to its repository: " + err.Error(), Next: "nothing was changed"}
}

// refusedForGood tells an error that the same call will meet again.
func refusedForGood(err error) bool {
	if e, ok := errors.AsType[*gitsource.Error](err); ok {
		return !e.Transient()
	}
	_, conflict := errors.AsType[*state.ConflictError](err)
	return conflict
}

// opened is the pull request that is open about the same, if there is one. It may
// have been merged or closed since it was looked at.
func (w *writeBack) opened(ctx context.Context) (state.PullRequest, bool, error) {
	p, err := w.r.cfg.Store.LastPullRequest(ctx, w.Ref)
	if isMissing(err) {
		return state.PullRequest{}, false, nil
	}
	if err == nil && p.Status == state.PullOpen {
		looked := w.r.lookAt(ctx, w.repo, p)
		if errors.Is(looked, errNotSeen) {
			return p, true, errors.Join(w.r.cfg.Store.Wake(ctx, state.RepositoryRef(w.repo.Name)), &state.ConflictError{
				What: w.Ref.String(), Why: "was merged just now from " + p.Where() + ", and is being taken over", Next: "try again in a moment"})
		}
		if looked != nil && refusedForGood(looked) {
			return p, true, looked
		}
		p, err = w.r.cfg.Store.LastPullRequest(ctx, w.Ref)
	}
	return p, p.Status == state.PullOpen, err
}

// draft makes the change where it will be made: on the branch of the pull request
// that is open, else on the one that is followed.
func (w *writeBack) draft(ctx context.Context, p state.PullRequest, open bool) (renderer.Problems, error) {
	at := w.repo.Repo
	head, err := "", error(&gitsource.Error{Kind: gitsource.KindNoBranch})
	if open {
		at.Branch = p.Branch
		head, err = w.r.cfg.Source.Head(ctx, at)
	}
	if gitsource.KindOf(err) == gitsource.KindNoBranch {
		at = w.repo.Repo
		head, err = w.r.cfg.Source.Head(ctx, at)
	}
	if err != nil {
		return nil, err
	}
	if w.tree, err = w.r.cfg.Source.Tree(ctx, at, head); err != nil {
		return nil, err
	}
	w.head = head
	return w.make(ctx)
}

// takeOverLater takes over what the branch says already.
func (w *writeBack) takeOverLater(ctx context.Context) error {
	c, err := w.r.cfg.Source.Commit(ctx, w.repo.Repo, w.head)
	if err != nil {
		return err
	}
	w.author, w.subject = c.Author, c.Subject
	return w.takeOver(ctx)
}

// keep writes the amendment down: into the pull request that is open, unless it was
// the last one there, else into a new one.
func (w *writeBack) keep(ctx context.Context) (state.PullRequest, bool, error) {
	change, err := json.Marshal(w.Amendment)
	if err != nil {
		return state.PullRequest{}, false, err
	}
	var kept state.PullRequest
	var open bool
	err = w.r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		last, err := tx.LastPullRequest(w.Ref)
		if err != nil && !isMissing(err) {
			return err
		}
		if open = err == nil && last.Status == state.PullOpen; open {
			kept = last
			if string(kept.Changes[len(kept.Changes)-1]) == string(change) {
				return nil
			}
			kept.Changes, kept.Gone = append(kept.Changes, change), w.Gone
			return tx.SavePullRequest(kept)
		}
		kept = state.PullRequest{ID: state.NewID(), Repository: w.repo.Name, Ref: w.Ref, Branch: w.branch(last.Branch), Changes: []json.RawMessage{change},
			Alone: w.repo.WriteBack == WriteBackBranch, Gone: w.Gone}
		if kept.Makes, err = w.makes(ctx, tx); err != nil {
			return err
		}
		if err := tx.AddPullRequest(kept); err != nil {
			return err
		}
		return tx.Audit(w.Actor, "request", w.Ref, map[string]string{"branch": kept.Branch, "call": w.Call})
	})
	return kept, open, err
}

// makes is what the amendment asks for that is not there yet.
func (w *writeBack) makes(ctx context.Context, tx *state.Tx) (*state.Target, error) {
	if w.Ref.Kind == state.KindService {
		return nil, nil
	}
	if _, err := tx.Target(w.Ref); err == nil || !isMissing(err) {
		return nil, err
	}
	for _, t := range w.r.targetsOf(state.Origin{}, w.doc) {
		if t.Ref == w.Ref {
			t.Generation = 1
			var err error
			t.Desired.Version, _, err = w.r.version(ctx, t)
			return &t, err
		}
	}
	return nil, nil
}

// branchMark is what cannot stand in the name of a branch.
var branchMark = regexp.MustCompile(`[^0-9A-Za-z._-]+`)

// branch is the name of the branch for the amendment: the same for the same
// request from the same commit, and another one for any other. The one that the
// same request had before, and that was not merged, is not taken again.
func (w *writeBack) branch(before string) string {
	a := w.Amendment
	a.Actor = ""
	text, err := json.Marshal(a)
	if err != nil {
		panic(err) // it is plain data
	}
	sum := sha256.Sum256([]byte(w.head + string(text)))
	name := "baryon/" + branchMark.ReplaceAllString(strings.ReplaceAll(w.Ref.String(), "service-instance/", ""), "-") + "-" + hex.EncodeToString(sum[:4])
	if again, ok := strings.CutPrefix(before, name); ok {
		n, err := strconv.Atoi(strings.TrimPrefix(again, "-"))
		if err != nil {
			n = 1
		}
		name += "-" + strconv.Itoa(n+1)
	}
	return name
}

// undo takes back what was kept of a call that is refused.
func (w *writeBack) undo(ctx context.Context, p state.PullRequest, open bool) error {
	return w.r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		now, err := tx.PullRequest(p.ID)
		if isMissing(err) || err == nil && now.Status != state.PullOpen {
			return nil
		}
		if err != nil {
			return err
		}
		if !open {
			return tx.DropPullRequest(now)
		}
		if now.Pushed < len(now.Changes) && len(now.Changes) > 1 {
			now.Changes = now.Changes[:len(now.Changes)-1]
			return tx.SavePullRequest(now)
		}
		return nil
	})
}

// putPull pushes what of a pull request is not on its branch yet, and opens it, or
// has it say what it is about now. It may be called any number of times, by any
// number of processes.
func (r *Reconciler) putPull(ctx context.Context, repo Repository, p state.PullRequest) error {
	for p.Pushed < len(p.Changes) {
		var err error
		for again := 0; again <= pushesAgain; again++ {
			if p, err = r.pushNext(ctx, repo, p); gitsource.KindOf(err) != gitsource.KindMoved {
				break
			}
		}
		if err != nil || p.Status != state.PullOpen {
			return err
		}
	}
	if p.Alone || p.Told == len(p.Changes) {
		return nil
	}
	if r.cfg.Pulls == nil {
		return &state.ConflictError{What: p.Ref.String(), Why: "pull requests cannot be opened by this daemon"}
	}
	text, err := pullText(p)
	if err != nil {
		return err
	}
	made, err := r.cfg.Pulls.PutPull(ctx, repo.Repo, text)
	if err != nil {
		return err
	}
	_, err = r.savePull(ctx, p, func(now *state.PullRequest) {
		now.Number, now.URL, now.Told, now.Trouble = made.Number, made.String(), len(p.Changes), ""
	})
	return err
}

// savePull changes a pull request that is open.
func (r *Reconciler) savePull(ctx context.Context, p state.PullRequest, change func(*state.PullRequest)) (state.PullRequest, error) {
	err := r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		now, err := tx.PullRequest(p.ID)
		if err == nil && now.Status == state.PullOpen {
			change(&now)
			err = tx.SavePullRequest(now)
		}
		p = now
		return err
	})
	return p, err
}

// pushNext pushes the first change that is not on the branch. One that is there
// already was pushed by a process that did not live to note it.
func (r *Reconciler) pushNext(ctx context.Context, repo Repository, p state.PullRequest) (state.PullRequest, error) {
	m := &amending{r: r, repo: repo}
	if err := json.Unmarshal(p.Changes[p.Pushed], &m.Amendment); err != nil {
		return p, err
	}
	if err := m.place(ctx); err != nil {
		return p, err
	}
	at := repo.Repo
	at.Branch = p.Branch
	head, err := r.cfg.Source.Head(ctx, at)
	fresh := gitsource.KindOf(err) == gitsource.KindNoBranch
	if fresh {
		now, err := r.cfg.Store.PullRequest(ctx, p.ID) // another process may have pushed it meanwhile
		if err != nil || now.Status != state.PullOpen || now.Pushed != p.Pushed {
			return now, err
		}
		if p.Pushed > 0 {
			return r.endPull(ctx, p, state.PullClosed, "its branch "+p.Branch+" was deleted before it was merged")
		}
		at = repo.Repo
		if head, err = r.cfg.Source.Head(ctx, at); err != nil {
			return p, err
		}
	} else if err != nil {
		return p, err
	}
	if m.tree, err = r.cfg.Source.Tree(ctx, at, head); err != nil {
		return p, err
	}
	problems, err := m.make(ctx)
	if err == nil && problems.Failed() {
		err = m.inexact(problems.Error())
	}
	if err != nil {
		return p, err
	}
	if len(m.files) > 0 {
		change := m.change(head, r)
		change.Branch, change.New = p.Branch, fresh
		if head, err = r.cfg.Writer.Push(ctx, repo.Repo, change); err != nil {
			return p, err
		}
	} else if fresh {
		return r.endPull(ctx, p, state.PullMerged, "the branch says so already")
	}
	pushed := p.Pushed
	return r.savePull(ctx, p, func(now *state.PullRequest) {
		if now.Pushed == pushed {
			now.Pushed, now.Head = pushed+1, head
		}
	})
}

// pullText is what a pull request says: who asked for what, and what comes of it.
func pullText(p state.PullRequest) (gitsource.PullText, error) {
	var calls strings.Builder
	var last Amendment
	for _, change := range p.Changes {
		var a Amendment
		if err := json.Unmarshal(change, &a); err != nil {
			return gitsource.PullText{}, err
		}
		fmt.Fprintf(&calls, "| `%s` | `%s` | %s |\n", a.Call, a.Ref, strings.ReplaceAll(string(a.Actor), "|", "/"))
		last = a
	}
	return gitsource.PullText{Number: p.Number, Branch: p.Branch, Title: last.title(), Body: "A call of the Proton API changes what is declared here. " +
		"It is deployed when this is merged, and fails when this is closed without that.\n\n| Call | Of | By |\n| --- | --- | --- |\n" + calls.String() +
		"\nFurther calls for `" + p.Ref.String() + "` are added to this branch. Written by Baryon.\n"}, nil
}

// endPull closes a pull request, and says how it ended.
func (r *Reconciler) endPull(ctx context.Context, p state.PullRequest, how state.PullStatus, why string) (state.PullRequest, error) {
	return r.endPullBy(ctx, state.ActorLoop, p, how, why)
}

func (r *Reconciler) endPullBy(ctx context.Context, by state.Actor, p state.PullRequest, how state.PullStatus, why string) (state.PullRequest, error) {
	err := r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		now, err := tx.PullRequest(p.ID)
		if err != nil || now.Status != state.PullOpen {
			p = now
			return err
		}
		now.Status, now.Why, now.Trouble, now.Cancelled = how, why, "", by != state.ActorLoop
		p = now
		if err := tx.SavePullRequest(now); err != nil {
			return err
		}
		if how == state.PullMerged {
			if err := remember(tx, now); err != nil {
				return err
			}
		}
		return tx.Audit(by, "request-"+strings.ToLower(string(how)), now.Ref, map[string]string{"at": now.Where(), "why": why})
	})
	r.Wake()
	return p, err
}

// remember keeps the client token of the call that was merged, by which its caller
// knows it.
func remember(tx *state.Tx, p state.PullRequest) error {
	var a Amendment
	if err := json.Unmarshal(p.Changes[len(p.Changes)-1], &a); err != nil || a.Token == "" || a.Ref.Kind == state.KindService {
		return err
	}
	err := tx.Change(a.Ref, func(t *state.Target) error {
		t.Desired.RequestID = a.Token
		return nil
	})
	if isMissing(err) {
		return nil
	}
	return err
}

// Cancel ends the deployment of a target that is under way, as the Store does, and
// where none is takes back the change that waits to be merged. A
// *state.ConflictError where there is neither, or it was merged meanwhile.
func (r *Reconciler) Cancel(ctx context.Context, actor state.Actor, ref state.Ref, why string) error {
	err := r.cfg.Store.Cancel(ctx, actor, ref, why)
	if _, idle := errors.AsType[*state.ConflictError](err); idle || isMissing(err) {
		if waits, cancelErr := r.takeBack(ctx, actor, ref); waits {
			return cancelErr
		}
	}
	return err
}

// takeBack closes the pull request about something; false where none is open.
func (r *Reconciler) takeBack(ctx context.Context, actor state.Actor, ref state.Ref) (bool, error) {
	p, err := r.cfg.Store.LastPullRequest(ctx, ref)
	if isMissing(err) || err == nil && p.Status != state.PullOpen {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	why := "cancelled by " + string(actor)
	repo, configured, err := r.repository(ctx, p.Repository)
	if err != nil {
		return true, err
	}
	if configured && p.Number > 0 && r.cfg.Pulls != nil {
		was, err := r.cfg.Pulls.ClosePull(ctx, repo.Repo, gitsource.PullText{Number: p.Number, Branch: p.Branch, Body: "The call was " + why + "."})
		if err != nil {
			return true, &state.ConflictError{What: ref.String(), Why: "its pull request could not be closed: " + err.Error(), Next: "close it there: " + p.Where()}
		}
		if was.Merged {
			return true, errors.Join(r.cfg.Store.Wake(ctx, state.RepositoryRef(repo.Name)),
				&state.ConflictError{What: ref.String(), Why: "was merged meanwhile", Next: "cancel the deployment once it has begun"})
		}
	}
	_, err = r.endPullBy(ctx, actor, p, state.PullClosed, why)
	return true, err
}

// visitPulls looks at what of a repository waits to be merged, and goes on with
// what is not pushed or opened yet.
func (r *Reconciler) visitPulls(ctx context.Context, c state.Claim, n next) (next, error) {
	open, err := r.cfg.Store.OpenPullRequests(ctx, c.Ref.Name)
	if err != nil || len(open) == 0 {
		return n, err
	}
	repo, configured, err := r.repository(ctx, c.Ref.Name)
	if err != nil {
		return n, err
	}
	now := r.cfg.Now()
	for _, p := range open {
		if !configured {
			if _, err := r.endPull(ctx, p, state.PullClosed, "the repository "+p.Repository+" is no longer configured"); err != nil {
				return n, err
			}
			continue
		}
		if now.Before(p.NotBefore) {
			continue
		}
		err := r.lookInTurn(ctx, repo, p)
		if errors.Is(err, errNotSeen) {
			n.at = time.Now().Add(jitter(time.Second)) // the host says more than the branch yet
			continue
		}
		if err != nil {
			if err := r.troubled(ctx, p, err); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}
