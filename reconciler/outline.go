package reconciler

import (
	"context"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// An Outline is all that goes into rendering a target: what the loop renders
// and what would be rendered from it are the same bytes.
type Outline struct {
	Target  state.Target
	Version state.TemplateVersion // zero for a component, which brings its files
	Bundle  *renderer.Bundle
	Part    renderer.Part
	Inputs  renderer.Inputs
	Written renderer.Written // where the inputs were written
	Assumed []state.Ref      // not deployed yet, nor given: placeholders stand for its outputs
}

// Outline gathers what a target is rendered from as a visit does, for the
// version that it wants or, where follow is not empty, for another one. What it
// needs and is not deployed has the outputs given, or placeholders for those
// that its template mentions. A component that is given and belongs to no other
// thing counts as attached.
func (r *Reconciler) Outline(ctx context.Context, ref state.Ref, follow state.Follow, given Given) (Outline, error) {
	t, err := r.cfg.Store.Target(ctx, ref)
	if err != nil {
		return Outline{}, err
	}
	if follow != "" {
		t.Desired.Follow = follow
	}
	want, blocked, err := r.wanted(ctx, t)
	if err == nil && blocked.Reason != "" {
		err = &state.ConflictError{What: "render " + ref.String(), Why: blocked.Why, Next: blocked.Next}
	}
	if err != nil {
		return Outline{}, err
	}
	t.Desired.Version = want.version
	var v View
	needs, err := r.needs(ctx, t, &v)
	if err != nil {
		return Outline{}, err
	}
	g := guess{r: r, given: given}
	if err := g.assume(ctx, t, v.Needs, needs); err != nil {
		return Outline{}, err
	}
	for other, outputs := range given {
		if other.Kind == state.KindComponent && ref.Kind == state.KindInstance && attached(needs) == nil {
			needs[other] = state.Target{Ref: other, Deployed: state.Deployed{Outputs: outputs}}
		}
	}
	if blocked := want.incompatible(t, needs); blocked.Reason != "" {
		return Outline{}, &state.ConflictError{What: "render " + ref.String(), Why: blocked.Why, Next: blocked.Next}
	}
	o := Outline{Target: t, Version: want.row, Bundle: want.bundle, Part: want.part, Assumed: g.assumed}
	o.Inputs, err = r.inputs(ctx, t, want, needs)
	o.Written = writtenIn(t)
	return o, err
}

// writtenIn finds the values of a target's own spec in its text.
func writtenIn(t state.Target) renderer.Written {
	node, problems := renderer.ParseOne(t.Desired.Origin.Path, []byte(t.Desired.Spec), renderer.Limits{})
	if problems.Failed() {
		return renderer.Written{}
	}
	w := renderer.Written{Line: t.Desired.Origin.Line}
	switch t.Ref.Kind {
	case state.KindEnvironment:
		w.Spec = node.Get("spec")
	case state.KindInstance:
		w.Spec = instanceSpec(node, t.Ref.Name)
	case state.KindComponent:
		w.Spec = instanceSpec(node, t.Desired.Instance)
	case state.KindPipeline:
		w.Spec = node.Get("pipeline")
		for _, item := range instancesOf(node) {
			w.Instances = append(w.Instances, item.Get("spec"))
		}
	default:
	}
	return w
}

// Render renders an Outline as the loop would.
func (r *Reconciler) Render(ctx context.Context, o Outline) (*renderer.Rendered, error) {
	out, err := r.renderer.Render(ctx, o.Bundle, o.Part, o.Inputs, renderer.Provision)
	if err != nil {
		return nil, err
	}
	out.Health, err = healthDeclared(o.Target.Desired, out.Health)
	return out, err
}

// Blame says where a value in a rendered file comes from; see renderer.Blame.
// Without a file it is the template of CloudFormation, the commands, or the
// values that Terraform is given.
func (r *Reconciler) Blame(ctx context.Context, o Outline, file, path string) (*renderer.Blame, error) {
	if m := o.Bundle.Parts[o.Part]; file == "" && m != nil {
		switch m.Engine {
		case renderer.EngineCodeBuild:
			file = "manifest.yaml"
		case renderer.EngineTerraform:
			file = renderer.VariablesJSON
		case renderer.EngineCloudFormation:
		}
	}
	cut, err := r.cutOf(ctx, o.Target)
	if err != nil {
		return nil, err
	}
	if cut != nil {
		o.Written.Line = 0
	}
	found, err := r.renderer.Blame(ctx, o.Bundle, o.Part, o.Inputs, o.Written, file, path)
	if err != nil || cut == nil {
		return found, err
	}
	for _, list := range [][]renderer.Origin{found.Inputs, found.Conditions} {
		for i, from := range list {
			if from.From == renderer.FromSpec {
				at := cut.Locate(declare.Position{Line: from.Line, Column: from.Column})
				list[i].Line, list[i].Column = at.Line, at.Column
			}
		}
	}
	return found, nil
}

// cutOf finds out where the spec of a target stands in its file; nil when the
// file says something else by now, or was never read from Git.
func (r *Reconciler) cutOf(ctx context.Context, t state.Target) (*declare.Cut, error) {
	rows, err := r.cfg.Store.SourceFiles(ctx, t.Owner.Repository)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Path != t.Owner.Path {
			continue
		}
		f, err := fileOf(row)
		if err != nil {
			return nil, err
		}
		for _, doc := range f.Documents {
			if doc.Spec == t.Desired.Spec && (doc.Ref == t.Ref || doc.Ref == state.ServiceRef(t.Ref.Service)) {
				return &doc.Cut, nil
			}
		}
	}
	return nil, nil
}
