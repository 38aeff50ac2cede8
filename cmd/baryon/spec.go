package main

import (
	"slices"

	"baryon/reconciler/declare"
	"baryon/reconciler/fit"
	"baryon/renderer"
	"baryon/state"
)

// check tells whether a document fits the templates, environments and instances
// around it. What is not at hand, the daemon checks.
func (s *survey) check(doc declare.Document) renderer.Problems {
	w := fit.World{
		Bundle:      func(instance string) *renderer.Bundle { return s.bundleOf(doc, instance) },
		Environment: s.environment,
		Instance:    s.instance,
		Environments: func() []string {
			var names []string
			for _, d := range s.documents {
				if d.Ref.Kind == state.KindEnvironment {
					names = append(names, d.Ref.Name)
				}
			}
			return names
		},
	}
	return fit.Check(doc, w)
}

// bundleOf is the template of a document, or of one of its instances.
func (s *survey) bundleOf(doc declare.Document, instance string) *renderer.Bundle {
	version := doc.Header.Version
	if pin, ok := doc.Header.Pins[instance]; ok && instance != "" {
		version = pin
	}
	follow, _, err := version.Parse()
	if err != nil {
		return nil
	}
	return s.bundles[bundleKey(string(doc.Ref.Kind), doc.Header.Template, follow.Major)]
}

// environment finds an environment among the documents. Where there is none at
// all, they are declared elsewhere.
func (s *survey) environment(name string) (fit.Environment, bool) {
	elsewhere := true
	for _, d := range s.documents {
		if d.Ref.Kind != state.KindEnvironment {
			continue
		}
		if elsewhere = false; d.Ref.Name == name {
			follow, _, err := d.Header.Version.Parse()
			if err != nil {
				return fit.Environment{}, true
			}
			return fit.Environment{Template: d.Header.Template, Major: follow.Major}, true
		}
	}
	return fit.Environment{}, elsewhere
}

// instance finds an instance among the documents, and the first component of it.
// A service that is not among them is declared elsewhere.
func (s *survey) instance(service, name string) (fit.Instance, bool) {
	var found fit.Instance
	for _, d := range s.documents {
		if h := d.Header; d.Ref.Kind == state.KindComponent && h.Service == service && h.Instance == name && found.Component == "" {
			found.Component = d.Ref.Name
		}
	}
	at := slices.IndexFunc(s.documents, func(d declare.Document) bool { return d.Ref == state.ServiceRef(service) })
	if at < 0 {
		return found, true
	}
	for _, i := range s.documents[at].Instances {
		if i.Name == name {
			found.Environment, found.Bundle = i.Environment, s.bundleOf(s.documents[at], name)
			return found, true
		}
	}
	return found, false
}
