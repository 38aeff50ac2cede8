package state

import (
	"errors"
	"fmt"
)

// NotFoundError says that what was asked for does not exist.
type NotFoundError struct {
	What string // such as "environment/prod" or "deployment 0192…"
}

func missing(err error) bool {
	_, ok := errors.AsType[*NotFoundError](err)
	return ok
}

func (e *NotFoundError) Error() string { return e.What + " does not exist" }

// ConflictError says that a change cannot be made to something in the state it is in.
type ConflictError struct {
	What string
	Why  string
	Next string // what the caller may do about it; may be empty
}

func (e *ConflictError) Error() string {
	if e.Next == "" {
		return e.What + ": " + e.Why
	}
	return e.What + ": " + e.Why + "; " + e.Next
}

// ForbiddenError says that others may do what was asked, and who asked may not.
type ForbiddenError struct {
	What string
	Why  string
	Next string
}

func (e *ForbiddenError) Error() string { return e.What + ": " + e.Why + "; " + e.Next }

// ErrLost says that a claim is no longer held: another replica took the work
// over, or it was given back. Nothing was written.
var ErrLost = errors.New("the claim on this work is no longer held")

// NewerError says that the database was written by a newer Baryon.
type NewerError struct {
	Found, Known int64
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the database has schema version %d and this Baryon knows versions up to %d; "+
		"run the newer Baryon, or restore the backup made before the upgrade", e.Found, e.Known)
}

// LockedError says that another process has the SQLite database open.
type LockedError struct {
	Path string
	By   string // what the holder wrote of itself; may be empty
}

func (e *LockedError) Error() string {
	by := ""
	if e.By != "" {
		by = " (" + e.By + ")"
	}
	return "another Baryon" + by + " holds " + e.Path + "; stop it, or give this one another data folder"
}
