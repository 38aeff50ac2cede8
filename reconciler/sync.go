package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// visitRepository takes over what a repository declares now, if anything about
// it has changed since the last look.
func (r *Reconciler) visitRepository(ctx context.Context, c state.Claim) (next, error) {
	repo, configured, unknown := r.repository(ctx, c.Ref.Name)
	prior, err := r.cfg.Store.Sync(ctx, c.Ref.Name)
	var missing *state.NotFoundError
	if err != nil && !errors.As(err, &missing) {
		return next{}, err
	}
	prior.Name = c.Ref.Name
	switch {
	case !configured && unknown != nil:
		return next{}, unknown
	case !configured:
		return r.later(), r.dropRepository(ctx, c, prior)
	}
	if unknown != nil {
		return next{}, r.syncFailed(ctx, c, repo, prior, unknown)
	}
	if before, err := r.turn(ctx, repo, prior); err != nil || before != "" {
		if err != nil {
			return next{}, err
		}
		return r.awaitTurn(ctx, c, repo, prior, before)
	}
	due := next{at: time.Now().Add(jitter(repo.Interval))}
	head, err := r.cfg.Source.Head(ctx, repo.Repo)
	if err != nil {
		return next{}, r.syncFailed(ctx, c, repo, prior, err)
	}
	if head == prior.Seen && prior.Settings == r.current().readWith(repo) && prior.Error == "" && !prior.Recheck {
		moved, err := r.branchesMoved(ctx, repo, prior)
		if err != nil {
			return next{}, r.syncFailed(ctx, c, repo, prior, err)
		}
		if !moved {
			return due, nil
		}
	}
	err = r.sync(ctx, c.Fence(), repo, prior, head)
	if errors.Is(err, errMoved) {
		return next{at: time.Now()}, nil
	}
	if err != nil {
		return next{}, r.syncFailed(ctx, c, repo, prior, err)
	}
	return due, nil
}

// syncFailed keeps why a repository could not be read. What it declared stays
// in force.
func (r *Reconciler) syncFailed(ctx context.Context, c state.Claim, repo Repository, prior state.Sync, cause error) error {
	if errors.Is(cause, state.ErrLost) || ctx.Err() != nil || prior.Error == cause.Error() {
		return cause
	}
	prior.URL, prior.Branch, prior.Path = orElse(prior.URL, repo.URL), orElse(prior.Branch, repo.Branch), orElse(prior.Path, repo.Path)
	if prior.Error == "" {
		prior.FailedAt = r.cfg.Now()
	}
	prior.Error, prior.Gone = cause.Error(), false
	err := r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		if repo.Sync != nil {
			if err := tx.AddSyncAttempt(state.SyncAttempt{
				Subject: c.Ref.String(), Status: state.SyncFailed, Target: state.Revision{Repository: repo.Name, Branch: repo.Branch, Path: repo.Sync.Path},
				Events: []state.SyncEvent{{Type: "SYNC_FAILED", Text: cause.Error()}},
			}); err != nil {
				return err
			}
		}
		return tx.PutSync(prior)
	})
	return errors.Join(cause, err)
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// dropRepository orphans what a repository declared that is no longer
// configured. Nothing is deleted.
func (r *Reconciler) dropRepository(ctx context.Context, c state.Claim, prior state.Sync) error {
	if prior.URL == "" || prior.Gone {
		return nil
	}
	refs, err := r.owned(ctx, prior.Name)
	if err != nil {
		return err
	}
	if err := r.addSynced(ctx, prior.Name, refs); err != nil {
		return err
	}
	doomed, err := r.doomed(ctx, prior.Name)
	if err != nil {
		return err
	}
	return r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		for ref := range refs {
			if err := orphan(tx, ref, "the repository "+prior.Name+" that declared it is no longer configured"); err != nil {
				return err
			}
		}
		prior.Gone, prior.Settings = true, ""
		if err := tx.PutSync(prior); err != nil {
			return err
		}
		return tx.Wake(doomed...)
	})
}

// addSynced adds the instances that ops files of a repository name in services
// of others.
func (r *Reconciler) addSynced(ctx context.Context, repository string, to map[state.Ref]string) error {
	targets, err := r.cfg.Store.TargetsOfOwner(ctx, repository)
	for _, t := range targets {
		if t.Synced() && to[state.ServiceRef(t.Ref.Service)] == "" {
			to[t.Ref] = t.Owner.Path
		}
	}
	return err
}

