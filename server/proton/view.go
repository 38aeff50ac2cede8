package proton

import (
	"encoding/json"
	"strconv"
	"time"

	"baryon/state"
)

// set puts a member into a body unless it is empty.
func (o object) set(name string, value any) object {
	switch v := value.(type) {
	case string:
		if v == "" {
			return o
		}
	case state.Status:
		value = string(v)
	case time.Time:
		if v.IsZero() {
			return o
		}
		value = stamp(v)
	case object:
		if len(v) == 0 {
			return o
		}
	}
	o[name] = value
	return o
}

// stamp writes a time as Proton does: seconds since 1970, with a fraction.
func stamp(t time.Time) json.Number {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64))
}

// number is one part of a version on the wire: a text.
func number(n int64) string { return strconv.FormatInt(n, 10) }

// versionOf is the version of a target that is shown: the one it was deployed
// with last, and before that the one it is to be deployed with.
func versionOf(t state.Target) state.Version {
	if t.Deployed.Deployment != "" && t.Deployed.Version.Major > 0 {
		return t.Deployed.Version
	}
	if t.Desired.Version.Major > 0 {
		return t.Desired.Version
	}
	v, _, err := t.Desired.Follow.Parse()
	if err != nil {
		return state.Version{Major: 1}
	}
	return v
}

// statusOf is the status of a target on the wire. A change that was asked for
// and has not begun shows as one under way, so that whoever waits for it does
// not take the end of the one before for its own. One that waits for a person,
// or for something that does not move, shows what it is: waiting is no deployment.
func statusOf(t state.Target) (state.Status, string) {
	message := t.Message
	if message == "" {
		message = t.Waiting.Why
	}
	begins := t.Waiting.Reason.Begins()
	switch {
	case t.Status == state.InProgress && t.Asked.Cancel.Deployment == t.LastAttempted:
		return state.Cancelling, message
	case !t.Status.Final():
		return t.Status, message
	case t.Desired.Deleted && t.Status == state.DeleteFailed && t.Asked.Retry.Generation != t.Generation:
		return t.Status, message
	case t.Desired.Deleted && t.Waiting.Reason != state.WaitGuard && t.Waiting.Reason != state.WaitSuspended:
		return state.DeleteInProgress, t.Waiting.Why
	case t.Status == "":
		return state.InProgress, t.Waiting.Why
	case begins && asked(t):
		return state.InProgress, t.Waiting.Why
	}
	return t.Status, message
}

// asked reports whether a change of a target was asked for that no deployment
// has been begun for.
func asked(t state.Target) bool {
	if t.Asked.Redeploy.Generation == t.Generation || t.Asked.Retry.Generation == t.Generation {
		return true
	}
	return t.Generation > t.Deployed.Generation && t.Status == state.Succeeded
}

// deployed adds what every target says of its deployments.
func (o object) deployed(t state.Target) object {
	status, message := statusOf(t)
	attempted, succeeded := state.Begun(t.LastAttempted), t.Deployed.At
	if attempted.IsZero() {
		attempted = t.CreatedAt
	}
	if succeeded.IsZero() && t.Ref.Kind != state.KindComponent {
		succeeded = t.CreatedAt // the member is required, also before the first success
	}
	return o.set("deploymentStatus", status).set("deploymentStatusMessage", message).
		set("lastDeploymentAttemptedAt", attempted).set("lastDeploymentSucceededAt", succeeded).
		set("lastAttemptedDeploymentId", t.LastAttempted).set("lastSucceededDeploymentId", t.LastSucceeded)
}

// versioned adds the template of a target.
func (o object) versioned(t state.Target) object {
	v := versionOf(t)
	return o.set("templateName", t.Desired.Template).set("templateMajorVersion", number(v.Major)).set("templateMinorVersion", number(v.Minor))
}

// busy is the conflict that a change of a target meets while it is changing.
func busy(t state.Target) error {
	if s, _ := statusOf(t); !s.Final() {
		return conflict("%s is %s; wait until that has ended", t.Ref, s)
	}
	return nil
}
