package proton

import (
	"context"
	"errors"
	"strings"

	"baryon/renderer"
	"baryon/server/access"
	"baryon/state"
)

// resourceOf names the resource that each operation acts on: the tail of its
// name, with members of the request in braces. A * stands for operations that
// act on no resource, as AWS has it: a policy allows them as a whole or not.
var resourceOf = map[string]string{
	"GetAccountSettings": "*", "UpdateAccountSettings": "*", "GetResourcesSummary": "*",

	"CreateEnvironmentAccountConnection": "environment-account-connection/*",
	"GetEnvironmentAccountConnection":    "environment-account-connection/{id}",
	"UpdateEnvironmentAccountConnection": "environment-account-connection/{id}",
	"DeleteEnvironmentAccountConnection": "environment-account-connection/{id}",
	"AcceptEnvironmentAccountConnection": "environment-account-connection/{id}",
	"RejectEnvironmentAccountConnection": "environment-account-connection/{id}",
	"ListEnvironmentAccountConnections":  "*",

	"CreateRepository": "repository/{provider}:{name}", "GetRepository": "repository/{provider}:{name}",
	"DeleteRepository": "repository/{provider}:{name}", "ListRepositories": "*",
	"GetRepositorySyncStatus":       "repository/{repositoryProvider}:{repositoryName}",
	"ListRepositorySyncDefinitions": "repository/{repositoryProvider}:{repositoryName}",

	"TagResource": "{resourceArn}", "UntagResource": "{resourceArn}", "ListTagsForResource": "{resourceArn}",
	notifyOperation: "{resourceArn}",

	"GetDeployment": "deployment/{id}", "DeleteDeployment": "deployment/{id}", "ListDeployments": "*",

	"CreateEnvironmentTemplate": "environment-template/{name}", "GetEnvironmentTemplate": "environment-template/{name}",
	"UpdateEnvironmentTemplate": "environment-template/{name}", "DeleteEnvironmentTemplate": "environment-template/{name}",
	"ListEnvironmentTemplates":         "*",
	"CreateEnvironmentTemplateVersion": "environment-template/{templateName}",
	"GetEnvironmentTemplateVersion":    "environment-template/{templateName}:{majorVersion}.{minorVersion}",
	"UpdateEnvironmentTemplateVersion": "environment-template/{templateName}:{majorVersion}.{minorVersion}",
	"DeleteEnvironmentTemplateVersion": "environment-template/{templateName}:{majorVersion}.{minorVersion}",
	"ListEnvironmentTemplateVersions":  "environment-template/{templateName}",

	"CreateServiceTemplate": "service-template/{name}", "GetServiceTemplate": "service-template/{name}",
	"UpdateServiceTemplate": "service-template/{name}", "DeleteServiceTemplate": "service-template/{name}",
	"ListServiceTemplates":         "*",
	"CreateServiceTemplateVersion": "service-template/{templateName}",
	"GetServiceTemplateVersion":    "service-template/{templateName}:{majorVersion}.{minorVersion}",
	"UpdateServiceTemplateVersion": "service-template/{templateName}:{majorVersion}.{minorVersion}",
	"DeleteServiceTemplateVersion": "service-template/{templateName}:{majorVersion}.{minorVersion}",
	"ListServiceTemplateVersions":  "service-template/{templateName}",

	"CreateTemplateSyncConfig": "{templateType}-template/{templateName}", "GetTemplateSyncConfig": "{templateType}-template/{templateName}",
	"UpdateTemplateSyncConfig": "{templateType}-template/{templateName}", "DeleteTemplateSyncConfig": "{templateType}-template/{templateName}",
	"GetTemplateSyncStatus": "{templateType}-template/{templateName}",

	"CreateEnvironment": "environment/{name}", "GetEnvironment": "environment/{name}",
	"UpdateEnvironment": "environment/{name}", "DeleteEnvironment": "environment/{name}",
	"CancelEnvironmentDeployment": "environment/{environmentName}", "ListEnvironments": "*",
	"ListEnvironmentOutputs": "environment/{environmentName}", "ListEnvironmentProvisionedResources": "environment/{environmentName}",

	"CreateService": "service/{name}", "GetService": "service/{name}", "UpdateService": "service/{name}", "DeleteService": "service/{name}",
	"ListServices":            "*",
	"CreateServiceSyncConfig": "service/{serviceName}", "GetServiceSyncConfig": "service/{serviceName}",
	"UpdateServiceSyncConfig": "service/{serviceName}", "DeleteServiceSyncConfig": "service/{serviceName}",
	"GetServiceInstanceSyncStatus": "service/{serviceName}/service-instance/{serviceInstanceName}",
	"GetServiceSyncBlockerSummary": "service/{serviceName}/service-instance/{serviceInstanceName}",
	"UpdateServiceSyncBlocker":     "blocker {id}",

	"CreateServiceInstance":                   "service/{serviceName}/service-instance/{name}",
	"GetServiceInstance":                      "service/{serviceName}/service-instance/{name}",
	"UpdateServiceInstance":                   "service/{serviceName}/service-instance/{name}",
	"CancelServiceInstanceDeployment":         "service/{serviceName}/service-instance/{serviceInstanceName}",
	"ListServiceInstances":                    "*",
	"ListServiceInstanceOutputs":              "service/{serviceName}/service-instance/{serviceInstanceName}",
	"ListServiceInstanceProvisionedResources": "service/{serviceName}/service-instance/{serviceInstanceName}",

	"UpdateServicePipeline":                   "service/{serviceName}/pipeline",
	"CancelServicePipelineDeployment":         "service/{serviceName}/pipeline",
	"ListServicePipelineOutputs":              "service/{serviceName}/pipeline",
	"ListServicePipelineProvisionedResources": "service/{serviceName}/pipeline",

	"CreateComponent": "component/{name}", "GetComponent": "component/{name}",
	"UpdateComponent": "component/{name}", "DeleteComponent": "component/{name}",
	"CancelComponentDeployment": "component/{componentName}", "ListComponents": "*",
	"ListComponentOutputs": "component/{componentName}", "ListComponentProvisionedResources": "component/{componentName}",
}

