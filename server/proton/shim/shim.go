// Package shim stands in for the AWS CLI where bundles and pipelines call it:
// "aws proton …" is answered by the daemon, everything else by the real aws. It
// knows how that command line writes operations, arguments and results.
//
// It refuses to know what the operations mean: it sends what it was given, by
// the published model, and prints what comes back.
package shim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"baryon/server/proton/model"
)

// TokenVariable is where commands of a deployment find the token that was made
// for them.
const TokenVariable = "BARYON_DEPLOYMENT_TOKEN" //nolint:gosec // the name of a variable

// Exit codes of the AWS CLI, and of a shell for a command that is not there.
const (
	exitUsage    = 252
	exitCall     = 254
	exitWait     = 255
	exitNotFound = 127
)

// Config is what Run needs. All of it is required.
type Config struct {
	Args   []string // without the name of the program
	Getenv func(string) string
	Server string // the daemon, unless --endpoint-url names another
	Token  string // what it is called with; empty for none
	Stdout io.Writer
	Stderr io.Writer
	// Exec becomes another program; it returns only with an error.
	Exec func(path string, args []string) error
}

// Run does what the arguments ask for and returns the exit code.
func Run(ctx context.Context, cfg Config) int {
	code, err := run(ctx, cfg)
	if err != nil {
		fmt.Fprintf(cfg.Stderr, "\n%v\n", err)
	}
	return code
}

// usage is an error in the command line.
type usage struct{ text string }

func (u usage) Error() string { return "baryon aws-shim: " + u.text }

func usagef(format string, args ...any) error { return usage{fmt.Sprintf(format, args...)} }

func run(ctx context.Context, cfg Config) (int, error) {
	g, rest, err := globals(cfg.Args)
	if err != nil || len(rest) == 0 || rest[0] != "proton" {
		// What cannot be read is for the real one to judge.
		return handOver(cfg)
	}
	m, err := model.Load()
	if err != nil {
		return exitCall, err
	}
	s := &session{cfg: cfg, model: m, global: g}
	code, err := s.proton(ctx, rest[1:])
	if _, bad := errors.AsType[usage](err); bad {
		return exitUsage, err
	}
	return code, err
}

// A session is one call of the command line.
type session struct {
	cfg    Config
	model  *model.Model
	global global
}

// global are the options that every command of the AWS CLI takes, as far as
// they matter here.
type global struct {
	output     string
	query      string
	endpoint   string
	noPaginate bool

	maxItems      int // of a list; 0 for all
	startingToken string
}

// flags take no value, options one that does not matter here.
var (
	flags = []string{
		"--debug", "--no-verify-ssl", "--no-sign-request", "--no-cli-pager", "--cli-auto-prompt", "--no-cli-auto-prompt", "--cli-error-format",
	}
	options = []string{
		"--region", "--profile", "--color", "--ca-bundle", "--cli-read-timeout", "--cli-connect-timeout", "--cli-binary-format",
	}
)

// globals takes the global options out of the arguments, wherever they stand,
// as the AWS CLI does.
func globals(args []string) (g global, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		into := map[string]*string{"--output": &g.output, "--query": &g.query, "--endpoint-url": &g.endpoint}[name]
		switch {
		case args[i] == "--no-paginate":
			g.noPaginate = true
		case slices.Contains(flags, args[i]):
		case into != nil || slices.Contains(options, name):
			if !joined {
				if i++; i == len(args) {
					return g, nil, usagef("%s needs a value", name)
				}
				value = args[i]
			}
			if into != nil {
				*into = value
			}
		default:
			rest = append(rest, args[i])
		}
	}
	return g, rest, nil
}

// proton answers "aws proton …".
func (s *session) proton(ctx context.Context, args []string) (int, error) {
	if s.global.output == "" {
		s.global.output = s.cfg.Getenv("AWS_DEFAULT_OUTPUT")
	}
	switch s.global.output {
	case "", "json", "text", "yaml":
	default:
		return exitUsage, usagef("--output %s is not answered here; use json, yaml or text", s.global.output)
	}
	if len(args) == 0 || args[0] == "help" {
		return s.help()
	}
	if args[0] == "wait" {
		return s.wait(ctx, args[1:])
	}
	name, known := model.Named(s.model.Operations, args[0])
	if !known {
		return exitUsage, usagef("AWS Proton has no operation %q; aws proton help lists those there are", args[0])
	}
	in, err := s.input(name, args[1:])
	if err != nil {
		return exitUsage, err
	}
	result, err := s.pages(ctx, name, in)
	if err != nil {
		return exitCall, err
	}
	return 0, s.print(result)
}

// help lists the operations.
func (s *session) help() (int, error) {
	fmt.Fprintln(s.cfg.Stdout, "aws proton is answered by the Baryon daemon at "+s.address()+". Operations:")
	for _, name := range sorted(s.model.Operations) {
		fmt.Fprintln(s.cfg.Stdout, "  "+name)
	}
	fmt.Fprintln(s.cfg.Stdout, "\nWaiters:")
	for _, name := range sorted(s.model.Waiters) {
		fmt.Fprintln(s.cfg.Stdout, "  wait "+name)
	}
	return 0, nil
}

func (s *session) address() string {
	if s.global.endpoint != "" {
		return strings.TrimSuffix(s.global.endpoint, "/")
	}
	return strings.TrimSuffix(s.cfg.Server, "/")
}

// Real finds the AWS CLI itself on a search path: a program named aws that is
// not this one.
func Real(path, self string) (string, bool) {
	own, err := os.Stat(self)
	if err != nil {
		own = nil
	}
	for dir := range strings.SplitSeq(path, string(os.PathListSeparator)) {
		if dir == "" {
			continue
		}
		file := dir + string(os.PathSeparator) + "aws"
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || own != nil && os.SameFile(info, own) {
			continue
		}
		return file, true
	}
	return "", false
}

// handOver becomes the real aws, or says that there is none.
func handOver(cfg Config) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return exitNotFound, err
	}
	path, found := Real(cfg.Getenv("PATH"), self)
	if !found {
		return exitNotFound, errors.New("baryon aws-shim: only \"aws proton\" is answered here, and the AWS CLI is not installed: " +
			"no other aws is on PATH; install it where the daemon runs")
	}
	if err := cfg.Exec(path, cfg.Args); err != nil {
		return exitNotFound, fmt.Errorf("baryon aws-shim: %s: %w", path, err)
	}
	return 0, nil
}
