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

	"github.com/jmespath/go-jmespath"

	"baryon/server/proton/model"
)

// TokenVariable is where commands of a deployment find the token that was made
// for them.
const TokenVariable = "BARYON_DEPLOYMENT_TOKEN" //nolint:gosec // the name of a variable

// Exit codes of the AWS CLI, and of a shell for a command that is not there.
const (
	exitUsage    = 252
	exitConfig   = 253
	exitCall     = 254
	exitFault    = 255
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
	if bad, ok := errors.AsType[usage](err); ok {
		return bad.code, err
	}
	return code, err
}

// A session is one call of the command line.
type session struct {
	cfg     Config
	model   *model.Model
	global  global
	profile profile
	query   *jmespath.JMESPath
	named   map[string]int // keys that the query gives, by their order
}

// global are the options that every command of the AWS CLI takes, as far as
// they matter here.
type global struct {
	output     string
	query      string
	endpoint   string
	profile    string
	region     string
	noPaginate bool
	unsigned   bool

	maxItems      *int // of a list; nil for all
	startingToken string
}

// flags take no value, options one that does not matter here.
var (
	flags = []string{
		"--debug", "--no-verify-ssl", "--no-cli-pager", "--cli-auto-prompt", "--no-cli-auto-prompt", "--cli-error-format",
	}
	options = []string{
		"--color", "--ca-bundle", "--cli-read-timeout", "--cli-connect-timeout", "--cli-binary-format",
	}
)

// globals takes the global options out of the arguments, wherever they stand,
// as the AWS CLI does.
func globals(args []string) (g global, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		into := map[string]*string{
			"--output": &g.output, "--query": &g.query, "--endpoint-url": &g.endpoint, "--profile": &g.profile, "--region": &g.region,
		}[name]
		switch {
		case args[i] == "--no-paginate":
			g.noPaginate = true
		case args[i] == "--no-sign-request":
			g.unsigned = true
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

// outputs are the forms of --output.
func outputs() []string { return []string{"json", "text", "table", "yaml", "yaml-stream"} }

// proton answers "aws proton …".
func (s *session) proton(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 || args[0] == "help" {
		return s.help()
	}
	if s.global.output != "" && !slices.Contains(outputs(), s.global.output) {
		return exitUsage, choice("--output", outputs())
	}
	if s.global.query != "" {
		var err error
		if s.query, err = jmespath.Compile(s.global.query); err != nil {
			return exitUsage, usagef("Bad value for --query %s: %s", s.global.query, faultIn(s.global.query, err))
		}
		s.named = namedIn(s.global.query)
	}
	if err := s.configure(); err != nil {
		return exitFault, err
	}
	if args[0] == "wait" {
		return s.wait(ctx, args[1:])
	}
	name, known := model.Named(s.model.Operations, args[0])
	if !known {
		return exitUsage, choice("operation", append(hyphenated(s.model.Operations), "wait", "help"))
	}
	p, err := s.options(name, args[1:])
	if err != nil {
		return exitUsage, err
	}
	if p.has(skeleton) && p.values[skeleton][0] != "output" {
		return s.sample(name, p)
	}
	in, err := s.input(name, p)
	if err == nil {
		err = s.validate(name, in)
	}
	if err != nil {
		return exitUsage, err
	}
	if p.has(skeleton) {
		return s.sample(name, p)
	}
	found, err := s.answer(ctx, name, in)
	if _, answered := errors.AsType[*failure](err); err != nil && !answered {
		return exitFault, err
	}
	if err != nil {
		return exitCall, err
	}
	return 0, s.print(name, found)
}

// faultIn says what is wrong with a query.
func faultIn(query string, err error) string {
	bad, ok := errors.AsType[jmespath.SyntaxError](err)
	if !ok {
		return err.Error()
	}
	what := "Incomplete expression"
	if bad.Offset < len(query) {
		what = fmt.Sprintf("Parse error at column %d, %s, for expression", bad.Offset, strings.TrimPrefix(bad.Error(), "SyntaxError: "))
	}
	return fmt.Sprintf("Invalid jmespath expression: %s:\n\"%s\"\n%s^", what, query, spaces(bad.Offset+1))
}

// sample prints what an operation takes or answers, made up.
func (s *session) sample(name string, p parsed) (int, error) {
	op := s.model.Operations[name]
	var out strings.Builder
	switch p.values[skeleton][0] {
	case "output":
		made := s.skeleton(op.Output, "", true)
		return 0, s.print(name, of(made))
	case "yaml-input":
		s.yamlSample(&out, op.Input, 0)
	default:
		s.json(&out, s.skeleton(op.Input, "", false), "")
		out.WriteByte('\n')
	}
	_, err := fmt.Fprint(s.cfg.Stdout, out.String())
	return 0, err
}

// help lists the operations.
func (s *session) help() (int, error) {
	fmt.Fprintln(s.cfg.Stdout, "aws proton is answered by the Baryon daemon at "+s.address()+". Operations:")
	for _, name := range hyphenated(s.model.Operations) {
		fmt.Fprintln(s.cfg.Stdout, "  "+name)
	}
	fmt.Fprintln(s.cfg.Stdout, "\nWaiters:")
	for _, name := range hyphenated(s.model.Waiters) {
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
