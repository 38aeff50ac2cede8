package v1

import (
	"time"

	"baryon/state"
)

// A Health is how far it is known that what a deployment applied works.
type Health struct {
	State  string        `json:"state"` // HealthChecking, HealthUnknown, or that of the state package
	Since  time.Time     `json:"since"`
	Until  time.Time     `json:"until"` // when it has to be healthy
	Checks []HealthCheck `json:"checks"`
}

// The states while it is not known, and of what was given up before it was.
const (
	HealthChecking = "checking"
	HealthUnknown  = "unknown"
)

// A HealthCheck is one question about it.
type HealthCheck struct {
	What    string    `json:"what"`
	Good    int       `json:"good"` // answers in a row
	Need    int       `json:"need"` // of them
	Answers int       `json:"answers"`
	OK      bool      `json:"ok"` // the last answer
	Said    string    `json:"said,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

func healthOf(d state.Deployment) *Health {
	h := d.Health
	if h == nil {
		return nil
	}
	out := &Health{State: string(h.Ended), Since: h.Since, Until: h.Until, Checks: []HealthCheck{}}
	switch {
	case h.Ended == state.Checking && d.Status.Final():
		out.State = HealthUnknown
	case h.Ended == state.Checking:
		out.State = HealthChecking
	}
	for _, c := range h.Checks {
		out.Checks = append(out.Checks, HealthCheck{What: c.What, Good: c.Good, Need: c.Need, Answers: c.Looks, OK: c.OK, Said: c.Said, At: c.At})
	}
	return out
}
