package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"baryon/state/db"
)

// A Target is anything that can be deployed: an environment, a service
// instance, a pipeline or a component. The loop knows only Targets.
type Target struct {
	Ref        Ref
	Generation int64 // rises with every change of Desired; no deployment ever goes back to a lower one
	Desired    Desired
	Deployed   Deployed // zero before the first success
	Needs      []Ref    // what must be deployed first, and whose outputs this reads

	Status        Status // of the last attempt, in Proton's words; empty before the first
	Message       string
	Waiting       Waiting // why nothing happens, when nothing happens
	Asked         Asked   // what people asked for and what has not been done yet
	Observed      Observed
	Owner         Owner
	LastAttempted string // deployment ids
	LastSucceeded string
	CreatedAt     time.Time
	ModifiedAt    time.Time
}

// Desired is what somebody wants a target to be. A deployment keeps a copy, so
// later edits do not touch what runs.
type Desired struct {
	Template string  `json:"template,omitempty"`
	Follow   Follow  `json:"follow,omitempty"`   // what the document asks for; empty for the recommended version
	Version  Version `json:"version,omitzero"`   // what Follow came to when it was last looked at
	Spec     string  `json:"spec,omitempty"`     // Proton's document as written, without the baryon key
	Origin   Origin  `json:"origin,omitzero"`    // where it was declared
	Deleted  bool    `json:"deleted,omitempty"`  // wanted gone
	Orphaned string  `json:"orphaned,omitempty"` // why nothing declares it any more, though nobody asked for its deletion

	// Part is the piece of a service's document that concerns this instance; the
	// rest of Spec may change without changing the instance.
	Part string `json:"part,omitempty"`
	// Refused says why a newer declaration of this target is not in force.
	Refused string `json:"refused,omitempty"`
	// Renamed is what has taken its place, of something that is wanted gone.
	Renamed string `json:"renamed,omitempty"`
	// Kept says why it is still wanted although nothing lists it any more.
	Kept string `json:"kept,omitempty"`
	// Held is set while a person holds the target at a past deployment: what is
	// wanted is what that deployment reached, and not what the document says.
	Held *Hold `json:"held,omitempty"`

	Description string            `json:"description,omitempty"` // of an environment or a component, for people
	Labels      map[string]string `json:"labels,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`      // on stacks, besides Proton's
	Protected   bool              `json:"protected,omitempty"` // never deleted without a named person
	Approval    bool              `json:"approval,omitempty"`  // every change waits for a named person
	RerunSafe   bool              `json:"rerunSafe,omitempty"` // an interrupted command may be run again

	Role          string `json:"role,omitempty"` // roles the engines take on
	CodebuildRole string `json:"codebuildRole,omitempty"`
	ComponentRole string `json:"componentRole,omitempty"`
	ExternalID    string `json:"externalId,omitempty"` // shown to take on Role
	Account       string `json:"account,omitempty"`    // where it is deployed; empty for the daemon's own
	Region        string `json:"region,omitempty"`     // likewise
	Stack         string `json:"stack,omitempty"`      // what runs already and is taken over at first
	// Imports are resources that exist and are taken into the stack, by their logical
	// IDs what identifies them; ImportExisting is all whose names the template says.
	Imports map[string]string `json:"imports,omitempty"`
	// Health is what the document says of how it is known that it works, as JSON of
	// the renderer; empty when it says nothing.
	Health string `json:"health,omitempty"`

	Environment string     `json:"environment,omitempty"` // of an instance or component
	Service     string     `json:"service,omitempty"`     // a component's attachment
	Instance    string     `json:"instance,omitempty"`
	Files       string     `json:"files,omitempty"` // a component's own files: the digest of a blob
	Repository  Repository `json:"repository,omitzero"`

	// Connection is the environment account connection whose roles and account these are.
	Connection string `json:"connection,omitempty"`
	RequestID  string `json:"requestId,omitempty"` // by which a caller of the API knows its request
}

// A Repository is the source repository of a service as templates see it.
type Repository struct {
	ID         string `json:"id,omitempty"` // owner/name
	Branch     string `json:"branch,omitempty"`
	Connection string `json:"connection,omitempty"`
	Provider   string `json:"provider,omitempty"` // Proton's word for the host, where pull requests go
}

