package v1

import (
	"net/http"
	"time"

	"baryon/reconciler/policy"
	"baryon/state"
)

// A Policy is one rule over changes, and what it says at this moment.
type Policy struct {
	Name  string   `json:"name"`
	Place string   `json:"place,omitempty"` // file:line; absent for the built-in one
	For   string   `json:"for"`             // the targets, for people
	Says  []string `json:"says"`            // for people

	NeverDelete  []string `json:"neverDelete,omitempty"`
	NeverReplace []string `json:"neverReplace,omitempty"`
	Persons      []string `json:"persons"` // null for everybody who gives a name

	Open  bool      `json:"open"` // changes begin now
	Why   string    `json:"why,omitempty"`
	Until time.Time `json:"until,omitzero"` // when that changes next
}

// changePolicies lists the rules in force, or those for one target.
func (a *api) changePolicies(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "ref"); err != nil {
		return nil, err
	}
	page := Page[Policy]{Items: []Policy{}}
	if a.Loop == nil {
		return page, nil
	}
	var ref *state.Ref
	if text := r.URL.Query().Get("ref"); text != "" {
		one, err := state.ParseRef(text)
		if err != nil || !one.Deployable() {
			return nil, invalid("ref "+text+" is nothing that is deployed", "use environment/NAME, service/SERVICE/instance/NAME and so on")
		}
		ref = &one
	}
	rules, err := a.Loop.Policies(r.Context(), ref)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, rule := range rules {
		page.Items = append(page.Items, policyOf(rule, now))
	}
	return page, nil
}

func policyOf(r policy.Rule, now time.Time) Policy {
	p := Policy{
		Name: r.Name, Place: r.Place, For: r.For.String(), Says: r.Says(), NeverDelete: r.NeverDelete, NeverReplace: r.NeverReplace, Persons: r.Persons, Open: r.Open(now),
	}
	if p.Open {
		p.Until = r.Closes(now).UTC()
		return p
	}
	for _, f := range policy.Closed([]policy.Rule{r}, now, nil) {
		p.Why = f.Why
	}
	p.Until = r.Opens(now).UTC()
	return p
}
