package provisioner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"

	"github.com/google/go-cmp/cmp"
)

// A daemonPlan is what a daemon process of the tests is to do: bring one job to
// its end, keeping in the file "row" what a caller of Apply keeps.
type daemonPlan struct {
	Home     string // work folders are below Home/work
	Deadline time.Duration
	Cancel   bool
	ID       string
	Commands []string
}

// A row is what a caller of Apply keeps.
type row struct {
	Handle  string
	Log     string
	State   provisioner.State
	Message string
}

// runDaemon is the daemon process: it returns once the job has ended.
func runDaemon(planFile string) int {
	if err := daemon(planFile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func daemon(planFile string) error {
	text, err := os.ReadFile(planFile)
	if err != nil {
		return err
	}
	var plan daemonPlan
	if err := json.Unmarshal(text, &plan); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	engine, err := provisioner.NewCommand(provisioner.CommandConfig{
		Dir: filepath.Join(plan.Home, "work"), Executable: exe, Deadline: plan.Deadline,
	})
	if err != nil {
		return err
	}
	crash := crashPoint{dir: filepath.Join(plan.Home, "daemon")}
	engine.AtStep(crash.step)
	rowFile := filepath.Join(plan.Home, "row")
	var r row
	if text, err := os.ReadFile(rowFile); err == nil {
		if err := json.Unmarshal(text, &r); err != nil {
			return err
		}
	}
	job := provisioner.Job{
		ID: plan.ID, Action: provisioner.Provision, Commands: plan.Commands,
		Files: fstest.MapFS{"a/b.txt": {Data: []byte("b")}},
	}
	for deadline := time.Now().Add(provisionertest.Patience); time.Now().Before(deadline); {
		job.Handle, job.LogOffset = r.Handle, int64(len(r.Log))
		if plan.Cancel {
			if err := engine.Cancel(context.Background(), job); err != nil {
				return err
			}
		}
		p, err := engine.Apply(context.Background(), job)
		if err != nil {
			crash.step("error")
			continue
		}
		crash.step("answered")
		r = row{Handle: p.Handle, Log: r.Log + string(p.Log), State: p.State, Message: p.Message}
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(rowFile+".new", text, 0o600), os.Rename(rowFile+".new", rowFile)); err != nil {
			return err
		}
		crash.step("saved")
		if p.State.Final() {
			return nil
		}
		<-time.After(min(p.Again, 20*time.Millisecond)) // a daemon waits between passes
	}
	return errors.New("the job did not end")
}

// A killedWorld is a folder with a job whose commands leave a line each.
type killedWorld struct {
	plan daemonPlan
	file string // the plan
	ran  string // what the commands write
}

func newKilledWorld(t *testing.T, deadline time.Duration) killedWorld {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "daemon"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, "steps"), "")
	write(t, filepath.Join(home, "daemon", "steps"), "")
	w := killedWorld{file: filepath.Join(home, "plan"), ran: filepath.Join(home, "ran")}
	w.plan = daemonPlan{Home: home, Deadline: deadline, ID: "job-1", Commands: []string{
		"N=1; echo one >> " + w.ran + "; echo out one",
		"sleep 0.1; test -e a/b.txt; echo two >> " + w.ran + "; echo out two",
		"echo three >> " + w.ran + "; echo out three $N",
	}}
	return w
}

// run runs the daemon, which is to be killed at the point, if there is one.
func (w killedWorld) run(t *testing.T, point string) {
	t.Helper()
	text, err := json.Marshal(w.plan)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w.file, string(text))
	dir := filepath.Join(w.plan.Home, "daemon")
	crashAt(t, dir, point)
	out, err := exec.CommandContext(t.Context(), executable(t), "daemon", w.file).CombinedOutput()
	var ended *exec.ExitError
	switch {
	case point == "" && err != nil:
		t.Fatalf("daemon: %v\n%s", err, out)
	case point != "" && !crashed(dir):
		t.Fatalf("the daemon did not come to step %q\n%s", point, out)
	case point != "" && (!errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL):
		t.Fatalf("daemon: %v, want it killed\n%s", err, out)
	}
}

