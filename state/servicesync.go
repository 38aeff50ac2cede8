package state

import (
	"context"
	"strings"
	"time"

	"baryon/state/db"
)

// A BlockerStatus is Proton's BlockerStatus.
type BlockerStatus string

// The statuses of a blocker. What is resolved stays resolved.
const (
	BlockerActive   BlockerStatus = "ACTIVE"
	BlockerResolved BlockerStatus = "RESOLVED"
)

// A Blocker stops the sync of one instance, or with no instance of all of a
// service: somebody changed it by another way than Git, and the next sync would
// undo that. For what is in no service, such as an environment, Service is its Ref.
type Blocker struct {
	ID             string
	Service        string
	Instance       string // empty for the whole service
	Status         BlockerStatus
	CreatedAt      time.Time
	CreatedReason  string
	Contexts       map[string]string
	ResolvedAt     time.Time
	ResolvedReason string
	ResolvedBy     Actor
}

type blockerDoc struct {
	CreatedReason  string            `json:"createdReason,omitempty"`
	Contexts       map[string]string `json:"contexts,omitempty"`
	ResolvedReason string            `json:"resolvedReason,omitempty"`
	ResolvedBy     Actor             `json:"resolvedBy,omitempty"`
}

func (b *Blocker) doc() (string, error) {
	return encode(blockerDoc{b.CreatedReason, b.Contexts, b.ResolvedReason, b.ResolvedBy})
}

// Block adds a blocker, unless one of the same service and instance is active.
func (tx *Tx) Block(b Blocker) error {
	active, err := tx.ActiveBlocker(b.Service, b.Instance)
	if err != nil || active != nil && active.Instance == b.Instance {
		return err
	}
	b.ID = NewID()
	doc, err := b.doc()
	if err != nil {
		return err
	}
	return tx.q.AddBlocker(tx.ctx, db.AddBlockerParams{ID: b.ID, Service: b.Service, Instance: b.Instance, Doc: doc, Now: tx.now})
}

// ActiveBlocker is what stops the sync of an instance, itself or its service.
// There may be none.
func (tx *Tx) ActiveBlocker(service, instance string) (*Blocker, error) {
	rows, err := tx.q.Blockers(tx.ctx, db.BlockersParams{Service: service, Instance: instance, Status: string(BlockerActive), Most: defaultPage})
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Instance == instance || row.Instance == "" {
			b, err := blockerOf(row)
			return &b, err
		}
	}
	return nil, nil
}

