package reconciler

import (
	"fmt"
	"time"

	"baryon/reconciler/policy"
	"baryon/state"
)

// A View is all that Plan may know about one target: what is wanted, what is
// deployed, and what stands in the way. Whoever builds it has read the database
// and rendered; Plan itself reads nothing.
type View struct {
	Target    state.Target
	Open      bool              // a deployment is under way
	Last      *state.Deployment // the newest deployment, or nil
	Successor *Need             // what has taken the place of a target that is to go, where that is wanted
	Applied   *state.Deployment // of a target that is to go and never succeeded: the last attempt that applied something, or nil

	Needs      []Need        // what must be deployed first
	Sisters    []Sister      // the other instances of the service; of an instance and a pipeline
	Partner    *Need         // an instance's component, or a component's instance: they never change at the same time
	Dependents []state.Ref   // what needs this; looked up for a deletion only
	Former     []state.Ref   // of a component: what was deployed with its outputs and is wanted without them now
	Blocked    state.Waiting // why the wanted state cannot be rendered, if it cannot
	NoEngine   state.Waiting // why it cannot be applied here, if it cannot
	Cycle      []state.Ref   // what it waits for and that waits for it in its turn, if there is such a circle
	Held       string        // why nothing of its repository is deleted at present, if so

	Engine      string   // how the wanted state would be applied
	Account     string   // and where
	As          identity // as whom, and in which region
	Input       string   // digest of what the wanted state is rendered from
	Output      string   // digest of the rendered files and commands; empty when rendering failed
	RenderError string   // why rendering failed, for people

	Deletions     int    // of other targets, begun in the last 24 hours without a person
	DeletionLimit int    // how many may be begun without a person
	Crowded       string // the limit on work at once that is reached, and how; empty when there is room
	Approval      string // why a person must approve every change; empty when none must

	Policies []policy.Rule  // those for the target
	Plans    bool           // the engine can say beforehand what it would do
	Content  Content        // what it is made from, and is to be
	Removed  map[string]int // resources of all targets of a policy, removed in the last 24 hours without a person
	Deleted  map[string]int // targets of a policy, likewise
	lately   []string       // the deployments that were counted for these
	Now      time.Time
}

// A Step is what Plan says to do with a target.
type Step string

// The steps. Exactly one is taken on each visit.
const (
	Nothing Step = "nothing" // what is deployed is what is wanted, or something must come first
	Record  Step = "record"  // the new version renders to what is deployed: note it, deploy nothing
	Deploy  Step = "deploy"  // open a deployment
	Refuse  Step = "refuse"  // open a deployment and fail it: it cannot be rendered
	Forget  Step = "forget"  // drop the target without touching what it made
)

// A Change is the outcome of Plan for one target.
type Change struct {
	Step    Step
	Action  state.Action  // for Deploy and Refuse
	Reason  string        // why, for people and the audit log
	Waiting state.Waiting // for Nothing: what it waits for; zero when all is as wanted
}

// Plan compares what is wanted with what is deployed. It is a pure function:
// the same view gives the same change, and nothing is read, written or timed.
//
// It keeps three promises whatever the view: no deployment is begun while one
// is open; a deletion is never begun while something depends on the target, or
// against the guard without a person; and what failed is not tried again until
// its inputs change or somebody asks.
func Plan(v View) Change {
	if v.Open {
		return Change{Step: Nothing}
	}
	if s := v.Target.Asked.Suspended; s != nil && (s.Until.IsZero() || v.Now.Before(s.Until)) {
		return wait(state.Waiting{
			Reason: state.WaitSuspended, On: string(s.By), Until: s.Until,
			Why:  "suspended by " + string(s.By) + because(s.Why),
			Next: "baryon resume " + v.Target.Ref.String(),
		})
	}
	if v.Target.Desired.Deleted {
		return planDeletion(v)
	}
	if v.Target.Desired.Orphaned != "" {
		return wait(state.Waiting{
			Reason: state.WaitOrphaned, On: v.Target.Owner.String(), Why: v.Target.Desired.Orphaned,
			Next: "declare it again; or delete it with: baryon delete " + v.Target.Ref.String(),
		})
	}
	if c, waits := planOrder(v); waits {
		return c
	}
	return planDeployment(v)
}

// planDeployment decides for a target that is wanted and can be looked at.
func planDeployment(v View) Change {
	t := v.Target
	clean := t.LastAttempted == t.Deployed.Deployment // nothing was tried since the last success
	asked := covers(t.Asked.Redeploy, t)
	retry := covers(t.Asked.Retry, t)
	if t.Deployed.Deployment != "" && clean && !asked {
		if v.Input == t.Deployed.Input {
			return unchanged(t)
		}
		if v.Output != "" && v.Output == t.Deployed.Output {
			return Change{Step: Record, Reason: "renders to what is deployed"}
		}
	}
	if rests(v) && !asked && !retry {
		return wait(state.Waiting{
			Reason: state.WaitRetry, On: v.Last.ID, Why: restReason(v.Last),
			Next: "push a correction, or try again with: baryon retry " + t.Ref.String(),
		})
	}
	action := state.Update
	if t.Deployed.Deployment == "" {
		action = state.Create
	}
	if v.RenderError != "" {
		return Change{Step: Refuse, Action: action, Reason: v.RenderError}
	}
	adoption := action == state.Create && adopts(t) != ""                                  // changes nothing, and a person asked for it
	back := t.Desired.Returned() != nil && v.Output == t.Deployed.Output && v.Output != "" // to what was allowed before
	held, holds := planPolicy(v, action)
	if v.Approval != "" && !approved(v, t.Asked.Approved) && !comesToNothing(v) && !adoption && !back {
		held, holds = joined(v, held), true
	}
	if holds {
		return held
	}
	if v.NoEngine.Reason != "" {
		return wait(v.NoEngine)
	}
	if v.Crowded != "" {
		return wait(state.Waiting{Reason: state.WaitLimit, Why: v.Crowded, Next: "nothing: it goes on by itself"})
	}
	return Change{Step: Deploy, Action: action, Reason: deployReason(v, asked, retry)}
}

