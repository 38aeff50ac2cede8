package reconciler

import (
	"context"
	"maps"
	"slices"

	"baryon/renderer"
	"baryon/state"
)

// A Proposal is what a pass would do with one target now, and what that would
// change. Nothing is done and nothing is noted: asking is free.
type Proposal struct {
	Target     state.Target // as it would be: its version is the one wanted now
	Change     Change
	Pending    bool        // what is wanted is not what is deployed
	Engine     string      // how it would be applied
	Problem    string      // why the wanted state cannot be rendered
	Assumed    []state.Ref // what is not deployed yet: placeholders stand for its outputs
	Dependents []state.Ref // looked at again after a change, since they read its outputs
	Diffs      []Diff
	Policies   []string // what policies will have against it, as far as the files tell
	UnderWay   string   // the deployment that goes first, if one is open
}

// Given are outputs of things that are not deployed, for a plan that would
// otherwise have placeholders in their place.
type Given map[state.Ref]map[string]string

// Propose looks and plans as a visit does, and stops there. What a target
// needs and is not deployed yet is taken as deployed with the outputs given, or
// with placeholders for those that its template mentions, so that there is
// something to show; what it waits for is said all the same.
func (r *Reconciler) Propose(ctx context.Context, ref state.Ref, given Given) (Proposal, error) {
	t, err := r.cfg.Store.Target(ctx, ref)
	if err != nil {
		return Proposal{}, err
	}
	return r.propose(ctx, t, given)
}

// ProposeRollback is what going back to a deployment would change. With no
// deployment named it is the one before what is deployed; the one that was
// chosen is in the Hold of the target.
func (r *Reconciler) ProposeRollback(ctx context.Context, ref state.Ref, deployment string) (Proposal, error) {
	t, err := r.cfg.Store.Target(ctx, ref)
	if err != nil {
		return Proposal{}, err
	}
	var d state.Deployment
	if deployment == "" {
		d, err = r.cfg.Store.RollbackTarget(ctx, ref)
	} else {
		d, err = r.cfg.Store.Deployment(ctx, deployment)
	}
	if err != nil {
		return Proposal{}, err
	}
	if t, err = state.RolledBack(t, d, state.Hold{}); err != nil {
		return Proposal{}, err
	}
	return r.propose(ctx, t, nil)
}

// DiffDeployments compares what two deployments applied; with no older one, a
// deployment with what was deployed when it began.
func (r *Reconciler) DiffDeployments(ctx context.Context, older *state.Deployment, newer state.Deployment) ([]Diff, error) {
	from, spec := newer.Before.Rendered, newer.Before.Spec
	if older != nil {
		from, spec = older.Rendered, older.Desired.Spec
	}
	before, err := r.artifactOf(ctx, from)
	if err != nil {
		return nil, err
	}
	if newer.Action == state.Delete {
		return compare(before, spec, nil, ""), nil
	}
	after, err := r.artifactOf(ctx, newer.Rendered)
	if err != nil {
		return nil, err
	}
	return compare(before, spec, after, newer.Desired.Spec), nil
}

func (r *Reconciler) propose(ctx context.Context, t state.Target, given Given) (Proposal, error) {
	ref := t.Ref
	open, err := r.cfg.Store.OpenDeployment(ctx, ref)
	if err != nil {
		return Proposal{}, err
	}
	if moved, err := r.declaredMoved(ctx, t); err != nil {
		return Proposal{}, err
	} else if moved && open == nil {
		t = triedAgain(t)
	}
	v, art, err := r.look(ctx, t)
	if err != nil {
		return Proposal{}, err
	}
	v.Target = onVersion(t, v.Target.Desired.Version)
	p := Proposal{Target: v.Target, Change: Plan(v)}
	if f := t.Observed.Foreseen; f.Done && f.Failed == "" && f.For(v.Target.Generation, v.Input, v.Output) &&
		slices.Contains([]state.WaitReason{state.WaitApproval, state.WaitGuard, state.WaitWindow, state.WaitPolicy}, p.Change.Waiting.Reason) {
		p.Change.Waiting.Why += "\n" + planText(f.Changes)
	}
	if open != nil {
		p.UnderWay = open.ID
	}
	if _, waits := waitForNeeds(v); waits && v.Blocked.Reason == "" && !t.Desired.Deleted {
		g := guess{r: r, given: given}
		if v, art, err = r.lookAs(ctx, t, g.assume); err != nil {
			return Proposal{}, err
		}
		p.Assumed = g.assumed
		if v.Target = onVersion(t, v.Target.Desired.Version); v.Blocked.Reason != "" {
			p.Change = wait(v.Blocked) // what it needs may come; this stays
		}
		p.Target = v.Target
	}
	p.Engine, p.Problem, p.Pending = v.Engine, v.RenderError, pending(v, p.Change)
	if p.Pending {
		if p.Dependents, err = r.cfg.Store.Dependents(ctx, ref); err != nil {
			return Proposal{}, err
		}
		if p.Diffs, err = r.diffs(ctx, v, art); err != nil {
			return p, err
		}
		before, err := r.artifactOf(ctx, t.Deployed.Rendered)
		if err != nil {
			return p, err
		}
		p.Policies = foretold(v, before, art)
	}
	return p, err
}

