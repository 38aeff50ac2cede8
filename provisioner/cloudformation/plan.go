package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"go.yaml.in/yaml/v3"

	"baryon/provisioner"
)

// The sorts of plans.
const (
	planSet    = "set"    // a change set that waits
	planEmpty  = "empty"  // one that came to nothing
	planRemove = "remove" // the stack is deleted
	planAnew   = "anew"   // the stack is deleted and made anew
	planImport = "import" // a change set that imports waits, and another one follows it
	planMend   = "mend"   // its rollback goes on first
)

const stackType = "AWS::CloudFormation::Stack"

// Plan makes a plan and keeps it under the job's ID, in the way that Apply
// applies one: it is called until its Progress is final, whose Changes are the
// plan. It is a change set, which waits in the account until it is executed or
// the stack has moved. Nothing is changed but that a stack which is yet to be
// made exists without resources from then on.
func (e *Engine) Plan(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	return e.run(ctx, job, (*work).foresee)
}

// Current reports whether a plan can still be applied: the change set waits, and
// the stack is the one it was made for.
func (e *Engine) Current(ctx context.Context, job provisioner.Job) (bool, error) {
	w, err := e.workOf(job)
	if err != nil {
		return false, err
	}
	var plan position
	if json.Unmarshal([]byte(job.PlanHandle), &plan) != nil || plan.Plan == "" {
		return false, nil
	}
	refusal, err := w.enter(ctx, plan.StackID)
	if err != nil {
		return false, err
	}
	if refusal != "" { // which says nothing about the plan
		return false, errors.New(refusal)
	}
	return w.current(ctx, plan)
}

// current says whether what a plan was made from has not moved.
func (w *work) current(ctx context.Context, plan position) (bool, error) {
	s, err := w.a.stack(ctx, plan.StackID)
	if err != nil || s == nil || stateOf(s) != plan.Seen {
		return false, err
	}
	if plan.ChangeSet == "" {
		return true, nil
	}
	if err := w.a.read(ctx); err != nil {
		return false, err
	}
	set, err := w.a.cfn.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &plan.ChangeSet, StackName: &plan.StackID})
	switch {
	case missing(err):
		return false, nil
	case err != nil:
		return false, err
	case plan.Plan == planEmpty:
		return set.Status == types.ChangeSetStatusFailed, nil
	}
	return set.ExecutionStatus == types.ExecutionStatusAvailable, nil
}

// stateOf tells one state of a stack from another.
func stateOf(s *types.Stack) string {
	text := aws.ToString(s.StackId) + " " + string(s.StackStatus)
	if s.LastUpdatedTime != nil {
		text += " " + s.LastUpdatedTime.UTC().Format("2006-01-02T15:04:05.000")
	}
	return text
}

// foresee makes the next step of a plan.
func (w *work) foresee(ctx context.Context) (provisioner.Progress, error) {
	w.plans = true
	switch w.at.Phase {
	case proposing:
		return w.foreseen(ctx)
	case previewing:
		return w.foreseenImport(ctx)
	}
	s, err := w.a.stack(ctx, w.name)
	if err != nil {
		return w.refused("", err)
	}
	if s != nil {
		w.at.StackID, w.at.Seen, w.was = aws.ToString(s.StackId), stateOf(s), s
	}
	switch {
	case w.job.Action == provisioner.Deprovision:
		return w.foreseeRemoval(ctx, s)
	case s == nil:
		twin, err := w.twin(ctx)
		switch {
		case err != nil:
			return w.refused("", err)
		case twin != "":
			return failed("the running stack %s carries the tags of this; no second one is made beside it. Take it over with: baryon adopt NAME", twin)
		}
		return w.bring(ctx, s, types.ChangeSetTypeCreate)
	case s.StackStatus == types.StackStatusReviewInProgress:
		return w.bring(ctx, s, types.ChangeSetTypeCreate)
	case inProgress(s.StackStatus):
		return running("waits: the stack %s is in %s, by another operation", w.name, s.StackStatus)
	case onlyDeletable(s.StackStatus):
		p, err := w.foreseeRemoval(ctx, s)
		w.at.Plan = planAnew
		p.Changes = append(p.Changes, provisioner.ResourceChange{
			Address: w.name, Type: stackType, Action: "replace",
			Reason: fmt.Sprintf("it is in %s, which only deletion leads out of: it is made anew from the template", s.StackStatus),
		})
		return p, err
	case s.StackStatus == types.StackStatusUpdateRollbackFailed || s.StackStatus == types.StackStatusUpdateFailed:
		return w.foreseeMending(s)
	}
	return w.bring(ctx, s, types.ChangeSetTypeUpdate)
}

