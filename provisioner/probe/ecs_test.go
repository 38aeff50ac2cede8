package probe_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"go.uber.org/zap"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/probe"
)

const shop = `
Resources:
  Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: main}}
  Task: {Type: AWS::ECS::TaskDefinition, Properties: {Family: shop, ContainerDefinitions: [{Name: a, Image: b}]}}
  Service:
    Type: AWS::ECS::Service
    Properties: {Cluster: !Ref Cluster, ServiceName: shop, DesiredCount: 2, TaskDefinition: !Ref Task}
Outputs:
  Service: {Value: !Ref Service}
  Task: {Value: !Ref Task}
`

// stack makes a stack in a simulated account and returns its outputs.
func stack(t *testing.T, cfg aws.Config, body string) map[string]string {
	t.Helper()
	c := cloudformation.NewFromConfig(cfg)
	name := "shop"
	if _, err := c.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body}); err != nil {
		t.Fatal(err)
	}
	out, err := c.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil || out.Stacks[0].StackStatus != "CREATE_COMPLETE" {
		t.Fatalf("%+v, %v", out, err)
	}
	outputs := map[string]string{}
	for _, o := range out.Stacks[0].Outputs {
		outputs[*o.OutputKey] = *o.OutputValue
	}
	return outputs
}

// TestECS asks the double, through the unmodified SDK, about a service that a stack
// made.
func TestECS(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		roll *awssim.Rollout
		ask  func(*provisioner.ECSProbe)
		want provisioner.Answer
	}{
		"steady":                      {nil, nil, provisioner.Answer{OK: true, Text: "steady, 2 of 2 tasks run"}},
		"by their ARNs":               {nil, func(q *provisioner.ECSProbe) { q.Cluster = "arn:aws:ecs:eu-west-1:111111111111:cluster/main" }, provisioner.Answer{OK: true, Text: "steady, 2 of 2 tasks run"}},
		"a rollout under way":         {&awssim.Rollout{State: "IN_PROGRESS", Missing: 1}, nil, provisioner.Answer{Text: "its rollout is IN_PROGRESS, 1 of 2 tasks run"}},
		"a task that is missing":      {&awssim.Rollout{Missing: 1}, nil, provisioner.Answer{Text: "1 of 2 tasks run"}},
		"the older one goes on":       {&awssim.Rollout{Older: "COMPLETED"}, nil, provisioner.Answer{Text: "2 of 2 tasks run, and 1 older deployment(s) go on"}},
		"a rollout that failed":       {&awssim.Rollout{State: "FAILED", Reason: "tasks failed to start"}, nil, provisioner.Answer{Final: true, Text: "its rollout failed: tasks failed to start"}},
		"one that is taken back":      {&awssim.Rollout{State: "IN_PROGRESS", Reason: "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."}, nil, provisioner.Answer{Final: true, Text: "its rollout failed: ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1."}},
		"a service that is going":     {&awssim.Rollout{Status: "DRAINING"}, nil, provisioner.Answer{Text: "the service is DRAINING"}},
		"the wanted task definition":  {nil, func(q *provisioner.ECSProbe) { q.TaskDefinition = "OWN" }, provisioner.Answer{OK: true, Text: "steady, 2 of 2 tasks run"}},
		"another task definition":     {&awssim.Rollout{TaskDefinition: "arn:aws:ecs:eu-west-1:111111111111:task-definition/shop:1"}, func(q *provisioner.ECSProbe) { q.TaskDefinition = "shop:2" }, provisioner.Answer{Final: true, Text: "it runs arn:aws:ecs:eu-west-1:111111111111:task-definition/shop:1, and not shop:2: its rollout was taken back"}},
		"no such service":             {nil, func(q *provisioner.ECSProbe) { q.Service = "other" }, provisioner.Answer{Text: "not found: MISSING"}},
		"no such cluster":             {nil, func(q *provisioner.ECSProbe) { q.Cluster = "other" }, provisioner.Answer{Text: "ClusterNotFoundException: Cluster not found."}},
		"a cluster of another region": {nil, func(q *provisioner.ECSProbe) { q.Cluster = "arn:aws:ecs:us-east-1:111111111111:cluster/main" }, provisioner.Answer{Text: "ClusterNotFoundException: Cluster not found."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := awssim.New(awssim.Config{})
			cfg, prober := simulated(t, sim)
			outputs := stack(t, cfg, shop)
			if tt.roll != nil {
				tt.roll.Service = "shop"
				sim.Roll(*tt.roll)
			}
			q := provisioner.ECSProbe{Cluster: "main", Service: outputs["Service"]}
			if tt.ask != nil {
				tt.ask(&q)
			}
			if q.TaskDefinition == "OWN" {
				q.TaskDefinition = outputs["Task"]
			}
			if got := prober(provisioner.Probe{ECS: &q}); got != tt.want {
				t.Errorf("answer %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestECSRefused(t *testing.T) {
	t.Parallel()
	sim := awssim.New(awssim.Config{})
	cfg, prober := simulated(t, sim)
	stack(t, cfg, shop)
	sim.InjectWire(awssim.WireFault{Service: "ecs", Kind: awssim.Refuse, Status: 400, Code: "AccessDeniedException", Message: "User: x is not authorized", Times: 1})
	q := provisioner.Probe{ECS: &provisioner.ECSProbe{Cluster: "main", Service: "shop"}, Role: "arn:aws:iam::111111111111:role/deploy"}
	if got := prober(q); got != (provisioner.Answer{Text: "AccessDeniedException: User: x is not authorized"}) {
		t.Errorf("refused, the answer is %+v", got)
	}
	sim.InjectWire(awssim.WireFault{Service: "ecs", Kind: awssim.Throttle, Times: 1})
	if got := prober(q); !got.OK {
		t.Errorf("throttled once, the answer is %+v", got)
	}
	none, err := probe.New(probe.Config{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if got := answerOf(t, none, q); !got.Final || !strings.Contains(got.Text, "cannot ask") {
		t.Errorf("without AWS, the answer is %+v", got)
	}
}

// simulated is how AWS is called in a simulated account, and a prober that does.
func simulated(t *testing.T, sim *awssim.Sim) (aws.Config, func(provisioner.Probe) provisioner.Answer) {
	t.Helper()
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("111111111111", "none", "")}
	p, err := probe.New(probe.Config{AWS: func(context.Context, string) (aws.Config, error) { return cfg, nil }, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, func(q provisioner.Probe) provisioner.Answer { return answerOf(t, p, q) }
}

// answerOf waits for an answer.
func answerOf(t *testing.T, p *probe.Prober, q provisioner.Probe) provisioner.Answer {
	t.Helper()
	q.Timeout = 20 * time.Second
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for {
		if a := p.Ask(t.Context(), "one", q); a != nil {
			return *a
		}
		<-poll.C
	}
}
