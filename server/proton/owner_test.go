package proton_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/gitsource/gittest"
	"baryon/reconciler"
	"baryon/reconciler/looptest"
	"baryon/server/proton"
	"baryon/state"
)

// An ownerRow is a call that changes something which a repository declares, and
// what it comes to by the repository's owner_conflict: with blocker, refuse and
// write-back. Each is one of
//
//	no MESSAGE          a ConflictException that says this; nothing changes
//	ok                  it is done, and is no affair of Git
//	block REF           it is done behind a blocker on REF
//	commit PATH: TEXT   it is a commit after which PATH holds TEXT
//	commit PATH         it is a commit after which PATH is gone
type ownerRow struct {
	call, what string // what tells apart what one operation may change
	body       map[string]any
	ways       [3]string
	gone       state.Ref // what is deleted in the end
	deployed   string    // "REF TEXT": the spec with which REF is deployed in the end
}

// ownerWays are the columns of the table.
var ownerWays = []string{reconciler.ConflictBlocker, reconciler.ConflictRefuse, reconciler.ConflictWriteBack} //nolint:gochecknoglobals // a constant

const ownerSize = "proton: EnvironmentSpec\nspec: {size: b}\n"

// serviceSpec is a ServiceSpec with instances NAME=SIZE.
func serviceSpec(pipeline string, instances ...string) string {
	text := "proton: ServiceSpec\npipeline: {size: " + pipeline + "}\ninstances:\n"
	for _, i := range instances {
		name, size, _ := strings.Cut(i, "=")
		text += "  - {name: " + name + ", environment: prod, spec: {size: " + size + "}}\n"
	}
	return text
}

