package proton

import (
	"maps"

	"baryon/state"
)

// table is every operation, which a test holds against the published model.
func (h *Handler) table() map[string]operation {
	t := map[string]operation{
		"GetAccountSettings":    on(h.getSettings),
		"UpdateAccountSettings": on(h.updateSettings),
		"GetResourcesSummary":   on(h.getResourcesSummary),

		"CreateEnvironmentAccountConnection": on(h.createConnection),
		"GetEnvironmentAccountConnection":    on(h.getConnection),
		"UpdateEnvironmentAccountConnection": on(h.updateConnection),
		"DeleteEnvironmentAccountConnection": on(h.deleteConnection),
		"AcceptEnvironmentAccountConnection": on(h.acceptConnection),
		"RejectEnvironmentAccountConnection": on(h.rejectConnection),
		"ListEnvironmentAccountConnections":  on(h.listConnections),

		"CreateRepository": on(h.createRepository),
		"GetRepository":    on(h.getRepository),
		"DeleteRepository": on(h.deleteRepository),
		"ListRepositories": on(h.listRepositories),

		"TagResource":         on(h.tagResource),
		"UntagResource":       on(h.untagResource),
		"ListTagsForResource": on(h.listTags),

		"GetDeployment":    on(h.getDeployment),
		"ListDeployments":  on(h.listDeployments),
		"DeleteDeployment": on(h.deleteDeployment),
		notifyOperation:    on(h.notify),
	}
	maps.Copy(t, h.templateTable())
	maps.Copy(t, h.syncTable())
	maps.Copy(t, h.targetTable())
	return t
}

// templateTable are the operations of templates, twice the same.
func (h *Handler) templateTable() map[string]operation {
	environments, services := environmentTemplates(), serviceTemplates()
	return map[string]operation{
		"CreateEnvironmentTemplate":        h.createTemplate(environments),
		"UpdateEnvironmentTemplate":        h.updateTemplate(environments),
		"DeleteEnvironmentTemplate":        h.deleteTemplate(environments),
		"CreateEnvironmentTemplateVersion": h.createVersion(environments),
		"UpdateEnvironmentTemplateVersion": h.updateVersion(environments),
		"DeleteEnvironmentTemplateVersion": h.deleteVersion(environments),
		"CreateServiceTemplate":            h.createTemplate(services),
		"UpdateServiceTemplate":            h.updateTemplate(services),
		"DeleteServiceTemplate":            h.deleteTemplate(services),
		"CreateServiceTemplateVersion":     h.createVersion(services),
		"UpdateServiceTemplateVersion":     h.updateVersion(services),
		"DeleteServiceTemplateVersion":     h.deleteVersion(services),

		"GetEnvironmentTemplate":          h.getTemplate(environments),
		"ListEnvironmentTemplates":        h.listTemplates(environments),
		"GetEnvironmentTemplateVersion":   h.getVersion(environments),
		"ListEnvironmentTemplateVersions": h.listVersions(environments),

		"GetServiceTemplate":          h.getTemplate(services),
		"ListServiceTemplates":        h.listTemplates(services),
		"GetServiceTemplateVersion":   h.getVersion(services),
		"ListServiceTemplateVersions": h.listVersions(services),
	}
}

// targetTable are the operations of what is deployed.
func (h *Handler) targetTable() map[string]operation {
	return map[string]operation{
		"CreateEnvironment":                   on(h.createEnvironment),
		"UpdateEnvironment":                   on(h.updateEnvironment),
		"DeleteEnvironment":                   on(h.deleteEnvironment),
		"CancelEnvironmentDeployment":         on(h.cancelEnvironment),
		"GetEnvironment":                      on(h.getEnvironment),
		"ListEnvironments":                    on(h.listEnvironments),
		"ListEnvironmentOutputs":              h.listOutputs(state.KindEnvironment),
		"ListEnvironmentProvisionedResources": h.listResources(state.KindEnvironment),

		"CreateService": on(h.createService),
		"UpdateService": on(h.updateService),
		"DeleteService": on(h.deleteService),
		"GetService":    on(h.getService),
		"ListServices":  on(h.listServices),

		"CreateServiceInstance":                   on(h.createInstance),
		"UpdateServiceInstance":                   on(h.updateInstance),
		"CancelServiceInstanceDeployment":         on(h.cancelInstance),
		"GetServiceInstance":                      on(h.getInstance),
		"ListServiceInstances":                    on(h.listInstances),
		"ListServiceInstanceOutputs":              h.listOutputs(state.KindInstance),
		"ListServiceInstanceProvisionedResources": h.listResources(state.KindInstance),

		"UpdateServicePipeline":                   on(h.updatePipeline),
		"CancelServicePipelineDeployment":         on(h.cancelPipeline),
		"ListServicePipelineOutputs":              h.listOutputs(state.KindPipeline),
		"ListServicePipelineProvisionedResources": h.listResources(state.KindPipeline),

		"CreateComponent":                   on(h.createComponent),
		"UpdateComponent":                   on(h.updateComponent),
		"DeleteComponent":                   on(h.deleteComponent),
		"CancelComponentDeployment":         on(h.cancelComponent),
		"GetComponent":                      on(h.getComponent),
		"ListComponents":                    on(h.listComponents),
		"ListComponentOutputs":              h.listOutputs(state.KindComponent),
		"ListComponentProvisionedResources": h.listResources(state.KindComponent),
	}
}

// syncTable are the operations of what follows repositories.
func (h *Handler) syncTable() map[string]operation {
	return map[string]operation{
		"CreateTemplateSyncConfig": on(h.createTemplateSync),
		"GetTemplateSyncConfig":    on(h.getTemplateSync),
		"UpdateTemplateSyncConfig": on(h.updateTemplateSync),
		"DeleteTemplateSyncConfig": on(h.deleteTemplateSync),
		"GetTemplateSyncStatus":    on(h.getTemplateSyncStatus),

		"CreateServiceSyncConfig": on(h.createServiceSync),
		"GetServiceSyncConfig":    on(h.getServiceSync),
		"UpdateServiceSyncConfig": on(h.updateServiceSync),
		"DeleteServiceSyncConfig": on(h.deleteServiceSync),

		"GetServiceInstanceSyncStatus": on(h.getInstanceSyncStatus),
		"GetServiceSyncBlockerSummary": on(h.getBlockers),
		"UpdateServiceSyncBlocker":     on(h.resolveBlocker),

		"GetRepositorySyncStatus":       on(h.getRepositorySyncStatus),
		"ListRepositorySyncDefinitions": on(h.listSyncDefinitions),
	}
}
