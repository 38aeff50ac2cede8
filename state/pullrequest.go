package state

import (
	"context"
	"encoding/json"
	"time"

	"baryon/state/db"
)

// A PullStatus is how a pull request is.
type PullStatus string

// The statuses. Only what is open changes.
const (
	PullOpen   PullStatus = "OPEN"
	PullMerged PullStatus = "MERGED" // and what it says is taken over
	PullClosed PullStatus = "CLOSED"
)

// A PullRequest is a change of what a repository declares that waits for somebody
// to merge it. It is kept before anything is pushed, so that whatever happens
// in between is found again. Of one Ref at most one is open: what is asked of it
// meanwhile becomes part of that.
type PullRequest struct {
	ID         string
	Repository string
	Ref        Ref
	Status     PullStatus
	Branch     string
	Changes    []json.RawMessage // what is asked for, oldest first; kept for the one who asks
	Pushed     int               // how many of them are on the branch
	Head       string            // where the branch was left
	Number     int               // on its host; 0 before it is there, and where only a branch is made
	URL        string
	Told       int       // how many of the changes it tells people of
	Alone      bool      // it is a branch that somebody merges, and nothing more
	Gone       bool      // it asks for a deletion
	Makes      *Target   // what it asks for that is not there yet
	Trouble    string    // why the last look at it failed
	NotBefore  time.Time // the host asked to be left alone until then
	Why        string    // how it ended
	Cancelled  bool      // because its caller took it back
	CreatedAt  time.Time
	ClosedAt   time.Time
}

type pullDoc struct {
	Branch    string            `json:"branch"`
	Changes   []json.RawMessage `json:"changes"`
	Pushed    int               `json:"pushed,omitempty"`
	Head      string            `json:"head,omitempty"`
	Number    int               `json:"number,omitempty"`
	URL       string            `json:"url,omitempty"`
	Told      int               `json:"told,omitempty"`
	Alone     bool              `json:"alone,omitempty"`
	Gone      bool              `json:"gone,omitempty"`
	Makes     *Target           `json:"makes,omitempty"`
	Trouble   string            `json:"trouble,omitempty"`
	NotBefore time.Time         `json:"notBefore,omitzero"`
	Why       string            `json:"why,omitempty"`
	Cancelled bool              `json:"cancelled,omitempty"`
}

func (p PullRequest) doc() (string, error) {
	return encode(pullDoc{p.Branch, p.Changes, p.Pushed, p.Head, p.Number, p.URL, p.Told, p.Alone, p.Gone, p.Makes, p.Trouble, p.NotBefore, p.Why, p.Cancelled})
}

// Where names the pull request for people.
func (p PullRequest) Where() string {
	if p.URL != "" {
		return "pull request " + p.URL
	}
	return "branch " + p.Branch
}

// waits is what people are told as long as it is open.
func (p PullRequest) waits() string {
	switch {
	case p.URL == "" && !p.Alone && p.Trouble != "":
		return "waits for its pull request to be opened: " + p.Trouble
	case p.URL == "" && !p.Alone:
		return "waits for its pull request to be opened"
	case p.Trouble != "":
		return "waits for " + p.Where() + " to be merged: " + p.Trouble
	}
	return "waits for " + p.Where() + " to be merged"
}

// AddPullRequest keeps a new pull request, and tells what it is about of it. A
// *ConflictError when one is open.
func (tx *Tx) AddPullRequest(p PullRequest) error {
	p.Status = PullOpen
	doc, err := p.doc()
	if err != nil {
		return err
	}
	n, err := tx.q.AddPullRequest(tx.ctx, db.AddPullRequestParams{ID: p.ID, Repo: p.Repository, Ref: p.Ref.String(), Status: string(p.Status), Doc: doc, Now: tx.now})
	if err != nil {
		return err
	}
	if n == 0 {
		return &ConflictError{What: p.Ref.String(), Why: "a pull request is open", Next: "see: baryon pulls"}
	}
	return tx.notePull(p)
}

