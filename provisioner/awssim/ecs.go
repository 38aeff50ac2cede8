package awssim

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Rollout is how far a service of Amazon ECS is, which stacks make: the parts
// that a test or a rehearsal can set. The zero Rollout is that of a service that
// is steady on what its properties say.
type Rollout struct {
	Service string // its name, or its ARN
	State   string // IN_PROGRESS, COMPLETED or FAILED of the primary deployment; COMPLETED when empty
	Reason  string // why
	Missing int    // how many of the tasks that are wanted do not run
	Status  string // ACTIVE when empty; also DRAINING or INACTIVE
	// TaskDefinition is the one that the primary deployment runs, in place of that of
	// the properties: the rollout of that was rolled back.
	TaskDefinition string
	// Older is the state of a deployment beside the primary one; empty for none.
	Older string
	// Answers is how many answers show it; afterwards the service is steady. 0 is all.
	Answers int
}

// Roll makes a service be that far, until it is told otherwise.
func (s *Sim) Roll(r Rollout) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Rollouts[r.Service] = r
}

// roll is Roll for those who rehearse.
func (c *call) roll(data []byte) (any, error) {
	var r Rollout
	err := strict(data, &r)
	if err == nil {
		err = oneOf("State", r.State, "", "IN_PROGRESS", "COMPLETED", "FAILED")
	}
	if err == nil {
		err = oneOf("Status", r.Status, "", "ACTIVE", "DRAINING", "INACTIVE")
	}
	if err == nil && r.Service == "" {
		err = &apiError{400, "BadRequest", "Service is the name of a service, or its ARN"}
	}
	if err == nil {
		c.w.Rollouts[r.Service] = r
	}
	return done, err
}

// last is the name at the end of an ARN, or a name as it is.
func last(arn string) string {
	return arn[strings.LastIndexByte(arn, '/')+1:]
}

// containers answers for Amazon ECS.
func (c *call) containers(action string, in map[string]any) (map[string]any, error) {
	if action != "DescribeServices" {
		return nil, &apiError{400, "UnknownOperationException", "the simulated Amazon ECS has no " + action}
	}
	names, _ := in["services"].([]any)
	switch {
	case len(names) == 0:
		return nil, &apiError{400, "InvalidParameterException", "Services cannot be empty."}
	case len(names) > 10:
		return nil, &apiError{400, "InvalidParameterException", "Services cannot have more than 10 elements"}
	}
	cluster := last(of(in, "cluster"))
	if cluster == "" {
		cluster = "default"
	}
	if !c.region.hasCluster(cluster) {
		return nil, &apiError{400, "ClusterNotFoundException", "Cluster not found."}
	}
	found, failures := []any{}, []any{}
	for _, n := range names {
		name, _ := n.(string)
		if t := c.region.ecsService(cluster, name); t != nil {
			found = append(found, c.described(cluster, t))
			continue
		}
		arn := name
		if !strings.HasPrefix(name, "arn:") {
			arn = "arn:aws:ecs:" + c.region.Name + ":" + c.region.Account + ":service/" + cluster + "/" + name
		}
		failures = append(failures, map[string]any{"arn": arn, "reason": "MISSING"})
	}
	return map[string]any{"services": found, "failures": failures}, nil
}

// hasCluster reports whether there is a cluster: one that a stack made, or one
// that a service of a stack names.
func (r *region) hasCluster(name string) bool {
	for _, t := range r.Things {
		if t.Type == "AWS::ECS::Cluster" && last(t.Physical) == name || t.Type == "AWS::ECS::Service" && clusterOf(t) == name {
			return true
		}
	}
	return name == "default"
}

func clusterOf(t *Thing) string {
	cluster, _ := t.Properties["Cluster"].(string)
	if cluster == "" {
		return "default"
	}
	return last(cluster)
}

func (r *region) ecsService(cluster, name string) *Thing {
	for _, k := range slices.Sorted(maps.Keys(r.Things)) {
		t := r.Things[k]
		if t.Type == "AWS::ECS::Service" && clusterOf(t) == cluster && (t.Physical == name || ecsName(t) == name) {
			return t
		}
	}
	return nil
}

func ecsName(t *Thing) string {
	if name, _ := t.Properties["ServiceName"].(string); name != "" {
		return name
	}
	if t.Attributes["Name"] != "" {
		return t.Attributes["Name"]
	}
	return last(t.Physical)
}

// rollout is what was set for a service, by its name or ARN.
func (c *call) rollout(service string) Rollout {
	r := c.w.Rollouts[service]
	if left := r; r.Answers > 0 {
		if left.Answers--; left.Answers == 0 {
			delete(c.w.Rollouts, service)
		} else {
			c.w.Rollouts[service] = left
		}
	}
	return r
}

// described is a service as DescribeServices shows it.
func (c *call) described(cluster string, t *Thing) map[string]any {
	name := ecsName(t)
	roll := c.rollout(name)
	if roll == (Rollout{}) {
		roll = c.rollout(t.Physical)
	}
	desired := 1
	if n, err := strconv.Atoi(shown(t.Properties["DesiredCount"])); err == nil {
		desired = n
	}
	running := max(0, desired-roll.Missing)
	definition, _ := t.Properties["TaskDefinition"].(string)
	if roll.TaskDefinition != "" {
		definition = roll.TaskDefinition
	}
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	state := or(roll.State, "COMPLETED")
	at := float64(c.now.Unix())
	deployment := func(id, status, state, reason, definition string, desired, running int) map[string]any {
		return map[string]any{
			"id": "ecs-svc/" + id, "status": status, "taskDefinition": definition, "desiredCount": desired, "runningCount": running,
			"pendingCount": desired - running, "failedTasks": 0, "createdAt": at, "updatedAt": at, "rolloutState": state, "rolloutStateReason": reason,
		}
	}
	deployments := []any{deployment("2", "PRIMARY", state, or(roll.Reason, "ECS deployment ecs-svc/2 is "+state), definition, desired, running)}
	if roll.Older != "" {
		deployments = append(deployments, deployment("1", "ACTIVE", roll.Older, "", definition, desired, desired))
	}
	return map[string]any{
		"serviceArn": t.Physical, "serviceName": name, "clusterArn": "arn:aws:ecs:" + c.region.Name + ":" + c.region.Account + ":cluster/" + cluster,
		"status": or(roll.Status, "ACTIVE"), "desiredCount": desired, "runningCount": running, "pendingCount": desired - running,
		"taskDefinition": definition, "deployments": deployments, "schedulingStrategy": "REPLICA",
		"deploymentController": map[string]any{"type": "ECS"}, "createdAt": at, "events": []any{}, "loadBalancers": []any{},
	}
}
