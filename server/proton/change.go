package proton

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"baryon/reconciler"
	"baryon/state"
)

// declare takes a statement over; what is wrong with it is the error.
func (h *Handler) declare(ctx context.Context, s reconciler.Statement) error {
	problems, err := h.cfg.Loop.Declare(ctx, s)
	if err == nil && problems.Failed() {
		return problems
	}
	return err
}

// deploy has a target deployed even where nothing about it changes, as every
// update of Proton is, and notes the client token of the request.
func deploy(c caller, token string, ref state.Ref) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		return tx.Change(ref, func(t *state.Target) error {
			t.Asked.Redeploy = state.Request{Generation: t.Generation, By: c.actor}
			t.Waiting, t.Desired.RequestID = state.Waiting{}, token
			return nil
		})
	}
}

// absent refuses to make what is there.
func absent(ref state.Ref) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		var err error
		if ref.Kind == state.KindService {
			_, err = tx.Service(ref.Name)
		} else {
			_, err = tx.Target(ref)
		}
		if isMissing(err) {
			return nil
		}
		if err == nil {
			err = conflict("%s exists already", ref)
		}
		return err
	}
}

// still checks once more, where nobody can come between, that a target can be changed.
func still(ref state.Ref) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		t, err := tx.Target(ref)
		if err != nil {
			return err
		}
		return busy(t)
	}
}

const createRecords state.RecordKind = "create-request"

func digestOf(in any) string {
	text, err := json.Marshal(in)
	if err != nil {
		panic(err) // inputs are plain data
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// madeBefore tells whether the very same request made what is there. Proton's
// creations that have no client token are so made once: another request for the
// same name is refused, and so is the same one after a change.
func (h *Handler) madeBefore(ctx context.Context, ref state.Ref, in any) (bool, error) {
	generation, owner, err := h.generation(ctx, ref)
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	was, found, err := read[string](ctx, h, createRecords, ref.String())
	switch {
	case err != nil:
		return false, err
	case owner.Repository != "":
		return false, conflict("%s exists already: it is declared in %s", ref, owner)
	case !found:
		return false, conflict("%s exists already", ref)
	case was != digestOf(in):
		return false, invalid("%s exists already, and was made by a request with other members (IdempotentParameterMismatch)", ref)
	case generation > 1:
		return false, conflict("%s exists already, and has been changed since it was made", ref)
	}
	return true, nil
}

// generation is how often a target, or the oldest part of a service, was changed.
func (h *Handler) generation(ctx context.Context, ref state.Ref) (int64, state.Owner, error) {
	if ref.Kind != state.KindService {
		t, err := h.cfg.Store.Target(ctx, ref)
		return t.Generation, t.Owner, err
	}
	v, err := h.cfg.Store.Service(ctx, ref.Name)
	if err != nil {
		return 0, v.Owner, err
	}
	var highest int64
	members, err := h.cfg.Store.TargetsOfService(ctx, ref.Name)
	for _, t := range members {
		highest = max(highest, t.Generation)
	}
	return highest, v.Owner, err
}

// made remembers the request that made something, and gives that its tags.
func (h *Handler) made(ctx context.Context, ref state.Ref, in any, tags []tag) error {
	err := h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		return tx.PutRecord(createRecords, ref.String(), digestOf(in))
	})
	if err != nil {
		return err
	}
	if err := h.dropTags(ctx, ref.String()); err != nil {
		return err
	}
	return h.setTags(ctx, ref.String(), tags)
}

// cancel stops the deployment of a target that is under way, or takes back the
// change of it that waits to be merged.
func (h *Handler) cancel(ctx context.Context, c caller, ref state.Ref) error {
	if err := h.cfg.Loop.Cancel(ctx, c.actor, ref, "User initiated cancellation."); err != nil {
		return err
	}
	h.cfg.Wake()
	return nil
}

func (h *Handler) cancelEnvironment(ctx context.Context, c caller, in place) (any, error) {
	return h.answerEnvironment(ctx, in.EnvironmentName, h.cancel(ctx, c, in.ref(state.KindEnvironment)))
}

func (h *Handler) cancelInstance(ctx context.Context, c caller, in place) (any, error) {
	if err := h.cancel(ctx, c, in.ref(state.KindInstance)); err != nil {
		return nil, err
	}
	return h.getInstance(ctx, c, instanceName{Name: in.ServiceInstanceName, ServiceName: in.ServiceName})
}

func (h *Handler) cancelPipeline(ctx context.Context, c caller, in place) (any, error) {
	if err := h.cancel(ctx, c, in.ref(state.KindPipeline)); err != nil {
		return nil, err
	}
	t, err := h.cfg.Store.Target(ctx, in.ref(state.KindPipeline))
	return object{"pipeline": h.pipeline(t)}, err
}

func (h *Handler) cancelComponent(ctx context.Context, c caller, in place) (any, error) {
	if err := h.cancel(ctx, c, in.ref(state.KindComponent)); err != nil {
		return nil, err
	}
	return h.getComponent(ctx, c, nameInput{Name: in.ComponentName})
}
