package reconciler

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"baryon/state"
)

// TestRestHidesNothing makes random changes of all that a visit reads, and after
// each pass looks at every target in full, those that were put off included:
// there must be nothing to do for any of them, or the wait that they show.
func TestRestHidesNothing(t *testing.T) {
	const environments = 3
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, Settings{})
			w.write("web/v1/schema/schema.yaml", `schema:
  format: {openapi: "3.0.0"}
  service_input_type: In
  pipeline_input_type: Pipe
  types:
    In: {type: object, properties: {count: {type: integer, default: 1}}}
    Pipe: {type: object, properties: {dir: {type: string, default: here}}}
`)
			web := func(part, text string) {
				w.write("web/v1/"+part+"/manifest.yaml", "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: [\""+text+"\"], deprovision: [echo]}\n")
			}
			net := func(text string) {
				w.write("net/v1/infrastructure/manifest.yaml", "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: [\"echo {{ environment.inputs.size }}"+text+"\"], deprovision: [echo]}\n")
			}
			web("instance_infrastructure", "echo {{ service_instance.inputs.count }} {{ environment.outputs.address }}")
			web("pipeline_infrastructure", "echo {% for i in service_instances %}{{ i.name }} {{ i.inputs.count }} {{ i.outputs }}{% endfor %}")
			w.write("web/v1/.compatible-envs", "net:1\n")
			service := func(counts ...int) {
				text := "proton: ServiceSpec\nbaryon: {service: shop, template: web, version: \"1\"}\npipeline: {}\ninstances:\n"
				for i, c := range counts {
					text += fmt.Sprintf("  - {name: i%d, environment: e%d, spec: {count: %d}}\n", i, i%environments, c)
				}
				w.write("shop.yaml", text)
			}
			for i := range environments {
				w.environment(fmt.Sprintf("e%d", i), "", "small")
			}
			service(1, 1)
			w.push()
			w.pass()
			for range 12 {
				n := random.IntN(6)
				env := state.EnvironmentRef(fmt.Sprintf("e%d", n%environments))
				switch random.IntN(9) {
				case 0:
					w.environment(env.Name, "", fmt.Sprint("size", n))
					w.push()
				case 1:
					service(1, n, 2)
					w.push()
				case 2:
					service(n, 1)
					w.push()
				case 3:
					net(fmt.Sprint(n))
					w.push()
				case 4:
					web("instance_infrastructure", fmt.Sprint("echo {{ service_instance.inputs.count }} {{ environment.outputs.address }} ", n))
					w.push()
				case 5:
					w.outputs = map[string]string{"address": fmt.Sprint(n)}
					_ = w.store.Redeploy(t.Context(), "ada", env, "again")
				case 6:
					s := w.loop.current()
					s.Region, s.Account = fmt.Sprint("region-", n), fmt.Sprintf("%012d", n)
					w.do(w.loop.Configure(t.Context(), s))
				case 7:
					w.do(w.store.Wake(t.Context(), env, state.InstanceRef("shop", "i0"), state.PipelineRef("shop")))
				case 8:
					w.environment(env.Name, ", labels: {n: \""+fmt.Sprint(n)+"\"}", "small")
					w.push()
				}
				w.end()
				w.pass()
				w.wantAllSettled()
			}
		})
	}
}

// wantAllSettled looks at every target in full.
func (w *world) wantAllSettled() {
	w.t.Helper()
	targets, err := w.store.Targets(w.t.Context(), state.Filter{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, t := range targets {
		t = w.target(t.Ref)
		v, _, err := w.loop.look(w.t.Context(), t)
		if err != nil {
			w.t.Fatal(err)
		}
		if c := Plan(v); c.Step != Nothing || c.Waiting.Reason != t.Waiting.Reason || v.Target.Desired.Version != t.Desired.Version {
			w.t.Errorf("%s rests, and a visit would %s (%s), waiting for %+v, on version %s; it shows %+v, on version %s",
				t.Ref, c.Step, c.Reason, c.Waiting, v.Target.Desired.Version, t.Waiting, t.Desired.Version)
		}
	}
}
