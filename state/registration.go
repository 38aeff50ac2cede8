package state

import (
	"database/sql"
	"errors"
	"strconv"

	"baryon/state/db"
)

// Enrol gives a bundle that was handed over its version, which is in progress
// until the loop has fetched and checked it: with a major the next minor of that,
// with major 0 the first minor of the next major. Numbers of versions that failed
// are not given again, since whoever was told one may still ask for it. A
// *NotFoundError when there is no such template, or no such major.
func (tx *Tx) Enrol(v TemplateVersion) (TemplateVersion, error) {
	if err := tx.q.PassGate(tx.ctx, "versions of "+string(v.Kind)+" template "+v.Name); err != nil {
		return v, err
	}
	if _, err := tx.q.Template(tx.ctx, db.TemplateParams{Kind: string(v.Kind), Name: v.Name}); err != nil {
		return v, notFound(err, string(v.Kind)+" template "+v.Name)
	}
	rows, err := tx.q.TemplateVersions(tx.ctx, db.TemplateVersionsParams{Kind: string(v.Kind), Name: v.Name})
	if err != nil {
		return v, err
	}
	next := Version{Major: 1}
	for _, row := range rows { // oldest number first
		switch {
		case v.Version.Major == 0:
			next = Version{Major: row.Major + 1}
		case row.Major == v.Version.Major:
			next = Version{Major: row.Major, Minor: row.Minor + 1}
		}
	}
	if v.Version.Major != 0 && next.Major != v.Version.Major || v.Version.Major == 1 && next.Minor == 0 {
		return v, &NotFoundError{What: string(v.Kind) + " template " + v.Name + " " + strconv.FormatInt(v.Version.Major, 10)}
	}
	v.Version, v.Status = next, Registering
	if err := tx.PutTemplateVersion(v); err != nil {
		return v, err
	}
	return v, tx.Wake(VersionRef(v.Kind, v.Name, v.Version))
}

// Enrolled lets fn write what came of a version that was enrolled. A version that
// is gone, or not in progress any more, is left alone.
func (tx *Tx) Enrolled(kind Kind, name string, version Version, fn func(*TemplateVersion)) error {
	row, err := tx.q.TemplateVersionForUpdate(tx.ctx, db.TemplateVersionForUpdateParams{
		Kind: string(kind), Name: name, Major: version.Major, Minor: version.Minor,
	})
	if errors.Is(err, sql.ErrNoRows) || err == nil && VersionStatus(row.Status) != Registering {
		return nil
	}
	if err != nil {
		return err
	}
	v, err := versionOf(row)
	if err != nil {
		return err
	}
	fn(&v)
	return tx.PutTemplateVersion(v)
}

// Forget takes something off the list of what is looked at.
func (tx *Tx) Forget(ref Ref) error { return tx.q.DropWork(tx.ctx, ref.String()) }

// Register writes a version from a repository with the next number of its major.
// The number of a version that failed is given again to the repository that
// brought it: a failed version was never there to use.
func (tx *Tx) Register(v TemplateVersion) (TemplateVersion, error) {
	if err := tx.q.PassGate(tx.ctx, "versions of "+string(v.Kind)+" template "+v.Name); err != nil {
		return v, err
	}
	row, err := tx.q.LatestTemplateVersion(tx.ctx, db.LatestTemplateVersionParams{Kind: string(v.Kind), Name: v.Name, Major: v.Version.Major})
	if errors.Is(err, sql.ErrNoRows) {
		v.Version.Minor = 0
		return v, tx.PutTemplateVersion(v)
	}
	if err != nil {
		return v, err
	}
	latest, err := versionOf(row)
	if err != nil {
		return v, err
	}
	v.Version.Minor = latest.Version.Minor
	if latest.Status != RegistrationFailed || latest.Source != (Source{}) {
		v.Version.Minor++
	}
	return v, tx.PutTemplateVersion(v)
}

// EnsureTemplate writes a template where there is none of its name.
func (tx *Tx) EnsureTemplate(t Template) error {
	_, err := tx.q.Template(tx.ctx, db.TemplateParams{Kind: string(t.Kind), Name: t.Name})
	if errors.Is(err, sql.ErrNoRows) {
		return tx.PutTemplate(t)
	}
	return err
}
