package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A followed is one instance of an ops file, with what its spec on its branch
// comes to.
type followed struct {
	ref      state.Ref
	entry    declare.OpsInstance
	target   state.Target
	revision state.Revision
	problems renderer.Problems // why it cannot be taken over; the instance stays as it is
}

// follow reads the specs that ops files name, each on its own branch of this
// repository: AWS Proton's service sync. What is wrong with one instance leaves
// the others as they are.
func (s *takeover) follow(ctx context.Context) error {
	s.branches = map[string]string{}
	trees := map[string]declare.Tree{}
	for _, service := range slices.Sorted(maps.Keys(s.decl.Ops)) {
		instances := s.decl.Ops[service]
		v, problem, err := s.syncable(ctx, service)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(instances)) {
			f := followed{ref: state.InstanceRef(service, name), entry: instances[name]}
			f.revision = state.Revision{Repository: s.repo.Name, Branch: f.entry.Branch, Path: f.entry.Spec}
			if problem != nil {
				f.problems = renderer.Problems{f.at(*problem)}
			} else if err := s.followOne(ctx, v, name, &f, trees); err != nil {
				return err
			}
			s.followed = append(s.followed, f)
			if f.problems.Failed() {
				s.refused[f.entry.Path] = append(s.refused[f.entry.Path], f.problems...)
				s.recheck = true // what it waits for may be outside of this repository
			}
		}
	}
	return s.leavers(ctx)
}

// at places a problem at the entry of the ops file.
func (f *followed) at(p renderer.Problem) renderer.Problem {
	p.File, p.Line, p.Column = f.entry.Path, f.entry.Line, f.entry.Column
	return p
}

// elsewhere says on which branch the file of the problems is.
func (f *followed) elsewhere(problems renderer.Problems) renderer.Problems {
	for i := range problems {
		problems[i].File = f.entry.Branch + ":" + f.entry.Spec
	}
	return problems
}

func (f *followed) refuse(rule, got, want, next string) {
	f.problems = append(f.problems, f.at(renderer.Problem{Rule: rule, Got: got, Want: want, Next: next}))
}

// syncable finds the service of an ops file, or says why it is none: it must
// exist, be this repository's or the API's, and declare no instances itself.
func (s *takeover) syncable(ctx context.Context, name string) (state.Service, *renderer.Problem, error) {
	no := func(rule, got, next string) (state.Service, *renderer.Problem, error) {
		return state.Service{}, &renderer.Problem{Rule: rule, Got: got, Next: next}, nil
	}
	if !permits(s.repo.Allow.Kinds, AllowService) {
		return no("repository "+s.repo.Name+" may not declare services", name, "add service to allow.kinds of the repository in the daemon's configuration")
	}
	for _, doc := range s.accepted {
		if doc.Ref == state.ServiceRef(name) {
			if len(doc.Instances) > 0 {
				return no("service sync is for services whose document declares no instances", fmt.Sprintf("%s declares %d", name, len(doc.Instances)),
					"write instances: [] there, or take the service out of the ops file")
			}
			h := doc.Header
			return state.Service{Name: name, Template: h.Template, Follow: h.Version, Pins: h.Pins, Repository: h.Repository, Labels: h.Labels, Health: healthTexts(h.Health)}, nil, nil
		}
	}
	v, err := s.r.cfg.Store.Service(ctx, name)
	switch {
	case isMissing(err) || err == nil && (v.Deleted || s.owned[state.ServiceRef(name)] != ""): // it was here, and is not any more
		return no("the service of an ops file must exist", name, "declare it with instances: [], or create it")
	case err != nil:
		return v, nil, err
	case v.Owner.Repository != "" && v.Owner.Repository != s.repo.Name:
		return no("the service belongs to "+v.Owner.String(), name, "move the ops file there")
	default:
		return v, nil, nil
	}
}

