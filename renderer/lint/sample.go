package lint

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"baryon/renderer"
	"baryon/renderer/jinja"
)

// indices are the brackets of paths: service_instances[0].
var indices = regexp.MustCompile(`\[[0-9]+\]`)

// sample makes the inputs of a part. invented are the paths of values that are
// made up, with [] for every index.
func (c *check) sample(p renderer.Part, all bool) (renderer.Inputs, []string, renderer.Problems) {
	uses, _ := c.Renderer.Uses(c.bundle, p)
	return Sample(c.bundle, p, uses, all)
}

// Sample makes inputs for a part when there is no spec: those of the schema, see
// renderer.Type.Sample, and an output for each that the uses read. invented are
// the paths of values that are made up, with [] for every index.
func Sample(b *renderer.Bundle, p renderer.Part, uses []renderer.Use, all bool) (in renderer.Inputs, invented []string, problems renderer.Problems) {
	s := &sampler{all: all, uses: uses}
	var schema renderer.Schema
	if b.Schema != nil {
		schema = *b.Schema
	}
	in.ARN = "arn:aws:proton:us-east-1:123456789012:sample"
	in.Environment = renderer.Environment{Name: "sample-env", AccountID: "123456789012", Outputs: s.outputs("environment")}
	in.Service = renderer.Service{Name: "sample-svc", RepositoryID: "sample/app", BranchName: "main",
		RepositoryConnectionARN: "arn:aws:codestar-connections:us-east-1:123456789012:connection/sample"}
	in.ServiceInstance.Name = "sample-inst"
	switch p {
	case renderer.PartEnvironment:
		in.Environment.Inputs = s.inputs(schema.Environment, "environment")
	case renderer.PartInstance:
		maps.Copy(in.Environment.Outputs, s.outputs("service_instance.environment"))
		in.ServiceInstance.Inputs = s.inputs(schema.Service, "service_instance")
		if all && len(s.outputs("service_instance.components.default")) > 0 || all && s.component() {
			in.ServiceInstance.Component = &renderer.AttachedComponent{Name: "sample-component", Outputs: s.outputs("service_instance.components.default")}
		}
	case renderer.PartPipeline:
		in.Pipeline.Inputs = s.inputs(schema.Pipeline, "pipeline")
		environment := renderer.Environment{Name: "sample-env", AccountID: "123456789012", Outputs: s.outputs("service_instances[].environment")}
		in.Instances = []renderer.PipelineInstance{{Name: "sample-inst", Inputs: s.inputs(schema.Service, "service_instances[]"),
			Outputs: s.outputs("service_instances[]"), Environment: environment}}
	case renderer.PartComponent:
		in.Component = renderer.Component{Name: "sample-component", Attached: true}
		in.ServiceInstance.Inputs = s.free("service_instance.inputs")
	}
	return in, s.invented, s.problems
}

type sampler struct {
	all      bool
	uses     []renderer.Use
	invented []string
	problems renderer.Problems
}

func (s *sampler) inputs(t *renderer.Type, of string) *jinja.Dict {
	d, invented, problems := t.Sample(s.all)
	for _, path := range invented {
		s.invented = append(s.invented, of+".inputs."+path)
	}
	s.problems = append(s.problems, problems...)
	return d
}

// outputs invents the outputs of a target that the uses read.
func (s *sampler) outputs(of string) map[string]string {
	s.note(of + ".outputs")
	out := map[string]string{}
	for _, key := range s.read(of + ".outputs") {
		out[key] = sampleOutput(key)
	}
	return out
}

func (s *sampler) note(path string) {
	if !slices.Contains(s.invented, path) && len(s.read(path)) > 0 {
		s.invented = append(s.invented, path)
	}
}

// component tells whether anything is asked of an attached component.
func (s *sampler) component() bool {
	return slices.ContainsFunc(s.uses, func(u renderer.Use) bool { return strings.HasPrefix(u.Name(), "service_instance.components.default") })
}

// free invents the inputs of a component, which have no schema.
func (s *sampler) free(of string) *jinja.Dict {
	s.note(of)
	d := jinja.NewDict()
	for _, key := range s.read(of) {
		d.Set(key, "sample")
	}
	return d
}

// read lists the keys below a path that are read, sorted.
func (s *sampler) read(of string) []string {
	var out []string
	for _, u := range s.uses {
		if rest, ok := strings.CutPrefix(u.Name(), of+"."); ok {
			key, _, _ := strings.Cut(rest, ".")
			if key = strings.TrimSuffix(key, jinja.AnyItem); key != "" {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// sampleOutput is a value such as an output of that name may have.
func sampleOutput(key string) string {
	switch lower := strings.ToLower(key); {
	case strings.HasSuffix(lower, "arn"):
		return "arn:aws:iam::123456789012:policy/sample"
	case strings.Contains(lower, "cidr"):
		return "10.0.0.0/16"
	default:
		return "sample-" + strings.ToLower(key)
	}
}
