package proton

import (
	"context"

	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/state"
)

type instanceInput struct {
	instanceName
	ClientToken string `json:"clientToken"`
	Tags        []tag  `json:"tags"`
	update
}

// createInstance adds one instance of a whole ServiceSpec to a service.
func (h *Handler) createInstance(ctx context.Context, c caller, in instanceInput) (any, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	token := in.ClientToken
	in.ClientToken = ""
	ref := state.InstanceRef(in.ServiceName, in.Name)
	if done, err := h.again(ctx, "CreateServiceInstance", token, in, ref); err != nil || done {
		return h.answerInstance(ctx, in.instanceName, err)
	}
	v, by, err := h.readService(ctx, in.ServiceName)
	if err != nil {
		return nil, err
	}
	if _, err := h.cfg.Store.Target(ctx, ref); err == nil {
		return nil, conflict("%s exists already", ref)
	}
	version := state.Target{Desired: state.Desired{Follow: v.Follow}}.ShownVersion()
	if in.Major != "" {
		version, err = h.choose(ctx, serviceTemplates(), v.Template, in.Major, in.Minor)
	} else if in.Minor != "" {
		err = invalid("templateMinorVersion needs templateMajorVersion beside it")
	}
	if err != nil {
		return nil, err
	}
	if by == written {
		err = h.writeBackNewInstance(ctx, c, v, in, version, token)
	} else {
		err = h.declareInstance(ctx, c, v, in, by.only(ref), version, token, absent(ref))
	}
	if err == nil {
		err = h.setTags(ctx, ref.String(), in.Tags)
	}
	return h.answerInstance(ctx, in.instanceName, err)
}

// declareInstance takes one instance over from a whole ServiceSpec.
func (h *Handler) declareInstance(
	ctx context.Context, c caller, v state.Service, in instanceInput, only []state.Ref, version state.Version, token string, check func(*state.Tx) error,
) error {
	header, _, err := h.headerOfService(ctx, v)
	if err != nil {
		return err
	}
	header.Pins[in.Name] = state.Follow(version.String())
	spec := v.Spec
	if in.Spec != nil {
		given, problems := reconciler.KeepCurrent("spec", *in.Spec, v.Spec)
		if problems.Failed() {
			return problems
		}
		if _, err := h.document(state.ServiceRef(v.Name), header, given); err != nil {
			return err
		}
		var ok bool
		if spec, ok = withInstance(v.Spec, given, in.Name); !ok {
			return invalid("the spec has no instance named %s", in.Name)
		}
	}
	doc, err := h.document(state.ServiceRef(v.Name), header, spec)
	if err != nil {
		return err
	}
	for _, i := range doc.Instances {
		if i.Name == in.Name {
			if err := h.environmentsReady(ctx, []declare.Instance{i}); err != nil {
				return err
			}
		}
	}
	ref := state.InstanceRef(v.Name, in.Name)
	return h.declare(ctx, reconciler.Statement{Actor: c.actor, Document: doc, Only: only, Also: deploy(c, token, ref), Check: check})
}

func (h *Handler) answerInstance(ctx context.Context, name instanceName, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return h.getInstance(ctx, caller{}, name)
}

// again tells whether a request with this client token was carried out before.
func (h *Handler) again(ctx context.Context, operation, token string, in any, ref state.Ref) (bool, error) {
	if token == "" {
		return false, nil
	}
	id := state.NewID()
	made, err := h.once(ctx, operation+" "+ref.String(), token, in, id)
	if err != nil || made == id {
		return false, err
	}
	t, err := h.cfg.Store.Target(ctx, ref)
	if isMissing(err) {
		return false, nil
	}
	return err == nil && t.Desired.RequestID == token, err
}

