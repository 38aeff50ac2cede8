package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"baryon/state/pgtest"
)

// testAccount is the simulated account of the tests.
const testAccount = "000000000000"

// TestMain lets the test binary be the daemon and the supervisor of its
// commands, as the real binary is both.
func TestMain(m *testing.M) {
	if os.Getenv("BARYON_TEST_MAIN") != "" || isShim() {
		main()
	}
	// Daemons in this process are to have no credentials but those of a simulated account.
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": testAccount, "AWS_SECRET_ACCESS_KEY": "none", "AWS_SESSION_TOKEN": ""} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	// The stories wait for processes and clocks more than they compute.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"baryon": main, "site": site, "forge": forge})
}

// TestScripts tells the stories of testdata/script: the real binary, real
// pushes by git, and the command line as a user types it.
func TestScripts(t *testing.T) {
	t.Parallel()
	needGit(t)
	testscript.Run(t, testscript.Params{Dir: filepath.Join("testdata", "script"), Setup: stage, Cmds: stageHands(), Condition: knows})
}

// TestScriptsOnPostgreSQL tells one of the stories with the other database.
func TestScriptsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	needGit(t)
	url := pgtest.Start(t)
	testscript.Run(t, testscript.Params{
		Files: []string{filepath.Join("testdata", "script", "service-update.txtar")},
		Setup: func(env *testscript.Env) error {
			env.Setenv("BARYON_STORE", url)
			return stage(env)
		},
		Cmds: stageHands(), Condition: knows,
	})
}

// TestScriptsWithTofu tells the stories of Terraform code with OpenTofu.
func TestScriptsWithTofu(t *testing.T) {
	t.Parallel()
	needGit(t)
	tofu := program(t, "tofu")
	stories, err := filepath.Glob(filepath.Join("testdata", "script", "terraform*.txtar"))
	if err != nil || len(stories) < 5 {
		t.Fatalf("stories %v, %v", stories, err)
	}
	testscript.Run(t, testscript.Params{
		Files: stories,
		Setup: func(env *testscript.Env) error {
			bin, providers := filepath.Join(env.WorkDir, ".bin"), filepath.Join(env.WorkDir, ".providers")
			err := errors.Join(stage(env), os.Mkdir(bin, 0o700), os.Symlink(tofu, filepath.Join(bin, "terraform")))
			if mirror() != "" {
				err = errors.Join(err, os.CopyFS(filepath.Join(providers, "registry.opentofu.org"), os.DirFS(filepath.Join(mirror(), "registry.terraform.io"))))
			}
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("MIRROR", providers)
			return err
		},
		Cmds: stageHands(), Condition: knows,
	})
}

func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "git") {
			t.Fatal("git is required here and is not on PATH")
		}
		t.Skip("git is not on PATH")
	}
}

// stageHands are the commands that scripts have besides those of testscript.
func stageHands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"until": until, "push": push, "post": post}
}

// stage gives a script an address, a data folder and an author of its own.
func stage(env *testscript.Env) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	env.Setenv("BARYON_LISTEN", address)
	env.Setenv("BARYON_SERVER", "http://"+address)
	aws, err := freeAddress()
	if err != nil {
		return err
	}
	site, err := freeAddress()
	if err != nil {
		return err
	}
	env.Setenv("SITE_LISTEN", site) // where what is deployed may answer
	env.Setenv("AWS_LISTEN", aws)   // where a simulated AWS may be
	env.Setenv("BARYON_AWS_ENDPOINT", "http://"+aws)
	env.Setenv("AWS_ACCESS_KEY_ID", testAccount)
	env.Setenv("AWS_SECRET_ACCESS_KEY", "none")
	env.Setenv("BARYON_DATA", filepath.Join(env.WorkDir, "data"))
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("MIRROR", mirror())
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env.Setenv("GIT_"+who+"_NAME", "Ada")
		env.Setenv("GIT_"+who+"_EMAIL", "ada@example.com")
	}
	env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	return nil
}

// knows answers the conditions of scripts: [mirror] holds where Terraform
// providers are at hand.
func knows(name string) (bool, error) {
	if name != "mirror" {
		return false, fmt.Errorf("unknown condition %s", name)
	}
	return mirror() != "", nil
}

// mirror is the folder of Terraform providers that .ci/providers makes; empty
// where there is none.
func mirror() string {
	dir := os.Getenv("BARYON_PROVIDERS")
	if cache, err := os.UserCacheDir(); dir == "" && err == nil {
		dir = filepath.Join(cache, "baryon", "providers")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// until PATTERN COMMAND… runs a command again and again until what it prints
// matches, or fails after half a minute.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND...")
	}
	pattern := regexp.MustCompile(args[0])
	deadline := time.Now().Add(30 * time.Second)
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	look := func() (string, error) { return output(ts, args[1:]) }
	if args[1] == "baryon" && len(args) > 2 && slices.Contains(readers(), args[2]) && ts.Getenv("BARYON_TOKEN") == "" {
		look = func() (string, error) {
			out, _, err := command(context.Background(), append(slices.Clone(args[2:]), "--server", ts.Getenv("BARYON_SERVER"))...)
			return out, err
		}
	}
	for {
		out, err := look()
		if pattern.MatchString(out) {
			ts.Check(ts.Exec(args[1], args[2:]...)) // once more, for stdout to look into
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v never printed %s; last: %s %v", args[1:], args[0], out, err)
		}
		<-poll.C
	}
}

// readers are the subcommands that until asks in this process: they need nothing
// but the daemon's address, and starting a process for each look would be most
// of what the stories compute. The look that counts is a process all the same.
func readers() []string {
	return []string{"get", "history", "why", "status", "sources", "logs", "audit"}
}

// output runs a command without a trace in the script's own log.
func output(ts *testscript.TestScript, args []string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), string(filepath.ListSeparator)) {
		if candidate := filepath.Join(dir, args[0]); isFile(candidate) {
			cmd.Path, cmd.Err = candidate, nil
			break
		}
	}
	cmd.Dir, cmd.Env = ts.MkAbs("."), environ(ts)
	out, err := cmd.Output()
	return string(out), err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// environ is what of the script's environment the commands here read.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "BARYON_SERVER", "BARYON_TOKEN", "BARYON_DATA"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// push MESSAGE commits everything in work/ and pushes it to remote.git, which
// is made by the first push.
func push(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: push MESSAGE")
	}
	git := func(args ...string) { ts.Check(ts.Exec("git", args...)) }
	remote, work := ts.MkAbs("remote.git"), ts.MkAbs("work")
	if _, err := os.Stat(remote); err != nil {
		git("init", "-q", "--bare", "-b", "main", remote)
		git("init", "-q", "-b", "main", work)
		git("-C", work, "remote", "add", "origin", remote)
	}
	git("-C", work, "add", "-A")
	git("-C", work, "commit", "-q", "--allow-empty", "-m", args[0])
	git("-C", work, "push", "-q", "origin", "main")
}
