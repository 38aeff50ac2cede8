package v1

import (
	"net/http"
	"time"

	"baryon/state"
)

// An Event is one change of a status.
type Event struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Ref      string    `json:"ref"`
	What     string    `json:"what"`
	Status   string    `json:"status"`
	Previous string    `json:"previousStatus,omitempty"`
}

// A Destination is somebody who is told of events.
type Destination struct {
	Name     string    `json:"name"`
	Pending  int64     `json:"pending"` // events that were not taken yet
	Oldest   time.Time `json:"oldest,omitzero"`
	Attempts int64     `json:"attempts,omitempty"` // at the oldest that was tried
	Error    string    `json:"error,omitempty"`
	Again    time.Time `json:"again,omitzero"`
}

func (a *api) events(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, after, err := paging(r, "ref")
	if err != nil {
		return nil, err
	}
	var before *state.Event
	if after != "" {
		e, err := a.Store.Event(r.Context(), after)
		if isNotFound(err) {
			return nil, invalid("the page before ended with an event that has been forgotten", "begin again, without after")
		}
		if err != nil {
			return nil, err
		}
		before = &e
	}
	ref := r.URL.Query().Get("ref")
	if known, err := state.ParseRef(ref); err == nil {
		ref = known.String()
	}
	found, err := a.Store.Events(r.Context(), ref, before, limit+1)
	if err != nil {
		return nil, err
	}
	list := make([]Event, len(found))
	for i, e := range found {
		list[i] = Event{ID: e.ID, At: e.At, Ref: e.Ref, What: e.What, Status: e.Status, Previous: e.Previous}
	}
	return cut(list, limit, func(e Event) string { return e.ID }), nil
}

func (a *api) destinations(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	late, err := a.Store.Backlogs(r.Context())
	if err != nil {
		return nil, err
	}
	page := Page[Destination]{Items: []Destination{}}
	known := map[string]bool{}
	for _, b := range late {
		known[b.Destination] = true
		page.Items = append(page.Items, Destination{Name: b.Destination, Pending: b.Pending, Oldest: b.Oldest, Attempts: b.Attempts, Error: b.Error, Again: b.Again})
	}
	for _, name := range a.Store.Destinations() {
		if !known[name] {
			page.Items = append(page.Items, Destination{Name: name})
		}
	}
	return page, nil
}
