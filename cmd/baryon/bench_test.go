package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"baryon/gitsource"
	"baryon/gitsource/githost"
	"baryon/provisioner"
	"baryon/reconciler"
	"baryon/renderer"
	"baryon/state"
	"baryon/state/pgtest"
)

// The benchmarks here are of the whole loop, with its opponent in the same run;
// the engine alone is a stand-in, as what it does is not what is measured.

// benchEngine takes no time, or a fixed one, or never ends.
type benchEngine struct {
	takes time.Duration
	never bool

	mu      sync.Mutex
	applied map[string]int
	calls   chan string // the stack of each call, if there is somebody to hear it
}

func (e *benchEngine) Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	e.mu.Lock()
	e.applied[job.ID]++
	calls := e.calls
	e.mu.Unlock()
	if calls != nil {
		calls <- job.Stack
	}
	if e.takes > 0 {
		end, cancel := context.WithTimeout(ctx, e.takes)
		<-end.Done()
		cancel()
	}
	if e.never {
		return provisioner.Progress{State: provisioner.Running, Handle: "there", Again: time.Hour}, nil
	}
	return provisioner.Progress{State: provisioner.Succeeded}, nil
}

func (e *benchEngine) Cancel(context.Context, provisioner.Job) error { return nil }

func (e *benchEngine) seen() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.applied)
}

// A fleet is a repository that declares many environments, and a loop on it.
type fleet struct {
	dir, url string
	host     *githost.Host
	git      *gitsource.Client
	engine   *benchEngine
	store    *state.Store
	loop     *reconciler.Reconciler
	stop     func()
}

func newFleet(b *testing.B, n int) *fleet {
	b.Helper()
	f := &fleet{dir: b.TempDir()}
	var err error
	if f.host, err = githost.New(githost.Config{Dir: filepath.Join(f.dir, "git")}); err != nil {
		b.Fatal(err)
	}
	if err := f.host.Create("fleet"); err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(f.host)
	b.Cleanup(server.Close)
	f.url = server.URL + "/fleet.git"
	files := map[string]string{
		"net/v1/schema/schema.yaml":           plainSchema,
		"net/v1/infrastructure/manifest.yaml": "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: [\"echo {{ environment.inputs.size }}\"], deprovision: [echo]}\n",
	}
	for i := range n {
		files[fleetFile(i)] = fleetSpec(i, "small")
	}
	f.commit(b, files)
	if f.git, err = gitsource.New(gitsource.Config{Dir: filepath.Join(f.dir, "mirrors"), Log: zap.NewNop()}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(f.git.Close)
	return f
}

func fleetFile(i int) string { return fmt.Sprintf("environments/%02d/e%d.yaml", i%100, i) }

func fleetSpec(i int, size string) string {
	return fmt.Sprintf("proton: EnvironmentSpec\nbaryon: {environment: e%d, template: net, version: \"1\"}\nspec: {size: %s}\n", i, size)
}

func (f *fleet) commit(b *testing.B, files map[string]string) {
	b.Helper()
	if _, err := f.host.Commit("fleet", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "more", Files: mapFiles(files)}); err != nil {
		b.Fatal(err)
	}
}

