package v1

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"baryon/server/access"
	"baryon/state"
)

// A Code says what kind of error it is, for programs.
type Code string

// The codes of errors.
const (
	CodeInvalid         Code = "invalid"
	CodeUnauthenticated Code = "unauthenticated"
	CodeForbidden       Code = "forbidden"
	CodeNotFound        Code = "not_found"
	CodeMethod          Code = "method_not_allowed"
	CodeConflict        Code = "conflict"
	CodeTooLarge        Code = "too_large"
	CodeUnavailable     Code = "unavailable"
	CodeInternal        Code = "internal"
)

// status is the HTTP status of each code.
var status = map[Code]int{
	CodeInvalid:         http.StatusBadRequest,
	CodeUnauthenticated: http.StatusUnauthorized,
	CodeForbidden:       http.StatusForbidden,
	CodeNotFound:        http.StatusNotFound,
	CodeMethod:          http.StatusMethodNotAllowed,
	CodeConflict:        http.StatusConflict,
	CodeTooLarge:        http.StatusRequestEntityTooLarge,
	CodeUnavailable:     http.StatusServiceUnavailable,
	CodeInternal:        http.StatusInternalServerError,
}

// An Error is an error as it stands on the wire.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Next    string `json:"next,omitempty"` // what the reader can do about it
}

func (e *Error) Error() string {
	if e.Next == "" {
		return e.Message
	}
	return e.Message + "; " + e.Next
}

// AsError is the one table from errors to what is said of them. What is not in
// it is internal, and its text stays in the daemon's log.
func AsError(err error) *Error {
	var (
		known    *Error
		missing  *state.NotFoundError
		conflict *state.ConflictError
		others   *state.ForbiddenError
		large    *http.MaxBytesError
		denied   *access.Denied
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &missing):
		return &Error{Code: CodeNotFound, Message: missing.Error(), Next: whereToLook(missing.What)}
	case errors.As(err, &conflict):
		return &Error{Code: CodeConflict, Message: conflict.What + ": " + conflict.Why, Next: conflict.Next}
	case errors.As(err, &others):
		return &Error{Code: CodeForbidden, Message: others.What + ": " + others.Why, Next: others.Next}
	case errors.As(err, &denied):
		return &Error{Code: CodeForbidden, Message: denied.Error(), Next: "ask an administrator for a key with another role or policy"}
	case errors.As(err, &large):
		return &Error{Code: CodeTooLarge, Message: "the request is larger than this resource takes"}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: CodeUnavailable, Message: "the request took too long or was given up", Next: "try again"}
	default:
		return &Error{Code: CodeInternal, Message: "the daemon could not answer", Next: "its log says why"}
	}
}

// whereToLook is the command that lists what there is instead of something
// that does not exist.
func whereToLook(what string) string {
	kind, _, _ := strings.Cut(what, "/")
	switch {
	case strings.HasPrefix(kind, "blocker "):
		return "see: baryon blockers"
	case strings.Contains(kind, "template"), strings.Count(kind, " ") == 1 && !strings.HasPrefix(kind, "deployment "):
		return "see: baryon get templates"
	case strings.HasPrefix(kind, "deployment "):
		return "see: baryon history"
	case kind == "repository":
		return "see: baryon get repositories"
	case kind == "environment", kind == "component":
		return "see: baryon get " + kind + "s"
	case kind == "service":
		return "see: baryon get services"
	default:
		return ""
	}
}

// WriteError answers a request with an error.
func WriteError(w http.ResponseWriter, e *Error) {
	writeJSON(w, e.Status(), struct {
		Error *Error `json:"error"`
	}{e})
}

// Status is the HTTP status that goes with e.
func (e *Error) Status() int {
	if s, ok := status[e.Code]; ok {
		return s
	}
	return http.StatusInternalServerError
}

func invalid(message, next string) *Error {
	return &Error{Code: CodeInvalid, Message: message, Next: next}
}
