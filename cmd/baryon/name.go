package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
	"baryon/state"
)

// nameArgs is what commands take that are about one thing.
func nameArgs() cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("name what it is about, such as: baryon %s environment/prod", cmd.Name())
		}
		return upTo(4)(cmd, args)
	}
}

// upTo is what commands take that need no argument, or not all of them.
func upTo(most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= most {
			return nil
		}
		takes := "no arguments"
		if most > 0 {
			takes = fmt.Sprintf("at most %d", most)
		}
		return fmt.Errorf("%q is too much: %s takes %s; see: %s --help", args[most], cmd.CommandPath(), takes, cmd.CommandPath())
	}
}

// refOf reads environment/prod, an ARN, or the same in words: environment prod,
// service shop instance dev.
func refOf(args []string) (state.Ref, error) {
	words := strings.Split(strings.Join(args, "/"), "/")
	if len(args) > 1 {
		words[0] = strings.TrimSuffix(words[0], "s")
	}
	ref, err := state.ParseRef(strings.Join(words, "/"))
	if err != nil {
		return ref, err
	}
	for _, name := range []string{ref.Service, ref.Name} {
		if name != "" && !nameRule.MatchString(name) {
			return ref, fmt.Errorf("%q is no name: want letters, digits, - and _, the first a letter or digit", name)
		}
	}
	return ref, nil
}

// named finds out which thing a person means. A bare name is enough where only
// one thing has it, and shop/dev for an instance of a service.
func named(ctx context.Context, c *v1.Client, args []string) (state.Ref, error) {
	ref, err := refOf(args)
	if err == nil || len(args) > 1 || strings.Contains(args[0], ":") {
		return ref, err
	}
	var candidates []state.Ref
	switch words := strings.Split(args[0], "/"); {
	case len(words) == 1 && nameRule.MatchString(words[0]):
		candidates = []state.Ref{state.EnvironmentRef(words[0]), state.ComponentRef(words[0]), state.ServiceRef(words[0])}
	case len(words) == 2 && nameRule.MatchString(words[0]) && nameRule.MatchString(words[1]):
		candidates = []state.Ref{state.InstanceRef(words[0], words[1])}
	}
	var found []state.Ref
	for _, candidate := range candidates {
		there, lookErr := exists(ctx, c, candidate)
		if lookErr != nil {
			return ref, lookErr
		}
		if there {
			found = append(found, candidate)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return ref, err
	default:
		return ref, fmt.Errorf("%s may mean %s or %s; write which", args[0], found[0], found[1])
	}
}

// exists asks whether there is a thing of that name, or a file that should
// declare it.
func exists(ctx context.Context, c *v1.Client, ref state.Ref) (bool, error) {
	var err error
	if ref.Kind == state.KindService {
		err = c.Get(ctx, v1.Path(ref), nil, &v1.Service{})
	} else {
		err = c.Get(ctx, "why", url.Values{"ref": {ref.String()}}, &v1.Why{})
	}
	if e, ok := errors.AsType[*v1.Error](err); ok && e.Code == v1.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}