func ownerRows() []ownerRow {
	const declared = "no is declared in main:"
	all := func(way string) [3]string { return [3]string{way, way, way} }
	type m = map[string]any
	return []ownerRow{
		{call: "UpdateEnvironment", what: "spec", body: m{"name": "spec", "deploymentType": "CURRENT_VERSION", "spec": ownerSize},
			ways:     [3]string{"block environment/spec", declared + "spec.yaml", "commit spec.yaml: # ours\nspec: {size: b}"},
			deployed: "environment/spec size: b"},
		{call: "UpdateEnvironment", what: "description", body: m{"name": "described", "deploymentType": "NONE", "description": "ours"},
			ways: [3]string{"no how environment/described is described stands in main:described.yaml", declared + "described.yaml", `commit described.yaml: description: "ours"} # ours`}},
		{call: "UpdateEnvironment", what: "role", body: m{"name": "role", "deploymentType": "CURRENT_VERSION", "componentRoleArn": "arn:aws:iam::123456789012:role/x"},
			ways: [3]string{"block environment/role", declared + "role.yaml", `commit role.yaml: componentRole: "arn:aws:iam::123456789012:role/x"`}},
		{call: "UpdateEnvironment", what: "minor version", body: m{"name": "minor", "deploymentType": "MINOR_VERSION", "templateMinorVersion": "0"},
			ways: [3]string{"block environment/minor", declared + "minor.yaml", `commit minor.yaml: version: "1.0"`}},
		{call: "UpdateEnvironment", what: "major version", body: m{"name": "major", "deploymentType": "MAJOR_VERSION", "templateMajorVersion": "2"},
			ways: [3]string{"block environment/major", declared + "major.yaml", `commit major.yaml: version: "2.0"`}},
		{call: "DeleteEnvironment", body: m{"name": "doomed"}, gone: state.EnvironmentRef("doomed"),
			ways: [3]string{"block environment/doomed", declared + "doomed.yaml", "commit doomed.yaml"}},
		{call: "CreateEnvironment", what: "a name that is declared", body: m{"name": "spec", "templateName": "net", "templateMajorVersion": "1", "spec": ownerSize},
			ways: all("no environment/spec exists already: it is declared in main:spec.yaml")},

		{call: "UpdateServiceInstance", what: "spec", body: m{"name": "eu", "serviceName": "one", "deploymentType": "CURRENT_VERSION", "spec": serviceSpec("b", "eu=b", "us=b")},
			ways:     [3]string{"block service/one/service-instance/eu", declared + "one.yaml", "commit one.yaml: - name: eu   # in prod\n    environment: prod\n    spec: {size: b}\n  - name: us   # in prod\n    environment: prod\n    spec: {size: a}"},
			deployed: "service/one/service-instance/eu size: b"},
		{call: "UpdateServiceInstance", what: "version", body: m{"name": "eu", "serviceName": "pinned", "deploymentType": "MINOR_VERSION", "templateMinorVersion": "0"},
			ways: [3]string{"block service/pinned/service-instance/eu", declared + "pinned.yaml", "commit pinned.yaml: pins:\n    eu: \"1.0\""}},
		{call: "UpdateServicePipeline", what: "spec", body: m{"serviceName": "piped", "deploymentType": "CURRENT_VERSION", "spec": serviceSpec("b", "eu=b")},
			ways:     [3]string{"block service/piped/pipeline", declared + "piped.yaml", "commit piped.yaml: pipeline: {size: b}\ninstances:\n  - name: eu   # in prod\n    environment: prod\n    spec: {size: a}"},
			deployed: "service/piped/pipeline pipeline: {size: b}"},
		{call: "CreateServiceInstance", body: m{"name": "us", "serviceName": "more", "spec": serviceSpec("a", "eu=a", "us=b")},
			ways:     [3]string{"block service/more/service-instance/us", declared + "more.yaml", "commit more.yaml:   - {name: us, environment: prod, spec: {size: b}}"},
			deployed: "service/more/service-instance/us size: b"},
		{call: "CreateServiceInstance", what: "of another version", body: m{"name": "us", "serviceName": "older", "spec": serviceSpec("a", "us=b"), "templateMajorVersion": "1", "templateMinorVersion": "0"},
			ways: [3]string{"block service/older/service-instance/us", declared + "older.yaml", "commit older.yaml: pins:\n    us: \"1.0\""}},
		{call: "UpdateService", what: "an instance more", body: m{"name": "grows", "spec": serviceSpec("a", "eu=a", "us=b")},
			ways:     [3]string{"block service/grows/service-instance/us", declared + "grows.yaml", "commit grows.yaml: spec: {size: a}\n  - {name: us, environment: prod, spec: {size: b}}"},
			deployed: "service/grows/service-instance/us size: b"},
		{call: "UpdateService", what: "an instance less", body: m{"name": "shrinks", "spec": serviceSpec("a", "eu=a")}, gone: state.InstanceRef("shrinks", "us"),
			ways: [3]string{"block service/shrinks", declared + "shrinks.yaml", "commit shrinks.yaml: instances:\n  - name: eu   # in prod\n    environment: prod\n    spec: {size: a}"}},
		{call: "UpdateService", what: "description", body: m{"name": "told", "description": "ours"},
			ways: [3]string{"no how service/told is described stands in main:told.yaml", declared + "told.yaml", "commit told.yaml: description: \"ours\"\npipeline:"}},
		{call: "DeleteService", body: m{"name": "ends"}, gone: state.InstanceRef("ends", "eu"),
			ways: [3]string{"block service/ends", declared + "both.yaml", "commit both.yaml: # Of both.\n---\n# Of stays."}},
		{call: "CreateService", what: "a name that is declared",
			body: m{"name": "one", "templateName": "web", "templateMajorVersion": "1", "spec": serviceSpec("a", "eu=a"), "repositoryId": "acme/one", "branchName": "main", "repositoryConnectionArn": "arn:aws:codestar-connections:us-east-1:000000000000:connection/1"},
			ways: all("no service/one exists already: it is declared in main:one.yaml")},

		{call: "UpdateComponent", what: "template file", body: m{"name": "queue", "deploymentType": "CURRENT_VERSION", "templateFile": "Resources: {Other: {Type: 'AWS::SQS::Queue'}}\n"},
			ways: [3]string{"block component/queue", declared + "parts/queue.yaml", "commit parts/queue/c.yaml: Resources: {Other: {Type: 'AWS::SQS::Queue'}}"}},
		{call: "UpdateComponent", what: "description", body: m{"name": "queue2", "deploymentType": "NONE", "description": "ours"},
			ways: [3]string{"no how component/queue2 is described stands in main:parts/queue2.yaml", declared + "parts/queue2.yaml", `commit parts/queue2.yaml: description: "ours"`}},
		{call: "UpdateComponent", what: "attachment",
			body: m{"name": "queue3", "deploymentType": "CURRENT_VERSION", "serviceName": "attaches", "serviceInstanceName": "eu", "serviceSpec": serviceSpec("a", "eu=a")},
			ways: [3]string{"block component/queue3", declared + "parts/queue3.yaml", "commit parts/queue3.yaml: service: \"attaches\", instance: \"eu\"}\nproton: ServiceSpec\n"}},
		{call: "DeleteComponent", body: m{"name": "queue4"}, gone: state.ComponentRef("queue4"),
			ways: [3]string{"block component/queue4", declared + "parts/queue4.yaml", "commit parts/queue4.yaml"}},
		{call: "CreateComponent", what: "a name that is declared",
			body: m{"name": "queue", "environmentName": "prod", "manifest": "infrastructure: {templates: [{file: c.yaml, rendering_engine: jinja, template_language: cloudformation}]}", "templateFile": "Resources: {T: {Type: 'AWS::SNS::Topic'}}"},
			ways: all(declared + "parts/queue.yaml")},

		{call: "UpdateEnvironmentTemplate", what: "name and description", body: m{"name": "net", "description": "ours"}, ways: all("ok")},
		{call: "UpdateServiceTemplate", what: "name and description", body: m{"name": "web", "displayName": "Web"}, ways: all("ok")},
		{call: "UpdateEnvironmentTemplateVersion", what: "description, status", body: m{"templateName": "net", "majorVersion": "1", "minorVersion": "0", "description": "first", "status": "PUBLISHED"}, ways: all("ok")},
		{call: "UpdateServiceTemplateVersion", what: "description, status, what fits it",
			body: m{"templateName": "web", "majorVersion": "1", "minorVersion": "0", "compatibleEnvironmentTemplates": []m{{"templateName": "net", "majorVersion": "1"}}}, ways: all("ok")},
		{call: "TagResource", body: m{"resourceArn": arnPrefix + "environment/prod", "tags": []m{{"key": "a", "value": "b"}}}, ways: all("ok")},
		{call: "UntagResource", body: m{"resourceArn": arnPrefix + "environment/prod", "tagKeys": []string{"a"}}, ways: all("ok")},
		{call: "CreateServiceSyncConfig", body: m{"serviceName": "one", "repositoryProvider": "GITHUB", "repositoryName": "acme/platform", "branch": "main", "filePath": "ops.yaml"}, ways: all(declared + "one.yaml")},
		{call: "CreateTemplateSyncConfig", body: m{"templateName": "net", "templateType": "ENVIRONMENT", "repositoryProvider": "GITHUB", "repositoryName": "acme/platform", "branch": "main"},
			ways: all("no is registered from the repository main")},
		{call: "CancelEnvironmentDeployment", body: m{"environmentName": "prod"}, ways: all("no no deployment is under way")},
		{call: "CancelServiceInstanceDeployment", body: m{"serviceName": "one", "serviceInstanceName": "us"}, ways: all("no no deployment is under way")},
		{call: "CancelServicePipelineDeployment", body: m{"serviceName": "one"}, ways: all("no no deployment is under way")},
		{call: "CancelComponentDeployment", body: m{"componentName": "queue5"}, ways: all("no no deployment is under way")},
	}
}

