package reconciler

import (
	"context"
	"strings"
	"testing"
	"time"

	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"
)

// A checkedWorld is a world whose environments are checked by a request, to which
// the answer is what the environment's size says: big is not healthy.
type checkedWorld struct {
	*world

	silent  bool // nobody answers
	asked   int  // questions
	jobs    map[string]provisioner.Job
	command func(provisioner.Job) provisioner.Progress // of checks; nil for none
}

// Ask is the prober of the world.
func (w *checkedWorld) Ask(_ context.Context, _ string, q provisioner.Probe) *provisioner.Answer {
	w.asked++
	switch {
	case w.silent:
		return nil
	case q.HTTP != nil && strings.HasSuffix(q.HTTP.URL, "/big"):
		return &provisioner.Answer{Text: "answered 500, want 200 to 299"}
	}
	return &provisioner.Answer{OK: true, Text: "answered 200"}
}

// Forget is nothing here.
func (w *checkedWorld) Forget(string) {}

// Apply is the engine of the world, and of the commands of checks.
func (w *checkedWorld) Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	if strings.Contains(job.ID, ".health.") {
		w.jobs[job.ID] = job
		return w.command(job), nil
	}
	return w.world.Apply(ctx, job)
}

const plainHealth = `environment:
  within: 10m
  onFailure: ON
  checks:
    - {http: {url: "http://app.test/{{ environment.inputs.size }}"}, interval: 1m, successes: 2}
`

func newCheckedWorld(t *testing.T, s Settings, health string) *checkedWorld {
	t.Helper()
	w := &checkedWorld{world: newWorld(t, s), jobs: map[string]provisioner.Job{}}
	w.write("net/v1/health.yaml", health)
	w.take(w.loop)
	return w
}

func (w *checkedWorld) take(loop *Reconciler) {
	w.loop = loop
	loop.cfg.Prober, loop.cfg.Engines = w, map[renderer.Engine]Engine{renderer.EngineCodeBuild: w}
}

// ahead moves the clock and makes everything due.
func (w *checkedWorld) ahead(d time.Duration) {
	for ; d > 0; d -= time.Minute {
		w.now = w.now.Add(time.Minute)
		w.pass()
	}
}

func (w *checkedWorld) last(ref state.Ref) state.Deployment {
	w.t.Helper()
	d, err := w.store.LastDeployment(w.t.Context(), ref)
	if err != nil || d == nil {
		w.t.Fatalf("the last deployment of %s is %v, %v", ref, d, err)
	}
	return *d
}

func (w *checkedWorld) history(ref state.Ref) string {
	w.t.Helper()
	list, err := w.store.Deployments(w.t.Context(), ref, nil, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, d := range list {
		out = append(out, string(d.Status))
	}
	return strings.Join(out, " ")
}

func health(onFailure string) string { return strings.Replace(plainHealth, "ON", onFailure, 1) }

func TestSucceededWhenHealthy(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, health("fail"))
	dev := w.environment("dev", "", "small")
	w.push()
	w.pass()
	got := w.target(dev)
	if got.Status != state.InProgress || got.Deployed.Deployment != "" || got.Message != "healthy 1 of 2: GET http://app.test/small: answered 200" {
		t.Fatalf("after one answer it is %s, %q", got.Status, got.Message)
	}
	w.pass()
	if got := w.target(dev); got.Status != state.InProgress {
		t.Errorf("a second look at the same time counted: it is %s", got.Status)
	}
	w.ahead(time.Minute)
	if got := w.target(dev); got.Status != state.Succeeded || got.Message != "" || got.Deployed.Generation != 1 {
		t.Errorf("after two answers it is %s, %q", got.Status, got.Message)
	}
	if h := w.last(dev).Health; h == nil || h.Ended != state.Healthy {
		t.Errorf("its health is %+v", h)
	}
}

