package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner"
)

const (
	// asksFor is how long the reason of a failure is asked for while AWS does not
	// answer.
	asksFor = 10 * time.Minute
	// skew is how far the clock of AWS may be from this one.
	skew = 10 * time.Minute
	// deepest is how many stacks within stacks are looked into for a reason.
	deepest = 5
)

// A tale is what is known of how an operation went.
type tale struct {
	of     string             // the stack
	events []types.StackEvent // of this job's operations, oldest first
	cause  string             // what failed first and why, a line; empty when nothing says so
	lost   error              // why it could not be read
}

// came says whether it is told that the stack came to a state.
func (t *tale) came(status types.StackStatus) bool {
	return slices.ContainsFunc(t.events, func(e types.StackEvent) bool { return itself(e) && string(e.ResourceStatus) == string(status) })
}

// itself says whether an event is of the stack and not of a resource in it.
func itself(e types.StackEvent) bool {
	return aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId)
}

// heed reads how an operation that failed went. Where AWS does not answer, or
// does not know yet, it hands back a progress to wait with: a failure is not told
// before its reason, unless that was asked for in vain for long.
func (w *work) heed(ctx context.Context, status types.StackStatus) (_ provisioner.Progress, wait bool, _ error) {
	err := w.listen(ctx)
	switch {
	case ctx.Err() != nil:
		return provisioner.Progress{}, false, ctx.Err()
	case err != nil:
		p, wait := w.unsaid(err, fmt.Sprintf("the stack is in %s", status))
		return p, wait, nil
	case w.tale.cause != "" && w.tale.came(status):
		return provisioner.Progress{}, false, nil
	}
	if w.at.Ended.IsZero() {
		w.at.Ended = time.Now()
	}
	if time.Since(w.at.Ended) < 5*w.e.cfg.Poll { // reads lag
		return provisioner.Progress{State: provisioner.Running, Message: fmt.Sprintf("the stack is in %s; its events are asked for", status), Again: w.e.cfg.Poll}, true, nil
	}
	return provisioner.Progress{}, false, nil
}

// unsaid is the progress of a failure whose reason AWS does not tell just now. It
// is not waited with where AWS refuses to tell, or was asked for long.
func (w *work) unsaid(err error, what string) (_ provisioner.Progress, wait bool) {
	if w.at.Ended.IsZero() {
		w.at.Ended = time.Now()
	}
	if !transient(err) || time.Since(w.at.Ended) >= asksFor {
		return provisioner.Progress{}, false
	}
	p := w.patience(err)
	p.Message = what + ", and AWS does not say why yet: " + err.Error()
	return p, true
}

// listen reads the events of this job's operations, once.
func (w *work) listen(ctx context.Context) error {
	if w.tale != nil && w.tale.of == w.at.StackID {
		return w.tale.lost
	}
	t := &tale{of: w.at.StackID}
	t.events, t.lost = w.a.events(ctx, w.at.StackID, w.at.Begun.Add(-skew), w.ours)
	if t.lost == nil {
		t.cause, t.lost = w.a.cause(ctx, t.events, "", deepest)
	}
	w.tale = t
	return t.lost
}

// ours says whether an event is of an operation that this job asked for.
func (w *work) ours(e types.StackEvent) bool {
	rest, ok := strings.CutPrefix(aws.ToString(e.ClientRequestToken), w.token)
	return ok && (rest == "" || rest[0] == '-')
}

// events are those of a stack since a time that are wanted, oldest first. Of
// operations that follow each other those before the wanted ones are not read.
func (a *account) events(ctx context.Context, stackID string, since time.Time, wanted func(types.StackEvent) bool) ([]types.StackEvent, error) {
	var out []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(a.cfn, &cloudformation.DescribeStackEventsInput{StackName: &stackID})
	for pages.HasMorePages() {
		if err := a.read(ctx); err != nil {
			return nil, err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.StackEvents {
			switch {
			case wanted(e):
				out = append(out, e)
			case len(out) > 0 || aws.ToTime(e.Timestamp).Before(since):
				slices.Reverse(out)
				return out, nil
			}
		}
	}
	slices.Reverse(out)
	return out, nil
}

// cause is the resource that failed first and what it failed with; what was
// cancelled for its sake is a consequence. Where a stack within the stack failed
// it is what failed in there.
func (a *account) cause(ctx context.Context, events []types.StackEvent, within string, deep int) (string, error) {
	for _, e := range events {
		reason, physical := aws.ToString(e.ResourceStatusReason), aws.ToString(e.PhysicalResourceId)
		if !strings.HasSuffix(string(e.ResourceStatus), "_FAILED") || strings.Contains(reason, "cancelled") || itself(e) {
			continue
		}
		name := within + aws.ToString(e.LogicalResourceId)
		if aws.ToString(e.ResourceType) == stackType && strings.HasPrefix(physical, "arn:") && deep > 0 {
			begun := aws.ToTime(events[0].Timestamp)
			inner, err := a.events(ctx, physical, begun, func(e types.StackEvent) bool { return !aws.ToTime(e.Timestamp).Before(begun) })
			if err != nil && (transient(err) || ctx.Err() != nil) {
				return "", err
			}
			if cause, err := a.cause(ctx, inner, name+".", deep-1); err != nil || cause != "" {
				return cause, err
			}
		}
		return fmt.Sprintf("%s (%s) failed: %s\n", name, aws.ToString(e.ResourceType), reason), nil
	}
	for _, e := range events {
		if strings.Contains(string(e.ResourceStatus), "ROLLBACK_IN_PROGRESS") && aws.ToString(e.ResourceStatusReason) != "" && within == "" {
			return aws.ToString(e.ResourceStatusReason) + "\n", nil
		}
	}
	return "", nil
}

// because is the cause of a failure, after heed, as the beginning of a message.
func (w *work) because() string {
	switch {
	case w.tale == nil:
		return ""
	case w.tale.lost != nil:
		return fmt.Sprintf("why it failed could not be read: %s. The events of the stack in AWS tell it\n", w.tale.lost)
	}
	return w.tale.cause
}

// tell writes the events of the operation into the log, its cause of failure
// first.
func (w *work) tell(ctx context.Context) {
	if err := w.listen(ctx); err != nil {
		w.sayf("The events of the stack could not be read: %s", err)
		return
	}
	if cause := strings.TrimSpace(w.tale.cause); cause != "" {
		w.sayf("%s", cause)
	}
	for _, e := range w.tale.events {
		line := fmt.Sprintf("%s %-36s %s %s", e.Timestamp.UTC().Format(time.RFC3339), e.ResourceStatus, aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType))
		if reason := aws.ToString(e.ResourceStatusReason); reason != "" {
			line += ": " + reason
		}
		w.sayf("%s", line)
	}
}