// PullRequest reads a pull request and keeps others from changing it until the
// transaction ends.
func (tx *Tx) PullRequest(id string) (PullRequest, error) {
	row, err := tx.q.PullRequestForUpdate(tx.ctx, id)
	if err != nil {
		return PullRequest{}, notFound(err, "pull request "+id)
	}
	return pullOf(row)
}

// LastPullRequest is that of the Store, in the transaction.
func (tx *Tx) LastPullRequest(ref Ref) (PullRequest, error) {
	row, err := tx.q.LastPullRequest(tx.ctx, ref.String())
	if err != nil {
		return PullRequest{}, notFound(err, "a pull request of "+ref.String())
	}
	return tx.PullRequest(row.ID)
}

// SavePullRequest writes how far a pull request is that is open; another status
// closes it. A *ConflictError when it is closed already.
func (tx *Tx) SavePullRequest(p PullRequest) error {
	doc, err := p.doc()
	if err != nil {
		return err
	}
	params := db.SavePullRequestParams{ID: p.ID, Status: string(p.Status), Doc: doc}
	if p.Status != PullOpen {
		params.ClosedAt = tx.now
	}
	n, err := tx.q.SavePullRequest(tx.ctx, params)
	if err != nil {
		return err
	}
	if n == 0 {
		return &ConflictError{What: p.Ref.String(), Why: "its pull request is closed"}
	}
	return tx.notePull(p)
}

// DropPullRequest forgets a pull request that never came to be.
func (tx *Tx) DropPullRequest(p PullRequest) error {
	if _, err := tx.q.DeletePullRequest(tx.ctx, p.ID); err != nil {
		return err
	}
	return tx.setPull(p.Ref, func(Target) *Pull { return nil })
}

// PullRequest reads a pull request.
func (s *Store) PullRequest(ctx context.Context, id string) (PullRequest, error) {
	row, err := s.queries().PullRequest(ctx, id)
	if err != nil {
		return PullRequest{}, notFound(err, "pull request "+id)
	}
	return pullOf(row)
}

// LastPullRequest is the newest pull request about something: the open one, if
// one is. A *NotFoundError when there never was any.
func (s *Store) LastPullRequest(ctx context.Context, ref Ref) (PullRequest, error) {
	row, err := s.queries().LastPullRequest(ctx, ref.String())
	if err != nil {
		return PullRequest{}, notFound(err, "a pull request of "+ref.String())
	}
	return pullOf(row)
}

// Requested is what the last pull request about something asks for that is not
// there: it waits, or was closed within the last day. A *NotFoundError else.
func (s *Store) Requested(ctx context.Context, ref Ref) (Target, error) {
	p, err := s.LastPullRequest(ctx, ref)
	if err != nil || p.Makes == nil || p.Status == PullMerged || p.Status == PullClosed && fromMicros(s.micros()).Sub(p.ClosedAt) > 24*time.Hour {
		if err == nil || missing(err) {
			err = &NotFoundError{What: ref.String()}
		}
		return Target{}, err
	}
	t := *p.Makes
	t.CreatedAt, t.Asked.Pull = p.CreatedAt, p.note(t)
	return t, nil
}

// OpenPullRequests lists those of a repository that are open, oldest first.
func (s *Store) OpenPullRequests(ctx context.Context, repository string) ([]PullRequest, error) {
	rows, err := s.queries().OpenPullRequests(ctx, repository)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, pullOf)
}

