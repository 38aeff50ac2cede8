package v1

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baryon/state"
)

func request(t *testing.T, address, method string, header http.Header, body string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// Scripts of former users read these members by these names.
func TestEnvironmentHasProtonsMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.version(t, "web-env", state.Version{Major: 1, Minor: 1}, state.Published)
	w.environment(t, "prod", nil)
	w.instance(t, "shop", "eu", "prod")
	status, _, text := w.get(t, http.MethodGet, "/v1/environments/prod", nil, "")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "prod", "arn": "arn:aws:proton:us-east-1:000000000000:environment/prod", "templateName": "web-env",
		"templateMajorVersion": "1", "templateMinorVersion": "0", "deploymentStatus": "SUCCEEDED", "deploymentStatusMessage": "",
		"outputs": map[string]any{"Url": "http://prod"}, "spec": "proton: EnvironmentSpec\nspec: {}\n",
		"generation": 3.0, "state": "ready", "behind": "minor", "recommendedVersion": "1.1",
		"dependents": []any{"service/shop/service-instance/eu"}, "waiting": map[string]any{"state": "ready"},
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, name := range []string{"lastDeploymentAttemptedAt", "lastDeploymentSucceededAt", "createdAt", "lastAttemptedDeploymentId"} {
		if text, ok := got[name].(string); !ok || text == "" {
			t.Errorf("%s = %v, want a text", name, got[name])
		}
	}
	if list, ok := got["deployments"].([]any); !ok || len(list) != 1 {
		t.Errorf("deployments = %v, want the one there is", got["deployments"])
	}
}

func TestErrorsTellWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environment(t, "prod", nil)
	w.instance(t, "shop", "eu", "prod")
	w.version(t, "web-env", state.Version{Major: 1}, state.Draft)
	asJSON := http.Header{"Content-Type": {"application/json"}}
	for name, tt := range map[string]struct {
		method, path string
		header       http.Header
		body         string
		status       int
		want         string // part of the answer
	}{
		"an unknown target":                    {"GET", "/v1/environments/dev", nil, "", 404, "environment/dev does not exist"},
		"an unknown deployment":                {"GET", "/v1/deployments/nope", nil, "", 404, "deployment nope does not exist"},
		"an unknown place":                     {"GET", "/v1/envs", nil, "", 404, "/v1/envs is nothing of /v1"},
		"an unknown filter":                    {"GET", "/v1/environments?templat=x", nil, "", 400, `no query parameter \"templat\"`},
		"a filter given twice":                 {"GET", "/v1/environments?template=x&template=y", nil, "", 400, "given twice"},
		"a limit of zero":                      {"GET", "/v1/environments?limit=0", nil, "", 400, "from 1 to 1000"},
		"a limit that is no number":            {"GET", "/v1/audit?limit=ten", nil, "", 400, "from 1 to 1000"},
		"a ref that names nothing":             {"GET", "/v1/why?ref=prod", nil, "", 400, "environment/NAME"},
		"no ref":                               {"GET", "/v1/why", nil, "", 400, "ref is missing"},
		"why of nothing":                       {"GET", "/v1/why?ref=environment/dev", nil, "", 404, "baryon sources"},
		"a template kind":                      {"GET", "/v1/templates/pipeline/x", nil, "", 400, "environment or service"},
		"half a version":                       {"GET", "/v1/templates/environment/web-env/versions/1", nil, "", 400, "1.0"},
		"an unknown version":                   {"GET", "/v1/templates/environment/web-env/versions/1.7", nil, "", 404, "web-env 1.7 does not exist"},
		"a verb that is none":                  {"POST", "/v1/environments/prod/explode", asJSON, "", 404, "use one of retry"},
		"a verb without the content type":      {"POST", "/v1/environments/prod/retry", nil, "{}", 400, "Content-Type: application/json"},
		"a verb as a form would post it":       {"POST", "/v1/environments/prod/retry", http.Header{"Content-Type": {"text/plain"}}, "{}", 400, "Content-Type"},
		"a verb on nothing":                    {"POST", "/v1/environments/dev/retry", asJSON, "", 404, "environment/dev does not exist"},
		"an approval nobody waits for":         {"POST", "/v1/environments/prod/approve", asJSON, "{}", 409, "baryon why environment/prod"},
		"a cancellation of nothing":            {"POST", "/v1/environments/prod/cancel", asJSON, "{}", 409, "no deployment is under way"},
		"a suspension without a reason":        {"POST", "/v1/environments/prod/suspend", asJSON, "{}", 400, "needs a reason"},
		"a suspension that is over":            {"POST", "/v1/environments/prod/suspend", asJSON, `{"why":"x","until":"2001-01-01T00:00:00Z"}`, 400, "has passed"},
		"a member that is none":                {"POST", "/v1/environments/prod/retry", asJSON, `{"reason":"x"}`, 400, "unknown field"},
		"two bodies":                           {"POST", "/v1/environments/prod/retry", asJSON, `{} {}`, 400, "more than one value"},
		"a body that is too large":             {"POST", "/v1/environments/prod/retry", asJSON, `{"why":"` + strings.Repeat("x", maxBody) + `"}`, 413, "larger"},
		"a reason that is too long":            {"POST", "/v1/environments/prod/retry", asJSON, `{"why":"` + strings.Repeat("x", 2000) + `"}`, 400, "1000"},
		"a sync of what is not configured":     {"POST", "/v1/repositories/other/sync", asJSON, "", 404, "repository/other does not exist"},
		"a log from beyond its end":            {"GET", "/v1/deployments/ID/log?from=7", nil, "", 400, "has 0 bytes"},
		"a log from a word":                    {"GET", "/v1/deployments/ID/log?from=x", nil, "", 400, "number of bytes"},
		"publishing what is no version at all": {"POST", "/v1/templates/environment/web-env/versions/one/publish", asJSON, "", 400, "1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := tt.path
			if before, after, found := strings.Cut(path, "ID"); found {
				path = before + w.only(t) + after
			}
			status, _, text := w.get(t, tt.method, path, tt.header, tt.body)
			var answer struct{ Error *Error }
			if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Error == nil || answer.Error.Code == "" {
				t.Fatalf("answer %q is no error in JSON: %v", text, err)
			}
			if status != tt.status || !strings.Contains(text, tt.want) {
				t.Errorf("got %d %s, want %d with %q", status, text, tt.status, tt.want)
			}
		})
	}
}

