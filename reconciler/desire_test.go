package reconciler

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// services gives a world a service template that runs in its environments.
func (w *world) services() {
	w.write("web/v1/.compatible-envs", "net:1\n")
	w.write("web/v1/schema/schema.yaml", `schema:
  format: {openapi: "3.0.0"}
  service_input_type: In
  types:
    In: {type: object, properties: {size: {type: integer, default: 1}}}
`)
	w.write("web/v1/instance_infrastructure/manifest.yaml", `infrastructure:
  templates:
    - rendering_engine: codebuild
      settings: {provision: ["echo {{ service_instance.inputs.size }}"], deprovision: [echo gone]}
`)
}

// document reads one document as if it came in a call.
func document(t *testing.T, text string) declare.Document {
	t.Helper()
	d, err := declare.Read(t.Context(), gitsource.NewFolder(fstest.MapFS{"call.yaml": {Data: []byte(text)}}), nil, declare.Options{})
	if err != nil || len(d.Documents) != 1 {
		t.Fatalf("%d documents, %v\n%s", len(d.Documents), err, d.Problems)
	}
	return d.Documents[0]
}

const called = "proton: ServiceSpec\nbaryon: {service: shop, template: web, version: \"1\"}\ninstances:\n  - {name: eu, environment: dev, spec: {size: 2}}\n"

func TestDeclareByCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	w.services()
	dev := w.environment("dev", "", "small")
	w.push()
	w.pass()
	eu := state.InstanceRef("shop", "eu")
	var conflict *state.ConflictError
	_, err := w.loop.Declare(t.Context(), Statement{Actor: "ada", Document: document(t,
		"proton: EnvironmentSpec\nbaryon: {environment: dev, template: net, version: \"1\"}\nspec: {}\n")})
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "main:dev.yaml") {
		t.Errorf("declaring what a repository declares: %v", err)
	}
	problems, err := w.loop.Declare(t.Context(), Statement{Actor: "ada", Document: document(t, strings.Replace(called, "size: 2", "size: x", 1))})
	if err != nil || !problems.Failed() {
		t.Errorf("a spec of the wrong type: %v, problems %q", err, problems)
	}
	noted := false
	problems, err = w.loop.Declare(t.Context(), Statement{Actor: "ada", Document: document(t, called), Also: func(*state.Tx) error { noted = true; return nil }})
	if err != nil || problems.Failed() || !noted {
		t.Fatalf("declared: %v, problems %q, noted %v", err, problems, noted)
	}
	w.pass()
	if got := w.target(eu); got.Status != state.Succeeded || got.Owner != (state.Owner{Path: "call.yaml"}) {
		t.Errorf("%s is %s, of %q", eu, got.Status, got.Owner)
	}
	if v, err := w.store.Service(t.Context(), "shop"); err != nil || v.Status != state.ServiceActive {
		t.Errorf("the service is %s, %v", v.Status, err)
	}
	if err := w.loop.Undeclare(t.Context(), Withdrawal{Ref: dev, Actor: "ada"}); !errors.As(err, &conflict) {
		t.Errorf("undeclaring what a repository declares: %v", err)
	}
	if err := w.loop.Undeclare(t.Context(), Withdrawal{Ref: state.ServiceRef("shop"), Actor: "ada", Why: "unused"}); err != nil {
		t.Fatal(err)
	}
	w.pass()
	if _, err := w.store.Service(t.Context(), "shop"); !isMissing(err) {
		t.Errorf("the service is there after its deletion: %v", err)
	}
	if err := w.loop.Undeclare(t.Context(), Withdrawal{Ref: state.ServiceRef("shop"), Actor: "ada"}); !isMissing(err) {
		t.Errorf("undeclaring nothing: %v", err)
	}
}

func TestTheGuardLooksBackADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{Deletions: 2})
	var refs []state.Ref
	for _, name := range []string{"a", "b", "c", "d", "stays"} {
		refs = append(refs, w.environment(name, "", "small"))
	}
	w.push()
	w.pass()
	for _, ref := range refs[:4] {
		delete(w.files, ref.Name+".yaml")
	}
	w.push()
	w.pass()
	left := func() (n int) {
		for _, ref := range refs[:4] {
			if got, err := w.store.Target(t.Context(), ref); err == nil {
				if n++; got.Waiting.Reason != state.WaitGuard {
					t.Errorf("%s waits for %q", ref, got.Waiting.Reason)
				}
			}
		}
		return n
	}
	if n := left(); n != 2 {
		t.Fatalf("%d are left on the first day, want 2", n)
	}
	w.now = w.now.Add(23 * time.Hour)
	w.pass()
	if n := left(); n != 2 {
		t.Errorf("%d are left after 23 hours, want 2", n)
	}
	w.now = w.now.Add(2 * time.Hour)
	w.pass()
	if n := left(); n != 0 {
		t.Errorf("%d are left on the second day, want none", n)
	}
	if got := w.target(refs[4]); got.Status != state.Succeeded {
		t.Errorf("what is declared is %s", got.Status)
	}
}