// updateInstance takes one instance of a whole ServiceSpec over. What else
// differs in that document does not count.
func (h *Handler) updateInstance(ctx context.Context, c caller, in instanceInput) (any, error) {
	token := in.ClientToken
	in.ClientToken = ""
	ref := state.InstanceRef(in.ServiceName, in.Name)
	t, err := h.cfg.Store.Target(ctx, ref)
	if err != nil {
		return nil, err
	}
	if done, err := h.again(ctx, "UpdateServiceInstance", token, in, ref); err != nil || done {
		return h.answerInstance(ctx, in.instanceName, err)
	}
	by, err := h.changing(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := h.freeOfComponent(ctx, t); err != nil {
		return nil, err
	}
	version, err := h.updated(ctx, serviceTemplates(), t.Desired.Template, wantedVersion(t), in.update)
	if err != nil {
		return nil, err
	}
	if in.DeploymentType == updateNone {
		return h.answerInstance(ctx, in.instanceName, nil)
	}
	if by == written {
		a := amendment(c, ref, "UpdateServiceInstance", in.update, version)
		a.Token = token
		err = h.writeBack(ctx, a, reconciler.Terms{Check: still(ref), Also: deploy(c, token, ref)})
		return h.answerInstance(ctx, in.instanceName, err)
	}
	v, err := h.cfg.Store.Service(ctx, in.ServiceName)
	if err == nil && v.Deleted {
		err = conflict("service %s is being deleted", in.ServiceName)
	}
	if err != nil {
		return nil, err
	}
	if by == blocked {
		if spec, ok := withInstance(v.Spec, t.Desired.Spec, in.Name); ok {
			v.Spec = spec // as it holds, which may not be what the service's own document says
		}
	}
	return h.answerInstance(ctx, in.instanceName, h.declareInstance(ctx, c, v, in, by.only(ref), version, token, still(ref)))
}

// freeOfComponent refuses to change an instance while its component changes.
func (h *Handler) freeOfComponent(ctx context.Context, t state.Target) error {
	name, err := h.attachedTo(ctx, t.Ref)
	if err != nil || name == "" {
		return err
	}
	component, err := h.cfg.Store.Target(ctx, state.ComponentRef(name))
	if err != nil {
		return err
	}
	return busy(component)
}

type pipelineInput struct {
	ServiceName string `json:"serviceName"`
	update
}

// updatePipeline takes the pipeline of a whole ServiceSpec over.
func (h *Handler) updatePipeline(ctx context.Context, c caller, in pipelineInput) (any, error) {
	ref := state.PipelineRef(in.ServiceName)
	v, err := h.cfg.Store.Service(ctx, in.ServiceName)
	if err != nil {
		return nil, err
	}
	t, err := h.cfg.Store.Target(ctx, ref)
	if err != nil {
		return nil, err
	}
	by, err := h.changing(ctx, t)
	if err != nil {
		return nil, err
	}
	spec := textOf(in.Spec)
	if in.DeploymentType == updateNone {
		in.Spec = nil // it is required, and says nothing then
	}
	version, err := h.updated(ctx, serviceTemplates(), v.Template, wantedVersion(t), in.update)
	if err != nil {
		return nil, err
	}
	if in.DeploymentType == updateNone {
		return object{"pipeline": h.pipeline(t)}, nil
	}
	if by == written {
		err = h.writeBack(ctx, amendment(c, ref, "UpdateServicePipeline", in.update, version), reconciler.Terms{Check: still(ref), Also: deploy(c, "", ref)})
		return h.answerPipeline(ctx, ref, err)
	}
	if by == blocked {
		if held, ok := withPipeline(v.Spec, t.Desired.Spec); ok {
			v.Spec = held
		}
	}
	header, _, err := h.headerOfService(ctx, v)
	if err != nil {
		return nil, err
	}
	header.Version = state.Follow(version.String())
	given, problems := reconciler.KeepCurrent("spec", spec, v.Spec)
	if problems.Failed() {
		return nil, problems
	}
	if _, err := h.document(state.ServiceRef(v.Name), header, given); err != nil {
		return nil, err
	}
	merged, ok := withPipeline(v.Spec, given)
	if !ok {
		return nil, invalid("the spec is no ServiceSpec")
	}
	doc, err := h.document(state.ServiceRef(v.Name), header, merged)
	if err != nil {
		return nil, err
	}
	return h.answerPipeline(ctx, ref, h.declare(ctx, reconciler.Statement{Actor: c.actor, Document: doc, Only: by.only(ref), Also: deploy(c, "", ref), Check: still(ref)}))
}

func (h *Handler) answerPipeline(ctx context.Context, ref state.Ref, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	t, err := h.cfg.Store.Target(ctx, ref)
	return object{"pipeline": h.pipeline(t)}, err
}
