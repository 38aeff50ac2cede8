// Package dashboard is the page for people: what is deployed where, in which
// state and why, and the log of a deployment as it grows. It reads and never
// asks for anything; verbs are for the command line.
//
// It works without script, by reloading. A small script makes it live instead.
// Whatever comes from repositories, commands and people is shown as text: it is
// escaped, terminal sequences are taken out, and only addresses that begin with
// http:// or https:// become links.
//
// It refuses to know logins, listeners and how anything is decided.
package dashboard

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"go.uber.org/zap"

	v1 "baryon/server/v1"
	"baryon/state"
)

//go:embed html/*.html
var pages embed.FS

//go:embed static/*
var static embed.FS

// Config is what a Dashboard needs. Store and View are required.
type Config struct {
	Store   *state.Store
	View    *v1.View
	Setup   func() v1.Setup // what the daemon says of itself; may be nil
	Guarded bool            // there is a login, so there is a way out
	Done    <-chan struct{} // closed when streams are to end; may be nil
	Log     *zap.Logger
}

// A Dashboard answers with pages.
type Dashboard struct {
	cfg   Config
	pages map[string]*template.Template
	now   func() time.Time
}

// New reads the pages, which are part of the program.
func New(cfg Config) (*Dashboard, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("dashboard: Config.Store is required")
	case cfg.View == nil:
		return nil, errors.New("dashboard: Config.View is required")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Setup == nil {
		cfg.Setup = func() v1.Setup { return v1.Setup{} }
	}
	d := &Dashboard{cfg: cfg, pages: map[string]*template.Template{}, now: time.Now}
	layout, err := template.New("layout.html").Funcs(d.functions()).ParseFS(pages, "html/layout.html", "html/parts.html")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"home", "target", "service", "template", "deployments", "deployment", "sources", "login", "failure"} {
		page, err := template.Must(layout.Clone()).ParseFS(pages, "html/"+name+".html")
		if err != nil {
			return nil, err
		}
		d.pages[name] = page
	}
	return d, nil
}

// Register puts the pages on a mux. They answer reading alone, so that POST /
// stays free.
func (d *Dashboard) Register(mux *http.ServeMux) {
	mux.Handle("GET /static/", d.Static())
	mux.HandleFunc("GET /events", d.events)
	for pattern, read := range map[string]read{
		"GET /{$}":                 d.home,
		"GET /environments/{name}": d.target(func(r *http.Request) state.Ref { return state.EnvironmentRef(r.PathValue("name")) }),
		"GET /components/{name}":   d.target(func(r *http.Request) state.Ref { return state.ComponentRef(r.PathValue("name")) }),
		"GET /services/{service}":  d.service,
		"GET /services/{service}/pipeline": d.target(func(r *http.Request) state.Ref {
			return state.PipelineRef(r.PathValue("service"))
		}),
		"GET /services/{service}/instances/{name}": d.target(func(r *http.Request) state.Ref {
			return state.InstanceRef(r.PathValue("service"), r.PathValue("name"))
		}),
		"GET /templates/{kind}/{name}": d.template,
		"GET /deployments":             d.deployments,
		"GET /deployments/{id}":        d.deployment,
		"GET /sources":                 d.sources,
	} {
		mux.HandleFunc(pattern, d.answer(read))
	}
}

// Static answers with the style, the script and the icon.
func (d *Dashboard) Static() http.Handler {
	files := http.FileServerFS(static)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if info, err := fs.Stat(static, r.URL.Path[1:]); err != nil || info.IsDir() { // no listings
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}

// A page is what a template is given: what all pages show, and its own content.
type page struct {
	Title   string
	Setup   v1.Setup
	Guarded bool
	Now     time.Time
	Refresh int  // seconds after which a browser without script loads it again; 0 for never
	Live    bool // the script loads it again when something changes
	Content any
}

// A read gathers one page.
type read func(r *http.Request) (name string, p page, err error)

func (d *Dashboard) answer(read read) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, p, err := read(r)
		status := http.StatusOK
		if err != nil {
			e := v1.AsError(err)
			if e.Code == v1.CodeInternal && r.Context().Err() == nil {
				d.cfg.Log.Error("page failed", zap.String("path", r.URL.Path), zap.Error(err))
			}
			status, name = e.Status(), "failure"
			p = page{Title: "Not here", Content: e}
		}
		if r.URL.Query().Get("refresh") == "off" {
			p.Refresh, p.Live = 0, false
		}
		d.write(w, status, name, p)
	}
}

func (d *Dashboard) write(w http.ResponseWriter, status int, name string, p page) {
	p.Setup, p.Guarded, p.Now = d.cfg.Setup(), d.cfg.Guarded && name != "login", d.now().UTC()
	var text bytes.Buffer
	if err := d.pages[name].ExecuteTemplate(&text, "layout.html", p); err != nil {
		d.cfg.Log.Error("page failed", zap.String("page", name), zap.Error(err))
		http.Error(w, "the page could not be made; the daemon's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// Texts that may come from a terminal went through v1.Plain; this is for the
	// others, in which a control character is only ever a mischief.
	_, _ = w.Write(bytes.Map(printable, text.Bytes())) // the browser may have gone
}

func printable(r rune) rune {
	if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

// Login shows the form for the token.
func (d *Dashboard) Login(w http.ResponseWriter, status int, to, problem string) {
	d.write(w, status, "login", page{Title: "Log in", Content: map[string]string{"To": to, "Problem": problem}})
}
