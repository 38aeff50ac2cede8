package gitsource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Repo is one configured repository.
type Repo struct {
	// Name is what messages call it.
	Name string
	// URL is an https or ssh address, or the path of a local repository.
	URL string
	// Branch is the branch to follow; empty means the server's default branch. A
	// full ref name (refs/tags/v1) is taken as it is.
	Branch string
	// Path is the folder that Tree is rooted at; "" and "." mean the whole
	// repository.
	Path string
	// Auth says where the credentials are.
	Auth Auth
	// API is the base of the REST API of its host, such as
	// https://git.acme.com/api/v3/; empty for github.com, and where none is used.
	API string
}

// Mode chooses who speaks to servers.
type Mode string

// The modes of Config.Transport.
const (
	ModeAuto  Mode = "auto"   // this package, and the git binary for hosts it cannot serve
	ModeGoGit Mode = "go-git" // this package alone; no git binary is needed
	ModeGit   Mode = "git"    // the git binary for everything but local repositories
)

// Config is what a Client needs. Only Dir is required.
type Config struct {
	// Dir holds the mirrors. It belongs to this Client alone.
	Dir string
	Log *zap.Logger
	// Transport is ModeAuto when empty.
	Transport Mode
	// AllowHTTP permits plain http beyond loopback. Tokens are never sent over it.
	AllowHTTP bool
	// ListTimeout bounds one Head, 30 s by default; FetchTimeout one fetch, 15
	// minutes; StallTimeout the silence of a server within it, 1 minute.
	ListTimeout, FetchTimeout, StallTimeout time.Duration
	// MaxFetch bounds the bytes of one pack as sent (2 GiB), MaxUnpacked those of
	// its objects (16 GiB), MaxObject those of a single one (512 MiB).
	MaxFetch, MaxUnpacked, MaxObject int64
	// MaxFile bounds a file read through a Tree, 32 MiB by default.
	MaxFile int64
	// Fetches is how many mirrors are fetched at a time, 4 by default; OpenRepos
	// how many repositories are kept open, 64 by default.
	Fetches, OpenRepos int
	// RepackAfter is the number of packs that makes a mirror be repacked, 50 by
	// default.
	RepackAfter int
}

// Client reads Git repositories. Its methods may be called from any number of
// goroutines; errors are of type *Error.
type Client struct {
	cfg   Config
	pool  *pool
	local *localTransport
	wire  map[scheme]transport // this package's own
	git   *binaryTransport

	pushers map[scheme]pusher

	fetching chan struct{}
	mu       sync.Mutex
	mirrors  map[string]*mirror
}

// target is a repository together with its checked address.
type target struct {
	repo Repo
	addr address
}

// transport speaks to servers.
type transport interface {
	// list says where one ref stands.
	list(ctx context.Context, t target, ref string) (listing, error)
	// fetch brings a commit, or what ref stands at by now, into the mirror.
	fetch(ctx context.Context, t target, m *mirror, ref, commit string) error
	close()
}

// New returns a Client that keeps its mirrors in cfg.Dir, which is created.
func New(cfg Config) (*Client, error) {
	if cfg.Dir == "" {
		return nil, errors.New("gitsource: Config.Dir is required")
	}
	cfg = cfg.withDefaults()
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("gitsource: folder for mirrors: %w", err)
	}
	cfg.Dir = dir
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("gitsource: folder for mirrors: %w", err)
	}
	c := &Client{cfg: cfg, pool: newPool(cfg.OpenRepos), mirrors: map[string]*mirror{}, fetching: make(chan struct{}, cfg.Fetches)}
	c.local = &localTransport{pool: c.pool}
	w, s := newWebTransport(cfg.StallTimeout), &shellTransport{stall: cfg.StallTimeout}
	c.wire = map[scheme]transport{web: w, shell: s}
	c.pushers = map[scheme]pusher{local: c.local, web: w, shell: s}
	c.git = newBinaryTransport(cfg.Dir, cfg.StallTimeout)
	switch cfg.Transport {
	case ModeAuto, ModeGoGit:
	case ModeGit:
		if _, err := c.git.check(); err != nil {
			return nil, fmt.Errorf("gitsource: transport %q: %w", ModeGit, err)
		}
	default:
		return nil, fmt.Errorf("gitsource: unknown transport %q; it is %s, %s or %s", cfg.Transport, ModeAuto, ModeGoGit, ModeGit)
	}
	return c, nil
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.Transport == "" {
		c.Transport = ModeAuto
	}
	setDuration(&c.ListTimeout, 30*time.Second)
	setDuration(&c.FetchTimeout, 15*time.Minute)
	setDuration(&c.StallTimeout, time.Minute)
	setNumber(&c.MaxFetch, 2<<30)
	setNumber(&c.MaxUnpacked, 16<<30)
	setNumber(&c.MaxObject, 512<<20)
	setNumber(&c.MaxFile, 32<<20)
	setNumber(&c.Fetches, 4)
	setNumber(&c.OpenRepos, 64)
	setNumber(&c.RepackAfter, 50)
	return c
}

