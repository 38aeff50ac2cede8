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

// adopt takes over a running stack, if a change set for it comes to nothing. It
// changes nothing, not even tags.
func (w *work) adopt(ctx context.Context) (provisioner.Progress, error) {
	if w.at.Phase == proposing {
		return w.adopted(ctx)
	}
	s, why, err := w.adoptee(ctx)
	switch {
	case err != nil:
		return w.refused("", err)
	case why != "":
		return failed("nothing was taken over: %s", why)
	case inProgress(s.StackStatus) && s.StackStatus != types.StackStatusReviewInProgress:
		return running("waits: the stack %s is in %s, by another operation", aws.ToString(s.StackName), s.StackStatus)
	}
	w.name, w.at.Adoptee = aws.ToString(s.StackName), aws.ToString(s.StackName)
	switch s.StackStatus {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
		types.StackStatusImportComplete, types.StackStatusImportRollbackComplete:
	default:
		return failed("nothing was taken over: the stack %s is in %s, and only one that rests and works can be; mend it first", w.name, s.StackStatus)
	}
	w.was = s
	w.sayf("The stack %s is compared with what would be deployed.", w.name)
	return w.create(ctx, types.ChangeSetTypeUpdate)
}

// adopted decides by the change set.
func (w *work) adopted(ctx context.Context) (provisioner.Progress, error) {
	w.name = w.at.Adoptee
	set, err := w.set(ctx)
	if missing(err) {
		return w.again("the change set is gone")
	}
	if err != nil {
		return w.refused("", err)
	}
	switch {
	case set.Status == types.ChangeSetStatusCreateComplete:
		w.plan(set)
		list := changes(set)
		var b strings.Builder
		for i, c := range list {
			if i == 15 {
				fmt.Fprintf(&b, "\n  and %d more", len(list)-i)
				break
			}
			fmt.Fprintf(&b, "\n  %s %s (%s) %s", c.Action, c.Address, c.Type, strings.Join(c.Attributes, ", "))
			for _, d := range c.Differences {
				b.WriteString("\n    " + d)
			}
		}
		if err := w.tidy(ctx); err != nil {
			return provisioner.Progress{}, err
		}
		p, err := failed("nothing was taken over: the stack %s is not what would be deployed, which would change it:%s\n"+
			"Correct the spec or the version until it is, and adopt it again; or change it by hand to what it should be", w.name, b.String())
		p.Changes = list
		return p, err
	case set.Status != types.ChangeSetStatusFailed:
		return w.workedOut()
	case !comesToNothing(set):
		return w.unchanged(ctx, set)
	}
	s, err := w.a.stack(ctx, w.at.StackID)
	if err != nil || s == nil {
		return w.refused("", err)
	}
	if err := w.tidy(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	w.sayf("Taken over: the stack %s is as the template wants it.", w.name)
	return provisioner.Progress{State: provisioner.Succeeded, Outputs: outputs(s), Stack: w.name, Message: "took over the stack " + w.name}, nil
}

// adoptee finds the stack that is to be taken over: by its name, or by the tags
// that AWS Proton gave it.
func (w *work) adoptee(ctx context.Context) (s *types.Stack, why string, err error) {
	if w.job.Adopt != provisioner.AdoptByTags {
		s, err = w.a.stack(ctx, w.job.Adopt)
		if err == nil && s == nil {
			why = fmt.Sprintf("there is no stack %s in account %s and region %s", w.job.Adopt, w.a.id, w.a.region)
		}
		return s, why, err
	}
	found, err := w.a.tagged(ctx, w.job.Env["RESOURCE_ARN"])
	switch {
	case err != nil:
		return nil, "", err
	case len(found) == 0:
		return nil, fmt.Sprintf("no stack in account %s and region %s carries the tags of %s; name it with: baryon adopt NAME --stack STACK",
			w.a.id, w.a.region, w.job.Env["RESOURCE_ARN"]), nil
	case len(found) > 1:
		return nil, "several stacks carry its tags: " + strings.Join(found, ", ") + "; name one with: baryon adopt NAME --stack STACK", nil
	}
	s, err = w.a.stack(ctx, found[0])
	if err == nil && s == nil {
		why = "the stack " + found[0] + " is gone"
	}
	return s, why, err
}

// taggedFor is how long it is known which stacks carry which tags.
const taggedFor = 30 * time.Second

// tagged are the names of the stacks that carry the tags of a resource, as AWS
// Proton and this engine give them.
func (a *account) tagged(ctx context.Context, arn string) ([]string, error) {
	p := a.place
	p.tags.Lock()
	defer p.tags.Unlock()
	if time.Since(p.taggedAt) > taggedFor {
		by := map[string][]string{}
		pages := cloudformation.NewDescribeStacksPaginator(a.cfn, &cloudformation.DescribeStacksInput{})
		for pages.HasMorePages() {
			if err := a.read(ctx); err != nil {
				return nil, err
			}
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, s := range page.Stacks {
				if s.StackStatus == types.StackStatusReviewInProgress || s.ParentId != nil {
					continue
				}
				if of := taggedAs(s.Tags); of != "" {
					by[of] = append(by[of], aws.ToString(s.StackName))
				}
			}
		}
		p.tagged, p.taggedAt = by, time.Now()
	}
	return slices.Sorted(slices.Values(p.tagged[resourceOf(arn)])), nil
}

// taggedAs is what a stack was made for, by its tags: the most specific one says
// it. The stack of a pipeline has the tags of its service.
func taggedAs(tags []types.Tag) string {
	for _, key := range []string{"proton:service-instance", "proton:component", "proton:service", "proton:environment"} {
		for _, t := range tags {
			if aws.ToString(t.Key) == key {
				return resourceOf(aws.ToString(t.Value))
			}
		}
	}
	return ""
}

// resourceOf is what an ARN names, without the account and region, which may have
// been written another way.
func resourceOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return ""
	}
	words := strings.Split(parts[5], "/")
	if i := slices.Index(words, "pipeline"); i > 0 {
		words = words[:i]
	}
	return strings.Replace(strings.Join(words, "/"), "/service-instance/", "/instance/", 1)
}

// twin is a running stack that was made for the same, under another name. To make
// a second one beside it would be wrong.
func (w *work) twin(ctx context.Context) (string, error) {
	arn := w.job.Env["RESOURCE_ARN"]
	if arn == "" {
		return "", nil
	}
	found, err := w.a.tagged(ctx, arn)
	for _, name := range found {
		if name == w.name {
			continue
		}
		s, err := w.a.stack(ctx, name) // tags may be of a moment ago
		if err != nil {
			return "", err
		}
		if s != nil && s.StackStatus != types.StackStatusDeleteInProgress && taggedAs(s.Tags) == resourceOf(arn) {
			return name, nil
		}
	}
	return "", err
}
