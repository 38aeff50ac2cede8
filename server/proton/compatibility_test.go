package proton

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/server/proton/model"
)

var rewrite = flag.Bool("update", false, "rewrite docs/proton-compatibility.md")

// everywhere holds for all operations.
const everywhere = `# What of AWS Proton's API is answered

Written by ` + "`go test ./server/proton -run Compatibility -update`" + ` from the dispatch table. An operation without a note is meant to
answer as AWS Proton did; where it does not, that is a mistake worth reporting.

What holds for all of them:

- Members that the published model does not have are refused, with the names of those it has; AWS ignored them. The clients of AWS
  never send any, and a misspelt member that is ignored would look as if it had taken effect.
- What a repository declares is changed as its owner_conflict says: behind a blocker, as of service sync, which keeps the change until
  it is resolved; not at all, with a ConflictException that names the file; or by a commit to the repository, which is deployed, or
  a pull request, which is IN_PROGRESS until it is merged and FAILED when it is closed. What cannot be committed exactly, or is not
  taken, is a ConflictException too. [owner-conflict.md](owner-conflict.md) has each call.
- A change that waits for a person, or for something else, shows the status from before with the reason as its message; one
  that is accepted and has not begun shows IN_PROGRESS.
- While the daemon has no token it answers on the loopback alone, and any signature, or none, is accepted. With a token a call
  is signed with a key from ` + "`baryon keys create`" + `, or brings the token as ` + "`Authorization: Bearer TOKEN`" + `, as ` + "`baryon aws-shim`" + `
  does. A signature covers the body and stands in the header, not in the query of the address. Keys have no session tokens. What a key may call is said by its role and policies.
- Regions and accounts in resource names that callers send are not compared with the daemon's own, so that names that stand in
  pipelines and templates from before go on to be good.
- Quotas are those of AWS Proton, and are raised by instances and quota of the configuration, not by AWS.

| Operation | Answered | Differs from AWS Proton |
| --- | --- | --- |
`

const provisionedResources = "Of CloudFormation the stack, once it was deployed, as before. Of Terraform one resource, whose identifier is the name that its state is kept under: AWS did not say what it held."

