package renderer_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"baryon/renderer"
	"baryon/renderer/jinja"
)

func healthBundle(health string) fstest.MapFS {
	return fstest.MapFS{
		"schema/schema.yaml": {Data: []byte(`schema:
  format: {openapi: "3.0.0"}
  environment_input_type: In
  types:
    In: {type: object, properties: {path: {type: string, default: x}, tries: {type: integer, default: 2}}}
`)},
		"infrastructure/manifest.yaml": {Data: []byte(`infrastructure:
  templates:
    - rendering_engine: codebuild
      settings: {provision: [echo], deprovision: [echo]}
`)},
		"health.yaml": {Data: []byte(health)},
	}
}

func TestHealthOfATemplate(t *testing.T) {
	t.Parallel()
	b, err := renderer.Open(healthBundle(`environment:
  within: "{{ environment.inputs.tries }}m"
  onFailure: return
  checks:
    - name: page
      http:
        url: "${outputs.Url}/{{ environment.inputs.path }}"
        status: [200, "{{ 200 + environment.inputs.tries }}"]
        body: "{{ environment.name }}"
        headers: {x-who: "${outputs.Who}"}
      successes: "{{ environment.inputs.tries }}"
    - command: ["./smoke.sh {{ environment.name }}"]
      interval: 1m
    - ecs: {cluster: "${outputs.Cluster}", service: "${outputs.Service}"}
`), "net/v1", renderer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inputs := jinja.NewDict()
	inputs.Set("path", "ping")
	inputs.Set("tries", int64(4))
	out, err := renderer.New(renderer.Config{}).Render(t.Context(), b, renderer.PartEnvironment,
		renderer.Inputs{Environment: renderer.Environment{Name: "dev", Inputs: inputs}}, renderer.Provision)
	if err != nil {
		t.Fatal(err)
	}
	want := &renderer.Health{Within: 4 * time.Minute, OnFailure: renderer.HealthReturn, Checks: []renderer.HealthCheck{
		{Name: "page", Interval: 5 * time.Second, Timeout: 5 * time.Second, Successes: 4, HTTP: &renderer.HTTPCheck{
			URL: "${outputs.Url}/ping", Method: "GET", Status: []int{200, 204}, Body: "dev", Headers: []renderer.Setting{{Name: "X-Who", Value: "${outputs.Who}"}},
		}},
		{Command: []string{"./smoke.sh dev"}, Interval: time.Minute, Timeout: time.Minute, Successes: 3},
		{ECS: &renderer.ECSCheck{Cluster: "${outputs.Cluster}", Service: "${outputs.Service}"}, Interval: 5 * time.Second, Timeout: 5 * time.Second, Successes: 1},
	}}
	if diff := cmp.Diff(want, out.Health); diff != "" {
		t.Errorf("health (-want +got):\n%s", diff)
	}
	// What is written down reads as what it was written from.
	n, problems := renderer.ParseOne("text", []byte(out.Health.String()), renderer.Limits{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(want, renderer.HealthReader{Decoder: &renderer.Decoder{}}.Read(n, "it")); diff != "" {
		t.Errorf("read again (-want +got):\n%s\n%s", diff, out.Health)
	}
	if got := out.Health.Outputs(); !cmp.Equal(got, []string{"Cluster", "Service", "Url", "Who"}) {
		t.Errorf("it reads the outputs %v", got)
	}
	filled, missing := out.Health.Checks[0].Filled(map[string]string{"Url": "http://app"})
	if filled.HTTP.URL != "http://app/ping" || !cmp.Equal(missing, []string{"Who"}) || out.Health.Checks[0].HTTP.URL != "${outputs.Url}/ping" {
		t.Errorf("filled in it is %+v, missing %v", filled.HTTP, missing)
	}

	// What an expression comes to is judged as if it had been written.
	inputs.Set("path", "ping")
	inputs.Set("tries", int64(400))
	_, err = renderer.New(renderer.Config{}).Render(t.Context(), b, renderer.PartEnvironment,
		renderer.Inputs{Environment: renderer.Environment{Name: "dev", Inputs: inputs}}, renderer.Provision)
	if err == nil || !strings.Contains(err.Error(), "net/v1/health.yaml:8:23: status must be a whole number, got the number 600, want 100 to 599") ||
		!strings.Contains(err.Error(), "net/v1/health.yaml:11:18: successes must be a whole number, got the number 400, want 1 to 100") {
		t.Errorf("with 400 tries: %v", err)
	}
}

func TestHealthRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ health, want string }{
		"another part":           {"pipeline: {checks: []}", `1:1: health.yaml has no key "pipeline"`},
		"a key that is unknown":  {"environment: {witin: 3m}", `1:15: environment has no key "witin", want one of checks, onFailure, within`},
		"no duration":            {"environment: {within: soon}", `within must be a duration`},
		"a time that is no time": {"environment: {within: 0s}", `1:23: within must be a duration, got "0s", want 1s to 24h0m0s`},
		"no such end":            {"environment: {onFailure: rollback}", `onFailure is not a known one, got "rollback", want one of fail, return`},
		"nothing is asked":       {"environment: {checks: [{name: x}]}", `1:24: a health check asks one thing, want one of http, command, ecs`},
		"two things are asked":   {"environment: {checks: [{http: {url: \"http://x\"}, command: ls}]}", `a health check asks one thing, got http and command`},
		"no address":             {"environment: {checks: [{http: {status: 200}}]}", `an HTTP check needs the key "url"`},
		"http is empty":          {"environment: {checks: [{http: }]}", `1:25: http is empty, want url`},
		"no scheme":              {"environment: {checks: [{http: {url: \"app:80/x\"}}]}", `1:37: url cannot be asked, got "app:80/x"`},
		"a password":             {"environment: {checks: [{http: {url: \"http://a:b@x/\"}}]}", `url holds a name or a password`},
		"an unknown reference":   {"environment: {checks: [{http: {url: \"http://${output.X}/\"}}]}", `url refers to something unknown`},
		"a body of HEAD":         {"environment: {checks: [{http: {url: \"http://x\", method: HEAD, body: ok}}]}", `an answer to HEAD has no body`},
		"another method":         {"environment: {checks: [{http: {url: \"http://x\", method: POST}}]}", `method is not a known one`},
		"no status":              {"environment: {checks: [{http: {url: \"http://x\", status: OK}}]}", `status must be a whole number`},
		"a header of the way":    {"environment: {checks: [{http: {url: \"http://x\", headers: {transfer-encoding: x}}}]}", `this header cannot be sent, got "transfer-encoding"`},
		"a header that is two":   {"environment: {checks: [{http: {url: \"http://x\", headers: {x: \"a\\r\\nb: c\"}}}]}", `the value of a header holds control characters`},
		"outputs in a command":   {"environment: {checks: [{command: \"curl ${outputs.Url}\"}]}", `outputs are variables of a command, not part of its text`},
		"no command":             {"environment: {checks: [{command: []}]}", `command is empty`},
		"half a service":         {"environment: {checks: [{ecs: {cluster: x}}]}", `an ECS check needs the key "service"`},
		"no successes":           {"environment: {checks: [{command: ls, successes: 0}]}", `successes must be a whole number, got the number 0, want 1 to 100`},
		"too many":               {"environment: {checks: [" + strings.Repeat("{command: ls},", 11) + "]}", `there are too many checks, got 11, want at most 10`},
		"an interval of nothing": {"environment: {checks: [{command: ls, interval: 1ms}]}", `interval must be a duration, got "1ms", want 100ms to 10m0s`},
		"it is no YAML":          {"environment: [", `net/v1/health.yaml:`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := renderer.Open(healthBundle(tt.health+"\n"), "net/v1", renderer.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "net/v1/health.yaml:") {
				t.Errorf("refused with %v, want %s", err, tt.want)
			}
		})
	}
}

