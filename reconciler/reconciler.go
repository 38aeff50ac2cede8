// Package reconciler keeps what is deployed equal to what is declared. It
// knows the loop, what follows from a difference, and the order of things; it
// is the one place that translates between the nouns of package state and the
// values of gitsource, renderer and provisioner.
//
// It refuses to know how Git is spoken, how templates are written, how an
// engine works, and who is asking over HTTP.
//
// The loop is in this file. A visit to a repository is in sync.go, a visit to
// a target in visit.go; Plan in plan.go is pure, and apply.go makes no choices.
package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"baryon/gitsource"
	"baryon/provisioner"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A Source is where declarations come from: Git.
type Source interface {
	contents
	history
}

// contents are what a repository holds now.
type contents interface {
	Head(ctx context.Context, repo gitsource.Repo) (commit string, err error)
	Tree(ctx context.Context, repo gitsource.Repo, commit string) (declare.Tree, error)
}

// history is how it came about.
type history interface {
	Commit(ctx context.Context, repo gitsource.Repo, commit string) (gitsource.Commit, error)
	Descends(ctx context.Context, repo gitsource.Repo, older, newer string) (bool, error)
	// Differences is whole only when there are at most so many and both commits are known.
	Differences(ctx context.Context, repo gitsource.Repo, older, newer string, most int) (found []gitsource.Difference, whole bool, err error)
}

// An Engine applies rendered files; see package provisioner for the contract.
type Engine interface {
	Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error)
	Cancel(ctx context.Context, job provisioner.Job) error
}

// A Reporter tells the host of a repository what became of a commit.
type Reporter interface {
	Report(ctx context.Context, repo gitsource.Repo, commit string, ok bool, text string) error
}

// Config is what a Reconciler is made of.
type Config struct {
	Store    *state.Store
	Source   Source
	Engines  map[renderer.Engine]Engine
	Writer   Writer   // may be nil: nothing is written back then
	Pulls    Pulls    // may be nil: nor as a pull request
	Reporter Reporter // may be nil
	Prober   Prober   // may be nil: what asks for it is not healthy
	Bundles  Bundles  // may be nil
	Settings Settings
	// Access is how the commands of a deployment reach this daemon: variables,
	// and others whose values are secret. It may be nil.
	Access func(deployment string) (env, secrets map[string]string)
	Host   string           // the name of this machine, for people
	Now    func() time.Time // what suspensions run out by; nil for time.Now
	Log    *zap.Logger
}

// A Reconciler runs the loop. Its only memory is the Store.
type Reconciler struct {
	cfg        Config
	log        *zap.Logger
	renderer   *renderer.Renderer
	wake       chan struct{}
	checks     places // for drift
	plans      places // that a person is to approve
	changeSets places // likewise, of CloudFormation
	writes     turns  // to repositories

	mu            sync.Mutex
	settings      Settings
	settingsStamp state.Stamp
	artifacts     map[string]*artifact        // what is applied now, by digest
	at            map[string]state.Ref        // whose job each is that an engine was called for, by ID
	ended         map[state.Ref]bool          // whose job is said to have ended
	bundles       map[string]*renderer.Bundle // opened bundles by digest; dropped when many
}

// New checks the configuration. Nothing runs until Run.
func New(cfg Config) (*Reconciler, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("reconciler: Config.Store is required")
	case cfg.Source == nil:
		return nil, errors.New("reconciler: Config.Source is required")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Reconciler{
		cfg: cfg, log: cfg.Log, renderer: renderer.New(renderer.Config{}),
		wake: make(chan struct{}, 1), bundles: map[string]*renderer.Bundle{},
		artifacts: map[string]*artifact{}, at: map[string]state.Ref{}, ended: map[state.Ref]bool{},
	}
	settings := cfg.Settings.withDefaults()
	if err := settings.validate(); err != nil {
		return nil, err
	}
	r.settings, r.settingsStamp = settings, r.stampOf(settings)
	return r, nil
}

// Configure puts new settings in force and wakes everything they may concern.
// Settings that cannot be used are refused and the old ones stay.
func (r *Reconciler) Configure(ctx context.Context, s Settings) error {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return err
	}
	r.mu.Lock()
	r.settings, r.settingsStamp = s, r.stampOf(s)
	r.mu.Unlock()
	if err := r.wakeForSettings(ctx); err != nil {
		return err
	}
	if err := r.wakeHeld(ctx); err != nil {
		return err
	}
	return r.wakeRepositories(ctx)
}