// Documents cannot make a circle; a record can.
func TestACircleIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	a, b := w.environment("a", "", "small"), w.environment("b", "", "small")
	w.push()
	err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		return errors.Join(tx.AddNeed(a, b), tx.AddNeed(b, a))
	})
	if err != nil {
		t.Fatal(err)
	}
	w.pass()
	for _, ref := range []state.Ref{a, b} {
		got := w.target(ref)
		if got.Status != "" || got.Waiting.Reason != state.WaitNeed || !strings.Contains(got.Waiting.Why, "each of these waits for the next: ") {
			t.Errorf("%s is %q, waits %q: %s", ref, got.Status, got.Waiting.Reason, got.Waiting.Why)
		}
	}
}

// What somebody else declares between the look and the write is not overwritten.
func TestASecondClaimIsExaminedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	w.environment("dev", "", "small")
	w.push()
	doc := document(t, "proton: EnvironmentSpec\nbaryon: {environment: dev, template: net, version: \"1\"}\nspec: {}\n")
	err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		d := &declarer{r: w.loop, tx: tx, repository: "other", origin: func(declare.Document) state.Origin { return state.Origin{} }}
		return d.declare(doc)
	})
	if !errors.Is(err, errMoved) {
		t.Errorf("a second claim: %v", err)
	}
}

// What reads an output is looked at when it changes, and deployed only when what
// is rendered changes with it.
func TestOutputsFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	w.loop.cfg.Engines[renderer.EngineCloudFormation] = w
	w.write("own/v1/schema/schema.yaml", `schema:
  format: {openapi: "3.0.0"}
  environment_input_type: In
  types: {In: {type: object, properties: {zone: {type: string}, note: {type: string}}}}
`)
	w.services()
	w.write("web/v1/.compatible-envs", "own:1\n")
	w.write("web/v1/instance_infrastructure/manifest.yaml", `infrastructure:
  templates: [{file: cloudformation.yaml, rendering_engine: jinja, template_language: cloudformation}]
`)
	w.write("web/v1/instance_infrastructure/cloudformation.yaml", `Resources:
  Zone: {Type: "AWS::SNS::Topic", Properties: {DisplayName: "{{ environment.outputs.zone }}"}}
`)
	environment := func(zone, note string) {
		w.write("dev.yaml", "proton: EnvironmentSpec\nbaryon: {environment: dev, template: own, version: \"1\"}\nspec: {zone: "+zone+", note: "+note+"}\n")
	}
	environment("a", "one")
	w.write("other.yaml", "proton: EnvironmentSpec\nbaryon: {environment: other, template: own, version: \"1\"}\nspec: {zone: x, note: x}\n")
	w.write("shop.yaml", called+"  - {name: us, environment: other}\n")
	w.push()
	w.pass()
	eu, us := state.InstanceRef("shop", "eu"), state.InstanceRef("shop", "us")
	first, other := w.target(eu), w.target(us)
	if first.Status != state.Succeeded || other.Status != state.Succeeded {
		t.Fatalf("%s is %s, %s is %s", eu, first.Status, us, other.Status)
	}
	environment("a", "two")
	w.push()
	w.pass()
	second := w.target(eu)
	if second.Deployed.Deployment != first.Deployed.Deployment || second.Deployed.Input == first.Deployed.Input {
		t.Error("an output that is not rendered: deployed, or not looked at")
	}
	environment("b", "two")
	w.push()
	w.pass()
	if third := w.target(eu); third.Deployed.Deployment == first.Deployed.Deployment {
		t.Error("an output that is rendered: not deployed")
	}
	if got := w.target(us); got.Deployed.Deployment != other.Deployed.Deployment || got.Deployed.Input != other.Deployed.Input {
		t.Errorf("%s was touched, which reads another environment", us)
	}
}