func (w killedWorld) row(t *testing.T) row {
	t.Helper()
	var r row
	if err := json.Unmarshal([]byte(read(t, filepath.Join(w.plan.Home, "row"))), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// points are the steps a daemon passed for the first time, and for the second
// where every pass comes by.
func (w killedWorld) points(t *testing.T) []string {
	t.Helper()
	var points []string
	for _, point := range passed(t, filepath.Join(w.plan.Home, "daemon")) {
		name, n, _ := strings.Cut(point, " ")
		every := n == "2" && slices.Contains([]string{"entered", "answered", "saved"}, name)
		if name != "error" && (strings.HasSuffix(point, " 1") || every) && !slices.Contains(points, point) {
			points = append(points, point)
		}
	}
	return points
}

// TestKillDaemon kills the daemon at every step of Apply, starts another, and
// counts what ran.
func TestKillDaemon(t *testing.T) {
	t.Parallel()
	const wantLog = "out one\n==> command 2 of 3: "
	for name, deadline := range map[string]time.Duration{"alone": 0, "shared": time.Minute} {
		whole := newKilledWorld(t, deadline)
		whole.run(t, "")
		points := whole.points(t)
		for _, needed := range []string{"draft made 1", "draft filled 1", "folder made 1", "locked 1", "filled 1", "forked 1", "launched 1", "answered 1", "saved 1"} {
			if !slices.Contains(points, needed) {
				t.Fatalf("an apply did not pass %q: %q", needed, points)
			}
		}
		for _, point := range points {
			t.Run(name+" "+point, func(t *testing.T) {
				t.Parallel()
				w := newKilledWorld(t, deadline)
				w.run(t, point)
				w.run(t, "")
				w.check(t, wantLog)
			})
		}
		t.Run(name+" everywhere", func(t *testing.T) {
			t.Parallel()
			w := newKilledWorld(t, deadline)
			for _, point := range []string{"draft made 1", "draft filled 1", "folder made 1", "filled 1", "forked 1", "launched 1", "answered 1", "saved 1"} {
				w.run(t, point)
			}
			w.run(t, "")
			w.check(t, wantLog)
		})
	}
}

// check tests that every command ran once and that the caller knows all of it.
func (w killedWorld) check(t *testing.T, wantLog string) {
	t.Helper()
	if diff := cmp.Diff("one\ntwo\nthree\n", read(t, w.ran)); diff != "" {
		t.Errorf("commands that ran (-want +got):\n%s", diff)
	}
	r := w.row(t)
	if r.State != provisioner.Succeeded {
		t.Errorf("state = %s (%s), want %s", r.State, r.Message, provisioner.Succeeded)
	}
	if !strings.Contains(r.Log, wantLog) || !strings.HasSuffix(r.Log, "\nout three 1\n") || strings.Count(r.Log, "out ") != 3+3 {
		t.Errorf("log has gaps or overlaps:\n%s", r.Log)
	}
}

// TestKillDaemonCancelling kills the daemon while it cancels a job that was not
// started.
func TestKillDaemonCancelling(t *testing.T) {
	t.Parallel()
	for name, deadline := range map[string]time.Duration{"alone": 0, "shared": time.Minute} {
		whole := newKilledWorld(t, deadline)
		whole.plan.Cancel = true
		whole.run(t, "")
		points := whole.points(t)
		for _, needed := range []string{"draft filled 1", "cancel asked 1", "settling 1"} {
			if !slices.Contains(points, needed) {
				t.Fatalf("a cancel did not pass %q: %q", needed, points)
			}
		}
		for _, point := range points {
			t.Run(name+" "+point, func(t *testing.T) {
				t.Parallel()
				w := newKilledWorld(t, deadline)
				w.plan.Cancel = true
				w.run(t, point)
				w.run(t, "")
				if r := w.row(t); r.State != provisioner.Cancelled {
					t.Errorf("state = %s (%s), want %s", r.State, r.Message, provisioner.Cancelled)
				}
				if ran := read(t, w.ran); ran != "" {
					t.Errorf("ran %q, want nothing", ran)
				}
			})
		}
	}
}

// regexpBoot finds the boot an order was written under.
var regexpBoot = regexp.MustCompile(`"Boot": "[^"]*"`)

// TestKillDaemonRefilling kills the daemon while it fills again a work folder
// that a reboot may have damaged.
func TestKillDaemonRefilling(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"", "order removed 1", "filled 1", "forked 1", "launched 1"} {
		t.Run("killed at "+point, func(t *testing.T) {
			t.Parallel()
			w := newKilledWorld(t, 0)
			w.run(t, "folder made 1")
			folder := filepath.Join(w.plan.Home, "work", "job-1")
			order := filepath.Join(folder, "job.json")
			boot := regexpBoot.ReplaceAllString(read(t, order), `"Boot": "another"`)
			if boot == read(t, order) {
				t.Fatalf("no boot in %s", boot)
			}
			write(t, order, boot)
			write(t, filepath.Join(folder, "bundle", "a", "b.txt"), "")
			w.plan.Commands[1] = `test "$(cat a/b.txt)" = b; ` + w.plan.Commands[1]
			if point != "" {
				w.run(t, point)
			}
			w.run(t, "")
			w.check(t, "out one\n==> command 2 of 3: ")
		})
	}
}

// TestKillSupervisor kills the supervisor at every step it takes. Work that may
// not be run again runs at most once, and the job ends either way.
func TestKillSupervisor(t *testing.T) {
	t.Parallel()
	whole := newKilledWorld(t, 0)
	whole.apply(t, "", false)
	points := passed(t, whole.plan.Home)
	for _, needed := range []string{"starting 1", "started 1", "command recorded 3", "ended 1"} {
		if !slices.Contains(points, needed) {
			t.Fatalf("a supervisor did not pass %q: %q", needed, points)
		}
	}
	if !slices.Contains(points, "recorded 1") { // it may come after the end is known
		points = append(points, "recorded 1")
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newKilledWorld(t, 0)
			p, log := w.apply(t, point, false)
			ran := read(t, w.ran)
			if whole := "one\ntwo\nthree\n"; !strings.HasPrefix(whole, ran) {
				t.Errorf("ran %q, want each command at most once, in order", ran)
			}
			if p.State == provisioner.Succeeded && ran != "one\ntwo\nthree\n" {
				t.Errorf("succeeded but ran %q", ran)
			}
			if p.State == provisioner.Failed && !strings.HasPrefix(p.Message, "interrupted in command ") {
				t.Errorf("message = %q, want it to say where it was interrupted", p.Message)
			}
			want := map[string]string{
				"starting 1": "", "started 1": "", "recorded 1": "",
				"command recorded 2": "interrupted in command 2 of 3: sleep 0.1; ",
				"command written 3":  "interrupted in command 2 of 3: ",
				"ended 1":            "interrupted in command 3 of 3: ",
			}
			if message, ok := want[point]; ok && (message == "") != (p.State == provisioner.Succeeded) || !strings.HasPrefix(p.Message, message) {
				t.Errorf("%s with message %q, want %q\n%s", p.State, p.Message, message, log)
			}
		})
		t.Run(point+" safe to run again", func(t *testing.T) {
			t.Parallel()
			w := newKilledWorld(t, 0)
			p, log := w.apply(t, point, true)
			if p.State != provisioner.Succeeded {
				t.Errorf("state = %s (%s), want %s\n%s", p.State, p.Message, provisioner.Succeeded, log)
			}
			if ran := read(t, w.ran); !strings.HasSuffix(ran, "one\ntwo\nthree\n") || strings.Count(ran, "one") > 2 {
				t.Errorf("ran %q, want all of it at the end and nothing more than twice", ran)
			}
		})
	}
}

