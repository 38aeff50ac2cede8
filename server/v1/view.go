package v1

import (
	"context"
	"strconv"

	"baryon/state"
)

// A View reads the store as the shapes of this package. The pages for people
// and the resources for programs are made from the same one.
type View struct {
	store *state.Store
	arn   func(state.Ref) string
}

// NewView returns a View of a store. A nil arn names things in us-east-1 and
// account 000000000000.
func NewView(store *state.Store, arn func(state.Ref) string) *View {
	if arn == nil {
		arn = func(ref state.Ref) string { return ref.ARN("us-east-1", "000000000000") }
	}
	return &View{store: store, arn: arn}
}

// recommended remembers, for the time of one answer, which versions are
// recommended: many targets share few templates.
type recommended struct {
	store *state.Store
	known map[family]state.Version
}

// A family is a template, or with a major one major of it.
type family struct {
	kind  state.Kind
	name  string
	major int64
}

func (v *View) recommended() *recommended {
	return &recommended{store: v.store, known: map[family]state.Version{}}
}

func (r *recommended) of(ctx context.Context, f family) (state.Version, error) {
	if got, ok := r.known[f]; ok || f.name == "" {
		return got, nil
	}
	got, err := r.store.Recommended(ctx, f.kind, f.name, f.major)
	if err == nil {
		r.known[f] = got
	}
	return got, err
}

// templateKind is the kind of template that a kind of target is made from.
func templateKind(kind state.Kind) state.Kind {
	if kind == state.KindEnvironment {
		return state.KindEnvironment
	}
	return state.KindService
}

// staleness says how far the version of a target is behind what is
// recommended: nothing, "minor" or "major".
func (r *recommended) staleness(ctx context.Context, t *Target, kind state.Kind, at state.Version) error {
	if at.Major == 0 || t.TemplateName == "" {
		return nil
	}
	minor, err := r.of(ctx, family{templateKind(kind), t.TemplateName, at.Major})
	if err != nil {
		return err
	}
	major, err := r.of(ctx, family{templateKind(kind), t.TemplateName, 0})
	if err != nil {
		return err
	}
	t.RecommendedVersion = major.String()
	switch {
	case at.Major < major.Major:
		t.Behind = BehindMajor
	case at.Less(minor):
		t.Behind = BehindMinor
		t.RecommendedVersion = minor.String()
	}
	return nil
}

// Target reads one target with all that is known of it.
func (v *View) Target(ctx context.Context, ref state.Ref) (Target, error) {
	if !ref.Deployable() {
		return Target{}, v.notDeployable(ctx, ref)
	}
	t, err := v.store.Target(ctx, ref)
	if err != nil {
		return Target{}, err
	}
	out, err := v.target(ctx, t, v.recommended())
	if err != nil {
		return Target{}, err
	}
	if out.Sync, err = v.syncOf(ctx, ref.Service, ref.Name); err != nil {
		return Target{}, err
	}
	if out.DeploymentsNewestFirst, err = v.history(ctx, ref); err != nil {
		return Target{}, err
	}
	for _, need := range t.Needs {
		out.Needs = append(out.Needs, need.String())
	}
	dependents, err := v.store.Dependents(ctx, ref)
	if err != nil {
		return Target{}, err
	}
	for _, d := range dependents {
		out.Dependents = append(out.Dependents, d.String())
	}
	return out, nil
}

// historyShown is how many deployments come with a target; the rest is a list
// of its own.
const historyShown = 5

func (v *View) history(ctx context.Context, ref state.Ref) ([]Deployment, error) {
	list, err := v.store.Deployments(ctx, ref, nil, historyShown)
	if err != nil {
		return nil, err
	}
	out := make([]Deployment, len(list))
	for i, d := range list {
		out[i] = v.deployment(d)
	}
	return out, nil
}

