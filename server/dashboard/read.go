package dashboard

import (
	"bytes"
	"context"
	"net/http"

	v1 "baryon/server/v1"
	"baryon/state"
)

const (
	refreshAfter = 5   // seconds; only browsers without script wait for them
	recentShown  = 10  // deployments on the first page
	listShown    = 100 // deployments in a list
	logShown     = 256 << 10
)

// home is everything at one glance.
func (d *Dashboard) home(r *http.Request) (string, page, error) {
	status, err := d.cfg.View.Status(r.Context())
	if err != nil {
		return "", page{}, err
	}
	recent, err := d.cfg.View.Deployments(r.Context(), state.Ref{}, "", recentShown)
	if err != nil {
		return "", page{}, err
	}
	templates, err := d.cfg.View.Templates(r.Context(), "")
	return "home", page{Title: "Overview", Live: true, Refresh: refreshAfter, Content: struct {
		v1.Status

		Recent    []v1.Deployment
		Templates []v1.Template
	}{status, recent.Items, templates}}, err
}

// target is one environment, instance, pipeline or component.
func (d *Dashboard) target(ref func(*http.Request) state.Ref) read {
	return func(r *http.Request) (string, page, error) {
		ref := ref(r)
		t, err := d.cfg.View.Target(r.Context(), ref)
		if err != nil {
			return "", page{}, err
		}
		why, err := d.cfg.View.Why(r.Context(), ref)
		t.Why = why
		return "target", page{Title: t.Ref, Live: true, Refresh: refreshAfter, Content: t}, err
	}
}

func (d *Dashboard) service(r *http.Request) (string, page, error) {
	s, err := d.cfg.View.Service(r.Context(), r.PathValue("service"))
	return "service", page{Title: s.Ref, Live: true, Refresh: refreshAfter, Content: s}, err
}

func (d *Dashboard) template(r *http.Request) (string, page, error) {
	t, err := d.cfg.View.Template(r.Context(), state.Kind(r.PathValue("kind")), r.PathValue("name"))
	return "template", page{Title: t.Kind + " template " + t.Name, Live: true, Refresh: refreshAfter, Content: t}, err
}

func (d *Dashboard) deployments(r *http.Request) (string, page, error) {
	after := r.URL.Query().Get("after")
	list, err := d.cfg.View.Deployments(r.Context(), state.Ref{}, after, listShown)
	p := page{Title: "Deployments", Content: list}
	if after == "" {
		p.Live, p.Refresh = true, refreshAfter
	}
	return "deployments", p, err
}

// deployment is one deployment with the end of its log.
func (d *Dashboard) deployment(r *http.Request) (string, page, error) {
	one, err := d.cfg.View.Deployment(r.Context(), r.PathValue("id"))
	if err != nil {
		return "", page{}, err
	}
	log, err := d.logEnd(r.Context(), one.ID)
	p := page{Title: "Deployment of " + one.Ref, Content: struct {
		v1.Deployment

		Log logEnd
	}{one, log}}
	if !one.Final {
		p.Live, p.Refresh = true, refreshAfter
	}
	return "deployment", p, err
}

// A logEnd is the last part of a log.
type logEnd struct {
	Text string
	Next int64 // the offset after it
	Cut  bool  // there is more before it
}

func (d *Dashboard) logEnd(ctx context.Context, id string) (logEnd, error) {
	size, err := d.cfg.Store.LogSize(ctx, id)
	if err != nil {
		return logEnd{}, err
	}
	at := max(0, size-logShown)
	out := logEnd{Cut: at > 0, Next: at}
	var data []byte
	for {
		chunks, err := d.cfg.Store.Log(ctx, id, out.Next)
		if err != nil {
			return out, err
		}
		if len(chunks) == 0 {
			break
		}
		for _, c := range chunks {
			data = append(data, c.Data...)
			out.Next = c.Begins + int64(len(c.Data))
		}
	}
	if i := bytes.IndexByte(data, '\n'); out.Cut && i >= 0 {
		data = data[i+1:] // the rest of a line says little
	}
	text, used := v1.PlainStart(data)
	out.Text, out.Next = text, out.Next-int64(len(data)-used)
	return out, nil
}

func (d *Dashboard) sources(r *http.Request) (string, page, error) {
	list, err := d.cfg.View.Sources(r.Context(), r.URL.Query().Get("repository"), r.URL.Query().Get("verdict"))
	return "sources", page{Title: "Sources", Live: true, Refresh: refreshAfter, Content: list}, err
}
