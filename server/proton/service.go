package proton

import (
	"context"
	"encoding/json"
	"slices"

	"baryon/state"
)

// service is Proton's Service.
func (h *Handler) service(ctx context.Context, v state.Service) (object, error) {
	spec, err := h.holds(ctx, v)
	if err != nil {
		return nil, err
	}
	o := h.serviceSummary(v).set("spec", spec).set("branchName", v.Repository.Branch).set("repositoryId", v.Repository.ID).
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
	if status, _ := v.Shown(); status != state.ServiceActive {
		return nil
	}
	members, err := h.cfg.Store.TargetsOfService(ctx, v.Name)
	if slices.ContainsFunc(members, moving) {
		o["status"] = string(state.ServiceUpdateInProgress)
	}
	return err
}

func (h *Handler) serviceSummary(v state.Service) object {
	status, message := v.Shown()
	return object{}.set("name", v.Name).set("arn", h.arn("service/"+v.Name)).set("templateName", v.Template).
		set("status", string(status)).set("statusMessage", message).set("description", v.Description).
		set("createdAt", v.CreatedAt).set("lastModifiedAt", v.ModifiedAt)
}

// moving reports whether a member of a service that was summed up as ACTIVE has
// something before it all the same: its turn comes after that of others.
func moving(t state.Target) bool {
	w := t.Waiting.Reason
	waits := slices.Contains([]state.WaitReason{
		state.WaitApproval, state.WaitWindow, state.WaitPolicy, state.WaitSuspended, state.WaitSpec, state.WaitVersion, state.WaitRetry, state.WaitReturned,
	}, w)
	return !t.Status.Final() || t.Desired.Deleted || t.Deployed.Deployment == "" || t.Generation != t.Deployed.Generation && !waits
}

// pipeline is Proton's ServicePipeline.
func (h *Handler) pipeline(t state.Target) object {
	return object{}.set("arn", h.arn(t.Ref.String())).set("createdAt", t.CreatedAt).set("spec", t.Desired.Spec).deployed(t).versioned(t)
}

// instance is Proton's ServiceInstance.
func (h *Handler) instance(t state.Target) object {
	part := h.parts.text(func() string { return onlyInstance(t.Desired.Spec, t.Ref.Name) }, t.Desired.Spec, t.Ref.Name)
	return object{}.set("name", t.Ref.Name).set("serviceName", t.Ref.Service).set("arn", h.arn(t.Ref.String())).
		set("createdAt", t.CreatedAt).set("environmentName", t.Desired.Environment).deployed(t).versioned(t).
		set("spec", part).set("lastClientRequestToken", t.Desired.RequestID)
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
	ref := state.InstanceRef(in.ServiceName, in.Name)
	t, err := h.cfg.Store.TargetItself(ctx, ref)
	if isMissing(err) {
		t, err = h.cfg.Store.Requested(ctx, ref)
	}
	if err != nil {
		return nil, err
	}
	return object{"serviceInstance": h.instance(t)}, nil
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
	page := state.InstancePage{By: orders()[in.SortBy], Descending: in.SortOrder == "DESCENDING", Limit: in.limit() + 1}
	list := listOf("ListServiceInstances", []any{in.ServiceName, in.Filters, page.By, page.Descending})
	after, err := in.after(list)
	if err != nil {
		return nil, err
	}
	if after != "" {
		if err := json.Unmarshal([]byte(after), &page.After); err != nil {
			return nil, notOfThisList()
		}
	}
	filter, none := state.InstanceFilter{Service: in.ServiceName}, false
	for _, f := range in.Filters {
		rules, err := f.into(&filter)
		if err != nil {
			return nil, err
		}
		none = none || rules
	}
	var found []state.Instance
	if !none {
		if found, err = h.cfg.Store.Instances(ctx, filter, page); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 && in.ServiceName != "" {
		if _, err := h.cfg.Store.Service(ctx, in.ServiceName); err != nil {
			return nil, err
		}
	}
	place := func(i state.Instance) string {
		text, err := json.Marshal(i.Place(page.By))
		if err != nil {
			panic(err) // texts and a number
		}
		return string(text)
	}
	return answer(in.paging, list, "serviceInstances", found, place, h.instanceSummary)
}

// orders are the orders of ListServiceInstances.
func orders() map[string]state.InstanceMember {
	return map[string]state.InstanceMember{
		"": state.ByService, "serviceName": state.ByService, "name": state.ByName, "deploymentStatus": state.ByStatus, "templateName": state.ByTemplate,
		"environmentName": state.ByEnvironment, "createdAt": state.ByCreated, "lastDeploymentAttemptedAt": state.ByAttempted,
	}
}

// instanceSummary is Proton's ServiceInstanceSummary.
func (h *Handler) instanceSummary(i state.Instance) (object, error) {
	succeeded := i.SucceededAt
	if succeeded.IsZero() {
		succeeded = i.CreatedAt // the member is required, also before the first success
	}
	return object{}.set("name", i.Ref.Name).set("serviceName", i.Ref.Service).set("arn", h.arn(i.Ref.String())).
		set("createdAt", i.CreatedAt).set("environmentName", i.Environment).set("templateName", i.Template).
		set("templateMajorVersion", number(i.Version.Major)).set("templateMinorVersion", number(i.Version.Minor)).
		set("deploymentStatus", i.Status).set("deploymentStatusMessage", i.Message).
		set("lastDeploymentAttemptedAt", i.AttemptedAt).set("lastDeploymentSucceededAt", succeeded).
		set("lastAttemptedDeploymentId", i.LastAttempted).set("lastSucceededDeploymentId", i.LastSucceeded), nil
}
