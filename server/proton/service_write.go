package proton

import (
	"context"
	"reflect"

	"go.yaml.in/yaml/v3"

	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/state"
)

type serviceInput struct {
	Name         string  `json:"name"`
	TemplateName string  `json:"templateName"`
	Description  *string `json:"description"`
	Repository   string  `json:"repositoryId"`
	Connection   string  `json:"repositoryConnectionArn"`
	Branch       string  `json:"branchName"`
	Tags         []tag   `json:"tags"`
	update
}

func (h *Handler) createService(ctx context.Context, c caller, in serviceInput) (any, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	ref := state.ServiceRef(in.Name)
	done, err := h.madeBefore(ctx, ref, in)
	if err != nil || done {
		return h.answerService(ctx, in.Name, err)
	}
	if err := h.unclaimed(ctx, ref); err != nil {
		return nil, err
	}
	if err := h.roomFor(ctx, state.KindService); err != nil {
		return nil, err
	}
	v, err := h.choose(ctx, serviceTemplates(), in.TemplateName, in.Major, in.Minor)
	if err != nil {
		return nil, err
	}
	row, err := h.cfg.Store.TemplateVersion(ctx, state.KindService, in.TemplateName, v)
	if err != nil {
		return nil, err
	}
	given := in.Repository + in.Connection + in.Branch
	switch {
	case row.NoPipeline && given != "":
		return nil, invalid("template %s has no pipeline, so repositoryId, repositoryConnectionArn and branchName cannot be given", in.TemplateName)
	case !row.NoPipeline && (in.Repository == "" || in.Connection == "" || in.Branch == ""):
		return nil, invalid("template %s has a pipeline, so repositoryId, repositoryConnectionArn and branchName must be given", in.TemplateName)
	}
	header := declare.Header{
		Template: in.TemplateName, Version: state.Follow(v.String()), Description: textOf(in.Description),
		Repository: state.Repository{ID: in.Repository, Connection: in.Connection, Branch: in.Branch},
	}
	doc, err := h.document(ref, header, textOf(in.Spec))
	if err != nil {
		return nil, err
	}
	if len(doc.Instances) == 0 {
		return nil, invalid("a service needs at least one instance")
	}
	doc.Header.Pins = map[string]state.Follow{}
	for _, i := range doc.Instances {
		doc.Header.Pins[i.Name] = header.Version
	}
	if err := h.environmentsReady(ctx, doc.Instances); err != nil {
		return nil, err
	}
	err = h.declare(ctx, reconciler.Statement{Actor: c.actor, Document: doc, Check: absent(ref)})
	if err == nil {
		err = h.made(ctx, ref, in, in.Tags)
	}
	for _, i := range doc.Instances { // tags are copied to the children that a creation makes
		if err == nil {
			err = h.setTags(ctx, state.InstanceRef(in.Name, i.Name).String(), in.Tags)
		}
	}
	return h.answerService(ctx, in.Name, err)
}

// environmentsReady refuses instances in environments that are not there, or
// have never been deployed.
func (h *Handler) environmentsReady(ctx context.Context, instances []declare.Instance) error {
	for _, i := range instances {
		t, err := h.cfg.Store.Target(ctx, state.EnvironmentRef(i.Environment))
		if isMissing(err) {
			return invalid("instance %s is to run in the environment %s, which does not exist", i.Name, i.Environment)
		}
		if err != nil {
			return err
		}
		if t.Deployed.Deployment == "" || t.Desired.Deleted {
			status, _ := t.Shown()
			return invalid("instance %s is to run in the environment %s, which is %s and not deployed", i.Name, i.Environment, status)
		}
	}
	return nil
}

func (h *Handler) answerService(ctx context.Context, name string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return h.getService(ctx, caller{}, nameInput{Name: name})
}

// headerOfService is the header that says of a service what is wanted of it now:
// each instance stays on the version it has.
func (h *Handler) headerOfService(ctx context.Context, v state.Service) (declare.Header, []state.Target, error) {
	header := declare.Header{
		Template: v.Template, Version: v.Follow, Description: v.Description, Labels: v.Labels, Repository: v.Repository, Pins: map[string]state.Follow{},
	}
	members, err := h.cfg.Store.TargetsOfService(ctx, v.Name)
	for _, t := range members {
		if t.Ref.Kind == state.KindInstance && !t.Desired.Deleted {
			header.Pins[t.Ref.Name] = state.Follow(wantedVersion(t).String())
		}
	}
	return header, members, err
}

