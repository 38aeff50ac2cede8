package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"baryon/gitsource"
	"baryon/provisioner"
	"baryon/provisioner/probe"
	"baryon/provisioner/terraform"
	"baryon/reconciler"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/server"
	"baryon/server/access"
	"baryon/server/proton"
	"baryon/server/proton/events"
	"baryon/server/proton/shim"
	v1 "baryon/server/v1"
	"baryon/state"
)

// A daemon is the parts of Baryon, put together. Start here to read the
// program: configuration, then parts, then run.
type daemon struct {
	cfg       config // what the daemon was started with
	log       *zap.Logger
	store     *state.Store
	lock      io.Closer // of the data folder, where the store is not in it
	git       *gitsource.Client
	command   *provisioner.Command
	terraform *terraform.Engine
	prober    *probe.Prober
	loop      *reconciler.Reconciler
	server    *server.Server
	events    *events.Carrier
	started   time.Time

	current      atomic.Pointer[config]           // the configuration in force
	file         atomic.Pointer[v1.Configuration] // what is told of the configuration file
	reconfigured chan struct{}                    // new settings are in force

	secret        []byte // proves the tokens of deployments
	listener      net.Listener
	hooksListener net.Listener
}

// newDaemon builds the parts and listens. Nothing is done yet; call run.
func newDaemon(ctx context.Context, cfg config, log *zap.Logger) (_ *daemon, err error) {
	d := &daemon{cfg: cfg, log: log, started: time.Now(), reconfigured: make(chan struct{}, 1)}
	d.current.Store(&cfg)
	d.file.Store(&v1.Configuration{File: cfg.File, LoadedAt: d.started})
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if _, err := cfg.Token.read("token"); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w; name another with data in the configuration, or --data", err)
	}
	if d.store, err = state.Open(ctx, state.Config{DSN: cfg.dsn()}); err != nil {
		return nil, err
	}
	if d.secret, err = d.store.Secret(ctx, "deployment tokens"); err != nil {
		return nil, err
	}
	if d.store.Shared() { // SQLite's file is locked anyway
		if d.lock, err = state.LockFile(filepath.Join(cfg.Data, "daemon.lock")); err != nil {
			return nil, err
		}
	}
	if d.git, err = gitsource.New(gitsource.Config{Dir: filepath.Join(cfg.Data, "git"), Log: log}); err != nil {
		return nil, err
	}
	if d.command, err = d.newCommand(); err != nil {
		return nil, err
	}
	tf := cfg.terraformConfig()
	tf.Runner = d.command
	if d.terraform, err = terraform.New(tf); err != nil {
		return nil, err
	}
	stacks, err := d.newStacks()
	if err != nil {
		return nil, err
	}
	reporter, pulls, err := forges(gitsource.ForgeConfig{Log: log})
	if err != nil {
		return nil, err
	}
	host := hostName()
	d.loop, err = reconciler.New(reconciler.Config{
		Store: d.store, Source: gitTrees{d.git}, Writer: d.git, Pulls: pulls, Reporter: commitStatus{reporter}, Settings: cfg.Settings, Access: d.access, Host: host, Log: log,
		Bundles: cfg.bundles(), Prober: d.prober,
		Engines: map[renderer.Engine]reconciler.Engine{
			renderer.EngineCodeBuild: d.command, renderer.EngineTerraform: d.terraform, renderer.EngineCloudFormation: stacks,
		},
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.newEvents(ctx), d.newServer()); err != nil {
		return nil, err
	}
	return d, d.listen(ctx)
}

// newEvents makes what tells others of changes.
func (d *daemon) newEvents(ctx context.Context) (err error) {
	d.events, err = events.New(events.Config{Store: d.store, Log: d.log, Place: func() (string, string) {
		s := d.current.Load().Settings
		return orDefault(s.Region, "us-east-1"), orDefault(s.Account, "000000000000")
	}})
	if err != nil {
		return err
	}
	return d.events.Configure(ctx, d.cfg.destinations())
}

func hostName() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return host
}

// newServer makes the faces of the daemon.
func (d *daemon) newServer() (err error) {
	cfg := server.Config{Store: d.store, Wake: d.loop.Wake, ARN: d.arn, Setup: d.setup, Loop: d.loop, Log: d.log}
	cfg.Guard = &access.Guard{
		Store: d.store, Policies: func() map[string]access.Policy { return d.current.Load().Policies }, ARN: d.resourceName, Log: d.log,
	}
	if d.cfg.Token.set() {
		cfg.Token = func() (string, error) { return d.cfg.Token.read("token") }
	}
	if d.cfg.GitHub.set() {
		cfg.Hooks, err = gitsource.NewWebhook(gitsource.WebhookConfig{
			SecretFile: d.cfg.GitHub.File, SecretEnv: d.cfg.GitHub.Env, Wake: d.pushed, Log: d.log,
		})
		if err != nil {
			return err
		}
	}
	cfg.Proton, err = proton.New(proton.Config{
		Store: d.store, Wake: d.loop.Wake, Loop: d.loop, Settings: func() reconciler.Settings { return d.current.Load().Settings },
		Token: cfg.Token, Secret: d.secret, Guard: cfg.Guard, Log: d.log,
	})
	if err != nil {
		return err
	}
	d.server, err = server.New(cfg)
	return err
}

