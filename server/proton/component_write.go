package proton

import (
	"context"
	"io/fs"
	"slices"

	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

type componentInput struct {
	Name            string  `json:"name"`
	Description     *string `json:"description"`
	EnvironmentName string  `json:"environmentName"`
	Manifest        string  `json:"manifest"`
	TemplateFile    *string `json:"templateFile"`
	ServiceName     *string `json:"serviceName"`
	InstanceName    *string `json:"serviceInstanceName"`
	ServiceSpec     *string `json:"serviceSpec"`
	DeploymentType  string  `json:"deploymentType"`
	ClientToken     string  `json:"clientToken"`
	Tags            []tag   `json:"tags"`
}

func (h *Handler) createComponent(ctx context.Context, c caller, in componentInput) (any, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	token := in.ClientToken
	in.ClientToken = ""
	ref := state.ComponentRef(in.Name)
	if done, err := h.again(ctx, "CreateComponent", token, in, ref); err != nil || done {
		return h.answerComponent(ctx, in.Name, err)
	}
	if _, err := h.cfg.Store.Target(ctx, ref); isMissing(err) {
		if err := h.unclaimed(ctx, ref); err != nil {
			return nil, err
		}
		if err := h.roomFor(ctx, state.KindComponent); err != nil {
			return nil, err
		}
	}
	header := declare.Header{
		Description: textOf(in.Description), Environment: in.EnvironmentName, Service: textOf(in.ServiceName), Instance: textOf(in.InstanceName),
	}
	switch {
	case (header.Service == "") != (header.Instance == ""):
		return nil, invalid("serviceName and serviceInstanceName go together: give both, or none for a component that is not attached")
	case header.Instance == "" && header.Environment == "":
		return nil, invalid("environmentName is needed for a component that is not attached")
	case header.Instance == "" && in.ServiceSpec != nil:
		return nil, invalid("only a component that is attached to an instance has a serviceSpec")
	}
	if err := h.placeComponent(ctx, &header); err != nil {
		return nil, err
	}
	files, err := h.newComponentFiles(in.Name, in.Manifest, textOf(in.TemplateFile))
	if err != nil {
		return nil, err
	}
	doc, err := h.document(ref, header, textOf(in.ServiceSpec))
	if err != nil {
		return nil, err
	}
	err = h.declare(ctx, reconciler.Statement{Actor: c.actor, Document: doc, Files: files, Also: deploy(c, token, ref), Check: absent(ref)})
	if err == nil {
		err = h.setTags(ctx, ref.String(), in.Tags)
	}
	return h.answerComponent(ctx, in.Name, err)
}

func (h *Handler) answerComponent(ctx context.Context, name string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return h.getComponent(ctx, caller{}, nameInput{Name: name})
}

// placeComponent checks where a component goes. An attached one goes where its
// instance is.
func (h *Handler) placeComponent(ctx context.Context, header *declare.Header) error {
	if header.Instance == "" {
		_, err := h.cfg.Store.Target(ctx, state.EnvironmentRef(header.Environment))
		return err
	}
	ref := state.InstanceRef(header.Service, header.Instance)
	t, err := h.cfg.Store.Target(ctx, ref)
	if err != nil {
		return err
	}
	if header.Environment == "" {
		header.Environment = t.Desired.Environment
	}
	if header.Environment != t.Desired.Environment {
		return invalid("%s is in the environment %s, not in %s", ref, t.Desired.Environment, header.Environment)
	}
	row, err := h.cfg.Store.TemplateVersion(ctx, state.KindService, t.Desired.Template, wantedVersion(t))
	if err != nil {
		return err
	}
	if !slices.Contains(row.ComponentSources, "DIRECTLY_DEFINED") {
		return invalid("template %s %s supports no components; set its supportedComponentSources to DIRECTLY_DEFINED", row.Name, row.Version)
	}
	other, err := h.attachedTo(ctx, ref)
	if err == nil && other != "" {
		err = conflict("%s has the component %s already; detach that first", ref, other)
	}
	if err == nil {
		err = busy(t)
	}
	return err
}

// newComponentFiles are the two files of a component, checked. Those that run
// commands are refused, as by AWS Proton, unless the configuration trusts callers
// so far.
func (h *Handler) newComponentFiles(name, manifest, template string) (fs.FS, error) {
	m, problems := renderer.ParseManifest(manifestName, []byte(manifest), renderer.Limits{})
	if problems.Failed() {
		return nil, problems
	}
	files := map[string]renderer.File{manifestName: {Data: []byte(manifest)}}
	if m.Template != "" {
		files[m.Template] = renderer.File{Data: []byte(template)}
	}
	out := renderer.NewFiles(files)
	if _, err := renderer.OpenComponent(out, name, renderer.Options{Commands: true}); err != nil {
		return nil, err
	}
	if m.Engine == renderer.EngineCodeBuild && !h.cfg.Settings().APICommands {
		return nil, invalid("a component made through this API may not run commands, and its manifest says rendering_engine codebuild; " +
			"write it for jinja or hcl, or set api_commands in the daemon's configuration")
	}
	return out, nil
}

// updateComponent changes what a component is, or where it is attached.
func (h *Handler) updateComponent(ctx context.Context, c caller, in componentInput) (any, error) {
	token := in.ClientToken
	in.ClientToken = ""
	ref := state.ComponentRef(in.Name)
	t, err := h.cfg.Store.Target(ctx, ref)
	if err != nil {
		return nil, err
	}
	if done, err := h.again(ctx, "UpdateComponent", token, in, ref); err != nil || done {
		return h.answerComponent(ctx, in.Name, err)
	}
	by, err := h.changing(ctx, t)
	if err != nil {
		return nil, err
	}
	if in.DeploymentType == updateNone {
		if in.ServiceName != nil || in.InstanceName != nil || in.ServiceSpec != nil || in.TemplateFile != nil {
			return nil, invalid("with deploymentType NONE nothing but the description can be changed")
		}
		if by == written && in.Description != nil {
			return h.answerComponent(ctx, in.Name, h.writeBackComponent(ctx, c, t, in, token))
		}
		return h.answerComponent(ctx, in.Name, h.describe(ctx, c, by, t, in.Description))
	}
	header := headerOf(t.Desired, state.Version{})
	if in.Description != nil {
		header.Description = *in.Description
	}
	spec, err := h.attach(ctx, &header, t, in)
	if err != nil {
		return nil, err
	}
	manifest, template, err := h.componentFiles(ctx, t.Desired.Files)
	if err != nil {
		return nil, err
	}
	if in.TemplateFile != nil {
		template = *in.TemplateFile
	}
	files, err := h.newComponentFiles(in.Name, manifest, template)
	if err != nil {
		return nil, err
	}
	if by == written {
		return h.answerComponent(ctx, in.Name, h.writeBackComponent(ctx, c, t, in, token))
	}
	doc, err := h.document(ref, header, spec)
	if err != nil {
		return nil, err
	}
	err = h.declare(ctx, reconciler.Statement{
		Actor: c.actor, Document: doc, Only: by.only(ref), Files: files, Also: deploy(c, token, ref), Check: stillBoth(ref),
	})
	return h.answerComponent(ctx, in.Name, err)
}

// stillBoth is still for a component, which waits for the instance it is attached
// to as that waits for it.
func stillBoth(ref state.Ref) func(*state.Tx) error {
	return func(tx *state.Tx) error {
		t, err := tx.Target(ref)
		if err != nil {
			return err
		}
		if err := busy(t); err != nil || t.Desired.Instance == "" {
			return err
		}
		instance, err := tx.Target(state.InstanceRef(t.Desired.Service, t.Desired.Instance))
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return busy(instance)
	}
}

// attach reads where an update attaches a component: both names attach it, two
// empty ones detach it, and none leave it.
func (h *Handler) attach(ctx context.Context, header *declare.Header, t state.Target, in componentInput) (spec string, err error) {
	spec = t.Desired.Spec
	if in.ServiceSpec != nil {
		spec = *in.ServiceSpec
	}
	service, instance := textOf(in.ServiceName), textOf(in.InstanceName)
	switch {
	case in.ServiceName == nil && in.InstanceName == nil:
		return spec, nil
	case (service == "") != (instance == ""):
		return "", invalid("serviceName and serviceInstanceName go together: both name an instance, or both are empty to detach the component")
	case instance == "":
		header.Service, header.Instance = "", ""
		return "", nil
	case t.Desired.Instance == instance && t.Desired.Service == service:
		return spec, nil
	case t.Desired.Instance != "":
		return "", conflict("%s is attached to %s; detach it first", t.Ref, state.InstanceRef(t.Desired.Service, t.Desired.Instance))
	}
	header.Service, header.Instance = service, instance
	return spec, h.placeComponent(ctx, header)
}

// deleteComponent takes a component away that is not attached.
func (h *Handler) deleteComponent(ctx context.Context, c caller, in nameInput) (any, error) {
	ref := state.ComponentRef(in.Name)
	t, err := h.cfg.Store.Target(ctx, ref)
	if isMissing(err) {
		return object{}, nil
	}
	if err != nil {
		return nil, err
	}
	if t.Desired.Instance != "" && !t.Desired.Deleted {
		return nil, conflict("%s is attached to %s; detach it first", ref, state.InstanceRef(t.Desired.Service, t.Desired.Instance))
	}
	if err := h.withdraw(ctx, c, "DeleteComponent", t); err != nil {
		return nil, err
	}
	return h.gone(ctx, "component", ref, func(t state.Target) (object, error) { return h.component(t, false), nil })
}
