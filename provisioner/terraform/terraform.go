// Package terraform is the engine that runs Terraform or OpenTofu on this
// machine.
//
// It knows the program: its commands, its files, what it prints, and what must
// not be in code that others wrote. It refuses to know how processes are kept
// and found again, which it leaves to the command engine, and what the files
// were rendered from.
package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"baryon/provisioner"
)

// Config is what New needs. Runner and Dir are required.
type Config struct {
	// Runner runs the commands and outlives the daemon. Its program has to hand
	// NewTool to provisioner.Supervise under the name Tool.
	Runner *provisioner.Command
	// Dir is the folder of states, lock files and downloaded providers.
	Dir string
	// Binary is terraform or tofu: a path, or a name to be looked for in Path.
	// Empty is whichever of the two is found.
	Binary string
	// Path is the search path; empty is the environment's.
	Path string
	// Patience is how long the program gets to save its state when it is to
	// end; 0 is five minutes.
	Patience time.Duration
	// LockWait is how long somebody else's lock on the state is waited for; 0 is
	// one minute.
	LockWait time.Duration
	// InitWithin is how long providers and modules may take to be downloaded; 0
	// is ten minutes.
	InitWithin time.Duration
	// Policy is what code may do.
	Policy Policy
	// Mirrors are folders that hold providers, besides the folder mirror in Dir.
	// NetworkMirror is the address of a server that has some.
	Mirrors       []string
	NetworkMirror string
	// Network lets providers be downloaded from their registries. Modules are
	// downloaded from where Policy allows.
	Network bool
	// State says where states are.
	State StateIn
	// Retain names what is left alone when a stack is destroyed: types of
	// resources, or addresses in which * stands for anything.
	Retain []string
	// Env names variables of this process that the program is to see, as
	// credentials of a provider. Their values are masked in logs.
	Env []string
}

// An Engine applies Terraform code. Each stack has its own state, below Dir.
type Engine struct {
	cfg Config

	mu    sync.Mutex
	found Program // once it was needed
}

// A RefusedError says why code is not run. Only other code, or another
// configuration, changes that.
type RefusedError struct{ Problems []string }

func (e *RefusedError) Error() string { return strings.Join(e.Problems, "\n") }

// New returns an engine and makes its folder. Whether the program can be used is
// found out when it is needed.
func New(cfg Config) (*Engine, error) {
	if cfg.Runner == nil {
		return nil, errors.New("terraform: Config.Runner is required")
	}
	return newEngine(cfg)
}

func newEngine(cfg Config) (*Engine, error) {
	if cfg.Dir == "" {
		return nil, errors.New("terraform: Config.Dir is required")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("terraform folder %s: %w", cfg.Dir, err)
	}
	cfg.Dir = dir
	if cfg.Path == "" {
		cfg.Path = os.Getenv("PATH")
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 5 * time.Minute
	}
	if cfg.LockWait <= 0 {
		cfg.LockWait = time.Minute
	}
	if cfg.InitWithin <= 0 {
		cfg.InitWithin = 10 * time.Minute
	}
	e := &Engine{cfg: cfg}
	for _, sub := range []string{"plugins", "mirror"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("terraform folder: %w", err)
		}
	}
	return e, e.writeSettings()
}

// Apply starts the job, or looks at it, as the command engine's does. What it
// did not start yet, and cannot, is an error: nothing was changed then.
func (e *Engine) Apply(ctx context.Context, job provisioner.Job) (provisioner.Progress, error) {
	work, err := e.work(ctx, job, applying)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return provisioner.Progress{State: provisioner.Failed, Message: refused.Error()}, nil
	}
	if err != nil {
		return provisioner.Progress{}, err
	}
	return e.cfg.Runner.Apply(ctx, work)
}

// Cancel asks for the job to end as soon as the state is saved.
func (e *Engine) Cancel(ctx context.Context, job provisioner.Job) error {
	return e.cfg.Runner.Cancel(ctx, job)
}

// Renew keeps the job going; see the command engine.
func (e *Engine) Renew(ctx context.Context, id string) error { return e.cfg.Runner.Renew(ctx, id) }

// Forget removes what is kept of a job that has ended. The state stays.
func (e *Engine) Forget(ctx context.Context, id string) error { return e.cfg.Runner.Forget(ctx, id) }

// work makes a job of commands out of a job of code.
func (e *Engine) work(ctx context.Context, job provisioner.Job, k kind) (provisioner.Job, error) {
	p, err := e.program(ctx)
	if err != nil {
		return job, err
	}
	stack := e.stack(job.Stack)
	if err := os.MkdirAll(filepath.Join(stack, plansDir), 0o700); err != nil {
		return job, err
	}
	var notes []string
	if job.Handle == "" && !e.cfg.Runner.Knows(job.ID) { // what has begun was checked
		var problems []Problem
		if problems, notes = e.cfg.Policy.Check(job.Files); len(problems) > 0 {
			return job, &RefusedError{texts(problems)}
		}
	}
	cfg := toolConfig{
		Kind: k, Stack: stack, Policy: e.cfg.Policy, Notes: notes, Plan: job.Plan, LocalState: e.local(), Until: job.Until,
		Offline: !e.cfg.Network && e.cfg.NetworkMirror == "",
		Inits:   filepath.Join(e.cfg.Dir, initsDir), Program: p.Path + " " + p.Version + "\n" + e.settings(),
	}
	if k == applying && job.Plan == "" {
		cfg.Never = job.Never
	}
	if job.Action == provisioner.Deprovision {
		cfg.Retain, cfg.Leave = e.cfg.Retain, job.Leave
	} else if len(job.Leave) > 0 {
		return job, &RefusedError{[]string{"a deployment of Terraform code leaves nothing out, want it without " + strings.Join(job.Leave, ", ") +
			"; only a deletion can: take the resource out of the code, or try again with baryon retry"}}
	}
	if k == planning {
		cfg.Plan = job.ID
	}
	job.Files = withFiles(job.Files, map[string][]byte{backendFile: e.backend(job.Stack)})
	cfg.Steps, job.Commands = e.steps(p, job.Action, k, len(cfg.Retain)+len(cfg.Leave) > 0)
	job.Env, job.Secrets = e.environment(job.ID, job.Stack, job.Env), e.secrets(job.Secrets)
	job.Tool = provisioner.ToolUse{Name: Tool, Harmless: harmless(cfg.Steps), Patience: e.cfg.Patience, Within: []time.Duration{e.cfg.InitWithin}}
	if job.Tool.Config, err = json.Marshal(cfg); err != nil {
		return job, err
	}
	return job, nil
}

// stack is the folder of what is kept of a stack.
func (e *Engine) stack(name string) string { return filepath.Join(e.cfg.Dir, "stacks", safeName(name)) }
