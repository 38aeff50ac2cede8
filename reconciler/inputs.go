package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"baryon/renderer"
	"baryon/renderer/jinja"
	"baryon/state"
)

// wanted is the version a target wants now, with its spec checked against it.
type wanted struct {
	version state.Version
	row     state.TemplateVersion
	bundle  *renderer.Bundle
	part    renderer.Part
	inputs  *jinja.Dict // of the target itself
	order   []string    // pipeline: the instances in the order of the spec
}

// wanted resolves what a target follows to a version, opens its bundle, and
// checks the spec. A non-empty Waiting says why that cannot be done.
func (r *Reconciler) wanted(ctx context.Context, t state.Target) (wanted, state.Waiting, error) {
	w := wanted{part: partOf(t.Ref.Kind)}
	if t.Ref.Kind == state.KindComponent {
		return r.wantedComponent(ctx, t, w)
	}
	version, blocked, err := r.version(ctx, t)
	if err != nil || blocked.Reason != "" {
		return w, blocked, err
	}
	w.version = version
	v, err := r.cfg.Store.TemplateVersion(ctx, templateKind(t.Ref.Kind), t.Desired.Template, version)
	if err != nil {
		return w, state.Waiting{}, err
	}
	w.row = v
	w.bundle, err = r.open(ctx, v)
	if err != nil {
		return w, state.Waiting{}, err
	}
	if err := w.check(t); err != nil {
		return w, state.Waiting{
			Reason: state.WaitSpec, On: t.Desired.Template + " " + version.String(),
			Why:  "the spec does not fit " + t.Desired.Template + " " + version.String() + ":\n" + err.Error(),
			Next: "correct the spec, or pin a version that it fits",
		}, nil
	}
	return w, state.Waiting{}, nil
}

// wantedComponent opens the files a component brings with it.
func (r *Reconciler) wantedComponent(ctx context.Context, t state.Target, w wanted) (wanted, state.Waiting, error) {
	var err error
	w.bundle, err = r.bundle(ctx, t.Desired.Files, t.Ref.Name, func(files fs.FS) (*renderer.Bundle, error) {
		// Whether it may run commands was decided when it was declared.
		return renderer.OpenComponent(files, t.Ref.Name, renderer.Options{Commands: true})
	})
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		return w, state.Waiting{Reason: state.WaitSpec, On: t.Ref.String(), Why: problems.Error(), Next: "correct the component's files"}, nil
	}
	if err == nil && t.Desired.Spec != "" && t.Desired.Instance != "" {
		w.inputs, err = freeInputs(t)
	}
	return w, state.Waiting{}, err
}

// version resolves what a target follows.
func (r *Reconciler) version(ctx context.Context, t state.Target) (state.Version, state.Waiting, error) {
	kind, name := templateKind(t.Ref.Kind), t.Desired.Template
	follow, pinned, err := t.Desired.Follow.Parse()
	if err != nil && t.Desired.Follow != "" {
		return state.Version{}, state.Waiting{Reason: state.WaitVersion, On: name, Why: err.Error(), Next: "correct the version in " + t.Desired.Origin.String()}, nil
	}
	if pinned {
		v, err := r.cfg.Store.TemplateVersion(ctx, kind, name, follow)
		var missing *state.NotFoundError
		if errors.As(err, &missing) || err == nil && !v.Status.Usable() {
			return state.Version{}, state.Waiting{
				Reason: state.WaitVersion, On: name + " " + follow.String(),
				Why: fmt.Sprintf("template %s has no usable version %s", name, follow), Next: "see: baryon get template " + name,
			}, nil
		}
		return follow, state.Waiting{}, err
	}
	found, err := r.cfg.Store.Recommended(ctx, kind, name, follow.Major)
	if err != nil || found != (state.Version{}) {
		return found, state.Waiting{}, err
	}
	return state.Version{}, r.noVersion(ctx, kind, name, follow.Major), nil
}

// noVersion says what would give a template a version to follow.
func (r *Reconciler) noVersion(ctx context.Context, kind state.Kind, name string, major int64) state.Waiting {
	w := state.Waiting{Reason: state.WaitVersion, On: name, Why: "template " + name + " has no published version", Next: "push it, and publish it"}
	if major > 0 {
		w.Why += fmt.Sprintf(" of major %d", major)
	}
	versions, err := r.cfg.Store.TemplateVersions(ctx, kind, name)
	if err != nil {
		return w
	}
	for _, v := range slices.Backward(versions) {
		if (major == 0 || v.Version.Major == major) && v.Status == state.Draft {
			w.Next = "baryon publish " + name + " " + v.Version.String()
			return w
		}
	}
	return w
}

