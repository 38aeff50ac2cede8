package v1

import (
	"encoding/json"
	"net/http"
	"time"

	"baryon/state"
)

// A Pull is a change of what a repository declares that waits to be merged, or did.
type Pull struct {
	ID         string     `json:"id"`
	Ref        string     `json:"ref"`    // what it is about
	Status     string     `json:"status"` // OPEN, MERGED or CLOSED
	Repository string     `json:"repository"`
	Branch     string     `json:"branch"`
	URL        string     `json:"url,omitempty"`
	Number     int        `json:"number,omitempty"`
	Calls      []PullCall `json:"calls"`
	Deletes    bool       `json:"deletes,omitempty"`
	Trouble    string     `json:"trouble,omitempty"` // why it could not be looked at last
	Why        string     `json:"why,omitempty"`     // how it ended
	CreatedAt  time.Time  `json:"createdAt"`
	ClosedAt   time.Time  `json:"closedAt,omitzero"`
}

// A PullCall is one call that is part of it.
type PullCall struct {
	Ref   string `json:"ref"`
	Actor string `json:"actor"`
	Call  string `json:"call"`
}

func pullOf(p state.PullRequest) (Pull, error) {
	out := Pull{
		ID: p.ID, Ref: p.Ref.String(), Status: string(p.Status), Repository: p.Repository, Branch: p.Branch, URL: p.URL, Number: p.Number,
		Calls: []PullCall{}, Deletes: p.Gone, Trouble: p.Trouble, Why: p.Why, CreatedAt: p.CreatedAt, ClosedAt: p.ClosedAt,
	}
	for _, change := range p.Changes {
		var c PullCall
		if err := json.Unmarshal(change, &c); err != nil {
			return out, err
		}
		out.Calls = append(out.Calls, c)
	}
	return out, nil
}

// pulls lists what waits to be merged, newest first; with all what does not any more, too.
func (a *api) pulls(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "all"); err != nil {
		return nil, err
	}
	found, err := a.Store.PullRequests(r.Context(), r.URL.Query().Get("all") == "true", maxLimit)
	page := Page[Pull]{Items: []Pull{}}
	for _, p := range found {
		one, bad := pullOf(p)
		if bad != nil {
			return nil, bad
		}
		page.Items = append(page.Items, one)
	}
	return page, err
}
