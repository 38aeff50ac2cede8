package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sync/errgroup"

	"baryon/examples"
	"baryon/gitsource"
	"baryon/gitsource/githost"
	"baryon/reconciler"
	"baryon/state"
)

func demoCommand() *cobra.Command {
	var once bool
	var listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the main job done, with nothing installed",
		Long: `Makes a Git repository from the built-in examples, serves it over HTTP so that
you can clone it and push to it, runs the daemon on it, and tells what happens.
Everything lies in a temporary folder and is removed at the end.`,
		Example: "  baryon demo\n  baryon demo --once   # tell the story, check it, and exit",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "baryon-demo-")
			if err != nil {
				return err
			}
			err = demo(cmd.Context(), dir, listen, once, cmd.OutOrStdout())
			return errors.Join(err, os.RemoveAll(dir))
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "check that the world is as told and exit 0, else non-zero")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address of the daemon")
	return cmd
}

// demo puts a Git server and a daemon side by side and tells the story on them.
func demo(ctx context.Context, dir, listen string, once bool, out io.Writer) error {
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
	}}
	s := &story{host: host, url: url, out: out, began: time.Now()}
	if err := s.push("Add the template web-env and two environments", "demo"); err != nil {
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

// A story is what the demo tells, and checks while it tells it.
type story struct {
	d     *daemon
	host  *githost.Host
	url   string
	out   io.Writer
	began time.Time
}

func (s *story) sayf(format string, args ...any) {
	fmt.Fprintf(s.out, "%6.1fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

// push commits an example folder over what the repository holds.
func (s *story) push(message string, folders ...string) error {
	for _, folder := range folders {
		files, err := fs.Sub(examples.Files, folder)
		if err != nil {
			return err
		}
		if _, err := s.host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: message, Files: files}); err != nil {
			return err
		}
	}
	if s.d != nil {
		s.d.pushed(s.url)
	}
	s.sayf("git push: %s", message)
	return nil
}

var (
	dev, prod, staging = state.EnvironmentRef("dev"), state.EnvironmentRef("prod"), state.EnvironmentRef("staging")
)

// tell is the whole story. Each chapter ends with a check of what it tells.
func (s *story) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for _, chapter := range []func(context.Context) error{s.first, s.fix, s.broken} {
		if err := chapter(ctx); err != nil {
			return fmt.Errorf("the demo did not go as told: %w", err)
		}
	}
	s.sayf("all as told")
	return nil
}

// first: template 1.0 is registered, a person publishes it, and the
// environments that waited for it come up.
func (s *story) first(ctx context.Context) error {
	if err := s.version(ctx, state.Version{Major: 1}, state.Draft); err != nil {
		return err
	}
	s.sayf("template web-env 1.0 registered as DRAFT; dev waits for somebody to publish it")
	if err := s.publish(ctx, state.Version{Major: 1}); err != nil {
		return err
	}
	for _, ref := range []state.Ref{dev, prod} {
		t, err := s.deployed(ctx, ref, "1.0")
		if err != nil {
			return err
		}
		s.sayf("%s is up on web-env 1.0: %s", ref, outputs(t))
	}
	return nil
}

// fix: a corrected template is pushed; who follows the major moves, who is
// pinned stays.
func (s *story) fix(ctx context.Context) error {
	before, err := s.d.store.Target(ctx, prod)
	if err != nil {
		return err
	}
	if err := s.push("Fix the endpoint of web-env", "demo-fix"); err != nil {
		return err
	}
	minor := state.Version{Major: 1, Minor: 1}
	if err := s.version(ctx, minor, state.Draft); err != nil {
		return err
	}
	if err := s.publish(ctx, minor); err != nil {
		return err
	}
	t, err := s.deployed(ctx, dev, "1.1")
	if err != nil {
		return err
	}
	s.sayf("%s followed to web-env 1.1: %s", dev, outputs(t))
	after, err := s.d.store.Target(ctx, prod)
	if err != nil {
		return err
	}
	if after.Deployed.Deployment != before.Deployed.Deployment || after.Deployed.Version.String() != "1.0" {
		return fmt.Errorf("%s is pinned to 1.0 and moved to %s", prod, after.Deployed.Version)
	}
	s.sayf("%s is pinned and stays on web-env 1.0", prod)
	return nil
}