// readService reads a service that a call may change, with its spec as it holds.
func (h *Handler) readService(ctx context.Context, name string) (state.Service, way, error) {
	v, err := h.cfg.Store.Service(ctx, name)
	if err != nil {
		return v, taken, err
	}
	members, err := h.cfg.Store.TargetsOfService(ctx, name)
	if err != nil {
		return v, taken, err
	}
	by, err := h.wayOf(ctx, state.ServiceRef(name), v.Owner, orphaned(members))
	if err == nil && v.Deleted {
		err = conflict("service %s is being deleted", name)
	}
	if err != nil || by == taken {
		return v, by, err
	}
	v.Spec, err = h.holds(ctx, v)
	return v, by, err
}

// orphaned is why nothing declares a service any more, which its members know.
func orphaned(members []state.Target) string {
	for _, t := range members {
		if t.Desired.Orphaned != "" && !t.Synced() {
			return t.Desired.Orphaned
		}
	}
	return ""
}

type updateServiceInput struct {
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Spec        *string `json:"spec"`
}

// updateService adds and removes instances; nothing else of the spec may differ.
func (h *Handler) updateService(ctx context.Context, c caller, in updateServiceInput) (any, error) {
	v, by, err := h.readService(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if by == blocked && in.Description != nil && *in.Description != v.Description {
		return nil, described(state.ServiceRef(in.Name), v.Owner)
	}
	if in.Spec == nil && by != written {
		return h.answerService(ctx, in.Name, h.describeService(ctx, c, in.Name, in.Description))
	}
	if in.Spec == nil {
		return h.answerService(ctx, in.Name, h.writeBackService(ctx, c, in, nil))
	}
	header, members, err := h.headerOfService(ctx, v)
	if err != nil {
		return nil, err
	}
	for _, t := range members {
		if err := busy(t); err != nil {
			return nil, err
		}
	}
	if in.Description != nil {
		header.Description = *in.Description
	}
	spec, problems := reconciler.KeepCurrent("spec", *in.Spec, v.Spec)
	if problems.Failed() {
		return nil, problems
	}
	doc, err := h.document(state.ServiceRef(in.Name), header, spec)
	if err != nil {
		return nil, err
	}
	added, removed, err := h.onlyInstancesDiffer(ctx, v.Spec, spec, doc, members)
	if err != nil {
		return nil, err
	}
	if by == written {
		return h.answerService(ctx, in.Name, h.writeBackService(ctx, c, in, append(added, removed...)))
	}
	for _, i := range doc.Instances {
		if _, there := header.Pins[i.Name]; !there {
			header.Pins[i.Name] = header.Version
		}
	}
	s := reconciler.Statement{Actor: c.actor, Document: doc, Check: quiet(in.Name), Also: removeAgain(c, in.Name)}
	if by == blocked {
		s.Only, s.Gone = added, removed
		if len(added)+len(removed) == 0 {
			return h.answerService(ctx, in.Name, nil)
		}
	}
	err = h.declare(ctx, s)
	return h.answerService(ctx, in.Name, err)
}

// removeAgain has the removals of instances that failed tried once more, as each
// update of a service does.
func removeAgain(c caller, service string) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		members, err := tx.TargetsOfService(service)
		if err != nil {
			return err
		}
		for _, t := range members {
			if !t.Desired.Deleted || t.Status != state.DeleteFailed {
				continue
			}
			if err := tx.Change(t.Ref, func(t *state.Target) error {
				t.Asked.Retry, t.Waiting = state.Request{Generation: t.Generation, By: c.actor}, state.Waiting{}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}
}

// quiet checks once more, where nobody can come between, that no part of a
// service is changing.
func quiet(service string) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		members, err := tx.TargetsOfService(service)
		if err != nil {
			return err
		}
		for _, t := range members {
			if err := busy(t); err != nil {
				return err
			}
		}
		return nil
	}
}