// access is how the commands of a deployment reach this daemon: its address, in
// the words of both command lines, and a token that is good for this alone.
func (d *daemon) access(deployment string) (env, secrets map[string]string) {
	env = map[string]string{"BARYON_SERVER": d.address(), "AWS_ENDPOINT_URL_PROTON": d.address()}
	return env, map[string]string{shim.TokenVariable: proton.DeploymentToken(d.secret, deployment)}
}

// resourceName is the resource name with a tail such as environment/prod.
func (d *daemon) resourceName(tail string) string {
	s := d.current.Load().Settings
	return "arn:aws:proton:" + orDefault(s.Region, "us-east-1") + ":" + orDefault(s.Account, "000000000000") + ":" + tail
}

// arn is the resource name of a thing under the settings in force.
func (d *daemon) arn(ref state.Ref) string {
	s := d.current.Load().Settings
	return ref.ARN(orDefault(s.Region, "us-east-1"), orDefault(s.Account, "000000000000"))
}

// setup is what the daemon says of itself.
func (d *daemon) setup() v1.Setup {
	b := buildInfo()
	return v1.Setup{Version: b.Version, Commit: b.Commit, Go: b.Go, StartedAt: d.started, Configuration: d.file.Load()}
}

// newCommand makes the engine that runs commands on this machine. Where several
// daemons share the database, commands end by themselves before another daemon
// may take their deployment for lost.
func (d *daemon) newCommand() (*provisioner.Command, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	tools, err := shimFolder(filepath.Join(d.cfg.Data, "bin"), exe)
	if err != nil {
		return nil, err
	}
	path := strings.Join([]string{tools, orDefault(os.Getenv("PATH"), provisioner.UsualPath)}, string(filepath.ListSeparator))
	c := provisioner.CommandConfig{Dir: filepath.Join(d.cfg.Data, "work"), Executable: exe, Path: path}
	c.Ended = func(id string) { d.loop.Ended(id) } // nothing runs before there is a loop
	c.Started = func(id string, pid, attempt int) {
		d.log.Info("work started", zap.String("deployment", id), zap.Int("pid", pid), zap.Int("attempt", attempt))
	}
	c.Kept = func(id string, why error) {
		d.log.Warn("unknown work folder kept", zap.String("deployment", id), zap.Error(why))
	}
	c.Secrets = provisioner.LocalSecrets{
		Places: func() map[string]provisioner.SecretPlace { return d.current.Load().Secrets },
		Own:    func(p provisioner.SecretPlace) bool { return d.cfg.own(p) || d.current.Load().own(p) },
	}.Secret
	if d.store.Shared() {
		c.Deadline, c.Grace = state.Lease/2, 3*time.Second
	}
	return provisioner.NewCommand(c)
}

func (d *daemon) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	if d.listener, err = lc.Listen(ctx, "tcp", d.cfg.Listen); err != nil {
		return fmt.Errorf("%w; is another daemon running? choose another address with listen or --listen", err)
	}
	if d.cfg.HooksListen != "" {
		if d.hooksListener, err = lc.Listen(ctx, "tcp", d.cfg.HooksListen); err != nil {
			return fmt.Errorf("%w; choose another address with hooks_listen", err)
		}
	}
	return nil
}

// pushed wakes the repositories that a hook may be about: the one it names, or
// all when it names none of ours.
func (d *daemon) pushed(url string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	refs, err := d.loop.SameRepository(ctx, url)
	if err == nil && len(refs) == 0 { // a name that the host is known by elsewhere
		refs, err = d.loop.SameRepository(ctx, "")
	}
	if err != nil {
		d.log.Warn("hook not followed, polling will", zap.Error(err))
		return
	}
	if err := d.store.Wake(ctx, refs...); err != nil {
		d.log.Warn("hook not followed, polling will", zap.Error(err))
	}
	d.loop.Wake()
}

// address is where the API and the page are, for people and clients on this
// machine.
func (d *daemon) address() string {
	at, ok := d.listener.Addr().(*net.TCPAddr)
	if ok && at.IP.IsUnspecified() {
		return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(at.Port))
	}
	return "http://" + d.listener.Addr().String()
}

// run works until ctx ends, then waits for everything it started. Commands that
// run go on: they are not this process, and the next one finds them.
func (d *daemon) run(ctx context.Context) error {
	d.sweep(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.loop.Run(ctx) })
	g.Go(func() error { return d.command.Run(ctx) })
	g.Go(func() error { return d.prober.Run(ctx) })
	g.Go(func() error { return d.server.Run(ctx, d.listener, d.hooksListener) })
	g.Go(func() error { return d.watchRepositories(ctx) })
	g.Go(func() error { return d.watchFile(ctx) })
	g.Go(func() error { return d.maintain(ctx) })
	g.Go(func() error { return d.events.Run(ctx) })
	return g.Wait()
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
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// gitTrees hands out the trees of commits as the loop knows them.
type gitTrees struct{ *gitsource.Client }

func (g gitTrees) Tree(ctx context.Context, repo gitsource.Repo, commit string) (declare.Tree, error) {
	return g.Client.Tree(ctx, repo, commit)
}

// forges are the two that speak to hosts of repositories.
func forges(cfg gitsource.ForgeConfig) (*gitsource.Reporter, *gitsource.Pulls, error) {
	reporter, err := gitsource.NewReporter(cfg)
	if err != nil {
		return nil, nil, err
	}
	pulls, err := gitsource.NewPulls(cfg)
	return reporter, pulls, err
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
