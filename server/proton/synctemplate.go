package proton

import (
	"context"
	"strings"

	"baryon/state"
)

type templateSyncInput struct {
	TemplateName string `json:"templateName"`
	TemplateType string `json:"templateType"`
	Provider     string `json:"repositoryProvider"`
	Repository   string `json:"repositoryName"`
	Branch       string `json:"branch"`
	Subdirectory string `json:"subdirectory"`
}

// familyOf reads Proton's TemplateType.
func familyOf(templateType string) family {
	if templateType == "SERVICE" {
		return serviceTemplates()
	}
	return environmentTemplates()
}

func (in templateSyncInput) config() state.SyncConfig {
	return state.SyncConfig{
		Kind: familyOf(in.TemplateType).kind, Name: in.TemplateName, Provider: in.Provider, Link: in.Repository, Branch: in.Branch,
		Path: strings.Trim(in.Subdirectory, "/"),
	}
}

func templateSyncView(c state.SyncConfig) object {
	return object{"templateSyncConfig": object{
		"templateName": c.Name, "templateType": strings.ToUpper(string(c.Kind)), "repositoryProvider": c.Provider, "repositoryName": c.Link, "branch": c.Branch,
	}.set("subdirectory", c.Path)}
}

// createTemplateSync has a template's versions registered from a repository.
func (h *Handler) createTemplateSync(ctx context.Context, c caller, in templateSyncInput) (any, error) {
	t, err := h.cfg.Store.Template(ctx, familyOf(in.TemplateType).kind, in.TemplateName)
	if err != nil {
		return nil, err
	}
	config := in.config()
	if t.Repository != "" && t.Repository != config.Repository() && !state.IsSyncName(t.Repository) {
		return nil, conflict("template %s is registered from the repository %s of the daemon's configuration already; take it out there first", t.Name, t.Repository)
	}
	if err := h.startSync(ctx, c, config, false); err != nil {
		return nil, err
	}
	return templateSyncView(config), nil
}

func (h *Handler) updateTemplateSync(ctx context.Context, c caller, in templateSyncInput) (any, error) {
	config := in.config()
	if err := h.startSync(ctx, c, config, true); err != nil {
		return nil, err
	}
	return templateSyncView(config), nil
}

func (h *Handler) getTemplateSync(ctx context.Context, _ caller, in templateSyncInput) (any, error) {
	config, err := h.syncConfig(ctx, in.config())
	if err != nil {
		return nil, err
	}
	return templateSyncView(config), nil
}

func (h *Handler) deleteTemplateSync(ctx context.Context, c caller, in templateSyncInput) (any, error) {
	config, found, err := h.endSync(ctx, c, in.config())
	if err != nil || !found {
		return object{}, err
	}
	return templateSyncView(config), nil
}

type serviceSyncInput struct {
	ServiceName string `json:"serviceName"`
	Provider    string `json:"repositoryProvider"`
	Repository  string `json:"repositoryName"`
	Branch      string `json:"branch"`
	FilePath    string `json:"filePath"`
}

func (in serviceSyncInput) config() state.SyncConfig {
	return state.SyncConfig{
		Kind: state.KindInstance, Name: in.ServiceName, Provider: in.Provider, Link: in.Repository, Branch: in.Branch,
		Path: strings.TrimPrefix(in.FilePath, "./"),
	}
}

func serviceSyncView(c state.SyncConfig) object {
	return object{"serviceSyncConfig": object{
		"serviceName": c.Name, "repositoryProvider": c.Provider, "repositoryName": c.Link, "branch": c.Branch, "filePath": c.Path,
	}}
}

// createServiceSync has an ops file say what the instances of a service are.
func (h *Handler) createServiceSync(ctx context.Context, c caller, in serviceSyncInput) (any, error) {
	v, err := h.cfg.Store.Service(ctx, in.ServiceName)
	if err != nil {
		return nil, err
	}
	if v.Owner.Repository != "" {
		return nil, conflict("service %s is declared in %s; name its instances in an ops file of that repository", v.Name, v.Owner)
	}
	config := in.config()
	if err := h.startSync(ctx, c, config, false); err != nil {
		return nil, err
	}
	return serviceSyncView(config), nil
}

func (h *Handler) updateServiceSync(ctx context.Context, c caller, in serviceSyncInput) (any, error) {
	config := in.config()
	if err := h.startSync(ctx, c, config, true); err != nil {
		return nil, err
	}
	return serviceSyncView(config), nil
}

func (h *Handler) getServiceSync(ctx context.Context, _ caller, in serviceSyncInput) (any, error) {
	config, err := h.syncConfig(ctx, in.config())
	if err != nil {
		return nil, err
	}
	return serviceSyncView(config), nil
}

func (h *Handler) deleteServiceSync(ctx context.Context, c caller, in serviceSyncInput) (any, error) {
	config, found, err := h.endSync(ctx, c, in.config())
	if err != nil || !found {
		return object{}, err
	}
	return serviceSyncView(config), nil
}
