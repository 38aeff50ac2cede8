package main

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"baryon/examples"
	"baryon/provisioner/awssim"
)

// A simulated account is what the story on CloudFormation is told in.
type simulated struct {
	sim *awssim.Sim
	url string
}

const (
	simulatedAccount = "000000000000"
	simulatedRegion  = "us-east-1"
)

// withAWS tells the story with templates of CloudFormation, in an account that
// is simulated in this process, and looks into that account at the end.
func (s *story) withAWS() {
	s.account = &simulated{sim: awssim.New(awssim.Config{Step: 200 * time.Millisecond})}
	s.chapters = append(append([]func(context.Context) error{s.notReal}, s.shell()...), s.stacks)
}

// open answers for the account on the loopback until the returned function is
// called, and lets the daemon deploy into it and into nothing else.
func (a *simulated) open(ctx context.Context, cfg *config) (stop func(), err error) {
	l, err := listenLoopback(ctx)
	if err != nil {
		return nil, err
	}
	a.url = "http://" + l.Addr().String()
	cfg.Settings.Account, cfg.Settings.Region = simulatedAccount, simulatedRegion
	cfg.AWS.Endpoint, cfg.AWS.Simulated, cfg.AWS.Rate, cfg.AWS.Poll = a.url, true, 100, 100*time.Millisecond
	server := &http.Server{Handler: a.sim, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l) // ends by Close alone
	}()
	return func() { _ = server.Close(); <-ended }, nil
}

// notReal: nobody is to believe that AWS was asked.
func (s *story) notReal(context.Context) error {
	s.sayf("the account is simulated, at %s: no AWS account is touched, and what is told of stacks is told of records", s.account.url)
	return nil
}

// stacks: the account holds a stack for each target, and none for what is gone.
func (s *story) stacks(context.Context) error {
	got := s.account.sim.Stacks(simulatedAccount, simulatedRegion)
	for _, name := range []string{
		"environment-dev", "environment-prod", "environment-staging", "component-search",
		"service-shop-instance-dev", "service-shop-instance-prod", "service-shop-pipeline",
	} {
		if got[name] != "CREATE_COMPLETE" && got[name] != "UPDATE_COMPLETE" {
			return fmt.Errorf("the stack %s is %q; the account holds %v", name, got[name], got)
		}
	}
	if len(got) != 7 {
		return fmt.Errorf("the account holds %v, want 7 stacks", got)
	}
	s.sayf("the simulated account holds 7 stacks; the stack service-shop-instance-canary is gone")
	return nil
}

// stacked is an example folder of the story, with CloudFormation for what
// scripts would do.
func stacked(folder string) (fs.FS, error) {
	files := fstest.MapFS{}
	take := func(root string, keep func(string) bool) error {
		return fs.WalkDir(examples.Files, root, func(name string, entry fs.DirEntry, err error) error {
			rest := strings.TrimPrefix(name, root+"/")
			if err != nil || entry.IsDir() || !keep(rest) {
				return err
			}
			text, err := fs.ReadFile(examples.Files, name)
			files[rest] = &fstest.MapFile{Data: text, Mode: 0o644}
			return err
		})
	}
	if err := take(folder, func(name string) bool { return !script(name) }); err != nil {
		return nil, err
	}
	over := path.Join("demo-aws", folder)
	if _, err := fs.Stat(examples.Files, over); err != nil {
		return files, nil //nolint:nilerr // nothing in it is another thing
	}
	return files, take(over, func(string) bool { return true })
}

// script says whether a file is part of what runs as commands, or tests that.
func script(name string) bool {
	parts := strings.Split(path.Dir(name), "/")
	return slices.ContainsFunc(parts, func(p string) bool { return strings.HasSuffix(p, "infrastructure") || p == "tests" }) ||
		path.Dir(name) == "components/search"
}
