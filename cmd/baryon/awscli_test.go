package main

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"baryon/gitsource/githost"
	"baryon/provisioner/awssim"
	"baryon/provisioner/provisionertest"
	"baryon/renderer/archive"
	"baryon/server/access"
	"baryon/server/proton/model"
	"baryon/state"
)

// TestAWSCLI runs the AWS CLI itself against a daemon: the scripts in
// testdata/awscli, each with a daemon of its own. An operation, waiter or
// paginator that the CLI knows and that no script tries is a failure.
//
//	ok ARGS               succeeds
//	see PATTERN <- ARGS   prints what fits the pattern
//	until PATTERN <- ARGS does so sooner or later
//	no EXCEPTION ARGS     fails with that exception
//	all N ARGS            a list that has N elements, or with * some, and has them in pages of one too
//	keep NAME <- ARGS     remembers what is printed, for $NAME later
//	touch FILE, rm FILE   make and remove files
//
// An operation is tried when its success is followed by a look at its effect,
// which for those that read is what they print, and when it was seen to fail.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the AWS CLI is left out of short runs")
	}
	needGit(t)
	python := provisionertest.PythonOfAWS(t)
	tried := &trials{}
	t.Run("scripts", func(t *testing.T) {
		scripts, err := filepath.Glob("testdata/awscli/*.txt")
		if err != nil || len(scripts) == 0 {
			t.Fatalf("scripts %v, %v", scripts, err)
		}
		for _, path := range scripts {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
				t.Parallel()
				newCLIWorld(t, python, tried).run(t, path)
			})
		}
	})
	if !t.Failed() { // what a script did not come to would be said to be missing
		tried.complete(t, python)
	}
}

// trials are what was tried, over all scripts.
type trials struct {
	mu                                sync.Mutex
	succeeded, failed, waiters, paged map[string]bool
}

func (r *trials) note(into *map[string]bool, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *into == nil {
		*into = map[string]bool{}
	}
	(*into)[name] = true
}

