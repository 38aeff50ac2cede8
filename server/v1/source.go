package v1

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"baryon/renderer"
	"baryon/state"
)

// A Source is what one file of a repository came to, or a folder that was left
// out.
type Source struct {
	Repository string            `json:"repository"`
	Path       string            `json:"path"`
	Verdict    string            `json:"verdict"`
	Reason     string            `json:"reason,omitempty"` // what it declares, or why it declares nothing
	Problems   renderer.Problems `json:"problems,omitempty"`
}

// sourceDoc is the part of what the loop keeps about a file that is shown.
type sourceDoc struct {
	Reason    string            `json:"reason"`
	Problems  renderer.Problems `json:"problems"`
	Conflicts renderer.Problems `json:"conflicts"`
	Broken    []struct {
		Ref state.Ref `json:"ref"`
	} `json:"broken"`
	Held []state.Ref `json:"held"`
}

func (d sourceDoc) problems() renderer.Problems {
	all := slices.Concat(d.Problems, d.Conflicts)
	all.Sort()
	return all
}

// means reports whether the file tried to declare ref, or the service ref
// belongs to.
func (d sourceDoc) means(ref state.Ref) bool {
	if ref.Service != "" {
		ref = state.ServiceRef(ref.Service)
	}
	for _, claim := range d.Broken {
		if claim.Ref == ref {
			return true
		}
	}
	return slices.Contains(d.Held, ref)
}

func readSource(f state.SourceFile) (sourceDoc, error) {
	var doc sourceDoc
	if len(f.Doc) == 0 {
		return doc, nil
	}
	if err := json.Unmarshal(f.Doc, &doc); err != nil {
		return doc, fmt.Errorf("source file %s of %s: %w", f.Path, f.Repository, err)
	}
	return doc, nil
}

// Sources lists the files of a repository, or with an empty name of all; with
// a verdict only those it was given to.
func (v *View) Sources(ctx context.Context, repository, verdict string) ([]Source, error) {
	files, err := v.store.SourceFiles(ctx, repository)
	if err != nil {
		return nil, err
	}
	out := []Source{}
	for _, f := range files {
		if verdict != "" && f.Verdict != verdict {
			continue
		}
		doc, err := readSource(f)
		if err != nil {
			return nil, err
		}
		out = append(out, Source{Repository: f.Repository, Path: f.Path, Verdict: f.Verdict, Reason: doc.Reason, Problems: doc.problems()})
	}
	return out, nil
}

// problemsAt lists what is wrong with one file.
func (v *View) problemsAt(ctx context.Context, repository, path string) ([]string, error) {
	if repository == "" || path == "" {
		return nil, nil
	}
	files, err := v.store.SourceFiles(ctx, repository)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(files, func(f state.SourceFile) bool { return f.Path == path })
	if i < 0 {
		return nil, nil
	}
	doc, err := readSource(files[i])
	return texts(doc.problems()), err
}

func texts(problems renderer.Problems) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// whyAbsent explains why something does not exist, when a file was to declare it.
func (v *View) whyAbsent(ctx context.Context, ref state.Ref, missing error) (Why, error) {
	files, err := v.store.SourceFiles(ctx, "")
	if err != nil {
		return Why{}, err
	}
	for _, f := range files {
		doc, err := readSource(f)
		if err != nil {
			return Why{}, err
		}
		if doc.means(ref) {
			return Why{
				State: Refused, On: f.Repository + ":" + f.Path, Problems: texts(doc.problems()),
				Text: f.Path + " in repository " + f.Repository + " declares it and was refused",
				Next: "correct " + f.Path + " and push it",
			}, nil
		}
	}
	return Why{}, &Error{
		Code: CodeNotFound, Message: missing.Error() + " and no file declares it",
		Next: "see what was found with: baryon sources",
	}
}

func (a *api) sources(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, after, err := paging(r, "repository", "verdict")
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	all, err := a.view.Sources(r.Context(), q.Get("repository"), q.Get("verdict"))
	if err != nil {
		return nil, err
	}
	if len(all) == 0 && q.Get("repository") != "" {
		if _, err := a.Store.Sync(r.Context(), q.Get("repository")); err != nil {
			return nil, err
		}
	}
	return pageOf(all, limit, after, func(s Source) string { return s.Repository + ":" + s.Path }), nil
}

// A Repository is where the taking-over of a repository stands.
type Repository struct {
	Name      string    `json:"name"`
	Ref       string    `json:"ref"`
	URL       string    `json:"url"`
	Branch    string    `json:"branch,omitempty"`
	Path      string    `json:"path,omitempty"`
	State     string    `json:"state"`
	Commit    string    `json:"commit,omitempty"` // whose contents are in force
	Subject   string    `json:"subject,omitempty"`
	Author    string    `json:"author,omitempty"`
	Seen      string    `json:"seen,omitempty"`
	SyncedAt  time.Time `json:"syncedAt,omitzero"`
	FailedAt  time.Time `json:"failedAt,omitzero"`
	Error     string    `json:"error,omitempty"`
	Degraded  string    `json:"degraded,omitempty"`
	Bundles   int       `json:"bundles"`
	Documents int       `json:"documents"`
	Problems  int       `json:"problems"`
	Gone      bool      `json:"gone,omitempty"`
}

func repositoryOf(s state.Sync) Repository {
	r := Repository{
		Name: s.Name, Ref: state.RepositoryRef(s.Name).String(), URL: s.URL, Branch: s.Branch, Path: s.Path, State: Ready,
		Commit: s.Commit, Subject: s.Subject, Author: s.Author, Seen: s.Seen, SyncedAt: s.SyncedAt, FailedAt: s.FailedAt,
		Error: s.Error, Degraded: s.Degraded, Bundles: s.Bundles, Documents: s.Documents, Problems: s.Problems, Gone: s.Gone,
	}
	switch {
	case s.Error != "":
		r.State = Failed
	case s.Degraded != "" || s.Gone:
		r.State = Waiting
	case s.Commit == "":
		r.State = Pending
	}
	return r
}

// Repositories lists all repositories that were ever looked at.
func (v *View) Repositories(ctx context.Context) ([]Repository, error) {
	syncs, err := v.store.Syncs(ctx)
	out := make([]Repository, 0, len(syncs))
	for _, s := range syncs {
		out = append(out, repositoryOf(s))
	}
	return out, err
}

func (a *api) repositories(_ http.ResponseWriter, r *http.Request) (any, error) {
	limit, after, err := paging(r)
	if err != nil {
		return nil, err
	}
	all, err := a.view.Repositories(r.Context())
	return pageOf(all, limit, after, func(one Repository) string { return one.Name }), err
}

func (a *api) repository(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r); err != nil {
		return nil, err
	}
	s, err := a.Store.Sync(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	return repositoryOf(s), nil
}
