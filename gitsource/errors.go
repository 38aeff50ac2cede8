package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Kind says what went wrong in the terms a caller decides on.
type Kind string

// The kinds of an Error.
const (
	KindInvalid     Kind = "invalid"                // the configuration cannot work as it is
	KindEmpty       Kind = "empty repository"       // the repository exists and has no commit
	KindNotFound    Kind = "repository not found"   // nothing is there, or nothing we may see
	KindNoBranch    Kind = "branch not found"       // the repository has commits but not this branch
	KindNoCommit    Kind = "commit not found"       // the commit is not, or no longer, in the repository
	KindNoPath      Kind = "path not found"         // the commit has no such folder
	KindDenied      Kind = "authentication refused" // the credential is missing, wrong or not enough
	KindHostKey     Kind = "host key refused"       // the ssh server is not the one known_hosts names
	KindUnreachable Kind = "unreachable"            // network, time-out, or a server in trouble
	KindRateLimited Kind = "rate limited"           // the server asks to come back later
	KindUnsupported Kind = "not supported"          // a server or repository this package cannot read
	KindTooLarge    Kind = "too large"              // over a limit of Config
	KindCorrupt     Kind = "broken answer"          // what came is not what the protocol allows
	KindStorage     Kind = "storage in trouble"     // our own disk: full, read-only, damaged
	KindStopped     Kind = "stopped"                // the caller's context ended
	KindMoved       Kind = "branch moved"           // somebody else pushed first
)

// Error is every error of Client and Reporter. It names the repository by its
// configured name and its URL without credentials, and tells the next step.
type Error struct {
	Op   string // what was tried: "list", "fetch", "read", "push", "report"
	Repo string // Repo.Name
	URL  string // Repo.URL without user information
	Kind Kind
	Next string        // what the reader can do about it
	Wait time.Duration // for KindRateLimited: how long the server asked to wait
	Err  error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Repo != "" {
		fmt.Fprintf(&b, " %s", e.Repo)
	}
	if e.URL != "" {
		fmt.Fprintf(&b, " (%s)", e.URL)
	}
	fmt.Fprintf(&b, ": %s", e.Kind)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Next != "" {
		fmt.Fprintf(&b, "; %s", e.Next)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Transient tells whether the same call may succeed later with no change to the
// configuration or to the repository.
func (e *Error) Transient() bool {
	switch e.Kind {
	case KindUnreachable, KindRateLimited, KindCorrupt, KindNoCommit, KindStorage, KindStopped, KindMoved:
		return true
	}
	return false
}

// KindOf returns the Kind of the first Error in err's chain, or "".
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// fault is an error of a lower layer that already knows its Kind; Client adds
// the operation and the repository.
type fault struct {
	kind Kind
	text string
	next string
	wait time.Duration
	err  error
}

func (f *fault) Error() string {
	if f.err == nil {
		return f.text
	}
	if f.text == "" {
		return f.err.Error()
	}
	return f.text + ": " + f.err.Error()
}

func (f *fault) Unwrap() error { return f.err }

// failure makes the Error of one operation on one repository. An error of
// unknown kind counts as unreachable: all that can be done is to try again.
func failure(op string, r Repo, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Op: op, Repo: r.Name, URL: redact(r.URL), Kind: KindUnreachable, Err: err}
	if f, ok := errors.AsType[*fault](err); ok {
		e.Kind, e.Next, e.Wait = f.kind, f.next, f.wait
		return e
	}
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind = KindStopped
	case path || link:
		e.Kind, e.Next = KindStorage, "check room and permissions of the data folder"
	}
	return e
}
