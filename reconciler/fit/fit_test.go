package fit_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"baryon/reconciler/declare"
	"baryon/reconciler/fit"
	"baryon/renderer"
)

// tree is a repository in memory.
type tree struct{ fstest.MapFS }

func (tree) Hash(p string) (string, error) { return p, nil }

const schema = `schema:
  format: {openapi: "3.0.0"}
  service_input_type: In
  pipeline_input_type: Pipe
  types:
    In: {type: object, properties: {size: {type: integer, default: 1}}}
    Pipe: {type: object, required: [dir], properties: {dir: {type: string}}}
`

const manifest = `infrastructure:
  templates:
    - rendering_engine: codebuild
      settings: {provision: [echo], deprovision: [echo]}
`

// service opens a service template.
func service(t *testing.T, registration string, pipeline bool) *renderer.Bundle {
	t.Helper()
	files := fstest.MapFS{
		"schema/schema.yaml":                    {Data: []byte(schema)},
		"instance_infrastructure/manifest.yaml": {Data: []byte(manifest)},
		".template-registration.yaml":           {Data: []byte(registration)},
	}
	if pipeline {
		files["pipeline_infrastructure/manifest.yaml"] = &fstest.MapFile{Data: []byte(manifest)}
	} else {
		files["schema/schema.yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(schema, "  pipeline_input_type: Pipe\n", "", 1))}
	}
	b, err := renderer.Open(files, "web/v1", renderer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCheck(t *testing.T) {
	t.Parallel()
	piped := service(t, "compatible_environments: [net:1, net:2]\n", true)
	plain := service(t, "compatible_environments: [net:1]\nsupported_component_sources: [DIRECTLY_DEFINED]\n", false)
	const head = "proton: ServiceSpec\nbaryon: {service: shop, template: web, version: \"1\", pins: {old: \"1.0\"}}\n"
	for name, tt := range map[string]struct {
		doc    string
		bundle *renderer.Bundle
		want   []string
	}{
		"all fits":                     {head + "pipeline: {dir: .}\ninstances:\n  - {name: old, environment: dev, spec: {size: 2}}\n", piped, nil},
		"a pipeline that is left out":  {head + "instances:\n  - {name: old, environment: dev}\n", piped, []string{`shop.yaml:2:1: the spec needs the input "dir"`}},
		"a pipeline too many":          {head + "pipeline: {dir: .}\ninstances:\n  - {name: old, environment: dev}\n", plain, []string{"shop.yaml:3:1: the template web has no pipeline"}},
		"a spec of the wrong type":     {head + "instances:\n  - {name: old, environment: dev, spec: {size: x}}\n", plain, []string{"shop.yaml:4:48: "}},
		"a value to keep has any type": {head + "instances:\n  - {name: old, environment: dev, spec: {size: \"${Proton::CURRENT_VAL}\"}}\n", plain, nil},
		"an environment of elsewhere":  {head + "instances:\n  - {name: old, environment: deve}\n", plain, []string{"shop.yaml:4:30: warning: nothing declares this environment"}},
		"an environment of another template": {head + "instances:\n  - {name: old, environment: odd}\n", plain,
			[]string{"shop.yaml:4:30: the template web does not run in this environment, got environment/odd, made from odd:1, want one made from net:1"}},
		"an environment of another major": {head + "instances:\n  - {name: old, environment: next}\n", plain,
			[]string{"shop.yaml:4:30: the template web does not run in this environment, got environment/next, made from net:2, want one made from net:1"}},
		"nothing known of the template": {head + "pipeline: {}\ninstances:\n  - {name: old, environment: odd}\n", nil, nil},

		"a component of an instance":            {"baryon: {component: c, service: shop, instance: free, files: ./c}\n", plain, nil},
		"where the template takes none":         {"baryon: {component: c, service: shop, instance: free, files: ./c}\n", piped, []string{"shop.yaml:1:49: the template of this instance takes no components"}},
		"a second one":                          {"baryon: {component: c, service: shop, instance: taken, files: ./c}\n", plain, []string{"shop.yaml:1:49: an instance has one component"}},
		"the one that is attached":              {"baryon: {component: first, service: shop, instance: taken, files: ./c}\n", plain, nil},
		"an instance that is not there":         {"baryon: {component: c, service: shop, instance: none, files: ./c}\n", plain, []string{"shop.yaml:1:49: warning: nothing declares this instance"}},
		"another environment than the instance": {"baryon: {component: c, environment: odd, service: shop, instance: free, files: ./c}\n", plain, []string{"shop.yaml:1:37: the instance runs in another environment"}},
		"one without an instance":               {"baryon: {component: c, environment: dev, files: ./c}\n", plain, nil},
		"one in an environment of elsewhere":    {"baryon: {component: c, environment: none, files: ./c}\n", plain, []string{"shop.yaml:1:37: warning: nothing declares this environment"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := tree{fstest.MapFS{"shop.yaml": {Data: []byte(tt.doc)}, "c/manifest.yaml": {Data: []byte(manifest)}}}
			d, err := declare.Read(t.Context(), files, nil, declare.Options{})
			if err != nil || len(d.Documents) != 1 {
				t.Fatalf("%d documents, %v\n%s", len(d.Documents), err, d.Problems)
			}
			environments := map[string]fit.Environment{"dev": {Template: "net", Major: 1}, "odd": {Template: "odd", Major: 1}, "next": {Template: "net", Major: 2}}
			instances := map[string]fit.Instance{
				"free": {Environment: "dev", Bundle: tt.bundle}, "taken": {Environment: "dev", Bundle: tt.bundle, Component: "first"},
			}
			problems := fit.Check(d.Documents[0], fit.World{
				Bundle:       func(string) *renderer.Bundle { return tt.bundle },
				Environment:  func(name string) (fit.Environment, bool) { e, ok := environments[name]; return e, ok },
				Environments: func() []string { return nil },
				Instance:     func(_, name string) (fit.Instance, bool) { i, ok := instances[name]; return i, ok },
			})
			var got []string
			for i, p := range problems {
				text := p.String()
				if i < len(tt.want) && strings.HasPrefix(text, tt.want[i]) {
					text = tt.want[i]
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
