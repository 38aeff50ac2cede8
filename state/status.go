package state

import (
	"fmt"
	"slices"
)

// A Status is one of Proton's eight deployment statuses, or empty for a target
// that has never been deployed.
type Status string

// Proton's DeploymentStatus values.
const (
	InProgress       Status = "IN_PROGRESS"
	Failed           Status = "FAILED"
	Succeeded        Status = "SUCCEEDED"
	DeleteInProgress Status = "DELETE_IN_PROGRESS"
	DeleteFailed     Status = "DELETE_FAILED"
	DeleteComplete   Status = "DELETE_COMPLETE"
	Cancelling       Status = "CANCELLING"
	Cancelled        Status = "CANCELLED"
)

// nextStatus gives the legal moves of one deployment; a status for which it
// gives none is final.
func nextStatus(from Status) []Status {
	switch from {
	case InProgress:
		return []Status{Succeeded, Failed, Cancelling}
	case Cancelling:
		return []Status{Cancelled, Succeeded, Failed} // it may end before it is reached
	case DeleteInProgress:
		return []Status{DeleteComplete, DeleteFailed}
	default:
		return nil
	}
}

// Final reports whether a deployment with this status never moves again.
func (s Status) Final() bool { return len(nextStatus(s)) == 0 }

// To is the one way in which a deployment's status changes. It refuses what
// the table of moves does not list; staying is always allowed.
func (s Status) To(next Status) (Status, error) {
	if s == next {
		return s, nil
	}
	if slices.Contains(nextStatus(s), next) {
		return next, nil
	}
	return s, fmt.Errorf("a deployment that is %s cannot become %s", s, next)
}

// A VersionStatus is the status of a template version, in Proton's words.
type VersionStatus string

// Proton's TemplateVersionStatus values. A bundle that is in a repository or a
// commit is registered at once; one that is handed over is in progress until the
// loop has fetched and checked it.
const (
	Registering        VersionStatus = "REGISTRATION_IN_PROGRESS"
	RegistrationFailed VersionStatus = "REGISTRATION_FAILED"
	Draft              VersionStatus = "DRAFT"
	Published          VersionStatus = "PUBLISHED"
)

// Usable reports whether a version with this status has a bundle.
func (s VersionStatus) Usable() bool { return s == Draft || s == Published }
