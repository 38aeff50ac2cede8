package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"baryon/provisioner"
)

// A kind is what a run of the program is for.
type kind string

const (
	applying kind = "apply"
	planning kind = "plan"  // a plan is made and kept
	checking kind = "drift" // what is there is compared with the state
)

// plansDir holds a stack's plan that waits to be applied. There is one at most.
const plansDir = "plans"

// local reports whether states are files of this machine.
func (e *Engine) local() bool { return e.cfg.State.Postgres == "" && e.cfg.State.Bucket == "" }

// Plan makes a plan and keeps it under the job's ID, in the way that Apply
// applies one: it is called until its Progress is final, whose Changes are the
// plan. Nothing is changed. A job that is then given to Apply with this Plan
// applies this very plan.
func (e *Engine) Plan(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	return e.look(ctx, job, planning)
}

// Drift compares what is there with the state, in the same way. The Changes are
// what others changed. Nothing is changed, the state neither.
func (e *Engine) Drift(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	return e.look(ctx, job, checking)
}

func (e *Engine) look(ctx context.Context, job provisioner.Job, k kind) (provisioner.Progress, error) {
	job.RerunSafe = true
	work, err := e.work(ctx, job, k)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return provisioner.Progress{State: provisioner.Failed, Message: refused.Error()}, nil
	}
	if err != nil {
		return provisioner.Progress{}, err
	}
	return e.cfg.Runner.Apply(ctx, work)
}

// Current reports whether a plan is kept here and the state is still the one it
// was made from. Of a state that is elsewhere that is found out when the plan is
// applied, and nothing is changed then.
func (e *Engine) Current(_ context.Context, job provisioner.Job) (bool, error) {
	dir, plan := e.stack(job.Stack), job.Plan
	then, err := readKept(filepath.Join(dir, plansDir, plan))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil || !e.local() {
		return err == nil, err
	}
	now, err := readSerial(filepath.Join(dir, stateFile))
	return now == then.serial, err
}

// A keptPlan is what is kept beside a plan.
type keptPlan struct {
	serial           // of the state it was made from, where that is a file
	Deletes []string `json:"deletes,omitempty"`
}

func readKept(plan string) (k keptPlan, err error) {
	text, err := os.ReadFile(plan + ".json")
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	return k, err
}

// keptPlan is the plan that was approved, which has to be there.
func (t *tool) keptPlan() (keptPlan, error) {
	k, err := readKept(filepath.Join(t.cfg.Stack, plansDir, t.cfg.Plan))
	if errors.Is(err, os.ErrNotExist) {
		t.moved = true
		err = errPlanGone
	}
	return k, err
}

var errPlanGone = errors.New("the plan that was approved is not kept on this machine any more; it has to be planned and approved anew")

// keepPlan keeps the plan that was just made in place of any earlier one.
func (t *tool) keepPlan() error {
	dir := filepath.Join(t.cfg.Stack, plansDir)
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range old {
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	var k keptPlan
	if t.cfg.LocalState {
		if k.serial, err = readSerial(filepath.Join(t.cfg.Stack, stateFile)); err != nil {
			return err
		}
	}
	for _, c := range t.changes {
		if c.Action == "delete" {
			k.Deletes = append(k.Deletes, c.Address)
		}
	}
	slices.Sort(k.Deletes)
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := copyFile(filepath.Join(t.dir, planFile), filepath.Join(dir, t.cfg.Plan)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, t.cfg.Plan+".json"), text, 0o600)
}

// takePlan puts the plan in place that is to be applied.
func (t *tool) takePlan() error {
	err := copyFile(filepath.Join(t.cfg.Stack, plansDir, t.cfg.Plan), filepath.Join(t.dir, planFile))
	if errors.Is(err, os.ErrNotExist) {
		t.moved = true
		return errPlanGone
	}
	return err
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to+".draft", text, 0o600); err != nil {
		return err
	}
	return os.Rename(to+".draft", to)
}
