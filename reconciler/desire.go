package reconciler

import (
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"slices"

	"baryon/reconciler/declare"
	"baryon/state"
)

// A declarer writes what documents want, in one transaction. It is the one way
// in: the contents of a repository and the calls of the API both take it.
type declarer struct {
	r          *Reconciler
	tx         *state.Tx
	repository string // whose documents they are; empty for the API
	actor      state.Actor
	commit     string
	origin     func(declare.Document) state.Origin
	files      func(dir string) (fs.FS, error) // of a component

	only    []state.Ref             // the targets that alone are taken over, where part says so
	part    bool                    // one document is taken over in part
	free    bool                    // no blocker protects anything from this repository
	before  map[string]bool         // names that the repository had before
	renamed map[state.Ref]state.Ref // what has taken the place of names that are declared no more

	hold string // why nothing is deleted, but orphaned: the repository is not what it was
	keep string // why nothing is deleted, but kept: it is broken at present
}

// declare writes the targets of one document. Declaring the same again changes
// nothing.
func (d *declarer) declare(doc declare.Document) error {
	origin := d.origin(doc)
	owner := state.Owner{Repository: d.repository, Path: doc.Path}
	if !d.part {
		if err := d.mayDeclare(doc); err != nil {
			return err
		}
	}
	if doc.Ref.Kind == state.KindService && !d.part {
		if blocked, err := d.blocked(doc.Ref); err != nil || blocked {
			return err
		}
		if err := d.declareService(doc, origin, owner); err != nil {
			return err
		}
	}
	for _, want := range d.r.targetsOf(origin, doc) {
		if d.part && !slices.Contains(d.only, want.Ref) {
			continue
		}
		want.Owner = owner
		var err error
		switch want.Ref.Kind {
		case state.KindComponent:
			err = d.completeComponent(&want, doc)
		case state.KindPipeline:
			err = d.withOthers(&want)
		default:
		}
		if err != nil {
			return err
		}
		if err := d.want(want); err != nil {
			return err
		}
	}
	return nil
}

// mayDeclare makes sure that nobody else has declared the name since the document
// was examined: of two that claim it at the same time, the second is examined again.
func (d *declarer) mayDeclare(doc declare.Document) error {
	var owner state.Owner
	var err error
	if doc.Ref.Kind == state.KindService {
		var v state.Service
		v, err = d.tx.Service(doc.Ref.Name)
		owner = v.Owner
	} else {
		var t state.Target
		t, err = d.tx.Target(doc.Ref)
		owner = t.Owner
	}
	switch {
	case isMissing(err):
		return nil
	case err != nil:
		return err
	case owner.Repository == d.repository || doc.Header.Adopt || d.before[owner.Repository]:
		return nil
	}
	return errMoved
}

// completeComponent keeps the folder of a component's files, and finds out the
// environment of one that names only its instance.
func (d *declarer) completeComponent(want *state.Target, doc declare.Document) error {
	files, err := d.files(doc.Header.Files)
	if err != nil {
		return err
	}
	if want.Desired.Files, err = d.tx.PutFiles(files); err != nil || want.Desired.Instance == "" {
		return err
	}
	ref := state.InstanceRef(want.Desired.Service, want.Desired.Instance)
	want.Needs = append(want.Needs, ref)
	if want.Desired.Environment != "" {
		return nil
	}
	instance, err := d.tx.Target(ref)
	if isMissing(err) {
		return nil // placeComponents does it once the instance is declared
	}
	if err == nil {
		want.Desired.Environment = instance.Desired.Environment
		want.Needs = append(want.Needs, state.EnvironmentRef(instance.Desired.Environment))
	}
	return err
}

