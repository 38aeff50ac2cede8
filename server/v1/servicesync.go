package v1

import (
	"context"
	"net/http"
	"time"

	"baryon/state"
)

// A Blocker stops the sync of an instance, of a whole service, or of an
// environment. The first members are Proton's.
type Blocker struct {
	ID             string            `json:"id"`
	Type           string            `json:"type"`
	Status         string            `json:"status"`
	CreatedAt      time.Time         `json:"createdAt,omitzero"`
	CreatedReason  string            `json:"createdReason"`
	ResolvedAt     time.Time         `json:"resolvedAt,omitzero"`
	ResolvedReason string            `json:"resolvedReason,omitempty"`
	ResolvedBy     string            `json:"resolvedBy,omitempty"`
	Ref            string            `json:"ref"` // what it stops the sync of
	ServiceName    string            `json:"serviceName,omitempty"`
	InstanceName   string            `json:"serviceInstanceName,omitempty"`
	Contexts       map[string]string `json:"contexts,omitempty"`
}

func blockerOf(b state.Blocker) Blocker {
	ref := b.Ref()
	if ref.Kind != state.KindService && ref.Kind != state.KindInstance {
		b.Service = ""
	}
	return Blocker{
		Ref: ref.String(),
		ID:  b.ID, Type: "AUTOMATED", Status: string(b.Status), CreatedAt: b.CreatedAt, CreatedReason: b.CreatedReason, ResolvedAt: b.ResolvedAt,
		ResolvedReason: b.ResolvedReason, ResolvedBy: string(b.ResolvedBy), ServiceName: b.Service, InstanceName: b.Instance, Contexts: b.Contexts,
	}
}

// A Sync is how service sync of one instance went.
type Sync struct {
	Status     string         `json:"status"`       // SUCCEEDED, FAILED, or BLOCKED
	Desired    state.Revision `json:"desiredState"` // what the ops file names
	Latest     *SyncAttempt   `json:"latestSync"`   // null before the first
	Successful *SyncAttempt   `json:"latestSuccessfulSync"`
	Blocker    *Blocker       `json:"blocker,omitempty"` // what stops it now
}

// A SyncAttempt is one taking over of an instance from its branch.
type SyncAttempt struct {
	Status    string            `json:"status"`
	StartedAt time.Time         `json:"startedAt"`
	Initial   *state.Revision   `json:"initialRevision,omitempty"`
	Target    state.Revision    `json:"targetRevision"`
	Events    []state.SyncEvent `json:"events,omitempty"`
}

// syncOf reads how service sync of an instance goes; nil for what no ops file
// has ever named.
func (v *View) syncOf(ctx context.Context, service, instance string) (*Sync, error) {
	latest, err := v.attempt(ctx, service, instance, "")
	if err != nil || latest == nil {
		return nil, err
	}
	out := &Sync{Status: latest.Status, Desired: latest.Target, Latest: latest, Successful: latest}
	if latest.Status != string(state.SyncSucceeded) {
		if out.Successful, err = v.attempt(ctx, service, instance, state.SyncSucceeded); err != nil {
			return nil, err
		}
	}
	active, err := v.store.Blockers(ctx, service, instance, state.BlockerActive, 1)
	if err == nil && len(active) > 0 {
		b := blockerOf(active[0])
		out.Status, out.Blocker = "BLOCKED", &b
	}
	return out, err
}

func (v *View) attempt(ctx context.Context, service, instance string, status state.SyncStatus) (*SyncAttempt, error) {
	list, err := v.store.SyncAttempts(ctx, state.InstanceRef(service, instance).String(), status, 1)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	a := list[0]
	out := &SyncAttempt{Status: string(a.Status), StartedAt: a.StartedAt, Target: a.Target, Events: a.Events}
	if a.Initial != (state.Revision{}) {
		out.Initial = &a.Initial
	}
	return out, nil
}

// whyBlocked tells that Git is not followed, where nothing else is wrong.
func (v *View) whyBlocked(ctx context.Context, t state.Target, why *Why) error {
	if t.Owner.Repository == "" || why.State != Ready && why.State != Failed {
		return nil
	}
	b, err := v.store.BlockerOf(ctx, t.Ref)
	if err != nil || b == nil {
		return err
	}
	why.Text = "Git is not followed: a blocker stops it"
	if t.Synced() {
		why.Text = "service sync is blocked"
	}
	why.Text = sentence(why.Text, b.CreatedReason)
	why.On, why.Since, why.Next = b.ID, b.CreatedAt, "baryon unblock "+b.ID+" --why REASON, which puts back what Git says"
	return nil
}

// blockersShown is how many blockers come with a service.
const blockersShown = 20

func (a *api) blockers(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "service", "instance", "status"); err != nil {
		return nil, err
	}
	q := r.URL.Query()
	list, err := a.Store.Blockers(r.Context(), q.Get("service"), q.Get("instance"), state.BlockerStatus(q.Get("status")), maxLimit)
	page := Page[Blocker]{Items: []Blocker{}}
	for _, b := range list {
		page.Items = append(page.Items, blockerOf(b))
	}
	return page, err
}

// unblock resolves a blocker, for a reason.
func (a *api) unblock(w http.ResponseWriter, r *http.Request) (any, error) {
	actor, body, err := asked(w, r)
	if err != nil {
		return nil, err
	}
	if body.Why == "" {
		return nil, invalid("to resolve a blocker takes a reason", `give {"why": "..."}`)
	}
	b, err := a.Store.Resolve(r.Context(), actor, r.PathValue("id"), body.Why)
	if err != nil {
		return nil, err
	}
	a.Wake()
	return blockerOf(b), nil
}
