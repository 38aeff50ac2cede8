package reconciler

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// takeOver writes everything a commit comes to, in one transaction.
func (s *takeover) takeOver(tx *state.Tx) error {
	declared := map[state.Ref]bool{}
	for _, doc := range s.accepted {
		declared[doc.Ref] = true
		if err := s.declare(tx, doc); err != nil {
			return err
		}
	}
	if err := s.noteRefusals(tx); err != nil {
		return err
	}
	if err := s.keepFiles(tx); err != nil {
		return err
	}
	if err := s.removeGone(tx, declared); err != nil {
		return err
	}
	sync := state.Sync{
		Name: s.repo.Name, URL: s.repo.URL, Branch: s.repo.Branch, Path: s.repo.Path,
		Commit: s.head, Seen: s.head, Subject: s.commit.Subject, Author: s.commit.Author,
		Settings: s.repo.digest(), SyncedAt: tx.Now(), Problems: s.problems,
		Documents: len(s.decl.Documents), Bundles: len(s.decl.Bundles), Degraded: s.hold, Recheck: s.recheck,
	}
	if s.empty() {
		sync.Documents = s.prior.Documents // still empty next time is still nothing to act on
	}
	return tx.PutSync(sync)
}

// declare writes the targets of one document.
func (s *takeover) declare(tx *state.Tx, doc declare.Document) error {
	origin := s.origin(doc)
	if doc.Ref.Kind == state.KindService {
		if err := s.declareService(tx, doc, origin); err != nil {
			return err
		}
	}
	for _, want := range s.r.targetsOf(origin, doc) {
		if want.Ref.Kind == state.KindComponent {
			files, err := s.componentFiles(tx, doc)
			if err != nil {
				return err
			}
			want.Desired.Files = files
		}
		if err := s.want(tx, want, doc); err != nil {
			return err
		}
	}
	return nil
}

// want brings one target's desired state to what a document says. Declaring the
// same again changes nothing.
func (s *takeover) want(tx *state.Tx, want state.Target, doc declare.Document) error {
	want.Owner = state.Owner{Repository: s.repo.Name, Path: doc.Path}
	t, err := tx.Target(want.Ref)
	if _, ok := errors.AsType[*state.NotFoundError](err); ok {
		want.Generation = 1
		return s.write(tx, want, want.Needs)
	}
	if err != nil {
		return err
	}
	adopted := t.Owner.Repository != want.Owner.Repository
	needs := append(componentsOf(t.Needs), want.Needs...)
	if !adopted && t.Owner == want.Owner && sameDesired(t.Desired, want.Desired) && sameNeeds(t.Needs, needs) {
		if t.Desired.Spec == want.Desired.Spec && t.Desired.Refused == "" {
			return nil
		}
		t.Desired.Spec, t.Desired.Refused = want.Desired.Spec, ""
		return s.write(tx, t, needs)
	}
	if !sameDesired(t.Desired, want.Desired) {
		t.Generation++
		want.Desired.Version = t.Desired.Version
		t.Desired = want.Desired
	}
	t.Owner, t.Desired.Refused = want.Owner, ""
	if adopted {
		if err := tx.Audit(state.ActorGit, "adopt", t.Ref, map[string]string{"from": t.Owner.String(), "commit": s.head}); err != nil {
			return err
		}
	}
	return s.write(tx, t, needs)
}

func (s *takeover) write(tx *state.Tx, t state.Target, needs []state.Ref) error {
	if err := tx.PutTarget(t); err != nil {
		return err
	}
	if err := tx.SetNeeds(t.Ref, needs); err != nil {
		return err
	}
	if t.Ref.Kind == state.KindComponent && t.Desired.Instance != "" {
		if err := tx.AddNeed(state.InstanceRef(t.Desired.Service, t.Desired.Instance), t.Ref); err != nil {
			return err
		}
	}
	return tx.Wake(t.Ref)
}

// componentsOf are the needs that a component's own document added.
func componentsOf(needs []state.Ref) []state.Ref {
	return slices.DeleteFunc(slices.Clone(needs), func(r state.Ref) bool { return r.Kind != state.KindComponent })
}