// want brings one target's desired state to what a document says.
func (d *declarer) want(want state.Target) error {
	t, err := d.tx.Target(want.Ref)
	if isMissing(err) {
		return d.wantNew(want)
	}
	if err != nil {
		return err
	}
	declared := t.Desired.AsDeclared()                                              // which may be held at something else
	if d.repository == "" && t.Owner.Repository != "" && t.Desired.Orphaned == "" { // Git goes on to declare it
		if !slices.Contains(d.only, want.Ref) {
			return nil
		}
		if err := d.override(t, "changed"); err != nil {
			return err
		}
		want.Owner, want.Desired.Origin, want.Desired.Health = t.Owner, declared.Origin, declared.Health
	}
	adopted := t.Owner.Repository != want.Owner.Repository
	same := sameDesired(declared, want.Desired)
	if !adopted && t.Owner == want.Owner && same && sameNeeds(t.Needs, want.Needs) {
		if declared.Spec == want.Desired.Spec && declared.Description == want.Desired.Description &&
			declared.Refused == "" && declared.Kept == "" && declared.Origin.At == want.Desired.Origin.At {
			return nil
		}
		declared.Description, declared.Spec, declared.Refused, declared.Kept, declared.Origin.At = want.Desired.Description, want.Desired.Spec, "", "", want.Desired.Origin.At
		t.Desired = t.Desired.Redeclared(declared)
		return d.write(t, want.Needs)
	}
	if blocked, err := d.blocked(t.Ref); err != nil || blocked {
		return err
	}
	before, from := t.Desired, t.Owner
	if !same {
		t.Generation++
		want.Desired.Version = declared.Version
		t.Desired, t.Waiting = want.Desired, state.Waiting{}
	}
	t.Owner, t.Desired.Refused, t.Desired.Kept = want.Owner, "", ""
	if adopted {
		err := errors.Join(d.tx.Unsettle(from.Repository), d.tx.Audit(d.actor, "adopt", t.Ref, map[string]string{"from": from.String(), "commit": d.commit}))
		if err != nil {
			return err
		}
	}
	if t.Ref.Kind == state.KindComponent && (before.Service != t.Desired.Service || before.Instance != t.Desired.Instance) {
		if err := d.tx.Detach(t.Ref); err != nil { // from where it was
			return err
		}
	}
	if err := d.write(t, want.Needs); err != nil {
		return err
	}
	if before.Deleted {
		return d.appear(t)
	}
	return nil
}

func (d *declarer) write(t state.Target, needs []state.Ref) error {
	if err := d.tx.PutTarget(t); err != nil {
		return err
	}
	if err := d.tx.SetNeeds(t.Ref, needs); err != nil {
		return err
	}
	if t.Ref.Kind == state.KindComponent && t.Desired.Instance != "" {
		if err := d.tx.AddNeed(state.InstanceRef(t.Desired.Service, t.Desired.Instance), t.Ref); err != nil {
			return err
		}
	}
	return d.tx.Wake(t.Ref)
}

// appear tells those who wait for a target that it is declared now. Components
// that name an instance without its environment learn that here.
func (d *declarer) appear(t state.Target) error {
	dependents, err := d.tx.Dependents(t.Ref)
	if err != nil {
		return err
	}
	for _, ref := range dependents {
		if t.Ref.Kind != state.KindInstance || ref.Kind != state.KindComponent {
			continue
		}
		c, err := d.tx.Target(ref)
		if isMissing(err) || err == nil && c.Desired.Deleted {
			continue
		}
		if err != nil {
			return err
		}
		if c.Desired.Environment == "" {
			c.Desired.Environment = t.Desired.Environment
			if err := d.tx.PutTarget(c); err != nil {
				return err
			}
			if err := d.tx.AddNeed(ref, state.EnvironmentRef(t.Desired.Environment)); err != nil {
				return err
			}
		}
		if err := d.tx.AddNeed(t.Ref, ref); err != nil {
			return err
		}
	}
	return d.tx.WakeDependents(t.Ref)
}