// Deployed is what the last successful deployment left.
type Deployed struct {
	Generation int64             `json:"generation,omitempty"`
	Version    Version           `json:"version,omitzero"`
	Spec       string            `json:"spec,omitempty"`
	Input      string            `json:"input,omitempty"`  // digest of what it was rendered from
	Output     string            `json:"output,omitempty"` // digest of what was applied
	Engine     string            `json:"engine,omitempty"`
	Rendered   string            `json:"rendered,omitempty"` // the blob of what was applied
	Outputs    map[string]string `json:"outputs,omitempty"`
	Deployment string            `json:"deployment,omitempty"`
	Commit     string            `json:"commit,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Stack      string            `json:"stack,omitempty"`      // what was taken over, when that has a name of its own
	Place      string            `json:"place,omitempty"`      // the account and region, where the engine works in such
	Identifier string            `json:"identifier,omitempty"` // by which that place knows it
	At         time.Time         `json:"at,omitzero"`
}

// Waiting says why nothing happens to a target. The zero Waiting means that
// there is nothing to wait for.
type Waiting struct {
	Reason WaitReason `json:"reason,omitempty"`
	On     string     `json:"on,omitempty"`   // the thing waited for, by name
	Why    string     `json:"why,omitempty"`  // a sentence for people
	Next   string     `json:"next,omitempty"` // what would end it: a command, or an act
	Since  time.Time  `json:"since,omitzero"`
	Until  time.Time  `json:"until,omitzero"` // when it is looked at again by itself

	// Generation is what a person is asked to approve; 0 when nobody is asked.
	// Input is the digest of what it would be rendered from; empty for a deletion.
	Generation int64  `json:"generation,omitempty"`
	Input      string `json:"input,omitempty"`
	// Plan is the plan that is asked about, where there is one, and Persons are
	// those who may answer, divided by commas: names, role:NAME, key:ID, or Named
	// for everybody who gives a name. Without them it is everybody.
	Plan    string `json:"plan,omitempty"`
	Persons string `json:"persons,omitempty"`
}

// Named stands in Waiting.Persons for everybody who gives a name, and Nobodys for
// nobody at all.
const (
	Named   = "*"
	Nobodys = "-"
)

// A WaitReason is the class of a wait.
type WaitReason string

// The reasons for which a target waits.
const (
	WaitVersion   WaitReason = "version"   // its template has no version to use
	WaitSpec      WaitReason = "spec"      // its spec does not fit the version
	WaitNeed      WaitReason = "need"      // something it needs is not deployed
	WaitChild     WaitReason = "child"     // deletion waits for what depends on it
	WaitApproval  WaitReason = "approval"  // a person must approve
	WaitPlan      WaitReason = "plan"      // what a person is to approve, or policies judge, is being planned
	WaitWindow    WaitReason = "window"    // changes are not made at this time
	WaitPolicy    WaitReason = "policy"    // a policy is against it, and nobody may allow it
	WaitGuard     WaitReason = "guard"     // the deletion guard holds it
	WaitRetry     WaitReason = "retry"     // the last attempt failed; it rests
	WaitBackoff   WaitReason = "backoff"   // a passing fault; tried again by itself
	WaitSuspended WaitReason = "suspended" // a person suspended it
	WaitOrphaned  WaitReason = "orphaned"  // what declared it is gone
	WaitLimit     WaitReason = "limit"     // too much else is under way
	WaitOrder     WaitReason = "order"     // something else of the service, or its component, goes first
	WaitKept      WaitReason = "kept"      // nothing lists it, and its repository has to be put right before anything is deleted
	WaitEngine    WaitReason = "engine"    // this daemon has no engine for it
	WaitReturned  WaitReason = "returned"  // what is wanted was not healthy; the last good generation was deployed again
)

// Begins reports whether what waits for this begins by itself, soon.
func (r WaitReason) Begins() bool {
	return r == "" || r == WaitLimit || r == WaitOrder || r == WaitPlan
}

// An Owner is the one place that may declare a thing.
type Owner struct {
	Repository string // empty for the API
	Path       string
}

// String names the owner in a message.
func (o Owner) String() string {
	if o.Repository == "" {
		return "the API"
	}
	return o.Repository + ":" + o.Path
}

// A Filter selects targets; an empty field selects all.
type Filter struct {
	Kind        Kind
	Service     string
	Environment string
	Template    string
	Major       int64 // of the version that is shown, of a kind without a service; 0 for all
	Status      Status
	After       string // the ref after which the page begins
	Limit       int    // 0 for a thousand
}

const defaultPage = 1000

// Target reads one target with its needs.
func (s *Store) Target(ctx context.Context, ref Ref) (Target, error) {
	q := s.queries()
	row, err := q.Target(ctx, ref.String())
	if err != nil {
		return Target{}, notFound(err, ref.String())
	}
	return targetWithNeeds(ctx, q, row)
}

// TargetItself reads one target and leaves its needs out.
func (s *Store) TargetItself(ctx context.Context, ref Ref) (Target, error) {
	row, err := s.queries().Target(ctx, ref.String())
	if err != nil {
		return Target{}, notFound(err, ref.String())
	}
	return targetOf(row)
}

// TargetsOfService lists a service's instances and pipeline, oldest first.
func (s *Store) TargetsOfService(ctx context.Context, service string) ([]Target, error) {
	rows, err := s.queries().TargetsOfService(ctx, service)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, targetOf)
}

// TargetsOfOwner lists the targets that a repository declares.
func (s *Store) TargetsOfOwner(ctx context.Context, repository string) ([]Target, error) {
	rows, err := s.queries().TargetsOfOwner(ctx, repository)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, targetOf)
}

// Dependents lists what needs ref.
func (s *Store) Dependents(ctx context.Context, ref Ref) ([]Ref, error) {
	rows, err := s.queries().Dependents(ctx, ref.String())
	if err != nil {
		return nil, err
	}
	return mapRows(rows, ParseRef)
}

// FormerDependents lists what was deployed with the outputs of ref and is wanted
// without them now: it uses them until it is deployed again.
func (s *Store) FormerDependents(ctx context.Context, ref Ref) ([]Ref, error) {
	rows, err := s.queries().FormerDependents(ctx, ref.String())
	if err != nil {
		return nil, err
	}
	return mapRows(rows, ParseRef)
}

// A Count is how many targets of a kind have a status.
type Count struct {
	Kind    Kind
	Status  Status
	Targets int64
}

// CountTargets counts targets by kind and status.
func (s *Store) CountTargets(ctx context.Context) ([]Count, error) {
	rows, err := s.queries().CountTargets(ctx)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(r db.CountTargetsRow) (Count, error) {
		return Count{Kind: Kind(r.Kind), Status: Status(r.Status), Targets: r.Targets}, nil
	})
}

// Target reads a target and keeps others from changing it until the
// transaction ends. A *NotFoundError when there is none.
func (tx *Tx) Target(ref Ref) (Target, error) {
	row, err := tx.q.TargetForUpdate(tx.ctx, ref.String())
	if err != nil {
		return Target{}, notFound(err, ref.String())
	}
	t, err := targetWithNeeds(tx.ctx, tx.q, row)
	tx.noteTarget(ref, t.told())
	return t, err
}

// PutTarget writes a target that was read in this transaction, or a new one.
func (tx *Tx) PutTarget(t Target) error {
	p := db.PutTargetParams{
		Ref: t.Ref.String(), Kind: string(t.Ref.Kind), Service: t.Ref.Service, Name: t.Ref.Name,
		Environment: t.Desired.Environment, Template: t.Desired.Template, Generation: t.Generation,
		Status: string(t.Status), Message: t.Message, OwnerRepo: t.Owner.Repository, OwnerPath: t.Owner.Path,
		LastAttempted: t.LastAttempted, LastSucceeded: t.LastSucceeded, Revision: newRevision(), Settled: t.settled(), Now: tx.now,
	}
	followed := t.Desired
	if t.Desired.Returned() != nil { // a new version of what is declared is to be seen
		followed = t.Desired.AsDeclared()
		p.Template = followed.Template
	}
	follow, _, err := followed.Follow.Parse()
	if err == nil {
		p.Major = follow.Major
	}
	t.list(&p)
	for text, v := range map[*string]any{&p.Desired: t.Desired, &p.Deployed: t.Deployed, &p.Waiting: t.Waiting, &p.Asked: t.Asked, &p.Observed: t.Observed} {
		if *text, err = encode(v); err != nil {
			return err
		}
	}
	if err := tx.targetMoved(t, t.told()); err != nil {
		return err
	}
	return tx.q.PutTarget(tx.ctx, p)
}

// SetNeeds replaces what a target is wanted with. The component of an instance
// stays: AddNeed and Detach change that.
func (tx *Tx) SetNeeds(ref Ref, needs []Ref) error {
	if err := tx.q.DropNeeds(tx.ctx, ref.String()); err != nil {
		return err
	}
	for _, n := range needs {
		if err := tx.q.AddNeed(tx.ctx, db.AddNeedParams{Ref: ref.String(), Needs: n.String()}); err != nil {
			return err
		}
	}
	return tx.q.SweepNeeds(tx.ctx, ref.String())
}

// SetUses replaces what a target was deployed with. What it used before and
// uses no longer is woken: it may have waited for that.
func (tx *Tx) SetUses(ref Ref, uses []Ref) error {
	before, err := tx.q.ComponentsOfInstance(tx.ctx, ref.String())
	if err != nil {
		return err
	}
	if err := tx.q.DropUses(tx.ctx, ref.String()); err != nil {
		return err
	}
	for _, n := range uses {
		if err := tx.q.AddUse(tx.ctx, db.AddUseParams{Ref: ref.String(), Needs: n.String()}); err != nil {
			return err
		}
	}
	if err := tx.q.SweepNeeds(tx.ctx, ref.String()); err != nil {
		return err
	}
	return tx.wakeAll(before)
}

// AddNeed makes a target need one thing more and wakes it.
func (tx *Tx) AddNeed(ref, needs Ref) error {
	if err := tx.q.AddNeed(tx.ctx, db.AddNeedParams{Ref: ref.String(), Needs: needs.String()}); err != nil {
		return err
	}
	return tx.Wake(ref)
}

// Detach makes nothing need ref any longer, and wakes what did. What was deployed
// with it uses it until it is deployed again.
func (tx *Tx) Detach(ref Ref) error {
	dependents, err := tx.q.Dependents(tx.ctx, ref.String())
	if err != nil {
		return err
	}
	if err := tx.q.Detach(tx.ctx, ref.String()); err != nil {
		return err
	}
	if err := tx.q.SweepDependents(tx.ctx, ref.String()); err != nil {
		return err
	}
	return tx.wakeAll(dependents)
}

// dropNeed makes a target need one thing less, and wakes it if it is there. What
// it was deployed with it uses until it is deployed again.
func (tx *Tx) dropNeed(ref, needs Ref) error {
	if err := tx.q.DropNeed(tx.ctx, db.DropNeedParams{Ref: ref.String(), Needs: needs.String()}); err != nil {
		return err
	}
	if err := tx.q.SweepNeeds(tx.ctx, ref.String()); err != nil {
		return err
	}
	return tx.Wake(ref)
}

// Dependents lists what needs ref.
func (tx *Tx) Dependents(ref Ref) ([]Ref, error) {
	rows, err := tx.q.Dependents(tx.ctx, ref.String())
	if err != nil {
		return nil, err
	}
	return mapRows(rows, ParseRef)
}

// TargetsOfService lists a service's instances and pipeline, oldest first.
func (tx *Tx) TargetsOfService(service string) ([]Target, error) {
	rows, err := tx.q.TargetsOfService(tx.ctx, service)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, targetOf)
}

// Change reads a target, lets fn change it, writes it and wakes it. A target
// that does not exist is a *NotFoundError.
func (tx *Tx) Change(ref Ref, fn func(*Target) error) error {
	t, err := tx.Target(ref)
	if err != nil {
		return err
	}
	if err := fn(&t); err != nil {
		return err
	}
	if err := tx.PutTarget(t); err != nil {
		return err
	}
	return tx.Wake(ref)
}

// RemoveTarget forgets a target that is gone. Its deployments stay as history;
// what depended on it, or waited for its end, is woken.
func (tx *Tx) RemoveTarget(t Target) error {
	if err := tx.targetMoved(t, statusGone); err != nil {
		return err
	}
	if err := tx.WakeDependents(t.Ref); err != nil {
		return err
	}
	if err := tx.Wake(t.Needs...); err != nil {
		return err
	}
	if t.Ref.Service != "" {
		if err := tx.Wake(ServiceRef(t.Ref.Service)); err != nil {
			return err
		}
	}
	components, err := tx.q.ComponentsOfInstance(tx.ctx, t.Ref.String())
	if err != nil {
		return err
	}
	if err := tx.wakeAll(components); err != nil {
		return err
	}
	if err := tx.q.DeleteNeeds(tx.ctx, t.Ref.String()); err != nil {
		return err
	}
	if _, err := tx.q.DeleteTarget(tx.ctx, t.Ref.String()); err != nil {
		return err
	}
	return tx.q.DropWork(tx.ctx, t.Ref.String())
}

func targetWithNeeds(ctx context.Context, q *db.Queries, row db.Target) (Target, error) {
	t, err := targetOf(row)
	if err != nil {
		return Target{}, err
	}
	needs, err := q.Needs(ctx, row.Ref)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Target{}, err
	}
	t.Needs, err = mapRows(needs, ParseRef)
	return t, err
}

func targetOf(row db.Target) (Target, error) {
	t := Target{
		Ref:        Ref{Kind: Kind(row.Kind), Service: row.Service, Name: row.Name},
		Generation: row.Generation, Status: Status(row.Status), Message: row.Message,
		Owner:         Owner{Repository: row.OwnerRepo, Path: row.OwnerPath},
		LastAttempted: row.LastAttempted, LastSucceeded: row.LastSucceeded,
		CreatedAt: fromMicros(row.CreatedAt), ModifiedAt: fromMicros(row.ModifiedAt),
	}
	return t, errors.Join(
		decode(row.Desired, &t.Desired), decode(row.Deployed, &t.Deployed),
		decode(row.Waiting, &t.Waiting), decode(row.Asked, &t.Asked), decode(row.Observed, &t.Observed))
}
