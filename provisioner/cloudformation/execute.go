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

// propose looks at the change set and, when it is good, has it executed.
func (w *work) propose(ctx context.Context) (provisioner.Progress, error) {
	set, err := w.set(ctx)
	if missing(err) {
		return w.again("the change set is gone")
	}
	if err != nil {
		return w.refused("", err)
	}
	switch set.Status {
	case types.ChangeSetStatusCreateComplete:
	case types.ChangeSetStatusFailed:
		return w.unchanged(ctx, set)
	default:
		return w.workedOut()
	}
	switch set.ExecutionStatus {
	case types.ExecutionStatusObsolete:
		return w.again("somebody changed the stack after the change set was made")
	case types.ExecutionStatusAvailable:
	default: // an earlier call had it executed
		w.at.Phase = executing
		return running("the change set is executed")
	}
	if more := w.beyond(set); more != "" {
		if err := w.tidy(ctx); err != nil {
			return provisioner.Progress{}, err
		}
		return w.moved("the import is done, and what follows it is not what was approved: " + more)
	}
	if p, not, err := w.mayNot(ctx, set); not {
		return p, err
	}
	w.plan(set)
	if err := w.a.write(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	w.a.last(ctx)
	token := w.token
	if w.at.Import {
		token += importToken
	}
	_, err = w.a.cfn.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{StackName: &w.at.StackID, ChangeSetName: set.ChangeSetId, ClientRequestToken: &token})
	if refusedWith(err, "InvalidChangeSetStatus", "") || missing(err) {
		w.log = ""
		return running("the change set is looked at once more")
	}
	if err != nil {
		return w.refused("", err)
	}
	w.at.Phase, w.at.Begun, w.at.Looks = executing, time.Now(), 0
	w.a.place.waitFor(w.at.StackID, w.job.ID)
	p, err := running("the change set is executed")
	p.Changes = changes(set)
	return p, err
}

// workedOut waits for a change set, which takes seconds, and of large stacks
// minutes.
func (w *work) workedOut() (provisioner.Progress, error) {
	p, err := running("a change set is worked out")
	p.Again = min(p.Again<<w.at.Looks, 5*time.Second)
	w.at.Looks = min(w.at.Looks+1, 5)
	return p, err
}

// missing says that a change set, or its stack, is not there.
func missing(err error) bool {
	return refusedWith(err, "ChangeSetNotFound", "") || refusedWith(err, "ValidationError", "does not exist")
}

// again proposes anew: a change set is executed as it was, or not at all.
func (w *work) again(why string) (provisioner.Progress, error) {
	if w.at.Bound {
		return w.moved(why)
	}
	if w.at.Try++; w.at.Try > 5 {
		return failed("%s, five times over: somebody else is changing the stack %s", why, w.name)
	}
	w.at.Phase, w.at.ChangeSet, w.at.Looks = looking, "", 0
	return running("%s; a new one is made", why)
}

// set reads the change set with all its changes. Once it is worked out, the
// template is not needed in the bucket any more.
func (w *work) set(ctx context.Context) (*cloudformation.DescribeChangeSetOutput, error) {
	set, err := w.describe(ctx, true)
	if err != nil {
		return nil, err
	}
	if set.Status == types.ChangeSetStatusCreateComplete || set.Status == types.ChangeSetStatusFailed {
		w.unsend(ctx)
	}
	if !strings.HasPrefix(aws.ToString(set.StatusReason), "[WARN]") {
		return set, nil
	}
	bare, err := w.describe(ctx, false) // with values changes may be missing, then
	if err != nil {
		return nil, err
	}
	for _, c := range bare.Changes {
		if c.ResourceChange != nil && !slices.ContainsFunc(set.Changes, func(o types.Change) bool {
			return o.ResourceChange != nil && aws.ToString(o.ResourceChange.LogicalResourceId) == aws.ToString(c.ResourceChange.LogicalResourceId)
		}) {
			set.Changes = append(set.Changes, c)
		}
	}
	return set, nil
}

