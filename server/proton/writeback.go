package proton

import (
	"context"

	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/state"
)

// amendment is what an update says of a target. The version is said only by those
// that change it.
func amendment(c caller, ref state.Ref, call string, u update, version state.Version) reconciler.Amendment {
	a := reconciler.Amendment{Ref: ref, Actor: c.actor, Call: call, Spec: u.Spec}
	if u.DeploymentType != updateCurrent && u.DeploymentType != updateNone {
		a.Version = &version
	}
	return a
}

// writeBack commits what a call says, and has what it is about deployed.
func (h *Handler) writeBack(ctx context.Context, a reconciler.Amendment, terms reconciler.Terms) error {
	problems, err := h.cfg.Loop.WriteBack(ctx, a, terms)
	if err == nil && problems.Failed() {
		return problems
	}
	return err
}

// writeBackEnvironment commits what UpdateEnvironment says.
func (h *Handler) writeBackEnvironment(ctx context.Context, c caller, t state.Target, in environmentInput, v state.Version) error {
	a := amendment(c, t.Ref, "UpdateEnvironment", in.update, v)
	a.Header = given(map[string]*string{
		"description": in.Description, "role": in.Role, "codebuildRole": in.CodebuildRole, "componentRole": in.ComponentRole,
	})
	terms := reconciler.Terms{Check: still(t.Ref)}
	if in.DeploymentType != updateNone {
		terms.Also = deploy(c, "", t.Ref)
	} else if in.Description == nil {
		return nil
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
	return h.writeBack(ctx, a, terms)
}

// writeBackService commits what UpdateService says: a description, and the
// instances that it adds or removes.
func (h *Handler) writeBackService(ctx context.Context, c caller, in updateServiceInput, instances []state.Ref) error {
	a := reconciler.Amendment{Ref: state.ServiceRef(in.Name), Actor: c.actor, Call: "UpdateService", Header: given(map[string]*string{"description": in.Description})}
	for _, ref := range instances {
		a.Spec, a.Instances = in.Spec, append(a.Instances, ref.Name)
	}
	if len(a.Header)+len(a.Instances) == 0 {
		return nil
	}
	return h.writeBack(ctx, a, reconciler.Terms{Check: quiet(in.Name), Also: removeAgain(c, in.Name)})
}

// writeBackNewInstance commits an instance more. Without a spec that has it there
// is nothing to commit.
func (h *Handler) writeBackNewInstance(ctx context.Context, c caller, v state.Service, in instanceInput, version state.Version, token string) error {
	if in.Spec == nil {
		return invalid("the spec has no instance named %s", in.Name)
	}
	if s, ok := parseSpec(*in.Spec); ok {
		for _, i := range s.named(in.Name) {
			if err := h.environmentsReady(ctx, []declare.Instance{i}); err != nil {
				return err
			}
		}
	}
	ref := state.InstanceRef(v.Name, in.Name)
	a := reconciler.Amendment{Ref: ref, Actor: c.actor, Call: "CreateServiceInstance", Token: token, Spec: in.Spec}
	if in.Major != "" {
		a.Version = &version
	}
	return h.writeBack(ctx, a, reconciler.Terms{Check: absent(ref), Also: deploy(c, token, ref)})
}

// writeBackComponent commits what UpdateComponent says. What it is attached to,
// and its spec, go together.
func (h *Handler) writeBackComponent(ctx context.Context, c caller, t state.Target, in componentInput, token string) error {
	a := reconciler.Amendment{Ref: t.Ref, Actor: c.actor, Call: "UpdateComponent", Token: token, Spec: in.ServiceSpec, Template: in.TemplateFile}
	a.Header = given(map[string]*string{"description": in.Description, "service": in.ServiceName, "instance": in.InstanceName})
	if in.InstanceName != nil && *in.InstanceName == "" {
		a.Header["environment"], a.Spec = t.Desired.Environment, in.InstanceName // detached, it stays where it is
	}
	terms := reconciler.Terms{Check: stillBoth(t.Ref)}
	if in.DeploymentType != updateNone {
		terms.Also = deploy(c, token, t.Ref)
	}
	return h.writeBack(ctx, a, terms)
}

// given are the members that a caller gave.
func given(all map[string]*string) map[string]string {
	out := map[string]string{}
	for key, value := range all {
		if value != nil {
			out[key] = *value
		}
	}
	return out
}