func TestHealthOver(t *testing.T) {
	t.Parallel()
	one := []renderer.HealthCheck{{Name: "one"}}
	base := &renderer.Health{Within: time.Minute, OnFailure: renderer.HealthReturn, Checks: one}
	for name, tt := range map[string]struct{ over, base, want *renderer.Health }{
		"nothing":          {nil, nil, nil},
		"the template":     {nil, base, base},
		"the document":     {base, nil, base},
		"the time":         {&renderer.Health{Within: time.Hour}, base, &renderer.Health{Within: time.Hour, OnFailure: renderer.HealthReturn, Checks: one}},
		"the checks":       {&renderer.Health{Checks: []renderer.HealthCheck{{Name: "two"}}}, base, &renderer.Health{Within: time.Minute, OnFailure: renderer.HealthReturn, Checks: []renderer.HealthCheck{{Name: "two"}}}},
		"no checks at all": {&renderer.Health{Checks: []renderer.HealthCheck{}}, base, nil},
		"what is not said": {nil, &renderer.Health{Checks: one}, &renderer.Health{Within: 10 * time.Minute, OnFailure: renderer.HealthFail, Checks: one}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.over.Over(tt.base).InForce()); diff != "" {
				t.Errorf("in force (-want +got):\n%s", diff)
			}
		})
	}
}