// unchanged is the answer for a target whose inputs are those of the last
// success. A higher generation with equal inputs is noted and nothing more.
func unchanged(t state.Target) Change {
	if t.Deployed.Generation < t.Generation {
		return Change{Step: Record, Reason: "nothing that is rendered changed"}
	}
	if back := t.Desired.Returned(); back != nil {
		return wait(state.Waiting{
			Reason: state.WaitReturned, On: back.Deployment, Why: returned(t.Desired),
			Next: "push a correction, or try what is declared again with: baryon retry " + t.Ref.String(),
		})
	}
	if t.Desired.Refused != "" {
		return wait(state.Waiting{
			Reason: state.WaitSpec, On: t.Owner.String(), Why: "a newer declaration is refused:\n" + t.Desired.Refused,
			Next: "correct it and push; until then the last good one stays in force",
		})
	}
	if t.Desired.Kept != "" {
		return wait(state.Waiting{
			Reason: state.WaitKept, On: t.Owner.Repository, Why: t.Desired.Kept, Next: "see: baryon sources " + t.Owner.Repository,
		})
	}
	return Change{Step: Nothing}
}

// rests reports whether the last attempt ended badly on the inputs that are
// still wanted.
func rests(v View) bool {
	if v.Last == nil || v.Last.Action == state.Delete {
		return false
	}
	switch v.Last.Status {
	case state.Failed, state.Cancelled:
		return v.Last.Input == v.Input
	default:
		return false
	}
}

func restReason(last *state.Deployment) string {
	if last.Status == state.Cancelled {
		return "the last deployment was cancelled; the same inputs are not tried again by themselves"
	}
	return "the last deployment failed: " + last.Message
}

func deployReason(v View, asked, retry bool) string {
	t := v.Target
	switch {
	case t.Deployed.Deployment == "" && v.Last == nil:
		return "declared in " + t.Desired.Origin.String()
	case t.Desired.Returned() != nil && t.Deployed.Generation < t.Generation && !asked && !retry:
		return "returned to deployment " + t.Desired.Held.Deployment + ": " + t.Desired.Held.Why
	case t.Desired.Held != nil && t.Deployed.Generation < t.Generation && !asked && !retry:
		return "rolled back to deployment " + t.Desired.Held.Deployment + " by " + t.Desired.Held.String()
	case asked:
		return "asked for by " + t.Asked.Redeploy.String()
	case retry:
		return "tried again by " + t.Asked.Retry.String()
	case t.Deployed.Deployment != "" && t.Deployed.Version != t.Desired.Version:
		return fmt.Sprintf("template %s moved from %s to %s", t.Desired.Template, t.Deployed.Version, t.Desired.Version)
	case t.Deployed.Spec != t.Desired.Spec:
		return "the spec changed in " + t.Desired.Origin.String()
	default:
		return "its inputs changed"
	}
}

// covers reports whether a request of a person holds for the generation that is
// wanted now. Generation 0 is that of requests nobody made.
func covers(asked state.Request, t state.Target) bool {
	return asked.Generation != 0 && asked.Generation == t.Generation
}

// approved reports whether what a person answered is about what would be
// deployed now: this generation, rendered from these inputs.
func approved(v View, answer state.Request) bool {
	return covers(answer, v.Target) && answer.Input == v.Input
}

// comesToNothing reports whether the engine has found that nothing would change:
// then there is nothing to approve.
func comesToNothing(v View) bool {
	f := v.Target.Observed.Foreseen
	return f.Nothing && f.Done && f.Failed == "" && f.For(v.Target.Generation, v.Input, v.Output)
}

// joined is what a change waits for that a person must approve in any case: with
// what the policies have against it, so that one person who may allow that needs
// to be asked once.
func joined(v View, policies Change) Change {
	own := awaitApproval(v)
	switch w := policies.Waiting; w.Reason {
	case "":
		return own
	case state.WaitWindow:
		own.Waiting.Why += "\n" + w.Why
		own.Waiting.Until = w.Until
		return own
	case state.WaitApproval:
		policies.Waiting.Why = v.Approval + "\n" + w.Why
	}
	return policies
}

func awaitApproval(v View) Change {
	ref := v.Target.Ref.String()
	w := state.Waiting{
		Reason: state.WaitApproval, Generation: v.Target.Generation, Input: v.Input, On: "a person", Why: v.Approval,
		Next: "look at it with: baryon plan " + ref + "; then: baryon approve " + ref + ", or baryon reject " + ref,
	}
	if rejected := v.Target.Asked.Rejected; approved(v, rejected) {
		w.On, w.Why = string(rejected.By), "rejected by "+rejected.String()
		w.Next = "push another change, or allow it after all with: baryon approve " + ref
	}
	return wait(w)
}

func wait(w state.Waiting) Change { return Change{Step: Nothing, Waiting: w} }

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}
