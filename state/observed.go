package state

import "time"

// Observed is what engines found out about a target without changing it.
type Observed struct {
	Foreseen Foreseen `json:"foreseen,omitzero"`
	Drift    Drift    `json:"drift,omitzero"`
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

// Drifted is one resource that is not as it was deployed.
type Drifted struct {
	ResourceChange
	FirstSeen time.Time `json:"firstSeen"`
}

// A ResourceChange is what happens, or happened, to one resource of an engine:
// names, never values.
type ResourceChange struct {
	Address    string   `json:"address"`
	Action     string   `json:"action"` // create, update, replace, delete, read, import, move, forget
	Attributes []string `json:"attributes,omitempty"`
	Forces     []string `json:"forces,omitempty"` // those that make it a replacement
	Reason     string   `json:"reason,omitempty"`
}
