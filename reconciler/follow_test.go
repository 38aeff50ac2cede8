package reconciler

import (
	"strings"
	"testing"

	"baryon/state"
)

// TestPipelineSeesSyncedInstances: instances that an ops file names are inputs
// of their service's pipeline as those of its document are, come and go.
func TestPipelineSeesSyncedInstances(t *testing.T) {
	w := newWorld(t, Settings{Deletions: 10})
	w.write("web/v1/schema/schema.yaml", `schema:
  format: {openapi: "3.0.0"}
  service_input_type: In
  pipeline_input_type: Pipe
  types:
    In: {type: object, properties: {count: {type: integer, default: 1}}}
    Pipe: {type: object, properties: {dir: {type: string, default: here}}}
`)
	manifest := "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: ['echo %'], deprovision: [echo]}\n"
	w.write("web/v1/instance_infrastructure/manifest.yaml", strings.ReplaceAll(manifest, "%", "one"))
	w.write("web/v1/pipeline_infrastructure/manifest.yaml", strings.ReplaceAll(manifest, "%", "sees{% for i in service_instances %} {{ i.name }}={{ i.inputs.count }}{% endfor %}"))
	w.write("web/v1/.compatible-envs", "net:1\n")
	w.environment("dev", "", "small")
	w.write("shop.yaml", "proton: ServiceSpec\nbaryon: {service: shop, template: web, version: \"1\"}\npipeline: {}\ninstances: []\n")
	w.write("spec.yaml", "proton: ServiceSpec\ninstances:\n  - {name: b, environment: dev, spec: {count: 2}}\n  - {name: a, environment: dev}\n")
	ops := func(names ...string) {
		text := "sync:\n  services:\n    shop:\n"
		for _, name := range names {
			text += "      " + name + ": {branch: main, spec: spec.yaml}\n"
		}
		w.write("proton-ops.yaml", text)
	}
	pipeline := state.PipelineRef("shop")
	wantSeen := func(situation, want string) {
		t.Helper()
		w.end()
		w.pass()
		got := w.target(pipeline)
		art, err := w.loop.artifact(t.Context(), got.Deployed.Rendered)
		if err != nil || got.Waiting.Reason != "" || len(art.Commands) != 1 || art.Commands[0] != "echo "+want {
			t.Errorf("%s: the pipeline runs %+v, %v, waiting for %+v; want echo %s", situation, art, err, got.Waiting, want)
		}
	}
	ops("b")
	w.push()
	w.pass()
	wantSeen("one entry", "sees b=2")
	ops("a", "b")
	w.push()
	w.pass()
	wantSeen("two entries", "sees a=1 b=2")
	w.write("spec.yaml", "proton: ServiceSpec\ninstances:\n  - {name: b, environment: dev, spec: {count: 3}}\n  - {name: a, environment: dev}\n")
	w.push()
	w.pass()
	wantSeen("another spec", "sees a=1 b=3")
	ops("b")
	w.push()
	w.pass()
	wantSeen("an entry left the ops file, which deletes nothing", "sees a=1 b=3")
	w.do(w.store.Delete(t.Context(), "ada", state.InstanceRef("shop", "a"), "done"))
	w.pass()
	wantSeen("the instance is deleted by hand", "sees b=3")
	if _, err := w.store.Target(t.Context(), state.InstanceRef("shop", "a")); !isMissing(err) {
		t.Errorf("the deleted instance is still there: %v", err)
	}
	w.push()
	w.pass()
	wantSeen("pushed again", "sees b=3")
}
