package state

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"baryon/state/db"
)

// A Template is a named family of bundles.
type Template struct {
	Kind          Kind      `json:"-"` // KindEnvironment or KindService
	Name          string    `json:"-"`
	DisplayName   string    `json:"displayName,omitempty"`
	Description   string    `json:"description,omitempty"`
	EncryptionKey string    `json:"encryptionKey,omitempty"` // as a client gave it: nothing is encrypted with it here
	Repository    string    `json:"repository,omitempty"`    // the repository whose contents register its versions
	CreatedAt     time.Time `json:"-"`
	ModifiedAt    time.Time `json:"-"`

	// CustomerManaged is Proton's provisioning CUSTOMER_MANAGED of an environment
	// template: what it describes exists already, and the spec's values are the outputs.
	CustomerManaged bool `json:"customerManaged,omitempty"`
	// NoPipeline is Proton's pipelineProvisioning CUSTOMER_MANAGED of a service template.
	NoPipeline bool `json:"noPipeline,omitempty"`
}

// A TemplateVersion is one registered bundle. The bundle never changes.
type TemplateVersion struct {
	Kind        Kind          `json:"-"`
	Name        string        `json:"-"`
	Version     Version       `json:"-"`
	Status      VersionStatus `json:"-"`
	Message     string        `json:"-"` // why registration failed, or what to know about it
	Bundle      string        `json:"-"` // digest of the bundle; empty when registration failed
	Tree        string        `json:"-"` // the hash by which the repository knows the folder it came from
	Description string        `json:"description,omitempty"`
	Schema      string        `json:"schema,omitempty"` // the text of schema.yaml
	Origin      Origin        `json:"origin"`
	Source      Source        `json:"source,omitzero"` // of a bundle that was handed over
	CreatedAt   time.Time     `json:"-"`
	ModifiedAt  time.Time     `json:"-"`

	// CompatibleEnvironments are NAME:MAJOR, for service templates.
	CompatibleEnvironments []string `json:"compatibleEnvironments,omitempty"`
	// ComponentSources is Proton's supportedComponentSources.
	ComponentSources []string `json:"componentSources,omitempty"`
	CustomerManaged  bool     `json:"customerManaged,omitempty"`
	NoPipeline       bool     `json:"noPipeline,omitempty"`
}

// A Source is where a bundle is that was handed over: an object of S3, or an
// archive that is kept here by its digest.
type Source struct {
	Bucket  string `json:"bucket,omitempty"`
	Key     string `json:"key,omitempty"`
	Archive string `json:"archive,omitempty"`
}

// An Origin says where something came from: a place in a repository, or the API.
type Origin struct {
	Repository string `json:"repository,omitempty"`
	Branch     string `json:"branch,omitempty"` // of an instance that service sync declares
	Commit     string `json:"commit,omitempty"`
	Path       string `json:"path,omitempty"`
	Line       int    `json:"line,omitempty"`
	At         string `json:"at,omitempty"` // PATH:LINE:COLUMN of the name of the environment, for messages
	Author     string `json:"author,omitempty"`
	Subject    string `json:"subject,omitempty"`
}

// String is REPOSITORY:PATH:LINE, or "the API".
func (o Origin) String() string {
	if o.Repository == "" {
		return "the API"
	}
	s := o.Repository + ":" + o.Path
	if o.Line > 0 {
		s += ":" + itoa(o.Line)
	}
	return s
}

// anyMajor is the major in the row of a target that names none.
const anyMajor = 0

// PutTemplate writes a template.
func (tx *Tx) PutTemplate(t Template) error {
	doc, err := encode(t)
	if err != nil {
		return err
	}
	_, err = tx.q.Template(tx.ctx, db.TemplateParams{Kind: string(t.Kind), Name: t.Name})
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.templateMoved(t.Kind, t.Name, statusThere, "")
	}
	if err != nil {
		return err
	}
	return tx.q.PutTemplate(tx.ctx, db.PutTemplateParams{Kind: string(t.Kind), Name: t.Name, Doc: doc, Revision: newRevision(), Now: tx.now})
}

// RegisterTemplate writes what a bundle says of its template, and keeps what
// people say of it: its names for people and its key.
func (tx *Tx) RegisterTemplate(t Template) error {
	row, err := tx.q.Template(tx.ctx, db.TemplateParams{Kind: string(t.Kind), Name: t.Name})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil {
		old, err := templateOf(row)
		if err != nil {
			return err
		}
		t.DisplayName, t.Description, t.EncryptionKey = old.DisplayName, old.Description, old.EncryptionKey
	}
	return tx.PutTemplate(t)
}

