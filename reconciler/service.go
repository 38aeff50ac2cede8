package reconciler

import (
	"context"
	"errors"
	"fmt"

	"baryon/state"
)

// visitService sums up a service's instances and pipeline in its status.
func (r *Reconciler) visitService(ctx context.Context, c state.Claim) (next, error) {
	v, err := r.cfg.Store.Service(ctx, c.Ref.Name)
	if _, ok := errors.AsType[*state.NotFoundError](err); ok {
		return r.later(), nil
	}
	if err != nil {
		return next{}, err
	}
	members, err := r.cfg.Store.TargetsOfService(ctx, v.Name)
	if err != nil {
		return next{}, err
	}
	status, message := serviceStatus(v, members)
	if !v.Deleted && status == v.Status && message == v.Message {
		return r.later(), nil
	}
	return r.later(), r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		now, err := tx.Service(v.Name)
		if err != nil {
			return err
		}
		if now.Deleted && len(members) == 0 {
			return tx.RemoveService(v.Name)
		}
		now.Status, now.Message = status, message
		return tx.PutService(now)
	})
}

// serviceStatus computes the status from what the members are; it is never nudged.
func serviceStatus(v state.Service, members []state.Target) (state.ServiceStatus, string) {
	var busy, failed, deleteFailed int
	message := ""
	for _, t := range members {
		switch {
		case t.Status == state.Failed, t.Status == state.Cancelled:
			failed++
			message = fmt.Sprintf("%s: %s", t.Ref, t.Message)
		case t.Status == state.DeleteFailed:
			deleteFailed++
			message = fmt.Sprintf("%s: %s", t.Ref, t.Message)
		case !t.Status.Final(), t.Deployed.Deployment == "", t.Desired.Deleted:
			busy++
		}
	}
	created := v.Status != "" && v.Status != state.ServiceCreateInProgress && v.Status != state.ServiceCreateFailed
	switch {
	case v.Deleted && deleteFailed > 0:
		return state.ServiceDeleteFailed, message
	case v.Deleted:
		return state.ServiceDeleteInProgress, ""
	case failed > 0 && !created:
		return state.ServiceCreateFailed, message
	case failed > 0:
		return state.ServiceUpdateFailed, message
	case deleteFailed > 0:
		return state.ServiceUpdateCompleteCleanupFailed, message
	case busy > 0 && !created:
		return state.ServiceCreateInProgress, ""
	case busy > 0:
		return state.ServiceUpdateInProgress, ""
	default:
		return state.ServiceActive, ""
	}
}
