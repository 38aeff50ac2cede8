package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"baryon/provisioner"
)

// askECS asks how far the rollout of a service is.
func (p *Prober) askECS(ctx context.Context, q provisioner.ECSProbe, role string) provisioner.Answer {
	if p.cfg.AWS == nil {
		return provisioner.Answer{Final: true, Text: "this Baryon cannot ask Amazon ECS"}
	}
	c, err := p.client(ctx, role, region(q))
	if err != nil {
		return provisioner.Answer{Text: oneLine(err.Error())}
	}
	out, err := c.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &q.Cluster, Services: []string{q.Service}})
	if err != nil {
		return unasked(err)
	}
	if len(out.Services) != 1 {
		reason := "not found"
		if len(out.Failures) > 0 {
			reason = "not found: " + aws.ToString(out.Failures[0].Reason)
		}
		return provisioner.Answer{Text: reason}
	}
	return steady(out.Services[0], q.TaskDefinition)
}

// client is how Amazon ECS is asked as a role. It is kept, and with it the
// credentials.
func (p *Prober) client(ctx context.Context, role, region string) (*ecs.Client, error) {
	key := role + " " + region
	p.clientsMu.Lock()
	defer p.clientsMu.Unlock()
	if c := p.clients[key]; c != nil {
		return c, nil
	}
	cfg, err := p.cfg.AWS(ctx, role)
	if err != nil {
		return nil, err
	}
	c := ecs.NewFromConfig(cfg, func(o *ecs.Options) {
		if region != "" {
			o.Region = region
		}
	})
	if len(p.clients) >= maxClients {
		clear(p.clients)
	}
	p.clients[key] = c
	return c, nil
}

// maxClients bounds how many are kept.
const maxClients = 256

// region is where the cluster or the service is, where its ARN says so.
func region(q provisioner.ECSProbe) string {
	for _, name := range []string{q.Cluster, q.Service} {
		if parts := strings.SplitN(name, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[2] == "ecs" {
			return parts[3]
		}
	}
	return ""
}

// unasked words what AWS refused or could not answer. All of it may pass: roles
// and clusters are not known everywhere at once.
func unasked(err error) provisioner.Answer {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return provisioner.Answer{Text: oneLine(api.ErrorCode() + ": " + api.ErrorMessage())}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return provisioner.Answer{Text: "AWS gave no answer in time"}
	}
	return provisioner.Answer{Text: oneLine(err.Error())}
}

// steady judges a service. A rollout that has failed, or that is taken back, is
// the end of it: what runs then is not what was deployed.
func steady(s types.Service, definition string) provisioner.Answer {
	if status := aws.ToString(s.Status); status != "ACTIVE" {
		return provisioner.Answer{Text: "the service is " + status}
	}
	tasks := fmt.Sprintf("%d of %d tasks run", s.RunningCount, s.DesiredCount)
	if s.DeploymentController != nil && s.DeploymentController.Type != "" && s.DeploymentController.Type != types.DeploymentControllerTypeEcs {
		return steadyTaskSet(s, definition, tasks)
	}
	for _, d := range s.Deployments {
		if aws.ToString(d.Status) != "PRIMARY" {
			continue
		}
		reason := aws.ToString(d.RolloutStateReason)
		switch {
		case d.RolloutState == types.DeploymentRolloutStateFailed, strings.Contains(reason, "rolling back"):
			return provisioner.Answer{Final: true, Text: oneLine("its rollout failed: " + reason)}
		case d.RolloutState != types.DeploymentRolloutStateCompleted && d.RolloutState != "": // of old services there is none
			return provisioner.Answer{Text: fmt.Sprintf("its rollout is %s, %s", d.RolloutState, tasks)}
		case !runs(d.TaskDefinition, definition):
			return provisioner.Answer{Final: true, Text: "it runs " + aws.ToString(d.TaskDefinition) + ", and not " + definition + ": its rollout was taken back"}
		case s.RunningCount != s.DesiredCount:
			return provisioner.Answer{Text: tasks}
		case len(s.Deployments) > 1:
			return provisioner.Answer{Text: fmt.Sprintf("%s, and %d older deployment(s) go on", tasks, len(s.Deployments)-1)}
		}
		return provisioner.Answer{OK: true, Text: "steady, " + tasks}
	}
	return provisioner.Answer{Text: "it has no deployment"}
}

// steadyTaskSet judges a service whose deployments others make, AWS CodeDeploy for
// one.
func steadyTaskSet(s types.Service, definition, tasks string) provisioner.Answer {
	for _, t := range s.TaskSets {
		if aws.ToString(t.Status) != "PRIMARY" {
			continue
		}
		switch {
		case !runs(t.TaskDefinition, definition):
			return provisioner.Answer{Text: "it runs " + aws.ToString(t.TaskDefinition) + ", and not yet " + definition}
		case t.StabilityStatus != types.StabilityStatusSteadyState || s.RunningCount != s.DesiredCount:
			return provisioner.Answer{Text: fmt.Sprintf("its task set is %s, %s", t.StabilityStatus, tasks)}
		}
		return provisioner.Answer{OK: true, Text: "steady, " + tasks}
	}
	return provisioner.Answer{Text: "it has no primary task set"}
}

// runs tells whether an ARN is of the task definition that is wanted: an ARN too,
// FAMILY:REVISION, or any where none is said.
func runs(arn *string, want string) bool {
	have := aws.ToString(arn)
	return want == "" || have == want || strings.HasSuffix(have, ":task-definition/"+want)
}
