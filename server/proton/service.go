package proton

import (
	"context"
	"slices"
	"strings"

	"baryon/state"
)

// service is Proton's Service.
func (h *Handler) service(ctx context.Context, v state.Service) (object, error) {
	o := h.serviceSummary(v).set("spec", v.Spec).set("branchName", v.Repository.Branch).set("repositoryId", v.Repository.ID).
		set("repositoryConnectionArn", v.Repository.Connection)
	unsettled, err := h.cfg.Store.Unsettled(ctx, v.Name, v.Name)
	if err != nil {
		return nil, err
	}
	if unsettled[v.Name] {
		if err := h.sumUp(ctx, v, o); err != nil {
			return nil, err
		}
	}
	t, err := h.cfg.Store.TargetItself(ctx, state.PipelineRef(v.Name))
	switch {
	case err == nil:
		o["pipeline"] = h.pipeline(t)
	case !isMissing(err):
		return nil, err
	}
	return o, nil
}

// sumUp corrects the status of a service of which something was asked that is
// not summed up yet. One whose members are all settled needs no correction.
func (h *Handler) sumUp(ctx context.Context, v state.Service, o object) error {
	if v.Status != state.ServiceActive {
		return nil
	}
	members, err := h.cfg.Store.TargetsOfService(ctx, v.Name)
	if slices.ContainsFunc(members, moving) {
		o["status"] = string(state.ServiceUpdateInProgress)
	}
	return err
}

func (h *Handler) serviceSummary(v state.Service) object {
	return object{}.set("name", v.Name).set("arn", h.arn("service/"+v.Name)).set("templateName", v.Template).
		set("status", string(v.Status)).set("statusMessage", v.Message).set("description", v.Description).
		set("createdAt", v.CreatedAt).set("lastModifiedAt", v.ModifiedAt)
}

// moving reports whether a member of a service that was summed up as ACTIVE has
// something before it all the same: its turn comes after that of others.
func moving(t state.Target) bool {
	w := t.Waiting.Reason
	waits := slices.Contains([]state.WaitReason{
		state.WaitApproval, state.WaitWindow, state.WaitPolicy, state.WaitSuspended, state.WaitSpec, state.WaitVersion, state.WaitRetry,
	}, w)
	return !t.Status.Final() || t.Desired.Deleted || t.Deployed.Deployment == "" || t.Generation != t.Deployed.Generation && !waits
}

// pipeline is Proton's ServicePipeline.
func (h *Handler) pipeline(t state.Target) object {
	return object{}.set("arn", h.arn(t.Ref.String())).set("createdAt", t.CreatedAt).set("spec", t.Desired.Spec).deployed(t).versioned(t)
}

// instance is Proton's ServiceInstance; a summary leaves the spec out.
func (h *Handler) instance(t state.Target, summary bool) object {
	o := object{}.set("name", t.Ref.Name).set("serviceName", t.Ref.Service).set("arn", h.arn(t.Ref.String())).
		set("createdAt", t.CreatedAt).set("environmentName", t.Desired.Environment).deployed(t).versioned(t)
	if summary {
		return o
	}
	part := h.parts.text(func() string { return onlyInstance(t.Desired.Spec, t.Ref.Name) }, t.Desired.Spec, t.Ref.Name)
	return o.set("spec", part).set("lastClientRequestToken", t.Desired.RequestID)
}