func TestNotHealthyInTime(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, health("fail"))
	dev := w.environment("dev", "", "small")
	w.push()
	w.ahead(2 * time.Minute)
	w.environment("dev", "", "big")
	w.push()
	w.ahead(9 * time.Minute)
	if got := w.target(dev); got.Status != state.InProgress || !strings.Contains(got.Message, "answered 500") {
		t.Fatalf("within its time it is %s, %q", got.Status, got.Message)
	}
	w.ahead(2 * time.Minute)
	got := w.target(dev)
	if got.Status != state.Failed || got.Deployed.Generation != 1 || !strings.Contains(got.Message, "not healthy within 10m\n") || !strings.Contains(got.Message, "baryon retry environment/dev") {
		t.Fatalf("after its time it is %s, %q, of generation %d", got.Status, got.Message, got.Deployed.Generation)
	}
	asked := w.asked
	w.ahead(20 * time.Minute)
	if got := w.target(dev); got.Waiting.Reason != state.WaitRetry || w.asked != asked {
		t.Errorf("it waits for %+v, asked %d times more", got.Waiting, w.asked-asked)
	}
	// Another declaration of its health is another input.
	w.write("net/v1/health.yaml", "environment: {within: 1m, checks: [{http: {url: \"http://app.test/\"}, interval: 1m, successes: 1}]}\n")
	w.push()
	w.pass()
	if got := w.target(dev); got.Status != state.Succeeded || got.Deployed.Generation != got.Generation {
		t.Errorf("with another check it is %s, waiting for %+v", got.Status, got.Waiting)
	}
}

func TestReturnsOnce(t *testing.T) {
	w := newCheckedWorld(t, Settings{Approvals: []ApprovalRule{{Environments: []string{"dev"}}}}, health("return"))
	dev := w.environment("dev", "", "small")
	approve := func() {
		t.Helper()
		w.pass()
		w.do(w.store.Approve(t.Context(), "ada", dev, "reviewed"))
		w.pass()
	}
	w.push()
	approve()
	w.ahead(2 * time.Minute)
	good := w.target(dev).Deployed
	w.environment("dev", "", "big")
	w.push()
	approve()
	bad := w.last(dev)
	w.ahead(20 * time.Minute) // the return takes no approval: it was allowed before
	got := w.target(dev)
	if got.Status != state.Failed || got.Generation != 3 || got.Deployed.Generation != 3 || got.Deployed.Output != good.Output {
		t.Fatalf("returned, it is %s, generation %d of %d: %q", got.Status, got.Deployed.Generation, got.Generation, got.Message)
	}
	if got.Waiting.Reason != state.WaitReturned || got.Waiting.On != bad.ID || !strings.Contains(got.Waiting.Why, "deployment "+good.Deployment+", which was good last, is deployed again") {
		t.Errorf("it waits for %+v", got.Waiting)
	}
	if h := w.history(dev); h != "SUCCEEDED FAILED SUCCEEDED" {
		t.Errorf("its deployments are %s", h)
	}
	w.push()
	w.ahead(30 * time.Minute)
	if h := w.history(dev); h != "SUCCEEDED FAILED SUCCEEDED" {
		t.Errorf("by itself it went on to %s", h)
	}

	// A plan says that, and before a pass does that its inputs moved.
	plan := func(failed string) Proposal {
		t.Helper()
		w.do(w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
			return tx.Change(dev, func(x *state.Target) error { x.Desired.Held.Returned.Input = failed; return nil })
		}))
		p, err := w.loop.Propose(t.Context(), dev, nil)
		w.do(err)
		return p
	}
	if p := plan("other inputs"); !p.Pending || p.Change.Waiting.Reason != state.WaitApproval {
		t.Errorf("with other inputs the plan is %+v", p.Change)
	}
	if p := plan(bad.Input); p.Pending {
		t.Errorf("what was returned from is planned again: %+v", p.Change)
	}

	// A new version of the template is tried, and so is a new document.
	w.write("net/v1/health.yaml", strings.Replace(health("return"), "successes: 2", "successes: 1", 1))
	w.push()
	w.pass()
	approve()
	w.ahead(20 * time.Minute)
	if h := w.history(dev); h != "SUCCEEDED FAILED SUCCEEDED FAILED SUCCEEDED" {
		t.Errorf("with another version its deployments are %s", h)
	}
	w.environment("dev", "", "huge")
	w.push()
	approve()
	w.ahead(2 * time.Minute)
	if got := w.target(dev); got.Status != state.Succeeded || got.Desired.Held != nil || got.Deployed.Generation != got.Generation {
		t.Errorf("corrected, it is %s, held %+v, waiting for %+v", got.Status, got.Desired.Held, got.Waiting)
	}
}