// PutTemplateVersion writes a version and wakes what follows its major. It
// refuses to change the bundle of a version that has been registered.
func (tx *Tx) PutTemplateVersion(v TemplateVersion) error {
	old, err := tx.q.TemplateVersionForUpdate(tx.ctx, db.TemplateVersionForUpdateParams{
		Kind: string(v.Kind), Name: v.Name, Major: v.Version.Major, Minor: v.Version.Minor,
	})
	if err == nil && VersionStatus(old.Status).Usable() && old.Bundle != v.Bundle {
		return &ConflictError{What: v.Name + " " + v.Version.String(), Why: "is registered, and a registered bundle never changes"}
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	doc, err := encode(v)
	if err != nil {
		return err
	}
	err = tx.q.PutTemplateVersion(tx.ctx, db.PutTemplateVersionParams{
		Kind: string(v.Kind), Name: v.Name, Major: v.Version.Major, Minor: v.Version.Minor,
		Status: string(v.Status), Message: v.Message, Bundle: v.Bundle, Tree: v.Tree, Doc: doc, Now: tx.now,
	})
	if err != nil {
		return err
	}
	if err := tx.versionMoved(v.Kind, v.Name, v.Version, string(v.Status), old.Status); err != nil {
		return err
	}
	if err := tx.reviseTemplate(v.Kind, v.Name); err != nil {
		return err
	}
	return tx.WakeFollowers(v.Kind, v.Name, v.Version.Major)
}

func (tx *Tx) reviseTemplate(kind Kind, name string) error {
	return tx.q.ReviseTemplate(tx.ctx, db.ReviseTemplateParams{Revision: newRevision(), Kind: string(kind), Name: name})
}

// WakeFollowers wakes the targets on a major of a template, and those that
// follow whatever major is recommended.
func (tx *Tx) WakeFollowers(kind Kind, name string, major int64) error {
	kinds := []Kind{KindEnvironment}
	if kind == KindService {
		kinds = []Kind{KindInstance, KindPipeline}
	}
	for _, k := range kinds {
		for _, m := range []int64{major, anyMajor} {
			refs, err := tx.q.RefsOfTemplate(tx.ctx, db.RefsOfTemplateParams{Template: name, Kind: string(k), Major: m})
			if err != nil {
				return err
			}
			if err := tx.wakeAll(refs); err != nil {
				return err
			}
		}
	}
	return nil
}

// Publish moves a DRAFT version to PUBLISHED, the only move of a version that
// anyone can ask for. Publishing what is published does nothing.
func (s *Store) Publish(ctx context.Context, actor Actor, kind Kind, name string, version Version) error {
	what := name + " " + version.String()
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		row, err := tx.q.TemplateVersionForUpdate(ctx, db.TemplateVersionForUpdateParams{
			Kind: string(kind), Name: name, Major: version.Major, Minor: version.Minor,
		})
		if err != nil {
			return notFound(err, what)
		}
		v, err := versionOf(row)
		if err != nil {
			return err
		}
		switch v.Status {
		case Published:
			return nil
		case Draft:
		default:
			return &ConflictError{What: what, Why: "is " + string(v.Status) + " (" + v.Message + ") and only a DRAFT can be published", Next: "push a corrected bundle"}
		}
		v.Status = Published
		if err := tx.PutTemplateVersion(v); err != nil {
			return err
		}
		return tx.Audit(actor, "publish", Ref{Kind: kind + "-template", Name: name}, map[string]string{"version": version.String()})
	})
}

// Template reads a template.
func (s *Store) Template(ctx context.Context, kind Kind, name string) (Template, error) {
	row, err := s.queries().Template(ctx, db.TemplateParams{Kind: string(kind), Name: name})
	if err != nil {
		return Template{}, notFound(err, string(kind)+" template "+name)
	}
	return templateOf(row)
}

// Templates lists the templates of a kind by name.
func (s *Store) Templates(ctx context.Context, kind Kind) ([]Template, error) {
	rows, err := s.queries().Templates(ctx, string(kind))
	if err != nil {
		return nil, err
	}
	return mapRows(rows, templateOf)
}

// TemplateVersion reads one version.
func (s *Store) TemplateVersion(ctx context.Context, kind Kind, name string, v Version) (TemplateVersion, error) {
	row, err := s.queries().TemplateVersion(ctx, db.TemplateVersionParams{Kind: string(kind), Name: name, Major: v.Major, Minor: v.Minor})
	if err != nil {
		return TemplateVersion{}, notFound(err, string(kind)+" template "+name+" "+v.String())
	}
	return versionOf(row)
}

// TemplateVersions lists the versions of a template, oldest number first.
func (s *Store) TemplateVersions(ctx context.Context, kind Kind, name string) ([]TemplateVersion, error) {
	rows, err := s.queries().TemplateVersions(ctx, db.TemplateVersionsParams{Kind: string(kind), Name: name})
	if err != nil {
		return nil, err
	}
	return mapRows(rows, versionOf)
}

