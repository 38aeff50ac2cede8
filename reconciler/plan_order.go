package reconciler

import (
	"strings"

	"baryon/state"
)

// A Need is one thing that a target waits for and whose outputs it reads.
type Need struct {
	Ref      state.Ref
	Exists   bool
	Deployed bool // has been deployed successfully and is not being deleted
	Deleting bool // is wanted gone
	Moving   bool // a deployment of it is under way, or about to begin
	Status   state.Status
}

// A Sister is another instance of the service that a target belongs to.
type Sister struct {
	Ref      state.Ref
	Wanted   bool // is listed by the service's document
	Deployed bool // has been deployed successfully
	Made     bool // a deployment of it was begun, so it may have made something
	Status   state.Status
	Waiting  state.WaitReason
}

// planOrder holds back what something else must come before; true when it does.
// A pipeline of a new service fails with its instances, as AWS Proton's did; it
// is tried again by itself once they have recovered.
func planOrder(v View) (Change, bool) {
	if len(v.Cycle) > 0 {
		return wait(cycle(v)), true
	}
	if failed := failedInstances(v); len(failed) > 0 {
		return pipelineFails(v, failed), true
	}
	if v.Blocked.Reason != "" {
		return wait(v.Blocked), true
	}
	for _, waits := range []func(View) (state.Waiting, bool){waitForNeeds, waitForRemovals, waitForFormer, waitForPartner} {
		if w, yes := waits(v); yes {
			return wait(w), true
		}
	}
	return Change{}, false
}

// waitForNeeds waits until everything needed is there and at rest, so that a
// change of both is not deployed here twice.
func waitForNeeds(v View) (state.Waiting, bool) {
	for _, n := range v.Needs {
		ref := n.Ref.String()
		w := state.Waiting{Reason: state.WaitNeed, On: ref, Next: "see: baryon why " + ref}
		switch {
		case !n.Exists:
			w.Why, w.Next = ref+" does not exist", "declare it"
			if at := v.Target.Desired.Origin.At; at != "" && n.Ref == state.EnvironmentRef(v.Target.Desired.Environment) {
				w.Why, w.Next = at+": "+w.Why, "declare it, or correct the name"
			}
		case n.Deleting:
			w.Why, w.Next = ref+" is being deleted", "declare "+ref+" again, or take this out of "+v.Target.Owner.String()
		case !n.Deployed && n.Status == state.Failed:
			w.Why = ref + " failed to deploy"
		case !n.Deployed:
			w.Why = ref + " has not been deployed yet"
		case n.Moving:
			w.Why, w.Next = ref+" is being deployed and goes first", "nothing: it goes on by itself"
		default:
			continue
		}
		return w, true
	}
	return state.Waiting{}, false
}

// cycle says that things wait for each other. Documents cannot make it so.
func cycle(v View) state.Waiting {
	names := make([]string, 0, len(v.Cycle)+1)
	for _, ref := range v.Cycle {
		names = append(names, ref.String())
	}
	return state.Waiting{
		Reason: state.WaitNeed, On: names[len(names)-1],
		Why:  "each of these waits for the next: " + strings.Join(append(names, names[0]), ", "),
		Next: "take one of them out of its document, and declare it anew",
	}
}

// failedInstances are the instances that keep the first deployment of a pipeline
// from being made: those that failed, once no other is under way.
func failedInstances(v View) []state.Ref {
	if v.Target.Ref.Kind != state.KindPipeline || v.Target.Deployed.Deployment != "" {
		return nil
	}
	var failed []state.Ref
	for _, s := range v.Sisters {
		switch {
		case !s.Wanted || s.Deployed:
		case s.Status == state.Failed || s.Status == state.Cancelled:
			failed = append(failed, s.Ref)
		case s.Waiting == "" || !s.Status.Final() || s.Waiting == state.WaitLimit:
			return nil
		}
	}
	return failed
}

// pipelineFails opens a deployment that fails at once, with AWS Proton's words,
// for each new set of instances that failed.
func pipelineFails(v View, failed []state.Ref) Change {
	names := make([]string, 0, len(failed))
	for _, ref := range failed {
		names = append(names, ref.String())
	}
	list := strings.Join(names, ", ")
	why := "Service Instance(s): [" + list + "] failed to deploy - canceling pipeline deployment"
	if v.Last != nil && v.Last.Message == why && v.Last.Status == state.Failed {
		return wait(state.Waiting{Reason: state.WaitNeed, On: names[0], Why: why, Next: "see: baryon why " + names[0]})
	}
	return Change{Step: Refuse, Action: state.Create, Reason: why}
}

// waitForRemovals holds a pipeline back while instances are being taken away,
// since what it reads is about to change. A removal that waits for a person, or
// has failed, does not hold it.
func waitForRemovals(v View) (state.Waiting, bool) {
	if v.Target.Ref.Kind != state.KindPipeline {
		return state.Waiting{}, false
	}
	for _, s := range v.Sisters {
		begins := s.Waiting == "" || s.Waiting == state.WaitLimit || s.Waiting == state.WaitOrder
		if s.Wanted || !s.Made || s.Status != state.DeleteInProgress && (!begins || s.Status == state.DeleteFailed) {
			continue
		}
		return state.Waiting{
			Reason: state.WaitOrder, On: s.Ref.String(), Why: s.Ref.String() + " is taken away first",
			Next: "nothing: it goes on by itself",
		}, true
	}
	return state.Waiting{}, false
}

// waitForSuccessors holds the removal of an instance back until the instances
// that came with the same or a later change are there: when creating fails,
// nothing is deleted, and what is renamed has its successor first.
func waitForSuccessors(v View) (state.Waiting, bool) {
	if to := v.Successor; to != nil && !to.Deployed {
		return beforeRemoval(to.Ref, to.Status == state.Failed || to.Status == state.Cancelled || !to.Moving), true
	}
	if v.Target.Ref.Kind != state.KindInstance {
		return state.Waiting{}, false
	}
	for _, s := range v.Sisters {
		if s.Wanted && !s.Deployed {
			return beforeRemoval(s.Ref, s.Status == state.Failed || s.Status == state.Cancelled || s.Waiting != ""), true
		}
	}
	return state.Waiting{}, false
}

// beforeRemoval is the wait for something that is made before something else is
// taken away.
func beforeRemoval(made state.Ref, stuck bool) state.Waiting {
	ref := made.String()
	w := state.Waiting{Reason: state.WaitOrder, On: ref, Why: ref + " is created before this is taken away", Next: "nothing: it goes on by itself"}
	if stuck {
		w.Why, w.Next = ref+" is to be created before this is taken away, and is not there yet", "see: baryon why "+ref
	}
	return w
}

// waitForFormer holds a component that moves back until the instance that it was
// attached to has been deployed without it.
func waitForFormer(v View) (state.Waiting, bool) {
	if len(v.Former) == 0 {
		return state.Waiting{}, false
	}
	ref := v.Former[0].String()
	return state.Waiting{Reason: state.WaitOrder, On: ref, Why: ref + " is deployed without it first", Next: "see: baryon why " + ref}, true
}

// waitForPartner keeps an instance and its component from changing at the same time.
func waitForPartner(v View) (state.Waiting, bool) {
	if v.Partner == nil || !v.Partner.Moving {
		return state.Waiting{}, false
	}
	ref := v.Partner.Ref.String()
	return state.Waiting{Reason: state.WaitOrder, On: ref, Why: ref + " is being deployed, and the two never change at the same time", Next: "nothing: it goes on by itself"}, true
}
