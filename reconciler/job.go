package reconciler

import (
	"context"
	"maps"
	"strings"

	"baryon/provisioner"
	"baryon/renderer"
	"baryon/state"
)

// job builds the engine's view of a deployment. The engine is nil for what
// needs none.
func (r *Reconciler) job(ctx context.Context, d state.Deployment) (Engine, provisioner.Job, int64, error) {
	engine := r.cfg.Engines[renderer.Engine(d.Engine)]
	if engine == nil || d.Rendered == "" {
		return nil, provisioner.Job{}, 0, nil
	}
	art, err := r.artifact(ctx, d.Rendered)
	if err != nil {
		return nil, provisioner.Job{}, 0, err
	}
	offset, err := r.cfg.Store.LogSize(ctx, d.ID)
	if err != nil {
		return nil, provisioner.Job{}, 0, err
	}
	job := r.jobOf(d, art)
	job.LogOffset = offset
	r.letIn(&job)
	return engine, job, offset, nil
}

// jobOf is what an engine is told of a deployment that applies art.
func (r *Reconciler) jobOf(d state.Deployment, art *artifact) provisioner.Job {
	s := r.current()
	job := provisioner.Job{
		ID: d.ID, Stack: d.Ref.Stack(), Action: provisioner.Provision, Files: art.files, Commands: art.Commands,
		Env: maps.Clone(art.Env), References: art.Secrets, Role: d.Desired.Role, Handle: d.Handle, Timeout: art.Timeout, Plan: d.Plan,
		RerunSafe: art.RerunSafe || d.Desired.RerunSafe,
	}
	job.Restore, job.Adopt, job.Imports, job.Tags = d.Restore, d.Adopt, d.Imports, d.Desired.Tags
	for name := range d.Before.Tags {
		if _, still := job.Tags[name]; !still {
			job.Untag = append(job.Untag, name)
		}
	}
	if d.Before.Stack != "" {
		job.Stack = d.Before.Stack
	}
	if job.Force = d.Anew; d.Leave != "" {
		job.Leave = strings.Split(d.Leave, ",")
	}
	if d.Action == state.Delete {
		job.Action, job.Commands = provisioner.Deprovision, art.Deprovision
	}
	if job.Env == nil {
		job.Env = map[string]string{}
	}
	if d.Account != s.Account {
		job.Account = d.Account
	}
	job.Region, job.ExternalID, job.Place = d.Desired.Region, d.Desired.ExternalID, d.Before.Place
	region := s.Region
	if job.Region != "" {
		region = job.Region
	}
	job.Env["RESOURCE_ARN"] = d.Ref.ARN(s.Region, s.account(d.Desired))
	job.Env["AWS_DEFAULT_REGION"], job.Env["AWS_REGION"] = region, region
	job.Env["BARYON_DEPLOYMENT_ID"], job.Env["BARYON_STACK"] = d.ID, job.Stack
	return job
}

// letIn tells the commands of a job how they reach this daemon, where the
// template does not say it itself.
func (r *Reconciler) letIn(job *provisioner.Job) {
	if r.cfg.Access == nil {
		return
	}
	env, secrets := r.cfg.Access(job.ID)
	for name, value := range env {
		if _, said := job.Env[name]; !said {
			job.Env[name] = value
		}
	}
	job.Secrets = secrets
}
