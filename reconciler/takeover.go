package reconciler

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// keptFor is why nothing is deleted for the time being.
func keptFor(repository string, problems int) string {
	return fmt.Sprintf("nothing lists it any more; nothing is deleted while the repository %s has %d problem(s)", repository, problems)
}

// takeOver writes everything a commit comes to, in one transaction.
func (s *takeover) takeOver(tx *state.Tx) error {
	now, err := tx.Sync(s.repo.Name)
	if err != nil && !isMissing(err) {
		return err
	}
	if now.Written != s.prior.Written {
		return errMoved // what was written back meanwhile may be newer than this commit
	}
	if err := s.keepFiles(tx); err != nil {
		return err
	}
	d := &declarer{
		r: s.r, tx: tx, repository: s.repo.Name, actor: state.ActorGit, commit: s.head, origin: s.origin, before: s.before,
		files: func(dir string) (fs.FS, error) { return fs.Sub(s.tree, dir) },
	}
	switch {
	case s.hold != "":
		d.hold = s.hold
	case s.problems > 0:
		// What is missing may only be misspelt, so nothing is taken for deleted now.
		d.keep = keptFor(s.repo.Name, s.problems)
		s.recheck = true
	}
	declared := map[state.Ref]bool{}
	for _, doc := range s.accepted {
		declared[doc.Ref] = true
		if err := d.declare(doc); err != nil {
			return err
		}
	}
	if err := s.takeOverFollowed(d); err != nil {
		return err
	}
	if err := s.noteRead(tx); err != nil {
		return err
	}
	if err := s.noteRefusals(tx); err != nil {
		return err
	}
	if err := s.removeGone(d, declared); err != nil {
		return err
	}
	if s.prior.Error != "" || s.prior.Degraded != s.hold || s.prior.Gone {
		if err := tx.Wake(s.doomed...); err != nil { // what held them may be over, or have begun
			return err
		}
	}
	sync := state.Sync{
		Name: s.repo.Name, URL: s.repo.URL, Branch: s.repo.Branch, Path: s.repo.Path,
		Commit: s.head, Seen: s.head, Subject: s.commit.Subject, Author: s.commit.Author,
		Settings: s.r.current().readWith(s.repo), SyncedAt: tx.Now(), Problems: s.problems,
		Documents: s.documents(), Bundles: len(s.decl.Bundles), Degraded: s.hold, Recheck: s.recheck,
		Branches: s.branches, Written: now.Written,
	}
	if s.part {
		sync.Bundles = s.prior.Bundles
	}
	if s.settled() {
		sync.Settled = declare.Rules
	}
	return tx.PutSync(sync)
}

// documents counts what the repository declares.
func (s *takeover) documents() int {
	if s.part || s.empty() { // still empty next time is still nothing to act on
		return s.prior.Documents + len(s.fresh)
	}
	return len(s.decl.Documents)
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
	if ref.Kind == state.KindService {
		v, err := tx.Service(ref.Name)
		if err != nil {
			return err
		}
		v.Refused = problems.Error()
		return tx.PutService(v)
	}
	return tx.Change(ref, func(t *state.Target) error {
		t.Desired.Refused = problems.Error()
		return nil
	})
}

// removeGone marks what this repository declared and declares no longer, but for
// what a broken file may still mean to declare.
func (s *takeover) removeGone(d *declarer, declared map[state.Ref]bool) error {
	if s.part || s.empty() && samePlace(s.repo, s.prior) {
		return nil
	}
	known := map[state.Ref]bool{} // if not accepted
	for _, doc := range s.decl.Documents {
		known[doc.Ref] = true
	}
	keeps := s.decl.Keeper()
	var gone []state.Ref
	for _, ref := range slices.SortedFunc(maps.Keys(s.owned), func(a, b state.Ref) int { return strings.Compare(a.String(), b.String()) }) {
		if !declared[ref] && !known[ref] && !keeps(ref, s.owned[ref]) {
			gone = append(gone, ref)
		}
	}
	var err error
	if d.renamed, err = s.renames(d, gone); err != nil {
		return err
	}
	for _, ref := range gone {
		if err := d.gone(ref); err != nil {
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
