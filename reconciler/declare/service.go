package declare

import (
	"fmt"
	"slices"

	"baryon/renderer"
)

// service reads the rest of the document of a service.
func (x *docReader) service() {
	x.serviceSpec("a service")
	if x.root.Get("instances").Null() {
		return
	}
	for _, key := range []string{"pins", "stacks"} {
		byInstance := x.root.Get("baryon").Get(key)
		if byInstance == nil || byInstance.Kind != renderer.Mapping {
			continue
		}
		for _, p := range byInstance.Pairs {
			x.mustName(p.Key, key)
		}
	}
	if one := x.root.Get("baryon").Get("health").Get("instances"); one != nil && len(x.doc.Instances) > 0 { // else an ops file names them
		for _, p := range one.Pairs {
			x.mustName(p.Key, "health.instances")
		}
	}
}

// mustName checks that n names an instance of the document.
func (x *docReader) mustName(n *renderer.Node, what string) {
	names := make([]string, 0, len(x.doc.Instances))
	for _, i := range x.doc.Instances {
		names = append(names, i.Name)
	}
	if slices.Contains(names, n.Text) {
		return
	}
	p := n.Problem(what+" names an instance that the document does not have", n.Describe(), "", "")
	if near := renderer.Nearest(n.Text, names); near != "" {
		p.Next = fmt.Sprintf("did you mean %q?", near)
	}
	x.Add(p)
}

// serviceSpec reads a ServiceSpec: the pipeline and the instances.
func (x *docReader) serviceSpec(what string) {
	x.Mapping(x.root, "a ServiceSpec", "proton", "baryon", "pipeline", "instances")
	x.proton(what, serviceSpec)
	if at := x.root.KeyNode("pipeline"); at != nil {
		x.inputs(x.root.Get("pipeline"), "pipeline")
		p := positionOf(at)
		x.doc.Pipeline = &p
	}
	list := x.root.Get("instances")
	if list.Null() {
		// A forgotten list must not read as the wish to delete all instances.
		at := x.root.KeyNode("instances")
		if at == nil {
			at = x.root
		}
		x.Add(at.Problem("a ServiceSpec needs the key \"instances\"", "", "a list of instances",
			"add them; write instances: [] for a service that has none, or whose instances come from an ops file"))
		return
	}
	items := x.List(list, "instances")
	if len(items) > x.options.MaxInstances {
		x.Add(items[x.options.MaxInstances].Problem("the service has too many instances", fmt.Sprint(len(items)),
			fmt.Sprintf("at most %d", x.options.MaxInstances), "split the service, or raise the limit in the configuration"))
		items = items[:x.options.MaxInstances]
	}
	for _, item := range items {
		x.instance(item)
	}
}

func (x *docReader) instance(n *renderer.Node) {
	if !x.Mapping(n, "an instance", "name", "environment", "spec") {
		return
	}
	i := Instance{Position: positionOf(n), Name: x.name(x.need(n, "an instance", "name"), "the name of an instance")}
	if environment := x.need(n, "an instance", "environment"); environment != nil {
		i.Environment = x.name(environment, "the name of an environment")
		i.EnvironmentAt = positionOf(environment)
	}
	x.inputs(n.Get("spec"), "spec")
	for _, other := range x.doc.Instances {
		if i.Name != "" && other.Name == i.Name {
			x.Add(n.Get("name").Problem(fmt.Sprintf("the service has two instances named %q", i.Name),
				fmt.Sprintf("the first at line %d, column %d", other.Line, other.Column), "", "rename one of the two"))
			return
		}
	}
	x.doc.Instances = append(x.doc.Instances, i)
}