// permitted lets a call pass that its caller may make. Only the holders of keys
// have policies; what deployments may do is said in auth.go.
func (h *Handler) permitted(ctx context.Context, c caller, name string, in map[string]any) error {
	if c.key == nil {
		return nil
	}
	tail, err := h.resource(ctx, name, in)
	if err != nil {
		return err
	}
	err = h.cfg.Guard.Check(ctx, *c.key, "proton:"+name, tail, h.asked(ctx, name, in))
	for _, role := range rolesIn(in) {
		if err == nil { // as AWS does, so that nobody lends out a role that is not theirs
			err = h.cfg.Guard.Check(ctx, *c.key, "iam:PassRole", role, map[string][]string{access.PassedToService: {"proton.amazonaws.com"}})
		}
	}
	if denied, ok := errors.AsType[*access.Denied](err); ok {
		return forbidden("%s", denied.Error())
	}
	return err
}

// forbidden is the exception for what somebody may not do.
func forbidden(format string, args ...any) *Error { return exception(accessDenied, format, args...) }

// resource is the tail of the name of what a call acts on, spelled in the one
// way that policies are held against.
func (h *Handler) resource(ctx context.Context, name string, in map[string]any) (string, error) {
	form := resourceOf[name]
	if id, isBlocker := strings.CutPrefix(form, "blocker {id}"); isBlocker && id == "" {
		return h.blocked(ctx, textIn(in, "id"))
	}
	var b strings.Builder
	for form != "" {
		before, rest, found := strings.Cut(form, "{")
		b.WriteString(before)
		if !found {
			break
		}
		member, after, _ := strings.Cut(rest, "}")
		value := textIn(in, member)
		switch member {
		case "resourceArn":
			tail, err := h.tail(value)
			if err != nil {
				return "", err
			}
			value = tail
		case "provider", "repositoryProvider", "templateType":
			value = strings.ToLower(value)
		}
		b.WriteString(value)
		form = after
	}
	tail := strings.TrimSuffix(b.String(), "/service-instance/") // the instance is optional in one operation
	if ref, err := state.ParseRef(tail); err == nil && ref.Kind != state.KindRepository {
		tail = ref.String()
	}
	return tail, nil
}