// foreseeMending is the plan for a stack that no change set can be made for: the
// way back goes on, and the change set is made after it, unseen.
func (w *work) foreseeMending(s *types.Stack) (provisioner.Progress, error) {
	w.at.Plan = planMend
	return provisioner.Progress{State: provisioner.Succeeded, Changes: []provisioner.ResourceChange{{
		Address: w.name, Type: stackType, Action: "update",
		Reason: fmt.Sprintf("it is in %s, where no change set can be made: its rollback is continued, and then it is updated to the template", s.StackStatus),
	}}}, nil
}

// foreseen reads the change set that was made.
func (w *work) foreseen(ctx context.Context) (provisioner.Progress, error) {
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
		if !comesToNothing(set) || w.at.Fresh {
			return w.unchanged(ctx, set)
		}
	default:
		return w.workedOut()
	}
	if set.ExecutionStatus == types.ExecutionStatusObsolete {
		return w.again("somebody changed the stack after the change set was made")
	}
	if w.at.Seen == "" || w.at.Fresh { // it was not there before
		s, err := w.a.stack(ctx, w.at.StackID)
		if err != nil || s == nil {
			return running("a change set is worked out")
		}
		w.at.Seen = stateOf(s)
	}
	if w.at.Import {
		return w.foreseeImport(ctx)
	}
	if _, err := w.a.sweep(ctx, w.at.StackID, w.at.ChangeSet); err != nil {
		return provisioner.Progress{}, err
	}
	w.at.Plan = planSet
	if comesToNothing(set) {
		w.at.Plan = planEmpty
		w.sayf("Nothing to do: the stack %s is as the template wants it.", w.name)
		return provisioner.Progress{State: provisioner.Succeeded, Nothing: true}, nil
	}
	list, err := w.whole(ctx, set)
	if err != nil {
		return w.refused("", err)
	}
	p := provisioner.Progress{State: provisioner.Succeeded, Changes: list}
	if !w.at.Fresh {
		if err := w.a.resources(ctx, w.at.StackID, func(types.StackResourceSummary) { p.Existing++ }); err != nil {
			return w.refused("", err)
		}
	}
	w.plan(set)
	return p, nil
}

// foreseeRemoval lists what a deletion takes away and what it leaves.
func (w *work) foreseeRemoval(ctx context.Context, s *types.Stack) (provisioner.Progress, error) {
	w.at.Plan = planRemove
	if s == nil {
		return provisioner.Progress{State: provisioner.Succeeded, Message: "there is no stack " + w.name}, nil
	}
	if inProgress(s.StackStatus) && s.StackStatus != types.StackStatusReviewInProgress {
		return running("waits: the stack %s is in %s, by another operation", w.name, s.StackStatus)
	}
	p := provisioner.Progress{State: provisioner.Succeeded}
	if s.StackStatus == types.StackStatusReviewInProgress {
		return p, nil
	}
	var err error
	if p.Changes, p.Existing, err = w.taken(ctx); err != nil {
		return w.refused("", err)
	}
	if aws.ToBool(s.EnableTerminationProtection) {
		p.Changes = append(p.Changes, provisioner.ResourceChange{
			Address: w.name, Type: stackType, Action: "delete", Reason: "it is protected against termination, and the deletion will fail until that is turned off",
		})
	}
	return p, nil
}

