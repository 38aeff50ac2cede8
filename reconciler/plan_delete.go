package reconciler

import (
	"fmt"

	"baryon/state"
)

// leaves says why a target is dropped without touching what it made; empty when
// that has to be taken away.
func leaves(v View) string {
	t := v.Target
	switch {
	case covers(t.Asked.Retain, t):
		return "retained by " + t.Asked.Retain.String()
	case covers(t.Asked.Force, t) && v.Last != nil && v.Last.Status == state.DeleteFailed:
		return "its deletion was forced by " + t.Asked.Force.String() + "; what is left of it is nobody's"
	case t.LastAttempted == "":
		return "was never deployed"
	default:
		return ""
	}
}

// planDeletion decides for a target that is wanted gone.
func planDeletion(v View) Change {
	t := v.Target
	if why := leaves(v); why != "" {
		return Change{Step: Forget, Reason: why}
	}
	if len(v.Dependents) > 0 {
		return wait(state.Waiting{
			Reason: state.WaitChild, On: v.Dependents[0].String(),
			Why:  fmt.Sprintf("%d thing(s) still depend on it, first %s", len(v.Dependents), v.Dependents[0]),
			Next: "delete what depends on it, or declare it again",
		})
	}
	if w, waits := waitForPartner(v); waits {
		return wait(w)
	}
	if covers(t.Asked.Rejected, t) {
		return wait(state.Waiting{
			Reason: state.WaitGuard, Generation: t.Generation, On: string(t.Asked.Rejected.By), Why: "the deletion was rejected by " + t.Asked.Rejected.String(),
			Next: "declare it again, or allow it with: baryon approve " + t.Ref.String(),
		})
	}
	if v.Last != nil && v.Last.Action == state.Delete && v.Last.Status == state.DeleteFailed &&
		v.Last.Generation == t.Generation && !covers(t.Asked.Retry, t) {
		return wait(state.Waiting{
			Reason: state.WaitRetry, On: v.Last.ID, Why: "the deletion failed: " + v.Last.Message,
			Next: "baryon retry " + t.Ref.String() + ", or leave what is left of it with: baryon force-delete " + t.Ref.String() + " --why REASON",
		})
	}
	if why := guardsDeletion(v); why != "" && !covers(t.Asked.Approved, t) {
		return guard(t, why)
	}
	if w, waits := waitForSuccessors(v); waits {
		return wait(w)
	}
	if v.NoEngine.Reason != "" {
		return wait(v.NoEngine)
	}
	if c, holds := planPolicy(v, state.Delete); holds {
		return c
	}
	if v.Crowded != "" {
		return wait(state.Waiting{Reason: state.WaitLimit, Why: v.Crowded, Next: "nothing: it goes on by itself"})
	}
	reason := "no longer declared in " + t.Owner.String()
	if t.Desired.Renamed != "" {
		reason = "renamed to " + t.Desired.Renamed + " in " + t.Owner.String()
	}
	return Change{Step: Deploy, Action: state.Delete, Reason: reason}
}

// guardsDeletion says why a deletion waits for a person; empty when it does not.
func guardsDeletion(v View) string {
	switch {
	case v.Held != "":
		return v.Held
	case v.Target.Desired.Protected:
		return "it is protected"
	case v.Approval != "":
		return v.Approval
	case v.Successor != nil && v.Target.Ref.Kind == state.KindEnvironment:
		return "an environment cannot be renamed: the other one is new, and what this one holds goes with it"
	case v.Successor == nil && v.Deletions >= v.DeletionLimit:
		return fmt.Sprintf("%d deletion(s) were begun in the last 24 hours and %d are allowed without a person", v.Deletions, v.DeletionLimit)
	}
	return ""
}

func guard(t state.Target, why string) Change {
	if t.Desired.Renamed != "" {
		why += "; it was renamed to " + t.Desired.Renamed
	}
	return wait(state.Waiting{
		Reason: state.WaitGuard, Generation: t.Generation, On: "a person", Why: "deletion held: " + why,
		Next: "baryon approve " + t.Ref.String() + ", or baryon reject " + t.Ref.String(),
	})
}
