package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"baryon/provisioner"
)

// A work is one call of Apply.
type work struct {
	e     *Engine
	job   provisioner.Job
	at    position
	rec   record
	name  string // of the stack
	token string
	who   identity
	a     *account
	log   string // to be added
	plans bool   // a plan is made, to be looked at

	was *types.Stack // when it was looked at

	tale *tale // of what was done, once that was asked for
}

func (w *work) sayf(format string, args ...any) { w.log += fmt.Sprintf(format, args...) + "\n" }

func running(format string, args ...any) (provisioner.Progress, error) {
	return provisioner.Progress{State: provisioner.Running, Message: fmt.Sprintf(format, args...), Again: 200 * time.Millisecond}, nil
}

func failed(format string, args ...any) (provisioner.Progress, error) {
	return provisioner.Progress{State: provisioner.Failed, Message: fmt.Sprintf(format, args...)}, nil
}

// step makes the next step, once it is certain where.
func (w *work) step(ctx context.Context, next func(*work, context.Context) (provisioner.Progress, error)) (provisioner.Progress, error) {
	begun := w.begun()
	if w.rec.Cancelled && !begun {
		var plan position
		if w.at.Phase == looking && json.Unmarshal([]byte(w.job.PlanHandle), &plan) == nil && plan.ChangeSet != "" {
			w.at.Phase, w.at.StackID, w.at.ChangeSet, w.at.Fresh = proposing, plan.StackID, plan.ChangeSet, plan.Fresh
		}
		return provisioner.Progress{State: provisioner.Cancelled, Message: "cancelled before anything was changed"}, w.tidy(ctx)
	}
	if refusal, err := w.enter(ctx, w.at.StackID); err != nil || refusal != "" {
		return w.refused(refusal, err)
	}
	a := w.a
	if !begun {
		if !a.place.begin() {
			p, err := running("waits for its turn: all deployments of an account share the pace that AWS allows")
			p.Again = turn/2 + rand.N(a.place.queue()+turn)
			return p, err
		}
		defer a.place.begun()
	}
	if w.at.Begun.IsZero() {
		w.at.Begun = time.Now()
	}
	return next(w, ctx)
}

// apply makes the next step of a deployment.
func (w *work) apply(ctx context.Context) (provisioner.Progress, error) {
	if w.job.Adopt != "" && w.job.Action == provisioner.Provision {
		return w.adopt(ctx)
	}
	switch w.at.Phase {
	case proposing:
		return w.propose(ctx)
	case executing:
		return w.watch(ctx)
	case deleting:
		return w.watchDelete(ctx)
	case stopping:
		return w.stopped(ctx)
	case looking:
		if w.job.Plan != "" && !w.at.Forced && !w.at.Imported {
			return w.plannedApply(ctx)
		}
	}
	return w.look(ctx)
}

// anyway does what a person has approved, whatever is left of the stack.
func (w *work) anyway(ctx context.Context) (provisioner.Progress, error) {
	w.at.Forced = true
	return w.look(ctx)
}

// begun says whether something was begun in AWS whose end is waited for.
func (w *work) begun() bool {
	return w.at.Phase == executing || w.at.Phase == deleting || w.at.Phase == stopping
}

// refused ends a job that AWS, or the wrong account, does not let go on. What was
// begun goes on in AWS all the same: its end is waited for, until it can be seen
// again or the time is up.
func (w *work) refused(refusal string, err error) (provisioner.Progress, error) {
	if api, ok := asRefusal(err); ok && refusal == "" {
		refusal = refusalOf(api)
	}
	if own, ok := errors.AsType[*refusalError](err); ok {
		refusal = own.why
	}
	switch {
	case refusal == "":
		return provisioner.Progress{}, err
	case !w.begun():
		return failed("%s", refusal)
	case time.Since(w.at.Begun) > w.limit():
		return failed("what became of the stack %s could not be seen for %s, and it may still be under way: %s", w.name, w.limit(), refusal)
	}
	return provisioner.Progress{
		State: provisioner.Running, Again: 5 * w.e.cfg.Poll,
		Message: fmt.Sprintf("the stack %s cannot be looked at, and what was begun goes on in AWS: %s", w.name, refusal),
	}, nil
}

// refusalOf is a refusal in AWS's words, with what helps against it.
func refusalOf(api smithy.APIError) string {
	text := fmt.Sprintf("AWS refuses: %s: %s", api.ErrorCode(), api.ErrorMessage())
	switch code := api.ErrorCode(); {
	case code == "LimitExceededException":
		text += "\nA quota is reached: raise it, or remove what is not needed, and then: baryon retry NAME"
	case code == "NoSuchBucket":
		text += "\nMake the bucket, or correct aws_bucket in the configuration, and then: baryon retry NAME"
	case strings.HasPrefix(code, "AccessDenied"):
		text += "\nWhat AWS has to allow is printed by baryon iam-policy; once it does: baryon retry NAME"
	case strings.Contains(api.ErrorMessage(), "Role ARN is invalid or cannot be assumed"):
		text += "\nThe stack has a service role of its own, which CloudFormation works in: make it again, or let these credentials pass it, and then: baryon retry NAME"
	}
	return text
}

