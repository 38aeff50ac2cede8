package reconciler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"baryon/renderer"
	"baryon/state"
)

// look reads and renders all that Plan needs to know about a target. In the
// view, Desired.Version is the version that is wanted now.
func (r *Reconciler) look(ctx context.Context, t state.Target) (View, *artifact, error) {
	return r.lookAs(ctx, t, nil)
}

// lookAs is look, with something in the place of what t needs and is not
// deployed yet; without an assumption, nothing is rendered then.
func (r *Reconciler) lookAs(ctx context.Context, t state.Target, assume assumption) (View, *artifact, error) {
	s := r.current()
	v := View{Target: t, Now: r.cfg.Now(), DeletionLimit: s.Deletions}
	var err error
	if v.Last, err = r.cfg.Store.LastDeployment(ctx, t.Ref); err != nil {
		return v, nil, err
	}
	if err := r.lookAtRules(ctx, &v); err != nil {
		return v, nil, err
	}
	open, err := r.cfg.Store.OpenDeployments(ctx)
	if err != nil {
		return v, nil, err
	}
	if v.Sisters, err = r.sisters(ctx, t); err != nil {
		return v, nil, err
	}
	found, err := r.needs(ctx, t, &v)
	if err != nil {
		return v, nil, err
	}
	if t.Desired.Deleted {
		err := r.lookAtDeletion(ctx, &v)
		v.Crowded = s.crowded(open, v.Engine, v.Account)
		return v, nil, err
	}
	if t.Ref.Kind == state.KindComponent {
		if v.Former, err = r.cfg.Store.FormerDependents(ctx, t.Ref); err != nil {
			return v, nil, err
		}
	}
	if assume != nil {
		if err := assume(ctx, t, v.Needs, found); err != nil {
			return v, nil, err
		}
	}
	want, blocked, err := r.wanted(ctx, t)
	if err != nil || blocked.Reason != "" {
		v.Blocked = blocked
		return v, nil, err
	}
	v.Target.Desired.Version = want.version
	if v.Blocked, err = r.misfit(ctx, t, want, found); err != nil || v.Blocked.Reason != "" {
		return v, nil, err
	}
	engine := engineFor(t, want, found)
	v.Engine, v.NoEngine = string(engine), r.noEngine(engine)
	if _, waits := planOrder(v); waits && assume == nil {
		return v, nil, nil
	}
	art, err := r.renderInto(ctx, &v, want, found)
	v.Crowded = s.crowded(open, v.Engine, v.Account)
	if v.Plans = r.planner(v.Engine) != nil; err == nil && v.Plans && len(v.Policies) > 0 && art != nil {
		v.Content, err = r.contentOfView(ctx, v, art)
	}
	return v, art, err
}

// lookAtRules reads what is said about changes of a target, and where and as whom
// it is deployed.
func (r *Reconciler) lookAtRules(ctx context.Context, v *View) (err error) {
	if v.Approval, err = r.approval(ctx, v.Target); err != nil {
		return err
	}
	if v.Policies, err = r.policies(ctx, v.Target); err != nil {
		return err
	}
	if err = r.tally(ctx, v); err != nil {
		return err
	}
	if v.Account, err = r.accountOf(ctx, v.Target); err != nil {
		return err
	}
	v.As, err = r.identityOf(ctx, v.Target)
	return err
}

// lookAtDeletion reads what may stand against a deletion.
func (r *Reconciler) lookAtDeletion(ctx context.Context, v *View) error {
	t := v.Target
	var err error
	if v.Applied, err = r.lastApplied(ctx, t); err != nil {
		return err
	}
	if v.Successor, err = r.successor(ctx, t); err != nil {
		return err
	}
	v.Engine = madeBy(*v)
	v.NoEngine = r.noEngine(renderer.Engine(v.Engine))
	v.Plans = r.planner(v.Engine) != nil && madeFrom(*v) != ""
	if v.Dependents, err = r.cfg.Store.Dependents(ctx, t.Ref); err != nil {
		return err
	}
	if t.Ref.Kind == state.KindInstance {
		if v.Dependents, err = r.withoutDoomedComponents(ctx, v.Dependents); err != nil {
			return err
		}
	} else {
		former, err := r.cfg.Store.FormerDependents(ctx, t.Ref)
		if err != nil {
			return err
		}
		v.Dependents = append(v.Dependents, former...)
	}
	if v.Held, err = r.held(ctx, t.Owner.Repository); err != nil {
		return err
	}
	v.Deletions, err = r.cfg.Store.CountDeletions(ctx, v.Now.Add(-guarded), t.Ref)
	return err
}