// differences say where an answer is another one than Proton's, and why.
var differences = map[string]string{
	"CancelComponentDeployment":          "A creation can be cancelled too. Commands that ran are not undone. What waits for a pull request is taken back.",
	"CancelEnvironmentDeployment":        "A creation can be cancelled too. Commands that ran are not undone. What waits for a pull request is taken back.",
	"CancelServiceInstanceDeployment":    "A creation can be cancelled too. Commands that ran are not undone. What waits for a pull request is taken back.",
	"CancelServicePipelineDeployment":    "A creation can be cancelled too. Commands that ran are not undone. What waits for a pull request is taken back.",
	"CreateComponent":                    "A manifest may say `codebuild` where the configuration says api_commands. A componentRoleArn of the environment is not asked for.",
	"CreateEnvironment":                  "No role and no connection is needed where the daemon itself runs the engine.",
	"CreateEnvironmentAccountConnection": "One daemon stands for both accounts; the environment's is read from the roles.",
	"CreateRepository":                   "The connection is kept as given; the daemon reads Git with the credentials of its own configuration.",
	"CreateService":                      "Environments must have been deployed once. A failed creation is not cleaned up by itself.",
	"CreateServiceInstance":              "Without a version the service's own is used. One that waits for a pull request is answered by GetServiceInstance, and not listed.",
	"CreateServiceSyncConfig":            "Where the repository is, and its credentials, come from the daemon's configuration: docs/configuration.md, links. The service must exist.",
	"CreateTemplateSyncConfig":           "Where the repository is, and its credentials, come from the daemon's configuration: docs/configuration.md, links.",
	"GetRepositorySyncStatus":            "QUEUED and IN_PROGRESS do not occur: an attempt is written when it has ended.",
	"GetTemplateSyncStatus":              "Templates of the repositories in the daemon's configuration have one as well.",
	"GetServiceInstanceSyncStatus":       "An instance that no ops file has named is a ResourceNotFoundException. The directory of a revision is the path of the spec: AWS did not say what it holds.",
	"ListRepositorySyncDefinitions":      "The target is the tail of a resource name, the parent the repository: AWS did not say what they hold.",
	"DeleteDeployment":                   "The last deployment of what is still there cannot be deleted.",
	"DeleteServiceTemplateVersion":       "A version that a repository holds is registered again by the next sync when it was the last of its major.",
	"DeleteEnvironmentTemplateVersion":   "A version that a repository holds is registered again by the next sync when it was the last of its major.",
	"GetAccountSettings":                 "Roles that are not set are empty texts.",
	"GetDeployment":                      "The environment of a pipeline's deployment is that of its first instance; AWS required the member and did not say what it holds.",
	"ListDeployments":                    "The environment of a pipeline's deployment is that of its first instance; environmentName does not select it.",
	"ListEnvironmentAccountConnections":  "requestedBy selects nothing, since one daemon stands for both accounts.",
	"ListEnvironmentTemplateVersions":    "Without majorVersion all versions are listed.",
	"ListServiceTemplateVersions":        "Without majorVersion all versions are listed.",
	"ListComponentProvisionedResources":  provisionedResources, "ListEnvironmentProvisionedResources": provisionedResources,
	"ListServiceInstanceProvisionedResources": provisionedResources, "ListServicePipelineProvisionedResources": provisionedResources,
	"ListServiceInstances": "The values of the filter deployedTemplateVersionStatus are UP_TO_DATE, BEHIND_MINOR and BEHIND_MAJOR: " +
		"those of AWS were never published.",
	"ListTagsForResource": "The tags that AWS managed are listed as well.",
	"NotifyResourceDeploymentStatusChange": "Outputs of several reports on one deployment add up, and a later one of the same key wins. " +
		"A report on a deployment that has ended is a ConflictException, unless it says the same again.",
	"UpdateAccountSettings": "The settings are kept and answered; pipelines are provisioned by the daemon's engines with its own credentials.",
	"UpdateComponent":       "As CreateComponent.",
	"UpdateEnvironmentAccountConnection": "Environments that use the connection take its new roles with their next UpdateEnvironment " +
		"that names it.",
	"UpdateService":                "New instances get the service's version. A failed creation is not cleaned up by itself.",
	"GetServiceSyncBlockerSummary": "Blockers of environments and components that a repository declares are shown by `baryon blockers` alone.",
	"UpdateServiceSyncBlocker":     "What Git says is put back at once, not with the next push. Of a blocker of an environment or a component the serviceName is the name of that.",
	"UpdateServiceInstance":        "The pipeline follows when what it renders changes; AWS left it alone.",
}

// TestCompatibilityIsWritten holds docs/proton-compatibility.md against the
// dispatch table.
func TestCompatibilityIsWritten(t *testing.T) {
	t.Parallel()
	m, err := model.Load()
	if err != nil {
		t.Fatal(err)
	}
	table := (&Handler{model: m}).table()
	for name := range table {
		if _, known := m.Operations[name]; !known {
			t.Errorf("AWS Proton has no operation %s", name)
		}
	}
	for name := range differences {
		if table[name] == nil {
			t.Errorf("%s is said to differ and is not answered", name)
		}
	}
	var text strings.Builder
	text.WriteString(everywhere)
	for _, name := range slices.Sorted(maps.Keys(m.Operations)) {
		answered := "as AWS Proton"
		switch {
		case table[name] == nil:
			t.Errorf("%s is not answered", name)
		case differences[name] != "":
			answered = "differs"
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", name, answered, differences[name])
	}
	fmt.Fprintf(&text, "\n%d of %d operations are answered.\n", len(table), len(m.Operations))
	path := filepath.Join("..", "..", "docs", "proton-compatibility.md")
	if *rewrite {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text.String(), string(got)); diff != "" {
		t.Errorf("run with -update (-want +got):\n%s", diff)
	}
}