// doomed are the targets of a repository that are wanted gone: they look at the
// repository before they go.
func (r *Reconciler) doomed(ctx context.Context, repository string) ([]state.Ref, error) {
	targets, err := r.cfg.Store.TargetsOfOwner(ctx, repository)
	if err != nil {
		return nil, err
	}
	var refs []state.Ref
	for _, t := range targets {
		if t.Desired.Deleted {
			refs = append(refs, t.Ref)
		}
	}
	return refs, nil
}

// takeover is one taking-over of a commit, step by step.
type takeover struct {
	r      *Reconciler
	repo   Repository
	prior  state.Sync
	head   string
	commit gitsource.Commit
	tree   declare.Tree
	decl   *declare.Declaration
	owned  map[state.Ref]string // what this repository declares so far, and where
	before map[string]bool      // names that this repository had before
	doomed []state.Ref          // what it declared once and wants gone

	environments map[string]declare.Document // that this commit declares

	rows     map[string]state.SourceFile
	refused  map[string]renderer.Problems // by file: what the state of other things refuses
	held     map[string][]state.Ref       // by file: the names of documents so refused
	accepted []declare.Document
	bundles  []state.SourceFile
	followed []followed        // what ops files name
	leaving  []state.Target    // what they name no longer
	branches map[string]string // that they name, and where those are
	problems int
	part     bool               // it is about what the commit changes alone
	fresh    map[state.Ref]bool // names that are new with it, if it is
	recheck  bool               // something was refused for a reason outside this repository
	hold     string             // why nothing is deleted on this taking-over
}

func (r *Reconciler) newTakeover(repo Repository, prior state.Sync, head string) *takeover {
	return &takeover{r: r, repo: repo, prior: prior, head: head, before: map[string]bool{}, refused: map[string]renderer.Problems{}, held: map[string][]state.Ref{}}
}