// successor reads what has taken the place of a target that was renamed; nil
// when that is not wanted any more, which makes of the rename a deletion.
func (r *Reconciler) successor(ctx context.Context, t state.Target) (*Need, error) {
	if t.Desired.Renamed == "" {
		return nil, nil
	}
	ref, err := state.ParseRef(t.Desired.Renamed)
	if err != nil {
		return nil, err
	}
	to, err := r.cfg.Store.Target(ctx, ref)
	if isMissing(err) || err == nil && to.Desired.Deleted {
		return nil, nil
	}
	n := needOf(to)
	return &n, err
}

// lastApplied finds the last attempt on a target that never succeeded which came
// as far as applying something; nil when there is none, or when that was taken
// away since.
func (r *Reconciler) lastApplied(ctx context.Context, t state.Target) (*state.Deployment, error) {
	const page = 20
	for before := (*state.Deployment)(nil); t.Deployed.Rendered == ""; {
		list, err := r.cfg.Store.Deployments(ctx, t.Ref, before, page)
		if err != nil {
			return nil, err
		}
		for i, d := range list {
			switch {
			case d.Status == state.DeleteComplete:
				return nil, nil
			case d.Rendered != "":
				return &list[i], nil
			}
		}
		if len(list) < page {
			break
		}
		before = &list[page-1]
	}
	return nil, nil
}

// guarded is how far back the deletion guard looks.
const guarded = 24 * time.Hour