func TestReturnThatIsNotHealthyEnds(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, health("return"))
	dev := w.environment("dev", "", "small")
	w.push()
	w.ahead(2 * time.Minute)
	w.environment("dev", "", "big")
	w.push()
	w.pass()
	w.silent = true
	w.ahead(40 * time.Minute)
	got := w.target(dev)
	if h := w.history(dev); got.Status != state.Failed || h != "FAILED FAILED SUCCEEDED" {
		t.Fatalf("it is %s after %s", got.Status, h)
	}
	if !strings.Contains(got.Message, "nothing is returned to, of what was good last: it was the return from deployment") {
		t.Errorf("its message is %q", got.Message)
	}
	w.silent = false
	w.do(w.store.Retry(t.Context(), "ada", dev, "")) // of the return
	w.ahead(3 * time.Minute)
	if got := w.target(dev); got.Deployed.Generation != 3 || got.Status != state.Failed || got.Waiting.Reason != state.WaitReturned {
		t.Errorf("tried again, generation %d is deployed, it is %s and waits for %+v", got.Deployed.Generation, got.Status, got.Waiting)
	}
	w.environment("dev", "", "small")
	w.push()
	w.ahead(3 * time.Minute)
	if got := w.target(dev); got.Status != state.Succeeded || got.Desired.Held != nil {
		t.Errorf("corrected, it is %s and waits for %+v", got.Status, got.Waiting)
	}
}

func TestNothingToReturnTo(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, health("return"))
	dev := w.environment("dev", "", "big")
	w.push()
	w.ahead(12 * time.Minute)
	got := w.target(dev)
	if got.Status != state.Failed || got.Generation != 1 || !strings.HasSuffix(got.Message, "nothing is returned to, of what was good last: there is none") {
		t.Errorf("it is %s at generation %d: %q", got.Status, got.Generation, got.Message)
	}
	// What is asked for again is the same, so there is nothing to go back to either.
	w.environment("dev", "", "small")
	w.push()
	w.ahead(3 * time.Minute)
	w.silent = true
	w.do(w.store.Redeploy(t.Context(), "ada", dev, ""))
	w.ahead(15 * time.Minute)
	if got := w.target(dev); got.Status != state.Failed || !strings.HasSuffix(got.Message, "it is the same") {
		t.Errorf("redeployed, it is %s: %q", got.Status, got.Message)
	}
}

func TestHealthAfterACrash(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, health("fail"))
	dev := w.environment("dev", "", "big")
	w.push()
	w.ahead(5 * time.Minute)
	before := w.last(dev)
	w.take(w.newLoop(Settings{}))
	w.ahead(4 * time.Minute)
	if got := w.last(dev); got.Status != state.InProgress || !got.Health.Until.Equal(before.Health.Until) || got.Health.Checks[0].Looks <= before.Health.Checks[0].Looks {
		t.Fatalf("the next process goes on with %s until %s, want %s, after %d answers", got.Status, got.Health.Until, before.Health.Until, got.Health.Checks[0].Looks)
	}
	w.ahead(2 * time.Minute)
	if got := w.last(dev); got.Status != state.Failed {
		t.Errorf("at its time it is %s", got.Status)
	}

	// Nobody was there when the time ran out: it is asked before anything is decided.
	w.environment("dev", "", "huge")
	w.push()
	w.silent = true
	w.pass()
	w.silent, w.now = false, w.now.Add(time.Hour)
	w.take(w.newLoop(Settings{}))
	w.pass()
	if got := w.last(dev); got.Status != state.InProgress || got.Health.Checks[0].Good != 1 {
		t.Errorf("after an hour without a daemon it is %s: %s", got.Status, got.Message)
	}
	w.ahead(time.Minute)
	if got := w.last(dev); got.Status != state.Succeeded {
		t.Errorf("healthy after that, it is %s: %s", got.Status, got.Message)
	}
}

func TestCancelWhileChecking(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, health("return"))
	dev := w.environment("dev", "", "big")
	w.push()
	w.pass()
	w.do(w.store.Cancel(t.Context(), "ada", dev, "typo"))
	w.pass()
	if got := w.target(dev); got.Status != state.Cancelled || got.Message != "cancelled by ada: typo; what was applied stays" {
		t.Errorf("cancelled, it is %s: %q", got.Status, got.Message)
	}
	w.do(w.store.Redeploy(t.Context(), "ada", dev, ""))
	w.pass()
	w.do(w.store.Abandon(t.Context(), "ada", dev, "no matter"))
	w.pass()
	if got := w.target(dev); got.Status != state.Failed || got.Generation != 1 {
		t.Errorf("abandoned, it is %s at generation %d", got.Status, got.Generation)
	}
}

