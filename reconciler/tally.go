package reconciler

import (
	"context"
	"slices"

	"baryon/reconciler/policy"
	"baryon/state"
)

// tally counts, for the policies of a target that limit it, what was taken away
// in the last day without a person.
func (r *Reconciler) tally(ctx context.Context, v *View) error {
	if !v.counts() {
		return nil
	}
	list, err := r.cfg.Store.Removals(ctx, v.Now.Add(-guarded))
	if err != nil {
		return err
	}
	v.Removed, v.Deleted, v.lately = map[string]int{}, map[string]int{}, idsOf(list)
	counted := map[string]bool{}
	for _, d := range list {
		of, err := r.subjectThen(ctx, d)
		if err != nil {
			return err
		}
		for _, rule := range v.Policies {
			if !rule.For.Covers(of) {
				continue
			}
			v.Removed[rule.Name] += d.Removals
			// Another attempt at the same target is not one more.
			key := rule.Name + "\n" + d.Ref.String()
			if d.Action == state.Delete && d.Unasked && d.Ref != v.Target.Ref && !counted[key] {
				counted[key] = true
				v.Deleted[rule.Name]++
			}
		}
	}
	return nil
}

// counts reports whether a policy limits what is taken away over all targets.
func (v View) counts() bool { return slices.ContainsFunc(v.Policies, policy.Rule.Counts) }

// subjectThen is what rules look at of a target as it was when a deployment began:
// it may be gone by now.
func (r *Reconciler) subjectThen(ctx context.Context, d state.Deployment) (policy.Subject, error) {
	t := state.Target{Ref: d.Ref, Desired: d.Desired}
	for text := range d.Needs {
		if ref, err := state.ParseRef(text); err == nil {
			t.Needs = append(t.Needs, ref)
		}
	}
	e, err := r.environmentOf(ctx, t)
	return subject(t, e), err
}

func idsOf(list []state.Deployment) []string {
	ids := make([]string, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	return ids
}

// sameTally makes sure that nothing was taken away since it was counted.
func sameTally(tx *state.Tx, v View, d state.Deployment) error {
	if !v.counts() || d.Removals == 0 && !d.Unasked {
		return nil
	}
	list, err := tx.Removals(v.Now.Add(-guarded))
	if err == nil && !slices.Equal(idsOf(list), v.lately) {
		err = errMoved
	}
	return err
}
