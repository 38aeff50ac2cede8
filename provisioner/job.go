package provisioner

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An order is what a work folder records of its job, for the supervisor. It
// holds no secret.
type order struct {
	Format   int // 1; a supervisor of another version refuses what it does not know
	ID       string
	Stack    string
	Action   Action
	Boot     string // under which the folder was filled
	Commands []string
	Env      map[string]string
	Path     string
	Cgroup   string
	Tool     ToolUse

	Timeout      time.Duration
	Grace        time.Duration
	Deadline     time.Duration
	MaxOutput    int64
	MaxProcesses int
	MemoryMax    int64
}

const orderFormat = 1

func (c *Command) order(job Job) order {
	o := order{
		Format: orderFormat, ID: job.ID, Stack: job.Stack, Action: job.Action, Boot: bootID(),
		Commands: job.Commands, Env: job.Env, Path: c.cfg.Path, Cgroup: c.cfg.Cgroup, Tool: job.Tool,
		Timeout: c.cfg.Timeout, Grace: c.cfg.Grace, Deadline: c.cfg.Deadline,
		MaxOutput: c.cfg.MaxOutput, MaxProcesses: c.cfg.MaxProcesses, MemoryMax: c.cfg.MemoryMax,
	}
	if job.Timeout > 0 {
		o.Timeout = job.Timeout
	}
	return o
}

// environment is all a job's commands see: nothing of the daemon's own.
func (o order) environment(f folder, run string, secrets map[string]string) []string {
	env := map[string]string{
		"PATH":   o.Path,
		"HOME":   f.path("home"),
		"TMPDIR": f.path("tmp"),
		"LANG":   "C.UTF-8",
	}
	maps.Copy(env, o.Env)
	maps.Copy(env, secrets)
	env[runVariable] = run
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

var variableRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// refuse says what keeps a job from ever being run, all of it, or nothing.
func refuse(job Job) string {
	var problems []string
	names := slices.Concat(slices.Sorted(maps.Keys(job.Env)), slices.Sorted(maps.Keys(job.Secrets)))
	for _, s := range job.References {
		names = append(names, s.Name)
	}
	for _, name := range names {
		switch {
		case !variableRule.MatchString(name):
			problems = append(problems, fmt.Sprintf("environment variable %q: want letters, digits and underscores, the first not a digit; rename it", name))
		case name == runVariable:
			problems = append(problems, fmt.Sprintf("environment variable %s is set by baryon; rename yours", name))
		case strings.ContainsRune(job.Env[name], 0):
			problems = append(problems, fmt.Sprintf("environment variable %s: the value holds a NUL byte, which no process can be handed; remove it", name))
		}
	}
	for i, command := range job.Commands {
		if strings.ContainsRune(command, 0) {
			problems = append(problems, fmt.Sprintf("command %d of %d holds a NUL byte, which no shell reads; remove it", i+1, len(job.Commands)))
		}
	}
	return strings.Join(problems, "\n")
}
