package shim

import (
	"context"
	"errors"
	"fmt"
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
		return exitUsage, usagef("usage: aws [options] proton wait <subcommand> [parameters]\naws: error: too few arguments")
	}
	name, known := model.Named(s.model.Waiters, args[0])
	if !known {
		return exitUsage, choice("subcommand", hyphenated(s.model.Waiters))
	}
	w := s.model.Waiters[name]
	p, err := s.options(w.Operation, args[1:])
	if err != nil {
		return exitUsage, err
	}
	if p.has(skeleton) {
		return s.sample(w.Operation, p)
	}
	in, err := s.input(w.Operation, p)
	if err == nil {
		err = s.validate(w.Operation, in)
	}
	if err != nil {
		return exitUsage, err
	}
	end := time.NewTimer(time.Duration(w.Delay*w.Attempts) * time.Second)
	defer end.Stop()
	next := time.NewTicker(poll)
	defer next.Stop()
	for {
		met, err := s.look(ctx, w, in)
		var f *failure
		switch {
		case errors.As(err, &f):
			return exitFault, fmt.Errorf("Waiter %s failed: An error occurred (%s): %s", name, f.Type, f.Message) //nolint:staticcheck // the words of the AWS CLI
		case err != nil:
			return exitFault, err
		case met.State == "success":
			return 0, nil
		case met.State == "failure":
			return exitFault, fmt.Errorf("Waiter %s failed: Waiter encountered a terminal failure state: %s", name, explain(met)) //nolint:staticcheck // the words of the AWS CLI
		}
		select {
		case <-ctx.Done():
			return exitFault, ctx.Err()
		case <-end.C:
			return exitFault, fmt.Errorf("Waiter %s failed: Max attempts exceeded", name) //nolint:staticcheck // the words of the AWS CLI
		case <-next.C:
		}
	}
}

func explain(a model.Acceptor) string {
	if a.Matcher == "error" {
		return "Matched expected service error code: " + a.Expected
	}
	return fmt.Sprintf("For expression %q we matched expected path: %q", a.Argument, a.Expected)
}

// look asks once and says what of the waiter that meets; the zero Acceptor for
// what it does not wait for.
func (s *session) look(ctx context.Context, w model.Waiter, in map[string]any) (model.Acceptor, error) {
	out, err := s.call(ctx, w.Operation, in)
	var f *failure
	if err != nil && !errors.As(err, &f) {
		return model.Acceptor{}, err
	}
	var value any
	if err == nil {
		if value, err = out.object(); err != nil {
			return model.Acceptor{}, err
		}
	}
	for _, a := range w.Acceptors {
		switch {
		case f != nil && a.Matcher == "error" && a.Expected == f.Type:
			return a, nil
		case f == nil && a.Matcher == "path":
			got, err := jmespath.Search(a.Argument, value)
			if err == nil && got == a.Expected {
				return a, nil
			}
		}
	}
	if f != nil {
		return model.Acceptor{}, f
	}
	return model.Acceptor{}, nil
}