// describe reads the change set, with values or without.
func (w *work) describe(ctx context.Context, values bool) (*cloudformation.DescribeChangeSetOutput, error) {
	return w.a.describe(ctx, w.at.ChangeSet, w.at.StackID, values)
}

// describe reads a change set with all its changes.
func (a *account) describe(ctx context.Context, name, stackID string, values bool) (*cloudformation.DescribeChangeSetOutput, error) {
	var all *cloudformation.DescribeChangeSetOutput
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: &name, StackName: &stackID, IncludePropertyValues: &values}
	for {
		if err := a.read(ctx); err != nil {
			return nil, err
		}
		out, err := a.cfn.DescribeChangeSet(ctx, in)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = out
		} else {
			all.Changes = append(all.Changes, out.Changes...)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all, nil
		}
	}
}

// plan writes what is about to be done.
func (w *work) plan(set *cloudformation.DescribeChangeSetOutput) {
	w.sayf("Change set %s of stack %s: %d changes", aws.ToString(set.ChangeSetName), w.name, len(set.Changes))
	for _, c := range set.Changes {
		if c.ResourceChange == nil {
			continue
		}
		one := change(c.ResourceChange)
		line := fmt.Sprintf("  %-3s %s %s", sign(one), one.Address, one.Type)
		if len(one.Attributes) > 0 {
			line += ": " + strings.Join(one.Attributes, ", ")
		}
		if one.Reason != "" {
			line += " (" + one.Reason + ")"
		}
		w.sayf("%s", line)
		for _, d := range one.Differences {
			w.sayf("        %s", d)
		}
	}
}

func sign(c provisioner.ResourceChange) string {
	switch {
	case c.Action == "create":
		return "+"
	case c.Action == "import":
		return "<-"
	case c.Action == "replace":
		return "-/+"
	case c.Action == "delete", c.Action == "forget":
		return "-"
	case strings.HasPrefix(c.Reason, "may be replaced"):
		return "~/+"
	}
	return "~"
}

// empty are the ways in which CloudFormation says that there is nothing to do.
var empty = []string{"The submitted information didn't contain changes.", "No updates are to be performed."}

// unchanged ends a job whose change set failed: because there is nothing to do,
// or for a reason.
func (w *work) unchanged(ctx context.Context, set *cloudformation.DescribeChangeSetOutput) (provisioner.Progress, error) {
	reason := aws.ToString(set.StatusReason)
	message := "the change set failed: " + reason
	if strings.Contains(reason, "DescribeEvents") {
		found, err := w.findings(ctx, set)
		if err != nil {
			if p, wait := w.unsaid(err, "the change set failed"); wait || ctx.Err() != nil {
				return p, ctx.Err()
			}
			found = "\nWhat was found could not be read: " + err.Error()
		}
		message += found
	}
	s, err := w.a.stack(ctx, w.at.StackID)
	if err != nil {
		return w.refused("", err)
	}
	if err := w.tidy(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	if comesToNothing(set) && s != nil && s.StackStatus != types.StackStatusReviewInProgress {
		w.sayf("Nothing to do: the stack %s is as the template wants it.", w.name)
		return provisioner.Progress{State: provisioner.Succeeded, Outputs: outputs(s)}, nil
	}
	return failed("%s", message)
}

// tidy removes a change set that is not wanted any more, and the empty stack
// that CloudFormation made for it.
func (w *work) tidy(ctx context.Context) error {
	made := w.at.ChangeSet != "" && w.at.Phase == proposing
	if !made && len(w.at.Sent) == 0 {
		return nil
	}
	if w.a == nil {
		if refusal, err := w.enter(ctx, w.at.StackID); err != nil || refusal != "" {
			return err
		}
	}
	w.unsend(ctx)
	if !made {
		return nil
	}
	if err := w.a.write(ctx); err != nil {
		return err
	}
	_, err := w.a.cfn.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &w.at.ChangeSet, StackName: &w.at.StackID})
	if err != nil && transient(err) {
		return err
	}
	if !w.at.Fresh {
		return nil //nolint:nilerr // a change set that stays does no harm
	}
	s, err := w.a.stack(ctx, w.at.StackID)
	if err != nil || s == nil || s.StackStatus != types.StackStatusReviewInProgress {
		return nil //nolint:nilerr // an empty stack that stays does no harm: the next job uses it
	}
	_, err = w.a.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &w.at.StackID, ClientRequestToken: new(w.token + "-tidy")})
	if err != nil && transient(err) {
		return err
	}
	return nil
}

