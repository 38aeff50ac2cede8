package proton

import (
	"context"
	"maps"
	"slices"

	"baryon/state"
)

// blockersShown is how many blockers a summary holds at most.
const blockersShown = 100

func blockerView(b state.Blocker) object {
	contexts := []object{}
	for _, key := range slices.Sorted(maps.Keys(b.Contexts)) {
		contexts = append(contexts, object{"key": key, "value": b.Contexts[key]})
	}
	o := object{
		"id": b.ID, "type": "AUTOMATED", "status": string(b.Status), "createdAt": stamp(b.CreatedAt), "createdReason": b.CreatedReason,
		"contexts": contexts,
	}
	return o.set("resolvedAt", b.ResolvedAt).set("resolvedReason", b.ResolvedReason)
}

// getBlockers answers what stops the sync of a service, or of one instance.
func (h *Handler) getBlockers(ctx context.Context, _ caller, in instanceSyncInput) (any, error) {
	_, err := h.cfg.Store.Service(ctx, in.ServiceName)
	if isMissing(err) { // it may have been deleted behind a blocker
		if b, findErr := h.cfg.Store.BlockerOf(ctx, state.ServiceRef(in.ServiceName)); findErr != nil || b != nil {
			err = findErr
		}
	}
	if err != nil {
		return nil, err
	}
	if in.Instance != "" {
		if _, err := h.cfg.Store.Target(ctx, state.InstanceRef(in.ServiceName, in.Instance)); err != nil {
			return nil, err
		}
	}
	found, err := h.cfg.Store.Blockers(ctx, in.ServiceName, in.Instance, "", blockersShown)
	if err != nil {
		return nil, err
	}
	if in.Instance == "" {
		of, err := h.cfg.Store.Blockers(ctx, state.PipelineRef(in.ServiceName).String(), "", "", blockersShown-len(found))
		if err != nil {
			return nil, err
		}
		found = append(found, of...)
	}
	views := []object{}
	for _, b := range found {
		views = append(views, blockerView(b))
	}
	summary := object{"serviceName": in.ServiceName, "latestBlockers": views}
	return object{"serviceSyncBlockerSummary": summary.set("serviceInstanceName", in.Instance)}, nil
}

type resolveInput struct {
	ID     string `json:"id"`
	Reason string `json:"resolvedReason"`
}

// resolveBlocker lets the sync go on, which undoes what was changed by another
// way than Git.
func (h *Handler) resolveBlocker(ctx context.Context, c caller, in resolveInput) (any, error) {
	b, err := h.cfg.Store.Resolve(ctx, c.actor, in.ID, in.Reason)
	if err != nil {
		return nil, err
	}
	h.cfg.Wake()
	of := b.Ref()
	if of.Service == "" {
		of.Service = of.Name
	}
	return object{"serviceName": of.Service, "serviceSyncBlocker": blockerView(b)}.set("serviceInstanceName", b.Instance), nil
}
