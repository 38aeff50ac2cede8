package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"baryon/server/access"
	"baryon/state"
)

// TestKeysAtV1 lets the holders of keys do what their role says, and nothing
// once the key is revoked.
func TestKeysAtV1(t *testing.T) {
	t.Parallel()
	var store *state.Store
	h := newServer(t, func(c *Config) {
		withToken(c)
		store = c.Store
		c.Guard = &access.Guard{
			Store: c.Store, Policies: func() map[string]access.Policy { return nil }, Log: zap.NewNop(),
			ARN: func(tail string) string { return "arn:aws:proton:us-east-1:000000000000:" + tail },
		}
	}).Handler()
	err := store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		return tx.PutTarget(state.Target{Ref: state.EnvironmentRef("prod"), Generation: 1, Status: state.Succeeded})
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]state.Key{}
	for _, role := range access.RoleNames() {
		if keys[role], err = store.CreateKey(t.Context(), "ada", state.Key{Role: role, Why: "tests"}); err != nil {
			t.Fatal(err)
		}
	}
	do := func(role, method, path, body string) *httptest.ResponseRecorder {
		return ask(t, h, method, "http://127.0.0.1"+path, map[string]string{
			"Authorization": "Bearer " + keys[role].ID + ":" + keys[role].Secret, "Content-Type": "application/json", "Baryon-Actor": "somebody else",
		}, body)
	}
	for request, who := range map[string]string{
		"GET /v1/status": "admin developer platform-engineer viewer", "GET /v1/environments/prod": "admin developer platform-engineer viewer",
		"GET /metrics":                          "admin developer platform-engineer viewer",
		"POST /v1/environments/prod/approve":    "admin platform-engineer",
		"POST /v1/environments/prod/suspend":    "admin platform-engineer",
		"POST /v1/environments/prod/retry":      "admin platform-engineer",
		"POST /v1/services/shop/pipeline/retry": "admin developer platform-engineer",
		"POST /v1/sync":                         "admin platform-engineer",
		"GET /v1/keys":                          "admin",
		"POST /v1/keys":                         "admin",
		"GET /":                                 "", // pages are for the holder of the token
	} {
		method, path, _ := strings.Cut(request, " ")
		var got []string
		for _, role := range access.RoleNames() {
			if a := do(role, method, path, map[string]string{"POST": `{"why":"a test"}`}[method]); a.Code != http.StatusForbidden {
				got = append(got, role)
			}
		}
		if !slices.Equal(got, strings.Fields(who)) {
			t.Errorf("%s: let in %v, want %s", request, got, who)
		}
	}
	if a := do(access.Viewer, "POST", "/v1/environments/prod/approve", `{}`); !strings.Contains(a.Body.String(), "is not authorized to perform: baryon:Approve on resource: arn:aws:proton:us-east-1:000000000000:environment/prod") {
		t.Errorf("a viewer approves: %s", a.Body)
	}
	auditedAs(t, store, "suspend", keys[access.Admin], keys[access.PlatformEngineer])
	auditedAs(t, store, "denied", keys[access.Viewer], keys[access.Developer])

	if _, err := store.RevokeKey(t.Context(), "ada", keys[access.Admin].ID); err != nil {
		t.Fatal(err)
	}
	if a := do(access.Admin, "GET", "/v1/status", ""); a.Code != http.StatusUnauthorized || !strings.Contains(a.Body.String(), "was revoked") {
		t.Errorf("a revoked key: %d %s", a.Code, a.Body)
	}
	for bearer, want := range map[string]int{keys[access.Viewer].ID: 401, keys[access.Viewer].ID + ":x": 401, "AKIA:": 401, "right-token": 200} {
		if a := ask(t, h, "GET", "http://127.0.0.1/v1/status", map[string]string{"Authorization": "Bearer " + bearer}, ""); a.Code != want {
			t.Errorf("bearer %s: %d, want %d", bearer, a.Code, want)
		}
	}
}

// auditedAs holds who did something against the audit log: the key, whatever
// name the request claimed.
func auditedAs(t *testing.T, store *state.Store, verb string, keys ...state.Key) {
	t.Helper()
	entries, err := store.Audit(t.Context(), "environment/prod", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if !slices.ContainsFunc(entries, func(e state.AuditEntry) bool { return e.Verb == verb && e.Actor == k.Actor() }) {
			t.Errorf("%s by %s is not in the audit log: %+v", verb, k.Actor(), entries)
		}
	}
}

// TestRevokedKeyEndsItsStream keeps nobody reading whose key was taken away.
func TestRevokedKeyEndsItsStream(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) {
		withToken(c)
		c.Guard = &access.Guard{Store: c.Store, Policies: func() map[string]access.Policy { return nil }, Log: zap.NewNop(), ARN: func(tail string) string { return tail }}
	})
	store := s.cfg.Store
	ref := state.EnvironmentRef("prod")
	d := state.Deployment{ID: state.NewID(), Ref: ref, Action: state.Create, Status: state.InProgress, Generation: 1}
	err := store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		if err := tx.PutTarget(state.Target{Ref: ref, Generation: 1, Status: state.InProgress, LastAttempted: d.ID}); err != nil {
			return err
		}
		return tx.AddDeployment(d)
	})
	if err != nil {
		t.Fatal(err)
	}
	k, err := store.CreateKey(t.Context(), "ada", state.Key{Role: access.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/v1/deployments/"+d.ID+"/log?follow=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.ID+":"+k.Secret)
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("following: %s", resp.Status)
	}
	if _, err := store.RevokeKey(t.Context(), "ada", k.ID); err != nil {
		t.Fatal(err)
	}
	_, _ = resp.Body.Read(make([]byte, 1)) // ends: the test would hang otherwise
}