// findings are what early validation says.
func (w *work) findings(ctx context.Context, set *cloudformation.DescribeChangeSetOutput) (string, error) {
	var text strings.Builder
	pages := cloudformation.NewDescribeEventsPaginator(w.a.cfn, &cloudformation.DescribeEventsInput{
		ChangeSetName: set.ChangeSetId, StackName: &w.at.StackID, Filters: &types.EventFilter{FailedEvents: new(true)},
	})
	for pages.HasMorePages() {
		if err := w.a.read(ctx); err != nil {
			return "", err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, e := range page.OperationEvents {
			if reason := aws.ToString(e.ValidationStatusReason); reason != "" {
				text.WriteString("\n" + aws.ToString(e.LogicalResourceId) + ": " + reason)
			}
		}
	}
	return text.String(), nil
}

// watch waits for the end of the execution.
func (w *work) watch(ctx context.Context) (provisioner.Progress, error) {
	if why := w.stop(); why != "" {
		return w.end(ctx, why)
	}
	seen, err := w.a.look(ctx, w.at.StackID, w.job.ID, w.at.Begun)
	if err != nil {
		return provisioner.Progress{}, err
	}
	s, ours := seen.stack, w.executedBy(seen.stack)
	switch {
	case seen.busy && seen.status == "":
		p, err := running("the change set is executed")
		p.Again = seen.again
		return p, err
	case seen.busy:
		p, err := running("the stack is in %s", seen.status)
		p.Again = seen.again
		return p, err
	case !ours && seen.known && time.Since(w.at.Begun) < 2*w.e.cfg.Poll:
		p, _ := running("the change set is executed") // reads lag
		p.Again = min(seen.again, w.e.cfg.Poll)
		return p, nil
	case !ours:
		if s, err = w.a.stack(ctx, w.at.StackID); err != nil {
			return w.refused("", err)
		}
		ours = w.executedBy(s)
	}
	if s == nil {
		w.a.place.done(w.at.StackID)
		return failed("the stack %s was deleted while the change set was executed", w.name)
	}
	if inProgress(s.StackStatus) {
		p, err := running("the stack is in %s", s.StackStatus)
		p.Again = seen.again
		return p, err
	}
	good := s.StackStatus == types.StackStatusCreateComplete || s.StackStatus == types.StackStatusUpdateComplete || s.StackStatus == types.StackStatusImportComplete
	if !good || !ours {
		set, err := w.set(ctx)
		if err != nil && !missing(err) {
			return w.refused("", err)
		}
		if set != nil && (set.ExecutionStatus == types.ExecutionStatusExecuteInProgress || set.ExecutionStatus == types.ExecutionStatusAvailable) {
			return running("the change set is executed") // reads lag
		}
		if good = good && set != nil && set.ExecutionStatus == types.ExecutionStatusExecuteComplete; good && w.at.Looks < 5 {
			w.at.Looks++ // the stack still reads as it was before, or others have changed it since
			p, err := running("the change set is executed")
			p.Again = w.e.cfg.Poll
			return p, err
		}
	}
	return w.executedTo(ctx, s, good)
}

// executedTo ends a job, or its import, by what the stack came to.
func (w *work) executedTo(ctx context.Context, s *types.Stack, good bool) (provisioner.Progress, error) {
	if good && w.at.Import {
		w.a.place.done(w.at.StackID)
		return w.imported()
	}
	if !good {
		if p, wait, err := w.heed(ctx, s.StackStatus); wait || err != nil {
			return p, err
		}
	}
	if !good || w.a.place.calm() {
		w.tell(ctx)
	} else {
		w.sayf("The stack %s is in %s. Its events were not asked for, as much else is under way.", w.name, s.StackStatus)
	}
	w.a.place.done(w.at.StackID)
	if good {
		return provisioner.Progress{State: provisioner.Succeeded, Outputs: outputs(s), Message: aws.ToString(s.StackStatusReason)}, nil
	}
	return failed("%sthe stack %s is in %s%s", w.because(), w.name, s.StackStatus, wayOut(s.StackStatus))
}

// executedBy says whether a stack's last change was this job's change set.
func (w *work) executedBy(s *types.Stack) bool {
	return s != nil && aws.ToString(s.ChangeSetId) != "" && aws.ToString(s.ChangeSetId) == w.at.ChangeSet
}

// wayOut is what leads out of a state that stays.
func wayOut(s types.StackStatus) string {
	if s == types.StackStatusUpdateRollbackFailed {
		return "; mend what failed and retry, or leave it as it is: baryon skip NAME --resource ID"
	}
	return ""
}

// stop says why the job is to end before its time.
func (w *work) stop() string {
	switch {
	case w.rec.Cancelled:
		return "cancelled"
	case time.Since(w.at.Begun) > w.limit():
		return "took longer than " + w.limit().String()
	}
	return ""
}

// limit is how long the job may take.
func (w *work) limit() time.Duration {
	if w.job.Timeout > 0 {
		return w.job.Timeout
	}
	return w.e.cfg.Timeout
}

// end asks CloudFormation to take back what it is doing.
func (w *work) end(ctx context.Context, why string) (provisioner.Progress, error) {
	w.at.Phase, w.at.Why = stopping, why
	s, err := w.a.stack(ctx, w.at.StackID)
	if err != nil {
		return w.refused("", err)
	}
	if s == nil {
		return w.stopped(ctx)
	}
	if err := w.a.write(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	var callErr error
	switch s.StackStatus {
	case types.StackStatusUpdateInProgress:
		_, callErr = w.a.cfn.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: &w.at.StackID, ClientRequestToken: new(w.token + "-cancel")})
	case types.StackStatusCreateInProgress: // nothing was there before
		_, callErr = w.a.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &w.at.StackID, ClientRequestToken: new(w.token + "-cancel")})
	}
	if callErr != nil && transient(callErr) {
		w.at.Phase = executing
		return provisioner.Progress{}, callErr
	}
	return running("%s: the stack goes back to what it was", why)
}

