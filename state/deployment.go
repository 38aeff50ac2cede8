package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"baryon/state/db"
)

// An Action is what a deployment does to its target.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// A Deployment is one attempt to bring a target to a generation. At most one
// is open for a target at any time; the database sees to it.
type Deployment struct {
	ID         string
	Ref        Ref
	Action     Action
	Status     Status
	Generation int64
	Input      string            // digest of what it was rendered from
	Output     string            // digest of what is applied
	Handle     string            // what the engine wants handed back
	Message    string            // for people; the reason when it failed
	Outputs    map[string]string // what the target hands to those who need it

	Desired  Desired  // a copy: later edits do not touch it
	Before   Deployed // what was deployed when it began
	Engine   string
	Account  string            // where it is applied
	Rendered string            // the blob of what is applied
	Reason   string            // why it was begun
	By       Actor             // who asked for it, when somebody did
	Needs    map[string]string // the deployments whose outputs it reads, by the ref of their target
	Plan     string            // the plan that was approved, if one was: it is applied, or nothing
	Judged   bool              // what it takes away was allowed, though it could not be planned
	Leave    string            // resources that are left alone, divided by commas
	Anew     bool              // what is left of it may be destroyed
	Adopt    string            // what runs already and is taken over
	Imports  map[string]string // resources that are taken in
	Restore  bool              // what others changed is put back
	Changes  []ResourceChange  // what the engine said it would change
	Removals int               // resources that it takes away and that no person allowed
	Unasked  bool              // a deletion that no person allowed: the guard counts it
	Notice   Notice            // what was reported from outside; only Notify changes it
	Health   *Health           // whether what it applied works; nil until it is applied, and where nobody asks

	CreatedAt   time.Time
	ModifiedAt  time.Time
	CompletedAt time.Time // zero while it is open
}