// open opens the bundle of a registered version.
func (r *Reconciler) open(ctx context.Context, v state.TemplateVersion) (*renderer.Bundle, error) {
	dir := v.Origin.Path
	if dir == "" {
		dir = v.Name + "/v" + fmt.Sprint(v.Version.Major)
	}
	return r.bundle(ctx, v.Bundle, dir, func(files fs.FS) (*renderer.Bundle, error) {
		return renderer.Open(files, dir, renderer.Options{})
	})
}

// check compares the spec of a target with the schema of its version.
func (w *wanted) check(t state.Target) error {
	node, problems := renderer.ParseOne(t.Desired.Origin.Path, []byte(t.Desired.Spec), renderer.Limits{})
	if problems.Failed() {
		return problems.Err()
	}
	schema := w.bundle.Schema
	switch t.Ref.Kind {
	case state.KindEnvironment:
		w.inputs, problems = checkType(schema.Environment, node.Get("spec"))
	case state.KindInstance:
		w.inputs, problems = checkType(schema.Service, instanceSpec(node, t.Ref.Name))
	case state.KindPipeline:
		if !w.bundle.HasPipeline() {
			return renderer.Problems{node.Problem("this version of the template has no pipeline", "", "", "pin another version")}.Err()
		}
		w.inputs, problems = checkType(schema.Pipeline, node.Get("pipeline"))
		for _, item := range instancesOf(node) {
			w.order = append(w.order, textOf(item.Get("name")))
		}
	}
	shift(problems, t.Desired.Origin.Line)
	return problems.Err()
}

// shift turns lines of the kept spec into lines of the file it came from.
func shift(problems renderer.Problems, line int) {
	if line <= 1 {
		return
	}
	for i := range problems {
		if problems[i].Line > 0 {
			problems[i].Line += line - 1
		}
	}
}

func checkType(t *renderer.Type, values *renderer.Node) (*jinja.Dict, renderer.Problems) {
	if t == nil {
		return jinja.NewDict(), nil
	}
	return t.Check(values, renderer.CheckOptions{})
}

// freeInputs reads an instance's inputs without a schema, as components do.
func freeInputs(t state.Target) (*jinja.Dict, error) {
	node, problems := renderer.ParseOne(t.Desired.Origin.Path, []byte(t.Desired.Spec), renderer.Limits{})
	if err := problems.Err(); err != nil {
		return nil, err
	}
	v, problems := renderer.Values(instanceSpec(node, t.Desired.Instance))
	if err := problems.Err(); err != nil {
		return nil, err
	}
	d, _ := v.(*jinja.Dict)
	return d, nil
}

func instancesOf(doc *renderer.Node) []*renderer.Node {
	if list := doc.Get("instances"); list != nil {
		return list.Items
	}
	return nil
}

// instanceSpec is the spec of one instance of a service document; nil when it
// gives none.
func instanceSpec(doc *renderer.Node, name string) *renderer.Node {
	return instanceItem(doc, name).Get("spec")
}

// instanceItem is one instance of a service document; nil when there is none.
func instanceItem(doc *renderer.Node, name string) *renderer.Node {
	for _, item := range instancesOf(doc) {
		if textOf(item.Get("name")) == name {
			return item
		}
	}
	return nil
}

func textOf(n *renderer.Node) string {
	if n == nil {
		return ""
	}
	return n.Text
}

// sister is an instance as its pipeline sees it: with the inputs that it was
// deployed with, by the schema of the version that it is on.
func (r *Reconciler) sister(ctx context.Context, t state.Target, needs map[state.Ref]state.Target) (renderer.PipelineInstance, error) {
	out := renderer.PipelineInstance{
		Name: t.Ref.Name, Outputs: t.Deployed.Outputs, Environment: r.current().environment(t.Desired.Environment, needs),
	}
	version, spec := t.Deployed.Version, t.Deployed.Spec
	if t.Deployed.Deployment == "" { // it is assumed to be there
		version, spec = t.Desired.Version, t.Desired.Spec
	}
	v, err := r.cfg.Store.TemplateVersion(ctx, state.KindService, t.Desired.Template, version)
	if err != nil {
		return out, err
	}
	bundle, err := r.open(ctx, v)
	if err != nil {
		return out, err
	}
	node, problems := renderer.ParseOne(t.Desired.Origin.Path, []byte(spec), renderer.Limits{})
	if !problems.Failed() {
		out.Inputs, problems = checkType(bundle.Schema.Service, instanceSpec(node, t.Ref.Name))
	}
	return out, problems.Err()
}