// asRefusal is what the service says no with: not a fault of its own, and
// nothing that passes.
func asRefusal(err error) (smithy.APIError, bool) {
	if err == nil || transient(err) {
		return nil, false
	}
	return errors.AsType[smithy.APIError](err)
}

// look decides by the state of the stack what is to be done.
func (w *work) look(ctx context.Context) (provisioner.Progress, error) {
	s, seen := w.a.place.recent(w.name)
	if !seen || w.at.Phase != looking || w.at.Try > 0 || w.at.Imported || w.job.Action == provisioner.Deprovision {
		var err error
		if s, err = w.a.stack(ctx, w.name); err != nil {
			return w.refused("", err)
		}
	}
	if w.job.Action == provisioner.Deprovision {
		return w.remove(ctx, s)
	}
	if s == nil {
		twin, err := w.twin(ctx)
		switch {
		case err != nil:
			return w.refused("", err)
		case twin != "":
			return failed("the running stack %s carries the tags of this; no second one is made beside it. Take it over with: baryon adopt NAME; "+
				"or take its tags proton:… away, and retry", twin)
		}
		return w.bring(ctx, nil, types.ChangeSetTypeCreate)
	}
	w.at.StackID, w.was = aws.ToString(s.StackId), s
	if onlyDeletable(s.StackStatus) || s.StackStatus == types.StackStatusUpdateRollbackFailed || s.StackStatus == types.StackStatusUpdateFailed {
		if p, waits := w.onHold(); waits {
			return p, nil
		}
	}
	if onlyDeletable(s.StackStatus) {
		return w.clear(ctx, s)
	}
	switch s.StackStatus {
	case types.StackStatusReviewInProgress:
		return w.bring(ctx, s, types.ChangeSetTypeCreate)
	case types.StackStatusUpdateRollbackFailed:
		return w.mend(ctx, s)
	case types.StackStatusUpdateFailed:
		if w.at.Phase == looking {
			w.sayf("An earlier update stopped half way: it is rolled back.")
		}
		return w.call(ctx, func() error {
			_, err := w.a.cfn.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: s.StackId, ClientRequestToken: new(w.token + "-rollback")})
			return err
		}, "rolling back an earlier update")
	}
	if inProgress(s.StackStatus) {
		return running("waits: the stack %s is in %s, by another operation", w.name, s.StackStatus)
	}
	if len(w.job.Leave) > 0 && w.at.Phase == looking && s.StackStatus == types.StackStatusUpdateRollbackComplete {
		w.sayf("The rollback is not failed any more; nothing is left out.")
	}
	return w.bring(ctx, s, types.ChangeSetTypeUpdate)
}

// onlyDeletable says that only deletion leads out of a state.
func onlyDeletable(s types.StackStatus) bool {
	return slices.Contains([]types.StackStatus{
		types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed, types.StackStatusDeleteFailed,
		types.StackStatusImportRollbackFailed,
	}, s)
}

