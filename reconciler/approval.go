package reconciler

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"baryon/state"
)

// An ApprovalRule says which changes wait for a person. What a rule leaves out
// it does not ask about; what it names must all hold.
type ApprovalRule struct {
	Environments []string          // by name; an instance or component by its environment, a pipeline by those of its instances
	Kinds        []string          // environment, service-instance, pipeline, component
	Labels       map[string]string // of the target's document, or of its environment's
}

// ApprovalKinds are what ApprovalRule.Kinds may hold.
func ApprovalKinds() []string {
	return []string{string(state.KindEnvironment), string(state.KindInstance), string(state.KindPipeline), string(state.KindComponent)}
}

// approval says why a person must approve every change of a target; empty when
// none must.
func (r *Reconciler) approval(ctx context.Context, t state.Target) (string, error) {
	if t.Desired.Approval {
		return "its document asks for an approval of every change", nil
	}
	rules := r.current().Approvals
	if len(rules) == 0 {
		return "", nil
	}
	e, err := r.environmentOf(ctx, t)
	if err != nil {
		return "", err
	}
	for i, rule := range rules {
		if rule.matches(t, e) {
			return fmt.Sprintf("the configuration asks for an approval of every change (approvals, rule %d)", i+1), nil
		}
	}
	return "", nil
}

func (a ApprovalRule) matches(t, environment state.Target) bool {
	if len(a.Kinds) > 0 && !slices.Contains(a.Kinds, string(t.Ref.Kind)) {
		return false
	}
	if len(a.Environments) > 0 && !slices.ContainsFunc(environmentsOf(t), func(name string) bool { return permits(a.Environments, name) }) {
		return false
	}
	labels := labelsOf(t, environment)
	for name, value := range a.Labels {
		if got, ok := labels[name]; !ok || got != value {
			return false
		}
	}
	return true
}

// labelsOf are the labels of a target, over those of its environment.
func labelsOf(t, environment state.Target) map[string]string {
	labels := maps.Clone(environment.Desired.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, t.Desired.Labels)
	return labels
}

// environmentsOf are the names of the environments that a target is in.
func environmentsOf(t state.Target) []string {
	switch {
	case t.Ref.Kind == state.KindEnvironment:
		return []string{t.Ref.Name}
	case t.Desired.Environment != "":
		return []string{t.Desired.Environment}
	}
	var names []string
	for _, need := range t.Needs {
		if need.Kind == state.KindEnvironment {
			names = append(names, need.Name)
		}
	}
	return names
}