// withoutDoomedComponents leaves out the components that are wanted gone
// themselves: their instance, which reads them, goes first.
func (r *Reconciler) withoutDoomedComponents(ctx context.Context, refs []state.Ref) ([]state.Ref, error) {
	var kept []state.Ref
	for _, ref := range refs {
		if ref.Kind == state.KindComponent {
			c, err := r.cfg.Store.Target(ctx, ref)
			if _, missing := errors.AsType[*state.NotFoundError](err); missing || err == nil && c.Desired.Deleted {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		kept = append(kept, ref)
	}
	return kept, nil
}

// held says why nothing that a repository declared is deleted at present.
func (r *Reconciler) held(ctx context.Context, repository string) (string, error) {
	if repository == "" {
		return "", nil
	}
	s, err := r.cfg.Store.Sync(ctx, repository)
	if _, missing := errors.AsType[*state.NotFoundError](err); missing {
		return "", nil
	}
	switch {
	case err != nil:
		return "", err
	case s.Gone:
		return "the repository " + repository + " is no longer configured", nil
	case s.Error != "":
		return "the repository " + repository + " cannot be read: " + s.Error, nil
	case s.Degraded != "":
		return s.Degraded, nil
	}
	return "", nil
}

// sisters reads the other instances of a target's service, for those whose turn
// depends on them: a pipeline, and an instance that is to go.
func (r *Reconciler) sisters(ctx context.Context, t state.Target) ([]Sister, error) {
	if t.Ref.Kind != state.KindPipeline && !(t.Ref.Kind == state.KindInstance && t.Desired.Deleted) {
		return nil, nil
	}
	members, err := r.cfg.Store.TargetsOfService(ctx, t.Ref.Service)
	if err != nil {
		return nil, err
	}
	var out []Sister
	for _, m := range members {
		if m.Ref.Kind == state.KindInstance && m.Ref != t.Ref {
			out = append(out, Sister{
				Ref: m.Ref, Wanted: !m.Desired.Deleted, Deployed: m.Deployed.Deployment != "", Made: m.LastAttempted != "",
				Status: m.Status, Waiting: m.Waiting.Reason,
			})
		}
	}
	return out, nil
}

// needs reads the targets that t waits for. The instance that a component is
// attached to is none of them: it has to be there, and reads the component.
func (r *Reconciler) needs(ctx context.Context, t state.Target, v *View) (map[state.Ref]state.Target, error) {
	found := make(map[state.Ref]state.Target, len(t.Needs))
	for _, ref := range t.Needs {
		if t.Ref.Kind == state.KindInstance && ref.Kind == state.KindComponent && v.Partner != nil {
			continue // an instance has one component; the other one waits, and says so
		}
		n := Need{Ref: ref}
		parent, err := r.cfg.Store.Target(ctx, ref)
		var missing *state.NotFoundError
		switch {
		case errors.As(err, &missing):
		case err != nil:
			return nil, err
		default:
			n = needOf(parent)
			found[ref] = parent
		}
		switch {
		case t.Ref.Kind == state.KindComponent && ref.Kind == state.KindInstance:
			v.Partner = &Need{Ref: ref, Moving: !n.Status.Final()}
			n.Deployed, n.Moving = n.Exists, false
		case t.Ref.Kind == state.KindInstance && ref.Kind == state.KindComponent:
			v.Partner = &Need{Ref: ref, Moving: !n.Status.Final()}
		}
		v.Needs = append(v.Needs, n)
	}
	var err error
	if _, waits := waitForNeeds(*v); waits && !t.Desired.Deleted {
		v.Cycle, err = r.circle(ctx, t.Ref)
	}
	return found, err
}

// needOf is what a target that waits wants to know of the one it waits for.
func needOf(parent state.Target) Need {
	ahead := parent.Generation != parent.Deployed.Generation || parent.Deployed.Deployment == ""
	return Need{
		Ref: parent.Ref, Exists: true, Status: parent.Status, Deleting: parent.Desired.Deleted,
		Deployed: parent.Deployed.Deployment != "" && !parent.Desired.Deleted,
		Moving:   !parent.Status.Final() || ahead && parent.Waiting.Reason.Begins(),
	}
}

// circle finds the things that wait for ref and that ref waits for, in order.
// Documents cannot make a circle, and a pass must not spin in one all the same.
func (r *Reconciler) circle(ctx context.Context, ref state.Ref) ([]state.Ref, error) {
	seen := map[state.Ref]bool{}
	var walk func(at state.Ref, path []state.Ref) ([]state.Ref, error)
	walk = func(at state.Ref, path []state.Ref) ([]state.Ref, error) {
		if seen[at] {
			return nil, nil
		}
		seen[at] = true
		t, err := r.cfg.Store.Target(ctx, at)
		if _, missing := errors.AsType[*state.NotFoundError](err); missing {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		path = append(slices.Clone(path), at)
		for _, n := range t.Needs {
			if at.Kind == state.KindComponent && n.Kind == state.KindInstance {
				continue // attached: not waited for
			}
			if n == ref {
				return path, nil
			}
			if found, err := walk(n, path); err != nil || found != nil {
				return found, err
			}
		}
		return nil, nil
	}
	return walk(ref, nil)
}

// read tells which deployments' outputs the view was rendered from.
func (v *View) read(found map[state.Ref]state.Target) map[string]string {
	out := map[string]string{}
	for _, ref := range v.uses() {
		out[ref.String()] = found[ref].Deployed.Deployment
	}
	return out
}

// uses are the targets whose outputs a deployment of the view reads.
func (v *View) uses() []state.Ref {
	var refs []state.Ref
	for _, n := range v.Needs {
		if v.Target.Ref.Kind != state.KindComponent || n.Ref.Kind != state.KindInstance {
			refs = append(refs, n.Ref)
		}
	}
	return refs
}

// renderInto computes the digests of a view and, when they may lead to a
// deployment, renders what it would apply.
func (r *Reconciler) renderInto(ctx context.Context, v *View, want wanted, needs map[state.Ref]state.Target) (*artifact, error) {
	in, err := r.inputs(ctx, v.Target, want, needs)
	if err != nil {
		return nil, err
	}
	canonical, err := in.Canonical(want.part)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	sum.Write([]byte(want.bundle.Digest + "\n" + string(want.part) + "\n" + v.Target.Desired.Role + "\n" + v.Engine + "\n" + codebuildRole(v.Target, needs) + "\n"))
	sum.Write(canonical)
	tags := tagText(v.Target.Desired.Tags)
	if region := v.As.Region; region != r.current().Region {
		tags += "region " + region + "\n"
	}
	sum.Write([]byte(tags + v.Target.Desired.Health))
	v.Input = hex.EncodeToString(sum.Sum(nil))
	t := v.Target
	if v.Input == t.Deployed.Input && t.LastAttempted == t.Deployed.Deployment && !covers(t.Asked.Redeploy, t) {
		return nil, nil
	}
	out, err := r.renderer.Render(ctx, want.bundle, want.part, in, renderer.Provision)
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		v.RenderError = "rendering " + t.Desired.Template + " " + t.Desired.Version.String() + " failed:\n" + problems.Error()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if v.Output = out.Digest; tags != "" { // a change of tags alone is to be applied
		sum := sha256.Sum256([]byte(out.Digest + tags))
		v.Output = hex.EncodeToString(sum[:])
	}
	health, err := healthDeclared(v.Target.Desired, out.Health)
	if err != nil {
		return nil, err
	}
	return &artifact{
		Health: health, Commands: out.Commands, Deprovision: out.DeprovisionCommands, Env: out.Env, Secrets: secretsOf(out), Timeout: out.Timeout,
		RerunSafe: out.RerunSafe, Outputs: out.Outputs, files: out.Files, needs: v.read(needs),
	}, nil
}

// tagText writes tags in one way.
func tagText(tags map[string]string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		text.WriteString(strconv.Quote(name) + "=" + strconv.Quote(tags[name]) + "\n")
	}
	return text.String()
}
