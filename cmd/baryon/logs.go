package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

func historyCommand() *cobra.Command {
	var limit int
	cmd := query("history [NAME]", "List deployments, newest first", "  baryon history\n  baryon history environment/prod --limit 5", upTo(4),
		func(ctx context.Context, c *v1.Client, args []string) ([]v1.Deployment, error) {
			q := url.Values{"limit": {fmt.Sprint(limit)}}
			if len(args) > 0 {
				// A target that is gone still has a history.
				ref, err := refOf(args)
				if err != nil {
					ref, err = named(ctx, c, args)
				}
				if err != nil {
					return nil, err
				}
				q.Set("ref", ref.String())
			}
			var page v1.Page[v1.Deployment]
			err := c.Get(ctx, "deployments", q, &page)
			return page.Items, err
		}, printDeployments)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many, at most 1000")
	return cmd
}

func logsCommand() *cobra.Command {
	var c connection
	var out format
	var follow bool
	cmd := &cobra.Command{
		Use: "logs NAME|DEPLOYMENT", Short: "Print the output of a deployment",
		Long: `Prints what the commands of a deployment wrote: of the last one of a target, or
of the one whose id is given. With -f it goes on until the deployment has ended,
across restarts of the daemon, and says at the end how it ended. As JSON it is
one object, of the deployment and its log, printed at the end.`,
		Example: `  baryon logs environment/prod
  baryon logs -f environment/prod
  baryon logs 01a20849-6bdf-7762-ae59-49705a8eedce
  baryon logs environment/prod -o json | jq -r .log`,
		Args: nameArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			id, err := deploymentOf(cmd.Context(), client, args)
			if err != nil {
				return asked(err)
			}
			if out.name != "" {
				return logAsJSON(cmd, client, id, follow, out)
			}
			return asked(printLog(cmd.Context(), client, id, follow, cmd.OutOrStdout(), cmd.ErrOrStderr()))
		},
	}
	out.flag(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the deployment has ended")
	c.flags(cmd)
	return cmd
}

// printLog prints the log of a deployment as it is, or until it has ended.
func printLog(ctx context.Context, c *v1.Client, id string, follow bool, w, notes io.Writer) error {
	out, flush := printer(w)
	if follow {
		return errors.Join(followLog(ctx, c, id, out, notes), flush())
	}
	_, err := c.Log(ctx, id, 0, false, out)
	return errors.Join(err, flush())
}

// A deploymentLog is a deployment and what its commands wrote.
type deploymentLog struct {
	Deployment v1.Deployment `json:"deployment"`
	Log        string        `json:"log"`
}

func logAsJSON(cmd *cobra.Command, c *v1.Client, id string, follow bool, out format) error {
	if err := out.check(); err != nil {
		return err
	}
	var text strings.Builder
	if err := printLog(cmd.Context(), c, id, follow, &text, io.Discard); err != nil {
		return asked(err)
	}
	all := deploymentLog{Log: text.String()}
	if err := c.Get(cmd.Context(), "deployments/"+url.PathEscape(id), nil, &all.Deployment); err != nil {
		return asked(err)
	}
	return out.print(cmd.OutOrStdout(), all, nil)
}

// idRule tells an identifier of a deployment from a name.
var idRule = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// deploymentOf is the deployment that is named, or the last one of a target.
func deploymentOf(ctx context.Context, c *v1.Client, args []string) (string, error) {
	if len(args) == 1 && idRule.MatchString(args[0]) {
		return args[0], nil
	}
	ref, err := named(ctx, c, args)
	if _, away := errors.AsType[*v1.UnreachableError](err); away {
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("%w, or the id of a deployment from: baryon history", err)
	}
	page := v1.Page[v1.Deployment]{}
	if err := c.Get(ctx, "deployments", url.Values{"ref": {ref.String()}, "limit": {"1"}}, &page); err != nil {
		return "", err
	}
	if len(page.Items) == 0 {
		return "", fmt.Errorf("%s has never been deployed; see: baryon why %s", ref, ref)
	}
	return page.Items[0].ID, nil
}

// againAfter is how long to wait for a daemon that went away.
const againAfter = 500 * time.Millisecond

// followLog prints a log until its deployment has ended, and goes on where a
// broken connection left it. A reader that stops listening ends it.
func followLog(ctx context.Context, c *v1.Client, id string, w, notes io.Writer) error {
	out := &outlet{w: w}
	var at int64
	for seen := false; ; seen = true {
		next, err := c.Log(ctx, id, at, true, out)
		at = next
		var d v1.Deployment
		if err == nil {
			err = c.Get(ctx, "deployments/"+url.PathEscape(id), nil, &d)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case out.err != nil:
			return out.err
		case err == nil && d.Final:
			fmt.Fprintf(notes, "%s: %s %s\n", d.Ref, d.DeploymentStatus, firstLine(d.DeploymentStatusMessage))
			return nil
		case err != nil && (!seen || answered(err)):
			return err
		}
		timer := time.NewTimer(againAfter)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// answered reports whether a daemon refused, as against being away.
func answered(err error) bool {
	e, ok := errors.AsType[*v1.Error](err)
	return ok && e.Code != v1.CodeUnavailable
}

// An outlet remembers that it cannot be written to, so that this is not taken for
// a lost connection.
type outlet struct {
	w   io.Writer
	err error
}

func (o *outlet) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}