// Blockers lists the blockers of a service, newest first: all of them, or those
// that concern one instance. With no service it lists those of all services.
func (s *Store) Blockers(ctx context.Context, service, instance string, status BlockerStatus, limit int) ([]Blocker, error) {
	rows, err := s.queries().Blockers(ctx, db.BlockersParams{Service: service, Instance: instance, Status: string(status), Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	return mapRows(rows, blockerOf)
}

// BlockerOf is what stops the sync of a target, itself or its service. There may
// be none.
func (s *Store) BlockerOf(ctx context.Context, ref Ref) (*Blocker, error) {
	service, instance := blockerOn(ref)
	found, err := s.Blockers(ctx, service, instance, BlockerActive, 1)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// Blocker reads one blocker.
func (s *Store) Blocker(ctx context.Context, id string) (Blocker, error) {
	row, err := s.queries().Blocker(ctx, id)
	if err != nil {
		return Blocker{}, notFound(err, "blocker "+id)
	}
	return blockerOf(row)
}

// Resolve ends a blocker: the sync goes on and overwrites what was changed by
// hand, a rollback included. A *ConflictError when it is resolved already.
func (s *Store) Resolve(ctx context.Context, actor Actor, id, reason string) (Blocker, error) {
	var b Blocker
	err := s.Update(ctx, Fence{}, func(tx *Tx) error {
		row, err := tx.q.BlockerForUpdate(ctx, id)
		if err != nil {
			return notFound(err, "blocker "+id)
		}
		if b, err = blockerOf(row); err != nil {
			return err
		}
		if b.Status != BlockerActive {
			return &ConflictError{What: "blocker " + id, Why: "was resolved by " + string(b.ResolvedBy) + ": " + b.ResolvedReason, Next: "see: baryon blockers"}
		}
		if err := tx.resolve(&b, actor, reason); err != nil {
			return err
		}
		return tx.unblocked(b)
	})
	return b, err
}

func (tx *Tx) resolve(b *Blocker, actor Actor, reason string) error {
	b.Status, b.ResolvedAt, b.ResolvedBy, b.ResolvedReason = BlockerResolved, tx.Now(), actor, reason
	doc, err := b.doc()
	if err != nil {
		return err
	}
	if _, err := tx.q.ResolveBlocker(tx.ctx, db.ResolveBlockerParams{ID: b.ID, Doc: doc, Now: tx.now}); err != nil {
		return err
	}
	return tx.Audit(actor, "unblock", b.Ref(), map[string]string{"blocker": b.ID, "why": reason})
}

// resumed ends the blocker that a rollback of a synced instance was.
func (tx *Tx) resumed(t Target, actor Actor, why string) error {
	if !t.Synced() {
		return nil
	}
	b, err := tx.ActiveBlocker(t.Ref.Service, t.Ref.Name)
	if err != nil || b == nil || b.Instance == "" {
		return err
	}
	if err := tx.resolve(b, actor, why); err != nil {
		return err
	}
	return tx.Recheck(t.Owner.Repository)
}

// unblocked lets the repositories of what was blocked be looked at anew.
func (tx *Tx) unblocked(b Blocker) error {
	members, err := tx.TargetsOfService(b.Service)
	if err != nil {
		return err
	}
	if ref := b.Ref(); ref.Kind != KindService && ref.Kind != KindInstance {
		t, err := tx.Target(ref)
		if err == nil {
			members = []Target{t}
		} else if !missing(err) {
			return err
		}
	}
	if repository := b.Contexts["repository"]; repository != "" { // it may declare what is not there
		if err := tx.Recheck(repository); err != nil && !missing(err) {
			return err
		}
	}
	for _, t := range members {
		if t.Owner.Repository == "" || b.Instance != "" && b.Instance != t.Ref.Name {
			continue
		}
		if t.Desired.Held != nil {
			t.Desired, t.Waiting = t.Desired.AsDeclared(), Waiting{}
			t.Generation++
			if err := tx.PutTarget(t); err != nil {
				return err
			}
		}
		if err := tx.Wake(t.Ref); err != nil {
			return err
		}
		if err := tx.Recheck(t.Owner.Repository); err != nil {
			return err
		}
	}
	return nil
}

// Recheck makes a repository be taken over once more though it has not moved.
func (tx *Tx) Recheck(repository string) error { return tx.recheck(repository, func(*Sync) {}) }

// WrittenBack is Recheck for what a commit changed that was written back and
// taken over already. A taking-over that began before it comes to nothing.
func (tx *Tx) WrittenBack(repository, commit string) error {
	return tx.recheck(repository, func(s *Sync) { s.Written = commit })
}

func (tx *Tx) recheck(repository string, also func(*Sync)) error {
	sync, err := tx.Sync(repository)
	if err != nil {
		return err
	}
	sync.Recheck = true
	also(&sync)
	if err := tx.PutSync(sync); err != nil {
		return err
	}
	return tx.Wake(RepositoryRef(repository))
}

func blockerOf(row db.Blocker) (Blocker, error) {
	var doc blockerDoc
	err := decode(row.Doc, &doc)
	return Blocker{
		ID: row.ID, Service: row.Service, Instance: row.Instance, Status: BlockerStatus(row.Status),
		CreatedAt: fromMicros(row.CreatedAt), ResolvedAt: fromMicros(row.ResolvedAt), CreatedReason: doc.CreatedReason,
		Contexts: doc.Contexts, ResolvedReason: doc.ResolvedReason, ResolvedBy: doc.ResolvedBy,
	}, err
}

// A SyncStatus is Proton's ResourceSyncStatus.
type SyncStatus string

// How an attempt ended.
const (
	SyncSucceeded SyncStatus = "SUCCEEDED"
	SyncFailed    SyncStatus = "FAILED"
)

// A Revision is a place in a repository that a sync reads.
type Revision struct {
	Repository string `json:"repository"`
	Branch     string `json:"branch"`
	Commit     string `json:"commit,omitempty"`
	Path       string `json:"path"`
}

// A SyncAttempt is one taking over by a sync.
type SyncAttempt struct {
	ID        string
	Subject   string // the String of an instance or a repository, or a MajorSubject
	Status    SyncStatus
	StartedAt time.Time
	Initial   Revision // what was in force before; zero for nothing
	Target    Revision
	Events    []SyncEvent
}

// A SyncEvent is something that happened during an attempt.
type SyncEvent struct {
	At   time.Time `json:"at"`
	Type string    `json:"type"`
	Text string    `json:"event"`
}

type syncDoc struct {
	Initial Revision    `json:"initial,omitzero"`
	Target  Revision    `json:"target"`
	Events  []SyncEvent `json:"events,omitempty"`
}

// AddSyncAttempt writes what came of a sync, unless it is what came of the one
// before.
func (tx *Tx) AddSyncAttempt(a SyncAttempt) error {
	last, err := syncAttempts(tx.ctx, tx.q, a.Subject, "", 1)
	if err != nil {
		return err
	}
	if len(last) == 1 {
		if same(last[0], a) {
			return nil
		}
		a.Initial = last[0].Target
	}
	for i := range a.Events {
		a.Events[i].At = tx.Now()
	}
	doc, err := encode(syncDoc{a.Initial, a.Target, a.Events})
	if err != nil {
		return err
	}
	return tx.q.AddSyncAttempt(tx.ctx, db.AddSyncAttemptParams{
		ID: NewID(), Subject: a.Subject, Status: string(a.Status), Doc: doc, Now: tx.now,
	})
}

// same reports whether two attempts tell the same; a commit that changed neither
// the spec nor what is wrong with it is no news after a failure.
func same(a, b SyncAttempt) bool {
	texts := func(events []SyncEvent) string {
		var all strings.Builder
		for _, e := range events {
			all.WriteString(e.Type + " " + e.Text + "\n")
		}
		return all.String()
	}
	return a.Status == b.Status && a.Target == b.Target && texts(a.Events) == texts(b.Events)
}

// MajorSubject is the Subject of attempts on a major of a template.
func MajorSubject(kind Kind, name string, major int64) string {
	return string(kind) + "-template/" + name + ":" + itoa(int(major))
}

// SyncAttempts lists the attempts on a subject, newest first; with a status only
// those that ended so.
func (s *Store) SyncAttempts(ctx context.Context, subject string, status SyncStatus, limit int) ([]SyncAttempt, error) {
	return syncAttempts(ctx, s.queries(), subject, status, limit)
}

func syncAttempts(ctx context.Context, q *db.Queries, subject string, status SyncStatus, limit int) ([]SyncAttempt, error) {
	rows, err := q.SyncAttempts(ctx, db.SyncAttemptsParams{Subject: subject, Status: string(status), Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(row db.SyncAttempt) (SyncAttempt, error) {
		var doc syncDoc
		err := decode(row.Doc, &doc)
		return SyncAttempt{
			ID: row.ID, Subject: row.Subject, Status: SyncStatus(row.Status), StartedAt: fromMicros(row.StartedAt),
			Initial: doc.Initial, Target: doc.Target, Events: doc.Events,
		}, err
	})
}

// Synced reports whether service sync of an ops file declares t.
func (t Target) Synced() bool { return t.Desired.AsDeclared().Origin.Branch != "" }

// Ref is what a blocker stops the sync of.
func (b Blocker) Ref() Ref {
	if ref, err := ParseRef(b.Service); err == nil {
		return ref
	}
	if b.Instance == "" {
		return ServiceRef(b.Service)
	}
	return InstanceRef(b.Service, b.Instance)
}

// blockerOn is the two names under which blockers of a target are kept.
func blockerOn(ref Ref) (service, instance string) {
	switch ref.Kind {
	case KindInstance:
		return ref.Service, ref.Name
	case KindService:
		return ref.Name, ""
	}
	return ref.String(), ""
}

// Blocked is what stops the sync of a target, if anything does.
func (tx *Tx) Blocked(ref Ref) (*Blocker, error) {
	b, err := tx.ActiveBlocker(blockerOn(ref))
	if err == nil && b == nil && ref.Kind == KindPipeline { // all of its service may be
		b, err = tx.ActiveBlocker(ref.Service, "")
	}
	return b, err
}

// AnyBlocker reports whether anything at all is blocked.
func (tx *Tx) AnyBlocker() (bool, error) {
	rows, err := tx.q.Blockers(tx.ctx, db.BlockersParams{Status: string(BlockerActive), Most: 1})
	return len(rows) > 0, err
}

// Override adds the blocker that goes with a change of what Git declares by
// another way than Git.
func (tx *Tx) Override(t Target, actor Actor, what string) error {
	if err := tx.Unsettle(t.Owner.Repository); err != nil {
		return err
	}
	service, instance := blockerOn(t.Ref)
	return tx.Block(Blocker{
		Service: service, Instance: instance, CreatedReason: what + " by " + string(actor),
		Contexts: map[string]string{"ref": t.Ref.String(), "actor": string(actor), "repository": t.Owner.Repository},
	})
}

// ByHand adds the blocker that goes with a change of a synced instance by another
// way than Git. For every other target it does nothing.
func (tx *Tx) ByHand(t Target, actor Actor, what string) error {
	if !t.Synced() {
		return nil
	}
	return tx.Override(t, actor, what)
}
