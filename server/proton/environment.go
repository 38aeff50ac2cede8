package proton

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"baryon/state"
)

type nameInput struct {
	Name string `json:"name"`
}

// environment is Proton's Environment; a summary leaves the spec out.
func (h *Handler) environment(ctx context.Context, t state.Target, summary bool) (object, error) {
	template, err := h.template(ctx, state.KindEnvironment, t.Desired.Template)
	if err != nil {
		return nil, err
	}
	return h.environmentOf(t, template, summary), nil
}

func (h *Handler) environmentOf(t state.Target, template state.Template, summary bool) object {
	o := object{}.set("name", t.Ref.Name).set("arn", h.arn(t.Ref.String())).set("createdAt", t.CreatedAt).
		set("description", t.Desired.Description).set("protonServiceRoleArn", t.Desired.Role).
		set("componentRoleArn", t.Desired.ComponentRole).set("environmentAccountId", t.Desired.Account).
		set("environmentAccountConnectionId", t.Desired.Connection).deployed(t).versioned(t)
	if template.CustomerManaged {
		o["provisioning"] = customerManaged
	}
	if summary {
		return o
	}
	return o.set("codebuildRoleArn", t.Desired.CodebuildRole).set("spec", t.Desired.Spec).
		set("provisioningRepository", h.branch(t.Desired.Repository))
}

const customerManaged = "CUSTOMER_MANAGED"

// branch is the place that pull requests go to.
func (h *Handler) branch(r state.Repository) object {
	if r.ID == "" {
		return nil
	}
	provider := r.Provider
	if provider == "" {
		provider = "GITHUB"
	}
	return object{"arn": h.arn("repository/" + repositoryTail(provider, r.ID)), "name": r.ID, "provider": provider, "branch": r.Branch}
}

func (h *Handler) getEnvironment(ctx context.Context, _ caller, in nameInput) (any, error) {
	t, err := h.cfg.Store.TargetItself(ctx, state.EnvironmentRef(in.Name))
	if err != nil {
		return nil, err
	}
	view, err := h.environment(ctx, t, false)
	return object{"environment": view}, err
}

type listEnvironmentsInput struct {
	paging
	EnvironmentTemplates []struct {
		TemplateName string `json:"templateName"`
		MajorVersion string `json:"majorVersion"`
	} `json:"environmentTemplates"`
}

func (h *Handler) listEnvironments(ctx context.Context, _ caller, in listEnvironmentsInput) (any, error) {
	// Each template's are a list of their own in the store, in the order of names.
	page := func(f state.Filter) ([]state.Target, error) {
		if len(in.EnvironmentTemplates) == 0 {
			return h.cfg.Store.Targets(ctx, f)
		}
		var found []state.Target
		for _, of := range in.EnvironmentTemplates {
			f.Template = of.TemplateName
			if f.Major, _ = strconv.ParseInt(of.MajorVersion, 10, 64); f.Major == 0 {
				continue // no version has it
			}
			more, err := h.cfg.Store.Targets(ctx, f)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
			slices.SortFunc(found, func(a, b state.Target) int { return strings.Compare(a.Ref.String(), b.Ref.String()) })
			found = slices.CompactFunc(found, func(a, b state.Target) bool { return a.Ref == b.Ref })
			found = found[:min(len(found), f.Limit)]
		}
		return found, nil
	}
	templates := map[string]state.Template{} // few, of many environments
	return h.targets(in.paging, listOf("ListEnvironments", in.EnvironmentTemplates), "environments",
		state.Filter{Kind: state.KindEnvironment}, page, func(t state.Target) (_ object, err error) {
			template, read := templates[t.Desired.Template]
			if !read {
				if template, err = h.template(ctx, state.KindEnvironment, t.Desired.Template); err != nil {
					return nil, err
				}
				templates[t.Desired.Template] = template
			}
			return h.environmentOf(t, template, true), nil
		})
}

// targets answers a page of targets in the order of their names.
func (h *Handler) targets(
	p paging, list, member string, f state.Filter, page func(state.Filter) ([]state.Target, error), view func(state.Target) (object, error),
) (any, error) {
	after, err := p.after(list)
	if err != nil {
		return nil, err
	}
	f.After, f.Limit = after, p.limit()+1
	found, err := page(f)
	if err != nil {
		return nil, err
	}
	return answer(p, list, member, found, func(t state.Target) string { return t.Ref.String() }, view)
}

// sortedOutputs are outputs as Proton lists them.
func sortedOutputs(outputs map[string]string) []output {
	list := make([]output, 0, len(outputs))
	for key, value := range outputs {
		list = append(list, output{Key: key, ValueString: value})
	}
	slices.SortFunc(list, func(a, b output) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return list
}

// place is how the lists of outputs and resources name a target.
type place struct {
	paging
	EnvironmentName     string `json:"environmentName"`
	ServiceName         string `json:"serviceName"`
	ServiceInstanceName string `json:"serviceInstanceName"`
	ComponentName       string `json:"componentName"`
	DeploymentID        string `json:"deploymentId"`
}

func (p place) ref(kind state.Kind) state.Ref {
	switch kind {
	case state.KindInstance:
		return state.InstanceRef(p.ServiceName, p.ServiceInstanceName)
	case state.KindPipeline:
		return state.PipelineRef(p.ServiceName)
	case state.KindComponent:
		return state.ComponentRef(p.ComponentName)
	default:
		return state.EnvironmentRef(p.EnvironmentName)
	}
}

// listOutputs answers the outputs of a kind of target, as they are, or as a
// deployment left them.
func (h *Handler) listOutputs(kind state.Kind) operation {
	return on(func(ctx context.Context, _ caller, in place) (any, error) {
		t, err := h.cfg.Store.TargetItself(ctx, in.ref(kind))
		if err != nil {
			return nil, err
		}
		outputs := t.Deployed.Outputs
		if in.DeploymentID != "" {
			d, err := h.cfg.Store.Deployment(ctx, in.DeploymentID)
			if err != nil {
				return nil, err
			}
			if d.Ref != t.Ref {
				return nil, missing("deployment %s of %s does not exist", in.DeploymentID, t.Ref)
			}
			outputs = d.Outputs
		}
		// All of them at once: the published token of this list is always empty.
		views := []object{}
		for _, o := range sortedOutputs(outputs) {
			views = append(views, object{"key": o.Key, "valueString": o.ValueString})
		}
		return object{"outputs": views}, nil
	})
}

// listResources answers what a target was deployed as. Commands make resources
// that nobody knows, as in Proton.
func (h *Handler) listResources(kind state.Kind) operation {
	return on(func(ctx context.Context, _ caller, in place) (any, error) {
		t, err := h.cfg.Store.TargetItself(ctx, in.ref(kind))
		if err != nil {
			return nil, err
		}
		list := []object{}
		engine := map[string]string{"cloudformation": "CLOUDFORMATION", "terraform": "TERRAFORM"}[t.Deployed.Engine]
		if engine != "" {
			name := cmp.Or(t.Deployed.Stack, t.Ref.Stack())
			list = append(list, object{"name": name, "identifier": cmp.Or(t.Deployed.Identifier, name), "provisioningEngine": engine})
		}
		return object{"provisionedResources": list}, nil
	})
}
