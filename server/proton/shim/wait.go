package shim

import (
	"context"
	"errors"
	"time"

	"github.com/jmespath/go-jmespath"

	"baryon/server/proton/model"
)

// poll is how often a wait looks. The AWS CLI looks less often, for it asks a
// service that is far away; how long it waits in all is the same.
const poll = 500 * time.Millisecond

// wait answers "aws proton wait …".
func (s *session) wait(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 {
		return exitUsage, usagef("wait for what? aws proton help lists the waiters")
	}
	name, known := model.Named(s.model.Waiters, args[0])
	if !known {
		return exitUsage, usagef("AWS Proton has no waiter %q; aws proton help lists those there are", args[0])
	}
	w := s.model.Waiters[name]
	in, err := s.input(w.Operation, args[1:])
	if err != nil {
		return exitUsage, err
	}
	end := time.NewTimer(time.Duration(w.Delay*w.Attempts) * time.Second)
	defer end.Stop()
	next := time.NewTicker(poll)
	defer next.Stop()
	for {
		state, err := s.look(ctx, w, in)
		switch {
		case err != nil:
			return exitWait, err
		case state == "success":
			return 0, nil
		case state == "failure":
			return exitWait, errors.New("Waiter " + name + " failed: Waiter encountered a terminal failure state")
		}
		select {
		case <-ctx.Done():
			return exitWait, ctx.Err()
		case <-end.C:
			return exitWait, errors.New("Waiter " + name + " failed: Max attempts exceeded")
		case <-next.C:
		}
	}
}

// look asks once and says what of the waiter that meets.
func (s *session) look(ctx context.Context, w model.Waiter, in map[string]any) (string, error) {
	out, err := s.call(ctx, w.Operation, in)
	var f *failure
	if err != nil && !errors.As(err, &f) {
		return "", err
	}
	var value any
	if err == nil {
		if value, err = out.object(); err != nil {
			return "", err
		}
	}
	for _, a := range w.Acceptors {
		switch {
		case f != nil && a.Matcher == "error" && a.Expected == f.Type:
			return a.State, nil
		case f == nil && a.Matcher == "path":
			got, err := jmespath.Search(a.Argument, value)
			if err == nil && got == a.Expected {
				return a.State, nil
			}
		}
	}
	if f != nil {
		return "", f
	}
	return "", nil
}
