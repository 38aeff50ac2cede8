package renderer

import (
	"maps"
	"slices"

	"baryon/renderer/jinja"
)

// Inputs hold everything a template may read. Which of it a file sees depends
// on its part; what a part does not read may be left empty.
type Inputs struct {
	ARN             string // of the resource that is rendered; RESOURCE_ARN of commands
	Environment     Environment
	Service         Service
	ServiceInstance ServiceInstance
	Instances       []PipelineInstance // for a pipeline: in the order of the spec
	Pipeline        Pipeline
	Component       Component
	Tags            []Setting // proton_tags, in order; read by Terraform only
}

// Environment is what a template sees of an environment: in its own files the
// inputs, everywhere else account and outputs.
type Environment struct {
	Name, AccountID string
	Inputs          *jinja.Dict
	Outputs         map[string]string // of the last successful deployment
}

// Service is what a template sees of a service. The fields about its
// repository are empty when it has none.
type Service struct {
	Name, RepositoryID, RepositoryConnectionARN, BranchName string
}

// ServiceInstance is what a template sees of a service instance.
type ServiceInstance struct {
	Name      string
	Inputs    *jinja.Dict
	Component *AttachedComponent // nil when none is attached
}

// AttachedComponent is a component as the instance it is attached to sees it.
type AttachedComponent struct {
	Name    string
	Outputs map[string]string
}

// PipelineInstance is a service instance as the pipeline of its service sees
// it.
type PipelineInstance struct {
	Name        string
	Inputs      *jinja.Dict
	Outputs     map[string]string
	Environment Environment
}

// Pipeline is what a template sees of its own pipeline.
type Pipeline struct{ Inputs *jinja.Dict }

// Component is what a template sees of its own component. An attached one also
// sees Inputs.Service and Inputs.ServiceInstance.
type Component struct {
	Name     string
	Attached bool
}

// Namespace builds the variables that files of a part read.
//
// A key that AWS Proton documents and that may be missing reads as something
// empty instead of undefined: service_instance.components.default and its
// outputs when nothing is attached. Such keys are neither counted, iterated nor
// written as JSON.
func (in Inputs) Namespace(p Part) *jinja.Dict {
	root := jinja.NewDict()
	switch p {
	case PartEnvironment:
		root.Set("environment", dict("name", in.Environment.Name, "inputs", given(in.Environment.Inputs)))
	case PartInstance:
		environment := in.Environment.seen()
		root.Set("environment", environment)
		root.Set("service", in.Service.dict())
		instance := dict("name", in.ServiceInstance.Name, "inputs", given(in.ServiceInstance.Inputs), "components", in.ServiceInstance.components())
		// A longer form of environment.outputs that texts of AWS Proton use.
		instance.Fallback("environment", environment)
		root.Set("service_instance", instance)
	case PartPipeline:
		root.Set("pipeline", dict("inputs", given(in.Pipeline.Inputs)))
		root.Set("service", in.Service.dict())
		list := make([]any, len(in.Instances))
		for i, instance := range in.Instances {
			list[i] = dict("name", instance.Name, "inputs", given(instance.Inputs), "outputs", outputs(instance.Outputs),
				"environment", instance.Environment.seen())
		}
		root.Set("service_instances", list)
	case PartComponent:
		root.Set("component", dict("name", in.Component.Name))
		root.Set("environment", in.Environment.seen())
		if in.Component.Attached {
			root.Set("service", dict("name", in.Service.Name))
			root.Set("service_instance", dict("name", in.ServiceInstance.Name, "inputs", given(in.ServiceInstance.Inputs)))
		}
	}
	return root
}

func (e Environment) seen() *jinja.Dict {
	return dict("account_id", e.AccountID, "name", e.Name, "outputs", outputs(e.Outputs))
}

func (s Service) dict() *jinja.Dict {
	return dict("name", s.Name, "repository_connection_arn", s.RepositoryConnectionARN, "repository_id", s.RepositoryID, "branch_name", s.BranchName)
}

func (i ServiceInstance) components() *jinja.Dict {
	if i.Component != nil {
		return dict("default", dict("name", i.Component.Name, "outputs", outputs(i.Component.Outputs)))
	}
	none, components := jinja.NewDict(), jinja.NewDict()
	none.Fallback("outputs", jinja.NewDict())
	components.Fallback("default", none)
	return components
}

// dict makes a Dict of alternating keys and values.
func dict(pairs ...any) *jinja.Dict {
	d := jinja.NewDict()
	for i := 0; i+1 < len(pairs); i += 2 {
		key, _ := pairs[i].(string)
		d.Set(key, pairs[i+1])
	}
	return d
}

func given(d *jinja.Dict) *jinja.Dict {
	if d == nil {
		return jinja.NewDict()
	}
	return d
}

// outputs are sorted by key, since engines report them in no order.
func outputs(m map[string]string) *jinja.Dict {
	d := jinja.NewDict()
	for _, k := range slices.Sorted(maps.Keys(m)) {
		d.Set(k, m[k])
	}
	return d
}

// Canonical writes everything that a rendering of the part depends on as JSON.
// Equal inputs give equal bytes. The order of keys in inputs is kept, since a
// template that loops over them shows it.
func (in Inputs) Canonical(p Part) ([]byte, error) {
	root := in.Namespace(p)
	root.Set("arn", in.ARN)
	root.Set("proton_tags", in.tags())
	return root.MarshalJSON()
}

func (in Inputs) tags() *jinja.Dict {
	d := jinja.NewDict()
	for _, t := range in.Tags {
		d.Set(t.Name, t.Value)
	}
	return d
}

// OutputsOf turns the inputs of a customer-managed environment into its
// outputs.
func OutputsOf(inputs *jinja.Dict) map[string]string {
	out := map[string]string{}
	for _, k := range given(inputs).Keys() {
		v, _ := inputs.Get(k)
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}