func setDuration(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

func setNumber[N int | int64](n *N, value N) {
	if *n <= 0 {
		*n = value
	}
}

// Close frees connections and open repositories. Trees stay readable.
func (c *Client) Close() {
	for _, t := range c.wire {
		t.close()
	}
	c.pool.close()
}

// Head returns the commit the repository's branch stands at. An empty
// repository, a missing repository and a missing branch are three different
// kinds of Error.
func (c *Client) Head(ctx context.Context, r Repo) (string, error) {
	commit, err := c.head(ctx, r)
	return commit, failure("list", r, err)
}

func (c *Client) head(ctx context.Context, r Repo) (string, error) {
	t, ref, err := c.resolve(r)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.ListTimeout, timedOut("the list of refs", c.cfg.ListTimeout))
	defer cancel()
	var l listing
	if t.addr.scheme == local {
		l, err = c.local.list(ctx, t, ref)
	} else {
		l, err = c.transport(t).list(ctx, t, ref)
		err = r.Auth.clean(err)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", err
	case !l.exists:
		return "", &fault{kind: KindEmpty, text: "it has no commit yet", next: "push a commit"}
	case l.hash == "":
		return "", noBranch(r.Branch, l.head)
	}
	return l.hash, nil
}

func noBranch(branch, head string) error {
	if branch == "" {
		text := "its default branch does not exist"
		if name, ok := cutBranch(head); ok {
			text = fmt.Sprintf("its default branch %q does not exist", printable(name))
		}
		return &fault{kind: KindNoBranch, text: text, next: "name a branch in the configuration, or push that one"}
	}
	f := &fault{kind: KindNoBranch, text: fmt.Sprintf("there is no branch %q", branch), next: "push the branch or correct its name"}
	if name, ok := cutBranch(head); ok && name != branch {
		f.next = fmt.Sprintf("push the branch or correct its name; the default branch is %q", printable(name))
	}
	return f
}

func timedOut(what string, after time.Duration) error {
	return &fault{kind: KindUnreachable, text: fmt.Sprintf("%s took longer than %s", what, after), err: context.DeadlineExceeded}
}

// resolve checks what the configuration says about a repository.
func (c *Client) resolve(r Repo) (target, string, error) {
	addr, err := parseAddress(r.URL, c.cfg.AllowHTTP)
	if err != nil {
		return target{}, "", err
	}
	ref, err := refName(r.Branch)
	return target{repo: r, addr: addr}, ref, err
}

// transport chooses who speaks to a server.
func (c *Client) transport(t target) transport {
	if c.cfg.Transport == ModeGit || c.cfg.Transport == ModeAuto && needsBinary(t.addr) {
		return c.git
	}
	return c.wire[t.addr.scheme]
}

// mirror returns the mirror of a remote repository, making an empty one.
func (c *Client) mirror(t target) (*mirror, error) {
	dir := filepath.Join(c.cfg.Dir, mirrorName(t.addr))
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.mirrors[dir]
	if ok {
		m.serve(t)
		return m, nil
	}
	if err := create(dir, redact(t.repo.URL)); err != nil {
		return nil, fmt.Errorf("make the mirror: %w", err)
	}
	m = &mirror{
		store: c.pool.store(dir, dir, true), dir: dir, turn: make(chan struct{}, 1),
		limits: limits{pack: c.cfg.MaxFetch, unpacked: c.cfg.MaxUnpacked, object: c.cfg.MaxObject},
	}
	m.serve(t)
	m.sweep()
	c.mirrors[dir] = m
	return m, nil
}

// at returns the store that holds a commit, fetching it when need be.
func (c *Client) at(ctx context.Context, r Repo, commit string) (*store, error) {
	if len(commit) != 40 || !isHex(commit) {
		return nil, &fault{kind: KindInvalid, text: fmt.Sprintf("%q is no full commit hash", printable(commit)),
			next: "give the 40 hex digits that Head returns"}
	}
	t, ref, err := c.resolve(r)
	if err != nil {
		return nil, err
	}
	if t.addr.scheme == local {
		s, err := c.local.open(t)
		if err != nil {
			return nil, err
		}
		ok, err := s.has(commit)
		if err == nil && !ok {
			err = &fault{kind: KindNoCommit, text: "the repository has no commit " + commit, next: "list the branch again"}
		}
		return s, err
	}
	m, err := c.mirror(t)
	if err != nil {
		return nil, err
	}
	if ok, err := m.has(commit); err != nil || ok {
		return m.store, err
	}
	return m.store, c.fetch(ctx, t, m, ref, commit)
}

// fetch brings a commit into the mirror. Whoever waited for another fetch of the
// same mirror looks first whether it brought the commit.
func (c *Client) fetch(ctx context.Context, t target, m *mirror, ref, commit string) error {
	if err := m.lock(ctx); err != nil {
		return err
	}
	defer m.unlock()
	if ok, err := m.has(commit); err != nil || ok {
		return err
	}
	select {
	case c.fetching <- struct{}{}:
		defer func() { <-c.fetching }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.FetchTimeout, timedOut("the fetch", c.cfg.FetchTimeout))
	defer cancel()
	begin := time.Now()
	if err := c.transport(t).fetch(ctx, t, m, ref, commit); err != nil {
		m.sweep()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return t.repo.Auth.clean(err)
	}
	if ok, err := m.has(commit); err != nil {
		return err
	} else if !ok {
		return noCommit(commit)
	}
	if m.packs() > 2*c.cfg.RepackAfter {
		if err := c.repack(ctx, m); err != nil {
			// What was asked for is there; the next fetch tries again.
			c.cfg.Log.Warn("a mirror was not repacked", zap.String("repo", t.repo.Name), zap.Error(err))
		}
	}
	c.cfg.Log.Debug("fetched", zap.String("repo", t.repo.Name), zap.String("commit", commit), zap.Duration("took", time.Since(begin)))
	return nil
}
