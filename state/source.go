package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"baryon/state/db"
)

// A Sync is where the taking-over of one repository stands.
type Sync struct {
	Name      string            `json:"-"`
	URL       string            `json:"url"`
	Branch    string            `json:"branch"`
	Path      string            `json:"path"`
	Commit    string            `json:"commit,omitempty"` // the last commit whose contents are in force
	Subject   string            `json:"subject,omitempty"`
	Author    string            `json:"author,omitempty"`
	Seen      string            `json:"seen,omitempty"`  // the last commit looked at
	Error     string            `json:"error,omitempty"` // why the last look failed; contents stay in force
	Degraded  string            `json:"degraded,omitempty"`
	Settings  string            `json:"settings,omitempty"` // digest of the settings the contents were read with
	SyncedAt  time.Time         `json:"syncedAt,omitzero"`
	FailedAt  time.Time         `json:"failedAt,omitzero"`
	Problems  int               `json:"problems,omitempty"`
	Documents int               `json:"documents,omitempty"`
	Bundles   int               `json:"bundles,omitempty"`
	Gone      bool              `json:"gone,omitempty"`     // no longer configured
	Branches  map[string]string `json:"branches,omitempty"` // others that ops files name, with the commits looked at
	Recheck   bool              `json:"recheck,omitempty"`  // something was refused for a reason outside the repository
	Settled   int               `json:"settled,omitempty"`  // all of Commit is in force, read with rules of this number: the next may be taken over by what it changes
	Written   string            `json:"written,omitempty"`  // the last commit that was written back and taken over in part
}

// A SourceFile is what one file of a repository came to. Doc is kept for the
// one who wrote it and is not looked into here.
type SourceFile struct {
	Repository string
	Path       string
	Hash       string // of the content, as the repository knows it
	Verdict    string
	Doc        json.RawMessage
}

// PutSync writes where a repository stands.
func (tx *Tx) PutSync(v Sync) error {
	doc, err := encode(v)
	if err != nil {
		return err
	}
	return tx.q.PutRepository(tx.ctx, db.PutRepositoryParams{Name: v.Name, Doc: doc, Now: tx.now})
}

// Sync reads where a repository stands; a *NotFoundError before its first look.
func (s *Store) Sync(ctx context.Context, name string) (Sync, error) {
	row, err := s.queries().Repository(ctx, name)
	if err != nil {
		return Sync{}, notFound(err, "repository/"+name)
	}
	return syncOf(row)
}

// Sync reads where a repository stands and keeps others from taking it over
// until the transaction ends.
func (tx *Tx) Sync(name string) (Sync, error) {
	row, err := tx.q.RepositoryForUpdate(tx.ctx, name)
	if err != nil {
		return Sync{}, notFound(err, "repository/"+name)
	}
	return syncOf(row)
}

// Syncs lists all repositories that were ever looked at.
func (s *Store) Syncs(ctx context.Context) ([]Sync, error) {
	rows, err := s.queries().Repositories(ctx)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, syncOf)
}

func syncOf(row db.Repository) (Sync, error) {
	v := Sync{Name: row.Name}
	return v, decode(row.Doc, &v)
}

// PutSourceFile writes what a file came to.
func (tx *Tx) PutSourceFile(f SourceFile) error {
	return tx.q.PutSourceFile(tx.ctx, db.PutSourceFileParams{
		Repo: f.Repository, Path: f.Path, Hash: f.Hash, Verdict: f.Verdict, Doc: string(f.Doc),
	})
}

// SourceFile reads what one file came to; a *NotFoundError when nothing is kept.
func (s *Store) SourceFile(ctx context.Context, repository, path string) (SourceFile, error) {
	row, err := s.queries().SourceFile(ctx, db.SourceFileParams{Repo: repository, Path: path})
	if err != nil {
		return SourceFile{}, notFound(err, repository+":"+path)
	}
	return sourceFileOf(row)
}

// Unsettle makes the next commit of a repository be looked at as a whole: something
// that it declares was changed by another way.
func (tx *Tx) Unsettle(repository string) error {
	row, err := tx.q.Repository(tx.ctx, repository)
	if err != nil {
		if errors.Is(err, sql.ErrNoRows) { // it is one of a preview, or was never read
			return nil
		}
		return err
	}
	sync, err := syncOf(row)
	if err != nil || sync.Settled == 0 {
		return err
	}
	sync.Settled = 0
	return tx.PutSync(sync)
}

// RemoveSourceFile forgets a file that is gone.
func (tx *Tx) RemoveSourceFile(repository, path string) error {
	return tx.q.DeleteSourceFile(tx.ctx, db.DeleteSourceFileParams{Repo: repository, Path: path})
}

// SourceFiles lists the files of one repository, or with an empty name of all.
func (s *Store) SourceFiles(ctx context.Context, repository string) ([]SourceFile, error) {
	rows, err := s.queries().SourceFiles(ctx, repository)
	if err != nil {
		return nil, err
	}
	return mapRows(rows, sourceFileOf)
}

func sourceFileOf(r db.SourceFile) (SourceFile, error) {
	return SourceFile{Repository: r.Repo, Path: r.Path, Hash: r.Hash, Verdict: r.Verdict, Doc: json.RawMessage(r.Doc)}, nil
}
