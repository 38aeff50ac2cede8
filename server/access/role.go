package access

import (
	"maps"
	"slices"
)

// The roles that come with Baryon.
const (
	Viewer           = "viewer"            // reads
	Developer        = "developer"         // deploys services and components with the templates there are
	PlatformEngineer = "platform-engineer" // makes templates and environments, and approves
	Admin            = "admin"             // may do everything, and issues keys
)

// Roles are the policies of the roles by their names. Each may do what those
// before it may.
func Roles() map[string]Policy {
	read := []string{"proton:Get*", "proton:List*", "baryon:Read"}
	develop := slices.Concat(read, []string{
		"proton:CreateService", "proton:UpdateService", "proton:DeleteService",
		"proton:*ServiceInstance", "proton:*ServicePipeline", "proton:CancelServiceInstanceDeployment", "proton:CancelServicePipelineDeployment",
		"proton:*Component", "proton:CancelComponentDeployment",
		"proton:*ServiceSyncConfig", "proton:UpdateServiceSyncBlocker", "proton:NotifyResourceDeploymentStatusChange",
	})
	ours := []string{"*:service/*", "*:component/*"}
	engineer := slices.Concat(read, []string{"proton:*", "iam:PassRole", "baryon:Approve", "baryon:Force", "baryon:Sync", "baryon:Upload"})
	allow := func(resources []string, actions ...string) Statement {
		return Statement{Actions: actions, Resources: resources}
	}
	all := []string{"*"}
	return map[string]Policy{
		Viewer:           {Name: "role " + Viewer, Statements: []Statement{allow(all, read...)}},
		Developer:        {Name: "role " + Developer, Statements: []Statement{allow(all, develop...), allow(ours, "proton:TagResource", "proton:UntagResource")}},
		PlatformEngineer: {Name: "role " + PlatformEngineer, Statements: []Statement{allow(all, engineer...)}},
		Admin:            {Name: "role " + Admin, Statements: []Statement{allow(all, "*")}},
	}
}

// RoleNames are the names of the roles, for messages.
func RoleNames() []string { return slices.Sorted(maps.Keys(Roles())) }

// Own are the actions that AWS Proton did not have.
var own = []string{
	"baryon:Read",       // what /v1 tells beyond the Proton API: status, plans, logs, sources, the audit log
	"baryon:Approve",    // approve and reject what waits for a person
	"baryon:Force",      // abandon, retain, skip, force, force-delete and adopt: what gives infrastructure up or takes it over
	"baryon:Sync",       // look at repositories now
	"baryon:Upload",     // upload bundles
	"baryon:ManageKeys", // list, issue and revoke keys
}
