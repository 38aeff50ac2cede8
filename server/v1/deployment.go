package v1

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"baryon/state"
)

// A Deployment is one attempt to bring a target to a generation. The first
// members are Proton's.
type Deployment struct {
	ID                      string    `json:"id"`
	ARN                     string    `json:"arn"`
	TargetARN               string    `json:"targetArn"`
	TargetResourceType      string    `json:"targetResourceType"`
	EnvironmentName         string    `json:"environmentName,omitempty"`
	ServiceName             string    `json:"serviceName,omitempty"`
	ServiceInstanceName     string    `json:"serviceInstanceName,omitempty"`
	ComponentName           string    `json:"componentName,omitempty"`
	DeploymentStatus        string    `json:"deploymentStatus"`
	DeploymentStatusMessage string    `json:"deploymentStatusMessage"`
	CreatedAt               time.Time `json:"createdAt,omitzero"`
	LastModifiedAt          time.Time `json:"lastModifiedAt,omitzero"`
	CompletedAt             time.Time `json:"completedAt,omitzero"`

	Ref        string                 `json:"ref"`
	Action     string                 `json:"action"`
	Final      bool                   `json:"final"`
	Generation int64                  `json:"generation"`
	Template   string                 `json:"templateName,omitempty"`
	Version    string                 `json:"version,omitempty"`
	Before     string                 `json:"versionBefore,omitempty"`
	Engine     string                 `json:"engine,omitempty"`
	Reason     string                 `json:"reason,omitempty"`
	By         string                 `json:"by,omitempty"`
	Origin     *Origin                `json:"origin,omitempty"`
	Spec       string                 `json:"spec,omitempty"`
	Outputs    map[string]string      `json:"outputs"`
	Needs      map[string]string      `json:"needs,omitempty"`   // the deployments whose outputs it read
	Plan       string                 `json:"plan,omitempty"`    // the plan that was approved
	Changes    []state.ResourceChange `json:"changes,omitempty"` // what it changed, or meant to: names, never values
	Health     *Health                `json:"health,omitempty"`  // nil until it is applied, and where nothing is asked
}

// resourceType is Proton's DeploymentTargetResourceType.
var resourceType = map[state.Kind]string{
	state.KindEnvironment: "ENVIRONMENT", state.KindInstance: "SERVICE_INSTANCE",
	state.KindPipeline: "SERVICE_PIPELINE", state.KindComponent: "COMPONENT",
}

func (v *View) deployment(d state.Deployment) Deployment {
	out := Deployment{
		ID: d.ID, ARN: v.arn(state.Ref{Kind: "deployment", Name: d.ID}), TargetARN: v.arn(d.Ref), TargetResourceType: resourceType[d.Ref.Kind],
		EnvironmentName: d.Desired.Environment, ServiceName: d.Ref.Service,
		DeploymentStatus: string(d.Status), DeploymentStatusMessage: d.Message,
		CreatedAt: d.CreatedAt, LastModifiedAt: d.ModifiedAt, CompletedAt: d.CompletedAt,
		Ref: d.Ref.String(), Action: string(d.Action), Final: d.Status.Final(), Generation: d.Generation,
		Template: d.Desired.Template, Version: d.Desired.Version.String(), Before: d.Before.Version.String(),
		Engine: d.Engine, Reason: d.Reason, By: string(d.By), Origin: originOf(d.Desired.Origin), Spec: d.Desired.Spec,
		Outputs: d.Outputs, Needs: d.Needs, Plan: d.Plan, Changes: d.Changes, Health: healthOf(d),
	}
	switch d.Ref.Kind {
	case state.KindEnvironment:
		out.EnvironmentName = d.Ref.Name
	case state.KindInstance:
		out.ServiceInstanceName = d.Ref.Name
	case state.KindComponent:
		out.ComponentName, out.ServiceName, out.ServiceInstanceName = d.Ref.Name, d.Desired.Service, d.Desired.Instance
	}
	if out.Outputs == nil {
		out.Outputs = map[string]string{}
	}
	return out
}

// Deployment reads one deployment.
func (v *View) Deployment(ctx context.Context, id string) (Deployment, error) {
	d, err := v.store.Deployment(ctx, id)
	if err != nil {
		return Deployment{}, err
	}
	return v.deployment(d), nil
}

// Deployments lists deployments, newest first: of one target, or with a zero
// Ref of all. After is the id of the last one of the page before, or empty.
func (v *View) Deployments(ctx context.Context, ref state.Ref, after string, limit int) (Page[Deployment], error) {
	var before *state.Deployment
	if after != "" {
		d, err := v.store.Deployment(ctx, after)
		if err != nil {
			return Page[Deployment]{}, err
		}
		before = &d
	}
	found, err := v.store.Deployments(ctx, ref, before, limit+1)
	if err != nil {
		return Page[Deployment]{}, err
	}
	page := cut(found, limit, func(d state.Deployment) string { return d.ID })
	out := Page[Deployment]{Items: []Deployment{}, Next: page.Next}
	for _, d := range page.Items {
		out.Items = append(out.Items, v.deployment(d))
	}
	return out, nil
}

func (a *api) deployments(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, after, err := paging(r, "ref")
	if err != nil {
		return nil, err
	}
	ref, err := refQuery(r)
	if err != nil {
		return nil, err
	}
	page, err := a.view.Deployments(r.Context(), ref, after, limit)
	if err != nil || len(page.Items) > 0 || after != "" || ref.Kind == "" {
		return page, err
	}
	// Nothing was ever deployed under this name: say so if it is no name at all.
	if !ref.Deployable() {
		return nil, a.view.notDeployable(r.Context(), ref)
	}
	_, err = a.Store.Target(r.Context(), ref)
	return page, err
}

func (a *api) deployment(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	return a.view.Deployment(r.Context(), r.PathValue("id"))
}

// An AuditEntry tells who did what.
type AuditEntry = state.AuditEntry

func (a *api) audit(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, after, err := paging(r, "ref")
	if err != nil {
		return nil, err
	}
	about := r.URL.Query().Get("ref")
	if ref, err := refQuery(r); err == nil && ref.Kind != "" {
		about = ref.String()
	} else if err != nil && !strings.Contains(about, "-template/") {
		return nil, err
	}
	found, err := a.Store.Audit(r.Context(), about, after, limit+1)
	if err != nil {
		return nil, err
	}
	return cut(found, limit, func(e AuditEntry) string { return e.ID }), nil
}

// isNotFound reports whether what was asked for does not exist.
func isNotFound(err error) bool {
	var missing *state.NotFoundError
	return errors.As(err, &missing)
}
