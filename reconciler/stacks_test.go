package reconciler

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
	"baryon/reconciler/policy"
	"baryon/renderer"
	"baryon/state"
	"baryon/state/pgtest"
)

// A mortal engine makes calls to AWS whose outcome nobody hears of: the daemon
// was killed after them.
type mortal struct {
	*cloudformation.Engine

	calls, dies int
}

var errKilled = errors.New("killed")

func (m *mortal) Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	p, err := m.Engine.Apply(ctx, job)
	if m.calls++; m.calls == m.dies {
		return provisioner.Progress{}, errKilled
	}
	return p, err
}

// Plan dies as Apply does.
func (m *mortal) Plan(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	p, err := m.Engine.Plan(ctx, job)
	if m.calls++; m.calls == m.dies {
		return provisioner.Progress{}, errKilled
	}
	return p, err
}

// stackWorld is a world whose template is a stack in a simulated account.
type stackWorld struct {
	*world

	sim    *awssim.Sim
	url    string
	engine *mortal
	rules  []policy.Rule
	cut    func() // the machine loses its power; nil is that the process alone dies
}

func newStackWorld(t *testing.T, postgres bool) *stackWorld {
	t.Helper()
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(k, v)
	}
	w := &stackWorld{world: newWorld(t, Settings{}), sim: awssim.New(awssim.Config{})}
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	w.url = server.URL
	if postgres {
		store, err := state.Open(t.Context(), state.Config{DSN: pgtest.Start(t), Now: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.store.Close() })
		first := w.store
		t.Cleanup(func() { _ = first.Close() })
		w.store = store
	}
	w.write("net/v1/infrastructure/manifest.yaml", "infrastructure:\n  templates:\n    - {file: cloudformation.yaml, rendering_engine: jinja, template_language: cloudformation}\n")
	w.write("net/v1/infrastructure/cloudformation.yaml",
		"Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: \"{{ environment.inputs.size }}\"}}}\nOutputs: {size: {Value: \"{{ environment.inputs.size }}\"}}\n")
	w.restart(0)
	return w
}