// stopped waits until what was stopped has come to rest.
func (w *work) stopped(ctx context.Context) (provisioner.Progress, error) {
	s, err := w.a.stack(ctx, w.at.StackID)
	if err != nil {
		return w.refused("", err)
	}
	status := "gone"
	if s != nil {
		status = string(s.StackStatus)
	}
	if strings.HasSuffix(status, "_IN_PROGRESS") && status != string(types.StackStatusReviewInProgress) {
		p, _ := running("%s: the stack is in %s", w.at.Why, status)
		p.Again = w.e.cfg.Poll / 2
		return p, nil
	}
	if err := w.listen(ctx); err != nil {
		if p, wait := w.unsaid(err, fmt.Sprintf("%s: the stack is %s", w.at.Why, status)); wait || ctx.Err() != nil {
			return p, ctx.Err()
		}
	}
	w.a.place.done(w.at.StackID)
	w.tell(ctx)
	switch {
	case s != nil && (s.StackStatus == types.StackStatusUpdateComplete || s.StackStatus == types.StackStatusCreateComplete):
		return provisioner.Progress{State: provisioner.Succeeded, Outputs: outputs(s), Message: "ended before it could be stopped"}, nil
	case w.at.Why == "cancelled":
		return provisioner.Progress{State: provisioner.Cancelled, Message: "cancelled; the stack is " + status}, nil
	}
	return failed("%s; the stack is %s", w.at.Why, status)
}

func outputs(s *types.Stack) map[string]string {
	out := map[string]string{}
	for _, o := range s.Outputs {
		out[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return out
}