// kept are the resources that a deletion leaves, or makes a snapshot of, by what
// the stack's own template says: their policies by name.
func (a *account) kept(ctx context.Context, stackID string) (map[string]string, error) {
	if err := a.read(ctx); err != nil {
		return nil, err
	}
	out, err := a.cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &stackID, TemplateStage: types.TemplateStageProcessed})
	if err != nil {
		return nil, err
	}
	var t struct {
		Resources map[string]struct {
			DeletionPolicy yaml.Node `yaml:"DeletionPolicy"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(aws.ToString(out.TemplateBody)), &t); err != nil {
		return nil, fmt.Errorf("template of stack %s: %w", stackID, err)
	}
	kept := map[string]string{}
	for id, r := range t.Resources {
		if policy := r.DeletionPolicy.Value; policy == "Retain" || policy == "RetainExceptOnCreate" || policy == "Snapshot" {
			kept[id] = policy
		}
	}
	return kept, nil
}

// plannedApply begins a job that applies a plan, or says that the plan cannot be
// applied any more.
func (w *work) plannedApply(ctx context.Context) (provisioner.Progress, error) {
	var plan position
	if err := json.Unmarshal([]byte(w.job.PlanHandle), &plan); err != nil || plan.Plan == "" {
		return w.moved("the plan that was approved is not known any more")
	}
	if plan.StackID == "" { // the deletion of what was not there
		return w.anyway(ctx)
	}
	ok, err := w.current(ctx, plan)
	switch {
	case err != nil:
		return w.refused("", err)
	case !ok && (plan.Plan == planSet || plan.Plan == planImport):
		return w.executed(ctx, plan)
	case !ok:
		return w.moved("the stack " + w.name + " was changed by others after the plan was made")
	}
	w.at.StackID = plan.StackID
	w.at.Import, w.at.Covered = plan.Plan == planImport, plan.Covered
	switch plan.Plan {
	case planSet, planImport:
		w.at.ChangeSet, w.at.Fresh, w.at.Phase, w.at.Bound = plan.ChangeSet, plan.Fresh, proposing, true
		return running("the change set that was approved is looked at")
	case planEmpty:
		s, err := w.a.stack(ctx, plan.StackID)
		if err != nil || s == nil {
			return w.refused("", err)
		}
		w.at.ChangeSet, w.at.Phase = plan.ChangeSet, proposing
		w.sayf("Nothing to do: the stack %s is as the template wants it.", w.name)
		return provisioner.Progress{State: provisioner.Succeeded, Outputs: outputs(s)}, w.tidy(ctx)
	}
	return w.anyway(ctx)
}

// executed goes on with a change set that an earlier call had executed, whose
// answer was lost.
func (w *work) executed(ctx context.Context, plan position) (provisioner.Progress, error) {
	if err := w.a.read(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	events, err := w.a.cfn.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &plan.StackID})
	if err != nil {
		return w.refused("", err)
	}
	for _, e := range events.StackEvents {
		if !w.ours(e) {
			continue
		}
		w.at.StackID, w.at.ChangeSet, w.at.Fresh, w.at.Phase, w.at.Bound = plan.StackID, plan.ChangeSet, plan.Fresh, executing, true
		if w.at.Covered = plan.Covered; plan.Plan != planImport {
			return running("the change set is executed")
		}
		if w.at.Import = strings.HasSuffix(aws.ToString(e.ClientRequestToken), importToken); !w.at.Import { // what follows it is under way already
			w.at.Imported, w.at.Bound, w.at.Fresh = true, false, false
			s, err := w.a.stack(ctx, plan.StackID)
			if err != nil || s == nil {
				return w.refused("", err)
			}
			w.at.ChangeSet = aws.ToString(s.ChangeSetId)
		}
		return running("the change set is executed")
	}
	return w.moved("the stack " + w.name + " was changed by others after the plan was made")
}

// moved ends a job whose plan cannot be applied any more.
func (w *work) moved(why string) (provisioner.Progress, error) {
	p, err := failed("%s; nothing was changed, and it is planned anew", why)
	p.PlanMoved = true
	return p, err
}

// comesToNothing says whether a change set failed because there is nothing to do.
func comesToNothing(set *cloudformation.DescribeChangeSetOutput) bool {
	reason := aws.ToString(set.StatusReason)
	return set.Status == types.ChangeSetStatusFailed && slices.ContainsFunc(empty, func(p string) bool { return strings.HasPrefix(reason, p) })
}

// changes are the lines of a change set. What changes no resource is a line too.
func changes(set *cloudformation.DescribeChangeSetOutput) []provisioner.ResourceChange {
	out := []provisioner.ResourceChange{}
	for _, c := range set.Changes {
		if c.ResourceChange != nil {
			out = append(out, change(c.ResourceChange))
		}
	}
	if len(out) == 0 {
		out = append(out, provisioner.ResourceChange{
			Address: aws.ToString(set.StackName), Type: stackType, Action: "update", Reason: "outputs, tags or settings alone; no resource changes",
		})
	}
	return out
}

func change(r *types.ResourceChange) provisioner.ResourceChange {
	c := provisioner.ResourceChange{Address: aws.ToString(r.LogicalResourceId), Type: aws.ToString(r.ResourceType), Action: "update"}
	switch {
	case r.Action == types.ChangeActionAdd:
		c.Action = "create"
	case r.Action == types.ChangeActionImport:
		c.Action = "import"
	case r.Action == types.ChangeActionRemove && r.PolicyAction == types.PolicyActionRetain:
		c.Action, c.Reason = "forget", "it stays, and the stack knows it no longer"
	case r.Action == types.ChangeActionRemove:
		c.Action = "delete"
		if r.PolicyAction == types.PolicyActionSnapshot {
			c.Reason = "after a snapshot"
		}
	case r.Replacement == types.ReplacementTrue:
		c.Action = "replace"
	case r.Replacement == types.ReplacementConditional:
		c.Reason, c.Conditional = "may be replaced, which turns out when it is executed", true
	}
	if c.Kept = r.PolicyAction == types.PolicyActionReplaceAndRetain; c.Kept && c.Action == "replace" {
		c.Reason = "the old one stays"
	}
	for _, d := range r.Details {
		if d.Target == nil {
			continue
		}
		name := aws.ToString(d.Target.Name)
		if name == "" {
			name = string(d.Target.Attribute)
		}
		if !slices.Contains(c.Attributes, name) {
			c.Attributes = append(c.Attributes, name)
		}
		if d.Target.RequiresRecreation == types.RequiresRecreationAlways && c.Action == "replace" && !slices.Contains(c.Forces, name) {
			c.Forces = append(c.Forces, name)
		}
		line := difference(aws.ToString(d.Target.Path), aws.ToString(d.Target.BeforeValue), aws.ToString(d.Target.AfterValue))
		if cause := aws.ToString(d.CausingEntity); cause != "" && line != "" {
			line += ", through " + cause
		}
		if line != "" && !slices.Contains(c.Differences, line) {
			c.Differences = append(c.Differences, line)
		}
	}
	return c
}

var (
	secretName  = regexp.MustCompile(`(?i)(password|passwd|secret|token|credential|private_?key|api_?key|connection_?string)`)
	secretValue = regexp.MustCompile(`\{\{\s*resolve:|-----BEGIN|\bAKIA[0-9A-Z]{16}\b`)
)

// difference tells how one value changes. What may be a secret is not shown.
func difference(path, before, after string) string {
	if path = pathName(path); path == "" || before == "" && after == "" {
		return ""
	}
	show := func(v string) string {
		switch {
		case v == "":
			return "nothing"
		case secretName.MatchString(path), secretName.MatchString(v), secretValue.MatchString(v):
			return "****"
		case v == "{{changeSet:KNOWN_AFTER_APPLY}}":
			return "(known afterwards)"
		}
		if runes := []rune(v); len(runes) > 120 {
			v = string(runes[:120]) + "…"
		}
		return fmt.Sprintf("%q", v)
	}
	return path + ": " + show(before) + " → " + show(after)
}

// pathName writes the path of a property as people do.
func pathName(path string) string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(path, "/Properties"), "/"), "/", ".")
}