func (r *Reconciler) current() Settings {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.settings
}

// Wake asks for a pass soon. It never blocks and carries nothing: the pass
// finds out by itself what changed, so a lost or doubled Wake does no harm.
func (r *Reconciler) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run claims what is due, visits it, and gives it back, until ctx ends; then it
// waits for the visits under way. Several replicas may run on one database. A
// replica that may have been taken for dead stops its visits and joins anew. A
// database that cannot be had is an error at the start alone; one that goes
// away later, as when its disk is full or it is restarted, is waited for.
func (r *Reconciler) Run(ctx context.Context) error {
	joined := false
	for {
		err := r.runAsReplica(ctx, func() { joined = true })
		if ctx.Err() != nil {
			return nil
		}
		if !joined {
			return err
		}
		r.log.Warn("membership lost, joining again", zap.Error(err))
		if !sleep(ctx, jitter(time.Second)) {
			return nil
		}
	}
}

func (r *Reconciler) runAsReplica(ctx context.Context, joined func()) error {
	replica, err := r.cfg.Store.Join(ctx, r.cfg.Host)
	if err != nil {
		return err
	}
	joined()
	if err := errors.Join(r.wakeForSettings(ctx), r.wakeRepositories(ctx)); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return replica.Run(ctx, r.cfg.Host, r.Wake) })
	g.Go(func() error { return r.loop(ctx, replica.ID) })
	return g.Wait()
}

// batch bounds how many visits end in one transaction.
const batch = 256

// loop is the main loop: it takes what is due, visits it, and gives it back
// with the time of the next visit.
func (r *Reconciler) loop(ctx context.Context, owner string) error {
	var (
		running  int
		finished = make(chan state.Finish, batch)
		visits   sync.WaitGroup
	)
	defer visits.Wait()
	for last := time.Now(); ; {
		now := time.Now()
		if err := r.heedClock(ctx, now.Round(0).Sub(last.Round(0)), now.Sub(last)); err != nil {
			return r.broken(ctx, err)
		}
		last = now
		due := now.Add(time.Second)
		r.wakeEnded(ctx)
		rested, err := r.cfg.Store.Rest(ctx, r.stamp(), r.later().at, restBatch)
		if err != nil {
			return r.broken(ctx, fmt.Errorf("put off what rests: %w", err))
		}
		if rested == restBatch {
			due = time.Now()
		}
		if free := r.capacity() - running; free > 0 {
			claims, err := r.cfg.Store.Claim(ctx, owner, free)
			if err != nil {
				return r.broken(ctx, fmt.Errorf("claim work: %w", err))
			}
			running += len(claims)
			for _, c := range claims {
				visits.Go(func() {
					finished <- r.visit(ctx, c, owner)
				})
			}
			if len(claims) < free {
				if next, err := r.cfg.Store.NextDue(ctx); err == nil && !next.IsZero() && next.Before(due) {
					due = next
				}
			}
		}
		done, ok := r.await(ctx, finished, running, due)
		if !ok {
			return r.drain(ctx, finished, running, &visits)
		}
		running -= len(done)
		if len(done) > 0 {
			if err := r.cfg.Store.Finish(ctx, done); err != nil {
				return r.broken(ctx, fmt.Errorf("finish work: %w", err))
			}
		}
	}
}

// capacity is how many visits may run at once. Each worker may hold a few
// claims, so that reading a batch costs one query.
func (r *Reconciler) capacity() int { return r.current().Workers }

// await waits for a visit to end, for something to become due, or for a wake;
// false when ctx has ended. All visits that have ended by then come back together.
func (r *Reconciler) await(ctx context.Context, finished <-chan state.Finish, running int, due time.Time) ([]state.Finish, bool) {
	var done []state.Finish
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, false
	case f := <-finished:
		done = append(done, f)
	case <-timer.C:
	case <-r.wake:
	}
	for len(done) < min(running, batch) {
		select {
		case f := <-finished:
			done = append(done, f)
		default:
			return done, true
		}
	}
	return done, true
}

// drain waits for the visits under way and gives them back, so that another
// process can go on at once.
func (r *Reconciler) drain(ctx context.Context, finished chan state.Finish, running int, visits *sync.WaitGroup) error {
	go func() {
		visits.Wait()
		close(finished)
	}()
	var done []state.Finish
	for f := range finished {
		f.Due = time.Now()
		done = append(done, f)
	}
	if len(done) == 0 || running == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return r.cfg.Store.Finish(ctx, done)
}