func sameNeeds(a, b []state.Ref) bool {
	set := func(refs []state.Ref) map[state.Ref]bool {
		m := map[state.Ref]bool{}
		for _, r := range refs {
			m[r] = true
		}
		return m
	}
	return maps.Equal(set(a), set(b))
}

// sameDesired tells whether two desired states ask for the same. Where they
// were written, by whom, and what of the document concerns others does not count.
func sameDesired(a, b state.Desired) bool {
	if a.Part != "" || b.Part != "" {
		a.Spec, b.Spec = "", ""
	}
	a.Origin, b.Origin = state.Origin{}, state.Origin{}
	a.Version, b.Version = state.Version{}, state.Version{}
	a.Refused, b.Refused = "", ""
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// targetsOf are the targets that a document declares, with their needs.
func (r *Reconciler) targetsOf(origin state.Origin, doc declare.Document) []state.Target {
	h := doc.Header
	base := state.Desired{
		Template: h.Template, Follow: h.Version, Spec: doc.Spec, Origin: origin, Labels: h.Labels,
		Protected: h.Protected, Approval: h.Approval, RerunSafe: h.RerunSafe, Role: h.Role,
		CodebuildRole: h.CodebuildRole, ComponentRole: h.ComponentRole, Account: h.Account, Repository: h.Repository,
	}
	switch doc.Ref.Kind {
	case state.KindEnvironment:
		return []state.Target{{Ref: doc.Ref, Desired: base}}
	case state.KindComponent:
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
	for _, i := range doc.Instances {
		d := base
		d.Environment, d.Part = i.Environment, parts[i.Name]
		if pin, ok := doc.Header.Pins[i.Name]; ok {
			d.Follow = pin
		}
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

// declareService writes the service itself. Instances that it no longer lists
// are wanted gone.
func (s *takeover) declareService(tx *state.Tx, doc declare.Document, origin state.Origin) error {
	v, err := tx.Service(doc.Ref.Name)
	if _, ok := errors.AsType[*state.NotFoundError](err); ok {
		v, err = state.Service{Name: doc.Ref.Name, Status: state.ServiceCreateInProgress}, nil
	}
	if err != nil {
		return err
	}
	h := doc.Header
	v.Template, v.Follow, v.Pins, v.Spec, v.Repository = h.Template, h.Version, h.Pins, doc.Spec, h.Repository
	v.Description, v.Labels, v.Deleted, v.Origin = h.Description, h.Labels, false, origin
	v.Owner = state.Owner{Repository: s.repo.Name, Path: doc.Path}
	if err := tx.PutService(v); err != nil {
		return err
	}
	listed := map[state.Ref]bool{}
	for _, t := range s.r.targetsOf(origin, doc) {
		listed[t.Ref] = true
	}
	members, err := tx.TargetsOfService(v.Name)
	if err != nil {
		return err
	}
	for _, t := range members {
		if !listed[t.Ref] {
			if err := s.gone(tx, t.Ref); err != nil {
				return err
			}
		}
	}
	return tx.Wake(doc.Ref)
}

// componentFiles keeps the folder of a component's files.
func (s *takeover) componentFiles(tx *state.Tx, doc declare.Document) (string, error) {
	files, err := fs.Sub(s.tree, doc.Header.Files)
	if err != nil {
		return "", err
	}
	return tx.PutFiles(files)
}

// noteRefusals tells the targets whose newer declaration is refused. They stay
// what they are.
func (s *takeover) noteRefusals(tx *state.Tx) error {
	for _, doc := range s.decl.Documents {
		problems := s.refused[doc.Path]
		if s.owned[doc.Ref] == "" || !slices.Contains(s.held[doc.Path], doc.Ref) {
			continue
		}
		if err := refuse(tx, doc.Ref, problems); err != nil {
			return err
		}
	}
	for _, f := range s.decl.Files {
		for _, c := range f.Broken {
			if s.owned[c.Ref] == f.Path {
				if err := refuse(tx, c.Ref, f.Problems); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func refuse(tx *state.Tx, ref state.Ref, problems renderer.Problems) error {
	if !ref.Deployable() {
		return nil
	}
	return tx.Change(ref, func(t *state.Target) error {
		t.Desired.Refused = problems.Error()
		return nil
	})
}

// removeGone marks what this repository declared and declares no longer. While
// anything in the repository is refused, a name that is missing may only be
// misspelt, so nothing is taken for deleted then.
func (s *takeover) removeGone(tx *state.Tx, declared map[state.Ref]bool) error {
	if s.problems > 0 && s.hold == "" {
		s.recheck = true
		return nil
	}
	if s.empty() && samePlace(s.repo, s.prior) {
		return nil
	}
	for _, ref := range slices.SortedFunc(maps.Keys(s.owned), func(a, b state.Ref) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	}) {
		if declared[ref] {
			continue
		}
		if err := s.gone(tx, ref); err != nil {
			return err
		}
	}
	return nil
}

// gone marks one name as wanted gone, or as orphaned when this commit may not
// delete.
func (s *takeover) gone(tx *state.Tx, ref state.Ref) error {
	if s.hold != "" {
		return orphan(tx, ref, "nothing declares it any more, and "+s.hold)
	}
	if ref.Kind == state.KindService {
		return deleteService(tx, ref, s.head)
	}
	return tx.Change(ref, func(t *state.Target) error {
		if t.Desired.Deleted || t.Desired.Orphaned != "" {
			return nil
		}
		t.Desired.Deleted = true
		t.Generation++
		return tx.Audit(state.ActorGit, "undeclare", ref, map[string]string{"commit": s.head})
	})
}

// deleteService wants a service and everything in it gone.
func deleteService(tx *state.Tx, ref state.Ref, commit string) error {
	v, err := tx.Service(ref.Name)
	if err != nil {
		return err
	}
	v.Deleted, v.Status = true, state.ServiceDeleteInProgress
	if err := tx.PutService(v); err != nil {
		return err
	}
	members, err := tx.TargetsOfService(ref.Name)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Desired.Deleted {
			continue
		}
		m.Desired.Deleted = true
		m.Generation++
		if err := tx.PutTarget(m); err != nil {
			return err
		}
		if err := tx.Wake(m.Ref); err != nil {
			return err
		}
	}
	if err := tx.Audit(state.ActorGit, "undeclare", ref, map[string]string{"commit": commit}); err != nil {
		return err
	}
	return tx.Wake(ref)
}

// orphan marks a target, or all targets of a service, as declared by nothing.
func orphan(tx *state.Tx, ref state.Ref, why string) error {
	refs := []state.Ref{ref}
	if ref.Kind == state.KindService {
		members, err := tx.TargetsOfService(ref.Name)
		if err != nil {
			return err
		}
		refs = refs[:0]
		for _, m := range members {
			refs = append(refs, m.Ref)
		}
	}
	for _, ref := range refs {
		if err := tx.Change(ref, func(t *state.Target) error {
			if !t.Desired.Deleted {
				t.Desired.Orphaned = why
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// keepFiles writes what each file came to, where that has changed.
func (s *takeover) keepFiles(tx *state.Tx) error {
	seen := map[string]bool{}
	rows := slices.Clone(s.bundles)
	for _, f := range s.decl.Files {
		refusals := s.refused[f.Path]
		verdict := f.Verdict
		if refusals.Failed() {
			verdict = declare.VerdictRefused
		}
		s.problems += count(f.Problems) + count(f.Conflicts) + count(refusals)
		f.Conflicts = append(slices.Clone(f.Conflicts), refusals...)
		f.Held = append(slices.Clone(f.Held), s.held[f.Path]...)
		doc, err := json.Marshal(f)
		if err != nil {
			return err
		}
		rows = append(rows, state.SourceFile{Repository: s.repo.Name, Path: f.Path, Hash: f.Hash, Verdict: string(verdict), Doc: doc})
	}
	for _, row := range rows {
		seen[row.Path] = true
		if old, ok := s.rows[row.Path]; ok && old.Verdict == row.Verdict && string(old.Doc) == string(row.Doc) {
			continue
		}
		if err := tx.PutSourceFile(row); err != nil {
			return err
		}
	}
	for path := range s.rows {
		if !seen[path] {
			if err := tx.RemoveSourceFile(s.repo.Name, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// count counts the findings that refuse something.
func count(problems renderer.Problems) int {
	n := 0
	for _, p := range problems {
		if !p.Warning {
			n++
		}
	}
	return n
}
