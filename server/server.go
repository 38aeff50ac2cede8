// Package server is the listener that the faces of Baryon share: its own JSON
// at /v1/, the page for people at /, the API of AWS Proton at POST /, hooks at
// /hooks/, health and figures. It
// knows who may ask, what a browser may be made to do, and how requests end
// when the daemon does.
//
// It refuses to know what is answered: that is for its sub-packages, and for
// the handler of hooks it is given. It never provisions.
package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"baryon/reconciler"
	"baryon/server/access"
	"baryon/server/dashboard"
	v1 "baryon/server/v1"
	"baryon/state"
)

// Config is what a Server needs. Store and Wake are required.
type Config struct {
	Store *state.Store
	Wake  func()                 // tells the loop that something was asked for
	ARN   func(state.Ref) string // resource names; may be nil
	Setup func() v1.Setup        // what the daemon says of itself; may be nil
	// Token hands out the one token that guards everything but hooks and health.
	// It is called for each request, so that a changed token counts at once; an
	// error lets nobody in. Nil is for a daemon without one: it answers only
	// requests addressed to this machine by one of its own names.
	Token func() (string, error)
	Loop  *reconciler.Reconciler // plans; may be nil
	Hooks http.Handler           // answers POST /hooks/github; nil when no hook is configured
	// Proton answers POST /, the API of AWS Proton, and finds out by itself who
	// calls; nil for a server without it.
	Proton http.Handler
	Guard  *access.Guard // decides what the holders of keys may do; nil where keys let nobody in
	Log    *zap.Logger
}

// A Server answers requests until it is told to end.
type Server struct {
	cfg     Config
	log     *zap.Logger
	done    chan struct{} // closed when streams are to end
	metrics *Metrics
	api     http.Handler
	page    *dashboard.Dashboard
	session session
}

// New puts the faces together. Nothing listens until Run.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("server: Config.Store is required")
	case cfg.Wake == nil:
		return nil, errors.New("server: Config.Wake is required")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	s := &Server{cfg: cfg, log: cfg.Log, done: make(chan struct{}), session: session{now: time.Now}}
	var err error
	s.api, err = v1.Handler(v1.Config{
		Store: cfg.Store, Wake: cfg.Wake, ARN: cfg.ARN, Setup: cfg.Setup, Loop: cfg.Loop, Done: s.done, Log: cfg.Log,
		Permit: s.permit, Proved: s.proved, Policies: s.policies(),
	})
	if err != nil {
		return nil, err
	}
	s.page, err = dashboard.New(dashboard.Config{
		Store: cfg.Store, View: v1.NewView(cfg.Store, cfg.ARN), Setup: cfg.Setup, Guarded: cfg.Token != nil, Done: s.done, Log: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	s.metrics = newMetrics(cfg.Store, cfg.Setup)
	return s, nil
}

// Metrics are the figures that /metrics shows, for those who have some to add.
func (s *Server) Metrics() *Metrics { return s.metrics }

// Handler answers everything.
func (s *Server) Handler() http.Handler {
	guarded := http.NewServeMux()
	guarded.Handle("/v1/", s.api)
	guarded.Handle("GET /metrics", s.metrics.handler())
	s.page.Register(guarded)

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	s.hooks(mux)
	if s.cfg.Token != nil {
		mux.Handle("/login", s.sameOrigin(http.HandlerFunc(s.login)))
		mux.Handle("POST /logout", s.sameOrigin(http.HandlerFunc(s.logout)))
		mux.Handle("GET /static/", s.page.Static()) // the login form needs them too
	}
	if s.cfg.Proton != nil {
		mux.Handle("POST /{$}", s.addressed(s.sameOrigin(s.cfg.Proton)))
	}
	// "/" alone: a pattern with a method would answer for other methods too.
	mux.Handle("/", s.addressed(s.sameOrigin(s.loggedIn(guarded))))
	return s.framed(mux)
}

// HooksHandler answers hooks alone, for an address that others may reach.
func (s *Server) HooksHandler() http.Handler {
	mux := http.NewServeMux()
	s.hooks(mux)
	return s.framed(mux)
}

func (s *Server) hooks(mux *http.ServeMux) {
	if s.cfg.Hooks != nil {
		mux.Handle("POST /hooks/github", s.cfg.Hooks)
	}
	mux.HandleFunc("/hooks/", func(w http.ResponseWriter, r *http.Request) {
		e := &v1.Error{Code: v1.CodeNotFound, Message: r.Method + " " + r.URL.Path + " is no hook", Next: "post GitHub's hooks to /hooks/github"}
		if s.cfg.Hooks == nil {
			e.Message, e.Next = "no hook is configured", "set hooks.github.secret_file in the configuration"
		}
		v1.WriteError(w, e)
	})
}

const (
	endWithin     = 5 * time.Second
	readWithin    = 30 * time.Second
	answerWithin  = time.Minute // streams move it on with each write
	idleWithin    = 2 * time.Minute
	maxHeader     = 64 << 10
	maxBody       = 8 << 20
	connectHeader = 10 * time.Second
)

// Run answers on main, and hooks alone on the second listener if there is one,
// until ctx ends. Then streams end at once and other requests within seconds.
// Both listeners are closed afterwards. It is called once.
func (s *Server) Run(ctx context.Context, main, hooks net.Listener) error {
	release := context.AfterFunc(ctx, func() { close(s.done) })
	defer release()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.serve(ctx, main, s.Handler()) })
	if hooks != nil {
		g.Go(func() error { return s.serve(ctx, hooks, s.HooksHandler()) })
	}
	return g.Wait()
}

func (s *Server) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: connectHeader, ReadTimeout: readWithin, WriteTimeout: answerWithin, IdleTimeout: idleWithin,
		MaxHeaderBytes: maxHeader, ErrorLog: zap.NewStdLog(s.log.WithOptions(zap.IncreaseLevel(zap.ErrorLevel))),
	}
	ended := make(chan error, 1)
	release := context.AfterFunc(ctx, func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		err := srv.Shutdown(within)
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close()
		}
		ended <- err
	})
	err := srv.Serve(l)
	if release() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

// healthz answers 200 while the store is open and answers.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Store.Ping(r.Context()); err != nil {
		s.log.Warn("store does not answer", zap.Error(err))
		plainText(w, http.StatusServiceUnavailable, "the store does not answer\n")
		return
	}
	plainText(w, http.StatusOK, "ok\n")
}

// readyz answers 200 while requests are welcome: not before the store answers,
// and not any more once the daemon is ending.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.done:
		plainText(w, http.StatusServiceUnavailable, "the daemon is ending\n")
	default:
		s.healthz(w, r)
	}
}

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client may have gone
}
