package reconciler

import (
	"strings"
	"testing"

	"baryon/state"
)

// TestRenames takes names away and declares the same under other ones. Without a
// person nothing may be deleted here, so what is taken away was seen as a rename.
func TestRenames(t *testing.T) {
	start := func(t *testing.T) *world {
		w := newWorld(t, Settings{Deletions: -1})
		w.write("web/v1/schema/schema.yaml", `schema:
  format: {openapi: "3.0.0"}
  service_input_type: In
  types: {In: {type: object, properties: {count: {type: integer, default: 1}}}}
`)
		w.write("web/v1/instance_infrastructure/manifest.yaml", "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: ['echo {{ service.name }}'], deprovision: [echo]}\n")
		w.write("web/v1/.compatible-envs", "net:1\n")
		w.environment("dev", "", "small")
		return w
	}
	service := func(w *world, name string) {
		w.write(name+".yaml", "proton: ServiceSpec\nbaryon: {service: "+name+", template: web, version: \"1\"}\ninstances:\n  - {name: eu, environment: dev}\n")
	}
	t.Run("service", func(t *testing.T) {
		w := start(t)
		service(w, "shop")
		w.push()
		w.pass()
		w.hold = true
		delete(w.files, "shop.yaml")
		service(w, "store")
		w.push()
		w.pass()
		old := state.InstanceRef("shop", "eu")
		if got := w.target(old); got.Waiting.Reason != state.WaitOrder || got.Waiting.On != "service/store/service-instance/eu" {
			t.Errorf("while the new one is made, the old one waits for %+v", got.Waiting)
		}
		for range 3 {
			w.end()
			w.pass()
		}
		if _, err := w.store.Target(t.Context(), old); !isMissing(err) {
			t.Errorf("the old instance is still there: %+v, %v", w.target(old).Waiting, err)
		}
		last, err := w.store.LastDeployment(t.Context(), old)
		if err != nil || last == nil || last.Reason != "renamed to service/store/service-instance/eu in main:shop.yaml" {
			t.Errorf("the last deployment of the old instance is %+v, %v", last, err)
		}
		if n, err := w.store.CountDeletions(t.Context(), w.now.Add(-guarded), state.EnvironmentRef("dev")); err != nil || n != 0 {
			t.Errorf("the guard counts %d deletions, %v", n, err)
		}
	})
	t.Run("two that say the same", func(t *testing.T) {
		w := start(t)
		service(w, "shop")
		w.push()
		w.pass()
		delete(w.files, "shop.yaml")
		service(w, "store")
		service(w, "stall")
		w.push()
		w.pass()
		if got := w.target(state.InstanceRef("shop", "eu")); got.Waiting.Reason != state.WaitGuard || got.Desired.Renamed != "" {
			t.Errorf("nobody knows which one it was renamed to; it waits for %+v", got.Waiting)
		}
	})
	t.Run("component", func(t *testing.T) {
		w := start(t)
		piece := func(name string) state.Ref {
			w.write(name+".yaml", "baryon: {component: "+name+", environment: dev, files: ./piece}\n")
			return state.ComponentRef(name)
		}
		w.write("piece/manifest.yaml", "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: ['echo {{ component.name }}'], deprovision: [echo]}\n")
		s := w.loop.current()
		s.Repositories[0].Allow.Commands = true
		w.do(w.loop.Configure(t.Context(), s))
		old := piece("queue")
		w.push()
		w.pass()
		if got := w.target(old); got.Deployed.Deployment == "" {
			t.Fatalf("the component waits for %+v, refused: %s", got.Waiting, got.Desired.Refused)
		}
		delete(w.files, "queue.yaml")
		next := piece("topic")
		w.push()
		for range 4 {
			w.end()
			w.pass()
		}
		if _, err := w.store.Target(t.Context(), old); !isMissing(err) {
			t.Errorf("the old component is still there, waiting for %+v", w.target(old).Waiting)
		}
		if got := w.target(next); got.Deployed.Deployment == "" {
			t.Errorf("the new component waits for %+v", got.Waiting)
		}
	})
	t.Run("environment", func(t *testing.T) {
		w := start(t)
		w.push()
		w.pass()
		delete(w.files, "dev.yaml")
		next := w.environment("next", "", "small")
		w.push()
		w.pass()
		if got := w.target(next); got.Deployed.Deployment == "" {
			t.Errorf("the new environment waits for %+v", got.Waiting)
		}
		dev := state.EnvironmentRef("dev")
		got := w.target(dev)
		if got.Waiting.Reason != state.WaitGuard || !strings.Contains(got.Waiting.Why, "an environment cannot be renamed") || !strings.Contains(got.Waiting.Why, "environment/next") {
			t.Errorf("the old environment waits for %+v", got.Waiting)
		}
		w.do(w.store.Approve(t.Context(), "ada", dev, "empty"))
		w.pass()
		if _, err := w.store.Target(t.Context(), dev); !isMissing(err) {
			t.Errorf("approved, it is still there: %v", err)
		}
	})
	t.Run("environment and back", func(t *testing.T) {
		w := start(t)
		w.push()
		w.pass()
		delete(w.files, "dev.yaml")
		next := w.environment("next", "", "small")
		w.push()
		w.pass()
		delete(w.files, "next.yaml")
		dev := w.environment("dev", "", "small")
		w.push()
		w.pass()
		if got := w.target(dev); got.Desired.Deleted || got.Waiting.Reason != "" || got.Desired.Renamed != "" {
			t.Errorf("named back, dev is %+v, waiting for %+v", got.Desired, got.Waiting)
		}
		if got := w.target(next); got.Waiting.Reason != state.WaitGuard {
			t.Errorf("next waits for %+v", got.Waiting)
		}
	})
}
