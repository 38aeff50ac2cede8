package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
	"baryon/state"
)

// verbCommand asks something of one target.
func verbCommand(verb, short, example string) *cobra.Command {
	return askCommand(verb, short, example, func(r v1.Request) (v1.Request, error) { return r, nil }, nil)
}

// askCommand builds a command around a verb; complete may add to the request.
func askCommand(verb, short, example string, complete func(v1.Request) (v1.Request, error), more func(*cobra.Command)) *cobra.Command {
	var c connection
	var out format
	var why string
	cmd := &cobra.Command{
		Use: verb + " NAME", Short: short, Example: example, Args: nameArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := complete(v1.Request{Why: why})
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			ref, err := named(cmd.Context(), client, args)
			if err != nil {
				return asked(err)
			}
			var t any
			err = client.Post(cmd.Context(), v1.Path(ref)+"/"+verb, body, &t)
			if err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), t, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "%s asked of %s; see: baryon why %s\n", verb, ref, ref)
			})
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "the reason, kept in the audit log")
	c.flags(cmd)
	out.flag(cmd)
	if more != nil {
		more(cmd)
	}
	return cmd
}

func forceDeleteCommand() *cobra.Command {
	return askCommand(v1.ForceDelete, "Forget what cannot be deleted, and leave what is left of it",
		"  baryon force-delete service shop instance old --why 'the account is closed'",
		func(r v1.Request) (v1.Request, error) {
			if r.Why == "" {
				return r, errors.New("what is left of it is nobody's from then on; add --why 'REASON'")
			}
			return r, nil
		}, nil)
}

func overrideCommand() *cobra.Command {
	return askCommand(v1.Override, "Make a change now that waits for its time",
		"  baryon override environment/prod --why 'orders fail, this is the fix'",
		func(r v1.Request) (v1.Request, error) {
			if r.Why == "" {
				return r, errors.New("changes are not made at this time; add --why 'REASON'")
			}
			return r, nil
		}, nil)
}

func skipCommand() *cobra.Command {
	var resources []string
	return askCommand(v1.Skip, "Try again what failed, and leave resources alone",
		"  baryon skip environment/prod --resource Cache --why 'it was deleted by hand'",
		func(r v1.Request) (v1.Request, error) {
			if r.Resources = each(resources); len(resources) == 0 {
				return r, errors.New("name what is left alone with --resource ID; baryon why NAME says what failed")
			}
			return r, nil
		}, func(cmd *cobra.Command) {
			cmd.Flags().StringArrayVar(&resources, "resource", nil, "a logical ID, or an address of Terraform; a rollback goes on without it, and a deletion leaves it where it is")
		})
}

func adoptCommand() *cobra.Command {
	var stack string
	var not, existing bool
	var imports []string
	cmd := askCommand(v1.Adopt, "Take over a running CloudFormation stack, unchanged, or resources into one",
		"  baryon adopt environment/prod\n  baryon adopt service shop instance prod --stack AWSProton-shop-prod-cloudformation--ABCDEF\n"+
			"  baryon adopt environment/prod --import Bucket=acme-orders --import 'Route={\"RouteTableId\": \"rtb-1\", \"CidrBlock\": \"10.0.0.0/8\"}'",
		func(r v1.Request) (_ v1.Request, err error) {
			if r.Imports, err = importsOf(imports, existing); err != nil {
				return r, err
			}
			switch {
			case len(r.Imports) > 0 && (not || stack != ""):
				return r, errors.New("give --stack, --not, or what is imported, not several of them")
			case len(r.Imports) > 0:
				return r, nil
			case not && stack != "":
				return r, errors.New("give --stack or --not, not both")
			case not:
				return r, nil
			case stack == "":
				stack = state.AdoptByTags
			}
			r.Stack = stack
			return r, nil
		}, func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&stack, "stack", "", "the name of the stack (default: the one that carries the tags proton:… of it)")
			cmd.Flags().BoolVar(&not, "not", false, "take the request back, and make a stack of its own")
			cmd.Flags().StringArrayVar(&imports, "import", nil, "a resource that exists, LOGICALID=IDENTIFIER, that its stack takes in with the next deployment")
			cmd.Flags().BoolVar(&existing, "existing", false, "its stack takes in whatever exists already of what the template names")
		})
	cmd.Long = `Takes over a stack that runs already, as AWS Proton or somebody by hand made it, in
place of making one. A change set for it must come to nothing; else it is shown
what differs, and nothing is taken over. Nothing is changed, not even tags.

With --import or --existing resources that are in no stack are taken into the one
of NAME, as they are, before the rest is deployed. The template has to describe
them, each with a DeletionPolicy.`
	return cmd
}

