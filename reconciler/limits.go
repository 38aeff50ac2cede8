package reconciler

import (
	"context"
	"errors"
	"fmt"

	"baryon/renderer"
	"baryon/state"
)

// Limits are how many deployments may be under way at once, over all replicas,
// beside Settings.Deployments, which counts all of them.
type Limits struct {
	Engines  map[string]int // by engine, as manifests and plans name them
	Accounts map[string]int // by AWS account; AnyAccount for each that is not named
}

// planPlaces are the places for plans of an engine, and how many there are. Those
// of AWS are no work for this machine, and wait for the pace of their account.
func (r *Reconciler) planPlaces(engine string) (at *places, most int, limit string) {
	s := r.current()
	if engine == string(renderer.EngineCloudFormation) {
		return &r.changeSets, max(s.Plans, s.Deployments), "limits.plans or deployments"
	}
	return &r.plans, s.Plans, "limits.plans"
}

// AnyAccount stands for every account that has no limit of its own.
const AnyAccount = "*"

// crowded says which limit keeps another deployment from beginning; empty when
// none does. The engine is empty for what needs none.
func (s Settings) crowded(open []state.UnderWay, engine, account string) string {
	var all, sameEngine, sameAccount int
	for _, o := range open {
		all += o.Deployments
		if o.Engine == engine {
			sameEngine += o.Deployments
		}
		if o.Account == account {
			sameAccount += o.Deployments
		}
	}
	if all >= s.Deployments {
		return fmt.Sprintf("deployments under way: %d, allowed at once: %d (deployments)", all, s.Deployments)
	}
	if limit, ok := s.Limits.Engines[engine]; ok && sameEngine >= limit {
		return fmt.Sprintf("deployments of engine %s under way: %d, allowed at once: %d (limits.engines.%s)", engine, sameEngine, limit, engine)
	}
	key := account
	limit, ok := s.Limits.Accounts[key]
	if !ok {
		key = AnyAccount
		limit, ok = s.Limits.Accounts[key]
	}
	if ok && sameAccount >= limit {
		return fmt.Sprintf("deployments in account %s under way: %d, allowed at once: %d (limits.accounts.%s)", account, sameAccount, limit, key)
	}
	return ""
}

// accountOf is the account a target is deployed to: its own, or that of its
// environment, or the daemon's.
func (r *Reconciler) accountOf(ctx context.Context, t state.Target) (string, error) {
	s := r.current()
	if t.Desired.Account != "" || t.Desired.Environment == "" {
		return s.account(t.Desired), nil
	}
	e, err := r.environmentOf(ctx, t)
	return s.account(e.Desired), err
}

// An identity is as whom, and in which region, a target is deployed.
type identity struct{ Role, ExternalID, Region string }

// of writes the identity into what is wanted, for a deployment to keep.
func (i identity) of(d *state.Desired) {
	d.Role, d.ExternalID, d.Region = i.Role, i.ExternalID, i.Region
}

// identityOf is as whom a target is deployed: in an environment's own role, for an
// instance that of its environment, for a component the one its environment has
// for components, and for a pipeline that of all pipelines. The roles of an account
// connection are taken on with its ID, where nothing else is said.
func (r *Reconciler) identityOf(ctx context.Context, t state.Target) (identity, error) {
	s := r.current()
	i := identity{ExternalID: s.ExternalID, Region: s.Region}
	if t.Ref.Kind == state.KindPipeline {
		var err error
		i.Role, err = r.pipelineRole(ctx)
		return i, err
	}
	e, err := r.environmentOf(ctx, t)
	if err != nil {
		return i, err
	}
	if t.Ref.Kind == state.KindEnvironment {
		e = t
	}
	switch i.Role = e.Desired.Role; {
	case t.Desired.Role != "":
		i.Role = t.Desired.Role
	case t.Ref.Kind == state.KindComponent:
		i.Role = e.Desired.ComponentRole
	}
	if e.Desired.Region != "" {
		i.Region = e.Desired.Region
	}
	switch {
	case e.Desired.ExternalID != "":
		i.ExternalID = e.Desired.ExternalID
	case i.ExternalID == "":
		i.ExternalID = e.Desired.Connection
	}
	return i, nil
}

// pipelineRole is what the configuration says, or else what was set with AWS
// Proton's UpdateAccountSettings.
func (r *Reconciler) pipelineRole(ctx context.Context) (string, error) {
	if role := r.current().PipelineRole; role != "" {
		return role, nil
	}
	return r.cfg.Store.PipelineRole(ctx)
}

// environmentOf reads the environment that a target is deployed to; the zero
// Target when there is none of that name.
func (r *Reconciler) environmentOf(ctx context.Context, t state.Target) (state.Target, error) {
	if t.Ref.Kind == state.KindEnvironment || t.Desired.Environment == "" {
		return state.Target{}, nil
	}
	e, err := r.cfg.Store.Target(ctx, state.EnvironmentRef(t.Desired.Environment))
	if _, missing := errors.AsType[*state.NotFoundError](err); missing {
		return state.Target{}, nil
	}
	return e, err
}

// wakeHeld wakes what waits for a person or for room: the settings that hold it
// may have changed.
func (r *Reconciler) wakeHeld(ctx context.Context) error {
	var refs []state.Ref
	for f := (state.Filter{Limit: 500}); ; {
		page, err := r.cfg.Store.Targets(ctx, f)
		if err != nil {
			return err
		}
		for _, t := range page {
			switch t.Waiting.Reason {
			case state.WaitApproval, state.WaitGuard, state.WaitLimit, state.WaitPlan, state.WaitWindow, state.WaitPolicy:
				refs = append(refs, t.Ref)
			default:
			}
		}
		if len(page) < f.Limit {
			return r.cfg.Store.Wake(ctx, refs...)
		}
		f.After = page[len(page)-1].Ref.String()
	}
}
