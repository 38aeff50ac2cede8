package state

import (
	"context"
	"strings"
)

// A SyncConfig tells the loop to read a linked repository for one thing:
// Proton's template sync and service sync. To the loop it is a repository of its
// own, named by Repository.
type SyncConfig struct {
	Kind     Kind   `json:"kind"` // KindEnvironment or KindService for templates of that kind, KindInstance for instances of a service
	Name     string `json:"name"` // of the template or the service
	Provider string `json:"provider"`
	Link     string `json:"link"` // OWNER/NAME
	Branch   string `json:"branch"`
	Path     string `json:"path"` // the folder that is read, or the ops file
}

const syncConfigRecords RecordKind = "sync-config"

// syncPrefix begins the name of everything that a SyncConfig has read.
const syncPrefix = "sync:"

// TemplateSyncName is the name by which the loop knows the template sync of a
// template, ServiceSyncName that of the service sync of a service. Names of
// configured repositories have no colons.
func TemplateSyncName(kind Kind, template string) string {
	return syncPrefix + string(kind) + "-template:" + template
}

// ServiceSyncName is explained at TemplateSyncName.
func ServiceSyncName(service string) string { return syncPrefix + "service:" + service }

// Repository is the name by which the loop knows what c tells it to read.
func (c SyncConfig) Repository() string {
	if c.OfService() {
		return ServiceSyncName(c.Name)
	}
	return TemplateSyncName(c.Kind, c.Name)
}

// OfService tells service sync from template sync.
func (c SyncConfig) OfService() bool { return c.Kind == KindInstance }

// IsSyncName reports whether a name is one that a SyncConfig has, or had.
func IsSyncName(repository string) bool { return strings.HasPrefix(repository, syncPrefix) }

// PutSyncConfig writes a configuration, or with gone takes it away, and has the
// loop look at it.
func (tx *Tx) PutSyncConfig(c SyncConfig, gone bool) error {
	name := c.Repository()
	if gone {
		if _, err := tx.RemoveRecord(syncConfigRecords, name); err != nil {
			return err
		}
	} else if err := tx.PutRecord(syncConfigRecords, name, c); err != nil {
		return err
	}
	return tx.Wake(RepositoryRef(name))
}

// SyncConfig reads a configuration by the name that the loop knows it by, with
// when it was written; a *NotFoundError when there is none.
func (s *Store) SyncConfig(ctx context.Context, repository string) (SyncConfig, Record, error) {
	var c SyncConfig
	r, err := s.Record(ctx, syncConfigRecords, repository)
	if err != nil {
		return c, r, notFound(err, "sync configuration "+repository)
	}
	return c, r, r.Into(&c)
}

// SyncConfigs lists all configurations.
func (s *Store) SyncConfigs(ctx context.Context) ([]SyncConfig, error) {
	var all []SyncConfig
	const size = 1000
	for after := ""; ; {
		page, err := s.Records(ctx, syncConfigRecords, after, size)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			var c SyncConfig
			if err := r.Into(&c); err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		if len(page) < size {
			return all, nil
		}
		after = page[len(page)-1].Key
	}
}
