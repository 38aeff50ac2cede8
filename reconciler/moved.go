package reconciler

import (
	"context"
	"path"
	"slices"
	"strings"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/state"
)

// mostMoved is how many files a commit may change for it to be taken over by them
// alone. With more, looking at everything costs little more.
const mostMoved = 500

// settled tells that everything a commit declares is in force, and that nothing but
// its own text decides what each of its documents comes to: the next commit may be
// taken over by what it changes.
func (s *takeover) settled() bool {
	if s.part {
		return s.problems == 0 && !s.recheck
	}
	return s.problems == 0 && !s.recheck && s.hold == "" && !s.empty() && s.repo.Sync == nil && len(s.decl.Ops) == 0 && len(s.leaving) == 0 &&
		!slices.ContainsFunc(s.decl.Documents, func(d declare.Document) bool { return d.Ref.Kind == state.KindComponent })
}

// takeoverOfMoved is the taking-over of a commit that does no more than to write
// some documents of a settled repository anew and to add others; nil when it does more, or when that
// cannot be told cheaply, so that all of it is looked at. Either way leads to the
// same: what did not move was in force before, and is what it was.
func (r *Reconciler) takeoverOfMoved(ctx context.Context, repo Repository, prior state.Sync, head string) (*takeover, error) {
	if prior.Settled != declare.Rules || prior.Recheck || prior.Error != "" || prior.Gone || prior.Commit != prior.Seen ||
		prior.Settings != r.current().readWith(repo) || !samePlace(repo, prior) || repo.Sync != nil {
		return nil, nil
	}
	s := r.newTakeover(repo, prior, head)
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	follows, err := r.cfg.Source.Descends(ctx, repo.Repo, prior.Commit, head)
	if err != nil || !follows {
		return nil, err
	}
	found, whole, err := r.cfg.Source.Differences(ctx, repo.Repo, prior.Commit, head, mostMoved)
	if err != nil || !whole {
		return nil, err
	}
	s.part, s.owned, s.fresh, s.rows, s.decl = true, map[state.Ref]string{}, map[state.Ref]bool{}, map[string]state.SourceFile{}, &declare.Declaration{}
	for _, d := range found {
		if ok, err := s.readMoved(ctx, d); err != nil || !ok {
			return nil, err
		}
	}
	if err := s.examine(ctx); err != nil {
		return nil, err
	}
	if s.recheck || len(s.accepted) < len(s.decl.Documents) {
		return nil, nil // what is refused is told along with everything else
	}
	return s, nil
}

// readMoved reads one file that a commit changes. It is false when the change may
// mean something to other files, or is more than new documents, or another text for those of before.
func (s *takeover) readMoved(ctx context.Context, d gitsource.Difference) (bool, error) {
	if d.Odd || path.Base(d.Path) == declare.IgnoreFile {
		return false, nil
	}
	if place, err := s.rowAbove(ctx, d.Path); err != nil || place != nil {
		return place != nil && place.Verdict == string(declare.VerdictIgnored), err
	}
	if !declare.YAMLName(d.Path) {
		return true, nil
	}
	row, err := s.r.cfg.Store.SourceFile(ctx, s.repo.Name, d.Path)
	switch {
	case isMissing(err):
		return s.readNew(ctx, d)
	case err != nil:
		return false, err
	case d.Before == "" || d.After == "":
		return false, nil
	}
	before, err := fileOf(row)
	if err != nil {
		return false, nil //nolint:nilerr // it is read anew
	}
	if row.Verdict == string(declare.VerdictIgnored) && before.Hash == "" {
		return true, nil // for its name, or its place
	}
	s.rows[d.Path] = row
	now, ok, err := s.readAlone(ctx, d.Path)
	if err != nil || !ok || !sameNames(before, now) {
		return false, err
	}
	for i, doc := range now.Documents {
		owner, exists, err := s.r.owner(ctx, doc.Ref)
		if err != nil || !exists || owner.Repository != s.repo.Name || owner.Path != doc.Path || movesOthers(before.Documents[i], doc) {
			return false, err
		}
		s.owned[doc.Ref] = doc.Path
	}
	return true, nil
}

// readNew reads a file that was not there before. Nobody may have its names, nor have
// had them.
func (s *takeover) readNew(ctx context.Context, d gitsource.Difference) (bool, error) {
	if d.Before != "" {
		return false, nil
	}
	if alone, err := declare.StandsAlone(ctx, s.tree, d.Path); err != nil || !alone {
		return false, err
	}
	now, ok, err := s.readAlone(ctx, d.Path)
	if err != nil || !ok {
		return false, err
	}
	for _, doc := range now.Documents {
		_, exists, err := s.r.owner(ctx, doc.Ref)
		if err != nil || exists || s.fresh[doc.Ref] || doc.Ref.Kind == state.KindComponent {
			return false, err
		}
		s.fresh[doc.Ref] = true
	}
	return true, nil
}

// readAlone reads a file, if it holds nothing but good documents, or nothing at all.
func (s *takeover) readAlone(ctx context.Context, file string) (declare.File, bool, error) {
	f, err := declare.ReadOne(ctx, s.tree, file, s.r.reading())
	if err != nil || f.Problems.Failed() || f.Ops != nil || f.Unread || len(f.Broken) > 0 {
		return f, false, err
	}
	s.decl.Files = append(s.decl.Files, f)
	s.decl.Documents = append(s.decl.Documents, f.Documents...)
	return f, true, nil
}

// rowAbove is what is kept of the folder that a file is in: a bundle, or one that is
// left out. Nil when there is none.
func (s *takeover) rowAbove(ctx context.Context, file string) (*state.SourceFile, error) {
	for i := range file {
		if file[i] != '/' {
			continue
		}
		row, err := s.r.cfg.Store.SourceFile(ctx, s.repo.Name, file[:i+1])
		if err == nil {
			return &row, nil
		}
		if !isMissing(err) {
			return nil, err
		}
	}
	return nil, nil
}

// sameNames tells that two texts of a file hold documents of the same names.
func sameNames(a, b declare.File) bool {
	return len(a.Broken) == 0 && slices.EqualFunc(a.Documents, b.Documents, func(a, b declare.Document) bool {
		return a.Ref == b.Ref && a.Ref.Kind != state.KindComponent
	})
}

// movesOthers tells that a document now says something that the documents beside it
// are judged by: where an environment's template and major are those of its services.
func movesOthers(a, b declare.Document) bool {
	if a.Ref.Kind != state.KindEnvironment {
		return false
	}
	return a.Header.Template != b.Header.Template || major(a.Header.Version) != major(b.Header.Version)
}

func major(follow state.Follow) string {
	text, _, _ := strings.Cut(string(follow), ".")
	return text
}
