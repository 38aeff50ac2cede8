package reconciler

import (
	"context"
	"time"

	"go.uber.org/zap"

	"baryon/provisioner"
	"baryon/state"
)

// elsewhere leaves a local process to the host that runs it while it may be
// alive, and fails the deployment when it has certainly ended: a lease after it
// was first found alone, as by then it has ended itself. A daemon that comes
// back meanwhile goes on with it.
func (r *Reconciler) elsewhere(ctx context.Context, c state.Claim, d state.Deployment, job provisioner.Job, e *provisioner.OtherHostError) (next, error) {
	alone := "the daemon on host " + e.Host + ", where its commands run, is gone; unless it comes back within " + state.Lease.String() + " they count as interrupted"
	if d.Message == alone && time.Since(d.ModifiedAt) > state.Lease {
		return r.interrupted(ctx, c, d, job, e.Host)
	}
	soon := next{at: time.Now().Add(jitter(300 * time.Millisecond))}
	if d.Message == alone {
		return soon, nil
	}
	if err := d.Move(d.Status, alone); err != nil {
		return next{}, err
	}
	r.log.Warn("work of a daemon that is gone", zap.Stringer("ref", d.Ref), zap.String("deployment", d.ID), zap.String("host", e.Host))
	return soon, r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		if err := tx.SaveDeployment(d); err != nil {
			return err
		}
		return r.show(tx, d)
	})
}

// interrupted fails a deployment whose commands were lost with their host. Those
// that may be run again are, as another deployment.
func (r *Reconciler) interrupted(ctx context.Context, c state.Claim, d state.Deployment, job provisioner.Job, host string) (next, error) {
	if job.RerunSafe && d.Status != state.Cancelling {
		err := r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
			t, err := tx.Target(d.Ref)
			if err != nil {
				return err
			}
			t.Asked.Retry = state.Request{Generation: t.Generation, By: state.ActorLoop, Why: "its commands were interrupted and may be run again"}
			return tx.PutTarget(t)
		})
		if err != nil {
			return next{}, err
		}
	}
	return r.settle(ctx, c, d, provisioner.Progress{
		State: provisioner.Failed, Handle: d.Handle,
		Message: "interrupted: the daemon on host " + host + ", where its commands ran, is gone",
	}, 0)
}
