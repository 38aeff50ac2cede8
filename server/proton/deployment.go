package proton

import (
	"context"
	"encoding/json"

	"baryon/state"
)

var targetTypes = map[state.Kind]string{
	state.KindEnvironment: "ENVIRONMENT", state.KindInstance: "SERVICE_INSTANCE",
	state.KindPipeline: "SERVICE_PIPELINE", state.KindComponent: "COMPONENT",
}

// deployment is Proton's Deployment; a summary leaves the states and the message out.
func (h *Handler) deployment(ctx context.Context, d state.Deployment, summary bool) (object, error) {
	t, err := h.cfg.Store.TargetItself(ctx, d.Ref)
	if isMissing(err) { // gone, and its history stays
		t, err = state.Target{Ref: d.Ref, CreatedAt: d.CreatedAt, LastAttempted: d.ID}, nil
	}
	if err != nil {
		return nil, err
	}
	o := object{}.set("environmentName", shownEnvironment(d)).set("id", d.ID).set("arn", h.arn("deployment/"+d.ID)).set("targetArn", h.arn(d.Ref.String())).
		set("targetResourceType", targetTypes[d.Ref.Kind]).set("targetResourceCreatedAt", t.CreatedAt).
		set("createdAt", d.CreatedAt).set("lastModifiedAt", d.ModifiedAt).set("completedAt", d.CompletedAt).
		set("deploymentStatus", d.Status).set("lastAttemptedDeploymentId", t.LastAttempted).set("lastSucceededDeploymentId", t.LastSucceeded)
	switch d.Ref.Kind {
	case state.KindInstance:
		o.set("serviceName", d.Ref.Service).set("serviceInstanceName", d.Ref.Name)
	case state.KindPipeline:
		o.set("serviceName", d.Ref.Service)
	case state.KindComponent:
		o.set("componentName", d.Ref.Name).set("serviceName", d.Desired.Service).set("serviceInstanceName", d.Desired.Instance)
	default:
	}
	if summary {
		return o, nil
	}
	o.set("deploymentStatusMessage", d.Message)
	if d.Before.Deployment != "" {
		before := d.Desired
		before.Spec, before.Version = d.Before.Spec, d.Before.Version
		o["initialState"] = h.stateOf(ctx, d.Ref, before, nil)
	}
	if d.Action != state.Delete {
		o["targetState"] = h.stateOf(ctx, d.Ref, d.Desired, d.Needs)
	}
	return o, nil
}

// shownEnvironment is the environment in Proton's Deployment, where the member is
// required: a pipeline is in none, so that of its first instance stands there.
func shownEnvironment(d state.Deployment) string {
	if environment, _, _ := d.Concerns(); d.Ref.Kind != state.KindPipeline {
		return environment
	}
	s, ok := parseSpec(d.Desired.Spec)
	if !ok || s.instances() == nil || len(s.instances().Content) == 0 {
		return d.Ref.Service
	}
	if n := member(s.instances().Content[0], "environment"); n != nil {
		return n.Value
	}
	return d.Ref.Service
}

// stateOf is what a target was to be, in Proton's union of states. Needs are the
// deployments whose outputs it read, where those are recorded.
func (h *Handler) stateOf(ctx context.Context, ref state.Ref, d state.Desired, needs map[string]string) object {
	if ref.Kind == state.KindComponent {
		o := object{}.set("serviceName", d.Service).set("serviceInstanceName", d.Instance).set("serviceSpec", d.Spec)
		if d.Files != "" {
			if _, template, err := h.componentFiles(ctx, d.Files); err == nil {
				o.set("templateFile", template)
			}
		}
		return object{"component": o}
	}
	o := object{}.set("templateName", d.Template).set("templateMajorVersion", number(d.Version.Major)).set("templateMinorVersion", number(d.Version.Minor))
	switch ref.Kind {
	case state.KindEnvironment:
		return object{"environment": o.set("spec", d.Spec)}
	case state.KindPipeline:
		return object{"servicePipeline": o.set("spec", d.Spec)}
	default:
	}
	o["spec"] = onlyInstance(d.Spec, ref.Name)
	components := []string{}
	for need, id := range needs {
		other, err := state.ParseRef(need)
		switch {
		case err != nil:
		case other.Kind == state.KindEnvironment:
			o.set("lastSuccessfulEnvironmentDeploymentId", id)
		case other.Kind == state.KindComponent:
			components = append(components, id)
		}
	}
	if len(components) > 0 {
		o["lastSuccessfulComponentDeploymentIds"] = components
	}
	return object{"serviceInstance": o}
}

