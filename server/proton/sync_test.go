package proton_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/state"
)

// linked is a world with a linked repository, the template net and the service shop.
func linked(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.must(t, "CreateRepository", `{"provider":"GITHUB","name":"acme/platform","connectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/1"}`)
	w.must(t, "CreateEnvironmentTemplate", `{"name":"net"}`)
	err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		if err := tx.PutService(state.Service{Name: "theirs", Owner: state.Owner{Repository: "main", Path: "a.yaml"}}); err != nil {
			return err
		}
		return tx.PutService(state.Service{Name: "shop"})
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

const (
	netSync  = `{"templateName":"net","templateType":"ENVIRONMENT","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main","subdirectory":"/t/"}`
	shopSync = `{"serviceName":"shop","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main","filePath":"./ops/proton-ops.yaml"}`
)

func TestSyncConfigurations(t *testing.T) {
	t.Parallel()
	w := linked(t)
	for _, tt := range []struct{ noun, create, update, get, member string }{
		{"TemplateSyncConfig", netSync, `{"templateName":"net","templateType":"ENVIRONMENT","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"dev"}`,
			`{"templateName":"net","templateType":"ENVIRONMENT"}`, "templateSyncConfig"},
		{"ServiceSyncConfig", shopSync, `{"serviceName":"shop","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"dev","filePath":"ops.yaml"}`,
			`{"serviceName":"shop"}`, "serviceSyncConfig"},
	} {
		w.refused(t, "Get"+tt.noun, tt.get, "ResourceNotFoundException", "a sync configuration of")
		w.refused(t, "Update"+tt.noun, tt.update, "ResourceNotFoundException", "a sync configuration of")
		made := w.must(t, "Create"+tt.noun, tt.create)
		if diff := cmp.Diff(made, w.must(t, "Get"+tt.noun, tt.get)); diff != "" {
			t.Errorf("%s is not read as written:\n%s", tt.noun, diff)
		}
		w.must(t, "Create"+tt.noun, tt.create)
		w.refused(t, "Create"+tt.noun, tt.update, "ConflictException", "has a sync configuration already")
		w.must(t, "Update"+tt.noun, tt.update)
		if got := at(t, w.must(t, "Get"+tt.noun, tt.get), tt.member, "branch"); got != "dev" {
			t.Errorf("%s follows %v after its update", tt.noun, got)
		}
		w.refused(t, "DeleteRepository", `{"provider":"GITHUB","name":"acme/platform"}`, "ConflictException", "sync configuration of")
		if got := at(t, w.must(t, "Delete"+tt.noun, tt.get), tt.member, "branch"); got != "dev" {
			t.Errorf("the deletion of %s shows %v", tt.noun, got)
		}
		w.must(t, "Delete"+tt.noun, tt.get)
		w.refused(t, "Get"+tt.noun, tt.get, "ResourceNotFoundException", "a sync configuration of")
	}
}

func TestSyncConfigurationsThatCannotBe(t *testing.T) {
	t.Parallel()
	w := linked(t)
	for _, tt := range []struct{ name, body, exception, message string }{
		{"CreateTemplateSyncConfig", `{"templateName":"nosuch","templateType":"SERVICE","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main"}`, "ResourceNotFoundException", "nosuch"},
		{"CreateTemplateSyncConfig", `{"templateName":"net","templateType":"ENVIRONMENT","repositoryProvider":"GITHUB","repositoryName":"acme/other","branch":"main"}`, "ResourceNotFoundException", "CreateRepository first"},
		{"CreateTemplateSyncConfig", `{"templateName":"net","templateType":"ENVIRONMENT","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main","subdirectory":"a/../../b"}`, "ValidationException", "leaves the repository"},
		{"CreateServiceSyncConfig", `{"serviceName":"shop","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main","filePath":"../ops.yaml"}`, "ValidationException", "leaves the repository"},
		{"CreateServiceSyncConfig", `{"serviceName":"nosuch","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main","filePath":"ops.yaml"}`, "ResourceNotFoundException", "nosuch"},
		{"CreateServiceSyncConfig", `{"serviceName":"theirs","repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main","filePath":"ops.yaml"}`, "ConflictException", "is declared in main:a.yaml"},
		{"GetTemplateSyncStatus", `{"templateName":"net","templateType":"ENVIRONMENT","templateVersion":"1"}`, "ResourceNotFoundException", "a sync configuration"},
		{"GetRepositorySyncStatus", `{"repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main","syncType":"SERVICE_SYNC"}`, "ResourceNotFoundException", "no SERVICE_SYNC configuration"},
		{"ListRepositorySyncDefinitions", `{"repositoryProvider":"BITBUCKET","repositoryName":"acme/platform","syncType":"SERVICE_SYNC"}`, "ResourceNotFoundException", "not linked"},
		{"GetServiceInstanceSyncStatus", `{"serviceName":"shop","serviceInstanceName":"one"}`, "ResourceNotFoundException", "service-instance/one"},
		{"GetServiceSyncBlockerSummary", `{"serviceName":"nosuch"}`, "ResourceNotFoundException", "nosuch"},
		{"UpdateServiceSyncBlocker", `{"id":"nosuch","resolvedReason":"x"}`, "ResourceNotFoundException", "blocker nosuch"},
	} {
		w.refused(t, tt.name, tt.body, tt.exception, tt.message)
	}
	w.must(t, "CreateRepository", `{"provider":"GITHUB_ENTERPRISE","name":"acme/inner","connectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/1"}`)
	w.refused(t, "CreateTemplateSyncConfig", `{"templateName":"net","templateType":"ENVIRONMENT","repositoryProvider":"GITHUB_ENTERPRISE","repositoryName":"acme/inner","branch":"main"}`,
		"ValidationException", "add it to links in the daemon's configuration")
}

func TestSyncIsTold(t *testing.T) {
	t.Parallel()
	w := linked(t)
	w.must(t, "CreateTemplateSyncConfig", netSync)
	w.must(t, "CreateServiceSyncConfig", shopSync)
	w.refused(t, "DeleteEnvironmentTemplate", `{"name":"net"}`, "ConflictException", "delete that first")
	const of = `{"repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main","syncType":"SERVICE_SYNC"}`
	if got := at(t, w.must(t, "GetRepositorySyncStatus", of), "latestSync", "status"); got != "INITIATED" {
		t.Errorf("before the first look the status is %v", got)
	}
	err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		for _, subject := range []string{"repository/sync:service:shop", "service/shop/service-instance/one"} {
			if err := tx.AddSyncAttempt(state.SyncAttempt{
				Subject: subject, Status: state.SyncFailed, Events: []state.SyncEvent{{Type: "SYNC_FAILED", Text: "no such file"}},
				Target: state.Revision{Repository: "sync:service:shop", Branch: "main", Commit: "abc", Path: "ops/one.yaml"},
			}); err != nil {
				return err
			}
		}
		return tx.Block(state.Blocker{Service: "shop", CreatedReason: "changed by ann", Contexts: map[string]string{"actor": "ann"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := at(t, w.must(t, "GetRepositorySyncStatus", of), "latestSync", "events", "#1", "event"); got != "no such file" {
		t.Errorf("the event of a failure is %v", got)
	}
	status := w.must(t, "GetServiceInstanceSyncStatus", `{"serviceName":"shop","serviceInstanceName":"one"}`)
	if got := at(t, status, "latestSync", "targetRevision", "repositoryName"); got != "acme/platform" || status["latestSuccessfulSync"] != nil {
		t.Errorf("the instance is told %v", status)
	}
	for kind, target := range map[string]string{"SERVICE_SYNC": "service/shop", "TEMPLATE_SYNC": "environment-template/net"} {
		list := w.must(t, "ListRepositorySyncDefinitions", `{"repositoryProvider":"GITHUB","repositoryName":"acme/platform","syncType":"`+kind+`"}`)
		if got := at(t, list, "syncDefinitions", "#0", "target"); got != target {
			t.Errorf("%s: %v", kind, list)
		}
	}
	blocker := at(t, w.must(t, "GetServiceSyncBlockerSummary", `{"serviceName":"shop"}`), "serviceSyncBlockerSummary", "latestBlockers", "#0")
	id, _ := at(t, blocker, "id").(string)
	resolved := w.must(t, "UpdateServiceSyncBlocker", `{"id":"`+id+`","resolvedReason":"pushed"}`)
	if at(t, resolved, "serviceSyncBlocker", "status") != "RESOLVED" || at(t, resolved, "serviceName") != "shop" {
		t.Errorf("resolved: %v", resolved)
	}
	w.refused(t, "UpdateServiceSyncBlocker", `{"id":"`+id+`","resolvedReason":"again"}`, "ConflictException", "was resolved")
}