// ownerFiles declare what the rows change.
func ownerFiles() map[string]string {
	files := map[string]string{"both.yaml": "# Of both.\n---\n" + gitService("ends", "eu") + "---\n# Of stays.\n" + gitService("stays", "eu")}
	for _, name := range []string{"prod", "spec", "described", "role", "minor", "major", "doomed"} {
		files[name+".yaml"] = gitEnvironment(name)
	}
	for _, name := range []string{"pinned", "piped", "more", "older", "grows", "told", "attaches"} {
		files[name+".yaml"] = gitService(name, "eu")
	}
	for _, name := range []string{"one", "shrinks"} {
		files[name+".yaml"] = gitService(name, "eu", "us")
	}
	for _, name := range []string{"queue", "queue2", "queue3", "queue4", "queue5"} {
		files["parts/"+name+".yaml"] = "baryon: {component: " + name + ", environment: prod, files: ./" + name + "}\n"
		files["parts/"+name+"/manifest.yaml"] = "infrastructure:\n  templates:\n    - {file: c.yaml, rendering_engine: jinja, template_language: cloudformation}\n"
		files["parts/"+name+"/c.yaml"] = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}\n"
	}
	for _, file := range []string{"schema/schema.yaml", "infrastructure/manifest.yaml"} {
		files["net/v2/"+file] = gitTemplates["net/v1/"+file]
	}
	return files
}

