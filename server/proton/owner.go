package proton

import (
	"context"
	"slices"

	"baryon/reconciler"
	"baryon/state"
)

// A way is what becomes of a change of something, which is for its owner to say.
type way string

// The ways. What a repository declares goes one of the last three, as its
// owner_conflict says.
const (
	taken   way = "" // it is the API's own, or nobody declares it any more
	blocked way = reconciler.ConflictBlocker
	refused way = reconciler.ConflictRefuse
	written way = reconciler.ConflictWriteBack
)

// wayOf is the way of changes of what an owner declares. For one that is refused
// the reason is the error.
func (h *Handler) wayOf(ctx context.Context, ref state.Ref, o state.Owner, orphaned string) (way, error) {
	if o.Repository == "" || orphaned != "" {
		return taken, nil
	}
	conflict, err := h.cfg.Loop.Conflict(ctx, o.Repository)
	if err == nil && way(conflict) == refused {
		err = ownedByGit(ref, o)
	}
	return way(conflict), err
}

// changing is the way of a change of a target that can be changed now. An
// instance of an ops file is not written back: its file says where its spec is,
// and which branch of it.
func (h *Handler) changing(ctx context.Context, t state.Target) (way, error) {
	by, err := h.wayOf(ctx, t.Ref, t.Owner, t.Desired.Orphaned)
	if err == nil {
		err = busy(t)
	}
	if by == written && t.Synced() {
		by = blocked
	}
	return by, err
}

func ownedByGit(ref state.Ref, o state.Owner) error {
	return conflict("%s is declared in %s; change it there, in Git", ref, o)
}

// only are the targets that a statement is about, where it overrides a repository.
func (w way) only(refs ...state.Ref) []state.Ref {
	if w == blocked {
		return refs
	}
	return nil
}

// unclaimed refuses to make what a repository declares, though nothing has come
// of that yet.
func (h *Handler) unclaimed(ctx context.Context, ref state.Ref) error {
	claim, err := h.cfg.Loop.Claimed(ctx, ref)
	if err == nil && claim != "" {
		err = conflict("%s %s; put it right there, in Git", ref, claim)
	}
	return err
}

// holds is the spec of a service as it holds: what its repository declares, and in
// its place what blockers protect.
func (h *Handler) holds(ctx context.Context, v state.Service) (string, error) {
	if v.Owner.Repository == "" {
		return v.Spec, nil
	}
	active, err := h.cfg.Store.Blockers(ctx, v.Name, "", state.BlockerActive, blockersShown)
	if err != nil {
		return "", err
	}
	of, err := h.cfg.Store.Blockers(ctx, state.PipelineRef(v.Name).String(), "", state.BlockerActive, 1)
	if err != nil || len(active)+len(of) == 0 {
		return v.Spec, err
	}
	members, err := h.cfg.Store.TargetsOfService(ctx, v.Name)
	if err != nil {
		return "", err
	}
	spec := v.Spec
	for _, b := range append(active, of...) {
		spec = heldBy(spec, b, members)
	}
	return spec, nil
}

// heldBy is a spec with what one blocker protects. What cannot be put into it, it
// says as the repository does.
func heldBy(spec string, b state.Blocker, members []state.Target) string {
	ref := b.Ref()
	there := func(name string) bool {
		return slices.ContainsFunc(members, func(t state.Target) bool {
			return t.Ref.Kind == state.KindInstance && t.Ref.Name == name && !t.Desired.Deleted
		})
	}
	if ref.Kind == state.KindService {
		if left, ok := onlyInstances(spec, there); ok {
			return left
		}
		return spec
	}
	for _, t := range members {
		if t.Ref != ref || t.Desired.Deleted {
			continue
		}
		as, ok := withInstance(spec, t.Desired.Spec, ref.Name)
		if ref.Kind == state.KindPipeline {
			as, ok = withPipeline(spec, t.Desired.Spec)
		}
		if ok {
			return as
		}
	}
	return spec
}
