package v1

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"baryon/renderer"
	"baryon/state"
)

// A Status is everything at one glance.
type Status struct {
	Setup        Setup               `json:"daemon"`
	Counts       Counts              `json:"counts"`
	Repositories []Repository        `json:"repositories"`
	Environments []EnvironmentStatus `json:"environments"`
	Services     []Service           `json:"services"`
	Unplaced     []Target            `json:"unplaced,omitempty"` // whose environment does not exist
	Problems     []Refusal           `json:"problems"`           // what is wrong with files
	Attention    []Target            `json:"attention"`          // what failed or waits for a person
}

// An EnvironmentStatus is an environment with what lives in it.
type EnvironmentStatus struct {
	Target

	Instances  []Target `json:"instances"`
	Components []Target `json:"components"`
}

// Counts are how many targets there are, and how many in which state.
type Counts struct {
	Targets  int            `json:"targets"`
	ByKind   map[string]int `json:"byKind"`
	ByState  map[string]int `json:"byState"`
	Behind   int            `json:"behind"`
	Problems int            `json:"problems"`
}

// A Refusal is one finding about a file of a repository.
type Refusal struct {
	Repository string `json:"repository"`

	renderer.Problem
}

// Status reads everything.
func (v *View) Status(ctx context.Context) (Status, error) {
	out := Status{
		Counts:       Counts{ByKind: map[string]int{}, ByState: map[string]int{}},
		Environments: []EnvironmentStatus{}, Services: []Service{}, Problems: []Refusal{}, Attention: []Target{},
	}
	remember := v.recommended()
	var all []Target
	for _, kind := range []state.Kind{state.KindEnvironment, state.KindInstance, state.KindPipeline, state.KindComponent} {
		found, err := v.allTargets(ctx, kind)
		if err != nil {
			return out, err
		}
		views, err := v.views(ctx, found, remember)
		if err != nil {
			return out, err
		}
		all = append(all, views...)
	}
	out.place(all)
	out.count(all)
	services, err := v.servicesOf(ctx, all)
	if err != nil {
		return out, err
	}
	out.Services = services
	if out.Repositories, err = v.Repositories(ctx); err != nil {
		return out, err
	}
	sources, err := v.Sources(ctx, "", "")
	if err != nil {
		return out, err
	}
	for _, s := range sources {
		for _, p := range s.Problems {
			out.Problems = append(out.Problems, Refusal{Repository: s.Repository, Problem: p})
		}
	}
	out.Counts.Problems = len(out.Problems)
	return out, nil
}

// place puts instances and components into their environments.
func (s *Status) place(all []Target) {
	at := map[string]int{}
	for _, t := range all {
		if t.Kind == string(state.KindEnvironment) {
			at[t.Name] = len(s.Environments)
			s.Environments = append(s.Environments, EnvironmentStatus{Target: t, Instances: []Target{}, Components: []Target{}})
		}
	}
	for _, t := range all {
		instance := t.Kind == string(state.KindInstance)
		if !instance && t.Kind != string(state.KindComponent) {
			continue
		}
		i, ok := at[t.EnvironmentName]
		switch {
		case !ok:
			s.Unplaced = append(s.Unplaced, t)
		case instance:
			s.Environments[i].Instances = append(s.Environments[i].Instances, t)
		default:
			s.Environments[i].Components = append(s.Environments[i].Components, t)
		}
	}
}

// Components are all components, wherever they are.
func (s Status) Components() []Target {
	var all []Target
	for _, e := range s.Environments {
		all = append(all, e.Components...)
	}
	for _, t := range s.Unplaced {
		if t.Kind == string(state.KindComponent) {
			all = append(all, t)
		}
	}
	return all
}

func (s *Status) count(all []Target) {
	s.Counts.Targets = len(all)
	for _, t := range all {
		s.Counts.ByKind[t.Kind]++
		s.Counts.ByState[t.State]++
		if t.Behind != "" {
			s.Counts.Behind++
		}
		if t.NeedsAttention() {
			s.Attention = append(s.Attention, t)
		}
	}
}

// NeedsAttention reports whether a person should look at a target: it failed,
// it waits for a person, or for something that does not come by itself.
func (t Target) NeedsAttention() bool {
	switch t.State {
	case Failed:
		return true
	case Waiting:
		switch state.WaitReason(t.Why.Cause) {
		case state.WaitNeed, state.WaitChild, state.WaitLimit, state.WaitBackoff:
			return false
		default:
			return true
		}
	default:
		return false
	}
}

// servicesOf reads all services and gives each its targets.
func (v *View) servicesOf(ctx context.Context, all []Target) ([]Service, error) {
	out := []Service{}
	at := map[string]int{}
	for after := ""; ; {
		page, err := v.store.Services(ctx, after, maxLimit)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			at[s.Name] = len(out)
			out = append(out, v.serviceAlone(s))
		}
		if len(page) < maxLimit {
			break
		}
		after = page[len(page)-1].Name
	}
	for _, t := range all {
		i, ok := at[t.ServiceName]
		if !ok {
			continue
		}
		switch t.Kind {
		case string(state.KindPipeline):
			out[i].Pipeline = &t
		case string(state.KindInstance):
			out[i].Instances = append(out[i].Instances, t)
		}
	}
	for i := range out {
		slices.SortStableFunc(out[i].Instances, func(a, b Target) int { return a.CreatedAt.Compare(b.CreatedAt) })
	}
	return out, nil
}

func (a *api) status(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	s, err := a.view.Status(r.Context())
	s.Setup = a.setup()
	return s, err
}

// LastChange is when a target was last worked on, and which change of its
// document asked for that.
func (t Target) LastChange() (at time.Time, what string) {
	at = t.LastDeploymentAttemptedAt
	if at.IsZero() {
		at = t.CreatedAt
	}
	if t.Origin == nil {
		return at, ""
	}
	return at, t.Origin.Change()
}

// Change names the commit with its subject and author, as far as they are known.
func (o Origin) Change() string {
	var parts []string
	if o.Commit != "" {
		parts = append(parts, short(o.Commit))
	}
	if o.Subject != "" {
		parts = append(parts, o.Subject)
	}
	if o.Author != "" {
		parts = append(parts, "("+o.Author+")")
	}
	return strings.Join(parts, " ")
}
