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

// deployed adds what every target says of its deployments.
func (o object) deployed(t state.Target) object {
	status, message := t.Shown()
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
	v := t.ShownVersion()
	return o.set("templateName", t.Desired.Template).set("templateMajorVersion", number(v.Major)).set("templateMinorVersion", number(v.Minor))
}

// busy is the conflict that a change of a target meets while it is changing.
func busy(t state.Target) error {
	t.Asked.Pull = nil // what waits to be merged may be added to
	if s, _ := t.Shown(); !s.Final() {
		return conflict("%s is %s; wait until that has ended", t.Ref, s)
	}
	return nil
}