func (v *View) target(ctx context.Context, t state.Target, r *recommended) (Target, error) {
	deployed := t.Deployed.Version
	if t.Deployed.Deployment == "" {
		deployed = t.Desired.Version
	}
	out := Target{
		Ref: t.Ref.String(), Kind: string(t.Ref.Kind), Name: t.Ref.Name, ARN: v.arn(t.Ref),
		ServiceName: t.Ref.Service, EnvironmentName: t.Desired.Environment, TemplateName: t.Desired.Template,
		TemplateMajorVersion: number(deployed, deployed.Major), TemplateMinorVersion: number(deployed, deployed.Minor),
		DeploymentStatus: string(t.Status), DeploymentStatusMessage: t.Message,
		Spec: t.Desired.Spec, Outputs: t.Deployed.Outputs, CreatedAt: t.CreatedAt, LastModifiedAt: t.ModifiedAt,
		LastDeploymentAttemptedAt: state.Begun(t.LastAttempted), LastDeploymentSucceededAt: t.Deployed.At,
		LastAttemptedDeploymentID: t.LastAttempted, LastSucceededDeploymentID: t.LastSucceeded,
		Role: t.Desired.Role, CodebuildRole: t.Desired.CodebuildRole, ComponentRole: t.Desired.ComponentRole,
		Account: t.Desired.Account,

		Generation: t.Generation, DeployedGeneration: t.Deployed.Generation,
		DesiredVersion: t.Desired.Version.String(), DeployedVersion: t.Deployed.Version.String(), Follow: string(t.Desired.Follow),
		Owner: t.Owner.String(), Origin: originOf(t.Desired.Origin), Commit: t.Deployed.Commit,
		Labels: t.Desired.Labels, Protected: t.Desired.Protected, NeedsApproval: t.Desired.Approval, Deleted: t.Desired.Deleted,
	}
	if t.Ref.Kind == state.KindComponent {
		out.ServiceName, out.ServiceInstanceName = t.Desired.Service, t.Desired.Instance
	}
	if out.Outputs == nil {
		out.Outputs = map[string]string{}
	}
	out.Held = holdOf(t)
	if s := t.Asked.Suspended; s != nil {
		out.Suspended = &Suspension{By: string(s.By), Why: s.Why, Until: s.Until}
	}
	out.Why, out.Drift = whyOf(t), driftOf(t)
	out.State = out.Why.State
	return out, r.staleness(ctx, &out, t.Ref.Kind, deployed)
}

func holdOf(t state.Target) *Hold {
	h := t.Desired.Held
	if h == nil {
		return nil
	}
	return &Hold{Deployment: h.Deployment, By: string(h.By), Why: h.Why, Since: h.At}
}

// number is one part of a version as Proton writes it: a text, empty for none.
func number(v state.Version, part int64) string {
	if v.Major == 0 {
		return ""
	}
	return strconv.FormatInt(part, 10)
}

func originOf(o state.Origin) *Origin {
	if o == (state.Origin{}) {
		return nil
	}
	return &Origin{Repository: o.Repository, Commit: o.Commit, Path: o.Path, Line: o.Line, Author: o.Author, Subject: o.Subject}
}

// notDeployable explains which names are meant when somebody names a service,
// which is never deployed itself.
func (v *View) notDeployable(ctx context.Context, ref state.Ref) error {
	if ref.Kind != state.KindService {
		return invalid(ref.String()+" is never deployed", "name an environment, an instance, a pipeline or a component")
	}
	targets, err := v.store.TargetsOfService(ctx, ref.Name)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return &state.NotFoundError{What: ref.String()}
	}
	return invalid("a service is not deployed itself, its instances and its pipeline are", "name one of them, such as "+targets[0].Ref.String())
}

// allTargets reads every target of a kind, page by page.
func (v *View) allTargets(ctx context.Context, kind state.Kind) ([]state.Target, error) {
	var all []state.Target
	for f := (state.Filter{Kind: kind, Limit: maxLimit}); ; {
		page, err := v.store.Targets(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < maxLimit {
			return all, nil
		}
		f.After = page[len(page)-1].Ref.String()
	}
}

// views turns targets into their shapes.
func (v *View) views(ctx context.Context, targets []state.Target, r *recommended) ([]Target, error) {
	out := make([]Target, 0, len(targets))
	for _, t := range targets {
		one, err := v.target(ctx, t, r)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