// PullRequests lists those that are open, or all, newest first.
func (s *Store) PullRequests(ctx context.Context, all bool, limit int) ([]PullRequest, error) {
	rows, err := s.queries().PullRequests(ctx, db.PullRequestsParams{AllOfThem: all, Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	return mapRows(rows, pullOf)
}

func pullOf(row db.PullRequest) (PullRequest, error) {
	var d pullDoc
	if err := decode(row.Doc, &d); err != nil {
		return PullRequest{}, err
	}
	ref, err := ParseRef(row.Ref)
	return PullRequest{
		ID: row.ID, Repository: row.Repo, Ref: ref, Status: PullStatus(row.Status), Branch: d.Branch, Changes: d.Changes, Pushed: d.Pushed,
		Head: d.Head, Number: d.Number, URL: d.URL, Told: d.Told, Alone: d.Alone, Gone: d.Gone, Makes: d.Makes, Trouble: d.Trouble, NotBefore: d.NotBefore, Why: d.Why,
		Cancelled: d.Cancelled, CreatedAt: fromMicros(row.CreatedAt), ClosedAt: fromMicros(row.ClosedAt),
	}, err
}

// A Pull is what something knows of the last pull request about it.
type Pull struct {
	ID        string     `json:"id"`
	Status    PullStatus `json:"status"`
	Text      string     `json:"text"` // for people: what it waits for, or how it ended
	Gone      bool       `json:"gone,omitempty"`
	Cancelled bool       `json:"cancelled,omitempty"`

	// Attempted and Generation are how its target was when it was closed: what is
	// told of that counts until something else happens. Was is the status of a service.
	Attempted  string        `json:"attempted,omitempty"`
	Generation int64         `json:"generation,omitempty"`
	Was        ServiceStatus `json:"was,omitempty"`
}

// notePull tells a target or service of its pull request, if it is there.
func (tx *Tx) notePull(p PullRequest) error {
	return tx.setPull(p.Ref, p.note)
}

// note is what a target knows of it.
func (p PullRequest) note(t Target) *Pull {
	n := &Pull{ID: p.ID, Status: p.Status, Gone: p.Gone, Cancelled: p.Cancelled, Text: p.waits(), Attempted: t.LastAttempted, Generation: t.Generation}
	if p.Status != PullOpen {
		n.Text = p.Why
	}
	return n
}

func (tx *Tx) setPull(ref Ref, note func(Target) *Pull) error {
	if ref.Kind == KindService {
		v, err := tx.Service(ref.Name)
		if err == nil {
			if v.Pull = note(Target{}); v.Pull != nil {
				v.Pull.Was = v.Status
			}
			err = tx.PutService(v)
		}
		return unlessMissing(err)
	}
	t, err := tx.Target(ref)
	if err == nil {
		t.Asked.Pull = note(t)
		err = tx.PutTarget(t)
	}
	return unlessMissing(err)
}

func unlessMissing(err error) error {
	if missing(err) {
		return nil
	}
	return err
}

// pulled is what the pull request about a target says of its status; false when it
// says nothing.
func (t Target) pulled() (Status, string, bool) {
	p := t.Asked.Pull
	if p == nil {
		return "", "", false
	}
	unchanged := t.LastAttempted == p.Attempted && t.Generation == p.Generation
	switch {
	case p.Status == PullOpen && p.Gone:
		return DeleteInProgress, p.Text, true
	case p.Status == PullOpen:
		return InProgress, p.Text, true
	case p.Status == PullMerged || !unchanged:
		return "", "", false
	case p.Cancelled:
		return Cancelled, p.Text, true
	case p.Gone:
		return DeleteFailed, p.Text, true
	}
	return Failed, p.Text, true
}

// Shown is what people are told of a service: what it is summed up as, or what its
// pull request waits for or came to.
func (v Service) Shown() (ServiceStatus, string) {
	switch p := v.Pull; {
	case p == nil || p.Status == PullMerged || p.Status == PullClosed && p.Was != v.Status:
		return v.Status, v.Message
	case p.Status == PullOpen && p.Gone:
		return ServiceDeleteInProgress, p.Text
	case p.Status == PullOpen:
		return ServiceUpdateInProgress, p.Text
	case p.Gone:
		return ServiceDeleteFailed, p.Text
	default:
		return ServiceUpdateFailed, p.Text
	}
}
