package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"baryon/gitsource"
	"baryon/provisioner"
	"baryon/reconciler"
	"baryon/renderer"
	v1 "baryon/server/v1"
	"baryon/state"
)

// A daemon is the parts of Baryon, put together. Start here to read the
// program: configuration, then parts, then run.
type daemon struct {
	cfg     config
	log     *zap.Logger
	store   *state.Store
	git     *gitsource.Client
	command *provisioner.Command
	loop    *reconciler.Reconciler
	hooks   http.Handler // nil when no hook is configured
	token   string
	started time.Time

	// configuration is what is told of the file in force; reload changes it.
	configuration atomic.Pointer[v1.Configuration]

	listener      net.Listener
	hooksListener net.Listener
}

// newDaemon builds the parts and listens. Nothing is done yet; call run.
func newDaemon(ctx context.Context, cfg config, log *zap.Logger) (_ *daemon, err error) {
	d := &daemon{cfg: cfg, log: log, started: time.Now()}
	if cfg.File != "" {
		d.configuration.Store(&v1.Configuration{File: cfg.File, LoadedAt: d.started})
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.token, err = cfg.Token.read("token"); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, err
	}
	if d.store, err = state.Open(ctx, state.Config{DSN: cfg.dsn()}); err != nil {
		return nil, err
	}
	if d.git, err = gitsource.New(gitsource.Config{Dir: filepath.Join(cfg.Data, "git"), Log: log}); err != nil {
		return nil, err
	}
	if d.command, err = d.newCommand(); err != nil {
		return nil, err
	}
	reporter, err := gitsource.NewReporter(gitsource.ReporterConfig{Log: log})
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	d.loop, err = reconciler.New(reconciler.Config{
		Store: d.store, Source: d.git, Reporter: commitStatus{reporter}, Settings: cfg.Settings, Host: host, Log: log,
		Engines: map[renderer.Engine]reconciler.Engine{renderer.EngineCodeBuild: d.command},
	})
	if err != nil {
		return nil, err
	}
	return d, d.listen(ctx)
}

// newCommand makes the engine that runs commands on this machine. Where several
// daemons share the database, commands end by themselves before another daemon
// may take their deployment for lost.
func (d *daemon) newCommand() (*provisioner.Command, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := provisioner.CommandConfig{Dir: filepath.Join(d.cfg.Data, "work"), Executable: exe, Log: d.log}
	if d.store.Shared() {
		c.Deadline, c.Grace = state.Lease/2, 3*time.Second
	}
	return provisioner.NewCommand(c)
}

func (d *daemon) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	if d.cfg.GitHub.set() {
		d.hooks, err = gitsource.NewWebhook(gitsource.WebhookConfig{
			SecretFile: d.cfg.GitHub.File, SecretEnv: d.cfg.GitHub.Env, Wake: d.pushed, Log: d.log,
		})
		if err != nil {
			return err
		}
	}
	if d.listener, err = lc.Listen(ctx, "tcp", d.cfg.Listen); err != nil {
		return fmt.Errorf("listen: %w; is another daemon running? choose another address with listen", err)
	}
	if d.cfg.HooksListen != "" {
		d.hooksListener, err = lc.Listen(ctx, "tcp", d.cfg.HooksListen)
	}
	return err
}

// pushed wakes the repositories that a hook may be about: the one it names, or
// all when it names none of ours.
func (d *daemon) pushed(url string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var refs []state.Ref
	for _, repo := range d.cfg.Settings.Repositories {
		if url == "" || gitsource.SameRepository(url, repo.URL) {
			refs = append(refs, state.RepositoryRef(repo.Name))
		}
	}
	if err := d.store.Wake(ctx, refs...); err != nil {
		d.log.Warn("hook not followed, polling will", zap.Error(err))
	}
	d.loop.Wake()
}

// address is where the API and the page are, for people and clients.
func (d *daemon) address() string { return "http://" + d.listener.Addr().String() }

