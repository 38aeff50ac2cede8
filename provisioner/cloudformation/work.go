package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	a     *account
	log   string // to be added
}

func (w *work) sayf(format string, args ...any) { w.log += fmt.Sprintf(format, args...) + "\n" }

func running(format string, args ...any) (provisioner.Progress, error) {
	return provisioner.Progress{State: provisioner.Running, Message: fmt.Sprintf(format, args...), Again: 200 * time.Millisecond}, nil
}

func failed(format string, args ...any) (provisioner.Progress, error) {
	return provisioner.Progress{State: provisioner.Failed, Message: fmt.Sprintf(format, args...)}, nil
}

// step makes the next step.
func (w *work) step(ctx context.Context) (provisioner.Progress, error) {
	begun := w.at.Phase == executing || w.at.Phase == deleting || w.at.Phase == stopping
	if w.rec.Cancelled && !begun {
		return provisioner.Progress{State: provisioner.Cancelled, Message: "cancelled before anything was changed"}, w.tidy(ctx)
	}
	var err error
	if w.a, err = w.e.account(ctx, w.job.Role); err != nil {
		return provisioner.Progress{}, err
	}
	if refusal, err := w.a.check(ctx, w.job.Role); err != nil || refusal != "" {
		return w.refused(refusal, err)
	}
	if w.at.Begun.IsZero() {
		w.at.Begun = time.Now()
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
	}
	return w.look(ctx)
}

func (w *work) refused(refusal string, err error) (provisioner.Progress, error) {
	if refusal != "" {
		return failed("%s", refusal)
	}
	if api, ok := asRefusal(err); ok {
		return failed("AWS refuses: %s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	return provisioner.Progress{}, err
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
	s, err := w.a.stack(ctx, w.name)
	if err != nil {
		return w.refused("", err)
	}
	if w.job.Action == provisioner.Deprovision {
		return w.remove(ctx, s)
	}
	if s == nil {
		return w.create(ctx, types.ChangeSetTypeCreate)
	}
	w.at.StackID = aws.ToString(s.StackId)
	status := string(s.StackStatus)
	switch s.StackStatus {
	case types.StackStatusReviewInProgress:
		return w.create(ctx, types.ChangeSetTypeCreate)
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed, types.StackStatusDeleteFailed:
		if w.at.Phase == clearing && s.StackStatus == types.StackStatusDeleteFailed {
			return failed("the stack %s could not be removed to be made anew: %s", w.name, aws.ToString(s.StackStatusReason))
		}
		w.at.Phase = clearing
		w.sayf("The stack is in %s, which only deletion leads out of: it is deleted and made anew.", status)
		return w.call(ctx, func() error {
			_, err := w.a.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: s.StackId, ClientRequestToken: new(w.token + "-clear")})
			return err
		}, "removing the stack of a failed creation")
	case types.StackStatusUpdateRollbackFailed:
		if w.at.Phase == mending {
			return failed("the rollback of an earlier update failed again: %s\n%s\nMend what it names, and retry", aws.ToString(s.StackStatusReason), w.cause(ctx))
		}
		w.at.Phase = mending
		w.sayf("An earlier update could not be rolled back: the rollback is continued.")
		return w.call(ctx, func() error {
			_, err := w.a.cfn.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: s.StackId, ClientRequestToken: new(w.token + "-continue")})
			return err
		}, "continuing the rollback of an earlier update")
	case types.StackStatusUpdateFailed:
		return w.call(ctx, func() error {
			_, err := w.a.cfn.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: s.StackId, ClientRequestToken: new(w.token + "-rollback")})
			return err
		}, "rolling back an earlier update")
	}
	if strings.HasSuffix(status, "_IN_PROGRESS") {
		return running("waits: the stack %s is in %s, by another operation", w.name, status)
	}
	return w.create(ctx, types.ChangeSetTypeUpdate)
}

// call makes a call that changes something; the next look tells what came of it.
func (w *work) call(ctx context.Context, do func() error, message string) (provisioner.Progress, error) {
	if err := w.a.wait(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	if err := do(); err != nil {
		return w.refused("", err)
	}
	return running("%s", message)
}

// setName names the change set of this try.
func (w *work) setName() string { return fmt.Sprintf("%s-%d", w.token, w.at.Try+1) }

// maxBody is what a request takes; larger templates go through S3.
const maxBody = 51200

// create asks for a change set.
func (w *work) create(ctx context.Context, kind types.ChangeSetType) (provisioner.Progress, error) {
	body, err := body(w.job.Files)
	if err != nil {
		return failed("%s", err)
	}
	in := &cloudformation.CreateChangeSetInput{
		StackName: &w.name, ChangeSetName: new(w.setName()), ChangeSetType: kind, Tags: w.tags(), Description: new("deployment " + w.job.ID),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
	}
	switch {
	case len(body) <= maxBody:
		in.TemplateBody = new(string(body))
	case w.a.cfg.Bucket == "":
		return failed("the template has %d bytes, more than the %d that CloudFormation takes in a request; name a bucket with aws_bucket in the configuration", len(body), maxBody)
	default:
		url, err := w.a.upload(ctx, "baryon/"+w.name+"/"+hash(string(body))+".yaml", body)
		if err != nil {
			return w.refused("", err)
		}
		in.TemplateURL = &url
	}
	if err := w.a.wait(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	out, err := w.a.cfn.CreateChangeSet(ctx, in)
	switch {
	case refusedWith(err, "AlreadyExistsException", ""):
		s, err := w.a.stack(ctx, w.name) // an earlier call made it
		if err != nil || s == nil {
			return running("a change set is worked out")
		}
		w.at.StackID, w.at.ChangeSet = aws.ToString(s.StackId), w.setName()
	case err != nil:
		return w.refused("", err)
	default:
		w.at.StackID, w.at.ChangeSet = aws.ToString(out.StackId), aws.ToString(out.Id)
	}
	w.at.Phase, w.at.Fresh = proposing, kind == types.ChangeSetTypeCreate
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

// tags are Proton's, made from the resource name of what is deployed.
func (w *work) tags() []types.Tag {
	arn := w.job.Env["RESOURCE_ARN"]
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return []types.Tag{}
	}
	tags := []types.Tag{{Key: new("proton:account"), Value: &parts[4]}}
	words := strings.Split(parts[5], "/")
	prefix := strings.Join(parts[:5], ":") + ":"
	for i := 0; i+1 < len(words); i += 2 {
		kind, value := words[i], prefix+strings.Join(words[:i+2], "/")
		if kind == "instance" {
			kind = "service-instance"
		}
		if kind != "pipeline" {
			tags = append(tags, types.Tag{Key: new("proton:" + kind), Value: &value})
		}
	}
	return tags
}
