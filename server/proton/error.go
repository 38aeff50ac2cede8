package proton

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"baryon/renderer"
	"baryon/state"
)

// Proton's exceptions.
const (
	accessDenied     = "AccessDeniedException"
	conflictType     = "ConflictException"
	resourceNotFound = "ResourceNotFoundException"
	quotaExceeded    = "ServiceQuotaExceededException"
	validation       = "ValidationException"
	internalServer   = "InternalServerException"
)

// An Error is an exception as it stands on the wire.
type Error struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
	status  int
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

func exception(typ, format string, args ...any) *Error {
	return &Error{Type: typ, status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error  { return exception(validation, format, args...) }
func conflict(format string, args ...any) *Error { return exception(conflictType, format, args...) }
func missing(format string, args ...any) *Error  { return exception(resourceNotFound, format, args...) }

// constraints is the exception for a body that does not fit the model, worded
// as AWS words it.
func constraints(problems []string) *Error {
	noun := "errors"
	if len(problems) == 1 {
		noun = "error"
	}
	return invalid("%d validation %s detected: %s", len(problems), noun, strings.Join(problems, "; "))
}

// asError is the one table from errors to exceptions. What is not in it is
// internal, and its text stays in the daemon's log.
func asError(err error) *Error {
	var (
		known    *Error
		absent   *state.NotFoundError
		clash    *state.ConflictError
		problems renderer.Problems
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &absent):
		return missing("%s", absent.Error())
	case errors.As(err, &clash):
		return conflict("%s", clash.Error())
	case errors.As(err, &problems):
		return invalid("%s", problems.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Type: internalServer, status: http.StatusInternalServerError, Message: "the request took too long or was given up; try again"}
	default:
		return &Error{Type: internalServer, status: http.StatusInternalServerError, Message: "the daemon could not answer; its log says why"}
	}
}
