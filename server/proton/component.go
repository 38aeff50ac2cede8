package proton

import (
	"context"
	"io/fs"

	"baryon/renderer"
	"baryon/state"
)

// component is Proton's Component; a summary leaves the spec and the description out.
func (h *Handler) component(t state.Target, summary bool) object {
	o := object{}.set("name", t.Ref.Name).set("arn", h.arn(t.Ref.String())).set("createdAt", t.CreatedAt).set("lastModifiedAt", t.ModifiedAt).
		set("environmentName", t.Desired.Environment).set("serviceName", t.Desired.Service).set("serviceInstanceName", t.Desired.Instance).deployed(t)
	if t.Desired.Environment == "" {
		o["environmentName"] = ""
	}
	if summary {
		return o
	}
	return o.set("description", t.Desired.Description).set("serviceSpec", t.Desired.Spec).set("lastClientRequestToken", t.Desired.RequestID)
}

func (h *Handler) getComponent(ctx context.Context, _ caller, in nameInput) (any, error) {
	t, err := h.cfg.Store.TargetItself(ctx, state.ComponentRef(in.Name))
	if err != nil {
		return nil, err
	}
	return object{"component": h.component(t, false)}, nil
}

func (h *Handler) listComponents(ctx context.Context, _ caller, in place) (any, error) {
	if in.ServiceInstanceName != "" && in.ServiceName == "" {
		return nil, invalid("serviceInstanceName needs serviceName beside it")
	}
	// Few are there; what they are attached to is looked at a page at a time.
	page := func(f state.Filter) ([]state.Target, error) {
		var found []state.Target
		for {
			part, err := h.cfg.Store.Targets(ctx, f)
			if err != nil {
				return nil, err
			}
			for _, t := range part {
				if (in.ServiceName == "" || t.Desired.Service == in.ServiceName) && (in.ServiceInstanceName == "" || t.Desired.Instance == in.ServiceInstanceName) {
					found = append(found, t)
				}
			}
			if len(part) < f.Limit || len(found) >= f.Limit {
				return found, nil
			}
			f.After = part[len(part)-1].Ref.String()
		}
	}
	list := listOf("ListComponents", []string{in.EnvironmentName, in.ServiceName, in.ServiceInstanceName})
	return h.targets(in.paging, list, "components", state.Filter{Kind: state.KindComponent, Environment: in.EnvironmentName},
		page, func(t state.Target) (object, error) { return h.component(t, true), nil })
}

// componentFiles reads the two files of a component.
func (h *Handler) componentFiles(ctx context.Context, digest string) (manifest, template string, err error) {
	files, err := h.cfg.Store.Files(ctx, digest)
	if err != nil {
		return "", "", err
	}
	text, err := fs.ReadFile(files, manifestName)
	if err != nil {
		return "", "", err
	}
	m, problems := renderer.ParseManifest(manifestName, text, renderer.Limits{})
	if problems.Failed() {
		return "", "", problems
	}
	if m.Template == "" { // it runs commands
		return string(text), "", nil
	}
	body, err := fs.ReadFile(files, m.Template)
	return string(text), string(body), err
}

const manifestName = "manifest.yaml"
