package v1

import (
	"context"
	"net/http"
	"slices"
	"time"

	"baryon/state"
)

// A Service groups instances and a pipeline. The first members are Proton's.
type Service struct {
	Name                 string    `json:"name"`
	ARN                  string    `json:"arn"`
	Description          string    `json:"description,omitempty"`
	TemplateName         string    `json:"templateName"`
	Status               string    `json:"status"`
	StatusMessage        string    `json:"statusMessage"`
	Spec                 string    `json:"spec,omitempty"`
	RepositoryID         string    `json:"repositoryId,omitempty"`
	RepositoryConnection string    `json:"repositoryConnectionArn,omitempty"`
	BranchName           string    `json:"branchName,omitempty"`
	CreatedAt            time.Time `json:"createdAt,omitzero"`
	LastModifiedAt       time.Time `json:"lastModifiedAt,omitzero"`
	Pipeline             *Target   `json:"pipeline,omitempty"`

	Ref       string            `json:"ref"`
	Version   string            `json:"version,omitempty"` // what the document asks for
	Pins      map[string]string `json:"pins,omitempty"`
	Owner     string            `json:"owner,omitempty"`
	Origin    *Origin           `json:"origin,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Deleted   bool              `json:"deleted,omitempty"`
	Instances []Target          `json:"instances"`
	Blockers  []Blocker         `json:"blockers,omitempty"` // of service sync, newest first
}

// serviceAlone is a service without its targets.
func (v *View) serviceAlone(s state.Service) Service {
	ref := state.ServiceRef(s.Name)
	status, message := s.Shown()
	out := Service{
		Name: s.Name, ARN: v.arn(ref), Description: s.Description, TemplateName: s.Template, Status: string(status),
		StatusMessage: message, Spec: s.Spec, RepositoryID: s.Repository.ID, RepositoryConnection: s.Repository.Connection,
		BranchName: s.Repository.Branch, CreatedAt: s.CreatedAt, LastModifiedAt: s.ModifiedAt,
		Ref: ref.String(), Version: string(s.Follow), Owner: s.Owner.String(), Origin: originOf(s.Origin),
		Labels: s.Labels, Deleted: s.Deleted, Instances: []Target{},
	}
	for name, follow := range s.Pins {
		if out.Pins == nil {
			out.Pins = map[string]string{}
		}
		out.Pins[name] = string(follow)
	}
	return out
}

func (v *View) service(ctx context.Context, s state.Service, r *recommended) (Service, error) {
	out := v.serviceAlone(s)
	targets, err := v.store.TargetsOfService(ctx, s.Name)
	if err != nil {
		return Service{}, err
	}
	for _, t := range targets {
		one, err := v.target(ctx, t, r)
		if err != nil {
			return Service{}, err
		}
		if one.Sync, err = v.syncOf(ctx, t.Ref.Service, t.Ref.Name); err != nil {
			return Service{}, err
		}
		if t.Ref.Kind == state.KindPipeline {
			out.Pipeline = &one
		} else {
			out.Instances = append(out.Instances, one)
		}
	}
	blockers, err := v.store.Blockers(ctx, s.Name, "", "", blockersShown)
	for _, b := range blockers {
		out.Blockers = append(out.Blockers, blockerOf(b))
	}
	return out, err
}

// Service reads a service with its instances and pipeline.
func (v *View) Service(ctx context.Context, name string) (Service, error) {
	s, err := v.store.Service(ctx, name)
	if err != nil {
		return Service{}, err
	}
	return v.service(ctx, s, v.recommended())
}

// Targets are the instances, and then the pipeline if there is one.
func (s Service) Targets() []Target {
	all := slices.Clone(s.Instances)
	if s.Pipeline != nil {
		all = append(all, *s.Pipeline)
	}
	return all
}

func (a *api) service(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	return a.view.Service(r.Context(), r.PathValue("service"))
}

func (a *api) services(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, after, err := paging(r)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Services(r.Context(), after, limit+1)
	if err != nil {
		return nil, err
	}
	page := cut(found, limit, func(s state.Service) string { return s.Name })
	out, remember := Page[Service]{Items: []Service{}, Next: page.Next}, a.view.recommended()
	for _, s := range page.Items {
		one, err := a.view.service(r.Context(), s, remember)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, one)
	}
	return out, nil
}