// importsOf reads LOGICALID=IDENTIFIER.
func importsOf(flags []string, existing bool) (map[string]string, error) {
	imports := map[string]string{}
	for _, text := range flags {
		id, by, ok := strings.Cut(text, "=")
		if !ok || id == "" || by == "" {
			return nil, fmt.Errorf("--import %s: want LOGICALID=IDENTIFIER, as Bucket=acme-orders", text)
		}
		imports[id] = by
	}
	if existing {
		imports[state.ImportExisting] = ""
	}
	return imports, nil
}

// each takes several names from one flag apart, as A,B. An address of Terraform
// with a key in brackets may hold anything.
func each(flags []string) (names []string) {
	for _, flag := range flags {
		if strings.Contains(flag, "[") {
			names = append(names, flag)
		} else {
			names = append(names, strings.Split(flag, ",")...)
		}
	}
	return names
}

func forceCommand() *cobra.Command {
	var resources []string
	return askCommand(v1.Force, "Try again what failed, and destroy what is left of it",
		"  baryon force environment/prod --why 'its data is in the backup'\n  baryon force environment/prod --resource Bucket --why 'all but the bucket'",
		func(r v1.Request) (v1.Request, error) {
			if r.Resources = each(resources); r.Why == "" {
				return r, errors.New("what is left of it is destroyed; add --why 'REASON'")
			}
			return r, nil
		}, func(cmd *cobra.Command) {
			cmd.Flags().StringArrayVar(&resources, "resource", nil, "a logical ID that is left where it is")
		})
}

func suspendCommand() *cobra.Command {
	var until string
	var length time.Duration
	return askCommand(v1.Suspend, "Stop changes of something until it is resumed",
		"  baryon suspend environment/prod --why 'freeze' --for 8h\n  baryon suspend environment/prod --why 'audit' --until 2026-12-24T18:00:00Z",
		func(r v1.Request) (v1.Request, error) {
			switch {
			case r.Why == "":
				return r, errors.New("a suspension needs a reason; add --why 'REASON'")
			case until != "" && length != 0:
				return r, errors.New("give --until or --for, not both")
			case length < 0:
				return r, errors.New("--for is a time to come, such as 8h")
			case length != 0:
				r.Until = time.Now().Add(length)
			case until != "":
				t, err := time.Parse(time.RFC3339, until)
				if err != nil {
					return r, fmt.Errorf("--until %q: want a time such as 2026-12-24T18:00:00Z", until)
				}
				r.Until = t
			}
			return r, nil
		}, func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&until, "until", "", "a time such as 2026-12-24T18:00:00Z")
			cmd.Flags().DurationVar(&length, "for", 0, "a length such as 8h")
		})
}

func syncCommand() *cobra.Command {
	var c connection
	var out format
	cmd := &cobra.Command{
		Use: "sync [REPOSITORY]", Short: "Look at a repository now, or at all", Example: "  baryon sync\n  baryon sync platform", Args: upTo(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "sync"
			if len(args) == 1 {
				path = "repositories/" + url.PathEscape(strings.TrimPrefix(args[0], "repository/")) + "/sync"
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			var answer any
			if err := client.Post(cmd.Context(), path, v1.Request{}, &answer); err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), answer, func() { fmt.Fprintln(cmd.OutOrStdout(), "asked for; see: baryon status") })
		},
	}
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}

func publishCommand() *cobra.Command {
	var c connection
	var out format
	var kind string
	cmd := &cobra.Command{
		Use: "publish TEMPLATE VERSION", Short: "Publish a DRAFT version",
		Long: `Publishes a DRAFT version of a template. Those who follow its major move to it;
those who are pinned to another version stay.`,
		Example: "  baryon publish web-env 1.1",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name a template and a version, such as: baryon publish web-env 1.1; see: baryon get templates")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if kind != "" && kind != "environment" && kind != "service" {
				return fmt.Errorf("--kind %q: want environment or service", kind)
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			of := kind
			if of == "" {
				if of, err = templateKind(cmd.Context(), client, args[0]); err != nil {
					return asked(err)
				}
			}
			var v v1.TemplateVersion
			path := "templates/" + of + "/" + url.PathEscape(args[0]) + "/versions/" + url.PathEscape(args[1]) + "/publish"
			if err := client.Post(cmd.Context(), path, v1.Request{}, &v); err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), v, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s is published; see who follows: baryon status\n", args[0], args[1])
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "environment or service, where both have a template of that name")
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}
