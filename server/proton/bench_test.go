package proton_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"baryon/reconciler"
	"baryon/server/proton"
	"baryon/state"
)

const (
	fleetEnvironments = 1000
	fleetServices     = 1000
	fleetInstances    = 20 // of each service
)

// fleet fills a store as the loop would have left it.
func fleet(b *testing.B, s *state.Store) {
	b.Helper()
	version := state.Version{Major: 1}
	put := func(tx *state.Tx, ref state.Ref, d state.Desired) error {
		id := state.NewID()
		last := state.Deployment{ID: id, Ref: ref, Action: state.Create, Status: state.Succeeded, Generation: 1, Desired: d}
		if err := tx.AddDeployment(last); err != nil {
			return err
		}
		return tx.PutTarget(state.Target{
			Ref: ref, Generation: 1, Desired: d, Status: state.Succeeded, LastAttempted: id, LastSucceeded: id,
			Deployed: state.Deployed{Generation: 1, Version: version, Spec: d.Spec, Deployment: id, At: tx.Now(), Outputs: map[string]string{"Url": "http://" + ref.Name}},
		})
	}
	platform := func(tx *state.Tx) error {
		for kind, name := range map[state.Kind]string{state.KindEnvironment: "net", state.KindService: "web"} {
			if err := tx.PutTemplate(state.Template{Kind: kind, Name: name}); err != nil {
				return err
			}
			if err := tx.PutTemplateVersion(state.TemplateVersion{Kind: kind, Name: name, Version: version, Status: state.Published, Bundle: "b"}); err != nil {
				return err
			}
		}
		for i := range fleetEnvironments {
			d := state.Desired{Template: "net", Follow: "1", Version: version, Spec: "proton: EnvironmentSpec\nspec: {size: 1}\n"}
			if err := put(tx, state.EnvironmentRef(fmt.Sprintf("env%04d", i)), d); err != nil {
				return err
			}
		}
		return nil
	}
	service := func(tx *state.Tx, name string) error {
		spec := "proton: ServiceSpec\npipeline: {dir: " + name + "}\ninstances:\n"
		for i := range fleetInstances {
			spec += fmt.Sprintf("  - {name: i%02d, environment: env%04d, spec: {size: %d}}\n", i, i, i)
		}
		if err := tx.PutService(state.Service{Name: name, Template: "web", Status: state.ServiceActive, Spec: spec, Created: true}); err != nil {
			return err
		}
		d := state.Desired{Template: "web", Follow: "1", Version: version, Spec: spec}
		if err := put(tx, state.PipelineRef(name), d); err != nil {
			return err
		}
		for i := range fleetInstances {
			d.Environment = fmt.Sprintf("env%04d", i)
			if err := put(tx, state.InstanceRef(name, fmt.Sprintf("i%02d", i)), d); err != nil {
				return err
			}
		}
		return nil
	}
	steps := []func(*state.Tx) error{platform}
	for i := range fleetServices {
		steps = append(steps, func(tx *state.Tx) error { return service(tx, fmt.Sprintf("svc%04d", i)) })
	}
	for part := range slices.Chunk(steps, 50) {
		err := s.Update(b.Context(), state.Fence{}, func(tx *state.Tx) error {
			for _, step := range part {
				if err := step(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// A read is one thing to ask, and how a bare handler would answer it from the
// same rows.
type read struct {
	operation string
	body      func(i int) string
	bare      func(ctx context.Context, s *state.Store, i int) (any, error)
}

func reads() map[string]read {
	environment := func(i int) string { return fmt.Sprintf("env%04d", i*7%fleetEnvironments) }
	service := func(i int) string { return fmt.Sprintf("svc%04d", i*7%fleetServices) }
	return map[string]read{
		"GetEnvironment": {"GetEnvironment", func(i int) string { return `{"name":"` + environment(i) + `"}` },
			func(ctx context.Context, s *state.Store, i int) (any, error) {
				return s.TargetItself(ctx, state.EnvironmentRef(environment(i)))
			}},
		"GetService": {"GetService", func(i int) string { return `{"name":"` + service(i) + `"}` },
			func(ctx context.Context, s *state.Store, i int) (any, error) {
				v, err := s.Service(ctx, service(i))
				if err != nil {
					return nil, err
				}
				pipeline, err := s.TargetItself(ctx, state.PipelineRef(v.Name))
				return []any{v, pipeline}, err
			}},
		"GetServiceInstance": {"GetServiceInstance", func(i int) string { return `{"serviceName":"` + service(i) + `","name":"i07"}` },
			func(ctx context.Context, s *state.Store, i int) (any, error) {
				return s.TargetItself(ctx, state.InstanceRef(service(i), "i07"))
			}},
		"ListEnvironments": {"ListEnvironments", func(int) string { return `{}` },
			func(ctx context.Context, s *state.Store, _ int) (any, error) {
				return s.Targets(ctx, state.Filter{Kind: state.KindEnvironment, Limit: 100})
			}},
		"ListServices": {"ListServices", func(int) string { return `{}` },
			func(ctx context.Context, s *state.Store, _ int) (any, error) { return s.Services(ctx, "", 100) }},
		"ListServiceInstances": {"ListServiceInstances", func(int) string { return `{}` }, instances(state.InstanceFilter{}, state.InstancePage{})},
		"ListServiceInstancesOfService": {"ListServiceInstances", func(i int) string { return `{"serviceName":"` + service(i) + `"}` },
			func(ctx context.Context, s *state.Store, i int) (any, error) {
				return s.Instances(ctx, state.InstanceFilter{Service: service(i)}, state.InstancePage{Limit: 100})
			}},
		"ListServiceInstancesByCreation": {"ListServiceInstances", func(int) string { return `{"sortBy":"createdAt","sortOrder":"DESCENDING"}` },
			instances(state.InstanceFilter{}, state.InstancePage{By: state.ByCreated, Descending: true})},
		"ListServiceInstancesOfEnvironment": {"ListServiceInstances",
			func(int) string {
				return `{"sortBy":"name","filters":[{"key":"environmentName","value":"env0003"},{"key":"deployedTemplateVersionStatus","value":"UP_TO_DATE"}]}`
			},
			instances(state.InstanceFilter{Environment: "env0003", Staleness: state.UpToDate}, state.InstancePage{By: state.ByName})},
		"ListDeployments": {"ListDeployments", func(int) string { return `{}` }, deployments(func(int) state.DeploymentFilter { return state.DeploymentFilter{} })},
		"ListDeploymentsOfEnvironment": {"ListDeployments", func(i int) string { return `{"environmentName":"` + environment(i) + `"}` },
			deployments(func(i int) state.DeploymentFilter { return state.DeploymentFilter{Environment: environment(i)} })},
		"ListDeploymentsOfInstance": {"ListDeployments", func(i int) string { return `{"serviceName":"` + service(i) + `","serviceInstanceName":"i07"}` },
			deployments(func(i int) state.DeploymentFilter {
				return state.DeploymentFilter{Service: service(i), Instance: "i07"}
			})},
		"GetResourcesSummary": {"GetResourcesSummary", func(int) string { return `{}` },
			func(ctx context.Context, s *state.Store, _ int) (any, error) {
				services, err := s.Services(ctx, "", 0)
				if err != nil {
					return nil, err
				}
				tally, err := s.Tally(ctx)
				return []any{len(services), tally}, err
			}},
	}
}

// deployments reads a page of deployments, and what they are of.
func deployments(f func(i int) state.DeploymentFilter) func(context.Context, *state.Store, int) (any, error) {
	return func(ctx context.Context, s *state.Store, i int) (any, error) {
		page, err := s.DeploymentsBy(ctx, f(i), state.DeploymentPlace{}, 100)
		if err != nil {
			return nil, err
		}
		all := []any{page}
		for _, d := range page {
			t, err := s.TargetItself(ctx, d.Ref)
			if err != nil {
				return nil, err
			}
			all = append(all, t)
		}
		return all, nil
	}
}

// instances reads a page of instances.
func instances(f state.InstanceFilter, p state.InstancePage) func(context.Context, *state.Store, int) (any, error) {
	p.Limit = 100
	return func(ctx context.Context, s *state.Store, _ int) (any, error) { return s.Instances(ctx, f, p) }
}

// fleetWorld is a fleet, the API on it, and the bare handler.
type fleetWorld struct {
	store     *state.Store
	loop      *reconciler.Reconciler
	api, bare *httptest.Server
}

func newFleetWorld(b *testing.B) *fleetWorld {
	b.Helper()
	store, err := state.Open(b.Context(), state.Config{DSN: b.TempDir() + "/baryon.db"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	fleet(b, store)
	w := &fleetWorld{store: store}
	if w.loop, err = reconciler.New(reconciler.Config{Store: store, Source: nowhere{}}); err != nil {
		b.Fatal(err)
	}
	h, err := proton.New(proton.Config{Store: store, Wake: w.loop.Wake, Loop: w.loop})
	if err != nil {
		b.Fatal(err)
	}
	w.api = httptest.NewServer(h)
	all := reads()
	w.bare = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var i int
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = fmt.Sscan(r.Header.Get("I"), &i)
		v, err := all[strings.TrimPrefix(r.URL.Path, "/")].bare(r.Context(), store, i)
		if err != nil {
			rw.WriteHeader(http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(rw).Encode(v)
	}))
	b.Cleanup(w.api.Close)
	b.Cleanup(w.bare.Close)
	return w
}

// ask makes one request and reads its answer.
func (w *fleetWorld) ask(ctx context.Context, url, operation, body string, i int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "AwsProton20200720."+operation)
	req.Header.Set("I", fmt.Sprint(i))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return err
}

// BenchmarkReads measures gets and lists over 1,000 environments, 1,000 services
// and 20,000 instances against a bare handler that reads the same rows, one
// after the other in turns. The target is a p99 of at most twice the bare one's.
func BenchmarkReads(b *testing.B) {
	w := newFleetWorld(b)
	for name, r := range reads() {
		b.Run(name, func(b *testing.B) {
			var ours, bare []time.Duration
			i := 0
			for b.Loop() {
				begin := time.Now()
				if err := w.ask(b.Context(), w.bare.URL+"/"+name, r.operation, r.body(i), i); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				if err := w.ask(b.Context(), w.api.URL, r.operation, r.body(i), i); err != nil {
					b.Fatal(err)
				}
				bare, ours = append(bare, middle.Sub(begin)), append(ours, time.Since(middle))
				i++
			}
			b.ReportMetric(0, "ns/op")
			for p, text := range map[int]string{50: "p50", 99: "p99"} {
				o, t := percentile(ours, p), percentile(bare, p)
				b.ReportMetric(float64(o.Microseconds()), text+"-us")
				b.ReportMetric(float64(o)/float64(t), text+"-ratio")
			}
		})
	}
}

func percentile(all []time.Duration, p int) time.Duration {
	slices.Sort(all)
	return all[(len(all)-1)*p/100]
}

// BenchmarkReadsWhileTheLoopWorks counts reads, four clients at once, while the
// loop visits the fleet. The target is 2,000 a second on two cores, which clients,
// daemon and loop share here; that is 1,000 µs of processor time for each read,
// a number that says something on a busy machine too.
func BenchmarkReadsWhileTheLoopWorks(b *testing.B) {
	w := newFleetWorld(b)
	ctx, cancel := context.WithCancel(b.Context())
	var g sync.WaitGroup
	g.Go(func() { _ = w.loop.Run(ctx) })
	g.Go(func() { // there is always something due
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
			}
			_ = w.store.Wake(ctx, state.EnvironmentRef(fmt.Sprintf("env%04d", i%fleetEnvironments)), state.InstanceRef(fmt.Sprintf("svc%04d", i%fleetServices), "i03"))
			w.loop.Wake()
		}
	})
	gets := []string{"GetEnvironment", "GetServiceInstance", "GetService"}
	all := reads()
	var n atomic.Int64
	b.SetParallelism(2) // for each core
	b.ResetTimer()
	begin, used := time.Now(), processorTime(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(n.Add(1))
			r := all[gets[i%len(gets)]]
			if i%20 == 0 {
				r = all["ListServiceInstancesOfService"]
			}
			if err := w.ask(b.Context(), w.api.URL, r.operation, r.body(i), i); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(n.Load())/time.Since(begin).Seconds(), "reads/s")
	b.ReportMetric(float64((processorTime(b)-used).Microseconds())/float64(n.Load()), "cpu-us/read")
	cancel()
	g.Wait()
}

// processorTime is what this process has used of the processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