// pending reports whether what is wanted is something else than what is
// deployed, whether or not a pass would do something about it now.
func pending(v View, c Change) bool {
	t := v.Target
	deployed := t.Deployed.Deployment != ""
	switch {
	case c.Step == Deploy, c.Step == Refuse, t.Desired.Deleted:
		return true
	case c.Step != Nothing, t.Desired.Orphaned != "":
		return false
	case v.Open, c.Waiting.Reason == "":
		return false
	case deployed && t.LastAttempted == t.Deployed.Deployment:
		return v.Input != t.Deployed.Input && (v.Output == "" || v.Output != t.Deployed.Output)
	default:
		return true
	}
}

// diffs compares what is deployed with what would be.
func (r *Reconciler) diffs(ctx context.Context, v View, art *artifact) ([]Diff, error) {
	t := v.Target
	before, err := r.artifactOf(ctx, t.Deployed.Rendered)
	if err != nil {
		return nil, err
	}
	spec := t.Desired.Spec
	if t.Desired.Deleted {
		art, spec = nil, ""
	}
	if art == nil && !t.Desired.Deleted {
		return nil, nil // it cannot be rendered, or is rendered from what is deployed
	}
	return compare(before, t.Deployed.Spec, art, spec), nil
}

// artifactOf reads what a deployment applied; nil for one that applied nothing.
func (r *Reconciler) artifactOf(ctx context.Context, digest string) (*artifact, error) {
	if digest == "" {
		return nil, nil
	}
	files, err := r.cfg.Store.Files(ctx, digest)
	if err != nil {
		return nil, err
	}
	return unpack(files)
}

// An assumption puts something in the place of needs that are not deployed.
type assumption func(ctx context.Context, t state.Target, needs []Need, found map[state.Ref]state.Target) error

// guess is the assumption of a Proposal.
type guess struct {
	r       *Reconciler
	given   Given
	assumed []state.Ref
}

func (g *guess) assume(ctx context.Context, t state.Target, needs []Need, found map[state.Ref]state.Target) error {
	names, err := g.r.outputNames(ctx, t)
	if err != nil {
		return err
	}
	for _, n := range needs {
		if n.Deployed {
			continue
		}
		parent, ok := found[n.Ref]
		if !ok {
			parent = state.Target{Ref: n.Ref, Desired: state.Desired{Environment: t.Desired.Environment}}
		}
		if ok && parent.Desired.Version == (state.Version{}) && parent.Ref.Kind != state.KindComponent {
			if parent.Desired.Version, _, err = g.r.version(ctx, parent); err != nil {
				return err
			}
		}
		outputs, given := g.given[n.Ref]
		if !given && ok {
			if outputs, err = g.r.knownOutputs(ctx, parent); err != nil {
				return err
			}
		}
		parent.Deployed.Outputs = maps.Clone(outputs)
		if outputs == nil {
			g.assumed = append(g.assumed, n.Ref)
			parent.Deployed.Outputs = map[string]string{}
			for _, name := range names {
				parent.Deployed.Outputs[name] = "(output " + name + " of " + n.Ref.String() + ")"
			}
		}
		found[n.Ref] = parent
	}
	return nil
}

// knownOutputs are the outputs that a target will have, where its spec says
// them: those of a customer-managed environment. Nil when they are not known.
func (r *Reconciler) knownOutputs(ctx context.Context, t state.Target) (map[string]string, error) {
	want, blocked, err := r.wanted(ctx, t)
	if err != nil || blocked.Reason != "" || !want.bundle.CustomerManaged {
		return nil, err
	}
	return renderer.OutputsOf(want.inputs), nil
}

// outputNames are the names of outputs that the template of a target mentions.
func (r *Reconciler) outputNames(ctx context.Context, t state.Target) ([]string, error) {
	want, blocked, err := r.wanted(ctx, t)
	if err != nil || blocked.Reason != "" {
		return nil, err
	}
	return want.bundle.OutputNames(want.part), nil
}

// Proposals plans every target, children after what they need, and skips those
// for which keep says no; nil keeps all.
func (r *Reconciler) Proposals(ctx context.Context, given Given, keep func(state.Target) bool) ([]Proposal, error) {
	out := []Proposal{}
	for _, kind := range []state.Kind{state.KindEnvironment, state.KindComponent, state.KindInstance, state.KindPipeline} {
		for f := (state.Filter{Kind: kind, Limit: 500}); ; {
			page, err := r.cfg.Store.Targets(ctx, f)
			if err != nil {
				return nil, err
			}
			for _, t := range page {
				if keep != nil && !keep(t) {
					continue
				}
				p, err := r.Propose(ctx, t.Ref, given)
				if err != nil {
					return nil, err
				}
				out = append(out, p)
			}
			if len(page) < f.Limit {
				break
			}
			f.After = page[len(page)-1].Ref.String()
		}
	}
	slices.SortStableFunc(out, byNeed)
	return out, nil
}

// byNeed puts deletions last, since children go before their parents, and
// leaves the rest in order.
func byNeed(a, b Proposal) int {
	switch {
	case a.Target.Desired.Deleted == b.Target.Desired.Deleted:
		return 0
	case a.Target.Desired.Deleted:
		return 1
	default:
		return -1
	}
}
