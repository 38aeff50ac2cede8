package server

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	v1 "baryon/server/v1"
	"baryon/state"
)

// Metrics are the figures of a daemon. Those about targets are read from the
// store when they are asked for, so every replica shows the same.
type Metrics struct {
	registry *prometheus.Registry
	visits   *prometheus.HistogramVec
}

func newMetrics(store *state.Store, setup func() v1.Setup) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), visits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "baryon_visit_seconds", Help: "How long visits of the loop took, by kind of thing and whether they failed.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
	}, []string{"kind", "failed"})}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.visits, stored{store: store},
	)
	if setup != nil {
		s := setup()
		build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "baryon_build_info", Help: "Which Baryon this is; always 1."},
			[]string{"version", "commit", "go"})
		build.WithLabelValues(s.Version, s.Commit, s.Go).Set(1)
		m.registry.MustRegister(build)
	}
	return m
}

// Visit notes that the loop has looked at one thing.
func (m *Metrics) Visit(kind state.Kind, took time.Duration, failed bool) {
	text := "false"
	if failed {
		text = "true"
	}
	m.visits.WithLabelValues(string(kind), text).Observe(took.Seconds())
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// stored reads figures from the store.
type stored struct{ store *state.Store }

var (
	targetsDesc = prometheus.NewDesc("baryon_targets", "Targets by kind and deployment status.", []string{"kind", "status"}, nil)
	openDesc    = prometheus.NewDesc("baryon_deployments_open", "Deployments under way, by kind of target.", []string{"kind"}, nil)
	checkDesc   = prometheus.NewDesc("baryon_deployments_checking", "Deployments that are applied, and whose health is not known yet.", nil, nil)
	overdueDesc = prometheus.NewDesc("baryon_work_overdue_seconds", "How long the oldest thing that is due has been waiting for a worker.", nil, nil)
	repoDesc    = prometheus.NewDesc("baryon_repository_failed", "1 for a repository whose last look failed.", []string{"repository"}, nil)
	eventsDesc  = prometheus.NewDesc("baryon_events_pending", "Events that a destination has not taken yet.", []string{"destination"}, nil)
	lateDesc    = prometheus.NewDesc("baryon_events_oldest_seconds", "How long ago the oldest of them happened.", []string{"destination"}, nil)
	problemDesc = prometheus.NewDesc("baryon_repository_problems", "Problems in files of a repository.", []string{"repository"}, nil)
)

// Describe implements prometheus.Collector.
func (stored) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{targetsDesc, openDesc, checkDesc, overdueDesc, repoDesc, problemDesc, eventsDesc, lateDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (s stored) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, collect := range []func(context.Context, chan<- prometheus.Metric) error{s.targets, s.work, s.repositories, s.events} {
		if err := collect(ctx, ch); err != nil {
			ch <- prometheus.NewInvalidMetric(targetsDesc, err)
		}
	}
}

func (s stored) targets(ctx context.Context, ch chan<- prometheus.Metric) error {
	counts, err := s.store.CountTargets(ctx)
	if err != nil {
		return err
	}
	open := map[state.Kind]int64{state.KindEnvironment: 0, state.KindInstance: 0, state.KindPipeline: 0, state.KindComponent: 0}
	for _, c := range counts {
		label := string(c.Status)
		if label == "" {
			label = "NONE"
		}
		ch <- prometheus.MustNewConstMetric(targetsDesc, prometheus.GaugeValue, float64(c.Targets), string(c.Kind), label)
		if c.Status != "" && !c.Status.Final() {
			open[c.Kind] += c.Targets
		}
	}
	for kind, n := range open {
		ch <- prometheus.MustNewConstMetric(openDesc, prometheus.GaugeValue, float64(n), string(kind))
	}
	checking, err := s.store.CountChecking(ctx)
	if err == nil {
		ch <- prometheus.MustNewConstMetric(checkDesc, prometheus.GaugeValue, float64(checking))
	}
	return err
}

func (s stored) work(ctx context.Context, ch chan<- prometheus.Metric) error {
	due, err := s.store.NextDue(ctx)
	if err != nil {
		return err
	}
	overdue := 0.0
	if !due.IsZero() {
		overdue = max(0, time.Since(due).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(overdueDesc, prometheus.GaugeValue, overdue)
	return nil
}

func (s stored) repositories(ctx context.Context, ch chan<- prometheus.Metric) error {
	syncs, err := s.store.Syncs(ctx)
	if err != nil {
		return err
	}
	for _, r := range syncs {
		if r.Gone {
			continue
		}
		failed := 0.0
		if r.Error != "" {
			failed = 1
		}
		ch <- prometheus.MustNewConstMetric(repoDesc, prometheus.GaugeValue, failed, r.Name)
		ch <- prometheus.MustNewConstMetric(problemDesc, prometheus.GaugeValue, float64(r.Problems), r.Name)
	}
	return nil
}

func (s stored) events(ctx context.Context, ch chan<- prometheus.Metric) error {
	late, err := s.store.Backlogs(ctx)
	if err != nil {
		return err
	}
	all := map[string]state.Backlog{}
	for _, name := range s.store.Destinations() {
		all[name] = state.Backlog{}
	}
	for _, b := range late {
		all[b.Destination] = b
	}
	for name, b := range all {
		age := 0.0
		if !b.Oldest.IsZero() {
			age = max(0, time.Since(b.Oldest).Seconds())
		}
		ch <- prometheus.MustNewConstMetric(eventsDesc, prometheus.GaugeValue, float64(b.Pending), name)
		ch <- prometheus.MustNewConstMetric(lateDesc, prometheus.GaugeValue, age, name)
	}
	return nil
}