// onlyInstancesDiffer holds an update of a service to what it may do, and tells
// which instances it adds and removes.
func (h *Handler) onlyInstancesDiffer(
	ctx context.Context, stored, given string, doc declare.Document, members []state.Target,
) (added, removed []state.Ref, err error) {
	before, ok := parseSpec(stored)
	after, okAfter := parseSpec(given)
	if !ok || !okAfter {
		return nil, nil, invalid("the spec cannot be compared with the one there is")
	}
	if !sameValue(member(before.root, "pipeline"), member(after.root, "pipeline")) {
		return nil, nil, invalid("UpdateService adds and removes instances; use UpdateServicePipeline to change the inputs of the pipeline")
	}
	if len(doc.Instances) == 0 {
		return nil, nil, invalid("at least one instance must remain; use DeleteService to delete the service")
	}
	var fresh []declare.Instance
	for _, i := range doc.Instances {
		was := before.instance(i.Name)
		if was < 0 {
			fresh, added = append(fresh, i), append(added, state.InstanceRef(doc.Ref.Name, i.Name))
			continue
		}
		if !sameValue(before.instances().Content[was], after.instances().Content[after.instance(i.Name)]) {
			return nil, nil, invalid("UpdateService adds and removes instances; use UpdateServiceInstance to change %s", i.Name)
		}
	}
	for _, t := range members {
		if t.Ref.Kind != state.KindInstance || after.instance(t.Ref.Name) >= 0 {
			continue
		}
		name, err := h.attachedTo(ctx, t.Ref)
		if err != nil {
			return nil, nil, err
		}
		if name != "" {
			return nil, nil, conflict("instance %s has the component %s; detach that first", t.Ref.Name, name)
		}
		if before.instance(t.Ref.Name) >= 0 && !t.Desired.Deleted {
			removed = append(removed, t.Ref)
		}
	}
	return added, removed, h.environmentsReady(ctx, fresh)
}

// sameValue compares two values as YAML reads them.
func sameValue(a, b *yaml.Node) bool {
	read := func(n *yaml.Node) any {
		var v any
		if n == nil || n.Decode(&v) != nil {
			return nil
		}
		if m, ok := v.(map[string]any); ok && len(m) == 0 {
			return nil // nothing said is nothing given
		}
		return v
	}
	return reflect.DeepEqual(read(a), read(b))
}

// attachedTo is the component that is attached to an instance, if there is one.
func (h *Handler) attachedTo(ctx context.Context, ref state.Ref) (string, error) {
	t, err := h.cfg.Store.Target(ctx, ref)
	if err != nil {
		return "", err
	}
	for _, need := range t.Needs {
		if need.Kind == state.KindComponent {
			return need.Name, nil
		}
	}
	return "", nil
}

func (h *Handler) describeService(ctx context.Context, c caller, name string, description *string) error {
	if description == nil {
		return nil
	}
	return h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		v, err := tx.Service(name)
		if err != nil {
			return err
		}
		v.Description = *description
		if err := tx.PutService(v); err != nil {
			return err
		}
		return tx.Audit(c.actor, "describe", state.ServiceRef(name), nil)
	})
}

func (h *Handler) deleteService(ctx context.Context, c caller, in nameInput) (any, error) {
	v, err := h.cfg.Store.Service(ctx, in.Name)
	if isMissing(err) {
		return object{}, nil
	}
	if err != nil {
		return nil, err
	}
	ref := state.ServiceRef(in.Name)
	if !v.Deleted || v.Status == state.ServiceDeleteFailed {
		members, err := h.cfg.Store.TargetsOfService(ctx, in.Name)
		if err != nil {
			return nil, err
		}
		by, err := h.wayOf(ctx, ref, v.Owner, orphaned(members))
		if err != nil {
			return nil, err
		}
		for _, t := range members {
			name, err := h.attachedTo(ctx, t.Ref)
			if err != nil && !isMissing(err) {
				return nil, err
			}
			if name != "" {
				return nil, conflict("service %s has the component %s attached; detach that first", in.Name, name)
			}
		}
		if err := h.undeclare(ctx, c, "DeleteService", by, ref, v.Deleted, quiet(in.Name)); err != nil {
			return nil, err
		}
	}
	if v, err = h.cfg.Store.Service(ctx, in.Name); err == nil && !v.Deleted { // not as long as its repository has problems
		view, err := h.service(ctx, v)
		return object{"service": view}, err
	} else if err != nil && !isMissing(err) {
		return nil, err
	}
	if _, _, err := h.endSync(ctx, c, state.SyncConfig{Kind: state.KindInstance, Name: in.Name}); err != nil {
		return nil, err
	}
	if err := h.dropTags(ctx, ref.String()); err != nil {
		return nil, err
	}
	if v, err = h.cfg.Store.Service(ctx, in.Name); isMissing(err) {
		return object{}, nil
	}
	if err != nil {
		return nil, err
	}
	view, err := h.service(ctx, v)
	return object{"service": view}, err
}
