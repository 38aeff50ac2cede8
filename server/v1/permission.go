package v1

import (
	"net/http"
	"strings"

	"baryon/server/access"
	"baryon/state"
)

// A need is the action that a request takes, and the tail of the name of what
// it acts on. The words are those of the Proton API wherever it has the same.
type need struct{ action, tail string }

const read = "baryon:Read"

// needs says what each route takes. A route that is not here is for
// administrators alone, so that a new one is never open by oversight.
func needs(pattern string, r *http.Request) need {
	method, path, _ := strings.Cut(pattern, " /v1/")
	if place, rest := placeOf(path); place != nil {
		return targetNeed(method, place(r), rest, r.PathValue("verb"))
	}
	template := r.PathValue("kind") + "-template/" + r.PathValue("name")
	named := "EnvironmentTemplate"
	if r.PathValue("kind") == string(state.KindService) {
		named = "ServiceTemplate"
	}
	if v := r.PathValue("version"); v != "" {
		template, named = template+":"+v, named+"Version"
	}
	service := state.ServiceRef(r.PathValue("service")).String()
	table := map[string]need{
		"GET environments": {"proton:ListEnvironments", "*"}, "GET instances": {"proton:ListServiceInstances", "*"},
		"GET pipelines": {"proton:ListServices", "*"}, "GET components": {"proton:ListComponents", "*"},
		"GET services": {"proton:ListServices", "*"}, "GET services/{service}": {"proton:GetService", service},
		"GET services/{service}/instances": {"proton:ListServiceInstances", "*"}, "GET services/{service}/plan": {"proton:GetService", service},
		"GET status": {read, "*"}, "GET version": {read, "*"}, "GET plan": {read, "*"}, "GET why": {read, "*"}, "GET sources": {read, "*"}, "GET audit": {read, "*"},
		"GET policies":     {read, "*"},
		"POST plan":        {read, "*"}, // it changes nothing
		"GET repositories": {read, "*"}, "GET repositories/{name}": {read, "*"}, "GET blockers": {read, "*"}, "GET pulls": {read, "*"},
		"GET events": {read, "*"}, "GET destinations": {read, "*"},
		"GET deployments": {"proton:ListDeployments", "*"}, "GET deployments/{id}": {"proton:GetDeployment", "deployment/" + r.PathValue("id")},
		"GET deployments/{id}/diff": {"proton:GetDeployment", "deployment/" + r.PathValue("id")}, "GET deployments/{id}/log": {"proton:GetDeployment", "deployment/" + r.PathValue("id")},
		"GET templates": {"proton:ListEnvironmentTemplates", "*"}, "GET templates/{kind}/{name}": {"proton:Get" + named, template},
		"GET templates/{kind}/{name}/versions/{version}":          {"proton:Get" + named, template},
		"GET templates/{kind}/{name}/versions/{version}/bundle":   {"proton:Get" + named, template},
		"POST templates/{kind}/{name}/versions/{version}/publish": {"proton:Update" + named, template},
		"POST repositories/{name}/sync":                           {"baryon:Sync", "*"}, "POST sync": {"baryon:Sync", "*"},
		"POST blockers/{id}/resolve": {"proton:UpdateServiceSyncBlocker", "*"},
		"GET keys":                   {"baryon:ManageKeys", "*"}, "POST keys": {"baryon:ManageKeys", "*"}, "POST keys/{id}/revoke": {"baryon:ManageKeys", "*"},
		"POST services/{service}/{verb}": {verbAction(state.KindService, r.PathValue("verb")), service},
	}
	if n, known := table[method+" "+path]; known {
		return n
	}
	return need{"baryon:ManageKeys", "*"}
}

// placeOf is the target that a route is about, and what follows it.
func placeOf(path string) (func(*http.Request) state.Ref, string) {
	for place, ref := range places() {
		if rest, at := strings.CutPrefix(path, place); at && (rest == "" || rest[0] == '/') {
			return ref, rest
		}
	}
	return nil, ""
}

func targetNeed(method string, ref state.Ref, rest, verb string) need {
	if method == http.MethodPost {
		return need{verbAction(ref.Kind, verb), ref.String()}
	}
	if rest != "" {
		return need{read, ref.String()} // what is rendered and planned, and may tell more than the API did
	}
	return need{"proton:Get" + protonNoun(ref.Kind), ref.String()}
}

// protonNoun is what a kind is called in the names of operations. A pipeline is
// read with its service.
func protonNoun(kind state.Kind) string {
	switch kind {
	case state.KindInstance:
		return "ServiceInstance"
	case state.KindService, state.KindPipeline:
		return "Service"
	case state.KindComponent:
		return "Component"
	default:
		return "Environment"
	}
}

// verbAction is the action that a verb takes. What a person is asked for, and
// what gives infrastructure up, are actions of their own: whoever may change a
// thing may not by that approve the change.
func verbAction(kind state.Kind, verb string) string {
	noun := protonNoun(kind)
	if kind == state.KindPipeline {
		noun = "ServicePipeline"
	}
	switch verb {
	case Approve, Reject, Override:
		return "baryon:Approve"
	case Abandon, Retain, ForceDelete, Skip, Force, Adopt:
		return "baryon:Force"
	case Delete:
		if kind == state.KindInstance || kind == state.KindPipeline {
			return "proton:UpdateService" // as Proton takes instances away
		}
		return "proton:Delete" + noun
	case Cancel:
		if kind == state.KindService {
			return "proton:UpdateService"
		}
		return "proton:Cancel" + noun + "Deployment"
	}
	return "proton:Update" + noun
}

// permit asks whether the caller of a request may make it.
func (a *api) permit(pattern string, r *http.Request) error {
	if a.Permit == nil {
		return nil
	}
	n := needs(pattern, r)
	return a.Permit(r, n.action, n.tail)
}

// grant checks what a key is to be good for.
func (a *api) grant(body Request) (state.Key, error) {
	k := state.Key{Why: body.Why, Role: body.Role, Policies: body.Policies}
	if k.Role == "" && len(k.Policies) == 0 {
		k.Role = access.Admin
	}
	if _, known := access.Roles()[k.Role]; k.Role != "" && !known {
		return k, invalid("there is no role "+k.Role, "use one of "+strings.Join(access.RoleNames(), ", "))
	}
	for _, name := range k.Policies {
		known := false
		if a.Policies != nil {
			_, known = a.Policies()[name]
		}
		if !known {
			return k, invalid("there is no policy "+name, "add it under policies in the configuration of the daemon")
		}
	}
	return k, nil
}