// followOne reads the spec of one instance and checks it.
func (s *takeover) followOne(ctx context.Context, v state.Service, name string, f *followed, trees map[string]declare.Tree) error {
	tree, err := s.branch(ctx, f, trees)
	if err != nil || tree == nil {
		return err
	}
	data, err := fs.ReadFile(tree, f.entry.Spec)
	if err != nil {
		f.refuse("the spec must be a file on branch "+f.entry.Branch, f.entry.Spec, "", "push it there, or correct spec in the ops file")
		return nil //nolint:nilerr // it is a problem of the entry
	}
	node, problems := renderer.ParseOne(f.entry.Spec, data, renderer.Limits{})
	if problems.Failed() {
		f.problems = f.elsewhere(problems)
		return nil
	}
	if proton := textOf(node.Get("proton")); proton != "ServiceSpec" {
		f.refuse("the spec must be a ServiceSpec", fmt.Sprintf("%s on branch %s with proton: %q", f.entry.Spec, f.entry.Branch, proton), "proton: ServiceSpec", "")
		return nil
	}
	item := instanceItem(node, name)
	if item == nil {
		f.refuse("the spec must hold the instance that points at it", f.entry.Spec+" on branch "+f.entry.Branch+" has no instance "+name, "", "add it there, or correct the name here")
		return nil
	}
	environment := textOf(item.Get("environment"))
	if environment == "" || !permits(s.repo.Allow.Environments, environment) {
		f.refuse("repository "+s.repo.Name+" may not declare this environment", environment, fmt.Sprintf("one of %v", s.repo.Allow.Environments), "")
		return nil
	}
	commit, err := s.r.cfg.Source.Commit(ctx, s.on(f.entry.Branch), f.revision.Commit)
	if err != nil {
		return err
	}
	f.target = syncedTarget(v, name, environment, string(data), state.Origin{
		Repository: s.repo.Name, Branch: f.entry.Branch, Commit: f.revision.Commit, Path: f.entry.Spec, Line: 1,
		At: f.entry.Spec, Author: commit.Author, Subject: commit.Subject,
	})
	f.target.Owner = state.Owner{Repository: s.repo.Name, Path: f.entry.Path}
	return s.fits(ctx, f)
}

// on is this repository on another branch.
func (s *takeover) on(branch string) gitsource.Repo {
	repo := s.repo.Repo
	repo.Branch = branch
	return repo
}

// branch is the tree of the branch that an entry names; nil when there is no
// such branch, which is noted.
func (s *takeover) branch(ctx context.Context, f *followed, trees map[string]declare.Tree) (declare.Tree, error) {
	name := f.entry.Branch
	if head, known := s.branches[name]; known {
		f.revision.Commit = head
	} else if name == s.repo.Branch {
		f.revision.Commit = s.head
	} else {
		head, err := s.r.cfg.Source.Head(ctx, s.on(name))
		if err != nil && gitsource.KindOf(err) != gitsource.KindNoBranch {
			return nil, err
		}
		f.revision.Commit, s.branches[name] = head, head
	}
	if f.revision.Commit == "" {
		f.refuse("the branch of an instance must exist", name, "a branch of "+s.repo.Name, "push it, or correct branch in the ops file")
		return nil, nil
	}
	if tree := trees[name]; tree != nil {
		return tree, nil
	}
	tree, err := s.r.cfg.Source.Tree(ctx, s.on(name), f.revision.Commit)
	if err == nil {
		trees[name] = tree
	}
	return tree, err
}

func syncedTarget(v state.Service, name, environment, spec string, origin state.Origin) state.Target {
	d := state.Desired{
		Template: v.Template, Follow: v.Follow, Spec: spec, Origin: origin, Labels: v.Labels, Repository: v.Repository,
		Environment: environment, Part: parts(declare.Document{Path: origin.Path, Spec: spec})[name],
	}
	if pin, ok := v.Pins[name]; ok {
		d.Follow = pin
	}
	if health, ok := v.Health[name]; ok {
		d.Health = health
	} else {
		d.Health = v.Health[""]
	}
	return state.Target{Ref: state.InstanceRef(v.Name, name), Desired: d, Needs: []state.Ref{state.EnvironmentRef(environment)}}
}

