package policy

import (
	"slices"

	"baryon/provisioner"
)

// A Selector names targets. What it leaves out it does not ask about; what it
// names must all hold, and the zero Selector is for all of them.
type Selector struct {
	Environments provisioner.Patterns // an instance or component by its environment, a pipeline by those of its instances
	Templates    provisioner.Patterns
	Services     provisioner.Patterns
	Kinds        []string          // environment, service-instance, pipeline, component
	Labels       map[string]string // of the target's document, or of its environment's; values are patterns
}

// A Subject is what a Selector looks at of a target.
type Subject struct {
	Kind              string
	Environments      []string
	Template, Service string
	Labels            map[string]string
}

// Covers reports whether a target is one of those that are named.
func (s Selector) Covers(t Subject) bool {
	switch {
	case len(s.Kinds) > 0 && !slices.Contains(s.Kinds, t.Kind):
		return false
	case len(s.Environments) > 0 && !slices.ContainsFunc(t.Environments, s.Environments.Match):
		return false
	case len(s.Templates) > 0 && !s.Templates.Match(t.Template):
		return false
	case len(s.Services) > 0 && !s.Services.Match(t.Service):
		return false
	}
	for name, value := range s.Labels {
		if got, ok := t.Labels[name]; !ok || !(provisioner.Patterns{value}).Match(got) {
			return false
		}
	}
	return true
}
