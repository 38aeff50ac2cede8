package state

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"baryon/state/db"
)

// An Event tells that something changed its status. It is written in the
// transaction that changes it, so that none is lost and none is made up.
type Event struct {
	ID       string    `json:"-"`
	Ref      string    `json:"-"` // the tail of the resource name
	At       time.Time `json:"-"` // rises with each event of one Ref
	What     string    `json:"what"`
	Status   string    `json:"status"`
	Previous string    `json:"previousStatus"`

	Name    string `json:"name,omitempty"`
	Service string `json:"serviceName,omitempty"`
	Major   string `json:"majorVersion,omitempty"`
	Minor   string `json:"minorVersion,omitempty"`
	Holder  string `json:"id,omitempty"` // of an environment account connection
}

// EventConnection is what the event of an environment account connection is about.
const EventConnection = "Environment Account Connection"

// The statuses of what has no status of its own, and of what is gone.
const (
	statusThere = "ACTIVE"
	statusGone  = "DELETED"
)

// Emit writes an event, and what has to be delivered for it. One that tells of
// no change is not written.
func (tx *Tx) Emit(e Event) error {
	if e.Status == e.Previous {
		return nil
	}
	doc, err := encode(e)
	if err != nil {
		return err
	}
	last, err := tx.q.LastEventAt(tx.ctx, e.Ref)
	if err != nil {
		return err
	}
	id, at := NewID(), max(tx.now, last+1)
	if err := tx.q.AddEvent(tx.ctx, db.AddEventParams{ID: id, Ref: e.Ref, At: at, Doc: doc}); err != nil {
		return err
	}
	for _, name := range tx.s.Destinations() {
		if err := tx.q.AddDelivery(tx.ctx, db.AddDeliveryParams{Destination: name, Event: id, Ref: e.Ref, At: at}); err != nil {
			return err
		}
	}
	return nil
}

// Destinations are the names of the places that events are to be delivered to.
func (s *Store) Destinations() []string {
	if names := s.destinations.Load(); names != nil {
		return *names
	}
	return nil
}

// SetDestinations says where events are delivered to from now on. What waits for
// a place that is not among them is dropped, unless other daemons share the
// database: they may know it.
func (s *Store) SetDestinations(ctx context.Context, names []string) error {
	s.destinations.Store(&names)
	if s.postgres {
		return nil
	}
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		waiting, err := tx.q.DestinationsOfDeliveries(ctx)
		if err != nil {
			return err
		}
		for _, name := range waiting {
			if slices.Contains(names, name) {
				continue
			}
			if _, err := tx.q.DropDestination(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// told is the status of a target that events tell: that of its last attempt,
// CANCELLING from when a person asked for that, and what becomes of a pull request.
func (t Target) told() Status {
	if t.Status == InProgress && t.Asked.Cancel.Deployment != "" && t.Asked.Cancel.Deployment == t.LastAttempted {
		return Cancelling
	}
	if !t.Status.Final() {
		return t.Status
	}
	if status, _, ok := t.pulled(); ok {
		return status
	}
	if p := t.Asked.Pull; p != nil && p.Status == PullMerged && t.LastAttempted == p.Attempted { // what was merged is about to begin
		switch {
		case t.Desired.Deleted:
			return DeleteInProgress
		case t.Deployed.Generation < t.Generation:
			return InProgress
		}
	}
	return t.Status
}

// noteTarget remembers the status with which a target was read, for the event
// that tells of another one.
func (tx *Tx) noteTarget(ref Ref, status Status) {
	if tx.before == nil {
		tx.before = map[Ref]Status{}
	}
	tx.before[ref] = status
}

// targetMoved writes the event of a target whose status is another one now.
func (tx *Tx) targetMoved(t Target, status Status) error {
	before, read := tx.before[t.Ref]
	if !read {
		row, err := tx.q.Target(tx.ctx, t.Ref.String())
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err == nil {
			was, err := targetOf(row)
			if err != nil {
				return err
			}
			before = was.told()
		}
	}
	tx.noteTarget(t.Ref, status)
	e := Event{Ref: t.Ref.String(), Status: string(status), Previous: string(before), Name: t.Ref.Name, Service: t.Ref.Service}
	switch t.Ref.Kind {
	case KindInstance:
		e.What = "Service Instance"
	case KindPipeline:
		e.What = "Service Pipeline"
	case KindComponent:
		e.What = "Component"
	default:
		e.What = "Environment"
	}
	return tx.Emit(e)
}

// serviceMoved writes the event of a service whose status is another one now.
func (tx *Tx) serviceMoved(name, status string) error {
	row, err := tx.q.Service(tx.ctx, name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	before := row.Status
	if err == nil {
		was, err := serviceOf(row)
		if err != nil {
			return err
		}
		shown, _ := was.Shown()
		before = string(shown)
	}
	return tx.Emit(Event{Ref: ServiceRef(name).String(), What: "Service", Name: name, Status: status, Previous: before})
}

// templateMoved writes the event of a template that was made or is gone.
func (tx *Tx) templateMoved(kind Kind, name, status, previous string) error {
	return tx.Emit(Event{Ref: string(kind) + "-template/" + name, What: templateWord(kind), Name: name, Status: status, Previous: previous})
}

// versionMoved writes the event of a template version whose status is another one now.
func (tx *Tx) versionMoved(kind Kind, name string, v Version, status, previous string) error {
	return tx.Emit(Event{
		Ref: string(kind) + "-template/" + name + ":" + v.String(), What: templateWord(kind) + " Version", Name: name,
		Major: itoa(int(v.Major)), Minor: itoa(int(v.Minor)), Status: status, Previous: previous,
	})
}

func templateWord(kind Kind) string {
	if kind == KindService {
		return "Service Template"
	}
	return "Environment Template"
}

// Events lists events, newest first: of one ref, or with an empty one of all.
// Before is the last one of the page before, or nil.
func (s *Store) Events(ctx context.Context, ref string, before *Event, limit int) ([]Event, error) {
	p := db.EventsParams{Ref: ref, Most: int32(limit)}
	if before != nil {
		p.BeforeAt, p.BeforeID = micros(before.At), before.ID
	}
	rows, err := s.queries().Events(ctx, p)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, eventOf)
}

// Event reads one event.
func (s *Store) Event(ctx context.Context, id string) (Event, error) {
	row, err := s.queries().Event(ctx, id)
	if err != nil {
		return Event{}, notFound(err, "event "+id)
	}
	return eventOf(row)
}

func eventOf(row db.Event) (Event, error) {
	e := Event{}
	err := decode(row.Doc, &e)
	e.ID, e.Ref, e.At = row.ID, row.Ref, fromMicros(row.At)
	return e, err
}
