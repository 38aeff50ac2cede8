package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

func historyCommand() *cobra.Command {
	return query("history [NAME]", "List deployments, newest first", "  baryon history environment/prod", cobra.MaximumNArgs(2),
		func(ctx context.Context, c *v1.Client, args []string) ([]v1.Deployment, error) {
			q := map[string][]string{"limit": {"100"}}
			if len(args) > 0 {
				ref, err := refOf(args)
				if err != nil {
					return nil, err
				}
				q["ref"] = []string{ref.String()}
			}
			var page v1.Page[v1.Deployment]
			err := c.Get(ctx, "deployments", q, &page)
			return page.Items, err
		}, func(w io.Writer, list []v1.Deployment) {
			table(w, "DEPLOYMENT WHAT ACTION VERSION STATUS BEGUN REASON", func(row func(...string)) {
				for _, d := range list {
					row(d.ID, d.Ref, d.Action, d.Version, d.DeploymentStatus, d.CreatedAt.Format(time.RFC3339), d.Reason)
				}
			})
		})
}

func logsCommand() *cobra.Command {
	var c connection
	var follow bool
	cmd := &cobra.Command{
		Use: "logs NAME|DEPLOYMENT", Short: "Print the output of a deployment",
		Example: "  baryon logs environment/prod\n  baryon logs -f environment/prod   # until it ends", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			id, err := deploymentOf(cmd.Context(), client, args)
			if err != nil {
				return asked(err)
			}
			return asked(copyLog(cmd.Context(), client, id, follow, cmd.OutOrStdout()))
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the deployment has ended")
	c.flags(cmd)
	return cmd
}

// deploymentOf is the deployment that is named, or the last one of a target.
func deploymentOf(ctx context.Context, c *v1.Client, args []string) (string, error) {
	ref, err := refOf(args)
	if err != nil {
		if len(args) == 1 && len(args[0]) == 36 {
			return args[0], nil
		}
		return "", err
	}
	t, err := c.Target(ctx, ref)
	if err != nil {
		return "", err
	}
	if t.LastAttemptedDeploymentID == "" {
		return "", fmt.Errorf("%s has never been deployed; see: baryon why %s", ref, ref)
	}
	return t.LastAttemptedDeploymentID, nil
}

// copyLog prints a log, and with follow goes on where a broken connection left it.
func copyLog(ctx context.Context, c *v1.Client, id string, follow bool, w io.Writer) error {
	var at int64
	for {
		next, err := c.Log(ctx, id, at, follow, w)
		at = next
		if !follow || err != nil && ctx.Err() != nil {
			return err
		}
		var d v1.Deployment
		if getErr := c.Get(ctx, "deployments/"+id, nil, &d); getErr != nil {
			return getErr
		}
		if d.Final && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(500 * time.Millisecond):
		}
	}
}