// run works until ctx ends, then waits for everything it started.
func (d *daemon) run(ctx context.Context) error {
	removed, err := d.command.Sweep(ctx, d.isOpen)
	if err != nil {
		d.log.Warn("work folders not swept", zap.Error(err))
	} else if len(removed) > 0 {
		d.log.Info("work folders swept", zap.Int("folders", len(removed)))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.loop.Run(ctx) })
	g.Go(func() error { return serveHTTP(ctx, d.listener, d.handler()) })
	if d.hooksListener != nil {
		g.Go(func() error { return serveHTTP(ctx, d.hooksListener, d.hooksOnly()) })
	}
	if local := d.localRepositories(); len(local) > 0 {
		g.Go(func() error { return d.watchLocal(ctx, local) })
	}
	if d.cfg.File != "" {
		g.Go(func() error { return gitsource.Watch(ctx, []string{d.cfg.File}, func() { d.reload(ctx) }) })
	}
	return g.Wait()
}

// isOpen tells whether a work folder belongs to a deployment under way.
func (d *daemon) isOpen(id string) bool {
	deployment, err := d.store.Deployment(context.Background(), id)
	if _, ok := errors.AsType[*state.NotFoundError](err); ok {
		return false
	}
	return err != nil || deployment.CompletedAt.IsZero()
}

// localRepositories are the paths among the repositories' addresses, by name.
func (d *daemon) localRepositories() map[string]string {
	local := map[string]string{}
	for _, r := range d.cfg.Settings.Repositories {
		path := strings.TrimPrefix(r.URL, "file://")
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			local[r.Name] = path
		}
	}
	return local
}

// watchLocal looks at a local repository as soon as something is pushed to it.
// Where watching cannot begin, polling is what remains.
func (d *daemon) watchLocal(ctx context.Context, local map[string]string) error {
	g, ctx := errgroup.WithContext(ctx)
	for name, path := range local {
		g.Go(func() error {
			err := gitsource.Watch(ctx, []string{path}, func() {
				if err := d.store.Wake(ctx, state.RepositoryRef(name)); err == nil {
					d.loop.Wake()
				}
			})
			if err != nil {
				d.log.Warn("repository is polled only", zap.String("repo", name), zap.Error(err))
			}
			return nil
		})
	}
	return g.Wait()
}

// reload puts a good new configuration file in force; a bad one is reported and
// ignored.
func (d *daemon) reload(ctx context.Context) {
	cfg, err := loadConfig(d.cfg.File)
	if err == nil {
		err = d.loop.Configure(ctx, cfg.Settings)
	}
	if err != nil {
		inForce := *d.configuration.Load()
		inForce.Problems = strings.Split(strings.TrimSpace(err.Error()), "\n")
		d.configuration.Store(&inForce)
		d.log.Error("configuration ignored, the earlier one stays in force", zap.String("file", d.cfg.File), zap.Error(err))
		return
	}
	d.configuration.Store(&v1.Configuration{File: cfg.File, LoadedAt: time.Now()})
	d.log.Info("configuration in force", zap.String("file", d.cfg.File), zap.Int("repositories", len(cfg.Settings.Repositories)))
}

// close frees what newDaemon made.
func (d *daemon) close() error {
	var errs []error
	for _, l := range []net.Listener{d.listener, d.hooksListener} {
		if l != nil {
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if d.git != nil {
		d.git.Close()
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}

// commitStatus shows what became of a commit beside it, where the host of the
// repository can show it.
type commitStatus struct{ reporter *gitsource.Reporter }

func (c commitStatus) Report(ctx context.Context, repo gitsource.Repo, commit string, ok bool, text string) error {
	s := gitsource.Status{Commit: commit, State: "success", Context: "baryon", Description: text}
	if !ok {
		s.State = "failure"
	}
	err := c.reporter.Report(ctx, repo, s)
	if errors.Is(err, gitsource.ErrNotReported) {
		return nil
	}
	return err
}