// clear deletes what a failed creation left, to make it anew. What a failed
// deletion or import left may hold data: that takes a person.
func (w *work) clear(ctx context.Context, s *types.Stack) (provisioner.Progress, error) {
	failedDelete := s.StackStatus == types.StackStatusDeleteFailed
	if w.at.Phase == clearing && failedDelete && (len(w.job.Leave) == 0 || w.at.Retained) {
		if p, wait, err := w.heed(ctx, s.StackStatus); wait || err != nil {
			return p, err
		}
	}
	switch {
	case w.at.Phase == clearing && failedDelete && len(w.job.Leave) == 0:
		return failed("the stack %s could not be removed to be made anew: %s\n%sremove what stands in the way and retry, or leave it with: baryon force NAME --resource ID --why REASON",
			w.name, aws.ToString(s.StackStatusReason), w.because())
	case failedDelete && w.at.Phase == looking && !w.job.Force && !w.at.Forced:
		return failed("the stack %s is in DELETE_FAILED: it was being deleted, and what is left of it may hold data. %s\n"+
			"To delete the rest and make it anew: baryon force NAME --why REASON; to keep resources out of that, add --resource ID",
			w.name, aws.ToString(s.StackStatusReason))
	case s.StackStatus == types.StackStatusImportRollbackFailed && w.at.Phase == looking && !w.job.Force && !w.at.Forced:
		return failed("the stack %s is in IMPORT_ROLLBACK_FAILED, which only deletion leads out of, and it may hold data. %s\n"+
			"To delete it and make it anew: baryon force NAME --why REASON; resources whose DeletionPolicy is Retain stay, and can be imported again",
			w.name, aws.ToString(s.StackStatusReason))
	case s.StackStatus == types.StackStatusImportRollbackFailed && len(w.job.Leave) > 0:
		return failed("the stack %s is in IMPORT_ROLLBACK_FAILED, where CloudFormation leaves only resources whose DeletionPolicy is Retain; ask without --resource", w.name)
	case w.at.Phase == clearing && failedDelete && w.at.Retained:
		return failed("the stack %s could not be removed to be made anew: %s\n%s", w.name, aws.ToString(s.StackStatusReason), w.because())
	}
	if (failedDelete || s.StackStatus == types.StackStatusImportRollbackFailed) && w.at.Phase == looking {
		if p, ends, err := w.removes(ctx, s); ends {
			return p, err
		}
	}
	in := &cloudformation.DeleteStackInput{StackName: s.StackId, ClientRequestToken: new(w.token + "-clear")}
	if failedDelete && len(w.job.Leave) > 0 {
		in.RetainResources, in.ClientRequestToken, w.at.Retained = w.job.Leave, new(w.token+"-leave"), true
		w.sayf("Left where they are: %s", strings.Join(w.job.Leave, ", "))
	}
	w.at.Phase = clearing
	w.sayf("The stack is in %s, which only deletion leads out of: it is deleted and made anew.", s.StackStatus)
	return w.call(ctx, func() error {
		_, err := w.a.cfn.DeleteStack(ctx, in)
		return err
	}, "removing what an earlier attempt left of the stack")
}

// mend continues the rollback of an earlier update, without the resources that a
// person named.
func (w *work) mend(ctx context.Context, s *types.Stack) (provisioner.Progress, error) {
	if w.at.Phase == mending {
		if p, wait, err := w.heed(ctx, s.StackStatus); wait || err != nil {
			return p, err
		}
		return failed("the rollback of an earlier update failed again: %s\n%sMend what it names, and retry; or go on without it: baryon skip NAME --resource ID",
			aws.ToString(s.StackStatusReason), w.because())
	}
	w.at.Phase = mending
	in := &cloudformation.ContinueUpdateRollbackInput{StackName: s.StackId, ClientRequestToken: new(w.token + "-continue"), ResourcesToSkip: w.job.Leave}
	w.sayf("An earlier update could not be rolled back: the rollback is continued.")
	if len(w.job.Leave) > 0 {
		w.sayf("Skipped, and as they are from now on: %s", strings.Join(w.job.Leave, ", "))
	}
	return w.call(ctx, func() error {
		_, err := w.a.cfn.ContinueUpdateRollback(ctx, in)
		return err
	}, "continuing the rollback of an earlier update")
}