// open opens the store and makes a loop; run starts it.
func (f *fleet) open(b *testing.B, cfg state.Config, engine *benchEngine, workers int) {
	b.Helper()
	var err error
	if f.store, err = state.Open(context.Background(), cfg); err != nil {
		b.Fatal(err)
	}
	engine.applied = map[string]int{}
	f.engine = engine
	f.loop, err = reconciler.New(reconciler.Config{
		Store: f.store, Source: gitTrees{f.git}, Engines: map[renderer.Engine]reconciler.Engine{renderer.EngineCodeBuild: engine}, Host: "here", Log: zap.NewNop(),
		Settings: reconciler.Settings{
			Workers: workers, Deployments: 100_000, Resync: 24 * time.Hour,
			Repositories: []reconciler.Repository{{Repo: gitsource.Repo{Name: "fleet", URL: f.url, Branch: "main", Path: "."}, Publish: reconciler.PublishAuto, Interval: 24 * time.Hour}},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
}

// run runs the loop until stop is called, which also closes the store.
func (f *fleet) run(b *testing.B) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	loop, store := f.loop, f.store
	go func() { ended <- loop.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		store.Close()
	})
	b.Cleanup(f.stop)
}

// crash ends the loop as SIGKILL would: nothing that it holds is given back.
func (f *fleet) crash() {
	f.store.Close()
	f.stop()
}

// await waits for a condition of the world.
func await(b *testing.B, what string, ok func() bool) {
	b.Helper()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(10 * time.Minute); !ok(); <-poll.C {
		if time.Now().After(deadline) {
			b.Fatalf("waited in vain for: %s", what)
		}
	}
}

// settled waits until n environments are deployed and nothing is due.
func (f *fleet) settled(b *testing.B, n int) {
	b.Helper()
	calls := 0
	await(b, "every environment deployed", func() bool {
		if calls++; calls%100 != 1 { // it is a look at every row
			return false
		}
		counts, err := f.store.CountTargets(context.Background())
		return err == nil && len(counts) == 1 && counts[0].Status == state.Succeeded && counts[0].Targets == int64(n)
	})
	f.idle(b)
}

// idle waits until nothing is due.
func (f *fleet) idle(b *testing.B) {
	b.Helper()
	await(b, "nothing due", func() bool {
		next, err := f.store.NextDue(context.Background())
		return err == nil && time.Until(next) > time.Minute
	})
}

// raw opens the database with nothing of ours around it.
func (f *fleet) raw(b *testing.B) *sql.DB {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(f.dir, "baryon.db")+"?mode=ro")
	if err != nil {
		b.Fatal(err)
	}
	return db
}

