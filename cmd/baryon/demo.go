package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"

	"baryon/gitsource"
	"baryon/gitsource/githost"
	"baryon/reconciler"
)

func demoCommand() *cobra.Command {
	var once, terraform, aws bool
	var listen string
	var out format
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the main job done, with nothing installed",
		Long: `Makes a Git repository from the built-in examples, serves it over HTTP so that
you can clone it and push to it, runs the daemon on it, and tells what happens.
Everything lies in a temporary folder and is removed at the end. As JSON, each
thing that happens is a line of its own.

With --terraform the templates are Terraform code, and terraform or tofu, which
has to be on the PATH, plans and applies it. It needs no account, downloads
nothing, and its own state files are what the story is checked by.

With --aws the templates are CloudFormation, and become stacks in an account that
is simulated in this process: no AWS account and no keys are needed or touched.`,
		Example: "  baryon demo\n  baryon demo --once   # tell the story, check it, and exit\n  baryon demo --terraform\n  baryon demo --aws",
		Args:    upTo(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			s := &story{out: cmd.OutOrStdout(), json: out.name != "", began: time.Now()}
			s.chapters = s.shell()
			if aws {
				s.withAWS()
			}
			if terraform {
				if err := s.withTerraform(cmd.Context(), ""); err != nil {
					return err
				}
			}
			dir, err := os.MkdirTemp("", "baryon-demo-")
			if err != nil {
				return err
			}
			err = demo(cmd.Context(), dir, listen, once, s)
			return errors.Join(err, os.RemoveAll(dir))
		},
	}
	out.flag(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "check that the world is as told and exit 0, else non-zero")
	cmd.Flags().BoolVar(&terraform, "terraform", false, "tell it with Terraform code")
	cmd.Flags().BoolVar(&aws, "aws", false, "tell it with CloudFormation, in a simulated account")
	cmd.MarkFlagsMutuallyExclusive("terraform", "aws")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address of the daemon")
	return cmd
}

// demo puts a Git server and a daemon side by side and tells the story on them.
func demo(ctx context.Context, dir, listen string, once bool, s *story) error {
	host, err := githost.New(githost.Config{Dir: filepath.Join(dir, "git")})
	if err != nil {
		return err
	}
	if err := host.Create("platform"); err != nil {
		return err
	}
	l, err := listenLoopback(ctx)
	if err != nil {
		return err
	}
	url := "http://" + l.Addr().String() + "/platform.git"
	cfg := defaultConfig()
	cfg.Listen, cfg.Data = listen, filepath.Join(dir, "data")
	cfg.Settings.Repositories = []reconciler.Repository{{
		Repo: gitsource.Repo{Name: "platform", URL: url, Branch: "main", Path: "."}, Interval: time.Second,
		Allow: reconciler.Allow{Commands: true},
	}}
	cfg.Settings.Deletions = -1 // each is a person's decision
	s.host, s.url = host, url
	if s.terraform.Path != "" {
		s.configureTerraform(&cfg)
	}
	if s.account != nil {
		stop, err := s.account.open(ctx, &cfg)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		defer stop()
	}
	if err := s.begin(); err != nil {
		return err
	}
	d, err := newDaemon(ctx, cfg, newLog(zapcore.ErrorLevel))
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s.d = d
	running, stop := context.WithCancel(ctx)
	g, running := errgroup.WithContext(running)
	g.Go(func() error { return d.run(running) })
	g.Go(func() error { return serveHTTP(running, l, host) })
	g.Go(func() error {
		defer stop()
		if err := s.tell(running); err != nil || once {
			return err
		}
		s.invite()
		<-running.Done()
		return nil
	})
	err = g.Wait()
	if ctx.Err() != nil && !once {
		err = nil
	}
	return errors.Join(err, d.close())
}

// listenLoopback listens on a free port of this machine alone.
func listenLoopback(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", "127.0.0.1:0")
}

// serveHTTP serves until ctx ends, then lets requests under way finish.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := srv.Shutdown(end)
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close()
		}
		stopped <- err
	})
	err := srv.Serve(l)
	if release() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
