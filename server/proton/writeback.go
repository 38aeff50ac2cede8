package proton

import (
	"context"

	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/state"
)

// writesBack reports whether a change of a target becomes a commit to the
// repository that declares it.
func (h *Handler) writesBack(ctx context.Context, t state.Target) (bool, error) {
	if t.Owner.Repository == "" || t.Desired.Orphaned != "" {
		return false, nil
	}
	return h.cfg.Loop.WritesBack(ctx, t.Owner.Repository)
}

// amendment is what an update says of a target. The version is said only by those
// that change it.
func amendment(c caller, t state.Target, call string, u update, version state.Version, token string) reconciler.Amendment {
	a := reconciler.Amendment{Ref: t.Ref, Actor: c.actor, Call: call, Spec: u.Spec, Check: unhurried(t.Ref), Also: deploy(c, token, t.Ref)}
	if u.DeploymentType != updateCurrent && u.DeploymentType != updateNone {
		a.Version = &version
	}
	return a
}

// writeBack commits what an update says, and has the target deployed.
func (h *Handler) writeBack(ctx context.Context, a reconciler.Amendment) error {
	problems, err := h.cfg.Loop.WriteBack(ctx, a)
	if err == nil && problems.Failed() {
		return problems
	}
	return err
}

// writeBackEnvironment commits what UpdateEnvironment says.
func (h *Handler) writeBackEnvironment(ctx context.Context, c caller, t state.Target, in environmentInput, v state.Version) error {
	a := amendment(c, t, "UpdateEnvironment", in.update, v, "")
	a.Header = map[string]string{}
	given := map[string]*string{"role": in.Role, "codebuildRole": in.CodebuildRole, "componentRole": in.ComponentRole}
	if in.DeploymentType == updateNone {
		if in.Role != nil || in.CodebuildRole != nil || in.ComponentRole != nil || in.Connection != nil || in.Repository != nil {
			return invalid("with deploymentType NONE nothing but the description can be changed")
		}
		if in.Description == nil {
			return nil
		}
		a.Also = func(*state.Tx) error { return nil }
	}
	given["description"] = in.Description
	for key, value := range given {
		if value != nil {
			a.Header[key] = *value
		}
	}
	if in.Connection != nil {
		return conflict("%s is declared in %s, where an environment account connection cannot be named; give its roles, or change it there", t.Ref, t.Owner)
	}
	var header declare.Header
	if err := h.provisioning(ctx, &header, in, true); err != nil {
		return err
	}
	if in.Repository != nil {
		a.Repository = &header.Repository
	}
	return h.writeBack(ctx, a)
}
