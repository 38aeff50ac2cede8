package state

import (
	"slices"
	"strings"
	"time"
)

// Asked is what people asked for and what has not been done yet. Each request
// has its own author: whoever speaks last does not sign for the others.
type Asked struct {
	Retry     Request     `json:"retry,omitzero"`    // try again what failed
	Redeploy  Request     `json:"redeploy,omitzero"` // deploy even if nothing changed
	Approved  Request     `json:"approved,omitzero"`
	Rejected  Request     `json:"rejected,omitzero"`
	Override  Request     `json:"override,omitzero"` // deploy outside the windows in which changes are made
	Retain    Request     `json:"retain,omitzero"`   // forget instead of delete
	Force     Request     `json:"force,omitzero"`    // forget what could not be deleted
	Abandon   Request     `json:"abandon,omitzero"`  // give up a deployment whatever the engine says
	Adopt     Adoption    `json:"adopt,omitzero"`    // take over what runs already
	Cancel    Request     `json:"cancel,omitzero"`   // end a deployment
	Suspended *Suspension `json:"suspended,omitempty"`
	Pull      *Pull       `json:"pull,omitempty"` // the last pull request about it
}

// An Adoption is the request to take over what runs already, in place of making
// it: a stack, or resources that are in none. It holds until it has been done, or
// until somebody takes it back.
type Adoption struct {
	Stack   string            `json:"stack,omitempty"`   // by name, or by tags with AdoptByTags
	Imports map[string]string `json:"imports,omitempty"` // as in Desired
	By      Actor             `json:"by,omitempty"`
	Why     string            `json:"why,omitempty"`
}

// ImportExisting is the key of imports that stands for every resource whose name
// the template says and that exists already.
const ImportExisting = "*"

// AdoptByTags lets the engine find by its tags what is taken over.
const AdoptByTags = "*"

// A Request is what one person asked for. It holds for one generation, so that
// an approval never covers what came after it, or for one deployment. The zero
// Request is that nobody asked.
type Request struct {
	Generation int64  `json:"generation,omitempty"`
	Deployment string `json:"deployment,omitempty"` // of Abandon and Cancel
	Input      string `json:"input,omitempty"`      // of Approved, Rejected and Override: the digest that was asked about
	Plan       string `json:"plan,omitempty"`       // of Approved: the plan that was asked about, if there was one
	As         string `json:"as,omitempty"`         // what By was proved to be, divided by commas: role:NAME, key:ID, a name
	// Before is what somebody else approved of the same, of Approved.
	Before *Request `json:"before,omitempty"`
	By     Actor    `json:"by,omitempty"`
	Why    string   `json:"why,omitempty"`
	// Leave names resources, divided by commas, that are left as they are, and Anew
	// lets what is left of something be destroyed. They are of Retry.
	Leave string `json:"leave,omitempty"`
	Anew  bool   `json:"anew,omitempty"`
}

// String names who asked, and the reason if one was given.
func (r Request) String() string {
	if r.Why == "" {
		return string(r.By)
	}
	return string(r.By) + ": " + r.Why
}

// Nobody stands for whoever asks and gives no name.
const Nobody Actor = "api"

// Counts reports whether who asked is one of some persons: by the name given, or
// by what was proved. Nil persons are everybody who gave a name.
func (r Request) Counts(persons []string) bool {
	if r.By == "" || r.By == Nobody {
		return false
	}
	as := strings.Split(r.As, ",")
	return persons == nil || slices.ContainsFunc(persons, func(p string) bool {
		proved := strings.HasPrefix(p, "role:") || strings.HasPrefix(p, "key:")
		return p == Named || !proved && p == string(r.By) || p != "" && slices.Contains(as, p)
	})
}

// Expire forgets a suspension that has run out.
func (a *Asked) Expire(now time.Time) {
	if s := a.Suspended; s != nil && !s.Until.IsZero() && !now.Before(s.Until) {
		a.Suspended = nil
	}
}

// A Suspension stops changes of one target until it is resumed or runs out.
type Suspension struct {
	By    Actor     `json:"by"`
	Why   string    `json:"why"`
	Until time.Time `json:"until,omitzero"` // zero: until resumed
}