// Recommended is the published version that Proton would recommend: the highest
// minor of major, or with major 0 of the highest published major. The zero
// Version means that nothing is published.
func (s *Store) Recommended(ctx context.Context, kind Kind, name string, major int64) (Version, error) {
	q := s.queries()
	if major == 0 {
		highest, err := q.RecommendedMajor(ctx, db.RecommendedMajorParams{Kind: string(kind), Name: name})
		if errors.Is(err, sql.ErrNoRows) {
			return Version{}, nil
		}
		if err != nil {
			return Version{}, err
		}
		major = highest
	}
	minor, err := q.RecommendedMinor(ctx, db.RecommendedMinorParams{Kind: string(kind), Name: name, Major: major})
	if errors.Is(err, sql.ErrNoRows) {
		return Version{}, nil
	}
	return Version{Major: major, Minor: minor}, err
}

func templateOf(row db.Template) (Template, error) {
	t := Template{Kind: Kind(row.Kind), Name: row.Name, CreatedAt: fromMicros(row.CreatedAt), ModifiedAt: fromMicros(row.ModifiedAt)}
	return t, decode(row.Doc, &t)
}

func versionOf(row db.TemplateVersion) (TemplateVersion, error) {
	v := TemplateVersion{
		Kind: Kind(row.Kind), Name: row.Name, Version: Version{Major: row.Major, Minor: row.Minor},
		Status: VersionStatus(row.Status), Message: row.Message, Bundle: row.Bundle, Tree: row.Tree,
		CreatedAt: fromMicros(row.CreatedAt), ModifiedAt: fromMicros(row.ModifiedAt),
	}
	return v, decode(row.Doc, &v)
}

// ChangeVersion lets fn change what may be changed of a version, in one
// transaction with its audit entry. A *NotFoundError when there is none.
func (s *Store) ChangeVersion(ctx context.Context, actor Actor, verb string, kind Kind, name string, version Version, fn func(*TemplateVersion) error) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		row, err := tx.q.TemplateVersionForUpdate(ctx, db.TemplateVersionForUpdateParams{
			Kind: string(kind), Name: name, Major: version.Major, Minor: version.Minor,
		})
		if err != nil {
			return notFound(err, string(kind)+" template "+name+" "+version.String())
		}
		v, err := versionOf(row)
		if err != nil {
			return err
		}
		if err := fn(&v); err != nil {
			return err
		}
		if err := tx.PutTemplateVersion(v); err != nil {
			return err
		}
		return tx.Audit(actor, verb, Ref{Kind: kind + "-template", Name: name}, map[string]string{"version": version.String()})
	})
}

// RemoveVersion forgets a version. Whether anything uses it is for the caller
// to know.
func (s *Store) RemoveVersion(ctx context.Context, actor Actor, kind Kind, name string, version Version) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		p := db.DeleteTemplateVersionParams{Kind: string(kind), Name: name, Major: version.Major, Minor: version.Minor}
		row, err := tx.q.TemplateVersionForUpdate(ctx, db.TemplateVersionForUpdateParams(p))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		n, err := tx.q.DeleteTemplateVersion(ctx, p)
		if err == nil && n > 0 {
			err = tx.versionMoved(kind, name, version, statusGone, row.Status)
		}
		if err != nil {
			return err
		}
		if err := tx.reviseTemplate(kind, name); err != nil {
			return err
		}
		return tx.Audit(actor, "delete", Ref{Kind: kind + "-template", Name: name}, map[string]string{"version": version.String()})
	})
}

// RemoveTemplate forgets a template. A *ConflictError while it has versions.
func (s *Store) RemoveTemplate(ctx context.Context, actor Actor, kind Kind, name string) error {
	return s.Update(ctx, Fence{}, func(tx *Tx) error {
		versions, err := tx.q.TemplateVersions(ctx, db.TemplateVersionsParams{Kind: string(kind), Name: name})
		if err != nil {
			return err
		}
		if len(versions) > 0 {
			first := Version{Major: versions[0].Major, Minor: versions[0].Minor}
			return &ConflictError{What: string(kind) + " template " + name, Why: "has versions that must be deleted first", Next: "delete " + name + " " + first.String()}
		}
		n, err := tx.q.DeleteTemplate(ctx, db.DeleteTemplateParams{Kind: string(kind), Name: name})
		if err == nil && n > 0 {
			err = tx.templateMoved(kind, name, statusGone, statusThere)
		}
		if err != nil {
			return err
		}
		return tx.Audit(actor, "delete", Ref{Kind: kind + "-template", Name: name}, nil)
	})
}
