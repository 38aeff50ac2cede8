package declare

import (
	"slices"

	"baryon/renderer"
)

// A Health is what a document says of how it is known that what it declares
// works, in place of what the template says.
type Health struct {
	Of        *renderer.Health            `json:"of,omitempty"`        // an environment, a component, all instances of a service
	Instances map[string]*renderer.Health `json:"instances,omitempty"` // of single ones, over Of
	Pipeline  *renderer.Health            `json:"pipeline,omitempty"`
}

// Instance is what is said of one instance of a service.
func (h *Health) Instance(name string) *renderer.Health {
	if h == nil {
		return nil
	}
	return h.Instances[name].Over(h.Of)
}

// Commands reports whether a check runs commands.
func (h *Health) Commands() bool {
	if h == nil {
		return false
	}
	all := []*renderer.Health{h.Of, h.Pipeline}
	for _, one := range h.Instances {
		all = append(all, one)
	}
	return slices.ContainsFunc(all, func(one *renderer.Health) bool { return len(one.Commands()) > 0 })
}

// health reads the key health of an environment or a component.
func (x *values) health(n *renderer.Node) *Health {
	if of := x.reader().Read(n, "health"); of != nil {
		return &Health{Of: of}
	}
	return nil
}

// serviceHealth reads that of a service, which may say more of single instances
// and of the pipeline.
func (x *values) serviceHealth(n *renderer.Node) *Health {
	of := x.reader().Read(n, "health", "instances", "pipeline")
	if of == nil {
		return nil
	}
	h := &Health{Of: of, Pipeline: x.reader().Read(n.Get("pipeline"), "health.pipeline")}
	instances := n.Get("instances")
	if instances.Null() {
		return h
	}
	if instances.Kind != renderer.Mapping {
		x.Add(instances.Problem("health.instances must be a mapping", instances.Describe(), "instance: {within: …}", ""))
		return h
	}
	h.Instances = map[string]*renderer.Health{}
	for _, p := range instances.Pairs {
		if one := x.reader().Read(p.Value, "health.instances."+p.Key.Text); one != nil {
			h.Instances[p.Key.Text] = one
		}
	}
	return h
}

func (x *values) reader() renderer.HealthReader {
	return renderer.HealthReader{Decoder: &x.Decoder, Document: true}
}
