package main

import (
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// specProblems checks the spec of a document against the template it names.
// Where that is not at hand, the daemon checks it.
func specProblems(doc declare.Document, bundles map[string]*renderer.Bundle) renderer.Problems {
	follow, _, err := doc.Header.Version.Parse()
	if err != nil {
		return nil
	}
	bundle := bundles[bundleKey(string(doc.Ref.Kind), doc.Header.Template, follow.Major)]
	if bundle == nil || bundle.Schema == nil {
		return nil
	}
	node, problems := renderer.ParseOne(doc.Path, []byte(doc.Spec), renderer.Limits{})
	if problems.Failed() {
		return doc.Locate(problems)
	}
	check := func(t *renderer.Type, values *renderer.Node) {
		if t != nil {
			_, found := t.Check(values, renderer.CheckOptions{})
			problems = append(problems, found...)
		}
	}
	if doc.Ref.Kind == state.KindEnvironment {
		check(bundle.Schema.Environment, node.Get("spec"))
		return doc.Locate(problems)
	}
	check(bundle.Schema.Pipeline, node.Get("pipeline"))
	if list := node.Get("instances"); list != nil {
		for _, item := range list.Items {
			check(bundle.Schema.Service, item.Get("spec"))
		}
	}
	return doc.Locate(problems)
}
