package reconciler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"baryon/reconciler/declare"
	"baryon/reconciler/fit"
	"baryon/renderer"
	"baryon/state"
)

// An examiner checks one document against everything else there is: the
// database, and the other documents that come with it.
type examiner struct {
	r         *Reconciler
	ctx       context.Context //nolint:containedctx // of the one document that this serves
	documents []declare.Document
	declared  map[string]declare.Document // the environments among them, by name
	unknown   bool                        // something had to be left for later
	err       error
}

// examine gives the document back with what it may leave out: the pipeline of a
// template that has one, and the values that it wants kept.
func (e *examiner) examine(doc declare.Document) (declare.Document, renderer.Problems, error) {
	if doc.Ref.Kind == state.KindService {
		var problems renderer.Problems
		if doc, problems = e.complete(doc); problems.Failed() || e.err != nil {
			return doc, problems, e.err
		}
	}
	problems := fit.Check(doc, fit.World{
		Bundle:       func(instance string) *renderer.Bundle { return e.bundle(doc, instance) },
		Environment:  e.environment,
		Environments: func() []string { return slices.Sorted(maps.Keys(e.declared)) },
		Instance:     e.instance,
	})
	if doc.Ref.Kind == state.KindService {
		problems = append(problems, e.moves(doc)...)
	}
	return doc, problems, e.err
}

// complete resolves what a service's document leaves to what is there already.
func (e *examiner) complete(doc declare.Document) (declare.Document, renderer.Problems) {
	stored, err := e.r.cfg.Store.Service(e.ctx, doc.Ref.Name)
	if err != nil && !isMissing(err) {
		e.fail(err)
		return doc, nil
	}
	var problems renderer.Problems
	if doc.Spec, problems = KeepCurrent(doc.Path, doc.Spec, stored.Spec); problems.Failed() {
		return doc, doc.Locate(problems)
	}
	if doc.Pipeline != nil {
		return doc, nil
	}
	has := false
	if b := e.bundle(doc, ""); b != nil {
		has = b.HasPipeline()
	} else if _, err := e.r.cfg.Store.Target(e.ctx, state.PipelineRef(doc.Ref.Name)); err == nil {
		has = true // as long as nobody knows better
	} else if !isMissing(err) {
		e.fail(err)
	}
	if has {
		doc.Pipeline = &doc.Position
	}
	return doc, nil
}

// moves refuses what cannot be done to an instance that is there: it does not
// change its environment.
func (e *examiner) moves(doc declare.Document) renderer.Problems {
	var problems renderer.Problems
	for _, i := range doc.Instances {
		t, err := e.r.cfg.Store.Target(e.ctx, state.InstanceRef(doc.Ref.Name, i.Name))
		if isMissing(err) {
			continue
		}
		if err != nil {
			e.fail(err)
			return nil
		}
		if t.LastAttempted != "" && t.Desired.Environment != i.Environment {
			problems = append(problems, renderer.Problem{
				File: doc.Path, Line: i.EnvironmentAt.Line, Column: i.EnvironmentAt.Column, Rule: "an instance stays in its environment",
				Got: fmt.Sprintf("%q", i.Environment), Want: fmt.Sprintf("%q", t.Desired.Environment),
				Next: "give the instance in the other environment another name, and remove this one",
			})
		}
	}
	if len(doc.Instances) == 0 {
		problems = append(problems, e.emptied(doc)...)
	}
	return problems
}

// emptied refuses to take the last instance of a service away: that is the
// deletion of the service, and nobody asked for it.
func (e *examiner) emptied(doc declare.Document) renderer.Problems {
	v, err := e.r.cfg.Store.Service(e.ctx, doc.Ref.Name)
	if isMissing(err) {
		return nil
	}
	members, listErr := e.r.cfg.Store.TargetsOfService(e.ctx, doc.Ref.Name)
	if err := errors.Join(err, listErr); err != nil {
		e.fail(err)
		return nil
	}
	for _, m := range members {
		if m.Ref.Kind == state.KindInstance && !m.Desired.Deleted && m.Owner == v.Owner {
			return renderer.Problems{doc.Problem("service", "a service keeps at least one of its instances", "none", m.Ref.String()+" and others",
				"remove the whole document to delete the service")}
		}
	}
	return nil
}

