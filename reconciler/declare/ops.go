package declare

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// Ops is an ops file: AWS Proton's service sync.
type Ops struct {
	Services map[string]map[string]OpsInstance `json:"services"` // by service and instance
}

// An OpsInstance says where the spec of one instance is to be found. A removed
// entry deletes nothing.
type OpsInstance struct {
	Path     string `json:"path"`   // the ops file
	Branch   string `json:"branch"` // of the same repository
	Spec     string `json:"spec"`   // the file on that branch, from the root of the tree
	Position        // of the instance's name
}

func (o *Ops) names() []string { return slices.Sorted(maps.Keys(o.Services)) }

// ops reads a document whose key sync holds the key services.
func (f *File) ops(root *renderer.Node) {
	x := &values{}
	x.Mapping(root, "an ops file", "sync")
	sync := root.Get("sync")
	x.Mapping(sync, "sync", "services")
	services := sync.Get("services")
	ops := &Ops{Services: map[string]map[string]OpsInstance{}}
	if f.Ops != nil {
		ops = f.Ops
	}
	if services.Kind != renderer.Mapping {
		x.Add(services.Problem("services must be a mapping", services.Describe(), "names of services", ""))
	}
	for _, s := range services.Pairs {
		service := x.name(s.Key, "the name of a service")
		if s.Value.Kind != renderer.Mapping {
			x.Add(s.Value.Problem("a service of an ops file must be a mapping", s.Value.Describe(), "names of instances", ""))
		}
		for _, i := range s.Value.Pairs {
			before := len(x.Problems)
			instance := x.opsInstance(i)
			if len(x.Problems) > before || service == "" {
				continue
			}
			if ops.Services[service] == nil {
				ops.Services[service] = map[string]OpsInstance{}
			}
			if first, twice := ops.Services[service][i.Key.Text]; twice {
				x.Add(claimedAt(state.InstanceRef(service, i.Key.Text), first.In(root.File), "remove one of the two", i.Key))
				continue
			}
			ops.Services[service][i.Key.Text] = instance
		}
	}
	f.Problems = append(f.Problems, x.Problems...)
	f.Ops = ops
}

func (x *values) opsInstance(p renderer.Pair) OpsInstance {
	x.name(p.Key, "the name of an instance")
	i := OpsInstance{Path: p.Key.File, Position: positionOf(p.Key)}
	if !x.Mapping(p.Value, "an instance of an ops file", "branch", "spec") {
		return i
	}
	i.Branch = x.branch(x.need(p.Value, "an instance of an ops file", "branch"))
	spec := x.need(p.Value, "an instance of an ops file", "spec")
	if i.Spec = path.Clean(x.String(spec, "spec")); spec != nil && (i.Spec == "." || !fs.ValidPath(i.Spec) || strings.ContainsAny(i.Spec, "\\\x00")) {
		x.Add(spec.Problem("spec must be a file of the same repository", spec.Describe(), "a path from its root", "write it as ./services/shop.yaml"))
	}
	return i
}

func claimedAt(ref state.Ref, first, next string, at *renderer.Node) renderer.Problem {
	return at.Problem(fmt.Sprintf("%s is declared already, at %s", ref, first), "", "", next)
}

// settleOps puts the ops files together: the first by path that names an
// instance is followed.
func (r *reader) settleOps() {
	r.out.Ops = map[string]map[string]OpsInstance{}
	for i := range r.out.Files {
		f := &r.out.Files[i]
		if f.Ops == nil {
			continue
		}
		for _, service := range f.Ops.names() {
			for _, name := range slices.Sorted(maps.Keys(f.Ops.Services[service])) {
				instance := f.Ops.Services[service][name]
				if first, twice := r.out.Ops[service][name]; twice {
					at := &renderer.Node{File: f.Path, Line: instance.Line, Column: instance.Column}
					f.Conflicts = append(f.Conflicts, claimedAt(state.InstanceRef(service, name), first.In(first.Path), "remove one of the two", at))
					continue
				}
				if r.out.Ops[service] == nil {
					r.out.Ops[service] = map[string]OpsInstance{}
				}
				r.out.Ops[service][name] = instance
			}
		}
	}
}
