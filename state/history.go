package state

import (
	"context"
	"math"

	"baryon/state/db"
)

// Concerns is what lists of deployments are filtered by: the environment of what is
// deployed, and the service and the instance, which are also those that a component is
// attached to. A pipeline is in no environment.
func (d Deployment) Concerns() (environment, service, instance string) {
	switch d.Ref.Kind {
	case KindEnvironment:
		return d.Ref.Name, "", ""
	case KindInstance:
		return d.Desired.Environment, d.Ref.Service, d.Ref.Name
	case KindComponent:
		return d.Desired.Environment, d.Desired.Service, d.Desired.Instance
	default:
		return d.Desired.Environment, d.Ref.Service, ""
	}
}

// A DeploymentFilter selects deployments; the zero value selects all.
type DeploymentFilter struct {
	Ref                            Ref
	Environment, Service, Instance string // as Concerns has them
}

// A DeploymentPlace is where a deployment stands among others. It stays where it is when
// the deployment is deleted.
type DeploymentPlace struct {
	Time int64  `json:"t"`
	ID   string `json:"i"`
}

// Place is where the deployment stands among others.
func (d Deployment) Place() DeploymentPlace { return DeploymentPlace{micros(d.CreatedAt), d.ID} }

// Deployments lists the deployments of a target, newest first; the zero Ref means
// those of all. Before is the last one of the page before this, or nil.
func (s *Store) Deployments(ctx context.Context, ref Ref, before *Deployment, limit int) ([]Deployment, error) {
	var from DeploymentPlace
	if before != nil {
		from = before.Place()
	}
	return s.DeploymentsBy(ctx, DeploymentFilter{Ref: ref}, from, limit)
}

// DeploymentsBy lists the deployments that a filter selects, newest first, behind a
// place; the zero place is before the newest. An index has them in that order.
func (s *Store) DeploymentsBy(ctx context.Context, f DeploymentFilter, behind DeploymentPlace, limit int) ([]Deployment, error) {
	rows, err := f.rows(ctx, s.queries(), behind, int32(limit))
	if err != nil {
		return nil, err
	}
	return mapRows(rows, deploymentOf)
}

func (f DeploymentFilter) rows(ctx context.Context, q *db.Queries, behind DeploymentPlace, most int32) ([]db.Deployment, error) {
	if behind == (DeploymentPlace{}) {
		behind.Time = math.MaxInt64
	}
	switch {
	case f.Ref.Kind != "":
		return q.DeploymentsOf(ctx, db.DeploymentsOfParams{
			Ref: f.Ref.String(), BeforeTime: behind.Time, BeforeID: behind.ID, Environment: f.Environment, Service: f.Service, Instance: f.Instance, Most: most,
		})
	case f.Service != "":
		return q.DeploymentsOfService(ctx, db.DeploymentsOfServiceParams{
			Service: f.Service, BeforeTime: behind.Time, BeforeID: behind.ID, Environment: f.Environment, Instance: f.Instance, Most: most,
		})
	case f.Environment != "":
		return q.DeploymentsOfEnvironment(ctx, db.DeploymentsOfEnvironmentParams{
			Environment: f.Environment, BeforeTime: behind.Time, BeforeID: behind.ID, Most: most,
		})
	}
	return q.Deployments(ctx, db.DeploymentsParams{BeforeTime: behind.Time, BeforeID: behind.ID, Most: most})
}
