package reconciler

import (
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/reconciler/policy"
	"baryon/state"
)

// Instances, pipelines and components are checked by what their own parts and
// documents say; a service is told of what was returned from.
func TestHealthOfServices(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, "environment: {checks: []}\n")
	w.write("svc/v1/schema/schema.yaml", `schema:
  format: {openapi: "3.0.0"}
  service_input_type: In
  pipeline_input_type: In
  types:
    In: {type: object, properties: {size: {type: string, default: small}}}
`)
	const manifest = `infrastructure:
  templates:
    - rendering_engine: codebuild
      settings: {provision: ["echo SIZE"], deprovision: [echo gone]}
`
	w.write("svc/v1/instance_infrastructure/manifest.yaml", strings.Replace(manifest, "SIZE", "{{ service_instance.inputs.size }}", 1))
	w.write("svc/v1/pipeline_infrastructure/manifest.yaml", strings.Replace(manifest, "SIZE", "{{ pipeline.inputs.size }}", 1))
	w.write("svc/v1/.template-registration.yaml", "compatible_environments: [net:1]\nsupported_component_sources: [DIRECTLY_DEFINED]\n")
	w.write("svc/v1/health.yaml", `service_instance:
  within: 10m
  onFailure: return
  checks: [{http: {url: "http://app.test/{{ service_instance.inputs.size }}"}, interval: 1m, successes: 1}]
pipeline:
  within: 5m
  checks: [{http: {url: "http://pipeline.test/{{ pipeline.inputs.size }}"}, interval: 1m, successes: 1}]
`)
	service := func(dev, prod, pipeline string) {
		w.write("shop.yaml", `proton: ServiceSpec
baryon:
  service: shop
  template: svc
  version: "1"
  health: {within: 3m, instances: {prod: {within: 6m, onFailure: fail}}}
pipeline: {size: `+pipeline+`}
instances:
  - {name: dev, environment: dev, spec: {size: `+dev+`}}
  - {name: prod, environment: dev, spec: {size: `+prod+`}}
`)
	}
	w.environment("dev", "", "small")
	service("small", "small", "small")
	w.push()
	w.ahead(2 * time.Minute)
	dev, prod, pipeline := state.InstanceRef("shop", "dev"), state.InstanceRef("shop", "prod"), state.PipelineRef("shop")
	status := func() string {
		t.Helper()
		v, err := w.store.Service(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		return string(v.Status)
	}
	if s := status(); s != string(state.ServiceActive) {
		t.Fatalf("the service is %s; dev %+v", s, w.target(dev))
	}
	service("big", "big", "small")
	w.push()
	w.ahead(5 * time.Minute)
	if got := w.target(dev); got.Status != state.Failed || got.Waiting.Reason != state.WaitReturned || !strings.Contains(got.Message, "not healthy within 3m\n") {
		t.Errorf("dev is %s, %q, waiting for %+v", got.Status, got.Message, got.Waiting)
	}
	if got := w.target(prod); got.Status != state.InProgress {
		t.Errorf("prod, which has 6m, is %s: %s", got.Status, got.Message)
	}
	w.ahead(3 * time.Minute)
	if got := w.target(prod); got.Status != state.Failed || got.Waiting.Reason != state.WaitRetry {
		t.Errorf("prod is %s, waiting for %+v", got.Status, got.Waiting)
	}
	if s := status(); s != string(state.ServiceUpdateFailed) {
		t.Errorf("the service is %s", s)
	}
	service("small", "small", "big")
	w.push()
	w.ahead(7 * time.Minute)
	for _, ref := range []state.Ref{dev, prod} {
		if got := w.target(ref); got.Status != state.Succeeded || got.Desired.Held != nil {
			t.Errorf("%s, as it was, is %s: %q", ref, got.Status, got.Message)
		}
	}
	if got := w.target(pipeline); got.Status != state.Failed || !strings.Contains(got.Message, "http://pipeline.test/big") {
		t.Errorf("the pipeline is %s: %q", got.Status, got.Message)
	}

	w.write("extra/manifest.yaml", strings.Replace(manifest, "SIZE", "x", 1))
	w.write("extra.yaml", `baryon:
  component: extra
  environment: dev
  files: ./extra
  health: {within: 1m, checks: [{http: {url: "http://extra.test/big"}, interval: 1m, successes: 1}]}
`)
	w.write("extra/main.tf", "")
	w.loop.settings.Repositories[0].Allow.Commands = true
	w.push()
	w.ahead(3 * time.Minute)
	if got := w.target(state.ComponentRef("extra")); got.Status != state.Failed || !strings.Contains(got.Message, "http://extra.test/big") {
		t.Errorf("the component is %s: %q, waiting for %+v", got.Status, got.Message, got.Waiting)
	}
}

func TestCommandsOfDocumentsAreAllowed(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, "environment: {checks: []}\n")
	w.command = func(provisioner.Job) provisioner.Progress { return provisioner.Progress{State: provisioner.Succeeded} }
	dev := w.environment("dev", ", health: {checks: [{command: ls, successes: 1}]}", "small")
	w.push()
	w.pass()
	if _, err := w.store.Target(t.Context(), dev); !isMissing(err) {
		t.Fatalf("dev was taken over though its repository may run no commands: %v", err)
	}
	files, err := w.store.SourceFiles(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range files {
		found = found || f.Path == "dev.yaml" && strings.Contains(string(f.Doc), "health checks of documents of repository main may not run commands")
	}
	if !found {
		t.Errorf("the files are %+v", files)
	}
	w.loop.settings.Repositories[0].Allow.Commands = true
	w.push()
	w.pass()
	if got := w.target(dev); got.Status != state.Succeeded || len(w.jobs) != 1 {
		t.Errorf("allowed, dev is %s after %d commands: %q", got.Status, len(w.jobs), got.Message)
	}
}

