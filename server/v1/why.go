package v1

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"baryon/state"
)

// A Why says in what state something is, for which reason, and what would
// change that.
type Why struct {
	State string    `json:"state"`
	Text  string    `json:"why,omitempty"`    // a sentence for people
	Cause string    `json:"reason,omitempty"` // the class of the wait
	On    string    `json:"on,omitempty"`     // the thing waited for
	Next  string    `json:"next,omitempty"`   // a command or an act that would end it
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"` // when it is looked at again by itself

	Problems []string `json:"problems,omitempty"` // what is wrong with the file that declares it
}

// The states of a target, as people see them. Proton's deployment status is
// about the last attempt; these are about the target.
const (
	Ready      = "ready"      // what is wanted is deployed
	Pending    = "pending"    // it is looked at soon
	Deploying  = "deploying"  // a deployment is under way
	Deleting   = "deleting"   // so is its deletion
	Cancelling = "cancelling" // the deployment was asked to stop
	Waiting    = "waiting"    // nothing happens until something else does
	Failed     = "failed"     // the last attempt failed, and it rests
	Suspended  = "suspended"  // a person stopped changes
	Gone       = "gone"       // there is no such target any more
	Refused    = "refused"    // there is no such target: its document was refused
)

// whyOf explains a target from what the loop noted of it.
func whyOf(t state.Target) Why {
	w := t.Waiting
	why := Why{Text: w.Why, Cause: string(w.Reason), On: w.On, Next: w.Next, Since: w.Since, Until: w.Until}
	ref := t.Ref.String()
	switch t.Status {
	case state.InProgress:
		return Why{State: Deploying, Text: sentence("a deployment is under way", t.Message), On: t.LastAttempted, Next: "baryon logs -f " + ref}
	case state.DeleteInProgress:
		return Why{State: Deleting, Text: sentence("it is being deleted", t.Message), On: t.LastAttempted, Next: "baryon logs -f " + ref}
	case state.Cancelling:
		return Why{State: Cancelling, Text: sentence("the deployment was asked to stop", t.Message), On: t.LastAttempted,
			Next: "baryon abandon " + ref + " --why REASON, if it never ends"}
	}
	switch p := t.Asked.Pull; {
	case p != nil && p.Status == state.PullOpen:
		return Why{State: Waiting, Text: p.Text, Cause: "pull-request", On: "a person", Next: "merge it, or take it back with: baryon cancel " + ref}
	case w.Reason == state.WaitRetry, w.Reason == state.WaitReturned:
		why.State = Failed
	case w.Reason == state.WaitSuspended:
		why.State = Suspended
	case w.Reason != "":
		why.State = Waiting
	case t.Deployed.Deployment != "" && t.Deployed.Generation == t.Generation && t.Status == state.Succeeded:
		why.State = Ready
		if d := t.Observed.Drift; len(d.Found) > 0 {
			why.Text, why.Since = "what is deployed was changed by others: "+d.String(), d.Found[0].FirstSeen
			why.Next = "put it back with: baryon redeploy " + ref
		}
		if h := holdOf(t); h != nil {
			why.Text, why.Since = h.String()+"; its document says something else", h.Since
			why.Next = "baryon resume " + ref + ", or push a change of its document"
		}
	case t.Status == state.Failed || t.Status == state.DeleteFailed:
		why.State, why.Text, why.On = Failed, sentence("the last deployment failed", t.Message), t.LastAttempted
		why.Next = "baryon logs " + ref
	default:
		why.State, why.Text = Pending, "it is looked at soon"
	}
	if why.State == Failed && why.Next == "" {
		why.Next = "baryon retry " + ref
	}
	return why
}

func sentence(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + ": " + detail
}

// Why explains one thing. What does not exist is looked for among the files
// that were refused.
func (v *View) Why(ctx context.Context, ref state.Ref) (Why, error) {
	if ref.Kind == state.KindRepository {
		return v.whyRepository(ctx, ref)
	}
	if ref.Kind == state.KindService {
		return v.whyService(ctx, ref)
	}
	if !ref.Deployable() {
		return Why{}, v.notDeployable(ctx, ref)
	}
	t, err := v.store.Target(ctx, ref)
	if isNotFound(err) {
		return v.whyAbsent(ctx, ref, err)
	}
	if err != nil {
		return Why{}, err
	}
	why := whyOf(t)
	if why.Problems, err = v.problemsAt(ctx, t.Owner.Repository, t.Owner.Path); err != nil {
		return Why{}, err
	}
	if refuses(why.Problems) && why.State == Ready {
		why.Text = "what was last accepted is deployed; the file as it is now was refused"
		why.Next = "correct " + t.Owner.Path + " and push it"
	}
	why.Text = without(why.Text, why.Problems)
	err = v.whyBlocked(ctx, t, &why)
	return why, err
}