// apply brings the world's job to its end, with the supervisor killed at the
// point.
func (w killedWorld) apply(t *testing.T, point string, rerunSafe bool) (provisioner.Progress, string) {
	t.Helper()
	crashAt(t, w.plan.Home, point)
	engine, err := provisioner.NewCommand(provisioner.CommandConfig{
		Dir: filepath.Join(w.plan.Home, "work"), Executable: executable(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := provisionertest.Caller{Job: provisioner.Job{
		ID: w.plan.ID, Action: provisioner.Provision, Commands: w.plan.Commands, RerunSafe: rerunSafe,
		Files: fstest.MapFS{"a/b.txt": {Data: []byte("b")}},
	}}
	p := c.End(t, patient{t, engine})
	// The end is known before the supervisor has taken its last steps.
	await(t, "the supervisor is at "+point, func() bool { return crashed(w.plan.Home) })
	return p, string(c.Log)
}

// A patient engine calls again after an error, as a daemon does.
type patient struct {
	t *testing.T
	*provisioner.Command
}

func (p patient) Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	progress, err := p.Command.Apply(ctx, job)
	if err != nil {
		p.t.Log("transient:", err)
		return provisioner.Progress{State: provisioner.Running, Handle: job.Handle}, nil
	}
	return progress, nil
}
