package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// States are what the engine keeps, for a person who has to look at one or to
// put one right. Terraform itself reads and writes them, under its locks, so
// that a daemon may run meanwhile.
type States struct{ engine *Engine }

// NewStates returns the states of an engine with this configuration, whose Runner
// is not needed.
func NewStates(cfg Config) (*States, error) {
	e, err := newEngine(cfg)
	return &States{e}, err
}

// A LockedError says who holds the lock of a state.
type LockedError struct{ ID, Text string }

func (e *LockedError) Error() string { return "the state is locked:\n" + e.Text }

// Pull is the state of a stack, secrets included; empty where there is none.
func (s *States) Pull(ctx context.Context, stack string) ([]byte, error) {
	var state []byte
	err := s.open(stack, func(run runner) (err error) {
		state, err = run(ctx, "state", "pull")
		return err
	})
	return state, err
}

// A KeptError says that a state was not replaced, as it holds something.
type KeptError struct{ Text string }

func (e *KeptError) Error() string { return e.Text }

// Adopt makes a state file the state of a stack. It refuses to take the place of
// a state that holds anything, unless that is an older one of the same lineage. The
// note, if any, is what whoever adopts it should know.
func (s *States) Adopt(ctx context.Context, stack string, state []byte) (note string, err error) {
	var wanted struct {
		Version   int               `json:"version"`
		Writer    string            `json:"terraform_version"`
		Lineage   string            `json:"lineage"`
		Resources []json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal(state, &wanted); err != nil || wanted.Version != 4 || wanted.Lineage == "" {
		return "", errors.New("this is no state file of Terraform 0.12 or newer (JSON with version 4 and a lineage); write one with: terraform state pull > FILE")
	}
	err = s.open(stack, func(run runner) error {
		now, err := run(ctx, "state", "pull")
		if err != nil {
			return err
		}
		if p, err := s.engine.program(ctx); err == nil && older(p.Version, wanted.Writer) {
			note = fmt.Sprintf("it was written by version %s, and %s here is %s: what newer providers put into it may not be understood", wanted.Writer, p.Name, p.Version)
		}
		args := []string{"state", "push", "-lock-timeout=" + s.engine.cfg.LockWait.String()}
		if empty(now) {
			args = append(args, "-force") // its lineage is of no use to anybody
		}
		err = s.push(ctx, run, args, state)
		if err != nil && strings.Contains(err.Error(), "cannot import state") {
			return &KeptError{err.Error()}
		}
		return err
	})
	return note, err
}

// Unlock releases the lock of a state that nobody holds any more. It is a no-op
// where there is none. A lock whose holder lives on this machine cannot be
// taken away: the error says who that is.
func (s *States) Unlock(ctx context.Context, stack string) (released string, err error) {
	err = s.open(stack, func(run runner) error {
		now, err := run(ctx, "state", "pull")
		if err != nil || len(bytes.TrimSpace(now)) == 0 {
			return err
		}
		// Writing what is there changes nothing, and needs the lock.
		err = s.push(ctx, run, []string{"state", "push", "-lock-timeout=0s"}, now)
		locked, ok := errors.AsType[*LockedError](err)
		if !ok {
			return err
		}
		if _, err := run(ctx, "force-unlock", "-force", locked.ID); err != nil {
			return fmt.Errorf("%w\n%w; end whoever holds it", locked, err)
		}
		released = locked.Text
		return nil
	})
	return released, err
}

// empty reports whether a state holds nothing.
func empty(state []byte) bool {
	var now struct {
		Resources []json.RawMessage `json:"resources"`
	}
	return len(bytes.TrimSpace(state)) == 0 || json.Unmarshal(state, &now) == nil && len(now.Resources) == 0
}

func (s *States) push(ctx context.Context, run runner, args []string, state []byte) error {
	file, err := os.CreateTemp("", "baryon-state-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(state)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	_, err = run(ctx, append(args, file.Name())...)
	return err
}

// A runner runs the program in a folder that knows a stack's state.
type runner func(ctx context.Context, args ...string) ([]byte, error)

// open makes a folder that knows a stack's state and nothing else.
func (s *States) open(stack string, do func(runner) error) error {
	dir, err := os.MkdirTemp("", "baryon-state-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(s.engine.stack(stack), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, backendFile), s.engine.backend(stack), 0o600); err != nil {
		return err
	}
	initialised := false
	run := func(ctx context.Context, args ...string) ([]byte, error) {
		p, err := s.engine.program(ctx)
		if err != nil {
			return nil, err
		}
		if !initialised {
			init := []string{"init", "-input=false", "-no-color"}
			if _, err := s.run(ctx, p, dir, stack, init); err != nil {
				return nil, err
			}
			initialised = true
		}
		return s.run(ctx, p, dir, stack, args)
	}
	return do(run)
}

var (
	ansi   = regexp.MustCompile(`\x1b\[[0-9;]*m|[│╷╵]`)
	lockID = regexp.MustCompile(`(?m)^\s*ID:\s+(\S+)\s*$`)
)

func (s *States) run(ctx context.Context, p Program, dir, stack string, args []string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, p.Path, args...)
	cmd.Dir = dir
	env := s.engine.environment("", stack, nil)
	if args[0] == "init" && env["TF_WORKSPACE"] != "" {
		env["TF_WORKSPACE"] = "default"
	}
	maps.Copy(env, s.engine.secrets(nil))
	cmd.Env = []string{"PATH=" + s.engine.cfg.Path, "HOME=" + dir, "TMPDIR=" + os.TempDir()}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.Output()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if !failed {
		return out, err
	}
	text := strings.TrimSpace(ansi.ReplaceAllString(string(exit.Stderr), ""))
	if id := lockID.FindStringSubmatch(text); id != nil && strings.Contains(text, "acquiring the state lock") {
		return nil, &LockedError{ID: id[1], Text: text}
	}
	if file := filepath.Join(s.engine.stack(stack), stateFile); args[0] == "init" && s.engine.local() && strings.Contains(text, "state file") {
		text += "\n" + file + " is damaged; put a good copy in its place, and nothing else is lost"
	}
	return nil, fmt.Errorf("%s %s: %s", p.Name, args[0], text)
}