// whyService explains a service by its status, and by the first of its instances
// and pipeline that is not as it should be.
func (v *View) whyService(ctx context.Context, ref state.Ref) (Why, error) {
	s, err := v.store.Service(ctx, ref.Name)
	if isNotFound(err) {
		return v.whyAbsent(ctx, ref, err)
	}
	if err != nil {
		return Why{}, err
	}
	members, err := v.store.TargetsOfService(ctx, ref.Name)
	if err != nil {
		return Why{}, err
	}
	// The pipeline last: what ails it is mostly an instance.
	last := func(t state.Target) int {
		if t.Ref.Kind == state.KindPipeline {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(members, func(a, b state.Target) int { return last(a) - last(b) })
	why := Why{State: Ready, Text: "it is " + string(s.Status), Since: s.ModifiedAt}
	for _, m := range members {
		if one := whyOf(m); one.State != Ready {
			why.State, why.On, why.Cause, why.Next = one.State, m.Ref.String(), one.Cause, "baryon why "+m.Ref.String()
			why.Text = sentence(why.Text, m.Ref.String()+" is "+one.State+because(one.Text))
			break
		}
	}
	if why.Problems, err = v.problemsAt(ctx, s.Owner.Repository, s.Owner.Path); err != nil {
		return Why{}, err
	}
	if refuses(why.Problems) && why.State == Ready {
		why.Text = "what was last accepted is in force; the file as it is now was refused"
		why.Next = "correct " + s.Owner.Path + " and push it"
	}
	why.Text = without(why.Text, why.Problems)
	return why, nil
}

// refuses reports whether one of the problems is more than a warning.
func refuses(problems []string) bool {
	return slices.ContainsFunc(problems, func(p string) bool { return !strings.Contains(p, ": warning: ") })
}

func because(text string) string {
	if text == "" {
		return ""
	}
	return ", since " + text
}

// without takes the lines out of a text that are said beside it anyway.
func without(text string, said []string) string {
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		if !slices.Contains(said, line) {
			kept = append(kept, line)
		}
	}
	return strings.TrimSuffix(strings.Join(kept, "\n"), ":")
}

func (v *View) whyRepository(ctx context.Context, ref state.Ref) (Why, error) {
	s, err := v.store.Sync(ctx, ref.Name)
	if err != nil {
		return Why{}, err
	}
	next, err := v.store.Due(ctx, ref)
	if err != nil && !isNotFound(err) {
		return Why{}, err
	}
	why := Why{State: Ready, Text: "commit " + short(s.Commit) + " is in force", Since: s.SyncedAt, Until: next}
	switch {
	case s.Gone:
		why.State, why.Text = Waiting, "it is no longer configured; what it declared stays as it is"
		why.Next = "add it to the configuration again, or declare its contents elsewhere with adopt: true"
	case s.Error != "":
		why.State, why.Text, why.Since = Failed, s.Error, s.FailedAt
		why.Next = "baryon sync " + ref.Name + ", once the cause is gone"
	case s.Degraded != "":
		why.State, why.Text = Waiting, s.Degraded
	case s.Problems > 0:
		why.Text += ", and some files were refused"
		why.Next = "baryon sources " + ref.Name
	}
	return why, nil
}

func (a *api) why(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "ref"); err != nil {
		return nil, err
	}
	ref, err := refQuery(r)
	if err != nil {
		return nil, err
	}
	if ref.Kind == "" {
		return nil, invalid("ref is missing", "give ?ref=environment/NAME")
	}
	return a.view.Why(r.Context(), ref)
}

// refQuery reads ?ref= of the query; the zero Ref when it is not given.
func refQuery(r *http.Request) (state.Ref, error) {
	text := r.URL.Query().Get("ref")
	if text == "" {
		return state.Ref{}, nil
	}
	ref, err := state.ParseRef(text)
	if err != nil {
		return ref, invalid(err.Error(), "")
	}
	return ref, nil
}

// short is a commit as people write it.
func short(commit string) string {
	if len(commit) > 8 {
		return commit[:8]
	}
	return commit
}