// broken: a spec with mistakes is refused with its reasons, and what was pushed
// with it is deployed all the same.
func (s *story) broken(ctx context.Context) error {
	if err := s.push("Add staging, and make mistakes in dev", "demo-broken"); err != nil {
		return err
	}
	refused, err := s.until(ctx, dev, "its broken spec is refused", func(t state.Target) bool { return t.Desired.Refused != "" })
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(strings.TrimSpace(refused.Desired.Refused), "\n") {
		s.sayf("refused: %s", line)
	}
	if refused.Deployed.Version.String() != "1.1" || refused.Status != state.Succeeded {
		return fmt.Errorf("%s should have stayed on 1.1 and is %s on %s", dev, refused.Status, refused.Deployed.Version)
	}
	s.sayf("%s stays as it was", dev)
	t, err := s.deployed(ctx, staging, "1.1")
	if err != nil {
		return err
	}
	s.sayf("%s, of the same push, is up: %s", staging, outputs(t))
	return nil
}

func (s *story) publish(ctx context.Context, v state.Version) error {
	if err := s.d.store.Publish(ctx, "demo", state.KindEnvironment, "web-env", v); err != nil {
		return err
	}
	s.d.loop.Wake()
	s.sayf("baryon publish web-env %s", v)
	return nil
}

// version waits for a version of the template to have a status.
func (s *story) version(ctx context.Context, v state.Version, want state.VersionStatus) error {
	for {
		changed := s.d.store.Changed()
		got, err := s.d.store.TemplateVersion(ctx, state.KindEnvironment, "web-env", v)
		if err == nil && got.Status == want {
			return nil
		}
		if err == nil && got.Status == state.RegistrationFailed {
			return errors.New(got.Message)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("web-env %s is not %s: %w", v, want, ctx.Err())
		}
	}
}

// deployed waits for a target to be deployed on a version.
func (s *story) deployed(ctx context.Context, ref state.Ref, version string) (state.Target, error) {
	t, err := s.until(ctx, ref, "deployed on "+version, func(t state.Target) bool {
		return t.Status == state.Failed || t.Status == state.Succeeded && t.Deployed.Version.String() == version
	})
	if err == nil && t.Status == state.Failed {
		err = fmt.Errorf("%s failed: %s", ref, t.Message)
	}
	return t, err
}

// until waits for a target to be as wanted.
func (s *story) until(ctx context.Context, ref state.Ref, what string, as func(state.Target) bool) (state.Target, error) {
	for {
		changed := s.d.store.Changed()
		t, err := s.d.store.Target(ctx, ref)
		if err == nil && as(t) {
			return t, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return t, fmt.Errorf("%s is not %s: %s %s: %w", ref, what, t.Status, t.Waiting.Why, ctx.Err())
		}
	}
}

func outputs(t state.Target) string {
	var list []string
	for k, v := range t.Deployed.Outputs {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// invite says what the reader can do now.
func (s *story) invite() {
	fmt.Fprintf(s.out, `
The daemon goes on. Try, in another terminal:

  export BARYON_SERVER=%s
  baryon status
  baryon why environment/dev
  baryon get environment prod -o json
  baryon history environment/dev
  baryon sources

  git clone %s && cd platform
  # correct environments/dev.yaml, then
  git commit -am "Correct dev" && git push
  baryon status --watch

If baryon is not installed, write "go run ./cmd/baryon" for it. End with Ctrl-C.
`, s.d.address(), s.url)
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
