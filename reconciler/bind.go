package reconciler

import (
	"context"
	"strings"

	"baryon/provisioner"
	"baryon/reconciler/policy"
	"baryon/state"
)

// bind tells a job what policies say at this moment: what it may not take away,
// where no plan of it was judged, and whether it may begin now.
func (r *Reconciler) bind(ctx context.Context, t state.Target, d state.Deployment, job *provisioner.Job) error {
	if d.Adopt != "" {
		return nil // it changes nothing
	}
	rules, err := r.policies(ctx, t)
	if err != nil {
		return err
	}
	now := r.cfg.Now()
	var overrides []state.Request
	if o := t.Asked.Override; o.Generation == d.Generation && (d.Action == state.Delete || o.Input == d.Input) {
		overrides = append(overrides, o)
	}
	for _, rule := range rules {
		if d.Plan == "" && !d.Judged && (len(rule.NeverDelete) > 0 || len(rule.NeverReplace) > 0) {
			job.Never = append(job.Never, rule.Never())
		}
	}
	waits := policy.Closed(rules, now, overrides)
	var why []string
	for _, f := range waits {
		why = append(why, f.String())
	}
	if job.Hold = strings.Join(why, "\n"); job.Hold == "" {
		job.Until = policy.Closes(rules, now, overrides)
	}
	return nil
}

// repeat asks once more for what a deployment that did nothing was to do.
func repeat(t *state.Target, d state.Deployment, why string) {
	t.Asked.Retry = state.Request{Generation: t.Generation, By: state.ActorLoop, Why: why, Leave: d.Leave, Anew: d.Anew}
	if d.Restore {
		t.Asked.Redeploy = state.Request{Generation: t.Generation, By: state.ActorLoop, Why: d.Reason}
	}
}