type deploymentName struct {
	place
	ID string `json:"id"`
}

// concerns reports whether a deployment is of what the names say; names that
// are not given say nothing.
func (p place) concerns(d state.Deployment) bool {
	environment, service, instance := d.Concerns()
	return (p.EnvironmentName == "" || environment == p.EnvironmentName) &&
		(p.ServiceName == "" || service == p.ServiceName) &&
		(p.ServiceInstanceName == "" || instance == p.ServiceInstanceName) &&
		(p.ComponentName == "" || d.Ref == state.ComponentRef(p.ComponentName))
}

func (p place) check() error {
	if p.ServiceInstanceName != "" && p.ServiceName == "" {
		return invalid("serviceInstanceName needs serviceName beside it")
	}
	return nil
}

func (h *Handler) getDeployment(ctx context.Context, _ caller, in deploymentName) (any, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	d, err := h.cfg.Store.Deployment(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !in.concerns(d) {
		return nil, missing("deployment %s is of %s and not of what was named", in.ID, d.Ref)
	}
	view, err := h.deployment(ctx, d, false)
	return object{"deployment": view}, err
}

// listDeployments answers deployments, newest first.
func (h *Handler) listDeployments(ctx context.Context, _ caller, in place) (any, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	list := listOf("ListDeployments", []string{in.EnvironmentName, in.ServiceName, in.ServiceInstanceName, in.ComponentName})
	after, err := in.after(list)
	if err != nil {
		return nil, err
	}
	var behind state.DeploymentPlace
	if after != "" && json.Unmarshal([]byte(after), &behind) != nil {
		return nil, notOfThisList()
	}
	f := state.DeploymentFilter{Environment: in.EnvironmentName, Service: in.ServiceName, Instance: in.ServiceInstanceName}
	if in.ComponentName != "" {
		f.Ref = state.ComponentRef(in.ComponentName)
	}
	found, err := h.cfg.Store.DeploymentsBy(ctx, f, behind, in.limit()+1)
	if err != nil {
		return nil, err
	}
	return answer(in.paging, list, "deployments", found, placed,
		func(d state.Deployment) (object, error) { return h.deployment(ctx, d, true) })
}

// placed is where a deployment stands, as a token keeps it.
func placed(d state.Deployment) string {
	text, err := json.Marshal(d.Place())
	if err != nil {
		panic(err) // plain data
	}
	return string(text)
}

// deleteDeployment forgets a deployment that has ended. The one that a target
// stands on stays.
func (h *Handler) deleteDeployment(ctx context.Context, c caller, in deploymentName) (any, error) {
	d, err := h.cfg.Store.Deployment(ctx, in.ID)
	if isMissing(err) {
		return object{}, nil
	}
	if err != nil {
		return nil, err
	}
	t, err := h.cfg.Store.Target(ctx, d.Ref)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	if err == nil && (t.LastAttempted == d.ID || t.LastSucceeded == d.ID) {
		return nil, conflict("deployment %s is the last of %s; only earlier ones can be deleted", d.ID, d.Ref)
	}
	view, err := h.deployment(ctx, d, false)
	if err != nil {
		return nil, err
	}
	if err := h.cfg.Store.DeleteDeployment(ctx, in.ID); err != nil {
		return nil, err
	}
	return object{"deployment": view}, h.audit(ctx, c, "delete-deployment", d.Ref, map[string]string{"deployment": d.ID})
}
