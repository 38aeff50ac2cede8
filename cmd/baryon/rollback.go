package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
	"baryon/state"
)

// deploymentRule is the form of the names of deployments.
var deploymentRule = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// splitDeployment takes the deployment off the end of the words of a name.
func splitDeployment(args []string) (name []string, deployment string) {
	if last := len(args) - 1; last > 0 && deploymentRule.MatchString(args[last]) {
		return args[:last], args[last]
	}
	return args, ""
}

func rollbackCommand() *cobra.Command {
	var c connection
	var out format
	var why string
	var yes bool
	cmd := &cobra.Command{
		Use: "rollback NAME [DEPLOYMENT]", Short: "Go back to a past deployment, and stay there",
		Long: `Shows what going back to a past deployment would change, asks, and then wants
again what that deployment reached: its version and its spec, as a new generation.
Without DEPLOYMENT it is the last one that succeeded before what is deployed; see
baryon history NAME.

The target is held there, whatever its document says and whatever is published,
until the document changes or baryon resume NAME.`,
		Example: "  baryon rollback environment/prod --why 'orders fail since noon'\n  baryon rollback shop/prod 019a1c3e-5d9e-7c55-8f60-0f6b7a3c9b11 --why 'last good one' --yes",
		Args: func(cmd *cobra.Command, args []string) error {
			name, _ := splitDeployment(args)
			return nameArgs()(cmd, name)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if why == "" {
				return errors.New("a rollback needs a reason; add --why 'REASON'")
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			args, deployment := splitDeployment(args)
			ref, err := named(cmd.Context(), client, args)
			if err != nil {
				return asked(err)
			}
			plan, err := rollbackPlan(cmd.Context(), client, ref, deployment)
			if err != nil {
				return asked(err)
			}
			if !yes {
				printPlan(cmd.OutOrStdout(), plan, false)
				if err := confirm(cmd, "Go back to deployment "+plan.Items[0].RollbackTo+"?"); err != nil {
					return err
				}
			}
			var t any
			body := v1.Request{Why: why, Deployment: plan.Items[0].RollbackTo} // what was shown, whatever happens meanwhile
			if err := client.Post(cmd.Context(), v1.Path(ref)+"/"+v1.Rollback, body, &t); err != nil {
				return asked(err)
			}
			return out.print(cmd.OutOrStdout(), t, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is held at deployment %s; see: baryon why %s\n", ref, body.Deployment, ref)
			})
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "the reason, kept in the audit log")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not show and ask")
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}

func rollbackPlan(ctx context.Context, client *v1.Client, ref state.Ref, deployment string) (plan v1.Plan, err error) {
	query := url.Values{}
	if deployment != "" {
		query.Set("to", deployment)
	}
	if err = client.Get(ctx, v1.Path(ref)+"/"+v1.Rollback, query, &plan); err == nil && len(plan.Items) != 1 {
		err = errors.New("the daemon's answer names no deployment")
	}
	return plan, err
}

// confirm asks a person, and takes silence for a no.
func confirm(cmd *cobra.Command, question string) error {
	fmt.Fprintf(cmd.OutOrStdout(), "%s [y/N] ", question)
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	default:
		fmt.Fprintln(cmd.OutOrStdout())
		return errors.New("nothing was done; say y, or --yes where nobody can be asked")
	}
}

func compareCommand() *cobra.Command {
	return query("compare DEPLOYMENT [DEPLOYMENT]", "Show how what two deployments applied differs",
		"  baryon compare 019a1c3e-5d9e-7c55-8f60-0f6b7a3c9b11\n  baryon compare 019a1c3e-5d9e-7c55-8f60-0f6b7a3c9b11 019a1c40-8c1a-7b0e-9f0e-2d7e6a1c5e02",
		func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return errors.New("name a deployment, to see what it changed, or two, the older one first; see: baryon history")
			}
			return nil
		},
		func(ctx context.Context, c *v1.Client, args []string) (v1.Comparison, error) {
			q := url.Values{}
			if len(args) == 2 {
				q.Set("from", args[0])
			}
			var v v1.Comparison
			err := c.Get(ctx, "deployments/"+url.PathEscape(args[len(args)-1])+"/diff", q, &v)
			return v, err
		}, func(w io.Writer, v v1.Comparison) {
			from := orDefault(v.From, "nothing")
			fmt.Fprintf(w, "%s: from %s to %s\n", v.Ref, from, v.To)
			for _, d := range v.Diff {
				printDiff(w, d)
			}
			if len(v.Diff) == 0 {
				fmt.Fprintln(w, "    no difference")
			}
		})
}