func ratio(b *testing.B, ours, theirs time.Duration) {
	b.Helper()
	b.ReportMetric(float64(ours.Microseconds())/1000, "ms/ours")
	b.ReportMetric(float64(theirs.Microseconds())/1000, "ms/theirs")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkVisit10000 visits 10,000 unchanged targets, and compares with a loop
// that reads each by its index and hashes it. The promise is three times.
func BenchmarkVisit10000(b *testing.B) {
	const n = 10_000
	f := newFleet(b, n)
	f.open(b, state.Config{DSN: filepath.Join(f.dir, "baryon.db"), Scratch: true}, &benchEngine{}, 64)
	f.run(b)
	f.settled(b, n)
	refs := make([]state.Ref, n)
	for i := range refs {
		refs[i] = state.EnvironmentRef(fmt.Sprintf("e%d", i))
	}
	var ours, theirs time.Duration
	for b.Loop() {
		if err := f.store.Wake(b.Context(), refs...); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		f.loop.Wake()
		f.idle(b)
		ours += time.Since(began)

		db := f.raw(b)
		began = time.Now()
		for _, ref := range refs {
			readAndHash(b, db, "SELECT desired || deployed || asked || waiting FROM target WHERE ref = $1", ref.String())
		}
		theirs += time.Since(began)
		db.Close()
	}
	ratio(b, ours/time.Duration(b.N), theirs/time.Duration(b.N))
}

func readAndHash(b *testing.B, db *sql.DB, query, key string) {
	b.Helper()
	var text []byte
	if err := db.QueryRowContext(b.Context(), query, key).Scan(&text); err != nil {
		b.Fatal(err)
	}
	sha256.Sum256(text)
}

// BenchmarkPushAmong10000 pushes a change of one environment among 10,000, or one
// environment more, and compares the time from the wake-up to the call of the engine with a bare git
// fetch of the same commit. The promise is one and a half times.
func BenchmarkPushAmong10000(b *testing.B) {
	if _, err := exec.LookPath("git"); err != nil {
		b.Skip("git is not on PATH")
	}
	const n = 10_000
	f := newFleet(b, n)
	engine := &benchEngine{}
	f.open(b, state.Config{DSN: filepath.Join(f.dir, "baryon.db"), Scratch: true}, engine, 64)
	f.run(b)
	f.settled(b, n)
	mirror := filepath.Join(f.dir, "mirror.git")
	git := func(args ...string) {
		if out, err := exec.CommandContext(b.Context(), "git", args...).CombinedOutput(); err != nil {
			b.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("clone", "--quiet", "--mirror", f.url, mirror)
	engine.mu.Lock()
	engine.calls = make(chan string, 1)
	engine.mu.Unlock()
	var ours, theirs time.Duration
	round := 0
	for b.Loop() {
		i := round % n
		if round%2 == 1 {
			i = n + round
		}
		f.commit(b, map[string]string{fleetFile(i): fleetSpec(i, fmt.Sprint("size", round))})
		round++
		began := time.Now()
		if err := f.store.Wake(b.Context(), state.RepositoryRef("fleet")); err != nil {
			b.Fatal(err)
		}
		f.loop.Wake()
		<-engine.calls
		ours += time.Since(began)
		f.idle(b)

		began = time.Now()
		git("-C", mirror, "fetch", "--quiet")
		theirs += time.Since(began)
	}
	ratio(b, ours/time.Duration(b.N), theirs/time.Duration(b.N))
}

// BenchmarkRestart1000 ends the loop with 1,000 deployments under way and
// nothing given back, and compares the time from opening the database until all
// are in hand again with opening it and reading the same rows. The promise is
// five times, with none started twice and none lost.
func BenchmarkRestart1000(b *testing.B) {
	const n = 1000
	f := newFleet(b, n)
	cfg := state.Config{DSN: filepath.Join(f.dir, "baryon.db")}
	f.open(b, cfg, &benchEngine{never: true}, 64)
	f.run(b)
	await(b, "all under way", func() bool { return f.engine.seen() == n })
	first := f.engine
	f.crash()
	var ours, theirs time.Duration
	for b.Loop() {
		began := time.Now()
		f.open(b, cfg, &benchEngine{never: true}, 64)
		f.run(b)
		await(b, "all in hand again", func() bool { return f.engine.seen() >= n })
		ours += time.Since(began)
		for id := range f.engine.applied {
			if first.applied[id] == 0 {
				b.Fatalf("deployment %s was begun by the restart", id)
			}
		}
		f.crash()

		began = time.Now()
		db := f.raw(b)
		for _, key := range openDeployments(b, db) {
			readAndHash(b, db, "SELECT desired || deployed || asked || waiting FROM target WHERE ref = $1", key[0])
			readAndHash(b, db, "SELECT doc || handle || outputs FROM deployment WHERE id = $1", key[1])
			readAndHash(b, db, "SELECT data FROM blob WHERE digest = $1", key[2])
			readAndHash(b, db, "SELECT COALESCE(MAX(ends), 0) FROM log WHERE deployment = $1", key[1])
		}
		theirs += time.Since(began)
		db.Close()
	}
	ratio(b, ours/time.Duration(b.N), theirs/time.Duration(b.N))
}

// openDeployments lists target, deployment and what it applies.
func openDeployments(b *testing.B, db *sql.DB) [][3]string {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), "SELECT ref, id, json_extract(doc, '$.rendered') FROM deployment WHERE completed_at = 0")
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var all [][3]string
	for rows.Next() {
		var k [3]string
		if err := rows.Scan(&k[0], &k[1], &k[2]); err != nil {
			b.Fatal(err)
		}
		all = append(all, k)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return all
}

// BenchmarkSecondReplica deploys 200 environments with an engine that takes
// 200 ms, by one replica and by two, each with eight workers, on PostgreSQL. The
// promise is 1.8 times the speed.
func BenchmarkSecondReplica(b *testing.B) {
	const n = 200
	var took [2]time.Duration
	for b.Loop() {
		for i := range took {
			f := newFleet(b, n)
			cfg := state.Config{DSN: pgtest.Start(b)}
			calls := make(chan string, n)
			stops := make([]func(), 0, 2)
			for range i + 1 {
				f.open(b, cfg, &benchEngine{takes: 200 * time.Millisecond, calls: calls}, 8)
				f.run(b)
				stops = append(stops, f.stop)
			}
			<-calls // the repository is read
			began := time.Now()
			await(b, "every environment deployed", func() bool {
				counts, err := f.store.CountTargets(context.Background())
				return err == nil && len(counts) == 1 && counts[0].Status == state.Succeeded && counts[0].Targets == n
			})
			took[i] += time.Since(began)
			for _, stop := range stops {
				stop()
			}
		}
	}
	b.ReportMetric(float64(took[0].Milliseconds())/float64(b.N), "ms/one")
	b.ReportMetric(float64(took[1].Milliseconds())/float64(b.N), "ms/two")
	b.ReportMetric(float64(took[0])/float64(took[1]), "speedup")
	b.ReportMetric(0, "ns/op")
}
