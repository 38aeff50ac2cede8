package state

import (
	"context"

	"baryon/state/db"
)

// Number is how many things of a kind there are: services, or targets.
func (s *Store) Number(ctx context.Context, kind Kind) (int64, error) {
	if kind == KindService {
		return s.queries().CountServices(ctx)
	}
	return s.queries().CountTargetsOfKind(ctx, string(kind))
}

// NumberOfTemplates is how many templates of both kinds there are.
func (s *Store) NumberOfTemplates(ctx context.Context) (int64, error) {
	return s.queries().CountTemplates(ctx)
}

// NumberOfVersions is how many versions a template has.
func (s *Store) NumberOfVersions(ctx context.Context, kind Kind, name string) (int64, error) {
	return s.queries().CountTemplateVersions(ctx, db.CountTemplateVersionsParams{Kind: string(kind), Name: name})
}

// NumberOfRecords is how many records of a kind there are.
func (s *Store) NumberOfRecords(ctx context.Context, kind RecordKind) (int64, error) {
	return s.queries().CountRecords(ctx, string(kind))
}
