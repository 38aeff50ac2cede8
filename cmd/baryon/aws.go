package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

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