// TestOwnerConflicts makes each call in each of the ways, and then has Git say
// something again.
func TestOwnerConflicts(t *testing.T) {
	t.Parallel()
	for column, way := range ownerWays {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			w := newGitWorld(t, reconciler.Repository{OwnerConflict: way}, ownerFiles())
			w.minors(t)
			w.must(t, "CreateRepository", `{"provider":"GITHUB","name":"acme/platform","connectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/1"}`)
			w.ownerRows(t, column)
			w.reclaimed(t, way)
		})
	}
	t.Run("pull-request", func(t *testing.T) {
		t.Parallel()
		w := newForgeWorld(t, reconciler.WriteBackPull, ownerFiles())
		w.minors(t)
		w.must(t, "CreateRepository", `{"provider":"GITHUB","name":"acme/platform","connectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/1"}`)
		w.ownerRows(t, 2)
		w.reclaimed(t, reconciler.ConflictWriteBack)
	})
}

// ownerRows makes all calls, and looks at what comes of each. Pull requests are
// merged when all are made.
func (w *gitWorld) ownerRows(t *testing.T, column int) {
	t.Helper()
	ends := func(row ownerRow) {
		t.Helper()
		if problem := w.ownerEnds(t, row, row.ways[column]); problem != "" {
			t.Errorf("%s %s: %s", row.call, row.what, problem)
		}
	}
	for _, row := range ownerRows() {
		if problem := w.ownerRow(t, row, row.ways[column]); problem != "" {
			t.Errorf("%s %s: %s", row.call, row.what, problem)
		}
		if w.forge == nil {
			w.settled(t)
			ends(row)
		}
	}
	if w.forge == nil {
		return
	}
	for number := 1; number <= w.forge.Count(platform); number++ {
		if err := w.forge.Merge(platform, number, number%2 == 0); err != nil {
			t.Error(err)
		}
	}
	w.ended(t, 0)
	for _, row := range ownerRows() {
		ends(row)
	}
}

