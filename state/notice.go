package state

import (
	"context"
	"fmt"
	"maps"
	"time"

	"baryon/state/db"
)

// A Notice is what was reported of a deployment from outside while it was
// under way, as Proton's NotifyResourceDeploymentStatusChange does.
type Notice struct {
	Status  Status            `json:"status,omitempty"` // InProgress, Succeeded, Failed; empty when none was given
	Message string            `json:"message,omitempty"`
	Outputs map[string]string `json:"outputs,omitempty"` // of all notices together; a later one wins
	At      time.Time         `json:"at,omitzero"`
}

// MaxNoticeOutputs bounds what the notices of one deployment may add up to.
const MaxNoticeOutputs = 500

// Notify adds a notice to the deployment of ref that is under way, or to the
// one that is named, and wakes ref. A deployment that has ended takes none: a
// *ConflictError, unless it ended as the notice says, so that a report which was
// sent twice is no error. A *NotFoundError when ref, or the deployment of ref
// that is named, does not exist.
func (s *Store) Notify(ctx context.Context, actor Actor, ref Ref, id string, n Notice) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		// Read without a lock: whoever carries the deployment on locks it first and the target after it.
		if _, err := tx.q.Target(ctx, ref.String()); err != nil {
			return notFound(err, ref.String())
		}
		d, err := tx.notified(ref, id)
		if err != nil {
			return err
		}
		if d.Status.Final() {
			if n.Status == d.Status && contains(d.Outputs, n.Outputs) {
				return nil
			}
			return &ConflictError{
				What: "deployment " + d.ID, Why: "has ended as " + string(d.Status) + " and takes no report any more",
				Next: "report on the deployment that is under way: " + ref.String(),
			}
		}
		outputs := maps.Clone(d.Notice.Outputs)
		if outputs == nil && len(n.Outputs) > 0 {
			outputs = map[string]string{}
		}
		maps.Copy(outputs, n.Outputs)
		if len(outputs) > MaxNoticeOutputs {
			return &ConflictError{What: "deployment " + d.ID, Why: fmt.Sprintf("has %d outputs with these, and %d are allowed", len(outputs), MaxNoticeOutputs), Next: "join some"}
		}
		n.Outputs, n.At = outputs, tx.Now()
		if n.Status == "" {
			n.Status = d.Notice.Status
		}
		if n.Message == "" {
			n.Message = d.Notice.Message
		}
		d.Notice = n
		doc, err := d.doc()
		if err != nil {
			return err
		}
		if _, err := tx.q.NoteDeployment(tx.ctx, db.NoteDeploymentParams{ID: d.ID, Doc: doc, Now: tx.now}); err != nil {
			return err
		}
		if err := tx.Audit(actor, "notify", ref, map[string]string{"deployment": d.ID, "status": string(n.Status), "outputs": itoa(len(n.Outputs))}); err != nil {
			return err
		}
		return tx.Wake(ref)
	})
}

// notified is the deployment that a notice is about, locked.
func (tx *Tx) notified(ref Ref, id string) (Deployment, error) {
	if id == "" {
		open, err := tx.underWay(ref)
		if err != nil {
			return Deployment{}, err
		}
		id = open.ID
	}
	d, err := tx.Deployment(id)
	if err == nil && d.Ref != ref {
		err = &NotFoundError{What: "deployment " + id + " of " + ref.String()}
	}
	return d, err
}

// contains reports whether every pair of part is in whole.
func contains(whole, part map[string]string) bool {
	for k, v := range part {
		if got, ok := whole[k]; !ok || got != v {
			return false
		}
	}
	return true
}
