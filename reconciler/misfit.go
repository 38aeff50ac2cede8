package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// misfit says why a target cannot be what is wanted where it is wanted, though
// its document was good when it was declared: templates and environments move
// on. The zero Waiting says that it fits.
func (r *Reconciler) misfit(ctx context.Context, t state.Target, w wanted, needs map[state.Ref]state.Target) (state.Waiting, error) {
	switch t.Ref.Kind {
	case state.KindInstance:
		return w.incompatible(t, needs), nil
	case state.KindComponent:
		return r.detached(ctx, t, needs)
	default:
		return state.Waiting{}, nil
	}
}

// incompatible says that an instance's template does not run on the template that
// its environment is made from at present. Only names and majors count.
func (w *wanted) incompatible(t state.Target, needs map[state.Ref]state.Target) state.Waiting {
	e, known := needs[state.EnvironmentRef(t.Desired.Environment)]
	version := e.Deployed.Version
	if version.Major == 0 {
		version = e.Desired.Version
	}
	if !known || version.Major == 0 {
		return state.Waiting{}
	}
	on := fmt.Sprintf("%s:%d", e.Desired.Template, version.Major)
	if slices.Contains(w.row.CompatibleEnvironments, on) {
		return state.Waiting{}
	}
	at := ""
	if t.Desired.Origin.At != "" {
		at = t.Desired.Origin.At + ": "
	}
	return state.Waiting{
		Reason: state.WaitVersion, On: e.Ref.String(),
		Why: fmt.Sprintf("%stemplate %s %s runs on %s, and %s is made from %s", at, t.Desired.Template, w.version,
			strings.Join(w.row.CompatibleEnvironments, ", "), e.Ref, on),
		Next: "name another environment, or add " + on + " to .template-registration.yaml of the template",
	}
}

// detached says why a component cannot be attached to the instance it names. One
// that is attached already stays, whatever has become of the template.
func (r *Reconciler) detached(ctx context.Context, t state.Target, needs map[state.Ref]state.Target) (state.Waiting, error) {
	if t.Desired.Instance == "" {
		return state.Waiting{}, nil
	}
	ref := state.InstanceRef(t.Desired.Service, t.Desired.Instance)
	instance, known := needs[ref]
	if !known {
		return state.Waiting{}, nil // waitForNeeds says so
	}
	no := func(why, next string) (state.Waiting, error) {
		return state.Waiting{Reason: state.WaitVersion, On: ref.String(), Why: why, Next: next}, nil
	}
	if t.Desired.Environment != instance.Desired.Environment {
		return no(fmt.Sprintf("the component is in environment/%s, and %s in environment/%s", t.Desired.Environment, ref, instance.Desired.Environment),
			"take environment out of its header")
	}
	for _, other := range instance.Needs {
		if other.Kind == state.KindComponent && other != t.Ref && other.String() < t.Ref.String() {
			return no(other.String()+" is attached to "+ref.String()+" already", "detach it first; an instance has one component")
		}
	}
	if t.LastSucceeded != "" {
		last, err := r.cfg.Store.Deployment(ctx, t.LastSucceeded)
		if err == nil && last.Desired.Service == t.Desired.Service && last.Desired.Instance == t.Desired.Instance {
			return state.Waiting{}, nil
		}
	}
	version := instance.Desired.Version
	if version.Major == 0 {
		return state.Waiting{Reason: state.WaitNeed, On: ref.String(), Why: ref.String() + " has no version yet", Next: "see: baryon why " + ref.String()}, nil
	}
	v, err := r.cfg.Store.TemplateVersion(ctx, state.KindService, instance.Desired.Template, version)
	if _, missing := errors.AsType[*state.NotFoundError](err); missing {
		return state.Waiting{}, nil
	}
	if err != nil || slices.Contains(v.ComponentSources, renderer.DirectlyDefined) {
		return state.Waiting{}, err
	}
	return no(fmt.Sprintf("template %s %s takes no components", instance.Desired.Template, version),
		"add supported_component_sources: ["+renderer.DirectlyDefined+"] to .template-registration.yaml of the template")
}
