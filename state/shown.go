package state

import "baryon/state/db"

// Shown is what people are told of the deployments of a target: a status in
// Proton's words, and a message. A change that was asked for and has not begun
// shows as one under way, so that whoever waits for it does not take the end of
// the one before for its own. One that waits for a person, or for something that
// does not move, shows what it is: waiting is no deployment.
func (t Target) Shown() (Status, string) {
	message := t.Message
	if message == "" {
		message = t.Waiting.Why
	}
	pullStatus, pullText, pulled := t.pulled()
	begins := t.Waiting.Reason.Begins()
	switch {
	case t.Status == InProgress && t.Asked.Cancel.Deployment == t.LastAttempted:
		return Cancelling, message
	case !t.Status.Final():
		return t.Status, message
	case pulled:
		return pullStatus, pullText
	case t.Desired.Deleted && t.Status == DeleteFailed && t.Asked.Retry.Generation != t.Generation:
		return t.Status, message
	case t.Desired.Deleted && t.Waiting.Reason != WaitGuard && t.Waiting.Reason != WaitSuspended:
		return DeleteInProgress, t.Waiting.Why
	case t.Status == "":
		return InProgress, t.Waiting.Why
	case begins && t.asked():
		return InProgress, t.Waiting.Why
	}
	return t.Status, message
}

// asked reports whether a change of a target was asked for that no deployment
// has been begun for.
func (t Target) asked() bool {
	if t.Asked.Redeploy.Generation == t.Generation || t.Asked.Retry.Generation == t.Generation {
		return true
	}
	tried := t.LastAttempted != t.Deployed.Deployment // since the last success; what was returned from has failed all the same
	return t.Generation > t.Deployed.Generation && (t.Status == Succeeded || t.Status == Failed && !tried && t.LastAttempted != "")
}

// ShownVersion is the version that people are told of: the one the target was
// deployed with last, and before that the one it is to be deployed with.
func (t Target) ShownVersion() Version {
	if t.Deployed.Deployment != "" && t.Deployed.Version.Major > 0 {
		return t.Deployed.Version
	}
	if t.Desired.Version.Major > 0 {
		return t.Desired.Version
	}
	v, _, err := t.Desired.Follow.Parse()
	if err != nil {
		return Version{Major: 1}
	}
	return v
}

// list fills in what lists show of a target.
func (t Target) list(p *db.PutTargetParams) {
	status, why := t.Shown()
	v := t.ShownVersion()
	p.Shown, p.ShownWhy, p.ShownMajor, p.ShownMinor = string(status), why, v.Major, v.Minor
	p.AttemptedAt, p.SucceededAt = micros(Begun(t.LastAttempted)), micros(t.Deployed.At)
	if p.AttemptedAt == 0 {
		p.AttemptedAt = micros(t.CreatedAt)
	}
	if p.AttemptedAt == 0 { // it is being made
		p.AttemptedAt = p.Now
	}
}