// minors registers version 1.1 of both templates, which everything follows.
func (w *gitWorld) minors(t *testing.T) {
	t.Helper()
	w.remote.Commit(t, "main", "Better templates", map[string]string{
		"net/v1/infrastructure/manifest.yaml":          strings.Replace(gitManifest, "[echo]", "[echo, echo]", 1),
		"web/v1/instance_infrastructure/manifest.yaml": strings.Replace(gitManifest, "[echo]", "[echo, echo]", 1),
	})
	var behind string
	looptest.Until(t, func() bool {
		w.settled(t)
		targets, err := w.store.Targets(t.Context(), state.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		behind = ""
		for _, x := range targets {
			if x.Ref.Kind != state.KindComponent && x.Deployed.Version.Minor == 0 {
				behind = x.Ref.String()
			}
		}
		return behind == ""
	}, func() string { return behind + " does not follow" })
}

// ownerRow makes the call of a row and says what it did not do.
func (w *gitWorld) ownerRow(t *testing.T, row ownerRow, want string) string {
	t.Helper()
	body, err := json.Marshal(row.body)
	if err != nil {
		t.Fatal(err)
	}
	head, before, branch := w.remote.Head(t, "main"), w.blockers(t), "main"
	a := w.do(t, row.call, string(body))
	verb, rest, _ := strings.Cut(want, " ")
	if verb == "no" {
		if a.Type != "ConflictException" || !strings.Contains(a.Message, rest) {
			return fmt.Sprintf("answered %d %s %q, want a ConflictException that says %q", a.Status, a.Type, a.Message, rest)
		}
	} else if a.Type != "" {
		return fmt.Sprintf("answered %d %s %s", a.Status, a.Type, a.Message)
	}
	blocked := slices.DeleteFunc(w.blockers(t), func(ref string) bool { return slices.Contains(before, ref) })
	var wanted []string
	if verb == "block" {
		wanted = []string{rest}
	}
	if !slices.Equal(blocked, wanted) {
		return fmt.Sprintf("blockers were added on %q, want %q", blocked, wanted)
	}
	if now := w.remote.Head(t, "main"); (now != head) != (verb == "commit" && w.forge == nil) {
		return fmt.Sprintf("the branch went from %s to %s", head, now)
	}
	if verb != "commit" {
		return ""
	}
	if w.forge != nil {
		number := w.forge.Count(platform)
		if title, _, state, _ := w.forge.Look(platform, number); state != "open" || !strings.HasPrefix(title, row.call+" ") {
			return fmt.Sprintf("the last pull request is %q, %s", title, state)
		}
		branch = w.forge.Branch(platform, number)
	}
	path, text, holds := strings.Cut(rest, ": ")
	got := w.show(branch, path)
	if holds && !strings.Contains(got, text) || !holds && got != "" {
		return fmt.Sprintf("%s became %q, want %q in it", path, got, text)
	}
	if subject := gittest.Git(t, w.remote.Dir, "log", "-1", "--format=%s", branch); !strings.HasPrefix(subject, row.call+" ") {
		return fmt.Sprintf("the commit is %q", subject)
	}
	return ""
}

// ownerEnds says what of a call that was taken has not come about.
func (w *gitWorld) ownerEnds(t *testing.T, row ownerRow, want string) string {
	t.Helper()
	if strings.HasPrefix(want, "no ") {
		return ""
	}
	if row.gone != (state.Ref{}) {
		if x, err := w.store.Target(t.Context(), row.gone); err == nil {
			return fmt.Sprintf("%s is still there: %s, waits for %s", x.Ref, x.Status, x.Waiting.Why)
		}
	}
	if row.deployed == "" {
		return ""
	}
	text, spec, _ := strings.Cut(row.deployed, " ")
	ref, err := state.ParseRef(text)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := w.store.Target(t.Context(), ref); err != nil || !strings.Contains(x.Deployed.Spec, spec) {
		return fmt.Sprintf("%s is deployed with %q, want %q in it; %v", ref, x.Deployed.Spec, spec, err)
	}
	return ""
}

// reclaimed pushes once more: what blockers protect holds, and goes back to what
// Git says when they are resolved.
func (w *gitWorld) reclaimed(t *testing.T, way string) {
	t.Helper()
	before := w.shape(t)
	w.remote.Commit(t, "main", "Something else", map[string]string{"README.md": way})
	w.settled(t)
	if diff := cmp.Diff(before, w.shape(t)); diff != "" {
		t.Errorf("another push changed what is there (-before +after)\n%s", diff)
	}
	if way != reconciler.ConflictBlocker {
		return
	}
	all, err := w.store.Blockers(t.Context(), "", "", state.BlockerActive, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		w.must(t, "UpdateServiceSyncBlocker", fmt.Sprintf(`{"id":%q,"resolvedReason":"Git counts"}`, b.ID))
	}
	w.settled(t)
	fresh := newGitWorld(t, reconciler.Repository{}, ownerFiles())
	fresh.minors(t)
	want, diff := fresh.shape(t), "" // versions are followed a moment after they are wanted
	looptest.Until(t, func() bool {
		w.settled(t)
		diff = cmp.Diff(want, w.shape(t))
		return diff == ""
	}, func() string { return "without blockers it is not what Git says (-Git +there)\n" + diff })
}

// shape is what of each target is deployed.
func (w *gitWorld) shape(t *testing.T) map[string]string {
	t.Helper()
	targets, err := w.store.Targets(t.Context(), state.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, x := range targets {
		out[x.Ref.String()] = x.Deployed.Version.String() + " " + x.Desired.ComponentRole + " " + x.Desired.Files + x.Desired.Instance + " " + x.Deployed.Spec
	}
	return out
}

const ownerHead = `# What a call changes that Git declares

Written by ` + "`go test ./server/proton -run OwnerConflict -update`" + ` from the rows that it tests. A repository's ` + "`owner_conflict`" + ` says what
becomes of a call of the Proton API that changes something which the repository declares
([configuration.md](configuration.md#what-a-call-may-change)).

- **done, behind a blocker**: the change holds, and no push reaches what the blocker stands on until ` + "`baryon unblock`" + `; then it is again
  what Git says. Deletions wait for the guard as those of a push do.
- **refused**: a ConflictException that names the file.
- **a commit**: to the branch that is followed, in the caller's name; what it says is deployed. A deletion takes the document out, or
  the file with its last one. With ` + "`write_back: pull-request`" + ` it is one to a branch of its own, and is deployed once that is merged.
- **done**: what is changed does not stand in Git.

| Operation | Changes | blocker | refuse | write-back |
| --- | --- | --- | --- | --- |
`

// TestOwnerConflictsAreWritten holds docs/owner-conflict.md against the rows, and
// those against the operations there are.
func TestOwnerConflictsAreWritten(t *testing.T) {
	t.Parallel()
	words := func(way string) string {
		verb, _, _ := strings.Cut(way, " ")
		return map[string]string{"no": "refused", "ok": "done", "block": "done, behind a blocker", "commit": "a commit"}[verb]
	}
	var text strings.Builder
	text.WriteString(ownerHead)
	for _, row := range ownerRows() {
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", row.call, row.what, words(row.ways[0]), words(row.ways[1]), words(row.ways[2]))
	}
	path := filepath.Join("..", "..", "docs", "owner-conflict.md")
	if proton.Updating() {
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
	w := newWorld(t)
	for name := range w.model.Operations {
		reads := strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List")
		covered := slices.ContainsFunc(ownerRows(), func(r ownerRow) bool { return r.call == name })
		if !reads && !covered && !slices.Contains(nothingOfGit, name) {
			t.Errorf("%s has no row, and is not among what changes nothing that Git declares", name)
		}
	}
}

// nothingOfGit are the operations about what no repository declares.
var nothingOfGit = []string{ //nolint:gochecknoglobals // a constant
	"UpdateAccountSettings", "CreateEnvironmentAccountConnection", "UpdateEnvironmentAccountConnection", "DeleteEnvironmentAccountConnection",
	"AcceptEnvironmentAccountConnection", "RejectEnvironmentAccountConnection", "CreateRepository", "DeleteRepository", "DeleteDeployment",
	"NotifyResourceDeploymentStatusChange", "CreateEnvironmentTemplate", "CreateServiceTemplate", "DeleteEnvironmentTemplate", "DeleteServiceTemplate",
	"CreateEnvironmentTemplateVersion", "CreateServiceTemplateVersion", "DeleteEnvironmentTemplateVersion", "DeleteServiceTemplateVersion",
	"UpdateTemplateSyncConfig", "DeleteTemplateSyncConfig", "UpdateServiceSyncConfig", "DeleteServiceSyncConfig", "UpdateServiceSyncBlocker",
}