// only is the id of the one deployment of environment/prod.
func (w *world) only(t *testing.T) string {
	t.Helper()
	list, err := w.store.Deployments(t.Context(), state.EnvironmentRef("prod"), nil, 1)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0].ID
}

func TestAnInternalErrorKeepsItsTextToItself(t *testing.T) {
	t.Parallel()
	e := AsError(errors.New("password is hunter2"))
	if e.Code != CodeInternal || strings.Contains(e.Error(), "hunter2") {
		t.Errorf("got %v", e)
	}
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := []string{"a", "b", "c", "d", "e"}
	for _, name := range want {
		w.environment(t, name, nil)
	}
	for _, path := range []string{"environments", "deployments", "audit", "services", "sources"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			var whole, parts []json.RawMessage
			var page Page[json.RawMessage]
			if err := w.client.Get(t.Context(), path, nil, &page); err != nil {
				t.Fatal(err)
			}
			whole = page.Items
			for after, i := "", 0; i < 10; i++ {
				var page Page[json.RawMessage]
				q := url.Values{"limit": {"2"}}
				if after != "" {
					q.Set("after", after)
				}
				if err := w.client.Get(t.Context(), path, q, &page); err != nil {
					t.Fatal(err)
				}
				parts = append(parts, page.Items...)
				if after = page.Next; after == "" {
					break
				}
			}
			if diff := cmp.Diff(asTexts(whole), asTexts(parts)); diff != "" {
				t.Errorf("pages and the whole list differ:\n%s", diff)
			}
		})
	}
	all, err := List[Target](t.Context(), w.client, "environments", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, e.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func asTexts(raw []json.RawMessage) []string {
	out := []string{}
	for _, r := range raw {
		out = append(out, string(r))
	}
	return out
}

func TestAVerbIsWrittenDownAndWakesTheLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ref := w.environment(t, "prod", func(t *state.Target) { t.Waiting.Reason = state.WaitGuard })
	id := w.running(t, ref)
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	const ana = "ana@laptop"
	for _, tt := range []struct {
		verb string
		body Request
		want func(state.Asked) bool
	}{
		{Retry, Request{}, func(a state.Asked) bool { return a.Retry == state.Request{Generation: 3, By: ana} }},
		{Redeploy, Request{}, func(a state.Asked) bool { return a.Redeploy == state.Request{Generation: 3, By: ana} }},
		{Approve, Request{Why: "reviewed"}, func(a state.Asked) bool { return a.Approved == state.Request{Generation: 3, By: ana, Why: "reviewed"} }},
		{Reject, Request{}, func(a state.Asked) bool { return a.Rejected.By == ana && a.Approved == state.Request{} }},
		{Suspend, Request{Why: "freeze", Until: until}, func(a state.Asked) bool {
			return a.Suspended != nil && a.Suspended.By == ana && a.Suspended.Until.Equal(until)
		}},
		{Resume, Request{}, func(a state.Asked) bool { return a.Suspended == nil }},
		{Cancel, Request{}, func(a state.Asked) bool { return a.Cancel == state.Request{Deployment: id, By: ana} }},
		{Abandon, Request{}, func(a state.Asked) bool { return a.Abandon == state.Request{Deployment: id, By: ana} }},
	} {
		before := w.wakes.Load()
		if _, err := w.client.Ask(t.Context(), ref, tt.verb, tt.body); err != nil {
			t.Fatalf("%s: %v", tt.verb, err)
		}
		target, err := w.store.Target(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if !tt.want(target.Asked) {
			t.Errorf("%s: asked = %+v", tt.verb, target.Asked)
		}
		if w.wakes.Load() != before+1 {
			t.Errorf("%s did not wake the loop once", tt.verb)
		}
	}
	entries, err := List[AuditEntry](t.Context(), w.client, "audit", url.Values{"ref": {"environment/prod"}})
	if err != nil || len(entries) != 8 || entries[0].Verb != Abandon || entries[0].Actor != "ana@laptop" {
		t.Errorf("audit = %+v, err %v", entries, err)
	}
	var target state.Target
	if target, err = w.store.Target(t.Context(), ref); err != nil || target.Desired.Deleted {
		t.Fatal(target, err)
	}
	w.environment(t, "gone", func(t *state.Target) { t.Desired.Deleted = true })
	if _, err := w.client.Ask(t.Context(), state.EnvironmentRef("gone"), Retain, Request{}); err != nil {
		t.Error(err)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.version(t, "web-env", state.Version{Major: 1}, state.Draft)
	var got TemplateVersion
	if err := w.client.Post(t.Context(), "templates/environment/web-env/versions/1.0/publish", Request{}, &got); err != nil {
		t.Fatal(err)
	}
	if got.Status != "PUBLISHED" || got.RecommendedMinorVersion != "0" || !got.Recommended || got.Schema == "" {
		t.Errorf("got %+v", got)
	}
	var list Page[Template]
	if err := w.client.Get(t.Context(), "templates", url.Values{"kind": {"environment"}}, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 || list.Items[0].RecommendedVersion != "1.0" || list.Items[0].Versions[0].Schema != "" {
		t.Errorf("got %+v", list)
	}
}

func TestWhyFindsTheFileThatWasRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environment(t, "dev", nil)
	w.write(t, func(tx *state.Tx) error {
		doc := `{"reason":"1 problem","problems":[{"file":"environments/staging.yaml","line":5,"column":3,"rule":"size is not allowed"}],"broken":[{"ref":"environment/staging"}]}`
		if err := tx.PutSourceFile(state.SourceFile{Repository: "platform", Path: "environments/staging.yaml", Verdict: "refused", Doc: json.RawMessage(doc)}); err != nil {
			return err
		}
		return tx.PutSync(state.Sync{Name: "platform", Commit: "0123456789abcdef", Problems: 1})
	})
	for ref, want := range map[string]Why{
		"environment/staging": {
			State: Refused, On: "platform:environments/staging.yaml", Problems: []string{"environments/staging.yaml:5:3: size is not allowed"},
			Text: "environments/staging.yaml in repository platform declares it and was refused", Next: "correct environments/staging.yaml and push it",
		},
		"environment/dev":     {State: Ready},
		"repository/platform": {State: Ready, Text: "commit 01234567 is in force, and some files were refused", Next: "baryon sources platform"},
	} {
		var got Why
		if err := w.client.Get(t.Context(), "why", url.Values{"ref": {ref}}, &got); err != nil {
			t.Fatal(ref, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
	}
}

func TestStatusShowsTheTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environment(t, "prod", func(t *state.Target) {
		t.Status, t.Message = state.Failed, "exit status 1"
		t.Waiting = state.Waiting{Reason: state.WaitRetry, Why: "the last deployment failed: exit status 1"}
	})
	w.instance(t, "shop", "eu", "prod")
	w.instance(t, "shop", "us", "nowhere")
	var got Status
	if err := w.client.Get(t.Context(), "status", nil, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Environments) != 1 || len(got.Environments[0].Instances) != 1 || len(got.Unplaced) != 1 {
		t.Errorf("tree = %+v", got)
	}
	if len(got.Services) != 1 || len(got.Services[0].Instances) != 2 {
		t.Errorf("services = %+v", got.Services)
	}
	if len(got.Attention) != 1 || got.Attention[0].Ref != "environment/prod" || got.Counts.ByState[Failed] != 1 || got.Counts.Targets != 3 {
		t.Errorf("attention = %+v, counts = %+v", got.Attention, got.Counts)
	}
}

func TestNoDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Close()
	err := w.client.Get(context.Background(), "status", nil, &Status{})
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "no daemon answers at http://127.0.0.1:") {
		t.Errorf("err = %v", err)
	}
}
