package state

import (
	"context"
	"math"
	"strings"
	"time"

	"baryon/state/db"
)

// An Instance is a service instance as lists show it.
type Instance struct {
	Ref           Ref
	Environment   string
	Template      string
	Version       Version // see Target.ShownVersion
	Status        Status  // see Target.Shown
	Message       string
	LastAttempted string // deployment ids
	LastSucceeded string
	AttemptedAt   time.Time // when the last deployment began, or the instance was made
	SucceededAt   time.Time // zero before the first success
	CreatedAt     time.Time
}

// An InstanceMember is what instances are ordered by, and by service and name
// where that is the same.
type InstanceMember string

// The members that instances are ordered by.
const (
	ByService     InstanceMember = "" // and so by name
	ByName        InstanceMember = "name"
	ByStatus      InstanceMember = "status"
	ByTemplate    InstanceMember = "template"
	ByEnvironment InstanceMember = "environment"
	ByCreated     InstanceMember = "created"
	ByAttempted   InstanceMember = "attempted"
)

// How far what is deployed is behind the recommended version of its template.
const (
	UpToDate    = "UP_TO_DATE"
	BehindMinor = "BEHIND_MINOR"
	BehindMajor = "BEHIND_MAJOR"
)

// An InstanceFilter selects instances; an empty field selects all.
type InstanceFilter struct {
	Service, Name, Environment, Template string

	Status    Status
	Staleness string // UpToDate, BehindMinor or BehindMajor

	CreatedAfter, CreatedBefore     time.Time
	AttemptedAfter, AttemptedBefore time.Time
}

// An InstancePage is a part of the instances that a filter selects, in an order.
type InstancePage struct {
	By         InstanceMember
	Descending bool
	After      *InstancePlace // nil for the first page
	Limit      int
}

// An InstancePlace is where an instance stands in an order. It stays where it is
// when the instance has gone.
type InstancePlace struct {
	Text    string `json:"t,omitempty"`
	Time    int64  `json:"n,omitempty"`
	Service string `json:"s"`
	Name    string `json:"i"`
}

// Place is where the instance stands in an order.
func (i Instance) Place(by InstanceMember) InstancePlace {
	p := InstancePlace{Service: i.Ref.Service, Name: i.Ref.Name}
	switch by {
	case ByService:
	case ByName:
		p.Text = i.Ref.Name
	case ByStatus:
		p.Text = string(i.Status)
	case ByTemplate:
		p.Text = i.Template
	case ByEnvironment:
		p.Text = i.Environment
	case ByCreated:
		p.Time = micros(i.CreatedAt)
	case ByAttempted:
		p.Time = micros(i.AttemptedAt)
	}
	return p
}

// beyond comes after every name, in whatever order a database has texts.
func beyond() string { return strings.Repeat("z", 128) }

// Instances lists a page of instances.
func (s *Store) Instances(ctx context.Context, f InstanceFilter, p InstancePage) ([]Instance, error) {
	if p.By == ByService && !p.Descending && f == (InstanceFilter{}) { // which reads no more than the page
		var from InstancePlace
		if p.After != nil {
			from = *p.After
		}
		rows, err := s.queries().Instances(ctx, db.InstancesParams{FromService: from.Service, FromName: from.Name, Most: int32(p.Limit)})
		if err != nil {
			return nil, err
		}
		return mapRows(rows, instanceOf)
	}
	params := f.params()
	params.By, params.Most = string(p.By), int32(p.Limit)
	switch {
	case p.After != nil:
		params.FromText, params.FromTime, params.FromService, params.FromName = p.After.Text, p.After.Time, p.After.Service, p.After.Name
	case p.Descending:
		params.FromText, params.FromTime, params.FromService, params.FromName = beyond(), math.MaxInt64, beyond(), beyond()
	default:
		params.FromTime = -1
	}
	if p.Descending {
		rows, err := s.queries().InstancesDescending(ctx, db.InstancesDescendingParams(params))
		if err != nil {
			return nil, err
		}
		return mapRows(rows, func(r db.InstancesDescendingRow) (Instance, error) { return instanceOf(db.InstancesRow(r)) })
	}
	rows, err := s.queries().InstancesAscending(ctx, params)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(r db.InstancesAscendingRow) (Instance, error) { return instanceOf(db.InstancesRow(r)) })
}

func (f InstanceFilter) params() db.InstancesAscendingParams {
	p := db.InstancesAscendingParams{
		ServiceFrom: f.Service, ServiceTo: f.Service, Name: f.Name, Environment: f.Environment, Template: f.Template,
		Status: string(f.Status), Staleness: f.Staleness,
		CreatedAfter: math.MinInt64, CreatedBefore: math.MaxInt64, AttemptedAfter: math.MinInt64, AttemptedBefore: math.MaxInt64,
	}
	if f.Service == "" {
		p.ServiceTo = beyond()
	}
	for bound, at := range map[*int64]time.Time{
		&p.CreatedAfter: f.CreatedAfter, &p.CreatedBefore: f.CreatedBefore, &p.AttemptedAfter: f.AttemptedAfter, &p.AttemptedBefore: f.AttemptedBefore,
	} {
		if !at.IsZero() {
			*bound = at.UnixMicro()
		}
	}
	return p
}

func instanceOf(r db.InstancesRow) (Instance, error) {
	return Instance{
		Ref: InstanceRef(r.Service, r.Name), Environment: r.Environment, Template: r.Template,
		Version: Version{Major: r.ShownMajor, Minor: r.ShownMinor}, Status: Status(r.Shown), Message: r.ShownWhy,
		LastAttempted: r.LastAttempted, LastSucceeded: r.LastSucceeded,
		AttemptedAt: fromMicros(r.AttemptedAt), SucceededAt: fromMicros(r.SucceededAt), CreatedAt: fromMicros(r.CreatedAt),
	}, nil
}

// A Tally says how many targets show alike.
type Tally struct {
	Kind     Kind
	Service  string // of instances and pipelines
	Template string
	Status   Status
	Version  Version
	Targets  int
}

// Tally counts targets by what they show.
func (s *Store) Tally(ctx context.Context) ([]Tally, error) {
	rows, err := s.queries().TallyTargets(ctx)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, func(r db.TallyTargetsRow) (Tally, error) {
		v := Version{Major: r.ShownMajor, Minor: r.ShownMinor}
		return Tally{Kind(r.Kind), r.Service, r.Template, Status(r.Shown), v, int(r.Targets)}, nil
	})
}