// call makes a call that changes something; the next look tells what came of it.
func (w *work) call(ctx context.Context, do func() error, message string) (provisioner.Progress, error) {
	if err := w.a.write(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	if err := do(); err != nil {
		return w.refused("", err)
	}
	return running("%s", message)
}

// setName names the change set of this try.
func (w *work) setName() string {
	if w.at.Import {
		return fmt.Sprintf("%s-import-%d", w.token, w.at.Try+1)
	}
	return fmt.Sprintf("%s-%d", w.token, w.at.Try+1)
}

// maxBody is what a request takes; larger templates go through S3.
const maxBody = 51200

// create asks for a change set to the template.
func (w *work) create(ctx context.Context, kind types.ChangeSetType) (provisioner.Progress, error) {
	in, err := w.wanted(ctx, kind)
	if err != nil {
		return w.refused("", err)
	}
	return w.propound(ctx, in)
}

// wanted is the request for a change set to the template.
func (w *work) wanted(ctx context.Context, kind types.ChangeSetType) (*cloudformation.CreateChangeSetInput, error) {
	text, err := body(w.job.Files)
	if err != nil {
		return nil, &refusalError{err.Error()}
	}
	in := &cloudformation.CreateChangeSetInput{StackName: &w.name, ChangeSetType: kind, Tags: w.tags(), Description: new("deployment " + w.job.ID)}
	_, existing := w.job.Imports[provisioner.ImportExisting]
	switch restore := w.job.Restore && kind == types.ChangeSetTypeUpdate; {
	case restore:
		in.DeploymentMode = types.DeploymentModeRevertDrift
	case existing:
		in.ImportExistingResources = new(true)
	}
	if w.looksInside(kind, in, text) {
		in.IncludeNestedStacks = new(true)
	}
	if in.TemplateBody, in.TemplateURL, err = w.send(ctx, text); err != nil {
		return nil, err
	}
	return in, nil
}

// A refusalError says why a job fails before AWS is asked.
type refusalError struct{ why string }

func (r *refusalError) Error() string { return r.why }

// send makes a template ready for a request: in it, or in the bucket.
func (w *work) send(ctx context.Context, text []byte) (body, url *string, err error) {
	switch {
	case len(text) <= maxBody:
		return new(string(text)), nil, nil
	case w.a.cfg.Bucket == "":
		return nil, nil, &refusalError{fmt.Sprintf("the template has %d bytes, more than the %d that CloudFormation takes in a request; "+
			"name a bucket with aws_bucket in the configuration", len(text), maxBody)}
	}
	key := "baryon/" + w.name + "/" + w.token + "-" + hash(string(text)) + ".yaml"
	if !slices.Contains(w.at.Sent, key) {
		w.at.Sent = append(w.at.Sent, key)
	}
	where, err := w.a.upload(ctx, key, text)
	if api, ok := asRefusal(err); ok {
		return nil, nil, &refusalError{fmt.Sprintf("the template of %d bytes cannot be put into s3://%s: %s", len(text), w.a.bucket(), refusalOf(api))}
	}
	return nil, &where, err
}

// propound asks for a change set.
func (w *work) propound(ctx context.Context, in *cloudformation.CreateChangeSetInput) (provisioner.Progress, error) {
	if in.ChangeSetName == nil {
		in.ChangeSetName = new(w.setName())
	}
	in.Capabilities = []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand}
	if err := w.a.write(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	out, err := w.a.cfn.CreateChangeSet(ctx, in)
	switch {
	case refusedWith(err, "AlreadyExistsException", ""):
		s, err := w.a.stack(ctx, w.name) // an earlier call made it
		if err != nil || s == nil {
			return running("a change set is worked out")
		}
		w.at.StackID, w.at.ChangeSet = aws.ToString(s.StackId), *in.ChangeSetName
	case w.at.Try == 0 && (refusedWith(err, "ValidationError", "does not exist") || refusedWith(err, "ValidationError", "already exists") ||
		refusedWith(err, "ValidationError", "can not be updated")):
		return w.again("the stack is not what it was a moment ago")
	case err != nil:
		return w.refused("", err)
	default:
		w.at.StackID, w.at.ChangeSet = aws.ToString(out.StackId), aws.ToString(out.Id)
	}
	w.at.Phase, w.at.Fresh = proposing, w.was == nil || w.was.StackStatus == types.StackStatusReviewInProgress
	return running("a change set is worked out")
}

// body is the template in the files of a job.
func body(files fs.FS) ([]byte, error) {
	var names []string
	err := fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json", ".template"}, path.Ext(p)) && !strings.HasPrefix(path.Base(p), "manifest") {
			names = append(names, p)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(names, "cloudformation.yaml"):
		return fs.ReadFile(files, "cloudformation.yaml")
	case len(names) != 1:
		return nil, fmt.Errorf("the bundle part holds %d templates (%s), and one is wanted", len(names), strings.Join(names, ", "))
	}
	return fs.ReadFile(files, names[0])
}

// tags are Proton's, made from the resource name of what is deployed, and those
// that the job names. What others put on the stack stays; a stack that is taken
// over keeps what it has.
func (w *work) tags() []types.Tag {
	tags := map[string]string{}
	if w.was != nil {
		for _, t := range w.was.Tags {
			if key := aws.ToString(t.Key); !strings.HasPrefix(key, "aws:") && !slices.Contains(w.job.Untag, key) {
				tags[key] = aws.ToString(t.Value)
			}
		}
	}
	if w.job.Adopt == "" {
		maps.Copy(tags, protonTags(strings.Replace(w.job.Env["RESOURCE_ARN"], ":000000000000:", ":"+w.a.id+":", 1))) // where nobody said which account
		maps.Copy(tags, w.job.Tags)
	}
	out := []types.Tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: &key, Value: new(tags[key])})
	}
	return out
}

// protonTags are the tags that AWS Proton gave the stack of a resource.
func protonTags(arn string) map[string]string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return nil
	}
	tags := map[string]string{"proton:account": parts[4]}
	words := strings.Split(parts[5], "/")
	prefix := strings.Join(parts[:5], ":") + ":"
	for i := 0; i+1 < len(words); i += 2 {
		kind, value := words[i], prefix+strings.Join(words[:i+2], "/")
		if kind == "instance" {
			kind = "service-instance"
		}
		if kind != "pipeline" {
			tags["proton:"+kind] = value
		}
	}
	return tags
}
