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

// Drift compares what is there with what the stack was made from, in the way that
// Apply applies a job. The Changes of its final Progress are what others changed.
// It changes nothing, and stands back where deployments need the calls.
func (e *Engine) Drift(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	return e.run(ctx, job, (*work).drift)
}

// drift makes the next step of a check.
func (w *work) drift(ctx context.Context) (provisioner.Progress, error) {
	if w.a.place.queue() > 0 {
		p, err := running("waits until deployments leave calls to spare")
		p.Again = 2 * time.Second
		return p, err
	}
	if w.at.Detection == "" {
		return w.beginDrift(ctx)
	}
	if err := w.a.read(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	out, err := w.a.cfn.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: &w.at.Detection})
	switch {
	case err != nil:
		return w.refused("", err)
	case out.DetectionStatus == types.StackDriftDetectionStatusDetectionInProgress:
		p, err := running("CloudFormation looks for drift")
		p.Again = w.e.cfg.Poll
		return p, err
	case out.DetectionStatus == types.StackDriftDetectionStatusDetectionFailed && out.StackDriftStatus != types.StackDriftStatusDrifted:
		return failed("drift could not be detected: %s", aws.ToString(out.DetectionStatusReason))
	}
	return w.drifted(ctx)
}

// beginDrift looks at the stack as a whole and has its resources compared.
func (w *work) beginDrift(ctx context.Context) (provisioner.Progress, error) {
	s, err := w.a.stack(ctx, w.name)
	if err != nil {
		return w.refused("", err)
	}
	if s == nil {
		return provisioner.Progress{State: provisioner.Succeeded, Changes: []provisioner.ResourceChange{
			{Address: w.name, Type: stackType, Action: "delete", Reason: "the stack is gone"},
		}}, nil
	}
	w.at.StackID = aws.ToString(s.StackId)
	if inProgress(s.StackStatus) {
		p, err := running("waits: the stack %s is in %s", w.name, s.StackStatus)
		p.Again = 10 * time.Second
		return p, err
	}
	if err := w.a.write(ctx); err != nil {
		return provisioner.Progress{}, err
	}
	out, err := w.a.cfn.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: &w.at.StackID})
	if refusedWith(err, "ValidationError", "already in progress") {
		p, err := running("somebody else looks for drift")
		p.Again = 10 * time.Second
		return p, err
	}
	if err != nil {
		return w.refused("", err)
	}
	w.at.Detection = aws.ToString(out.StackDriftDetectionId)
	return running("CloudFormation looks for drift")
}

// drifted reads what is not as it was made.
func (w *work) drifted(ctx context.Context) (provisioner.Progress, error) {
	p := provisioner.Progress{State: provisioner.Succeeded}
	if c, err := w.otherTemplate(ctx); err != nil {
		return w.refused("", err)
	} else if c != nil {
		p.Changes = append(p.Changes, *c)
	}
	in := &cloudformation.DescribeStackResourceDriftsInput{
		StackName: &w.at.StackID, StackResourceDriftStatusFilters: []types.StackResourceDriftStatus{types.StackResourceDriftStatusModified, types.StackResourceDriftStatusDeleted},
	}
	for {
		if err := w.a.read(ctx); err != nil {
			return provisioner.Progress{}, err
		}
		page, err := w.a.cfn.DescribeStackResourceDrifts(ctx, in)
		if err != nil {
			return w.refused("", err)
		}
		for _, d := range page.StackResourceDrifts {
			p.Changes = append(p.Changes, driftOf(d))
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	for _, c := range p.Changes {
		w.sayf("%s %s was %sd by others", c.Address, c.Type, c.Action)
		for _, d := range c.Differences {
			w.sayf("        %s", d)
		}
	}
	return p, nil
}

func driftOf(d types.StackResourceDrift) provisioner.ResourceChange {
	c := provisioner.ResourceChange{Address: aws.ToString(d.LogicalResourceId), Type: aws.ToString(d.ResourceType), Action: "update"}
	if d.StackResourceDriftStatus == types.StackResourceDriftStatusDeleted {
		c.Action, c.Reason = "delete", aws.ToString(d.PhysicalResourceId)
	}
	for _, p := range d.PropertyDifferences {
		path := aws.ToString(p.PropertyPath)
		c.Attributes = append(c.Attributes, pathName(path))
		c.Differences = append(c.Differences, difference(path, aws.ToString(p.ExpectedValue), aws.ToString(p.ActualValue)))
	}
	return c
}

// sameText compares templates as CloudFormation hands them back: without white
// space around, and with line ends of its own.
func sameText(a, b string) bool {
	norm := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return norm(a) == norm(b)
}

// otherTemplate tells that somebody else gave the stack another template.
func (w *work) otherTemplate(ctx context.Context) (*provisioner.ResourceChange, error) {
	want, err := body(w.job.Files)
	if err != nil {
		return nil, nil //nolint:nilerr // what was deployed without a template has none to compare
	}
	text, err := w.a.template(ctx, w.at.StackID)
	if err != nil || sameText(text, string(want)) {
		return nil, err
	}
	return &provisioner.ResourceChange{
		Address: w.name, Type: stackType, Action: "update", Attributes: []string{"template"}, Reason: "somebody else has updated the stack with another template",
	}, nil
}

// template is the one that a stack has, as it was sent.
func (a *account) template(ctx context.Context, stackID string) (string, error) {
	if err := a.read(ctx); err != nil {
		return "", err
	}
	out, err := a.cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &stackID, TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.TemplateBody), nil
}
