package state

import (
	"context"

	"baryon/state/db"
)

// Targets lists targets by ref. Needs are left out; read one target to have them.
func (s *Store) Targets(ctx context.Context, f Filter) ([]Target, error) {
	rows, err := f.rows(ctx, s.queries())
	if err != nil {
		return nil, err
	}
	return mapRows(rows, targetOf)
}

// rows asks so that an index leads to what is asked for.
func (f Filter) rows(ctx context.Context, q *db.Queries) ([]db.Target, error) {
	if f.Limit <= 0 {
		f.Limit = defaultPage
	}
	kind, status, most := string(f.Kind), string(f.Status), int32(f.Limit)
	switch {
	case f.Kind == "":
		return q.Targets(ctx, db.TargetsParams{
			After: f.After, Kind: kind, Service: f.Service, Environment: f.Environment, Template: f.Template, Status: status, Most: most,
		})
	case f.Service == "":
		return q.TargetsOfKind(ctx, db.TargetsOfKindParams{
			Kind: kind, After: f.After, Environment: f.Environment, Template: f.Template, Major: f.Major, Status: status, Most: most,
		})
	}
	return q.TargetsOfKindOfService(ctx, db.TargetsOfKindOfServiceParams{
		Kind: kind, Service: f.Service, After: f.After, Environment: f.Environment, Template: f.Template, Status: status, Most: most,
	})
}

// settled reports whether a target is as it is wanted, with nothing before it.
func (t Target) settled() bool {
	return t.Status == Succeeded && !t.Desired.Deleted && t.Deployed.Deployment != "" && t.Generation == t.Deployed.Generation
}

// Unsettled tells which of the services from first to last have an instance or a
// pipeline that is not as it is wanted.
func (s *Store) Unsettled(ctx context.Context, first, last string) (map[string]bool, error) {
	names, err := s.queries().UnsettledServices(ctx, db.UnsettledServicesParams{First: first, Last: last})
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, name := range names {
		out[name] = true
	}
	return out, nil
}