func TestCheckingTakesNoPlaceAndDeletionIsNotChecked(t *testing.T) {
	w := newCheckedWorld(t, Settings{Deployments: 1, Deletions: 5}, health("fail"))
	w.silent = true
	dev, test := w.environment("dev", "", "small"), w.environment("test", "", "small")
	w.push()
	w.pass()
	for _, ref := range []state.Ref{dev, test} {
		if got := w.target(ref); got.Status != state.InProgress || got.Message != "healthy 0 of 2: GET http://app.test/small: no answer yet" {
			t.Errorf("%s is %q: %q, waiting for %+v", ref, got.Status, got.Message, got.Waiting)
		}
	}
	w.silent = false
	w.ahead(2 * time.Minute)
	asked := w.asked
	delete(w.files, "dev.yaml")
	w.push()
	w.pass()
	if _, err := w.store.Target(t.Context(), dev); !isMissing(err) || w.asked != asked {
		t.Errorf("dev is gone: %v, asked %d times", err, w.asked-asked)
	}
}

func TestChecksOfDocuments(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, health("fail"))
	dev := w.environment("dev", ", health: {within: 2m}", "big")
	w.environment("off", ", health: {checks: []}", "big")
	w.environment("none", ", health: {checks: [{http: {url: \"${outputs.Gone}/\"}}]}", "small")
	w.outputs = map[string]string{"Url": "http://app.test", "Arn": "x"}
	w.push()
	w.ahead(3 * time.Minute)
	if got := w.target(dev); got.Status != state.Failed || !strings.Contains(got.Message, "within 2m\n") {
		t.Errorf("with a time of its own it is %s: %q", got.Status, got.Message)
	}
	if got := w.target(state.EnvironmentRef("off")); got.Status != state.Succeeded {
		t.Errorf("with no checks it is %s: %q", got.Status, got.Message)
	}
	if got := w.target(state.EnvironmentRef("none")); got.Status != state.Failed || !strings.Contains(got.Message, "there is no output Gone; there is Arn, Url") {
		t.Errorf("with a check that can never be asked it is %s: %q", got.Status, got.Message)
	}
}

func TestCheckByCommand(t *testing.T) {
	w := newCheckedWorld(t, Settings{}, `environment:
  within: 10m
  checks: [{name: smoke, command: [./smoke.sh "$OUTPUT_Url"], interval: 1m, successes: 2}]
`)
	w.outputs = map[string]string{"Url": "http://app.test", "my-name": "x"}
	answers := []provisioner.Progress{
		{State: provisioner.Running, Handle: "here", Again: time.Hour},
		{State: provisioner.Failed, Handle: "here", Message: "command 1 of 1 failed: exit status 1\nmore", Log: []byte("no\n")},
		{State: provisioner.Succeeded, Log: []byte("yes\n")},
		{State: provisioner.Succeeded, Log: []byte("yes\n")},
	}
	w.command = func(provisioner.Job) provisioner.Progress {
		a := answers[0]
		answers = answers[1:]
		return a
	}
	dev := w.environment("dev", "", "small")
	w.push()
	w.pass()
	if h := w.last(dev).Health.Checks[0]; !h.Begun || h.Handle != "here" {
		t.Fatalf("while the command runs its check is %+v", h)
	}
	w.ahead(time.Minute)
	if got := w.target(dev); got.Message != "healthy 0 of 2: smoke: command 1 of 1 failed: exit status 1" {
		t.Errorf("after a failure it says %q", got.Message)
	}
	w.ahead(2 * time.Minute)
	if got := w.target(dev); got.Status != state.Succeeded {
		t.Errorf("after two successes it is %s: %q", got.Status, got.Message)
	}
	id := w.last(dev).ID
	job := w.jobs[id+".health.0.0"]
	if job.Env["OUTPUT_Url"] != "http://app.test" || job.Env["OUTPUT_my_name"] != "x" || !job.RerunSafe || job.Timeout != time.Minute {
		t.Errorf("the commands were handed %+v", job)
	}
	if len(w.jobs) != 3 {
		t.Errorf("%d jobs ran, want one for each answer", len(w.jobs))
	}
	var log strings.Builder
	chunks, err := w.store.Log(t.Context(), id, 0)
	for _, c := range chunks {
		log.Write(c.Data)
	}
	if want := "no\nhealth: smoke: command 1 of 1 failed: exit status 1\nyes\nhealth: smoke: succeeded\nyes\n"; err != nil || log.String() != want {
		t.Errorf("the log is %q, %v; want %q", log.String(), err, want)
	}
}