// A return is planned without an approval as long as it comes to what was there,
// and once it is there it waits for something else to be declared.
func TestPlanOfAReturn(t *testing.T) {
	t.Parallel()
	held := &state.Hold{Deployment: "good", By: state.ActorLoop, Why: "deployment bad was not healthy", Returned: &state.Returned{Deployment: "bad", Input: "bad"}}
	back := View{
		Target: state.Target{
			Ref: state.EnvironmentRef("prod"), Generation: 3, LastAttempted: "bad", Status: state.Failed,
			Desired: state.Desired{Held: held}, Deployed: state.Deployed{Generation: 1, Deployment: "good", Input: "good", Output: "same"},
		},
		Last:  &state.Deployment{ID: "bad", Action: state.Update, Status: state.Failed, Input: "bad"},
		Input: "good", Output: "same", Approval: "a rule",
	}
	for name, tt := range map[string]struct {
		view  View
		step  Step
		waits state.WaitReason
	}{
		"to what was there":        {back, Deploy, ""},
		"to something else by now": {but(back, func(v *View) { v.Output = "other" }), Nothing, state.WaitApproval},
		"suspended":                {but(back, func(v *View) { v.Target.Asked.Suspended = &state.Suspension{By: "ada"} }), Nothing, state.WaitSuspended},
		"after it failed": {but(back, func(v *View) {
			v.Target.LastAttempted, v.Last = "back", &state.Deployment{ID: "back", Action: state.Update, Status: state.Failed, Input: "good"}
		}), Nothing, state.WaitRetry},
		"once it is there": {but(back, func(v *View) {
			v.Target.LastAttempted, v.Target.Deployed.Deployment, v.Target.Deployed.Generation = "back", "back", 3
		}), Nothing, state.WaitReturned},
		"when its own inputs changed": {but(back, func(v *View) {
			v.Target.LastAttempted, v.Target.Deployed.Deployment, v.Input, v.Output, v.Approval = "back", "back", "new", "new", ""
		}), Deploy, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Plan(tt.view); got.Step != tt.step || got.Waiting.Reason != tt.waits {
				t.Errorf("plan %+v, want %s, waiting %q", got, tt.step, tt.waits)
			}
		})
	}
}

// An automatic return is a change like any other: it waits for the window, and for
// the person that a policy names. Until then what is not healthy stays, and the
// target is failed.
func TestReturnsKeepToPolicies(t *testing.T) {
	for name, tt := range map[string]struct {
		rule   policy.Rule
		reason state.WaitReason
		says   string
		before func(*checkedWorld, state.Ref) // of the two changes
		goOn   func(*checkedWorld, state.Ref)
	}{
		"a window": {
			policy.Rule{Name: "mondays", Windows: []policy.Window{{Days: []time.Weekday{time.Monday}, From: 9 * 60, To: 9*60 + 10, Zone: time.UTC}}},
			state.WaitWindow, "the window", nil,
			func(w *checkedWorld, _ state.Ref) {
				w.now = w.now.Add(7 * 24 * time.Hour).Truncate(24 * time.Hour).Add(9 * time.Hour)
			},
		},
		"a freeze that an emergency ends": {
			policy.Rule{Name: "frozen", Override: []string{"ada"}, Freezes: []policy.Freeze{{From: time.Date(2026, 11, 2, 9, 5, 0, 0, time.UTC), To: time.Date(2027, 1, 6, 0, 0, 0, 0, time.UTC), Zone: time.UTC, Why: "the end of the year"}}},
			state.WaitWindow, "the end of the year", nil,
			func(w *checkedWorld, ref state.Ref) { w.do(w.store.Override(w.t.Context(), "ada", ref, "it is down")) },
		},
		"a named person": {
			policy.Rule{Name: "asked", Approval: true, Persons: []string{"ada"}},
			state.WaitApproval, "asked",
			func(w *checkedWorld, ref state.Ref) { w.do(w.store.Approve(w.t.Context(), "ada", ref, "reviewed")) },
			func(w *checkedWorld, ref state.Ref) { w.do(w.store.Approve(w.t.Context(), "ada", ref, "go back")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCheckedWorld(t, Settings{Policies: []policy.Rule{tt.rule}}, health("return"))
			dev := w.environment("dev", "", "small")
			begin := func() {
				w.push()
				w.pass()
				if tt.before != nil {
					tt.before(w, dev)
					w.pass()
				}
			}
			begin()
			w.ahead(2 * time.Minute)
			good := w.target(dev).Deployed
			w.environment("dev", "", "big")
			begin()
			w.ahead(20 * time.Minute)
			got := w.target(dev)
			if got.Status != state.Failed || got.Waiting.Reason != tt.reason || !strings.Contains(got.Waiting.Why, tt.says) {
				t.Fatalf("it is %s, %q, and waits for %+v", got.Status, got.Message, got.Waiting)
			}
			if h := w.history(dev); h != "FAILED SUCCEEDED" {
				t.Errorf("meanwhile its deployments are %s", h)
			}
			if status, _ := got.Shown(); status != state.Failed {
				t.Errorf("meanwhile it shows %s", status)
			}
			tt.goOn(w, dev)
			w.ahead(3 * time.Minute)
			if got := w.target(dev); got.Deployed.Output != good.Output || got.Deployed.Generation != got.Generation || got.Status != state.Failed || got.Waiting.Reason != state.WaitReturned {
				t.Errorf("let go, it is %s after %s, and waits for %+v", got.Status, w.history(dev), got.Waiting)
			}
		})
	}
}
