package state

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// A Health is how far it is known that what a deployment applied works. It is
// kept with the deployment, so that whoever carries that on goes on asking.
type Health struct {
	Since  time.Time     `json:"since,omitzero"` // when it had been applied
	Until  time.Time     `json:"until,omitzero"` // when it has to be healthy
	Checks []HealthCheck `json:"checks"`
	Ended  Verdict       `json:"ended,omitempty"` // what it came to; empty while it is asked
	Late   time.Time     `json:"late,omitzero"`   // when it was gone on with, where the time ran out unseen
}

// A HealthCheck is one question and what was answered so far.
type HealthCheck struct {
	What     string        `json:"what"`               // what is asked, for people
	Need     int           `json:"need"`               // good answers in a row
	Every    time.Duration `json:"every"`              // between two questions
	Patience time.Duration `json:"patience"`           // how long an answer may take
	Good     int           `json:"good"`               // in a row, by now
	Looks    int           `json:"looks"`              // answers by now
	OK       bool          `json:"ok"`                 // whether the last one was good
	Final    bool          `json:"final,omitempty"`    // no later answer can be another
	Said     string        `json:"said,omitempty"`     // the last answer, for people
	At       time.Time     `json:"at,omitzero"`        // when it came
	Handle   string        `json:"handle,omitempty"`   // of the commands that run for the next one
	Begun    bool          `json:"begun,omitempty"`    // they may run
	Read     int64         `json:"read,omitempty"`     // how much of what they said was read
	Attempts int           `json:"attempts,omitempty"` // times that they were lost and begun anew
}

// A Verdict is what the answers so far come to.
type Verdict string

// The verdicts. All but Checking are final.
const (
	Checking  Verdict = ""
	Healthy   Verdict = "healthy"
	Unhealthy Verdict = "unhealthy"
)

// CountChecking counts the deployments that are applied, and whose health is not
// known yet.
func (s *Store) CountChecking(ctx context.Context) (int64, error) {
	return s.queries().CountChecking(ctx)
}

// Next is when a check asks again.
func (c HealthCheck) Next() time.Time {
	if c.Looks == 0 {
		return time.Time{}
	}
	return c.At.Add(c.Every)
}

// Answer is c with one answer more. One that is final and not good ends it all.
func (c HealthCheck) Answer(ok, final bool, said string, at time.Time) HealthCheck {
	c.Looks++
	c.OK, c.Final, c.Said, c.At = ok, final && !ok, said, at
	if c.Good++; !ok {
		c.Good = 0
	}
	c.Handle, c.Begun, c.Read = "", false, 0
	return c
}

// Verdict is what the answers come to at a time. Everything has to be good at one
// time. When the time is over, an answer that was not good ends it; a run of good
// ones that is not long enough yet may be completed. Where nobody asked for so
// long that the time ran out unseen, as when no daemon was there, it is asked
// once more before that; see Resume.
func (h Health) Verdict(now time.Time) Verdict {
	good, over := true, !now.Before(h.Until)
	for _, c := range h.Checks {
		switch {
		case c.Final, over && !c.OK && !h.unseen(c, now):
			return Unhealthy
		case c.Good < c.Need:
			good = false
		}
	}
	if good {
		return Healthy
	}
	return Checking
}

// Resume is h as it is gone on with at a time.
func (h Health) Resume(now time.Time) Health {
	for _, c := range h.Checks {
		if h.Late.IsZero() && !now.Before(h.Until) && h.unseen(c, now) {
			h.Late = now
		}
	}
	return h
}

// unseen tells whether nobody asked c when the time ran out, and there may yet be
// an answer.
func (h Health) unseen(c HealthCheck, now time.Time) bool {
	last, pause := c.At, c.Every+2*c.Patience
	if c.Looks == 0 {
		last = h.Since
	}
	return last.Add(pause).Before(h.Until) && (h.Late.IsZero() || now.Before(h.Late.Add(pause)))
}

// String says how far it is, what is not good first.
func (h Health) String() string {
	var lines []string
	good := 0
	for _, c := range h.Checks {
		if c.Good >= c.Need {
			good++
			continue
		}
		lines = append(lines, c.String())
	}
	if len(h.Checks) > 1 {
		lines = append([]string{fmt.Sprintf("%d of %d checks are good", good, len(h.Checks))}, lines...)
	}
	return strings.Join(lines, "\n")
}

// String says how far one check is.
func (c HealthCheck) String() string {
	said := c.Said
	if said == "" {
		said = "no answer yet"
	}
	return fmt.Sprintf("healthy %d of %d: %s: %s", min(c.Good, c.Need), c.Need, c.What, said)
}