// inputs gathers what the template of a target may read.
func (r *Reconciler) inputs(ctx context.Context, t state.Target, w wanted, needs map[state.Ref]state.Target) (renderer.Inputs, error) {
	s := r.current()
	in := renderer.Inputs{ARN: t.Ref.ARN(s.Region, s.account(t.Desired)), Tags: s.tags(t)}
	switch t.Ref.Kind {
	case state.KindEnvironment:
		in.Environment = renderer.Environment{Name: t.Ref.Name, AccountID: s.account(t.Desired), Inputs: w.inputs}
	case state.KindInstance:
		in.Environment = s.environment(t.Desired.Environment, needs)
		in.Service = serviceInputs(t)
		in.ServiceInstance = renderer.ServiceInstance{Name: t.Ref.Name, Inputs: w.inputs, Component: attached(needs)}
	case state.KindPipeline:
		in.Service = serviceInputs(t)
		in.Pipeline = renderer.Pipeline{Inputs: w.inputs}
		for _, name := range instancesFor(t, w.order) {
			sister, err := r.sister(ctx, needs[state.InstanceRef(t.Ref.Service, name)], needs)
			if err != nil {
				return in, err
			}
			in.Instances = append(in.Instances, sister)
		}
	case state.KindComponent:
		in.Environment = s.environment(t.Desired.Environment, needs)
		in.Component = renderer.Component{Name: t.Ref.Name, Attached: t.Desired.Instance != ""}
		in.Service = renderer.Service{Name: t.Desired.Service}
		in.ServiceInstance = renderer.ServiceInstance{Name: t.Desired.Instance, Inputs: w.inputs}
	default:
		return in, fmt.Errorf("%s is not rendered", t.Ref)
	}
	return in, nil
}

func (s Settings) environment(name string, needs map[state.Ref]state.Target) renderer.Environment {
	e := needs[state.EnvironmentRef(name)]
	return renderer.Environment{Name: name, AccountID: s.account(e.Desired), Outputs: e.Deployed.Outputs}
}

func serviceInputs(t state.Target) renderer.Service {
	repo := t.Desired.Repository
	return renderer.Service{
		Name: t.Ref.Service, RepositoryID: repo.ID, RepositoryConnectionARN: repo.Connection, BranchName: repo.Branch,
	}
}

func attached(needs map[state.Ref]state.Target) *renderer.AttachedComponent {
	for ref, c := range needs {
		if ref.Kind == state.KindComponent {
			return &renderer.AttachedComponent{Name: ref.Name, Outputs: c.Deployed.Outputs}
		}
	}
	return nil
}

// tags are the proton: tags of a target, in Proton's order.
func (s Settings) tags(t state.Target) []renderer.Setting {
	prefix := func(tail string) string { return "arn:aws:proton:" + s.Region + ":" + s.Account + ":" + tail }
	tags := []renderer.Setting{{Name: "proton:account", Value: s.account(t.Desired)}}
	add := func(name, tail string) { tags = append(tags, renderer.Setting{Name: name, Value: prefix(tail)}) }
	if t.Desired.Template != "" {
		add("proton:template", string(templateKind(t.Ref.Kind))+"-template/"+t.Desired.Template)
	}
	if t.Ref.Service != "" {
		add("proton:service", "service/"+t.Ref.Service)
	}
	switch t.Ref.Kind {
	case state.KindEnvironment:
		add("proton:environment", t.Ref.String())
	case state.KindInstance:
		add("proton:environment", "environment/"+t.Desired.Environment)
		add("proton:service-instance", t.Ref.String())
	case state.KindComponent:
		add("proton:environment", "environment/"+t.Desired.Environment)
		add("proton:component", t.Ref.String())
	default:
	}
	return tags
}

func templateKind(k state.Kind) state.Kind {
	if k == state.KindEnvironment {
		return state.KindEnvironment
	}
	return state.KindService
}

func partOf(k state.Kind) renderer.Part {
	switch k {
	case state.KindEnvironment:
		return renderer.PartEnvironment
	case state.KindInstance:
		return renderer.PartInstance
	case state.KindPipeline:
		return renderer.PartPipeline
	default:
		return renderer.PartComponent
	}
}