// blocked names what a blocker stops.
func (h *Handler) blocked(ctx context.Context, id string) (string, error) {
	b, err := h.cfg.Store.Blocker(ctx, id)
	switch {
	case isMissing(err):
		return "*", nil
	case err != nil:
		return "", err
	case b.Instance == "":
		return state.ServiceRef(b.Service).String(), nil
	}
	return state.InstanceRef(b.Service, b.Instance).String(), nil
}

// asked are the values of condition keys that a request tells.
func (h *Handler) asked(ctx context.Context, name string, in map[string]any) map[string][]string {
	values := map[string][]string{}
	tags, _ := in["tags"].([]any)
	for _, t := range tags {
		one, _ := t.(map[string]any)
		key := textIn(one, "key")
		values[access.TagKeys] = append(values[access.TagKeys], key)
		values[access.RequestTag+strings.ToLower(key)] = []string{textIn(one, "value")}
	}
	keys, _ := in["tagKeys"].([]any)
	for _, k := range keys {
		if key, ok := k.(string); ok {
			values[access.TagKeys] = append(values[access.TagKeys], key)
		}
	}
	switch template := textIn(in, "templateName"); name {
	case "CreateEnvironment":
		values[access.EnvironmentTemplate] = []string{h.arn("environment-template/" + template)}
	case "CreateService":
		values[access.ServiceTemplate] = []string{h.arn("service-template/" + template)}
	}
	if places := h.environmentsIn(ctx, name, in); len(places) > 0 {
		values[access.Environment] = places
	}
	return values
}

// environmentsIn are the environments that a request would deploy to, as far as
// it says so itself.
func (h *Handler) environmentsIn(ctx context.Context, name string, in map[string]any) []string {
	if place := textIn(in, "environmentName"); place != "" {
		return []string{h.arn("environment/" + place)}
	}
	if instance := textIn(in, "serviceInstanceName"); instance != "" { // a component goes where its instance is
		t, err := h.cfg.Store.Target(ctx, state.InstanceRef(textIn(in, "serviceName"), instance))
		if err == nil {
			return []string{h.arn("environment/" + t.Desired.Environment)}
		}
	}
	one := ""
	switch name {
	case "CreateService", "UpdateService":
	case "CreateServiceInstance":
		one = textIn(in, "name")
	default:
		return nil
	}
	doc, problems := renderer.ParseOne("spec", []byte(textIn(in, "spec")), renderer.Limits{})
	if problems.Failed() {
		return nil // nothing comes of the call
	}
	var places []string
	if list := doc.Get("instances"); list != nil {
		for _, item := range list.Items {
			at, called := item.Get("environment"), item.Get("name")
			if at != nil && (one == "" || called != nil && called.Text == one) {
				places = append(places, h.arn("environment/"+at.Text))
			}
		}
	}
	return places
}

// rolesIn are the roles that a request hands on.
func rolesIn(in map[string]any) []string {
	var roles []string
	for _, member := range []string{
		"protonServiceRoleArn", "codebuildRoleArn", "componentRoleArn", "roleArn", "pipelineServiceRoleArn", "pipelineCodebuildRoleArn",
	} {
		if role := textIn(in, member); strings.HasPrefix(role, "arn:") {
			roles = append(roles, role)
		}
	}
	return roles
}

func textIn(in map[string]any, member string) string {
	text, _ := in[member].(string)
	return text
}
