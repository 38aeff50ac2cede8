package reconciler

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"
)

// maxHealthLog is how much of what the commands of one look say is kept.
const maxHealthLog = 16 << 10

// commandJob is one run of the commands of a check: a job of its own, that may be
// run again, with the outputs as variables.
func (k *checkup) commandJob(i int, check renderer.HealthCheck, c state.HealthCheck) provisioner.Job {
	job := k.r.jobOf(k.d, k.art)
	job.ID = fmt.Sprintf("%s.health.%d.%d", k.d.ID, i, c.Looks+c.Attempts)
	job.Action, job.Commands, job.Timeout = provisioner.Provision, check.Command, check.Timeout
	job.Handle, job.LogOffset, job.RerunSafe = c.Handle, c.Read, true
	job.Plan, job.Adopt, job.Leave, job.Force, job.Restore = "", "", nil, false, false
	for name, value := range k.d.Outputs {
		job.Env["OUTPUT_"+notVariable.ReplaceAllString(name, "_")] = value
	}
	return job
}

// lookByCommand starts the commands of a check, or looks how far they are.
func (k *checkup) lookByCommand(ctx context.Context, i int, check renderer.HealthCheck, c state.HealthCheck) (state.HealthCheck, error) {
	engine := k.r.cfg.Engines[renderer.EngineCodeBuild]
	if engine == nil {
		return k.answered(c, provisioner.Answer{Final: true, Text: "this Baryon runs no commands"}), nil
	}
	job := k.commandJob(i, check, c)
	k.r.beginsJob(job.ID, k.d.Ref)
	p, err := engine.Apply(ctx, job)
	if _, elsewhere := errors.AsType[*provisioner.OtherHostError](err); elsewhere {
		// Whoever ran them is gone, and they end by themselves. A look may be made again.
		c.Attempts, c.Handle, c.Begun, c.Read, k.changed = c.Attempts+1, "", false, 0, true
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if room := max(0, maxHealthLog-c.Read); len(p.Log) > 0 {
		k.log = append(k.log, p.Log[:min(int64(len(p.Log)), room)]...)
		c.Read, k.changed = c.Read+int64(len(p.Log)), true
	}
	if !p.State.Final() {
		k.changed = k.changed || !c.Begun || c.Handle != p.Handle
		c.Begun, c.Handle = true, p.Handle
		k.wake(k.r.cfg.Now().Add(again(p)))
		return c, nil
	}
	k.r.endsJob(job.ID)
	k.done = append(k.done, job.ID)
	text := "succeeded"
	if p.State != provisioner.Succeeded {
		text, _, _ = strings.Cut(p.Message, "\n")
	}
	return k.answered(c, provisioner.Answer{OK: p.State == provisioner.Succeeded, Text: text}), nil
}

// giveUp ends what is still being asked: its answer is of no use any more. Commands
// that do not end at once are swept later.
func (k *checkup) giveUp(ctx context.Context, h state.Health) {
	for i, c := range h.Checks {
		check := k.art.Health.Checks[i]
		id := fmt.Sprintf("%s.health.%d", k.d.ID, i)
		switch engine := k.r.cfg.Engines[renderer.EngineCodeBuild]; {
		case check.Command != nil && c.Begun && engine != nil:
			job := k.commandJob(i, check, c)
			if err := engine.Cancel(ctx, job); err != nil {
				k.r.log.Info("health check left to end by itself", zap.String("deployment", k.d.ID), zap.Error(err))
			}
			id = job.ID
		case check.Command == nil && k.r.cfg.Prober != nil:
			k.r.cfg.Prober.Forget(id)
		}
		k.r.endsJob(id)
	}
}

// forget lets the engine clean up after looks whose answers are written.
func (k *checkup) forget(ctx context.Context) {
	f, ok := k.r.cfg.Engines[renderer.EngineCodeBuild].(forgetter)
	if !ok {
		return
	}
	for _, id := range k.done {
		if err := f.Forget(ctx, id); err != nil {
			k.r.log.Info("work folder left for the next sweep", zap.String("deployment", id), zap.Error(err))
		}
	}
}