// sync registers bundles and takes over documents. What is broken stays as it
// was; everything else goes on.
func (r *Reconciler) sync(ctx context.Context, fence state.Fence, repo Repository, prior state.Sync, head string) error {
	s, err := r.takeoverOfMoved(ctx, repo, prior, head)
	if err != nil {
		return err
	}
	if s == nil {
		s = r.newTakeover(repo, prior, head)
		for _, step := range []func(context.Context) error{s.read, s.register, s.examine, s.follow} {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	if err := r.cfg.Store.Update(ctx, fence, s.takeOver); err != nil {
		return err
	}
	level := zap.InfoLevel
	if prior.Recheck && prior.Seen == head && s.problems > 0 {
		level = zap.DebugLevel // looked at once more, and what was refused still is
	}
	r.log.Log(level, "repository taken over", zap.String("repo", repo.Name), zap.String("commit", head),
		zap.Int("documents", len(s.accepted)), zap.Int("bundles", len(s.decl.Bundles)), zap.Int("problems", s.problems), zap.Bool("whole", !s.part))
	r.Wake()
	r.report(ctx, s)
	return nil
}

// read finds out what the commit declares and how it came about.
func (s *takeover) read(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	rows, err := s.r.cfg.Store.SourceFiles(ctx, s.repo.Name)
	if err != nil {
		return err
	}
	s.rows = make(map[string]state.SourceFile, len(rows))
	known := make(map[string]declare.File, len(rows))
	for _, row := range rows {
		s.rows[row.Path] = row
		if f, err := fileOf(row); err == nil && f.Hash != "" {
			known[row.Path] = f
		}
	}
	if s.owned, err = s.r.owned(ctx, s.repo.Name); err != nil {
		return err
	}
	if s.doomed, err = s.r.doomed(ctx, s.repo.Name); err != nil {
		return err
	}
	if s.prior.Settings != s.r.current().readWith(s.repo) {
		known = nil // what a file comes to may have changed with them
	}
	options := s.r.reading()
	options.Owners = s.owned
	if s.decl, err = declare.Read(ctx, s.tree, known, options); err != nil {
		return err
	}
	if err := s.narrow(); err != nil {
		return err
	}
	return s.judge(ctx)
}

// open opens the commit.
func (s *takeover) open(ctx context.Context) error {
	var err error
	if s.tree, err = s.r.cfg.Source.Tree(ctx, s.repo.Repo, s.head); err != nil {
		return err
	}
	s.commit, err = s.r.cfg.Source.Commit(ctx, s.repo.Repo, s.head)
	return err
}

// reading bounds what is read of a repository.
func (r *Reconciler) reading() declare.Options {
	return declare.Options{MaxInstances: r.current().Instances}
}

// fileOf reads what is kept of a file.
func fileOf(row state.SourceFile) (declare.File, error) {
	var f declare.File
	err := json.Unmarshal(row.Doc, &f)
	return f, err
}

// judge decides whether this commit may delete anything.
func (s *takeover) judge(ctx context.Context) error {
	switch {
	case s.prior.Commit == "":
	case !samePlace(s.repo, s.prior):
		s.hold = "the repository's address, branch or path changed"
	case s.empty() && s.prior.Documents > 0:
		s.hold = "the repository declares nothing any more"
	default:
		follows, err := s.r.cfg.Source.Descends(ctx, s.repo.Repo, s.prior.Commit, s.head)
		if err != nil {
			return err
		}
		if !follows {
			s.hold = "the branch was rewound: " + short(s.head) + " does not follow " + short(s.prior.Commit)
		}
	}
	return nil
}

// empty reports whether the commit declares nothing at all, as a wrong branch or
// a bad merge does.
func (s *takeover) empty() bool {
	return len(s.decl.Documents) == 0 && len(s.decl.Bundles) == 0 && len(s.decl.Ops) == 0
}

// owned are the environments, components and services a repository declares,
// by their paths.
func (r *Reconciler) owned(ctx context.Context, repository string) (map[state.Ref]string, error) {
	out := map[state.Ref]string{}
	targets, err := r.cfg.Store.TargetsOfOwner(ctx, repository)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if t.Ref.Service == "" && !t.Desired.Deleted {
			out[t.Ref] = t.Owner.Path
		}
	}
	services, err := r.cfg.Store.ServicesOfOwner(ctx, repository)
	if err != nil {
		return nil, err
	}
	for _, v := range services {
		if !v.Deleted {
			out[state.ServiceRef(v.Name)] = v.Owner.Path
		}
	}
	return out, nil
}

// examine checks each document against everything outside its file: what the
// repository may declare, who owns the name, and the schema of the template.
func (s *takeover) examine(ctx context.Context) error {
	s.environments = environmentsAmong(s.decl.Documents)
	for _, doc := range s.decl.Documents {
		doc, problems, err := s.objections(ctx, doc)
		if err != nil {
			return err
		}
		s.refused[doc.Path] = append(s.refused[doc.Path], problems...)
		if problems.Failed() {
			s.held[doc.Path] = append(s.held[doc.Path], doc.Ref)
			continue
		}
		s.accepted = append(s.accepted, doc)
	}
	return nil
}

// objections are what stands against a document that is good in itself, and the
// document with what it leaves out.
func (s *takeover) objections(ctx context.Context, doc declare.Document) (declare.Document, renderer.Problems, error) {
	if p, refused := s.notAllowed(doc); refused {
		return doc, renderer.Problems{p}, nil
	}
	owner, exists, err := s.r.owner(ctx, doc.Ref)
	if err != nil {
		return doc, nil, err
	}
	if exists && owner.Repository != s.repo.Name && !doc.Header.Adopt {
		renamed, err := s.r.renamed(ctx, owner.Repository, s.repo)
		if err != nil {
			return doc, nil, err
		}
		s.before[owner.Repository] = renamed
		if !renamed {
			s.recheck = true
			return doc, renderer.Problems{doc.Problem(string(doc.Ref.Kind), "one name has one owner",
				doc.Ref.String()+", which "+owner.String()+" declares", "", "take it out there, or say adopt: true here")}, nil
		}
	}
	if doc.Ref.Kind == state.KindComponent {
		if problems, err := s.componentProblems(doc); err != nil || problems.Failed() {
			return doc, problems, err
		}
	}
	e := &examiner{r: s.r, ctx: ctx, documents: s.decl.Documents, declared: s.environments}
	doc, problems, err := e.examine(doc)
	s.recheck = s.recheck || len(problems) > 0 || e.unknown
	return doc, problems, err
}

// renamed tells that a repository of another name was this one: it is not
// configured any more, and was read from the same place.
func (r *Reconciler) renamed(ctx context.Context, before string, now Repository) (bool, error) {
	if _, configured, err := r.repository(ctx, before); configured || before == "" {
		return false, err
	}
	s, err := r.cfg.Store.Sync(ctx, before)
	if isMissing(err) {
		return false, nil
	}
	return err == nil && samePlace(now, s), err
}

// owner is who declares a name now.
func (r *Reconciler) owner(ctx context.Context, ref state.Ref) (state.Owner, bool, error) {
	var missing *state.NotFoundError
	if ref.Kind == state.KindService {
		v, err := r.cfg.Store.Service(ctx, ref.Name)
		if errors.As(err, &missing) {
			return state.Owner{}, false, nil
		}
		return v.Owner, err == nil, err
	}
	t, err := r.cfg.Store.Target(ctx, ref)
	if errors.As(err, &missing) {
		return state.Owner{}, false, nil
	}
	return t.Owner, err == nil, err
}

// notAllowed tells what of a document the repository may not declare.
func (s *takeover) notAllowed(doc declare.Document) (renderer.Problem, bool) {
	a := s.repo.Allow
	refuse := func(key, got, list string, allowed []string) (renderer.Problem, bool) {
		return doc.Problem(key, "repository "+s.repo.Name+" may not declare this", got, fmt.Sprintf("one of %v", allowed),
			"add it to allow."+list+" of the repository in the daemon's configuration"), true
	}
	kind := string(doc.Ref.Kind)
	if !permits(a.Kinds, kind) {
		return refuse(kind, kind, "kinds", a.Kinds)
	}
	if t := doc.Header.Template; t != "" && !permits(a.Templates, t) {
		return refuse("template", t, "templates", a.Templates)
	}
	environments := []string{doc.Header.Environment}
	if doc.Ref.Kind == state.KindEnvironment {
		environments[0] = doc.Ref.Name
	}
	for _, i := range doc.Instances {
		environments = append(environments, i.Environment)
	}
	for _, e := range environments {
		if e != "" && !permits(a.Environments, e) {
			return refuse("environment", e, "environments", a.Environments)
		}
	}
	for key, role := range map[string]string{"role": doc.Header.Role, "codebuildRole": doc.Header.CodebuildRole, "componentRole": doc.Header.ComponentRole} {
		if role != "" && !permits(a.Roles, role) {
			return refuse(key, role, "roles", a.Roles)
		}
	}
	if doc.Header.Health.Commands() && !a.Commands {
		return doc.Problem("health", "health checks of documents of repository "+s.repo.Name+" may not run commands", "command", "http or ecs",
			"put the check into the health.yaml of the template, or set allow.commands of the repository in the daemon's configuration"), true
	}
	return renderer.Problem{}, false
}

// componentProblems checks the files that a component brings with it.
func (s *takeover) componentProblems(doc declare.Document) (renderer.Problems, error) {
	files, err := fs.Sub(s.tree, doc.Header.Files)
	if err != nil {
		return nil, err
	}
	bundle, err := renderer.OpenComponent(files, doc.Header.Files, renderer.Options{Commands: true})
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		return problems, nil
	}
	if err != nil {
		return nil, err
	}
	if !s.repo.Allow.Commands && bundle.Parts[renderer.PartComponent].Engine == renderer.EngineCodeBuild {
		return renderer.Problems{doc.Problem("files", "components of repository "+s.repo.Name+" may not run commands",
			"rendering_engine codebuild", "jinja or hcl", "write it so, or set allow.commands of the repository in the daemon's configuration")}, nil
	}
	return nil, nil
}

func (s *takeover) origin(doc declare.Document) state.Origin {
	return state.Origin{
		Repository: s.repo.Name, Commit: s.head, Path: doc.Path, Line: doc.Cut.Locate(declare.Position{Line: 1, Column: 1}).Line,
		Author: s.commit.Author, Subject: s.commit.Subject,
	}
}

// report tells the host of the repository what became of the commit.
func (r *Reconciler) report(ctx context.Context, s *takeover) {
	if r.cfg.Reporter == nil {
		return
	}
	text := fmt.Sprintf("%d declared", s.documents())
	if s.problems > 0 {
		text = fmt.Sprintf("%d problem(s); see: baryon sources", s.problems)
	}
	if err := r.cfg.Reporter.Report(ctx, s.repo.Repo, s.head, s.problems == 0, text); err != nil {
		r.log.Warn("commit status not set", zap.String("repo", s.repo.Name), zap.String("commit", s.head), zap.Error(err))
	}
}

func short(commit string) string {
	if len(commit) > 12 {
		return commit[:12]
	}
	return commit
}
