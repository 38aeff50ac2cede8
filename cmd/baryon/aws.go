package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/server/proton"
)

// cloudformationConfig is what the engine that deploys stacks is made of.
func (c config) cloudformationConfig() cloudformation.Config {
	out := c.AWS
	out.Dir = filepath.Join(c.Data, "cloudformation")
	out.ExternalID = c.Settings.ExternalID
	out.Region, out.Account = orDefault(c.Settings.Region, "us-east-1"), c.Settings.Account
	return out
}

// bundles is where callers of the Proton API have their bundles.
func (c config) bundles() *proton.S3 {
	return &proton.S3{Region: orDefault(c.Settings.Region, "us-east-1"), Endpoint: orDefault(c.S3Endpoint, c.AWS.Endpoint)}
}

func awsSimCommand() *cobra.Command {
	var listen string
	cfg := awssim.Config{}
	cmd := &cobra.Command{
		Use:   "aws-sim",
		Short: "Simulate AWS, to rehearse without an account",
		Long: `Answers for CloudFormation, STS, S3, the parameter store and Secrets Manager on
a loopback address, in memory, for as long as it runs. Every access key is good;
one of 12 digits stands for the account of that number. Resources are records:
nothing is really made.

POST /_sim/fault, /_sim/release, /_sim/rate and /_sim/drift make things go
wrong, as {"Stack": "environment-dev", "Logical": "Topic", "Do": "update"}.`,
		Example: "  baryon aws-sim &\n" +
			"  AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x BARYON_AWS_ENDPOINT=http://127.0.0.1:4599 baryon serve\n" +
			"  aws --endpoint-url http://127.0.0.1:4599 cloudformation describe-stacks",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if host, _, err := net.SplitHostPort(listen); err != nil || !net.ParseIP(host).IsLoopback() {
				return fmt.Errorf("--listen %s: want a loopback address as 127.0.0.1:4599; the simulator lets everybody in", listen)
			}
			var lc net.ListenConfig
			l, err := lc.Listen(cmd.Context(), "tcp", listen)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "AWS is simulated at http://%s: no account is touched\n", l.Addr()); err != nil {
				return err
			}
			return serveUntil(cmd.Context(), l, awssim.New(cfg))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4599", "loopback address to answer at")
	cmd.Flags().DurationVar(&cfg.Step, "step", 2*time.Second, "how long one resource takes")
	cmd.Flags().Float64Var(&cfg.Rate, "rate", 0, "calls a second before an account is throttled; 0 is never")
	return cmd
}

// serveUntil answers until ctx ends.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	return g.Wait()
}