// fits checks the spec against the version that the instance would use.
func (s *takeover) fits(ctx context.Context, f *followed) error {
	t := f.target
	if old, err := s.r.cfg.Store.Target(ctx, t.Ref); err == nil {
		if old.Owner.Repository != "" && old.Owner != f.target.Owner && !old.Synced() {
			f.refuse("one name has one owner", t.Ref.String()+", which "+old.Owner.String()+" declares", "", "take it out there")
			return nil
		}
	} else if !isMissing(err) {
		return err
	}
	version, blocked, err := s.r.version(ctx, t)
	if err != nil || blocked.Reason != "" {
		return err // it waits for a version, and is checked when it has one
	}
	row, err := s.r.cfg.Store.TemplateVersion(ctx, state.KindService, t.Desired.Template, version)
	if err != nil {
		return err
	}
	w := wanted{part: partOf(t.Ref.Kind)}
	if w.bundle, err = s.r.open(ctx, row); err != nil {
		return err
	}
	if problems, ok := errors.AsType[renderer.Problems](w.check(t)); ok {
		f.problems = f.elsewhere(problems)
	}
	return nil
}

// takeOverFollowed writes what ops files want, but for what a blocker protects,
// and what came of each. An entry that left its ops file deletes nothing.
func (s *takeover) takeOverFollowed(d *declarer) error {
	for _, f := range s.followed {
		attempt := state.SyncAttempt{Subject: f.ref.String(), Status: state.SyncSucceeded, Target: f.revision}
		if f.problems.Failed() {
			attempt.Status = state.SyncFailed
			for _, p := range f.problems {
				attempt.Events = append(attempt.Events, state.SyncEvent{Type: "SYNC_FAILED", Text: p.String()})
			}
		} else {
			blocker, err := d.tx.ActiveBlocker(f.ref.Service, f.ref.Name)
			if err != nil {
				return err
			}
			if blocker != nil {
				continue
			}
			if err := errors.Join(d.want(f.target), d.showToPipeline(f.target)); err != nil {
				return err
			}
			attempt.Events = []state.SyncEvent{{Type: "SYNC_SUCCEEDED", Text: "took over " + f.entry.Spec + " of " + short(f.revision.Commit) + " on " + f.entry.Branch}}
		}
		if err := d.tx.AddSyncAttempt(attempt); err != nil {
			return err
		}
	}
	for _, t := range s.leaving {
		if err := orphan(d.tx, t.Ref, "its entry left the ops file "+t.Owner.Path+", which deletes nothing"); err != nil {
			return err
		}
	}
	return nil
}

// leavers are the instances that no ops file names any more. Nothing syncs them
// from now on; they stay until a person deletes them.
func (s *takeover) leavers(ctx context.Context) error {
	targets, err := s.r.cfg.Store.TargetsOfOwner(ctx, s.repo.Name)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if _, named := s.decl.Ops[t.Ref.Service][t.Ref.Name]; t.Synced() && !named && !t.Desired.Deleted && t.Desired.Orphaned == "" {
			s.leaving = append(s.leaving, t)
		}
	}
	return nil
}

// branchesMoved reports whether a branch that ops files name is somewhere else
// than when it was looked at.
func (r *Reconciler) branchesMoved(ctx context.Context, repo Repository, prior state.Sync) (bool, error) {
	for name, seen := range prior.Branches {
		other := repo.Repo
		other.Branch = name
		head, err := r.cfg.Source.Head(ctx, other)
		if err != nil && gitsource.KindOf(err) != gitsource.KindNoBranch {
			return false, err
		}
		if head != seen {
			return true, nil
		}
	}
	return false, nil
}
