// Package fit tells whether a document fits what it names: its spec the schema
// of the template version, an instance the environment it is to run in, a
// component the instance it is attached to.
//
// It knows documents and bundles, and asks whoever calls it what else there is.
// It refuses to know where that comes from: the daemon answers from the
// database, a check on somebody's disk from the files around.
package fit

import (
	"fmt"
	"slices"
	"strings"

	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A World answers what a document alone cannot know. What is not known, because
// it may be elsewhere, is not held against the document.
type World struct {
	// Bundle is the template version that an instance of the document would be
	// made from; with an empty name the environment, or the pipeline. It may be nil.
	Bundle func(instance string) *renderer.Bundle
	// Environment finds an environment; false when there is none by now.
	Environment func(name string) (Environment, bool)
	// Environments are the names that somebody may have meant.
	Environments func() []string
	// Instance finds an instance of a service; false when there is none by now.
	Instance func(service, name string) (Instance, bool)
}

// An Environment is where instances run. The zero Major means that it is not known.
type Environment struct {
	Template string
	Major    int64
}

// An Instance is what a component is attached to.
type Instance struct {
	Environment string
	Component   string           // the component that is attached to it, if any
	Bundle      *renderer.Bundle // nil when it is not known
}

// Check names everything that does not fit, at its place in the file.
func Check(doc declare.Document, w World) renderer.Problems {
	var all renderer.Problems
	if doc.Ref.Kind == state.KindComponent {
		all = component(doc, w)
	} else {
		all = append(specs(doc, w), environments(doc, w)...)
	}
	all.Sort()
	return all
}

// specs checks the values of a document against the schemas of its template.
func specs(doc declare.Document, w World) renderer.Problems {
	node, problems := renderer.ParseOne(doc.Path, []byte(doc.Spec), renderer.Limits{})
	if problems.Failed() {
		return doc.Locate(problems)
	}
	check := func(t *renderer.Type, values *renderer.Node) {
		if t != nil {
			_, found := t.Check(values, renderer.CheckOptions{})
			for _, p := range found {
				if !strings.Contains(p.Got, declare.CurrentVal) { // whose type is that of the value to keep
					problems = append(problems, p)
				}
			}
		}
	}
	bundle := w.Bundle("")
	if doc.Ref.Kind == state.KindEnvironment {
		if bundle != nil && bundle.Schema != nil {
			check(bundle.Schema.Environment, node.Get("spec"))
		}
		return doc.Locate(problems)
	}
	if list := node.Get("instances"); list != nil {
		for _, item := range list.Items {
			name := item.Get("name")
			if name == nil {
				continue
			}
			if b := w.Bundle(name.Text); b != nil && b.Schema != nil {
				check(b.Schema.Service, item.Get("spec"))
			}
		}
	}
	if bundle == nil || bundle.Schema == nil {
		return doc.Locate(problems)
	}
	if bundle.HasPipeline() {
		check(bundle.Schema.Pipeline, node.Get("pipeline"))
		return doc.Locate(problems)
	}
	problems = doc.Locate(problems)
	if p := doc.Pipeline; p != nil {
		problems = append(problems, renderer.Problem{
			File: doc.Path, Line: p.Line, Column: p.Column, Rule: "the template " + doc.Header.Template + " has no pipeline",
			Got: "the key pipeline", Next: "remove it, or add pipeline_infrastructure/ to the template",
		})
	}
	return problems
}

// environments checks where the instances of a service are to run.
func environments(doc declare.Document, w World) renderer.Problems {
	var problems renderer.Problems
	for _, i := range doc.Instances {
		at := renderer.Problem{File: doc.Path, Line: i.EnvironmentAt.Line, Column: i.EnvironmentAt.Column}
		env, known := w.Environment(i.Environment)
		if !known {
			at.Rule, at.Got, at.Warning = "nothing declares this environment", fmt.Sprintf("%q", i.Environment), true
			at.Next = "declare it; until then the instance " + i.Name + " waits"
			if near := renderer.Nearest(i.Environment, w.Environments()); near != "" {
				at.Next = fmt.Sprintf("did you mean %q?", near)
			}
			problems = append(problems, at)
			continue
		}
		bundle := w.Bundle(i.Name)
		if bundle == nil || env.Major == 0 {
			continue
		}
		runsOn := make([]string, 0, len(bundle.Compatible))
		for _, c := range bundle.Compatible {
			runsOn = append(runsOn, c.String())
		}
		madeFrom := fmt.Sprintf("%s:%d", env.Template, env.Major)
		if slices.Contains(runsOn, madeFrom) {
			continue
		}
		at.Rule = "the template " + doc.Header.Template + " does not run in this environment"
		at.Got = "environment/" + i.Environment + ", made from " + madeFrom
		at.Want = "one made from " + strings.Join(runsOn, ", ")
		if len(runsOn) == 0 {
			at.Want = "a template that says where it runs"
		}
		at.Next = "name another environment or version, or add " + madeFrom + " to .template-registration.yaml of the template"
		problems = append(problems, at)
	}
	return problems
}

// component checks the attachment of a component.
func component(doc declare.Document, w World) renderer.Problems {
	h := doc.Header
	if h.Instance == "" {
		if _, known := w.Environment(h.Environment); known {
			return nil
		}
		p := doc.Problem("environment", "nothing declares this environment", fmt.Sprintf("%q", h.Environment), "", "declare it; until then the component waits")
		if near := renderer.Nearest(h.Environment, w.Environments()); near != "" {
			p.Next = fmt.Sprintf("did you mean %q?", near)
		}
		p.Warning = true
		return renderer.Problems{p}
	}
	ref := state.InstanceRef(h.Service, h.Instance).String()
	instance, known := w.Instance(h.Service, h.Instance)
	switch {
	case !known:
		p := doc.Problem("instance", "nothing declares this instance", ref, "", "declare it; until then the component waits")
		p.Warning = true
		return renderer.Problems{p}
	case h.Environment != "" && instance.Environment != h.Environment:
		return renderer.Problems{doc.Problem("environment", "the instance runs in another environment", fmt.Sprintf("%q", h.Environment),
			fmt.Sprintf("%q", instance.Environment), "take the key out: the instance says it")}
	case instance.Component != "" && instance.Component != doc.Ref.Name:
		return renderer.Problems{doc.Problem("instance", "an instance has one component", ref+" has component/"+instance.Component, "",
			"detach that one first")}
	case instance.Bundle != nil && !slices.Contains(instance.Bundle.Sources, renderer.DirectlyDefined):
		return renderer.Problems{doc.Problem("instance", "the template of this instance takes no components", ref, "",
			"add supported_component_sources: ["+renderer.DirectlyDefined+"] to .template-registration.yaml of the template")}
	}
	return nil
}
