package state

import (
	"context"
	"time"

	"baryon/state/db"
)

// A ServiceStatus is the status of a whole service, in Proton's words.
type ServiceStatus string

// Proton's ServiceStatus values.
const (
	ServiceCreateInProgress              ServiceStatus = "CREATE_IN_PROGRESS"
	ServiceCreateFailedCleanupInProgress ServiceStatus = "CREATE_FAILED_CLEANUP_IN_PROGRESS"
	ServiceCreateFailedCleanupComplete   ServiceStatus = "CREATE_FAILED_CLEANUP_COMPLETE"
	ServiceCreateFailedCleanupFailed     ServiceStatus = "CREATE_FAILED_CLEANUP_FAILED"
	ServiceCreateFailed                  ServiceStatus = "CREATE_FAILED"
	ServiceActive                        ServiceStatus = "ACTIVE"
	ServiceDeleteInProgress              ServiceStatus = "DELETE_IN_PROGRESS"
	ServiceDeleteFailed                  ServiceStatus = "DELETE_FAILED"
	ServiceUpdateInProgress              ServiceStatus = "UPDATE_IN_PROGRESS"
	ServiceUpdateFailedCleanupInProgress ServiceStatus = "UPDATE_FAILED_CLEANUP_IN_PROGRESS"
	ServiceUpdateFailedCleanupComplete   ServiceStatus = "UPDATE_FAILED_CLEANUP_COMPLETE"
	ServiceUpdateFailedCleanupFailed     ServiceStatus = "UPDATE_FAILED_CLEANUP_FAILED"
	ServiceUpdateFailed                  ServiceStatus = "UPDATE_FAILED"
	ServiceUpdateCompleteCleanupFailed   ServiceStatus = "UPDATE_COMPLETE_CLEANUP_FAILED"
)

// A Service groups instances and a pipeline, which are targets of their own.
type Service struct {
	Name     string
	Template string
	Status   ServiceStatus
	Message  string
	Owner    Owner

	Description string
	Follow      Follow
	Pins        map[string]Follow // by instance name; an instance that stays
	Health      map[string]string // see Desired.Health: by instance name, and without one for all others
	Spec        string            // the whole ServiceSpec
	Repository  Repository
	Origin      Origin
	Deleted     bool
	Labels      map[string]string
	Created     bool   // has been ACTIVE once
	Refused     string // why a newer declaration is not in force
	Pull        *Pull  // the last pull request about all of it

	CreatedAt  time.Time
	ModifiedAt time.Time
}

// serviceDoc is what of a service no query selects on.
type serviceDoc struct {
	Description string
	Follow      Follow
	Pins        map[string]Follow
	Health      map[string]string `json:",omitempty"`
	Spec        string
	Repository  Repository
	Origin      Origin
	Deleted     bool
	Labels      map[string]string
	Created     bool   `json:",omitempty"`
	Refused     string `json:",omitempty"`
	Pull        *Pull  `json:",omitempty"`
}

// PutService writes a service.
func (tx *Tx) PutService(v Service) error {
	if v.Pull != nil && v.Pull.Status != PullOpen && v.Pull.Was != v.Status {
		v.Pull = nil // something else has happened since
	}
	doc, err := encode(serviceDoc{
		Description: v.Description, Follow: v.Follow, Pins: v.Pins, Health: v.Health, Spec: v.Spec,
		Repository: v.Repository, Origin: v.Origin, Deleted: v.Deleted, Labels: v.Labels,
		Created: v.Created, Refused: v.Refused, Pull: v.Pull,
	})
	if err != nil {
		return err
	}
	shown, _ := v.Shown()
	if err := tx.serviceMoved(v.Name, string(shown)); err != nil {
		return err
	}
	return tx.q.PutService(tx.ctx, db.PutServiceParams{
		Name: v.Name, Template: v.Template, Status: string(v.Status), Message: v.Message,
		OwnerRepo: v.Owner.Repository, OwnerPath: v.Owner.Path, Doc: doc, Now: tx.now,
	})
}

// Service reads a service and keeps others from changing it until the transaction ends.
func (tx *Tx) Service(name string) (Service, error) {
	row, err := tx.q.ServiceForUpdate(tx.ctx, name)
	if err != nil {
		return Service{}, notFound(err, "service/"+name)
	}
	return serviceOf(row)
}

// RemoveService forgets a service whose targets are gone.
func (tx *Tx) RemoveService(name string) error {
	if err := tx.serviceMoved(name, statusGone); err != nil {
		return err
	}
	if _, err := tx.q.DeleteService(tx.ctx, name); err != nil {
		return err
	}
	return tx.q.DropWork(tx.ctx, ServiceRef(name).String())
}

// Service reads a service.
func (s *Store) Service(ctx context.Context, name string) (Service, error) {
	row, err := s.queries().Service(ctx, name)
	if err != nil {
		return Service{}, notFound(err, "service/"+name)
	}
	return serviceOf(row)
}

// Services lists services by name, from after a name on.
func (s *Store) Services(ctx context.Context, after string, limit int) ([]Service, error) {
	if limit <= 0 {
		limit = defaultPage
	}
	rows, err := s.queries().Services(ctx, db.ServicesParams{After: after, Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	return mapRows(rows, serviceOf)
}

// ServicesOfOwner lists the services that a repository declares.
func (s *Store) ServicesOfOwner(ctx context.Context, repository string) ([]Service, error) {
	rows, err := s.queries().ServicesOfOwner(ctx, repository)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, serviceOf)
}

func serviceOf(row db.Service) (Service, error) {
	var doc serviceDoc
	err := decode(row.Doc, &doc)
	return Service{
		Name: row.Name, Template: row.Template, Status: ServiceStatus(row.Status), Message: row.Message,
		Owner:       Owner{Repository: row.OwnerRepo, Path: row.OwnerPath},
		Description: doc.Description, Follow: doc.Follow, Pins: doc.Pins, Health: doc.Health, Spec: doc.Spec,
		Repository: doc.Repository, Origin: doc.Origin, Deleted: doc.Deleted, Labels: doc.Labels,
		Created: doc.Created, Refused: doc.Refused, Pull: doc.Pull, CreatedAt: fromMicros(row.CreatedAt), ModifiedAt: fromMicros(row.ModifiedAt),
	}, err
}