// declareService writes the service itself. Instances of its document that the
// document no longer lists are wanted gone; those that others declared stay.
func (d *declarer) declareService(doc declare.Document, origin state.Origin, owner state.Owner) error {
	v, err := d.tx.Service(doc.Ref.Name)
	if isMissing(err) {
		v, err = state.Service{Name: doc.Ref.Name, Status: state.ServiceCreateInProgress, Owner: owner}, nil
	}
	if err != nil {
		return err
	}
	before := v
	if before.Owner.Repository != owner.Repository {
		if err := d.tx.Unsettle(before.Owner.Repository); err != nil {
			return err
		}
	}
	h := doc.Header
	v.Template, v.Follow, v.Pins, v.Spec, v.Repository = h.Template, h.Version, h.Pins, doc.Spec, h.Repository
	v.Health = healthTexts(h.Health)
	v.Description, v.Labels, v.Deleted, v.Origin = h.Description, h.Labels, false, origin
	v.Owner, v.Refused = owner, ""
	if before.Created && before.Spec != v.Spec {
		v.Status, v.Message = state.ServiceUpdateInProgress, "" // until the next visit sums up
	}
	changed := !sameService(before, v)
	if changed {
		if err := d.tx.PutService(v); err != nil {
			return err
		}
	}
	wanted := d.r.targetsOf(origin, doc)
	listed := map[state.Ref]bool{}
	for _, t := range wanted {
		listed[t.Ref] = true
	}
	members, err := d.tx.TargetsOfService(v.Name)
	if err != nil {
		return err
	}
	for _, t := range members {
		switch {
		case listed[t.Ref] || t.Owner != before.Owner || t.Synced():
		case t.Desired.Deleted && t.Status == state.DeleteFailed && before.Spec != v.Spec:
			err = d.deleteAgain(t)
		default:
			err = errors.Join(d.rename(t, successor(t, members, wanted)), d.gone(t.Ref))
		}
		if err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return d.tx.Wake(doc.Ref)
}

// sameService tells that a service is what it was, whatever commit says so now.
func sameService(a, b state.Service) bool {
	b.Origin = a.Origin
	return !a.CreatedAt.IsZero() && reflect.DeepEqual(a, b)
}

// rename notes what takes the place of an instance that is not listed any more.
func (d *declarer) rename(t state.Target, to state.Ref) error {
	if to == (state.Ref{}) || t.Desired.Deleted {
		return nil
	}
	t.Desired.Renamed = to.String()
	return d.tx.PutTarget(t)
}

// successor is the one new instance that is what t was but for the name; the
// zero Ref when there is none, or more than one.
func successor(t state.Target, members, wanted []state.Target) state.Ref {
	var found state.Ref
	for _, w := range wanted {
		known := slices.ContainsFunc(members, func(m state.Target) bool { return m.Ref == w.Ref && !m.Desired.Deleted })
		if known || t.Ref.Kind != state.KindInstance || w.Ref.Kind != t.Ref.Kind || nameless(w.Desired.Part) != nameless(t.Desired.Part) {
			continue
		}
		if found != (state.Ref{}) {
			return state.Ref{}
		}
		found = w.Ref
	}
	return found
}

// nameless is the piece of a document that declares an instance, without the name.
func nameless(part string) string {
	var v map[string]any
	if err := json.Unmarshal([]byte(part), &v); err != nil {
		return part
	}
	delete(v, "name")
	text, err := json.Marshal(v)
	if err != nil {
		return part
	}
	return string(text)
}

// deleteAgain tries a failed deletion once more, as every change of its service does.
func (d *declarer) deleteAgain(t state.Target) error {
	return d.tx.Change(t.Ref, func(t *state.Target) error {
		t.Asked.Retry = state.Request{Generation: t.Generation, By: d.actor, Why: "the service was declared anew"}
		return nil
	})
}

// gone marks one name as wanted gone, or as orphaned or kept when nothing may be
// deleted.
func (d *declarer) gone(ref state.Ref) error {
	switch {
	case d.hold != "":
		return orphan(d.tx, ref, "nothing declares it any more, and "+d.hold)
	case d.keep != "":
		return d.each(ref, func(t *state.Target) {
			if t.Desired.Orphaned == "" && !t.Desired.Deleted {
				t.Desired.Kept = d.keep
			}
		})
	case ref.Kind == state.KindService:
		return d.goneService(ref)
	}
	err := d.undeclare(ref)
	if err == nil && ref.Kind == state.KindComponent {
		err = d.tx.Detach(ref)
	}
	return err
}

func (d *declarer) undeclare(ref state.Ref) error {
	if blocked, err := d.blocked(ref); err != nil || blocked {
		return err
	}
	return d.tx.Change(ref, func(t *state.Target) error {
		if t.Desired.Deleted || t.Desired.Orphaned != "" {
			return nil
		}
		t.Desired.Deleted, t.Desired.Kept, t.Waiting = true, "", state.Waiting{}
		if to := d.successorOf(ref); to != "" {
			t.Desired.Renamed = to
		}
		t.Generation++
		return d.tx.Audit(d.actor, "undeclare", ref, map[string]string{"commit": d.commit})
	})
}

// goneService wants a service and everything in it gone.
func (d *declarer) goneService(ref state.Ref) error {
	if blocked, err := d.blocked(ref); err != nil || blocked {
		return err
	}
	v, err := d.tx.Service(ref.Name)
	if err != nil {
		return err
	}
	members, err := d.tx.TargetsOfService(ref.Name)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(members, func(t state.Target) bool { return t.Desired.Orphaned != "" }) {
		return nil // it was orphaned, and stays until a person decides
	}
	v.Deleted, v.Status, v.Refused = true, state.ServiceDeleteInProgress, ""
	if err := d.tx.PutService(v); err != nil {
		return err
	}
	for _, m := range members {
		if err := d.undeclare(m.Ref); err != nil {
			return err
		}
	}
	if err := d.tx.Audit(d.actor, "undeclare", ref, map[string]string{"commit": d.commit}); err != nil {
		return err
	}
	return d.tx.Wake(ref)
}

// each changes a target, or all targets of a service.
func (d *declarer) each(ref state.Ref, change func(*state.Target)) error {
	return eachOf(d.tx, ref, change)
}

func eachOf(tx *state.Tx, ref state.Ref, change func(*state.Target)) error {
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
			change(t)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// orphan marks a target, or all targets of a service, as declared by nothing.
func orphan(tx *state.Tx, ref state.Ref, why string) error {
	return eachOf(tx, ref, func(t *state.Target) {
		if !t.Desired.Deleted {
			t.Desired.Orphaned, t.Desired.Kept = why, ""
		}
	})
}

func isMissing(err error) bool {
	_, ok := errors.AsType[*state.NotFoundError](err)
	return ok
}
