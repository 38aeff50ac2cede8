package cloudformation

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"baryon/provisioner"
)

// Drop removes what a plan left in the account that nobody will apply: its change
// set, older ones of the stack, and the stack itself where it was made for them
// alone. The job is that of the plan. What AWS does not let be removed stays; an
// error is of the moment.
func (e *Engine) Drop(ctx context.Context, job provisioner.Job) error {
	w, err := e.workOf(job)
	if err != nil {
		return err
	}
	switch w.at.Plan {
	case planRemove, planAnew, planMend: // which left nothing
		return nil
	}
	refusal, err := w.enter(ctx, w.at.StackID)
	if err != nil || refusal != "" {
		return passing(err)
	}
	w.unsend(ctx)
	of := w.at.StackID
	if of == "" {
		of = w.name
	}
	s, err := w.a.stack(ctx, of)
	if err != nil || s == nil {
		return passing(err)
	}
	strange, err := w.a.sweep(ctx, aws.ToString(s.StackId), "")
	if err != nil || strange || s.StackStatus != types.StackStatusReviewInProgress {
		return passing(err)
	}
	if err := w.a.write(ctx); err != nil {
		return err
	}
	_, err = w.a.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: s.StackId, ClientRequestToken: new(w.token + "-drop")})
	return passing(err)
}

// passing is an error that asking again may help against, or nil.
func passing(err error) error {
	if _, refused := asRefusal(err); refused {
		return nil
	}
	return err
}

// sweep removes the change sets of a stack that nobody can approve any more, but
// for one. It reports whether there are others that are not this engine's.
func (a *account) sweep(ctx context.Context, stackID, but string) (strange bool, err error) {
	pages := cloudformation.NewListChangeSetsPaginator(a.cfn, &cloudformation.ListChangeSetsInput{StackName: &stackID})
	var old []*string
	for pages.HasMorePages() {
		if err := a.read(ctx); err != nil {
			return false, err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, passing(err)
		}
		for _, s := range page.Summaries {
			switch ours := strings.HasPrefix(aws.ToString(s.ChangeSetName), "baryon-"); {
			case s.ExecutionStatus == types.ExecutionStatusExecuteComplete || aws.ToString(s.ChangeSetId) == but:
			case !ours:
				strange = true
			default:
				old = append(old, s.ChangeSetId)
			}
		}
	}
	for _, id := range old {
		if err := a.write(ctx); err != nil {
			return strange, err
		}
		_, err := a.cfn.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: id, StackName: &stackID})
		if err = passing(err); err != nil {
			return strange, err
		}
	}
	return strange, nil
}

// unsend removes the templates that were put into the bucket for a change set,
// which CloudFormation has read by now. What may not be removed stays there.
func (w *work) unsend(ctx context.Context) {
	bucket := w.a.bucket()
	for _, key := range w.at.Sent {
		_, err := w.a.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			w.sayf("The template could not be removed from the bucket: %s", err)
		}
	}
	w.at.Sent = nil
}
