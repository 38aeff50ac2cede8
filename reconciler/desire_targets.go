package reconciler

import (
	"encoding/json"
	"maps"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// targetsOf are the targets that a document declares, with their needs.
func (r *Reconciler) targetsOf(origin state.Origin, doc declare.Document) []state.Target {
	h := doc.Header
	base := state.Desired{
		Template: h.Template, Follow: h.Version, Spec: doc.Spec, Origin: origin, Labels: h.Labels,
		Protected: h.Protected, Approval: h.Approval, RerunSafe: h.RerunSafe, Role: h.Role, ExternalID: h.ExternalID, Region: h.Region,
		CodebuildRole: h.CodebuildRole, ComponentRole: h.ComponentRole, Account: h.Account, Repository: h.Repository,
		Tags: h.Tags, Stack: h.Stack, Imports: h.Imports,
	}
	switch doc.Ref.Kind {
	case state.KindEnvironment:
		base.Description, base.Connection, base.Health = h.Description, h.Connection, healthText(h.Health.Instance(""))
		return []state.Target{{Ref: doc.Ref, Desired: base}}
	case state.KindComponent:
		base.Description, base.Health = h.Description, healthText(h.Health.Instance(""))
		base.Environment, base.Service, base.Instance = h.Environment, h.Service, h.Instance
		t := state.Target{Ref: doc.Ref, Desired: base}
		if h.Environment != "" {
			t.Needs = []state.Ref{state.EnvironmentRef(h.Environment)}
		}
		return []state.Target{t}
	default:
		return serviceTargets(base, doc)
	}
}

// serviceTargets are the instances of a service and, where it has one, its pipeline.
func serviceTargets(base state.Desired, doc declare.Document) []state.Target {
	parts := parts(doc)
	var out []state.Target
	pipeline := state.Target{Ref: state.PipelineRef(doc.Ref.Name), Desired: base}
	pipeline.Desired.Stack, pipeline.Desired.Imports = doc.Header.PipelineStack, doc.Header.PipelineImports
	if h := doc.Header.Health; h != nil {
		pipeline.Desired.Health = healthText(h.Pipeline)
	}
	for _, i := range doc.Instances {
		d := base
		d.Environment, d.Part, d.Origin.At = i.Environment, parts[i.Name], i.EnvironmentAt.In(doc.Path)
		if pin, ok := doc.Header.Pins[i.Name]; ok {
			d.Follow = pin
		}
		d.Stack, d.Imports = doc.Header.Stacks[i.Name], doc.Header.InstanceImports[i.Name]
		d.Health = healthText(doc.Header.Health.Instance(i.Name))
		ref := state.InstanceRef(doc.Ref.Name, i.Name)
		out = append(out, state.Target{Ref: ref, Desired: d, Needs: []state.Ref{state.EnvironmentRef(i.Environment)}})
		pipeline.Needs = append(pipeline.Needs, ref, state.EnvironmentRef(i.Environment))
	}
	if doc.Pipeline != nil {
		out = append(out, pipeline)
	}
	return out
}

// parts are the pieces of a service document that concern one instance each.
func parts(doc declare.Document) map[string]string {
	node, problems := renderer.ParseOne(doc.Path, []byte(doc.Spec), renderer.Limits{})
	if problems.Failed() {
		return nil
	}
	out := map[string]string{}
	for _, item := range instancesOf(node) {
		v, _ := renderer.Values(item)
		text, err := json.Marshal(v)
		if err == nil {
			out[textOf(item.Get("name"))] = string(text)
		}
	}
	return out
}

func sameNeeds(a, b []state.Ref) bool {
	set := func(refs []state.Ref) map[state.Ref]bool {
		m := map[state.Ref]bool{}
		for _, r := range refs {
			if r.Kind != state.KindComponent { // which the component's own document adds
				m[r] = true
			}
		}
		return m
	}
	return maps.Equal(set(a), set(b))
}

// sameDesired tells whether two desired states ask for the same.
func sameDesired(a, b state.Desired) bool {
	x, errA := gist(a)
	y, errB := gist(b)
	return errA == nil && errB == nil && x == y
}

// gist is what a desired state asks for, as text. Where it was written, by whom, and
// what of the document concerns others does not count.
func gist(d state.Desired) (string, error) {
	if d.Part != "" {
		d.Spec = ""
	}
	d.Origin, d.Version = state.Origin{}, state.Version{}
	d.Refused, d.Kept, d.Renamed, d.Description, d.RequestID = "", "", "", "", ""
	text, err := json.Marshal(d)
	return string(text), err
}