// broken decides what a failing database means: the end when ctx is over or
// the loss is final, else joining again after a moment.
func (r *Reconciler) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%w: %w", state.ErrMembershipLost, err)
}

// visit looks at one thing and does the next step for it. A panic is an error
// of that one thing: it is tried again ever more rarely, and the others go on.
func (r *Reconciler) visit(ctx context.Context, c state.Claim, owner string) (f state.Finish) {
	f = state.Finish{Claim: c}
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("visit panicked", zap.Stringer("ref", c.Ref), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			f.Failures, f.Due = c.Failures+1, time.Now().Add(backoff(c.Failures+1))
		}
	}()
	next, err := r.step(ctx, c)
	switch {
	case err == nil:
		f.Due = next.at
		if next.sticky {
			f.Keep = owner
		} else {
			f.Rest, f.RestUntil = next.rest, next.restUntil
		}
	case errors.Is(err, state.ErrLost):
		r.log.Info("claim lost", zap.Stringer("ref", c.Ref))
	case ctx.Err() != nil:
		f.Failures, f.Due = c.Failures, time.Now()
	default:
		f.Failures = c.Failures + 1
		f.Due = time.Now().Add(backoff(f.Failures))
		r.log.Warn("visit failed", zap.Stringer("ref", c.Ref), zap.Int64("failures", f.Failures), zap.Time("again", f.Due), zap.Error(err))
		r.noteBackoff(ctx, c, f.Due, err)
	}
	return f
}

// next says when a thing is looked at again, and whether by this process only.
// With a rest, that look may be spared; see atRest.
type next struct {
	at     time.Time
	sticky bool

	rest      state.Stamp
	restUntil time.Time
}

func (r *Reconciler) step(ctx context.Context, c state.Claim) (next, error) {
	switch c.Ref.Kind {
	case state.KindRepository:
		n, err := r.visitRepository(ctx, c)
		if err != nil {
			return n, err
		}
		return r.visitPulls(ctx, c, n)
	case state.KindService:
		return r.visitService(ctx, c)
	case state.KindEnvironmentTemplate, state.KindServiceTemplate:
		return r.visitVersion(ctx, c)
	default:
		return r.visitTarget(ctx, c)
	}
}

// wakeRepositories makes every repository due: those configured now, and those
// that were configured once, whose contents are then orphaned.
func (r *Reconciler) wakeRepositories(ctx context.Context) error {
	var refs []state.Ref
	for _, repo := range r.current().Repositories {
		refs = append(refs, state.RepositoryRef(repo.Name))
	}
	known, err := r.cfg.Store.Syncs(ctx)
	if err != nil {
		return err
	}
	for _, s := range known {
		if _, configured := r.current().repository(s.Name); !configured && !s.Gone { // or one that a sync configuration names
			refs = append(refs, state.RepositoryRef(s.Name))
		}
	}
	if err := r.cfg.Store.Wake(ctx, refs...); err != nil {
		return err
	}
	r.Wake()
	return nil
}

// bundle opens a bundle from the store, once.
func (r *Reconciler) bundle(ctx context.Context, digest, dir string, open func(fs.FS) (*renderer.Bundle, error)) (*renderer.Bundle, error) {
	key := digest + " " + dir
	r.mu.Lock()
	b := r.bundles[key]
	r.mu.Unlock()
	if b != nil {
		return b, nil
	}
	files, err := r.cfg.Store.Files(ctx, digest)
	if err != nil {
		return nil, err
	}
	b, err = open(files)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.bundles) >= 256 {
		clear(r.bundles)
	}
	r.bundles[key] = b
	return b, nil
}

const (
	backoffFirst = time.Second
	backoffMost  = 5 * time.Minute
)

// backoff grows from a second to five minutes, with jitter. It is never final:
// what fails in passing recovers by itself once its cause is gone.
func backoff(failures int64) time.Duration {
	d := backoffMost
	if failures < 9 {
		d = min(backoffFirst<<(failures-1), backoffMost)
	}
	return jitter(d)
}

// jitter spreads a duration over a quarter to each side.
func jitter(d time.Duration) time.Duration {
	return d - d/4 + rand.N(d/2+1)
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
