package reconciler

import (
	"context"
	"fmt"
	"strings"

	"baryon/state"
)

// visitService sums up a service's instances and pipeline in its status, and
// wakes those of them that wait for one another.
func (r *Reconciler) visitService(ctx context.Context, c state.Claim) (next, error) {
	v, err := r.cfg.Store.Service(ctx, c.Ref.Name)
	if isMissing(err) {
		return r.later(), nil
	}
	if err != nil {
		return next{}, err
	}
	members, err := r.cfg.Store.TargetsOfService(ctx, v.Name)
	if err != nil {
		return next{}, err
	}
	sum := sumUp(v, members)
	waiting := waitingForSisters(members)
	if !(v.Deleted && len(members) == 0) && sum.status == v.Status && sum.message == v.Message && sum.created == v.Created && len(waiting) == 0 {
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
		if err := tx.Wake(waiting...); err != nil {
			return err
		}
		if now.Deleted != v.Deleted {
			return tx.Wake(c.Ref) // declared anew meanwhile
		}
		now.Status, now.Message, now.Created = sum.status, sum.message, sum.created
		return tx.PutService(now)
	})
}

// waitingForSisters are the members whose turn may have come: every change of a
// member visits the service.
func waitingForSisters(members []state.Target) []state.Ref {
	var refs []state.Ref
	for _, t := range members {
		fails := t.Ref.Kind == state.KindPipeline && t.Deployed.Deployment == "" && t.Waiting.Reason == state.WaitNeed
		if t.Waiting.Reason == state.WaitOrder || fails {
			refs = append(refs, t.Ref)
		}
	}
	return refs
}

// A summary is what the members of a service come to.
type summary struct {
	status  state.ServiceStatus
	message string
	created bool
}

// census sorts the members of a service by what stands in the way of the whole.
type census struct {
	busy   []state.Target // under way, or not begun
	failed []state.Target // wanted, and their last deployment failed
	undone []state.Target // never there, not wanted any more, and being taken away
	doomed []state.Target // were there once, not wanted any more, and being taken away
	stuck  []state.Target // of the two above, those whose deletion failed
	wasNew bool           // one of the stuck was never there
}

func takeCensus(members []state.Target) census {
	var c census
	for _, t := range members {
		fresh := t.Deployed.Deployment == ""
		switch {
		case t.Desired.Deleted && t.Status == state.DeleteFailed:
			c.stuck, c.wasNew = append(c.stuck, t), c.wasNew || fresh
		case t.Desired.Deleted && fresh:
			c.undone = append(c.undone, t)
		case t.Desired.Deleted:
			c.doomed = append(c.doomed, t)
		case t.Status == state.Failed, t.Status == state.Cancelled && fresh:
			c.failed = append(c.failed, t)
		case !t.Status.Final(), fresh, needOf(t).Moving:
			c.busy = append(c.busy, t)
		}
	}
	return c
}

// sumUp computes the status of a service from what its members are; it is never
// nudged. The words are AWS Proton's, with this difference: there a call is
// undone when it fails, here the document goes on to say what is wanted. So a
// failed creation is cleaned up when the document takes it back, and what was
// cleaned up leaves the service as it was before.
//
// What decides, in this order:
//
//   - the service is not wanted: DELETE_IN_PROGRESS, and DELETE_FAILED once a
//     deletion failed and none is under way
//   - an instance that was never there is being taken away: CREATE_FAILED_CLEANUP_IN_PROGRESS,
//     or UPDATE_… for a service that was ACTIVE once
//   - something is under way or about to begin: CREATE_IN_PROGRESS or UPDATE_IN_PROGRESS
//   - something wanted failed: CREATE_FAILED or UPDATE_FAILED
//   - the deletion of an instance that was never there failed: CREATE_FAILED_CLEANUP_FAILED or UPDATE_…
//   - the deletion of another one failed: UPDATE_COMPLETE_CLEANUP_FAILED
//   - else everything wanted is there, and nothing else: ACTIVE
func sumUp(v state.Service, members []state.Target) summary {
	c := takeCensus(members)
	created := v.Created
	pick := func(create, update state.ServiceStatus) state.ServiceStatus {
		if created {
			return update
		}
		return create
	}
	s := summary{created: created}
	switch under := underWay(members); {
	case v.Deleted && len(c.stuck) > 0 && !under:
		s.status, s.message = state.ServiceDeleteFailed, describeAll(c.stuck)
	case v.Deleted:
		s.status, s.message = state.ServiceDeleteInProgress, describeAll(append(c.stuck, held(append(c.doomed, c.undone...))...))
	case len(c.undone) > 0:
		s.status = pick(state.ServiceCreateFailedCleanupInProgress, state.ServiceUpdateFailedCleanupInProgress)
		s.message = describeAll(append(c.failed, held(c.undone)...))
	case under || len(c.failed) == 0 && len(c.busy)+len(c.doomed) > 0:
		s.status = pick(state.ServiceCreateInProgress, state.ServiceUpdateInProgress)
		s.message = describeAll(append(append(c.failed, held(c.busy)...), held(c.doomed)...))
	case len(c.failed) > 0:
		s.status, s.message = pick(state.ServiceCreateFailed, state.ServiceUpdateFailed), describeAll(append(c.failed, c.stuck...))
	case len(c.stuck) > 0 && c.wasNew:
		s.status, s.message = pick(state.ServiceCreateFailedCleanupFailed, state.ServiceUpdateFailedCleanupFailed), describeAll(c.stuck)
	case len(c.stuck) > 0:
		s.status, s.message = state.ServiceUpdateCompleteCleanupFailed, describeAll(c.stuck)
	default:
		s.status, s.created = state.ServiceActive, true
	}
	return s
}

// underWay reports whether a deployment of a member is open.
func underWay(members []state.Target) bool {
	for _, t := range members {
		if !t.Status.Final() {
			return true
		}
	}
	return false
}

// held are the members that wait for something.
func held(members []state.Target) []state.Target {
	var out []state.Target
	for _, t := range members {
		if t.Waiting.Reason != "" && t.Waiting.Reason != state.WaitOrder && t.Waiting.Reason != state.WaitLimit {
			out = append(out, t)
		}
	}
	return out
}

// describeAll says of each member what is wrong with it.
func describeAll(members []state.Target) string {
	lines := make([]string, 0, len(members))
	for _, t := range members {
		why := t.Message
		if why == "" || t.Desired.Deleted && t.Status != state.DeleteFailed || t.Status == "" {
			why = t.Waiting.Why
		}
		lines = append(lines, fmt.Sprintf("%s: %s", t.Ref, why))
	}
	return strings.Join(lines, "\n")
}