// bundle is the version that an instance of a document would use, nil when there
// is none yet.
func (e *examiner) bundle(doc declare.Document, instance string) *renderer.Bundle {
	follow := doc.Header.Version
	if pin, ok := doc.Header.Pins[instance]; ok && instance != "" {
		follow = pin
	}
	kind := state.KindEnvironment
	if doc.Ref.Kind == state.KindService {
		kind = state.KindInstance
	}
	return e.open(kind, doc.Header.Template, follow)
}

func (e *examiner) open(kind state.Kind, template string, follow state.Follow) *renderer.Bundle {
	t := state.Target{Ref: state.Ref{Kind: kind}, Desired: state.Desired{Template: template, Follow: follow}}
	version, blocked, err := e.r.version(e.ctx, t)
	if err != nil || blocked.Reason != "" {
		e.unknown = true
		e.fail(err)
		return nil
	}
	row, err := e.r.cfg.Store.TemplateVersion(e.ctx, templateKind(kind), template, version)
	if err != nil {
		e.fail(err)
		return nil
	}
	b, err := e.r.open(e.ctx, row)
	e.fail(err)
	return asRegistered(b, row)
}

// asRegistered is a bundle with what people have said of its version since: where
// it runs, and whether it takes components.
func asRegistered(b *renderer.Bundle, row state.TemplateVersion) *renderer.Bundle {
	if b == nil || row.Kind != state.KindService {
		return b
	}
	own := *b
	own.Sources, own.Compatible = row.ComponentSources, nil
	for _, name := range row.CompatibleEnvironments {
		template, major, _ := strings.Cut(name, ":")
		own.Compatible = append(own.Compatible, renderer.Compatible{Template: template, Major: major})
	}
	return &own
}

// environment finds an environment among the documents that come along, then in
// the database.
func (e *examiner) environment(name string) (fit.Environment, bool) {
	if d, ok := e.declared[name]; ok {
		v, _, err := d.Header.Version.Parse()
		e.fail(err)
		return fit.Environment{Template: d.Header.Template, Major: v.Major}, true
	}
	t, err := e.r.cfg.Store.Target(e.ctx, state.EnvironmentRef(name))
	if isMissing(err) {
		return fit.Environment{}, false
	}
	if err != nil {
		e.fail(err)
		return fit.Environment{}, true
	}
	v, _, err := t.Desired.Follow.Parse()
	if err != nil {
		v = t.Desired.Version // it follows whatever is recommended
	}
	return fit.Environment{Template: t.Desired.Template, Major: v.Major}, true
}

// environmentsAmong are the environments that documents declare, by name.
func environmentsAmong(documents []declare.Document) map[string]declare.Document {
	found := map[string]declare.Document{}
	for _, d := range documents {
		if _, known := found[d.Ref.Name]; d.Ref.Kind == state.KindEnvironment && !known {
			found[d.Ref.Name] = d
		}
	}
	return found
}

// instance finds an instance among the documents that come along, then in the
// database, with the component that is attached to it by now.
func (e *examiner) instance(service, name string) (fit.Instance, bool) {
	ref := state.InstanceRef(service, name)
	t, err := e.r.cfg.Store.Target(e.ctx, ref)
	if err != nil && !isMissing(err) {
		e.fail(err)
		return fit.Instance{}, true
	}
	known := err == nil && !t.Desired.Deleted
	found := fit.Instance{Environment: t.Desired.Environment}
	if known {
		found.Component = e.attached(t)
		found.Bundle = e.open(state.KindInstance, t.Desired.Template, t.Desired.Follow)
	}
	for _, d := range e.documents {
		if d.Ref.Kind == state.KindComponent && d.Header.Service == service && d.Header.Instance == name && found.Component == "" {
			found.Component = d.Ref.Name // the first one has it
		}
		for _, i := range d.Instances {
			if d.Ref == state.ServiceRef(service) && i.Name == name {
				found.Environment, found.Bundle, known = i.Environment, e.bundle(d, name), true
			}
		}
	}
	return found, known
}

// attached is the component of an instance, unless the documents that come along
// attach it elsewhere.
func (e *examiner) attached(t state.Target) string {
	for _, ref := range t.Needs {
		if ref.Kind != state.KindComponent {
			continue
		}
		c, err := e.r.cfg.Store.Target(e.ctx, ref)
		if err != nil || c.Desired.Deleted {
			continue
		}
		moves := false
		for _, d := range e.documents {
			moves = moves || d.Ref == ref && (d.Header.Service != t.Ref.Service || d.Header.Instance != t.Ref.Name)
		}
		if !moves {
			return ref.Name
		}
	}
	return ""
}

func (e *examiner) fail(err error) { e.err = errors.Join(e.err, err) }
