package cloudformation

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner"
)

// onHold says of a job that may change nothing now why it waits. What has begun
// goes on.
func (w *work) onHold() (provisioner.Progress, bool) {
	if w.job.Hold == "" {
		return provisioner.Progress{}, false
	}
	return provisioner.Progress{State: provisioner.Running, Resting: true, Message: w.job.Hold, Again: 2 * time.Second}, true
}

// offends ends a job whose plan takes away what it may not: nothing was changed.
// False when it takes away nothing of that.
func (w *work) offends(ctx context.Context, list []provisioner.ResourceChange) (provisioner.Progress, bool, error) {
	why := provisioner.Against(w.job.Never, list)
	if why == "" {
		return provisioner.Progress{}, false, nil
	}
	if err := w.tidy(ctx); err != nil {
		return provisioner.Progress{}, true, err
	}
	p, err := failed("nothing was changed: %s, which takes a person", why)
	p.Held, p.Changes = true, list
	return p, true, err
}

// mayNot says of a change set that is ready why it is not executed now, if it is
// not: nothing may begin, or it takes away what it may not.
func (w *work) mayNot(ctx context.Context, set *cloudformation.DescribeChangeSetOutput) (provisioner.Progress, bool, error) {
	if p, waits := w.onHold(); waits || len(w.job.Never) == 0 {
		return p, waits, nil
	}
	list, err := w.whole(ctx, set)
	if err != nil {
		p, err := w.refused("", err)
		return p, true, err
	}
	return w.offends(ctx, list)
}

// removes is offends for the deletion of the whole stack.
func (w *work) removes(ctx context.Context, s *types.Stack) (provisioner.Progress, bool, error) {
	if len(w.job.Never) == 0 || s == nil || s.StackStatus == types.StackStatusReviewInProgress {
		return provisioner.Progress{}, false, nil
	}
	w.at.StackID = aws.ToString(s.StackId)
	list, _, err := w.taken(ctx)
	if err != nil {
		p, err := w.refused("", err)
		return p, true, err
	}
	return w.offends(ctx, list)
}

// taken lists what goes with the stack, and counts what it has.
func (w *work) taken(ctx context.Context) (list []provisioner.ResourceChange, existing int, err error) {
	kept, err := w.a.kept(ctx, w.at.StackID)
	if err != nil {
		return nil, 0, err
	}
	physical := map[string]string{}
	err = w.a.resources(ctx, w.at.StackID, func(r types.StackResourceSummary) {
		c := w.takenAway(r, kept)
		physical[c.Address] = aws.ToString(r.PhysicalResourceId)
		list = append(list, c)
	})
	if err != nil {
		return nil, 0, err
	}
	existing = len(list)
	list, err = w.within(ctx, list, physical)
	return list, existing, err
}

// takenAway is what the deletion of its stack does to a resource.
func (w *work) takenAway(r types.StackResourceSummary, kept map[string]string) provisioner.ResourceChange {
	c := provisioner.ResourceChange{Address: aws.ToString(r.LogicalResourceId), Type: aws.ToString(r.ResourceType), Action: "delete", Reason: aws.ToString(r.PhysicalResourceId)}
	switch policy := kept[c.Address]; {
	case policy == "Snapshot":
		c.Reason += ", after a snapshot"
	case policy != "" || slices.Contains(w.job.Leave, c.Address):
		c.Action = "forget"
		c.Reason += ", which stays"
	}
	return c
}

// within adds to changes what is in nested stacks that go, or are replaced: to
// delete one deletes all that is in it.
func (w *work) within(ctx context.Context, list []provisioner.ResourceChange, physical map[string]string) ([]provisioner.ResourceChange, error) {
	out := list
	for _, c := range list {
		id := physical[c.Address]
		if c.Type != stackType || c.Action != "delete" && (c.Action != "replace" || c.Kept) || id == "" {
			continue
		}
		inner, err := w.inside(ctx, c.Address, id)
		if err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

// inside lists what a nested stack takes with it.
func (w *work) inside(ctx context.Context, address, stackID string) ([]provisioner.ResourceChange, error) {
	kept, err := w.a.kept(ctx, stackID)
	if err != nil {
		return nil, err
	}
	var list []provisioner.ResourceChange
	physical := map[string]string{}
	err = w.a.resources(ctx, stackID, func(r types.StackResourceSummary) {
		c := w.takenAway(r, kept)
		c.Address = address + "." + c.Address
		physical[c.Address] = aws.ToString(r.PhysicalResourceId)
		list = append(list, c)
	})
	if err != nil {
		return nil, err
	}
	return w.within(ctx, list, physical)
}

// looksInside reports whether a change set is to tell what changes in nested
// stacks: where somebody judges it. What is made new takes nothing away, and what
// brings drift back, or takes resources in, AWS does for one stack at a time.
func (w *work) looksInside(kind types.ChangeSetType, in *cloudformation.CreateChangeSetInput, text []byte) bool {
	alone := in.DeploymentMode != "" || in.ImportExistingResources != nil
	return kind == types.ChangeSetTypeUpdate && !alone && (w.plans || len(w.job.Never) > 0) && bytes.Contains(text, []byte(stackType))
}

// whole are the lines of a change set, with those of nested stacks.
func (w *work) whole(ctx context.Context, set *cloudformation.DescribeChangeSetOutput) ([]provisioner.ResourceChange, error) {
	physical := map[string]string{}
	for _, c := range set.Changes {
		if c.ResourceChange != nil {
			physical[aws.ToString(c.ResourceChange.LogicalResourceId)] = aws.ToString(c.ResourceChange.PhysicalResourceId)
		}
	}
	list, err := w.within(ctx, changes(set), physical)
	if err != nil {
		return nil, err
	}
	for _, c := range set.Changes {
		r := c.ResourceChange
		if r == nil || r.ChangeSetId == nil || r.Action != types.ChangeActionModify || r.Replacement == types.ReplacementTrue {
			continue
		}
		inner, err := w.a.describe(ctx, *r.ChangeSetId, aws.ToString(r.PhysicalResourceId), true)
		if missing(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if comesToNothing(inner) {
			continue
		}
		nested, err := w.whole(ctx, inner)
		if err != nil {
			return nil, err
		}
		for _, n := range nested {
			if n.Type == stackType && n.Address == aws.ToString(inner.StackName) {
				continue // its outputs or tags alone
			}
			n.Address = aws.ToString(r.LogicalResourceId) + "." + n.Address
			list = append(list, n)
		}
	}
	return list, nil
}