// deploymentDoc is what of a deployment no query selects on.
type deploymentDoc struct {
	Desired  Desired           `json:"desired"`
	Before   Deployed          `json:"before"`
	Rendered string            `json:"rendered,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	By       Actor             `json:"by,omitempty"`
	Needs    map[string]string `json:"needs,omitempty"`
	Notice   Notice            `json:"notice,omitzero"`
	Plan     string            `json:"plan,omitempty"`
	Judged   bool              `json:"judged,omitempty"`
	Leave    string            `json:"leave,omitempty"`
	Anew     bool              `json:"anew,omitempty"`
	Adopt    string            `json:"adopt,omitempty"`
	Imports  map[string]string `json:"imports,omitempty"`
	Restore  bool              `json:"restore,omitempty"`
	Changes  []ResourceChange  `json:"changes,omitempty"`
	Health   *Health           `json:"health,omitempty"`
}

// Move changes the status as the table of legal moves allows.
func (d *Deployment) Move(to Status, message string) error {
	next, err := d.Status.To(to)
	if err != nil {
		return &ConflictError{What: "deployment " + d.ID, Why: err.Error()}
	}
	d.Status, d.Message = next, message
	return nil
}

// AddDeployment opens a deployment. A *ConflictError when one is open already.
func (tx *Tx) AddDeployment(d Deployment) error {
	if _, err := tx.q.OpenDeployment(tx.ctx, d.Ref.String()); err == nil {
		return &ConflictError{What: d.Ref.String(), Why: "a deployment is under way", Next: "wait for it, or cancel it with: baryon cancel " + d.Ref.String()}
	} else if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	outputs, err := encode(d.Outputs)
	if err != nil {
		return err
	}
	doc, err := d.doc()
	if err != nil {
		return err
	}
	environment, service, instance := d.Concerns()
	p := db.AddDeploymentParams{
		ID: d.ID, Ref: d.Ref.String(), Environment: environment, Service: service, Instance: instance,
		Action: string(d.Action), Status: string(d.Status), Generation: d.Generation,
		Input: d.Input, Output: d.Output, Handle: d.Handle, Message: d.Message, Outputs: outputs, Engine: d.Engine, Account: d.Account,
		Doc: doc, Unasked: d.Unasked, Removals: int64(d.Removals), Checking: d.checking(), Now: tx.now,
	}
	if d.Status.Final() {
		p.CompletedAt = tx.now
	}
	return tx.q.AddDeployment(tx.ctx, p)
}

// SaveDeployment writes how far an open deployment is. A final status closes
// it; a closed deployment never changes, and trying is a *ConflictError.
func (tx *Tx) SaveDeployment(d Deployment) error {
	row, err := tx.q.DeploymentForUpdate(tx.ctx, d.ID)
	if err != nil {
		return notFound(err, "deployment "+d.ID)
	}
	if _, err := Status(row.Status).To(d.Status); err != nil {
		return &ConflictError{What: "deployment " + d.ID, Why: err.Error()}
	}
	was, err := deploymentOf(row)
	if err != nil {
		return err
	}
	d.Notice = was.Notice // it may have come since d was read
	outputs, err := encode(d.Outputs)
	if err != nil {
		return err
	}
	doc, err := d.doc()
	if err != nil {
		return err
	}
	p := db.SaveDeploymentParams{
		ID: d.ID, Status: string(d.Status), Output: d.Output, Handle: d.Handle,
		Message: d.Message, Outputs: outputs, Doc: doc, Checking: d.checking(), Now: tx.now,
	}
	if d.Status.Final() {
		p.CompletedAt = tx.now
	}
	n, err := tx.q.SaveDeployment(tx.ctx, p)
	if err == nil && n == 0 {
		return &ConflictError{What: "deployment " + d.ID, Why: "has ended"}
	}
	return err
}

// Deployment reads one deployment and keeps others from changing it until the transaction ends.
func (tx *Tx) Deployment(id string) (Deployment, error) {
	row, err := tx.q.DeploymentForUpdate(tx.ctx, id)
	if err != nil {
		return Deployment{}, notFound(err, "deployment "+id)
	}
	return deploymentOf(row)
}

// Deployment reads one deployment.
func (s *Store) Deployment(ctx context.Context, id string) (Deployment, error) {
	row, err := s.queries().Deployment(ctx, id)
	if err != nil {
		return Deployment{}, notFound(err, "deployment "+id)
	}
	return deploymentOf(row)
}

// OpenDeployment reads the deployment of a target that is under way. There may be none.
func (s *Store) OpenDeployment(ctx context.Context, ref Ref) (*Deployment, error) {
	return optionalDeployment(s.queries().OpenDeployment(ctx, ref.String()))
}

// LastDeployment reads the newest deployment of a target. There may be none.
func (s *Store) LastDeployment(ctx context.Context, ref Ref) (*Deployment, error) {
	return optionalDeployment(s.queries().LastDeployment(ctx, ref.String()))
}

func optionalDeployment(row db.Deployment, err error) (*Deployment, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := deploymentOf(row)
	return &d, err
}

// CountDeletions counts the targets whose deletion was begun since a time and
// allowed by no person, leaving out one.
func (s *Store) CountDeletions(ctx context.Context, since time.Time, besides Ref) (int, error) {
	n, err := s.queries().CountDeletions(ctx, db.CountDeletionsParams{Since: micros(since), Besides: besides.String()})
	return int(n), err
}

// CountDeletions is that of the Store, of what has been written by now. It
// passes the gate of deletions, so that of two transactions that count, the
// second sees what the first one adds.
func (tx *Tx) CountDeletions(since time.Time, besides Ref) (int, error) {
	if err := tx.q.PassGate(tx.ctx, "deletions"); err != nil {
		return 0, err
	}
	n, err := tx.q.CountDeletions(tx.ctx, db.CountDeletionsParams{Since: micros(since), Besides: besides.String()})
	return int(n), err
}

// Removals lists what was begun since a time and takes away resources, or whole
// targets, without a person.
func (s *Store) Removals(ctx context.Context, since time.Time) ([]Deployment, error) {
	rows, err := s.queries().Removals(ctx, micros(since))
	if err != nil {
		return nil, err
	}
	return mapRows(rows, deploymentOf)
}

// Removals is that of the Store, of what has been written by now. It passes the
// gate of removals, so that of two transactions that count, the second sees what
// the first one adds.
func (tx *Tx) Removals(since time.Time) ([]Deployment, error) {
	if err := tx.q.PassGate(tx.ctx, "removals"); err != nil {
		return nil, err
	}
	rows, err := tx.q.Removals(tx.ctx, micros(since))
	if err != nil {
		return nil, err
	}
	return mapRows(rows, deploymentOf)
}

// UnderWay reports whether a deployment of a target is open.
func (tx *Tx) UnderWay(ref Ref) (bool, error) {
	open, err := optionalDeployment(tx.q.OpenDeployment(tx.ctx, ref.String()))
	return open != nil, err
}

// UnderWay is how many deployments of an engine are under way in an account.
type UnderWay struct {
	Engine, Account string
	Deployments     int
}

// OpenDeployments counts the deployments at which an engine is at work. Those that
// are applied, and whose health is being checked, are not among them.
func (s *Store) OpenDeployments(ctx context.Context) ([]UnderWay, error) {
	return openOf(s.queries().OpenDeployments(ctx))
}

// OpenDeployments is that of the Store, of all replicas, and keeps others from beginning one until the transaction ends.
func (tx *Tx) OpenDeployments() ([]UnderWay, error) {
	if err := tx.q.PassGate(tx.ctx, "deployments"); err != nil {
		return nil, err
	}
	return openOf(tx.q.OpenDeployments(tx.ctx))
}

func openOf(rows []db.OpenDeploymentsRow, err error) ([]UnderWay, error) {
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(r db.OpenDeploymentsRow) (UnderWay, error) {
		return UnderWay{Engine: r.Engine, Account: r.Account, Deployments: int(r.Deployments)}, nil
	})
}

// DeleteDeployment forgets a deployment that has ended, with its log.
func (s *Store) DeleteDeployment(ctx context.Context, id string) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		n, err := tx.q.DeleteDeployment(ctx, id)
		if err != nil {
			return err
		}
		if n == 0 {
			if _, err := tx.Deployment(id); err != nil {
				return err
			}
			return &ConflictError{What: "deployment " + id, Why: "is under way"}
		}
		return tx.q.DeleteLog(ctx, id)
	})
}

// checking tells whether it is applied, and only its health is not known yet.
func (d *Deployment) checking() bool { return d.Health != nil && !d.Status.Final() }

func (d *Deployment) doc() (string, error) {
	return encode(deploymentDoc{
		Desired: d.Desired, Before: d.Before, Rendered: d.Rendered,
		Reason: d.Reason, By: d.By, Needs: d.Needs, Notice: d.Notice, Plan: d.Plan, Judged: d.Judged, Leave: d.Leave, Anew: d.Anew, Adopt: d.Adopt, Imports: d.Imports,
		Restore: d.Restore, Changes: d.Changes, Health: d.Health,
	})
}

func deploymentOf(row db.Deployment) (Deployment, error) {
	ref, err := ParseRef(row.Ref)
	if err != nil {
		return Deployment{}, err
	}
	var doc deploymentDoc
	d := Deployment{
		ID: row.ID, Ref: ref, Action: Action(row.Action), Status: Status(row.Status), Generation: row.Generation,
		Input: row.Input, Output: row.Output, Handle: row.Handle, Message: row.Message, Unasked: row.Unasked, Removals: int(row.Removals),
		Engine: row.Engine, Account: row.Account,
		CreatedAt: fromMicros(row.CreatedAt), ModifiedAt: fromMicros(row.ModifiedAt), CompletedAt: fromMicros(row.CompletedAt),
	}
	if err := errors.Join(decode(row.Doc, &doc), decode(row.Outputs, &d.Outputs)); err != nil {
		return Deployment{}, err
	}
	d.Desired, d.Before, d.Rendered = doc.Desired, doc.Before, doc.Rendered
	d.Reason, d.By, d.Needs, d.Notice = doc.Reason, doc.By, doc.Needs, doc.Notice
	d.Adopt, d.Imports, d.Health = doc.Adopt, doc.Imports, doc.Health
	d.Judged, d.Plan, d.Leave, d.Anew, d.Restore, d.Changes = doc.Judged, doc.Plan, doc.Leave, doc.Anew, doc.Restore, doc.Changes
	return d, nil
}
