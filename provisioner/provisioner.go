// Package provisioner turns rendered files into infrastructure.
//
// It knows jobs: an ID, files, what to do with them, and how far that is. It
// refuses to know what the files were rendered from (targets, templates,
// specs), where they came from (Git) and where the results are kept (the
// database). Each engine is one type; all of them pass the tests of package
// provisionertest.
package provisioner

import (
	"fmt"
	"io/fs"
	"time"
)

// Action says what a Job does to its Stack.
type Action string

// The two actions. Provision creates and updates, Deprovision removes.
const (
	Provision   Action = "provision"
	Deprovision Action = "deprovision"
)

// State says how far a Job is.
type State string

// The states of a Job. All but Running are final: once an engine reported a
// final state for an ID it reports the same one until the ID is forgotten.
const (
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Final reports whether a Job in state s has ended.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Cancelled }

// A Job is one attempt to change one Stack. The caller builds it anew for each
// call from what it keeps; apart from Handle and LogOffset it is the same in
// every call with the same ID.
type Job struct {
	// ID is the idempotency token: work for one ID starts at most once,
	// whoever calls how often and whatever crashes in between. It is 1 to 128
	// letters, digits, dots, dashes and underscores and begins with a letter
	// or a digit.
	ID string
	// Stack is the stable name of the thing changed.
	Stack string
	// Action says what to do with it.
	Action Action
	// Files is the rendered bundle part. Its root becomes the root of the
	// work. Only regular files and folders are accepted.
	Files fs.FS
	// Commands are the rendered commands in order, for the command engine.
	Commands []string
	// Env are variables the work gets besides those its engine documents.
	Env map[string]string
	// Secrets are further variables, whose values the caller has. Values are
	// never written to disk and are replaced by **** in Log and Message (those
	// of fewer than four bytes are not: masking them would hide nothing and
	// shred the log).
	Secrets map[string]string
	// References are secrets whose values the engine looks up when the work
	// starts, and treats like those of Secrets from then on.
	References []Secret
	// Role is the identity to work as, for engines that can change it, and ExternalID
	// what is shown to take it on.
	Role, ExternalID string
	// Account and Region are where the work is to be done, for engines that work in
	// accounts; empty is the engine's own. Another account is refused.
	Account, Region string
	// Place is where it was done before, as Progress said it. It is not done
	// elsewhere.
	Place string
	// Handle is what the last Progress for this ID handed back, or empty.
	Handle string
	// Timeout ends the work when it has run this long; 0 is the engine's
	// default.
	Timeout time.Duration
	// RerunSafe says that the work may be started again when it was lost half
	// way (a reboot, a killed supervisor). Without it lost work has Failed.
	RerunSafe bool
	// LogOffset is how many bytes of this job's log the caller already keeps.
	LogOffset int64
	// Plan is the ID of a plan that the engine made before: it is applied, or
	// nothing is. Empty is for engines that make their plan as they go.
	Plan string
	// PlanHandle is what the last Progress of that plan handed back.
	PlanHandle string
	// Tags are put on what the work makes, by engines that can.
	Tags map[string]string
	// Untag names tags that it had, and is to have no longer. Tags that others gave
	// it stay.
	Untag []string
	// Adopt names what runs already and is to be taken over as it is, in place of
	// what Stack names, or AdoptByTags. Nothing is changed: where it is not what
	// would be deployed, the job fails and says how.
	Adopt string
	// Imports are things that exist and that nobody manages yet, to be taken into
	// what the work makes: by the name the work has for them what identifies them, as
	// its engine says. ImportExisting takes all in that the work names itself.
	Imports map[string]string
	// Leave names resources that what is in the way of is left alone: those that
	// a rollback skips, or that a deletion retains.
	Leave []string
	// Force lets the work destroy what is left of something before it is made
	// anew, where it would otherwise ask.
	Force bool
	// Restore asks that what others changed is put back, though nothing else is to
	// change.
	Restore bool
	// Never names what is not to be taken away. A job whose plan does, has Failed and
	// is Held; it is not looked at where Plan is set. It may differ between calls.
	Never []Never
	// Hold says why nothing may begin now. A job that has not begun waits, and says
	// so; one that has goes on. It may differ between calls.
	Hold string
	// Until is when a job that has not come to changing anything may not any more;
	// zero is never. It is for engines that are not called between plan and
	// execution: such a job has Failed then and is Held.
	Until time.Time
	// Tool is set by engines that hand their commands to the command engine.
	Tool ToolUse
}

// ImportExisting is the key of Imports that stands for everything which the work
// names itself and which exists already.
const ImportExisting = "*"

// AdoptByTags lets the engine find by its tags what is taken over.
const AdoptByTags = "*"

// Progress is how far a Job is.
type Progress struct {
	// State is Running until the work ended and the caller has been handed
	// all of its log.
	State State
	// Handle is to be kept and put into the next Job with the same ID.
	Handle string
	// Outputs are what a Succeeded job hands to others.
	Outputs map[string]string
	// Changes are what the work was about to change, as soon as that is known.
	Changes []ResourceChange
	// Existing is how many resources there were before, of a plan that is made.
	Existing int
	// Resting says that a Running job waits to be tried again; Message tells why.
	Resting bool
	// PlanMoved says that Job.Plan could not be applied, as what it was made from
	// has changed. Nothing was done then.
	PlanMoved bool
	// Held says that Job.Never or Job.Until was against it. Nothing was done then.
	Held bool
	// Stack is the name of what was taken over, of a job that Adopts. It is the Stack
	// of later jobs.
	Stack string
	// Place is where a Succeeded job was done, for engines that work in accounts.
	Place string
	// Identifier is what that place knows the result by, as the ARN of a stack.
	Identifier string
	// Nothing says of a plan that it comes to nothing at all: there is nothing for
	// a person to approve.
	Nothing bool
	// Message is for people: what runs now, or why it failed. It holds no
	// control characters but newlines.
	Message string
	// Log is the job's log from Job.LogOffset on, capped per call. The next
	// Job's LogOffset is this one's plus len(Log). A final State comes with
	// the last of the log, so a caller that never advances LogOffset never
	// sees the end of a job whose log is longer than the cap.
	Log []byte
	// Again is when to call again at the latest while Running; 0 is at once.
	Again time.Duration
}

// OtherHostError says that a job's work lies where this engine cannot see it:
// it was started by a daemon with another work folder. The caller decides
// whether to leave it to that daemon or to give it up.
type OtherHostError struct {
	ID   string
	Host string // the name of the host that has it
	Dir  string // the work folder there
}

func (e *OtherHostError) Error() string {
	return fmt.Sprintf("deployment %s is at work on host %s in %s, out of reach from here", e.ID, e.Host, e.Dir)
}
