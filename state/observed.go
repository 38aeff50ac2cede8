package state

import (
	"strings"
	"time"
)

// Observed is what engines found out about a target without changing it.
type Observed struct {
	Foreseen Foreseen `json:"foreseen,omitzero"`
	Drift    Drift    `json:"drift,omitzero"`
	Held     Held     `json:"held,omitzero"`
}

// Held is what an engine refused to apply, as it would have taken away what may
// not be: it is planned and asked about first.
type Held struct {
	Generation int64  `json:"generation,omitempty"`
	Input      string `json:"input,omitempty"`
}

// Foreseen is a plan that an engine made for a person to approve. An approved
// deployment applies this very plan, or none.
type Foreseen struct {
	ID         string           `json:"id"`
	Generation int64            `json:"generation"`
	Input      string           `json:"input"`  // digest of what it was made from
	Output     string           `json:"output"` // and of what was rendered
	Handle     string           `json:"handle,omitempty"`
	Done       bool             `json:"done,omitempty"`
	Failed     string           `json:"failed,omitempty"` // why there is no plan
	Changes    []ResourceChange `json:"changes,omitempty"`
	Existing   int              `json:"existing,omitempty"` // resources that there were before
	Nothing    bool             `json:"nothing,omitempty"`  // it comes to nothing: nobody has to approve it

	// Where it was made, which may not be where one would be made now.
	Engine     string `json:"engine,omitempty"`
	Stack      string `json:"stack,omitempty"`
	Role       string `json:"role,omitempty"`
	ExternalID string `json:"externalId,omitempty"`
	Region     string `json:"region,omitempty"`
	Account    string `json:"account,omitempty"`
}

// For reports whether the plan is one of what is wanted now.
func (f Foreseen) For(generation int64, input, output string) bool {
	return f.ID != "" && f.Generation == generation && f.Input == input && f.Output == output
}

// Drift is how what is there differs from what was deployed.
type Drift struct {
	Deployment string    `json:"deployment,omitempty"` // what was looked at
	ID         string    `json:"id,omitempty"`         // of the check under way, or empty
	Handle     string    `json:"handle,omitempty"`
	CheckedAt  time.Time `json:"checkedAt,omitzero"` // when the last check ended
	Failed     string    `json:"failed,omitempty"`   // why that check came to nothing
	Found      []Drifted `json:"found,omitempty"`
}

// Checked is the drift after another check: what is still found keeps the time
// when it was first seen. A check that failed finds nothing and forgets nothing.
func (d Drift) Checked(at time.Time, ok bool, message string, found []ResourceChange) Drift {
	d.ID, d.Handle, d.CheckedAt, d.Failed = "", "", at, ""
	if !ok {
		d.Failed = message
		return d
	}
	before := d.Found
	d.Found = nil
	for _, c := range found {
		one := Drifted{ResourceChange: c, FirstSeen: at}
		for _, b := range before {
			if b.Address == c.Address && b.Action == c.Action {
				one.FirstSeen = b.FirstSeen
			}
		}
		d.Found = append(d.Found, one)
	}
	return d
}

// String tells what drifted, in a line.
func (d Drift) String() string {
	var list []string
	for _, f := range d.Found {
		text := f.Address + " " + f.Action + "d"
		if len(f.Attributes) > 0 {
			text += " (" + strings.Join(f.Attributes, ", ") + ")"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// Drifted is one resource that is not as it was deployed.
type Drifted struct {
	ResourceChange
	FirstSeen time.Time `json:"firstSeen"`
}

// A ResourceChange is what happens, or happened, to one resource of an engine.
// It holds values in Differences alone, and no secret.
type ResourceChange struct {
	Address    string   `json:"address"`
	Type       string   `json:"type,omitempty"` // where the address does not say it
	Action     string   `json:"action"`         // create, update, replace, delete, read, import, move, forget
	Attributes []string `json:"attributes,omitempty"`
	Forces     []string `json:"forces,omitempty"` // those that make it a replacement
	Reason     string   `json:"reason,omitempty"`
	// Conditional says of an update that it may turn out to be a replacement, and
	// Kept of a replacement that the old resource stays where it is.
	Conditional bool `json:"conditional,omitempty"`
	Kept        bool `json:"kept,omitempty"`
	// Differences are the changes of single values, as lines for people.
	Differences []string `json:"differences,omitempty"`
}