// complete holds what was tried against what the CLI knows.
func (r *trials) complete(t *testing.T, python string) {
	t.Helper()
	known := provisionertest.KnownToAWSCLI(t, python, "proton")
	if len(known.Operations) < 75 || len(known.Waiters) != 10 {
		t.Fatalf("the CLI knows %v", known)
	}
	for what, one := range map[string]struct {
		want []string
		got  map[string]bool
	}{
		"succeeds with an effect": {known.Operations, r.succeeded}, "fails": {known.Operations, r.failed},
		"waits": {known.Waiters, r.waiters}, "pages": {known.Paginators, r.paged},
	} {
		var missing []string
		for _, name := range one.want {
			if !one.got[model.Hyphenated(name)] {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			t.Errorf("no script tries that it %s: %s", what, strings.Join(missing, " "))
		}
	}
	t.Logf("%d operations, %d waiters, %d paginators", len(known.Operations), len(known.Waiters), len(known.Paginators))
}

// A cliWorld is a daemon, a folder, and an AWS CLI that calls it with a key.
type cliWorld struct {
	dir, server string
	store       *state.Store
	tried       *trials
	vars        map[string]string
	cli         *provisionertest.AWSCLI
	pending     string // an operation whose effect was not looked at yet
}

func newCLIWorld(t *testing.T, python string, tried *trials) *cliWorld {
	t.Helper()
	dir := t.TempDir()
	host, err := githost.New(githost.Config{Dir: filepath.Join(dir, "git")})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"platform", "linked"} {
		if err := host.Create(name); err != nil {
			t.Fatal(err)
		}
		if _, err := host.Commit(name, githost.Change{Author: "Ada", Email: "ada@example.com", Message: "all", Files: os.DirFS("testdata/awscli/" + name)}); err != nil {
			t.Fatal(err)
		}
	}
	text := "listen: 127.0.0.1:0\ntoken_file: token\napi_commands: true\ns3_endpoint: " + cliBundles(t) + "\n" +
		"repositories:\n  - {name: platform, url: ./git/platform.git, publish: auto}\nlinks:\n  - {provider: GITHUB, name: acme/linked, url: ./git/linked.git}\n"
	for name, text := range map[string]string{"baryon.yaml": text, "token": "the-token"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := loadConfig(filepath.Join(dir, "baryon.yaml"), map[string]string{"store": "sqlite"})
	if err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, cfg)
	waitSync(t, d, func(s state.Sync) bool { return s.Commit != "" && s.Error == "" })
	k, err := d.store.CreateKey(t.Context(), "ada", state.Key{Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	w := &cliWorld{dir: dir, server: d.address(), store: d.store, tried: tried, vars: map[string]string{"DIR": dir}}
	specs, err := filepath.Abs("testdata/awscli/specs")
	if err != nil {
		t.Fatal(err)
	}
	w.vars["ARN"] = "arn:aws:proton:us-east-1:000000000000:"
	w.vars["SPECS"] = specs
	w.cli = provisionertest.StartAWSCLI(t, python, dir, "AWS_ACCESS_KEY_ID="+k.ID, "AWS_SECRET_ACCESS_KEY="+k.Secret, "AWS_DEFAULT_REGION=us-east-1")
	return w
}

// cliBundles is the address of an S3 whose bucket bundles has net.tgz and web.tgz.
func cliBundles(t *testing.T) string {
	t.Helper()
	sim := awssim.New(awssim.Config{})
	sim.Bucket(testAccount, "us-east-1", "bundles")
	account := httptest.NewServer(sim)
	t.Cleanup(account.Close)
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(account.URL), UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(testAccount, "none", ""),
	})
	for _, name := range []string{"net", "web"} {
		data, err := archive.Pack(os.DirFS("testdata/awscli/platform/" + name + "/v1"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bundles"), Key: aws.String(name + ".tgz"), Body: bytes.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
	}
	return account.URL
}

// aws runs the CLI once.
func (w *cliWorld) aws(args []string) (provisionertest.AWSAnswer, error) {
	return w.cli.Run(append([]string{"--endpoint-url", w.server, "proton"}, args...)...)
}

// run runs a script.
func (w *cliWorld) run(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if err := w.step(line); err != nil {
			t.Fatalf("%s:%d: %s\n%v", path, i+1, line, err)
		}
	}
}

// step runs a line.
func (w *cliWorld) step(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	rest = os.Expand(rest, func(name string) string { return w.vars[name] })
	before, after, _ := strings.Cut(rest, " <- ")
	switch verb {
	case "ok":
		return w.ok(words(rest))
	case "see":
		return w.see(before, words(after))
	case "until":
		deadline := time.Now().Add(time.Minute)
		for {
			changed := w.store.Changed() // before looking, so that nothing is missed
			err := w.see(before, words(after))
			if err == nil || time.Now().After(deadline) {
				return err
			}
			select {
			case <-changed:
			case <-time.After(time.Second): // what is shown may change by time alone
			}
		}
	case "no":
		exception, args, _ := strings.Cut(rest, " ")
		return w.no(exception, words(args))
	case "all":
		n, args, _ := strings.Cut(rest, " ")
		return w.all(n, words(args))
	case "keep":
		o, err := w.good(words(after))
		w.vars[before] = strings.TrimSpace(o.Out)
		return err
	case "touch":
		return os.WriteFile(filepath.Join(w.dir, rest), nil, 0o600)
	case "rm":
		return os.Remove(filepath.Join(w.dir, rest))
	}
	return fmt.Errorf("there is no verb %s", verb)
}

func (w *cliWorld) good(args []string) (provisionertest.AWSAnswer, error) {
	o, err := w.aws(args)
	if err == nil && o.Code != 0 {
		err = fmt.Errorf("exit code %d: %s%s", o.Code, o.Out, o.Err)
	}
	return o, err
}

func (w *cliWorld) ok(args []string) error {
	_, err := w.good(args)
	if err == nil && args[0] == "wait" {
		w.tried.note(&w.tried.waiters, args[1])
	} else {
		w.pending = args[0]
	}
	return err
}

func (w *cliWorld) see(pattern string, args []string) error {
	o, err := w.aws(args)
	if err != nil {
		return err
	}
	if fits, err := regexp.MatchString(pattern, strings.TrimSpace(o.Out+o.Err)); err != nil || !fits {
		return fmt.Errorf("printed %q, want %s", o.Out+o.Err, pattern)
	}
	if o.Code == 0 {
		w.tried.note(&w.tried.succeeded, args[0])
	}
	if w.pending != "" && (strings.HasPrefix(args[0], "get-") || strings.HasPrefix(args[0], "list-")) {
		w.tried.note(&w.tried.succeeded, w.pending)
		w.pending = ""
	}
	return nil
}

func (w *cliWorld) no(exception string, args []string) error {
	o, err := w.aws(args)
	if err != nil {
		return err
	}
	if o.Code == 0 || !strings.Contains(o.Err, "("+exception+")") && !strings.Contains(o.Err, exception) {
		return fmt.Errorf("exit code %d: %s%s, want %s", o.Code, o.Out, o.Err, exception)
	}
	if args[0] != "wait" {
		w.tried.note(&w.tried.failed, args[0])
	}
	return nil
}

// all reads a list at once, and in pages of one where the CLI lets us choose.
func (w *cliWorld) all(n string, args []string) error {
	m, err := model.Load()
	if err != nil {
		return err
	}
	name, known := model.Named(m.Operations, args[0])
	if !known {
		return fmt.Errorf("there is no operation %s", args[0])
	}
	p := m.Paginators[name]
	args = append(slices.Clone(args), "--query", "length("+p.Result+")", "--output", "json")
	ways := [][]string{args}
	if p.Limit != "" {
		ways = append(ways, append(slices.Clone(args), "--page-size", "1"))
	}
	for _, way := range ways {
		o, err := w.good(way)
		if err != nil {
			return err
		}
		got := strings.TrimSpace(o.Out)
		if n == "*" && len(got)+len(p.Limit) > 1 {
			n = got
		}
		if got != n {
			return fmt.Errorf("%v: %s elements, want %s", way, got, n)
		}
	}
	w.tried.note(&w.tried.succeeded, args[0])
	w.tried.note(&w.tried.paged, args[0])
	return nil
}

// words splits a line as a shell does that knows quotes alone.
func words(line string) []string {
	var out []string
	var b strings.Builder
	quote, some := rune(0), false
	for _, r := range line {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote, some = r, true
		case quote != 0 && r == quote:
			quote = 0
		case r == ' ' && quote == 0:
			if some {
				out = append(out, b.String())
			}
			b.Reset()
			some = false
		default:
			b.WriteRune(r)
			some = true
		}
	}
	if some {
		out = append(out, b.String())
	}
	return out
}