func (h *Handler) getService(ctx context.Context, _ caller, in nameInput) (any, error) {
	v, err := h.cfg.Store.Service(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	view, err := h.service(ctx, v)
	return object{"service": view}, err
}

func (h *Handler) listServices(ctx context.Context, _ caller, in struct{ paging }) (any, error) {
	list := listOf("ListServices", nil)
	after, err := in.after(list)
	if err != nil {
		return nil, err
	}
	found, err := h.cfg.Store.Services(ctx, after, in.limit()+1)
	if err != nil || len(found) == 0 {
		return object{"services": []object{}}, err
	}
	unsettled, err := h.cfg.Store.Unsettled(ctx, found[0].Name, found[len(found)-1].Name)
	if err != nil {
		return nil, err
	}
	return answer(in.paging, list, "services", found, func(v state.Service) string { return v.Name }, func(v state.Service) (object, error) {
		o := h.serviceSummary(v)
		if unsettled[v.Name] {
			err = h.sumUp(ctx, v, o)
		}
		return o, err
	})
}

type instanceName struct {
	Name        string `json:"name"`
	ServiceName string `json:"serviceName"`
}

func (h *Handler) getInstance(ctx context.Context, _ caller, in instanceName) (any, error) {
	t, err := h.cfg.Store.TargetItself(ctx, state.InstanceRef(in.ServiceName, in.Name))
	if err != nil {
		return nil, err
	}
	return object{"serviceInstance": h.instance(t, false)}, nil
}

type listInstancesInput struct {
	paging
	ServiceName string           `json:"serviceName"`
	Filters     []instanceFilter `json:"filters"`
	SortBy      string           `json:"sortBy"`
	SortOrder   string           `json:"sortOrder"`
}

// listInstances answers instances by service and name, or in another order, as
// far as they pass all filters.
func (h *Handler) listInstances(ctx context.Context, _ caller, in listInstancesInput) (any, error) {
	if in.SortBy == "" {
		in.SortBy = "serviceName"
	}
	if in.SortBy == "serviceName" && in.SortOrder != "DESCENDING" && in.ServiceName == "" && len(in.Filters) == 0 {
		return h.listAllInstances(ctx, in)
	}
	tests := make([]func(state.Target) bool, 0, len(in.Filters))
	for _, f := range in.Filters {
		test, err := h.instanceTest(ctx, f)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	var found []state.Target
	for f := in.selection(); ; {
		page, err := h.cfg.Store.Targets(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, t := range page {
			if !slices.ContainsFunc(tests, func(test func(state.Target) bool) bool { return !test(t) }) {
				found = append(found, t)
			}
		}
		if len(page) < f.Limit {
			break
		}
		f.After = page[len(page)-1].Ref.String()
	}
	if len(found) == 0 && in.ServiceName != "" {
		if _, err := h.cfg.Store.Service(ctx, in.ServiceName); err != nil {
			return nil, err
		}
	}
	descending := in.SortOrder == "DESCENDING"
	key := instanceKey(in.SortBy)
	compare := func(a, b string) int {
		if descending {
			a, b = b, a
		}
		return strings.Compare(a, b)
	}
	slices.SortFunc(found, func(a, b state.Target) int { return compare(key(a), key(b)) })
	list := listOf("ListServiceInstances", listInstancesInput{ServiceName: in.ServiceName, Filters: in.Filters, SortBy: in.SortBy, SortOrder: in.SortOrder})
	after, err := in.after(list)
	if err != nil {
		return nil, err
	}
	if after != "" {
		at := slices.IndexFunc(found, func(t state.Target) bool { return compare(key(t), after) > 0 })
		if at < 0 {
			at = len(found)
		}
		found = found[at:]
	}
	return answer(in.paging, list, "serviceInstances", found, key, func(t state.Target) (object, error) { return h.instance(t, true), nil })
}

// selection is what of the filters the store can look for itself; whoever reads
// what it finds asks for the rest.
func (in listInstancesInput) selection() state.Filter {
	s := state.Filter{Kind: state.KindInstance, Service: in.ServiceName, Limit: 1000}
	for _, f := range in.Filters {
		into := map[string]*string{"serviceName": &s.Service, "environmentName": &s.Environment, "templateName": &s.Template}[f.Key]
		if into != nil && *into == "" {
			*into = f.Value
		}
	}
	return s
}

// listAllInstances answers a page of all instances in the usual order, and reads
// no more than the page.
func (h *Handler) listAllInstances(ctx context.Context, in listInstancesInput) (any, error) {
	list := listOf("ListServiceInstances", "all")
	text, err := in.after(list)
	if err != nil {
		return nil, err
	}
	var after state.Ref
	if text != "" {
		if after, err = state.ParseRef(text); err != nil {
			return nil, err
		}
	}
	found, err := h.cfg.Store.Instances(ctx, after, in.limit()+1)
	if err != nil {
		return nil, err
	}
	return answer(in.paging, list, "serviceInstances", found, func(t state.Target) string { return t.Ref.String() },
		func(t state.Target) (object, error) { return h.instance(t, true), nil })
}

// instanceKey orders instances by one of their members, and by their names
// where that is the same. Keys differ for different instances.
func instanceKey(by string) func(state.Target) string {
	return func(t state.Target) string {
		status, _ := statusOf(t)
		member := map[string]string{
			"name": t.Ref.Name, "deploymentStatus": string(status), "templateName": t.Desired.Template,
			"environmentName": t.Desired.Environment, "createdAt": t.CreatedAt.Format(sortableTime),
			"lastDeploymentAttemptedAt": state.Begun(t.LastAttempted).Format(sortableTime),
		}[by]
		return member + "\x00" + t.Ref.Service + "\x00" + t.Ref.Name
	}
}

const sortableTime = "2006-01-02T15:04:05.000000"
