package cloudformation

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner"
)

// remove deletes the stack.
func (w *work) remove(ctx context.Context, s *types.Stack) (provisioner.Progress, error) {
	switch {
	case s == nil:
		return provisioner.Progress{State: provisioner.Succeeded, Message: "there is no stack " + w.name}, nil
	case strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") && s.StackStatus != types.StackStatusReviewInProgress && s.StackStatus != types.StackStatusDeleteInProgress:
		return running("waits: the stack %s is in %s", w.name, s.StackStatus)
	case aws.ToBool(s.EnableTerminationProtection):
		return failed("the stack %s is protected against termination; turn the protection off, and retry", w.name)
	}
	w.at.StackID = aws.ToString(s.StackId)
	if s.StackStatus != types.StackStatusDeleteInProgress {
		if p, waits := w.onHold(); waits {
			return p, nil
		}
		if p, ends, err := w.removes(ctx, s); ends {
			return p, err
		}
	}
	in := &cloudformation.DeleteStackInput{StackName: &w.at.StackID, ClientRequestToken: &w.token}
	if s.StackStatus == types.StackStatusDeleteFailed && len(w.job.Leave) > 0 {
		in.RetainResources = w.job.Leave
		w.sayf("Left where they are: %s", strings.Join(w.job.Leave, ", "))
	}
	if s.StackStatus == types.StackStatusDeleteFailed && w.job.Force {
		in.DeletionMode = types.DeletionModeForceDeleteStack
		w.sayf("By force: what cannot be deleted is left where it is, and nobody's.")
	}
	if err := w.a.write(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	w.a.last(ctx)
	if _, err := w.a.cfn.DeleteStack(ctx, in); err != nil {
		return w.refused("", err)
	}
	w.at.Phase, w.at.Begun = deleting, time.Now()
	w.a.place.waitFor(w.at.StackID, w.job.ID)
	w.sayf("Deleting the stack %s", w.name)
	return running("the stack is deleted")
}

// watchDelete waits for the end of the deletion.
func (w *work) watchDelete(ctx context.Context) (provisioner.Progress, error) {
	seen, err := w.a.look(ctx, w.at.StackID, w.job.ID, w.at.Begun)
	if err != nil {
		return provisioner.Progress{}, err
	}
	if seen.busy {
		p, _ := running("the stack is deleted")
		p.Again = seen.again
		return p, nil
	}
	s, err := w.a.stack(ctx, w.at.StackID)
	if err != nil {
		return w.refused("", err)
	}
	if s != nil && inProgress(s.StackStatus) {
		p, err := running("the stack is in %s", s.StackStatus)
		p.Again = seen.again
		return p, err
	}
	if s != nil && s.StackStatus == types.StackStatusDeleteFailed {
		if p, wait, err := w.heed(ctx, s.StackStatus); wait || err != nil {
			return p, err
		}
	}
	w.a.place.done(w.at.StackID)
	switch {
	case s == nil && !w.a.place.calm():
		return provisioner.Progress{State: provisioner.Succeeded}, nil
	case s == nil:
		w.tell(ctx)
		return provisioner.Progress{State: provisioner.Succeeded}, nil
	case s.StackStatus == types.StackStatusDeleteFailed:
		w.tell(ctx)
		return failed("%s%s\nRemove what stands in the way, and retry; or leave resources where they are: baryon skip NAME --resource ID",
			w.because(), aws.ToString(s.StackStatusReason))
	}
	return failed("the stack %s was not deleted: %s See to that, and then: baryon retry NAME", w.name, aws.ToString(s.StackStatusReason))
}