// restart begins anew with nothing but the store and the account: another
// process, on another machine, that dies after so many calls.
func (w *stackWorld) restart(dies int) {
	w.t.Helper()
	e, err := cloudformation.New(cloudformation.Config{
		Dir: filepath.Join(w.t.TempDir(), "records"), Region: "eu-west-1", Endpoint: w.url, Rate: 10_000, Poll: time.Millisecond,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.engine = &mortal{Engine: e, dies: dies}
	source := Source(nil)
	if w.loop != nil {
		source = w.loop.cfg.Source
	}
	w.loop = w.newLoop(Settings{Region: "eu-west-1", Deletions: 100, Drift: DriftRule{Mode: DriftIgnore}, Policies: w.rules})
	w.loop.cfg.Engines = map[renderer.Engine]Engine{renderer.EngineCloudFormation: w.engine}
	w.loop.cfg.Source = source
}

// settle lets time go by until the last deployment of a target has ended, with a
// new process after every death.
func (w *stackWorld) settle(ref state.Ref, dies int) state.Deployment {
	w.t.Helper()
	w.restart(dies)
	for range 200 {
		w.pass()
		if dies > 0 && w.engine.calls >= dies {
			dies = 0
			if w.cut != nil {
				w.cut()
			}
			w.restart(0)
		}
		d, err := w.store.LastDeployment(w.t.Context(), ref)
		if err != nil {
			w.t.Fatal(err)
		}
		open, err := w.store.OpenDeployment(w.t.Context(), ref)
		if err != nil {
			w.t.Fatal(err)
		}
		if d != nil && open == nil {
			return *d
		}
		w.now = w.now.Add(time.Hour)
	}
	w.t.Fatal("it never ends")
	return state.Deployment{}
}

// TestStacksSurviveKills kills the daemon after each call of a creation, an update
// and a deletion, and goes on as another process that has the store and the
// account alone. Nothing is begun twice, and no end is lost. On SQLite the machine
// loses its power with it.
func TestStacksSurviveKills(t *testing.T) {
	for _, db := range []string{"sqlite", "postgres"} {
		t.Run(db, func(t *testing.T) {
			w := newStackWorld(t, db == "postgres")
			if db == "sqlite" && !testing.Short() {
				w.losesPower()
			}
			most := 0
			for dies := 1; dies <= max(most, 3); dies++ {
				name := fmt.Sprintf("e%d", dies)
				ref := w.environment(name, "", "small")
				w.push()
				check := func(action state.Action, want state.Status) {
					t.Helper()
					d := w.settle(ref, dies)
					if d.Action != action || d.Status != want {
						t.Fatalf("killed after call %d: %s is %s: %s", dies, d.Action, d.Status, d.Message)
					}
					if n := w.sim.Mutations("baryon-" + d.ID); n != 1 {
						t.Errorf("killed after call %d of %s: begun %d times", dies, action, n)
					}
					most = max(most, w.engine.calls)
				}
				check(state.Create, state.Succeeded)
				w.environment(name, "", "large")
				w.push()
				check(state.Update, state.Succeeded)
				if got := w.target(ref).Deployed.Outputs["size"]; got != "large" {
					t.Errorf("outputs %q", got)
				}
				delete(w.files, name+".yaml")
				w.push()
				check(state.Delete, state.DeleteComplete)
			}
			if most < 4 {
				t.Errorf("a deployment took %d calls; it was not killed at each", most)
			}
		})
	}
}

// TestStacksTakeIn takes a bucket that exists into the stack of an environment,
// killed after each call, as its document says or as somebody asks.
func TestStacksTakeIn(t *testing.T) {
	for _, db := range []string{"sqlite", "postgres"} {
		t.Run(db, func(t *testing.T) {
			w := newStackWorld(t, db == "postgres")
			w.write("net/v1/infrastructure/cloudformation.yaml", "Resources:\n"+
				"  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: \"{{ environment.inputs.size }}\"}}\n"+
				"  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: \"{{ environment.name }}\"}}\n"+
				"Outputs: {bucket: {Value: !Ref Bucket}}\n")
			most := 0
			for dies := 1; dies <= max(most, 3); dies++ {
				name := fmt.Sprintf("e%d", dies)
				w.sim.Make("123456789012", "eu-west-1", "AWS::S3::Bucket", map[string]any{"BucketName": name})
				header := ", imports: {Bucket: " + name + "}"
				if dies == 2 {
					header = "" // that is asked for below
				}
				ref := w.environment(name, header, "small")
				w.push()
				if header == "" {
					if d := w.settle(ref, 0); d.Status != state.Failed {
						t.Fatalf("a bucket that exists was made: %s %s", d.Status, d.Message)
					}
					if err := w.store.Import(t.Context(), "ann", ref, "it is ours", map[string]string{"Bucket": name}); err != nil {
						t.Fatal(err)
					}
				}
				d := w.settle(ref, dies)
				most = max(most, w.engine.calls)
				if d.Status != state.Succeeded || d.Outputs["bucket"] != name {
					t.Fatalf("killed after call %d: %s: %s", dies, d.Status, d.Message)
				}
				if a, b := w.sim.Mutations("baryon-"+d.ID+"-import"), w.sim.Mutations("baryon-"+d.ID); a != 1 || b != 1 {
					t.Errorf("killed after call %d: imported %d times, updated %d times", dies, a, b)
				}
				if left := w.target(ref).Asked.Adopt.Imports; len(left) > 0 {
					t.Errorf("still asked for: %v", left)
				}
			}
			if most < 6 {
				t.Errorf("a deployment took %d calls; it was not killed at each", most)
			}
		})
	}
}

// TestStacksStayInTheirPlace deploys an environment to the account and region that
// its document says, and to no other one later.
func TestStacksStayInTheirPlace(t *testing.T) {
	w := newStackWorld(t, false)
	header := `, role: "arn:aws:iam::222222222222:role/deploy", account: "222222222222", region: `
	ref := w.environment("e", header+"us-west-2", "small")
	w.push()
	if d := w.settle(ref, 0); d.Status != state.Succeeded || w.sim.Stacks("222222222222", "us-west-2")["environment-e"] == "" {
		t.Fatalf("%s %s, stacks %v", d.Status, d.Message, w.sim.Stacks("222222222222", "us-west-2"))
	}
	if got := w.target(ref).Deployed.Place; got != "222222222222/us-west-2" {
		t.Errorf("place %q", got)
	}
	w.environment("e", header+"us-west-1", "small") // a change of the region alone
	w.push()
	d := w.settle(ref, 0)
	if d.Status != state.Failed || !strings.Contains(d.Message, "it was deployed to 222222222222/us-west-2, and this leads to 222222222222/us-west-1") {
		t.Fatalf("%s %s", d.Status, d.Message)
	}
	delete(w.files, "e.yaml")
	w.push()
	if d := w.settle(ref, 0); d.Status != state.DeleteComplete || len(w.sim.Stacks("222222222222", "us-west-2")) > 0 {
		t.Fatalf("%s %s, stacks %v", d.Status, d.Message, w.sim.Stacks("222222222222", "us-west-2"))
	}
}
