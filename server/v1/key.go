package v1

import (
	"net/http"
	"time"

	"baryon/state"
)

// A Key signs calls of the Proton API. The secret is told when it is made, once.
type Key struct {
	ID        string    `json:"id"`
	Secret    string    `json:"secret,omitempty"`
	Role      string    `json:"role,omitempty"`
	Policies  []string  `json:"policies,omitempty"`
	By        string    `json:"by"`
	Why       string    `json:"why,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	RevokedAt time.Time `json:"revokedAt,omitzero"`
	RevokedBy string    `json:"revokedBy,omitempty"`
}

func keyOf(k state.Key) Key {
	return Key{
		ID: k.ID, Secret: k.Secret, Role: k.Role, Policies: k.Policies,
		By: string(k.By), Why: k.Why, CreatedAt: k.CreatedAt, RevokedAt: k.RevokedAt, RevokedBy: string(k.RevokedBy),
	}
}

func (a *api) keys(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, after, err := paging(r)
	if err != nil {
		return nil, err
	}
	all, err := a.Store.Keys(r.Context())
	if err != nil {
		return nil, err
	}
	out := make([]Key, len(all))
	for i, k := range all {
		out[i] = keyOf(k)
	}
	return pageOf(out, limit, after, func(k Key) string { return k.ID }), nil
}

func (a *api) createKey(w http.ResponseWriter, r *http.Request) (any, error) {
	actor, body, err := asked(w, r)
	if err != nil {
		return nil, err
	}
	grant, err := a.grant(body)
	if err != nil {
		return nil, err
	}
	k, err := a.Store.CreateKey(r.Context(), actor, grant)
	return keyOf(k), err
}

func (a *api) revokeKey(w http.ResponseWriter, r *http.Request) (any, error) {
	actor, _, err := asked(w, r)
	if err != nil {
		return nil, err
	}
	k, err := a.Store.RevokeKey(r.Context(), actor, r.PathValue("id"))
	return keyOf(k), err
}
